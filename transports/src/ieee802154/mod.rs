//! IEEE 802.15.4 by a radio that is plugged in: an RCP of OpenThread, or one that Linux drives.
//!
//! Owns: the way of a datagram from the radio's device to the gateway and back. [`radio`] opens the device, again and again
//! if it must, with [`rcp`] for an RCP and [`wpan`] for a network interface; `lowpan`'s hub makes datagrams of frames,
//! with link security and the nodes that sleep and poll. Here they are put together, and given the time.
//!
//! Must not know: MQTT-SN messages, what is in a frame.
//!
//! The radio sends one frame at a time and says what became of it; the hub has the queue. While the radio is away nothing is
//! queued, and what was to go at once is given up: it would come too late. What waits for a node's poll goes on waiting.

mod airtime;
mod config;
mod keys;
mod radio;
pub mod rcp;
mod scan;
pub mod wpan;

pub use config::{Attachment, RadioConfig};
pub use lowpan::{Carriages, ConfigError, Level, Limits};
pub use scan::ScanError;

use crate::nodes::{self, Standing};
use crate::tap::{Content, Direction, Layer, TapPoint};
use crate::{Counters, LinkEvent, NodeTable, RecvBatch, Transport};
use airtime::Airtime;
use config::NO_ADDRESS;
use lowpan::{Ack, FrameId, Hub, Reason, SendError, Stats, TransmitError};
use radio::{Event, READ, Radio};
use rcp::{Energy, Info, Sent, Transmit};
use scan::{CHANNELS, Scan};
use sn_types::{Eui64, Instant, LinkAddr, LinkProfile, PeerAddr, Signal, TransportId, Way};
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};
use tokio::time::{Sleep, sleep_until};

/// How many datagrams may be read at once: a frame with one takes more than 28 octets.
const PER_READ: usize = 1 + READ / 28;
/// Datagrams taken in at once.
const BATCH: usize = 8 * PER_READ;
/// How often a frame without acknowledgement is sent again: the standard's macMaxFrameRetries.
const MAX_FRAME_RETRIES: u8 = 3;

/// A radio.
#[derive(Debug)]
pub struct RadioTransport {
    id: TransportId,
    config: RadioConfig,
    radio: Radio,
    hub: Hub<NodeTable>,
    /// The frame that the radio has.
    in_radio: Option<InRadio>,
    airtime: Airtime,
    scan: Scan,
    /// The start of our time.
    began: tokio::time::Instant,
    timer: Pin<Box<Sleep>>,
    batch: RecvBatch,
    events: VecDeque<LinkEvent>,
    counters: Counters,
    tap: TapPoint,
}

/// What is remembered of a frame until its fate is known.
#[derive(Clone, Copy, Debug)]
struct InRadio {
    id: FrameId,
    to: Option<Eui64>,
    /// Its length.
    octets: usize,
}

impl RadioTransport {
    /// The radio of a configuration, whose device is opened when it is polled. Must be called within a tokio runtime that
    /// has its I/O and time drivers enabled.
    ///
    /// # Errors
    /// See [`RadioConfig::check`].
    pub fn new(id: TransportId, config: RadioConfig) -> Result<Self, ConfigError> {
        let nodes = if config.security.is_some() { NodeTable::secured() } else { NodeTable::new() };
        let hub = Hub::new(config.hub(NO_ADDRESS), nodes, seed())?;
        let began = tokio::time::Instant::now();
        Ok(Self {
            id,
            radio: Radio::new(&config.attachment, config.radio()),
            batch: RecvBatch::new(BATCH, usize::from(hub.config().mtu())),
            hub,
            config,
            in_radio: None,
            airtime: Airtime::default(),
            scan: Scan::Idle,
            began,
            timer: Box::pin(sleep_until(began)),
            events: VecDeque::new(),
            counters: Counters::default(),
            tap: TapPoint::new(Layer::Ieee802154),
        })
    }

    /// What an RCP has said of itself, if it is up.
    #[must_use]
    pub fn info(&self) -> Option<&Info> {
        self.radio.info()
    }

    /// Its extended address, if it is up.
    #[must_use]
    pub fn address(&self) -> Option<Eui64> {
        self.radio.is_up().then_some(self.hub.config().station.eui64)
    }

    /// How it was configured.
    #[must_use]
    pub fn config(&self) -> &RadioConfig {
        &self.config
    }

    /// Listens on each channel for so long, one after the other; meanwhile nothing else is heard or sent, and what is to be
    /// sent waits. It begins when the radio has no frame any more, and ends with a result, see
    /// [`RadioTransport::take_scan`], or with [`LinkEvent::Down`].
    ///
    /// # Errors
    /// [`ScanError`]: none begins.
    pub fn scan(&mut self, period_ms: u16) -> Result<(), ScanError> {
        self.scan.may_begin(&self.config.attachment, self.radio.is_up())?;
        self.scan = Scan::Wanted(period_ms);
        self.give();
        Ok(())
    }

    /// The result of a scan, once; to be asked after [`Transport::poll_recv`], which is ready when there is one.
    pub fn take_scan(&mut self) -> Option<Vec<Energy>> {
        self.scan.take()
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.began.elapsed()
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) {
        while self.radio.poll_open(cx, self.now()).is_ready() {
            self.take_events();
        }
    }

    /// Reads until there is nothing more, or the batch may not take what else comes.
    fn poll_read(&mut self, cx: &mut Context<'_>) {
        while self.batch.len() + PER_READ <= BATCH {
            if self.radio.poll_read(cx, self.now()).is_pending() {
                return;
            }
            self.take_events();
        }
        // There may be more.
        cx.waker().wake_by_ref();
    }

    fn take_events(&mut self) {
        while let Some(event) = self.radio.poll_event() {
            match event {
                Event::Up { address, what } => self.up(address, what),
                Event::Down(why) => self.down(why),
                Event::Received(received) => self.hear(received),
                Event::Sent(sent) => self.sent(sent),
                Event::Scanned(energy) => self.scan = Scan::Done(energy),
            }
        }
    }

    /// The radio is there. If it is another one than before, so is our address.
    fn up(&mut self, address: Eui64, what: String) {
        let config = self.config.hub(address);
        if *self.hub.config() != config {
            let known = std::mem::take(self.hub.keys_mut());
            // It was looked at before, and an address can be any.
            match Hub::new(config, known, seed()) {
                Ok(hub) => self.replace(hub),
                Err(error) => return self.down(error.to_string()),
            }
        }
        self.hub.announce();
        self.events.push_back(LinkEvent::Note(what));
        self.events.push_back(LinkEvent::Up(self.hub.config().profile()));
    }

    /// The radio has another address, to which no node has spoken: what waited for their requests is given up, and the radio is not
    /// to say any longer that something waits. What was counted stays counted.
    fn replace(&mut self, hub: Hub<NodeTable>) {
        let now = self.now();
        self.tell_matches();
        for node in self.hub.source_match() {
            self.radio.match_source(now, node, false);
        }
        let Self { hub: before, counters, .. } = self;
        counters.send_unlinked += before.waiting() as u64;
        counters.incomplete += before.assembling() as u64;
        add(counters, before.stats());
        self.hub = hub;
    }

    fn down(&mut self, why: String) {
        self.scan.give_up();
        self.counters.send_unlinked += self.hub.lose_radio() as u64;
        self.events.push_back(LinkEvent::Down(why));
    }

    fn hear(&mut self, received: rcp::Received) {
        let rcp::Received { frame, rssi_dbm, lqi, acked_with_pending } = received;
        let (now, signal) = (self.now(), Signal { rssi_dbm, lqi });
        self.tell(Direction::Received, &frame, signal);
        self.airtime.received(&frame);
        match self.hub.handle_frame(now, &frame, signal) {
            lowpan::Received::Datagram { from, octets, .. } => {
                if self.batch.put(PeerAddr::direct(self.id, LinkAddr::Eui64(from.0)), octets) {
                    self.counters.received += 1;
                } else {
                    self.counters.oversize += 1;
                }
                self.heard(from, signal);
            }
            lowpan::Received::DataRequest { from } => {
                // What the core has sent since then came too late for it.
                if acked_with_pending == Some(false) {
                    self.hub.sleeps_on(from);
                }
                self.heard(from, signal);
            }
            lowpan::Received::Fragment { from } | lowpan::Received::Solicitation { from } => self.heard(from, signal),
            // Who looks for a way has proven nothing yet.
            lowpan::Received::Neighbour { .. } => {}
            lowpan::Received::Rejected { from, reason } => self.rejected(from, reason, signal),
        }
    }

    fn heard(&mut self, from: Eui64, signal: Signal) {
        let Some((relay, way)) = self.hub.node(from).map(|node| (node.via, node.way())) else { return };
        self.nodes_mut().heard(from, signal, relay, way);
    }

    fn rejected(&mut self, from: Option<Eui64>, reason: Reason, signal: Signal) {
        match (reason, from) {
            // What is on the air anyway.
            (Reason::OtherPan | Reason::NotForUs | Reason::Duplicate, _) => {}
            (Reason::UnknownNode, Some(from)) => self.without_key(from, signal),
            _ => self.counters.malformed += 1,
        }
    }

    /// There is no key for who says to have sent a frame. An operator who is about to put it onto the list wants to see it;
    /// since anybody can say to be anybody, the table bounds how many such nodes are noted.
    fn without_key(&mut self, node: Eui64, signal: Signal) {
        let nodes = self.nodes_mut();
        let is_listed = match nodes.standing(node) {
            Standing::Revoked => return nodes.count_revoked(),
            Standing::Listed => true,
            Standing::Stranger => false,
        };
        nodes.heard(node, signal, None, Way::default());
        self.counters.unknown_node += 1;
        if !self.events.iter().any(|event| matches!(event, LinkEvent::NoKey { .. })) {
            self.events.push_back(LinkEvent::NoKey { node, is_listed });
        }
    }

    /// The radio has said what became of its frame, or taken it for good.
    fn sent(&mut self, sent: Sent) {
        let Some(InRadio { id, to, octets }) = self.in_radio.take() else { return };
        self.airtime.sent(octets, sent);
        let result = match sent {
            Sent::Done { frame_pending } => Ok(Ack { frame_pending }),
            Sent::NoAck => Err(TransmitError::NoAck),
            Sent::ChannelBusy | Sent::Refused(_) | Sent::Unknown => Err(TransmitError::ChannelAccess),
        };
        // How often it was repeated the radio does not say.
        let fate = nodes::Sent { retries: 0, delivered: result.is_ok() };
        if self.radio.tells_fates() {
            to.into_iter().for_each(|to| self.nodes_mut().sent(to, fate));
        }
        self.hub.handle_transmitted(self.now(), id, result);
    }

    /// Gives the radio what it takes: who is to be told that something waits, and a scan or the next frame.
    fn give(&mut self) {
        let now = self.now();
        self.tell_matches();
        if !self.radio.is_ready() {
            return;
        }
        if let Some(period_ms) = self.scan.begin() {
            return self.radio.scan(now, &CHANNELS, period_ms);
        }
        let Some(transmit) = self.hub.poll_transmit() else { return };
        let secured = self.config.security.is_some();
        let frame = transmit.psdu.as_bytes();
        self.tell(Direction::Sent, frame, Signal::default());
        self.in_radio = Some(InRadio { id: transmit.id, to: transmit.to, octets: frame.len() });
        self.radio.transmit(now, &Transmit { frame, max_frame_retries: MAX_FRAME_RETRIES, secured });
    }

    fn tell_matches(&mut self) {
        let now = self.now();
        while let Some(change) = self.hub.poll_source_match() {
            self.radio.match_source(now, change.node, change.pending);
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) {
        while self.radio.poll_write(cx, self.now()).is_ready() {
            self.take_events();
            self.give();
        }
    }

    /// Does what is due.
    fn pass_time(&mut self) {
        let now = self.now();
        if self.next_at().is_some_and(|at| at <= now) {
            self.radio.handle_timeout(now);
            self.hub.handle_timeout(now);
            self.take_events();
        }
    }

    /// Has itself woken when something will be due. `true`: something is.
    fn arm(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(at) = self.next_at() else { return false };
        self.timer.as_mut().reset(self.began + at.since(Instant::ZERO));
        self.timer.as_mut().poll(cx).is_ready()
    }

    fn next_at(&self) -> Option<Instant> {
        self.radio.poll_timeout().into_iter().chain(self.hub.poll_timeout()).min()
    }

    fn send(&mut self, to: Option<LinkAddr>, datagram: &[u8]) {
        let now = self.now();
        if !self.radio.is_up() {
            return self.counters.send_unlinked += 1;
        }
        let queued = match to {
            Some(LinkAddr::Eui64(to)) => self.hub.send(now, Eui64(to), datagram),
            Some(LinkAddr::Udp(_) | LinkAddr::Line) => Err(SendError::UnknownNode),
            None => self.hub.broadcast(now, datagram),
        };
        match queued {
            Ok(()) => self.counters.sent += 1,
            Err(SendError::Full) => self.counters.send_full += 1,
            Err(SendError::TooLong | SendError::UnknownNode | SendError::NoGroupKey) => {
                self.counters.send_refused += 1;
            }
        }
    }

    fn tell(&mut self, direction: Direction, frame: &[u8], Signal { rssi_dbm, lqi }: Signal) {
        if self.tap.is_open() {
            let channel = self.radio.info().map(|info| info.channel);
            let content = Content::Frame { psdu: frame.to_vec(), channel, rssi_dbm, lqi };
            self.tap.tell(SystemTime::now(), direction, content);
        }
    }

    fn nodes_mut(&mut self) -> &mut NodeTable {
        self.hub.keys_mut()
    }
}

/// Counts what a hub has counted.
fn add(counters: &mut Counters, stats: &Stats) {
    let Stats { expired, incomplete, unanswered, no_ack, channel_access, .. } = *stats;
    counters.undelivered += no_ack + channel_access;
    counters.expired += expired;
    counters.incomplete += incomplete;
    counters.unanswered += unanswered;
}

/// Another one at each start, see [`Hub::new`].
fn seed() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64 >> 10)
}

impl Transport for RadioTransport {
    fn profile(&self) -> LinkProfile {
        self.hub.config().profile()
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.batch.clear();
        let had_scan = matches!(self.scan, Scan::Done(_));
        loop {
            self.poll_open(cx);
            self.poll_read(cx);
            self.pass_time();
            self.give();
            self.poll_write(cx);
            // A device that was lost is waited for from now on.
            self.poll_open(cx);
            if !self.arm(cx) {
                break;
            }
        }
        let has_scan = matches!(self.scan, Scan::Done(_)) && !had_scan;
        if self.events.is_empty() && self.batch.is_empty() && !has_scan { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn poll_event(&mut self) -> Option<LinkEvent> {
        self.events.pop_front()
    }

    fn nodes(&mut self) -> Option<&mut NodeTable> {
        Some(self.nodes_mut())
    }

    fn take_airtime(&mut self) -> Duration {
        self.airtime.take()
    }

    fn radio(&mut self) -> Option<&mut RadioTransport> {
        Some(self)
    }

    fn received(&self) -> &RecvBatch {
        &self.batch
    }

    fn queue(&mut self, to: &PeerAddr, datagram: Vec<u8>) {
        self.send(Some(to.link), &datagram);
    }

    /// What the radio does not take now waits: [`Transport::poll_recv`] goes on with it.
    fn flush(&mut self) {
        self.give();
        while self.radio.try_write() {
            self.take_events();
            self.give();
        }
    }

    fn broadcast(&mut self, _radius: u8, datagram: &[u8]) {
        self.send(None, datagram);
    }

    fn counters(&self) -> Counters {
        let (replayed, revoked) = self.hub.keys().refused();
        let malformed = self.counters.malformed + self.radio.malformed();
        let mut counters = Counters { malformed, replayed, revoked, ..self.counters };
        add(&mut counters, self.hub.stats());
        counters
    }

    fn tap_point(&mut self) -> &mut TapPoint {
        &mut self.tap
    }
}
