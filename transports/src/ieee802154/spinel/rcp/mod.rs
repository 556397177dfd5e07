//! One radio, as its host sees it.
//!
//! Order of calls: [`Rcp::handle_opened`] when the device is open, then [`Rcp::handle_octets`] with what it brings and
//! [`Rcp::handle_timeout`] when [`Rcp::poll_timeout`]'s time has come; after each call [`Rcp::poll_event`] until there is
//! none, and the [output](Rcp::output) to the device. When the device has gone, [`Rcp::handle_closed`].
//!
//! The radio is reset, asked who it is, and set up; whatever goes wrong then or later, it is started again. At any time it may
//! have been reset by itself: it says so, and is set up anew. One request is under way at a time, and beside it one frame.

mod scan;
mod startup;
mod types;

pub use types::{Energy, Event, Info, NotReady, Received, Sent, Settings, Transmit};

use super::frame::{Frame, LONGEST, Message, Reset};
use super::names::{Property, Status};
use super::pack::{Eui64, Fields};
use super::stream::{FCS_LEN, MD_FLAG_ACKED_FP, MD_FLAG_BAD_FCS, MD_FLAG_TX, RawReceived, RawSent, RawTransmit};
use crate::hdlc::{self, Decoded, Decoder};
use scan::{Scan, quietest};
use sn_types::Instant;
use startup::Step;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// How long the radio may take to come out of a reset, and to answer a request.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it may take with a frame: backoffs and retries on a busy channel take their time.
const TRANSMIT_PATIENCE: Duration = Duration::from_secs(5);
/// How often a request is sent.
const ASKS: u8 = 2;
/// The resets that are tried one after the other. With the last a USB device is gone for a moment.
const RESETS: [Reset; 3] = [Reset::Stack, Reset::Stack, Reset::Platform];
/// How often it may be set up in vain before it is left alone for a while, and for how long.
const STARTS: u8 = 5;
const REST: Duration = Duration::from_secs(10);
/// Ours, and with radios for several hosts that of news for all.
const INTERFACES: [u8; 2] = [0, 3];
/// Events that wait to be polled; further frames are dropped.
const MOST_EVENTS: usize = 256;
/// How often the channel may be busy before a frame is given up: the standard's macMaxCsmaBackoffs.
const CSMA_BACKOFFS: u8 = 4;
/// The channels at 2.4 GHz.
const CHANNELS: std::ops::RangeInclusive<u8> = 11..=26;
/// How long to listen on each to find the quietest.
const LISTEN_MS: u16 = 100;

/// What is asked of the radio.
#[derive(Clone, Debug)]
struct Ask {
    verb: Verb,
    property: Property,
    value: Vec<u8>,
    purpose: Purpose,
}

#[derive(Clone, Copy, Debug)]
enum Verb {
    Get,
    Set,
    Insert,
    Remove,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Startup(Step),
    Scan,
    /// After a scan.
    Retune,
    /// A node of the list of those for whom something waits.
    Match,
}

/// A request under way.
#[derive(Debug)]
struct Asked {
    ask: Ask,
    transaction: u8,
    until: Instant,
    asks: u8,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// The device is not open.
    Closed,
    /// It must say that it has been reset.
    Resetting {
        resets: usize,
        until: Instant,
    },
    /// It is set up.
    Starting,
    Running,
    /// It cannot be used, or not now.
    Resting {
        until: Instant,
    },
}

/// The state of one radio.
#[derive(Debug)]
pub struct Rcp {
    settings: Settings,
    info: Info,
    phase: Phase,
    decoder: Decoder,
    line: Vec<u8>,
    transaction: u8,
    asked: Option<Asked>,
    waiting: VecDeque<Ask>,
    /// The frame that the radio has, by its transaction, and until when.
    sending: Option<(u8, Instant)>,
    scan: Option<Scan>,
    /// For whom something waits.
    matched: BTreeSet<Eui64>,
    events: VecDeque<Event>,
    /// The last reason told.
    told: Option<String>,
    /// How often it was set up since it was up.
    starts: u8,
    malformed: u64,
}

impl Rcp {
    /// A radio whose device is closed.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            info: Info::default(),
            phase: Phase::Closed,
            decoder: Decoder::new(LONGEST),
            line: Vec::new(),
            transaction: 0,
            asked: None,
            waiting: VecDeque::new(),
            sending: None,
            scan: None,
            matched: BTreeSet::new(),
            events: VecDeque::new(),
            told: None,
            starts: 0,
            malformed: 0,
        }
    }

    /// The device is open, and new.
    pub fn handle_opened(&mut self, now: Instant) {
        self.decoder.reset();
        self.line.clear();
        self.starts = 0;
        self.forget();
        self.reset(now, 0);
    }

    /// The device has gone, for this reason.
    pub fn handle_closed(&mut self, why: &str) {
        self.line.clear();
        self.forget();
        self.phase = Phase::Closed;
        self.tell(why.to_owned());
    }

    /// The device has brought octets.
    pub fn handle_octets(&mut self, now: Instant, octets: &[u8]) {
        let mut decoder = std::mem::replace(&mut self.decoder, Decoder::new(0));
        decoder.take(octets, |decoded| match decoded {
            Decoded::Frame(octets) => match Frame::decode(octets) {
                Some(frame) => self.take(now, &frame),
                None => self.malformed += 1,
            },
            Decoded::Damaged | Decoded::TooLong => self.malformed += 1,
        });
        self.decoder = decoder;
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.phase {
            Phase::Resetting { resets, until } if until <= now => self.not_reset(now, resets),
            Phase::Resting { until } if until <= now => self.reset(now, 0),
            Phase::Closed | Phase::Resetting { .. } | Phase::Resting { .. } => {}
            Phase::Starting | Phase::Running => {
                if self.asked.as_ref().is_some_and(|asked| asked.until <= now) {
                    self.not_answered(now);
                } else if self.sending.is_some_and(|(_, until)| until <= now) {
                    self.restart(now, "it does not say what became of a frame".into());
                } else if self.scan.as_ref().and_then(Scan::timeout).is_some_and(|until| until <= now) {
                    self.scan_on(now);
                }
            }
        }
    }

    /// When to call [`Rcp::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Closed => None,
            Phase::Resetting { until, .. } | Phase::Resting { until } => Some(until),
            Phase::Starting | Phase::Running => {
                let asked = self.asked.as_ref().map(|asked| asked.until);
                let scan = self.scan.as_ref().and_then(Scan::timeout);
                asked.into_iter().chain(self.sending.map(|(_, until)| until)).chain(scan).min()
            }
        }
    }

    /// What has happened, one after the other.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What is to be written to the device.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        &self.line
    }

    /// So many octets of it have been.
    pub fn written(&mut self, len: usize) {
        self.line.drain(..len.min(self.line.len()));
    }

    /// Octets on the line that made no sense, in frames.
    #[must_use]
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    /// What the radio has said of itself, if it is up.
    #[must_use]
    pub fn info(&self) -> Option<&Info> {
        (self.phase == Phase::Running).then_some(&self.info)
    }

    /// Whether it would take a frame or a scan now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Running && self.sending.is_none() && self.scan.is_none()
    }

    /// Sends a frame. [`Event::Sent`] follows.
    ///
    /// # Errors
    /// [`NotReady`], see [`Rcp::is_ready`].
    pub fn transmit(&mut self, now: Instant, transmit: &Transmit<'_>) -> Result<(), NotReady> {
        if !self.is_ready() {
            return Err(NotReady);
        }
        let psdu = [transmit.frame, &[0; FCS_LEN]].concat();
        let value = RawTransmit {
            psdu: &psdu,
            channel: self.info.channel,
            max_csma_backoffs: CSMA_BACKOFFS,
            max_frame_retries: transmit.max_frame_retries,
            csma: true,
            secured: transmit.secured,
        };
        let transaction = self.next_transaction();
        self.write(transaction, Message::Set(Property::STREAM_RAW, &value.encode()));
        self.sending = Some((transaction, now + TRANSMIT_PATIENCE));
        Ok(())
    }

    /// Listens on each channel for so long, one after the other; meanwhile it hears nothing else. [`Event::Scanned`]
    /// follows, unless the radio goes.
    ///
    /// # Errors
    /// [`NotReady`], see [`Rcp::is_ready`].
    pub fn scan(&mut self, now: Instant, channels: &[u8], period_ms: u16) -> Result<(), NotReady> {
        if !self.is_ready() {
            return Err(NotReady);
        }
        self.begin_scan(now, Scan::new(channels.iter().copied(), period_ms));
        Ok(())
    }

    /// From now on a node that asks is told that something waits for it, or no longer. Kept over restarts of the radio.
    pub fn match_source(&mut self, now: Instant, node: Eui64, waits: bool) {
        let is_new = if waits { self.matched.insert(node) } else { self.matched.remove(&node) };
        if is_new && self.phase == Phase::Running && self.info.matches_sources {
            self.ask(now, match_ask(node, waits));
        }
    }

    fn take(&mut self, now: Instant, frame: &Frame<'_>) {
        if !INTERFACES.contains(&frame.interface) {
            return;
        }
        let (property, value) = match frame.message {
            Message::Is(property, value) | Message::Inserted(property, value) | Message::Removed(property, value) => {
                (property, value)
            }
            Message::Noop
            | Message::Reset(_)
            | Message::Get(_)
            | Message::Set(..)
            | Message::Insert(..)
            | Message::Remove(..) => return self.malformed += 1,
        };
        match self.phase {
            Phase::Closed | Phase::Resting { .. } => {}
            Phase::Resetting { .. } => self.take_reset(now, frame.transaction, property, value),
            Phase::Starting | Phase::Running if frame.transaction == 0 => self.take_news(now, property, value),
            Phase::Starting | Phase::Running => self.take_answer(now, frame.transaction, property, value),
        }
    }

    /// While it is to be reset nothing else counts.
    fn take_reset(&mut self, now: Instant, transaction: u8, property: Property, value: &[u8]) {
        if transaction == 0 && property == Property::LAST_STATUS && status(value).is_reset() {
            self.start(now);
        }
    }

    /// Something that nobody has asked for.
    fn take_news(&mut self, now: Instant, property: Property, value: &[u8]) {
        match property {
            Property::LAST_STATUS if status(value).is_reset() => self.was_reset(now, status(value)),
            Property::STREAM_RAW => self.take_frame(value),
            Property::MAC_ENERGY_SCAN_RESULT => {
                let mut fields = Fields::new(value);
                let found = fields.octet().zip(fields.signed()).map(|(channel, dbm)| Energy { channel, dbm });
                if found.is_some_and(|energy| self.scan.as_mut().is_some_and(|scan| scan.found(energy))) {
                    self.scan_on(now);
                }
            }
            // Other news are of no use to us.
            _ => {}
        }
    }

    fn take_frame(&mut self, value: &[u8]) {
        let Some(raw) = RawReceived::decode(value) else { return self.malformed += 1 };
        let is_good = raw.flags & (MD_FLAG_TX | MD_FLAG_BAD_FCS) == 0;
        let frame = raw.psdu.split_last_chunk::<FCS_LEN>().map(|(frame, _)| frame.to_vec());
        // Frames of 0 octets are how a radio reports that it could not receive one.
        let Some(frame) = frame.filter(|_| is_good && self.phase == Phase::Running) else { return };
        if self.events.len() < MOST_EVENTS {
            self.events.push_back(Event::Received(Received {
                frame,
                rssi_dbm: raw.rssi_dbm,
                lqi: raw.lqi,
                acked_with_pending: raw.flags & MD_FLAG_ACKED_FP != 0,
            }));
        }
    }

    fn take_answer(&mut self, now: Instant, transaction: u8, property: Property, value: &[u8]) {
        if self.sending.is_some_and(|(sending, _)| sending == transaction) {
            self.sending = None;
            let sent = if property == Property::LAST_STATUS { RawSent::decode(value) } else { None };
            return self.events.push_back(Event::Sent(sent.map_or(Sent::Unknown, Sent::from)));
        }
        let Some(asked) = self.asked.take_if(|asked| asked.transaction == transaction) else { return };
        let answer = match (property, asked.ask.property) {
            (Property::LAST_STATUS, wanted) if wanted != property => match status(value) {
                Status::OK => Ok(&[][..]),
                status => Err(status),
            },
            _ => Ok(value),
        };
        self.answered(now, &asked.ask, answer);
        self.ask_on(now);
    }

    fn answered(&mut self, now: Instant, ask: &Ask, answer: Result<&[u8], Status>) {
        match ask.purpose {
            Purpose::Startup(step) => match step.answered(answer, &self.settings, &mut self.info) {
                Ok(()) => self.step(now, step.next()),
                Err(why) => self.rest(now, why),
            },
            Purpose::Scan if answer.is_err() => {
                // Without this channel, then.
                self.waiting.retain(|ask| ask.purpose != Purpose::Scan);
                self.scan_on(now);
            }
            Purpose::Match if answer.is_err() => self.match_all(now),
            Purpose::Scan | Purpose::Retune | Purpose::Match => {}
        }
    }

    /// There is no room for another node: without the list, every node that asks is told that something waits, and stays
    /// awake for a moment.
    fn match_all(&mut self, now: Instant) {
        self.info.matches_sources = false;
        let (property, value) = (Property::MAC_SRC_MATCH_ENABLED, vec![0]);
        self.ask(now, Ask { verb: Verb::Set, property, value, purpose: Purpose::Retune });
    }

    /// It is reset, for the so-manieth time in a row.
    fn reset(&mut self, now: Instant, resets: usize) {
        self.phase = Phase::Resetting { resets, until: now + PATIENCE };
        self.write(0, Message::Reset(RESETS[resets]));
    }

    fn not_reset(&mut self, now: Instant, resets: usize) {
        if resets + 1 < RESETS.len() {
            return self.reset(now, resets + 1);
        }
        self.rest(now, "it does not answer: is it a radio co-processor, and is `baud` right?".into());
    }

    fn was_reset(&mut self, now: Instant, status: Status) {
        let was_running = self.phase == Phase::Running;
        self.forget();
        if was_running {
            self.tell(format!("the radio has been reset ({status})"));
        }
        self.start(now);
    }

    fn start(&mut self, now: Instant) {
        if self.starts >= STARTS {
            self.starts = 0;
            return self.rest(now, "it is reset again and again while it is set up".into());
        }
        self.starts += 1;
        self.info = Info::default();
        self.phase = Phase::Starting;
        self.step(now, Some(Step::FIRST));
    }

    /// Goes on with the first step from this one that has something to do.
    fn step(&mut self, now: Instant, mut step: Option<Step>) {
        while let Some(at) = step {
            if at == Step::Channel {
                self.info.channel = self.settings.channel.or(quietest(&self.info.energy)).unwrap_or(*CHANNELS.start());
            }
            if at == Step::Scan && self.settings.channel.is_none() && self.info.energy.is_empty() {
                return self.begin_scan(now, Scan::new(CHANNELS, LISTEN_MS));
            }
            match at.ask(&self.settings, &self.info) {
                Some(ask) => return self.ask(now, ask),
                None => step = at.next(),
            }
        }
        self.run(now);
    }

    fn run(&mut self, now: Instant) {
        self.phase = Phase::Running;
        self.starts = 0;
        self.told = None;
        self.events.push_back(Event::Up(Box::new(self.info.clone())));
        if self.info.matches_sources {
            let matched: Vec<Eui64> = self.matched.iter().copied().collect();
            matched.into_iter().for_each(|node| self.ask(now, match_ask(node, true)));
        }
    }

    fn begin_scan(&mut self, now: Instant, scan: Scan) {
        self.scan = Some(scan);
        self.scan_on(now);
    }

    fn scan_on(&mut self, now: Instant) {
        let Some(scan) = &mut self.scan else { return };
        if let Some(asks) = scan.next(now) {
            return asks.into_iter().for_each(|ask| self.ask(now, ask));
        }
        let found = self.scan.take().map(Scan::into_found).unwrap_or_default();
        if self.phase == Phase::Starting {
            self.info.energy = found;
            return self.step(now, Some(Step::Channel));
        }
        let (property, value) = (Property::PHY_CHAN, vec![self.info.channel]);
        self.ask(now, Ask { verb: Verb::Set, property, value, purpose: Purpose::Retune });
        self.events.push_back(Event::Scanned(found));
    }

    fn not_answered(&mut self, now: Instant) {
        let Some(asked) = self.asked.take() else { return };
        if asked.asks < ASKS {
            return self.put(now, asked.ask, asked.asks + 1);
        }
        self.restart(now, format!("it does not answer for {}", asked.ask.property));
    }

    /// Something is wrong with it.
    fn restart(&mut self, now: Instant, why: String) {
        self.forget();
        self.tell(why);
        self.reset(now, 0);
    }

    /// It cannot be used; perhaps later.
    fn rest(&mut self, now: Instant, why: String) {
        self.forget();
        self.tell(why);
        self.phase = Phase::Resting { until: now + REST };
    }

    /// Nothing is under way any more.
    fn forget(&mut self) {
        self.asked = None;
        self.waiting.clear();
        self.scan = None;
        if self.sending.take().is_some() {
            self.events.push_back(Event::Sent(Sent::Unknown));
        }
    }

    fn tell(&mut self, why: String) {
        if self.told.as_ref() != Some(&why) {
            self.events.push_back(Event::Down(why.clone()));
            self.told = Some(why);
        }
    }

    fn ask(&mut self, now: Instant, ask: Ask) {
        self.waiting.push_back(ask);
        self.ask_on(now);
    }

    fn ask_on(&mut self, now: Instant) {
        if self.asked.is_none()
            && let Some(ask) = self.waiting.pop_front()
        {
            self.put(now, ask, 1);
        }
    }

    fn put(&mut self, now: Instant, ask: Ask, asks: u8) {
        let transaction = self.next_transaction();
        let (property, value) = (ask.property, &ask.value[..]);
        let message = match ask.verb {
            Verb::Get => Message::Get(property),
            Verb::Set => Message::Set(property, value),
            Verb::Insert => Message::Insert(property, value),
            Verb::Remove => Message::Remove(property, value),
        };
        self.write(transaction, message);
        self.asked = Some(Asked { transaction, until: now + PATIENCE, asks, ask });
    }

    /// 1..=15, and not one that is under way.
    fn next_transaction(&mut self) -> u8 {
        self.transaction = self.transaction % 15 + 1;
        let is_used = self.sending.is_some_and(|(sending, _)| sending == self.transaction)
            || self.asked.as_ref().is_some_and(|asked| asked.transaction == self.transaction);
        // Two are under way at most.
        if is_used { self.next_transaction() } else { self.transaction }
    }

    fn write(&mut self, transaction: u8, message: Message<'_>) {
        hdlc::encode(&Frame::new(transaction, message).encode(), &mut self.line);
    }
}

/// The status in a value; what is none is a failure.
fn status(value: &[u8]) -> Status {
    Fields::new(value).packed().map_or(Status::FAILURE, Status)
}

fn match_ask(node: Eui64, waits: bool) -> Ask {
    let verb = if waits { Verb::Insert } else { Verb::Remove };
    let property = Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES;
    Ask { verb, property, value: node.to_vec(), purpose: Purpose::Match }
}

impl From<RawSent> for Sent {
    fn from(raw: RawSent) -> Self {
        match raw.status {
            Status::OK => Self::Done { frame_pending: raw.frame_pending },
            Status::NO_ACK => Self::NoAck,
            Status::CCA_FAILURE => Self::ChannelBusy,
            status => Self::Refused(status),
        }
    }
}
