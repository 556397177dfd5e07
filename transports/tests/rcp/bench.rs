//! The driver, a radio that answers by a script, and the time.

use super::HWADDR;
use sn_types::Instant;
use spinel::hdlc::{self, Decoded, Decoder};
use spinel::{Frame, Message, Property, Status, packed};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use transports::ieee802154::rcp::{Event, Rcp, Settings};

/// What a radio does with a request.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mood {
    Answers,
    Refuses(Status),
    Silent,
}

/// The driver, a radio, and the time.
pub(super) struct Bench {
    pub(super) now: Instant,
    pub(super) rcp: Rcp,
    decoder: Decoder<Vec<u8>>,
    /// Of single properties; the others are answered.
    pub(super) moods: BTreeMap<Property, Mood>,
    /// Whether it comes out of a reset.
    pub(super) resets: bool,
    pub(super) values: BTreeMap<Property, Vec<u8>>,
    pub(super) energy: BTreeMap<u8, i8>,
    /// The table of nodes, if it has an end.
    pub(super) table: Option<(usize, BTreeSet<Vec<u8>>)>,
    /// Everything that the driver has asked for.
    pub(super) asked: Vec<String>,
    /// Frames that it has not been told about yet: the transaction.
    pub(super) transmits: Vec<(u8, Vec<u8>)>,
    pub(super) events: Vec<Event>,
}

pub(super) fn settings() -> Settings {
    Settings { pan_id: 0xABCD, channel: Some(15), short_address: 0xFFFE, long_address: None, tx_power_dbm: Some(8) }
}

impl Bench {
    pub(super) fn new(settings: Settings) -> Self {
        let mut caps = Vec::new();
        [34, 35, 513].into_iter().for_each(|cap| caps.extend(packed(cap)));
        let values = BTreeMap::from([
            (Property::PROTOCOL_VERSION, vec![4, 3]),
            (Property::CAPS, caps),
            (Property::HWADDR, HWADDR.to_vec()),
            (Property::NCP_VERSION, b"OPENTHREAD/1; test\0".to_vec()),
            (Property::MAC_RAW_STREAM_ENABLED, vec![1]),
        ]);
        Self {
            now: Instant::ZERO,
            rcp: Rcp::new(settings),
            decoder: Decoder::new(vec![0; 1_302]),
            moods: BTreeMap::new(),
            resets: true,
            values,
            energy: (11..=26).map(|channel| (channel, -60 - channel as i8)).collect(),
            table: None,
            asked: Vec::new(),
            transmits: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(super) fn up() -> Self {
        let mut bench = Self::new(settings());
        bench.open();
        assert!(matches!(&bench.events[..], [Event::Up(_)]), "{:?}", bench.events);
        bench.events.clear();
        bench.asked.clear();
        bench
    }

    pub(super) fn open(&mut self) {
        self.rcp.handle_opened(self.now);
        self.go_on();
    }

    /// Lets both talk until they have nothing to say.
    pub(super) fn go_on(&mut self) {
        while !self.rcp.output().is_empty() {
            let octets = self.rcp.output().to_vec();
            self.rcp.written(octets.len());
            let mut frames = Vec::new();
            self.decoder.take(&octets, |decoded| match decoded {
                Decoded::Frame(octets) => frames.push(octets.to_vec()),
                Decoded::Damaged | Decoded::TooLong => panic!("the driver writes nonsense"),
            });
            frames.iter().for_each(|octets| self.hear(&Frame::decode(octets).expect("a frame")));
        }
        self.events.extend(std::iter::from_fn(|| self.rcp.poll_event()));
    }

    pub(super) fn hear(&mut self, frame: &Frame<'_>) {
        let (property, value) = match frame.message {
            Message::Reset(reset) => {
                self.asked.push(format!("{reset:?}"));
                return if self.resets {
                    self.say_status(0, Status::RESET_SOFTWARE)
                };
            }
            Message::Set(Property::STREAM_RAW, value) => {
                return self.transmits.push((frame.transaction, value.to_vec()));
            }
            Message::Get(property) => (property, self.values.get(&property).cloned().unwrap_or_default()),
            Message::Set(property, value) | Message::Insert(property, value) | Message::Remove(property, value) => {
                (property, value.to_vec())
            }
            Message::Noop | Message::Is(..) | Message::Inserted(..) | Message::Removed(..) => panic!("{frame:?}"),
        };
        self.asked.push(format!("{property} {value:02x?}"));
        let mood = self.moods.get(&property).copied().unwrap_or(Mood::Answers);
        match if self.tabulate(&frame.message) { mood } else { Mood::Refuses(Status(11)) } {
            Mood::Answers => self.say(frame.transaction, property, &value),
            Mood::Refuses(status) => self.say_status(frame.transaction, status),
            Mood::Silent => {}
        }
        self.look_at(property, &value);
    }

    /// What becomes of the table of nodes; `false`: it is full.
    pub(super) fn tabulate(&mut self, message: &Message<'_>) -> bool {
        let Some((room, nodes)) = &mut self.table else { return true };
        match message {
            Message::Insert(_, node) if nodes.len() >= *room && !nodes.contains(*node) => return false,
            Message::Insert(_, node) => _ = nodes.insert(node.to_vec()),
            Message::Remove(_, node) => _ = nodes.remove(*node),
            Message::Set(Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES, _) => nodes.clear(),
            Message::Noop
            | Message::Reset(_)
            | Message::Get(_)
            | Message::Set(..)
            | Message::Is(..)
            | Message::Inserted(..)
            | Message::Removed(..) => {}
        }
        true
    }

    /// A scan of one channel, once it has been told which.
    pub(super) fn look_at(&mut self, property: Property, value: &[u8]) {
        if property == Property::MAC_SCAN_MASK {
            self.values.insert(property, value.to_vec());
        }
        if property == Property::MAC_SCAN_STATE && value == [2] {
            let [channel] = self.values[&Property::MAC_SCAN_MASK][..] else { panic!("one channel at a time") };
            if let Some(dbm) = self.energy.get(&channel).copied() {
                self.say(0, Property::MAC_ENERGY_SCAN_RESULT, &[channel, dbm as u8]);
                self.say(0, Property::MAC_SCAN_STATE, &[0]);
            }
        }
    }

    pub(super) fn say(&mut self, transaction: u8, property: Property, value: &[u8]) {
        let mut line = Vec::new();
        hdlc::encode(Frame::new(transaction, Message::Is(property, value)).octets(), &mut line);
        self.rcp.handle_octets(self.now, &line);
    }

    pub(super) fn say_status(&mut self, transaction: u8, status: Status) {
        let mut value = Vec::new();
        value.extend(packed(status.0));
        self.say(transaction, Property::LAST_STATUS, &value);
    }

    /// Until the driver has something to do by itself, and does it.
    pub(super) fn wait(&mut self) -> Duration {
        let at = self.rcp.poll_timeout().expect("it waits for something");
        let waited = at.since(self.now);
        self.now = at;
        self.rcp.handle_timeout(self.now);
        self.go_on();
        waited
    }

    pub(super) fn took(&mut self) -> Vec<Event> {
        self.go_on();
        std::mem::take(&mut self.events)
    }

    pub(super) fn downs(&mut self) -> Vec<String> {
        let why = |event| match event {
            Event::Down(why) => Some(why),
            Event::Up(_) | Event::Received(_) | Event::Sent(_) | Event::Scanned(_) => None,
        };
        self.took().into_iter().filter_map(why).collect()
    }
}
