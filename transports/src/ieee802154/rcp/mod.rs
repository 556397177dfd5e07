//! One radio, as its host sees it.
//!
//! Order of calls: [`Rcp::handle_opened`] when the device is open, then [`Rcp::handle_octets`] with what it brings and
//! [`Rcp::handle_timeout`] when [`Rcp::poll_timeout`]'s time has come; after each call [`Rcp::poll_event`] until there is
//! none, and the [output](Rcp::output) to the device. When the device has gone, [`Rcp::handle_closed`].
//!
//! The radio is reset, asked who it is, and set up; whatever goes wrong then or later, it is started again. At any time it may
//! have been reset by itself: it says so, and is set up anew. In case it cannot say so it is asked from time to time. One
//! request is under way at a time, and beside it one frame.

mod incoming;
mod matching;
mod requests;
mod scan;
mod startup;
mod types;

pub use types::{Energy, Event, Info, NotReady, Received, Sent, Settings, Transmit};

use matching::Matching;
use requests::{Ask, Asked, Purpose};
use scan::{Scan, quietest};
use sn_types::Instant;
use spinel::hdlc::{self, Decoded, Decoder};
use spinel::{Eui64, FCS_LEN, Frame, LONGEST, Message, Property, RawTransmit, Reset, Status};
use startup::Step;
use std::collections::VecDeque;
use std::time::Duration;

/// How long the radio may take to come out of a reset, and to answer a request.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it may take with a frame: backoffs and retries on a busy channel take their time.
const TRANSMIT_PATIENCE: Duration = Duration::from_secs(5);
/// The resets that are tried one after the other. With the last a USB device is gone for a moment.
const RESETS: [Reset; 3] = [Reset::Stack, Reset::Stack, Reset::Platform];
/// How often it may be set up in vain before it is left alone for a while, and for how long.
const STARTS: u8 = 5;
const REST: Duration = Duration::from_secs(10);
/// How often a radio that is up is asked whether it still is: it may hang, or may have been reset with its notice lost.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Ours, and with radios for several hosts that of news for all.
const INTERFACES: [u8; 2] = [0, 3];
/// Events that wait to be polled; further frames are dropped.
const MOST_EVENTS: usize = 256;
/// Requests that wait for the answer to another; beyond them the table of nodes is not kept up, see [`Rcp::match_source`].
const MOST_WAITING: usize = 32;
/// How often the channel may be busy before a frame is given up: the standard's macMaxCsmaBackoffs.
const CSMA_BACKOFFS: u8 = 4;
/// The channels at 2.4 GHz.
const CHANNELS: std::ops::RangeInclusive<u8> = 11..=26;
/// How long to listen on each to find the quietest.
const LISTEN_MS: u16 = 100;

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
    decoder: Decoder<Box<[u8]>>,
    line: Vec<u8>,
    transaction: u8,
    asked: Option<Asked>,
    waiting: VecDeque<Ask>,
    /// The frame that the radio has, by its transaction, and until when.
    sending: Option<(u8, Instant)>,
    scan: Option<Scan>,
    /// For whom something waits.
    matching: Matching,
    /// When to ask whether it is still up, while it is.
    look_at: Instant,
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
            decoder: Decoder::new([0; LONGEST + hdlc::SUM_LEN].into()),
            line: Vec::new(),
            transaction: 0,
            asked: None,
            waiting: VecDeque::new(),
            sending: None,
            scan: None,
            matching: Matching::default(),
            look_at: Instant::ZERO,
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
        let mut decoder = std::mem::replace(&mut self.decoder, Decoder::new(Box::default()));
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
                } else if self.phase == Phase::Running && self.look_at <= now {
                    self.look(now);
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
                let look = (self.phase == Phase::Running).then_some(self.look_at);
                asked.into_iter().chain(self.sending.map(|(_, until)| until)).chain(scan).chain(look).min()
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
        let value: Vec<u8> = value.octets().collect();
        self.write(transaction, Message::Set(Property::STREAM_RAW, &value));
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

    /// From now on a node that asks is told that something waits for it, or no longer. Kept over restarts of the radio. A radio
    /// that is told so faster than it answers tells every node that something waits, until it has caught up.
    pub fn match_source(&mut self, now: Instant, node: Eui64, waits: bool) {
        if !self.matching.want(node, waits) || self.phase != Phase::Running || !self.info.matches_sources {
            return;
        }
        let asks = if self.waiting.len() < MOST_WAITING {
            self.matching.changed(node, waits)
        } else {
            self.waiting.retain(|ask| ask.purpose != Purpose::Match);
            self.matching.give_up()
        };
        self.ask_all(now, asks);
    }

    /// It is reset, for the so-manieth time in a row. What the device has not taken before is of no use any more: so a device
    /// that hangs finds one reset when it goes on, however long that was.
    fn reset(&mut self, now: Instant, resets: usize) {
        self.line.clear();
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
        // A dongle on USB that has crashed was gone meanwhile, and says so when its device is open again.
        let is_news = self.phase == Phase::Running || is_crash(status);
        self.forget();
        if is_news {
            self.tell(format!("the radio has been reset ({status})"));
        }
        self.start(now);
    }

    fn start(&mut self, now: Instant) {
        if self.starts >= STARTS {
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
        self.look_at = now + LOOK_EVERY;
        self.events.push_back(Event::Up(Box::new(self.info.clone())));
        if self.info.matches_sources {
            let asks = self.matching.begin();
            self.ask_all(now, asks);
        }
    }

    /// Something is wrong with it.
    fn restart(&mut self, now: Instant, why: String) {
        if self.starts >= STARTS {
            return self.rest(now, why);
        }
        self.forget();
        self.tell(why);
        self.reset(now, 0);
    }

    /// It cannot be used; perhaps later.
    fn rest(&mut self, now: Instant, why: String) {
        self.forget();
        self.tell(why);
        self.starts = 0;
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

    fn write(&mut self, transaction: u8, message: Message<'_>) {
        hdlc::encode(Frame::new(transaction, message).octets(), &mut self.line);
    }
}

/// Whether the device was reset because something had gone wrong in it.
const fn is_crash(status: Status) -> bool {
    matches!(status, Status::RESET_FAULT | Status::RESET_CRASH | Status::RESET_WATCHDOG)
}
