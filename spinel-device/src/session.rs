//! The dialogue with the host: what each of its frames does, and what it is told.

use crate::output::Output;
use crate::radio::{Command, MAX_PSDU, Outcome, Received, Transmit};
use crate::settings::{Config, Effect, Settings, channel};
use heapless::Vec;
use spinel::{Frame, Message, Property, RawSent, RawTransmit, Reset, Status, hdlc, packed};

/// Frame control, number, check sequence.
const MIN_PSDU: usize = 5;
/// What of the output stays free for answers when frames come faster than the host reads them.
const FOR_ANSWERS: usize = 256;
/// What a received frame takes in the output beside its own octets, and each of them perhaps twice.
const AROUND_FRAME: usize = 64;
/// Bits 7 and 6 of a frame's first octet are 1 and 0; its lower four are the transaction.
const MARK: u8 = 0x80;
const MARK_BITS: u8 = 0xC0;
const TRANSACTION: u8 = 15;

#[derive(Debug)]
pub(crate) struct Session<const MATCHES: usize, const OUTPUT: usize> {
    config: Config,
    pub(crate) settings: Settings<MATCHES>,
    pub(crate) output: Output<OUTPUT>,
    /// The radio has not been told of the receiver as it is now.
    is_retuned: bool,
    /// For the board.
    board: Option<Command>,
    /// For the radio, when it has done what it does.
    work: Option<Command>,
    /// What the host waits for.
    awaited: Option<Awaited>,
    radio: Radio,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// What became of the frame of this transaction.
    Sent(u8),
    /// How loud this channel is.
    Scanned(u8),
}

/// What the radio does beside listening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Radio {
    Idle,
    AtWork,
    /// The host has forgotten that it asked for it.
    AtWorkInVain,
}

impl<const MATCHES: usize, const OUTPUT: usize> Session<MATCHES, OUTPUT> {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            settings: Settings::new(&config),
            config,
            output: Output::new(),
            is_retuned: true,
            board: None,
            work: None,
            awaited: None,
            radio: Radio::Idle,
        }
    }

    /// Everything is as in the beginning, but what the radio does still has to end.
    pub(crate) fn forget(&mut self) {
        self.settings = Settings::new(&self.config);
        self.is_retuned = true;
        (self.board, self.work, self.awaited) = (None, None, None);
        self.radio = match self.radio {
            Radio::Idle => Radio::Idle,
            Radio::AtWork | Radio::AtWorkInVain => Radio::AtWorkInVain,
        };
    }

    pub(crate) fn reset(&mut self, why: Status) {
        self.forget();
        self.say_status(0, why);
    }

    pub(crate) fn poll(&mut self) -> Option<Command> {
        if let Some(command) = self.board.take() {
            return Some(command);
        }
        if core::mem::take(&mut self.is_retuned) {
            return Some(Command::Listen);
        }
        let command = self.work.take_if(|_| self.radio == Radio::Idle)?;
        self.radio = Radio::AtWork;
        Some(command)
    }

    /// The host has sent a frame.
    pub(crate) fn hear(&mut self, octets: &[u8]) {
        match (Frame::decode(octets), octets.first()) {
            (Some(frame), _) => self.obey(frame.transaction, frame.message),
            (None, Some(header)) if header & MARK_BITS == MARK => {
                self.say_status(header & TRANSACTION, Status::INVALID_COMMAND);
            }
            (None, Some(_) | None) => {}
        }
    }

    fn obey(&mut self, transaction: u8, message: Message<'_>) {
        match message {
            Message::Noop => self.say_status(transaction, Status::OK),
            Message::Reset(reset) => self.obey_reset(reset),
            Message::Get(property) => match self.settings.get(&self.config, property) {
                Some(value) => self.say(transaction, Message::Is(property, &value)),
                None => self.say_status(transaction, Status::PROP_NOT_FOUND),
            },
            Message::Set(Property::STREAM_RAW, value) => match self.transmit(transaction, value) {
                Ok(()) => {}
                Err(status) => self.say_status(transaction, status),
            },
            Message::Set(property, value) => self.set(transaction, property, value),
            Message::Insert(property, value) => {
                let inserted = self.settings.insert(property, value);
                self.confirm(transaction, inserted, Message::Inserted(property, value));
            }
            Message::Remove(property, value) => {
                let removed = self.settings.remove(property, value);
                self.confirm(transaction, removed, Message::Removed(property, value));
            }
            Message::Is(..) | Message::Inserted(..) | Message::Removed(..) => {
                self.say_status(transaction, Status::INVALID_COMMAND);
            }
        }
    }

    fn obey_reset(&mut self, reset: Reset) {
        match reset {
            Reset::Stack => self.reset(Status::RESET_SOFTWARE),
            Reset::Platform => {
                self.forget();
                self.board = Some(Command::Restart);
            }
            Reset::Bootloader => {
                self.forget();
                self.board = Some(Command::Bootloader);
            }
        }
    }

    fn set(&mut self, transaction: u8, property: Property, value: &[u8]) {
        let effect = match self.settings.set(&self.config, property, value) {
            Ok(Effect::Scan { channel }) => self.scan(channel),
            effect => effect,
        };
        // A list that did not fit is there in part.
        self.is_retuned |= effect != Ok(Effect::None);
        match effect {
            Ok(Effect::None | Effect::Listen | Effect::Scan { .. }) => {
                match self.settings.get(&self.config, property) {
                    Some(now) => self.say(transaction, Message::Is(property, &now)),
                    None => self.say(transaction, Message::Is(property, value)),
                }
            }
            Err(status) => self.say_status(transaction, status),
        }
    }

    fn confirm(&mut self, transaction: u8, done: Result<(), Status>, message: Message<'_>) {
        match done {
            Ok(()) => {
                self.is_retuned = true;
                self.say(transaction, message);
            }
            Err(status) => self.say_status(transaction, status),
        }
    }

    fn scan(&mut self, channel: u8) -> Result<Effect, Status> {
        if self.awaited.is_some() {
            return Err(Status::INVALID_STATE);
        }
        self.awaited = Some(Awaited::Scanned(channel));
        self.work = Some(Command::Scan { channel, duration_ms: self.settings.scan_period_ms });
        Ok(Effect::None)
    }

    fn transmit(&mut self, transaction: u8, value: &[u8]) -> Result<(), Status> {
        let raw = RawTransmit::decode(value).ok_or(Status::PARSE_ERROR)?;
        let psdu = Vec::from_slice(raw.psdu).ok().filter(|psdu| psdu.len() >= MIN_PSDU);
        let transmit = Transmit {
            psdu: psdu.ok_or(Status::INVALID_ARGUMENT)?,
            channel: channel(raw.channel)?,
            csma: raw.csma,
            max_csma_backoffs: raw.max_csma_backoffs,
            max_frame_retries: raw.max_frame_retries,
            power_dbm: self.settings.power_dbm,
        };
        if !self.settings.is_enabled || self.awaited.is_some() {
            return Err(Status::INVALID_STATE);
        }
        self.awaited = Some(Awaited::Sent(transaction));
        self.work = Some(Command::Transmit(transmit));
        Ok(())
    }

    pub(crate) fn handle_received(&mut self, received: &Received<'_>) {
        let receiver = &self.settings.receiver;
        let room = 2 * received.psdu.len() + AROUND_FRAME + FOR_ANSWERS;
        if receiver.is_on && received.psdu.len() <= MAX_PSDU && self.output.room() >= room {
            let value = received.on_channel(receiver.channel).octets(received.at_us);
            self.write(0, Message::Is(Property::STREAM_RAW, &[]), value);
        }
    }

    pub(crate) fn handle_transmitted(&mut self, outcome: Outcome<'_>) {
        let Some(Awaited::Sent(transaction)) = self.done() else { return };
        let (status, ack) = match outcome {
            Outcome::Sent => (Status::OK, None),
            Outcome::Acknowledged(ack) => (Status::OK, Some(ack)),
            Outcome::NoAck => (Status::NO_ACK, None),
            Outcome::ChannelBusy => (Status::CCA_FAILURE, None),
        };
        let channel = self.settings.receiver.channel;
        let frame_pending = ack.and_then(|ack| ack.psdu.first().copied()).is_some_and(|control| control & 1 << 4 != 0);
        let at_us = ack.map_or(0, |ack| ack.at_us);
        let value = RawSent { status, frame_pending }.octets(ack.map(|ack| ack.on_channel(channel)), at_us);
        self.write(transaction, Message::Is(Property::LAST_STATUS, &[]), value);
    }

    pub(crate) fn handle_scanned(&mut self, peak_dbm: i8) {
        let Some(Awaited::Scanned(channel)) = self.done() else { return };
        self.say(0, Message::Is(Property::MAC_ENERGY_SCAN_RESULT, &[channel, peak_dbm as u8]));
        self.say(0, Message::Is(Property::MAC_SCAN_STATE, &[0]));
    }

    /// The radio has done its work. For what the host waits, if it was the host's.
    fn done(&mut self) -> Option<Awaited> {
        let was = core::mem::replace(&mut self.radio, Radio::Idle);
        self.awaited.take_if(|_| was == Radio::AtWork)
    }

    fn say_status(&mut self, transaction: u8, status: Status) {
        self.write(transaction, Message::Is(Property::LAST_STATUS, &[]), packed(status.0));
    }

    fn say(&mut self, transaction: u8, message: Message<'_>) {
        self.write(transaction, message, core::iter::empty());
    }

    /// Writes a frame with more at the end of its value. Without room it is lost, and the host asks again.
    fn write(&mut self, transaction: u8, message: Message<'_>, more: impl Iterator<Item = u8>) {
        let octets = Frame::new(transaction, message).octets().chain(more);
        self.output.frame(|line| hdlc::encode(octets, line));
    }
}
