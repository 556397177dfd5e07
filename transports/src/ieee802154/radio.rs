//! A radio, however it is attached: an RCP on a serial device, or a network interface of Linux.
//!
//! Owns: the device with its driver. Must not know: datagrams, the hub.
//!
//! Order of calls: [`Radio::poll_open`], [`Radio::poll_read`] and [`Radio::poll_write`] until they are pending, and
//! [`Radio::handle_timeout`] when [`Radio::poll_timeout`]'s time has come; after each call [`Radio::poll_event`] until there
//! is none.

use super::config::Attachment;
use super::rcp::{self, Energy, Info, Rcp, Received, Sent, Settings, Transmit};
use super::wpan::{Wpan, WpanEvent};
use crate::serial::port::{Port, PortEvent};
use sn_types::{Eui64, Instant};
use std::collections::VecDeque;
use std::task::{Context, Poll};

/// Octets read at once.
pub(super) const READ: usize = 256;

/// Something that has happened.
#[derive(Debug)]
pub(super) enum Event {
    /// It receives and sends.
    Up {
        /// Its extended address.
        address: Eui64,
        /// What it is, for the log.
        what: String,
    },
    /// It does not, for this reason.
    Down(String),
    /// A frame.
    Received(Received),
    /// What became of the frame that was transmitted.
    Sent(Sent),
    /// All channels of a scan.
    Scanned(Vec<Energy>),
}

/// A radio and what it is attached to.
#[derive(Debug)]
pub(super) enum Radio {
    /// An RCP.
    Rcp(Box<OnLine>),
    /// A network interface.
    Wpan {
        /// Which.
        wpan: Wpan,
        /// What it has told.
        events: VecDeque<Event>,
    },
}

/// An RCP and its serial device.
#[derive(Debug)]
pub(super) struct OnLine {
    port: Port,
    rcp: Rcp,
}

impl Radio {
    /// A radio that is not open yet.
    pub(super) fn new(attachment: &Attachment, settings: Settings) -> Self {
        match attachment {
            Attachment::Rcp(line) => {
                Self::Rcp(Box::new(OnLine { port: Port::new(line.clone()), rcp: Rcp::new(settings) }))
            }
            Attachment::Interface(name) => Self::Wpan { wpan: Wpan::new(name.clone()), events: VecDeque::new() },
        }
    }

    /// Waits until the device can be opened, if it is closed. Ready: there may be events.
    pub(super) fn poll_open(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        match self {
            Self::Rcp(on_line) => on_line.port.poll_event(cx).map(|event| on_line.happened(now, event)),
            Self::Wpan { wpan, events } => wpan.poll_event(cx).map(|event| events.push_back(event.into())),
        }
    }

    /// Waits for something from the air, or [`READ`] octets of an RCP. Ready: there may be events.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        match self {
            Self::Rcp(on_line) => on_line.poll_read(cx, now),
            Self::Wpan { wpan, events } => {
                wpan.poll_read(cx).map(|read| events.push_back(read.map_or_else(Event::from, Event::Received)))
            }
        }
    }

    /// Waits until the device takes what is to be written. Ready: something was, and there may be events.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        match self {
            Self::Rcp(on_line) => on_line.poll_write(cx, now),
            Self::Wpan { wpan, events } => {
                wpan.poll_write(cx).map(|sent| events.push_back(sent.map_or_else(Event::from, Event::Sent)))
            }
        }
    }

    /// The same without waiting. Whether something was written.
    pub(super) fn try_write(&mut self) -> bool {
        match self {
            Self::Rcp(on_line) => {
                let written = on_line.port.try_write(on_line.rcp.output());
                on_line.rcp.written(written);
                written > 0
            }
            Self::Wpan { wpan, events } => {
                let sent = wpan.try_write().map(|sent| sent.map_or_else(Event::from, Event::Sent));
                let has_sent = sent.is_some();
                events.extend(sent);
                has_sent
            }
        }
    }

    /// What has happened, one after the other.
    pub(super) fn poll_event(&mut self) -> Option<Event> {
        match self {
            Self::Rcp(on_line) => on_line.rcp.poll_event().map(Event::from),
            Self::Wpan { events, .. } => events.pop_front(),
        }
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Rcp(on_line) => on_line.rcp.handle_timeout(now),
            Self::Wpan { .. } => {}
        }
    }

    /// When to call [`Radio::handle_timeout`].
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Rcp(on_line) => on_line.rcp.poll_timeout(),
            Self::Wpan { .. } => None,
        }
    }

    /// Whether it receives.
    pub(super) fn is_up(&self) -> bool {
        match self {
            Self::Rcp(on_line) => on_line.rcp.info().is_some(),
            Self::Wpan { wpan, .. } => wpan.is_open(),
        }
    }

    /// Whether it would take a frame now.
    pub(super) fn is_ready(&self) -> bool {
        match self {
            Self::Rcp(on_line) => on_line.rcp.is_ready(),
            Self::Wpan { wpan, .. } => wpan.is_ready(),
        }
    }

    /// Whether [`Event::Sent`] is what became of a frame on the air.
    pub(super) fn tells_fates(&self) -> bool {
        match self {
            Self::Rcp(_) => true,
            Self::Wpan { .. } => false,
        }
    }

    /// Sends a frame, if it is ready. [`Event::Sent`] follows.
    pub(super) fn transmit(&mut self, now: Instant, transmit: &Transmit<'_>) {
        match self {
            // Who asked whether it is ready knows.
            Self::Rcp(on_line) => drop(on_line.rcp.transmit(now, transmit)),
            Self::Wpan { wpan, .. } => wpan.transmit(transmit.frame),
        }
    }

    /// From now on a node that asks is told that something waits for it, or no longer.
    pub(super) fn match_source(&mut self, now: Instant, node: Eui64, waits: bool) {
        match self {
            Self::Rcp(on_line) => on_line.rcp.match_source(now, node.0, waits),
            // No node that asks is heard.
            Self::Wpan { .. } => {}
        }
    }

    /// See [`Rcp::scan`]; if it is ready. Linux has its own means.
    pub(super) fn scan(&mut self, now: Instant, channels: &[u8], period_ms: u16) {
        match self {
            // Who asked whether it is ready knows.
            Self::Rcp(on_line) => drop(on_line.rcp.scan(now, channels, period_ms)),
            Self::Wpan { .. } => {}
        }
    }

    /// What an RCP has said of itself, if it is up.
    pub(super) fn info(&self) -> Option<&Info> {
        match self {
            Self::Rcp(on_line) => on_line.rcp.info(),
            Self::Wpan { .. } => None,
        }
    }

    /// Octets on a line that made no sense, in frames.
    pub(super) fn malformed(&self) -> u64 {
        match self {
            Self::Rcp(on_line) => on_line.rcp.malformed(),
            Self::Wpan { .. } => 0,
        }
    }
}

impl OnLine {
    fn happened(&mut self, now: Instant, event: PortEvent) {
        match event {
            PortEvent::Opened => self.rcp.handle_opened(now),
            PortEvent::Closed(why) => self.rcp.handle_closed(&why),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        let mut octets = [0; READ];
        self.port.poll_read(cx, &mut octets).map(|read| match read {
            Ok(len) => self.rcp.handle_octets(now, &octets[..len]),
            Err(event) => self.happened(now, event),
        })
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        if self.rcp.output().is_empty() {
            return Poll::Pending;
        }
        self.port.poll_write(cx, self.rcp.output()).map(|written| match written {
            Ok(len) => self.rcp.written(len),
            Err(event) => self.happened(now, event),
        })
    }
}

impl From<rcp::Event> for Event {
    fn from(event: rcp::Event) -> Self {
        match event {
            rcp::Event::Up(info) => Self::Up { address: Eui64(info.address), what: info.to_string() },
            rcp::Event::Down(why) => Self::Down(why),
            rcp::Event::Received(received) => Self::Received(received),
            rcp::Event::Sent(sent) => Self::Sent(sent),
            rcp::Event::Scanned(energy) => Self::Scanned(energy),
        }
    }
}

impl From<WpanEvent> for Event {
    fn from(event: WpanEvent) -> Self {
        match event {
            WpanEvent::Opened(address) => Self::Up { address, what: format!("radio {address} of Linux") },
            WpanEvent::Closed(why) => Self::Down(why),
        }
    }
}
