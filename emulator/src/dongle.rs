//! The gateway's radio as a dongle: the driver that the daemon has for it, octets in and octets out.

use crate::gateway::Gateway;
use lowpan::Station;
use simulator::radio::FrameFate;
use sn_types::{Instant, Signal};
use transports::ieee802154::rcp::{Event, Info, Rcp, Received, Sent, Settings, Transmit};

/// The standard's macMaxFrameRetries, as the daemon has it.
const MAX_FRAME_RETRIES: u8 = 3;
/// What stands for none.
const NO_SHORT_ADDRESS: u16 = 0xFFFE;
/// In the first octet of a frame.
const SECURED: u8 = 1 << 3;

/// The driver of a dongle.
pub(crate) struct Dongle {
    rcp: Rcp,
    is_open: bool,
    /// What has happened to it, frames left out.
    news: Vec<Event>,
    /// The frames that it has brought, if somebody wants them.
    frames: Option<Vec<Vec<u8>>>,
}

impl Dongle {
    /// One for a dongle that is not there yet.
    pub(crate) fn new(station: &Station, channel: u8) -> Self {
        let settings = Settings {
            pan_id: station.pan,
            channel: Some(channel),
            short_address: station.short.unwrap_or(NO_SHORT_ADDRESS),
            long_address: Some(station.eui64.0),
            tx_power_dbm: Some(0),
        };
        Self { rcp: Rcp::new(settings), is_open: false, news: Vec::new(), frames: None }
    }

    /// It keeps the frames that the dongle brings.
    pub(crate) fn keeping_frames(self) -> Self {
        Self { frames: Some(Vec::new()), ..self }
    }

    /// The frames that the dongle has brought, if they are kept.
    pub(crate) fn frames(&self) -> &[Vec<u8>] {
        self.frames.as_deref().unwrap_or_default()
    }

    /// What the dongle has said of itself, if it is up.
    pub(crate) fn info(&self) -> Option<&Info> {
        self.rcp.info()
    }

    /// What has happened since this was last asked, frames left out.
    pub(crate) fn take_news(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.news)
    }

    /// Listens on each channel for so long; `false`: not now.
    pub(crate) fn scan(&mut self, now: Instant, channels: &[u8], period_ms: u16) -> bool {
        self.rcp.scan(now, channels, period_ms).is_ok()
    }

    /// Whether the line is open. Says whether that is new.
    pub(crate) fn set_open(&mut self, now: Instant, is_open: bool) -> bool {
        let was_open = std::mem::replace(&mut self.is_open, is_open);
        match (was_open, is_open) {
            (false, true) => self.rcp.handle_opened(now),
            (true, false) => self.rcp.handle_closed("it has been unplugged"),
            (false, false) | (true, true) => {}
        }
        was_open != is_open
    }

    /// The line has brought octets.
    pub(crate) fn handle_octets(&mut self, now: Instant, octets: &[u8]) {
        self.rcp.handle_octets(now, octets);
    }

    /// What goes to the line.
    pub(crate) fn take_output(&mut self) -> Vec<u8> {
        let output = self.rcp.output().to_vec();
        self.rcp.written(output.len());
        output
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.rcp.poll_timeout()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.rcp.poll_timeout().is_some_and(|at| at <= now) {
            self.rcp.handle_timeout(now);
        }
    }

    /// Takes what the dongle and its gateway have for each other to where it belongs.
    pub(crate) fn exchange(&mut self, now: Instant, gateway: &mut Gateway) {
        while let Some(event) = self.rcp.poll_event() {
            match event {
                Event::Received(Received { frame, rssi_dbm, lqi, .. }) => {
                    gateway.heard(now, &frame, Signal { rssi_dbm, lqi });
                    self.frames.iter_mut().for_each(|frames| frames.push(frame.clone()));
                }
                Event::Sent(sent) => gateway.sent(now, fate(sent)),
                Event::Up(_) | Event::Down(_) | Event::Scanned(_) => self.news.push(event),
            }
        }
        while let Some(change) = gateway.poll_source_match() {
            self.rcp.match_source(now, change.node.0, change.pending);
        }
        while self.rcp.info().is_none()
            && let Some(_) = gateway.poll_frame()
        {
            // While the dongle is away nothing is kept for it.
            gateway.sent(now, FrameFate::ChannelBusy);
        }
        if self.rcp.is_ready()
            && let Some(frame) = gateway.poll_frame()
        {
            let secured = frame[0] & SECURED != 0;
            let transmit = Transmit { frame: &frame, max_frame_retries: MAX_FRAME_RETRIES, secured };
            // It has just said that it is ready.
            let _ = self.rcp.transmit(now, &transmit);
        }
    }
}

fn fate(sent: Sent) -> FrameFate {
    match sent {
        Sent::Done { .. } => FrameFate::Done,
        Sent::NoAck => FrameFate::NoAck,
        Sent::ChannelBusy | Sent::Refused(_) | Sent::Unknown => FrameFate::ChannelBusy,
    }
}
