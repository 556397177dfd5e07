//! A host: it enumerates what is plugged in as Linux does, and drives its serial line as that system's `cdc_acm` does.
//!
//! Its program on the other side of the line opens and closes it, sets its rate, writes and reads octets. What it has not read
//! the device keeps: so a closed line takes nothing.

use super::control::{Outcome, Transfer};
use super::descriptors::{Descriptors, Line, text};
use super::{Device, Handshake, PACKET, Token};
use crate::time::cycles;
use std::collections::VecDeque;

/// A packet of 64 octets at 12 Mb/s, with all that is around it.
const TRANSACTION: u64 = cycles(50);
/// How long a device has to be there before it is touched, and how long a reset and the pause after it take (USB 2.0 §7.1.7).
const DEBOUNCE: u64 = cycles(100_000);
const RESET: u64 = cycles(50_000);
const RECOVERY: u64 = cycles(10_000);
/// How long waking the bus takes, with the pause after it (USB 2.0 §7.1.7.7).
const RESUME: u64 = cycles(30_000);
/// The device's address on the bus.
const ADDRESS: u16 = 5;
const GET_DESCRIPTOR: u8 = 6;
const SET_ADDRESS: u8 = 5;
const SET_CONFIGURATION: u8 = 9;
const DEVICE: u16 = 1 << 8;
const CONFIGURATION: u16 = 2 << 8;
const STRING: u16 = 3 << 8;
const ENGLISH: u16 = 0x0409;
/// Requests of a class to an interface (CDC 1.2 PSTN §6.3).
const CLASS: u8 = 0x21;
const SET_LINE_CODING: u8 = 0x20;
const SET_CONTROL_LINE_STATE: u8 = 0x22;
/// DTR and RTS.
const OPEN: u16 = 3;

/// What the host asks while it gets to know a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Address,
    Device,
    ConfigurationHead,
    Configuration(u16),
    Text(usize),
    Configure,
    Up,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Detached,
    Debouncing,
    Resetting,
    /// The bus is in use.
    Talking,
}

/// A host, and the program that uses the serial line.
#[derive(Debug)]
pub struct Host {
    phase: Phase,
    step: Step,
    /// The phase ends, or a pause.
    until: Option<u64>,
    /// The bus has no time before.
    free_at: u64,
    transfer: Option<Transfer>,
    requests: VecDeque<(u8, u16, Vec<u8>)>,
    descriptors: Descriptors,
    stalled: u32,
    is_open: bool,
    /// Whether the bus is suspended, and is to be.
    suspended: (bool, bool),
    rate: u32,
    to_device: VecDeque<u8>,
    from_device: Vec<u8>,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self {
            phase: Phase::Detached,
            step: Step::Address,
            until: None,
            free_at: 0,
            transfer: None,
            requests: VecDeque::new(),
            descriptors: Descriptors::default(),
            stalled: 0,
            is_open: false,
            suspended: (false, false),
            rate: 115_200,
            to_device: VecDeque::new(),
            from_device: Vec::new(),
        }
    }

    /// What the device has said of itself, if it is there and was set up.
    #[must_use]
    pub fn device(&self) -> Option<&Descriptors> {
        (self.phase == Phase::Talking && self.step == Step::Up).then_some(&self.descriptors)
    }

    /// Requests that the device has refused.
    #[must_use]
    pub fn stalled(&self) -> u32 {
        self.stalled
    }

    /// The program opens the line. Does nothing if there is none.
    pub fn open(&mut self) {
        if self.device().is_some() {
            self.is_open = true;
            (self.to_device, self.from_device) = (VecDeque::new(), Vec::new());
            self.tell_coding();
            self.request(SET_CONTROL_LINE_STATE, OPEN, Vec::new());
        }
    }

    /// It closes the line.
    pub fn close(&mut self) {
        if std::mem::take(&mut self.is_open) {
            self.request(SET_CONTROL_LINE_STATE, 0, Vec::new());
        }
    }

    /// Whether the line is open: not any more when the device has gone.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// The host goes to sleep, or wakes up; what its program writes and reads waits for that.
    pub fn set_asleep(&mut self, is_asleep: bool) {
        self.suspended.1 = is_asleep;
    }

    /// Whether it is asleep, or about to be.
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        self.suspended.1
    }

    /// It sets the line's rate.
    pub fn set_rate(&mut self, baud: u32) {
        self.rate = baud;
        self.tell_coding();
    }

    fn tell_coding(&mut self) {
        // Eight bits, no parity, one stop bit.
        let coding = self.rate.to_le_bytes().into_iter().chain([0, 0, 8]).collect();
        self.request(SET_LINE_CODING, 0, coding);
    }

    fn request(&mut self, request: u8, value: u16, data: Vec<u8>) {
        self.requests.push_back((request, value, data));
        self.next_request();
    }

    /// It writes, if the line is open.
    pub fn write(&mut self, octets: &[u8]) {
        if self.is_open {
            self.to_device.extend(octets);
        }
    }

    /// It reads what has come.
    pub fn read(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.from_device)
    }

    /// The bus is free for something that has just become possible.
    pub(crate) fn notice(&mut self, now: u64) {
        self.free_at = self.free_at.max(now + TRANSACTION);
    }

    /// When to call [`Host::handle_timeout`].
    pub(crate) fn poll_timeout(&self, device: &impl Device) -> Option<u64> {
        match (self.phase, device.is_attached()) {
            (Phase::Detached, false) => None,
            (Phase::Detached, true) | (Phase::Debouncing | Phase::Resetting | Phase::Talking, false) => {
                Some(self.free_at)
            }
            (Phase::Debouncing | Phase::Resetting, true) => self.until,
            (Phase::Talking, true) if self.until.is_some() => self.until,
            (Phase::Talking, true) if self.suspended.0 != self.suspended.1 => Some(self.free_at),
            (Phase::Talking, true) if self.suspended.0 => None,
            (Phase::Talking, true) => self.next_token(device).map(|_| self.free_at),
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: u64, device: &mut impl Device) {
        if !device.is_attached() {
            return self.detach(now);
        }
        match self.phase {
            Phase::Detached => self.enter(Phase::Debouncing, now + DEBOUNCE),
            Phase::Debouncing => {
                device.reset();
                self.enter(Phase::Resetting, now + RESET);
            }
            Phase::Resetting => {
                self.step = Step::Address;
                self.enter(Phase::Talking, now + RECOVERY);
            }
            Phase::Talking => {
                if self.until.take_if(|until| *until <= now).is_some() {
                    self.transfer = self.ask();
                }
                if self.suspended.0 == self.suspended.1 {
                    self.transact(now, device);
                } else {
                    self.suspended.0 = self.suspended.1;
                    device.set_suspended(self.suspended.0);
                    self.free_at = now + RESUME;
                }
            }
        }
    }

    fn enter(&mut self, phase: Phase, until: u64) {
        (self.phase, self.until) = (phase, Some(until));
    }

    /// It has gone, and with it the line.
    fn detach(&mut self, now: u64) {
        let stalled = self.stalled;
        let from_device = self.read();
        *self = Self { free_at: now, stalled, from_device, rate: self.rate, ..Self::new() };
    }

    /// What would not be answered "not now": requests first, then what is to be sent, then what is to be read.
    fn next_token(&self, device: &impl Device) -> Option<Token> {
        let control = self.transfer.as_ref().map(Transfer::token);
        let line = self.descriptors.line.filter(|_| self.step == Step::Up);
        let bulk = line.into_iter().flat_map(|line| self.line_tokens(line));
        control.into_iter().chain(bulk).find(|token| device.answers(token))
    }

    fn line_tokens(&self, Line { notify, from_device, to_device, .. }: Line) -> impl Iterator<Item = Token> {
        // The program writes when the line is open, which it is when the device knows it.
        let is_set_up = self.transfer.is_none() && self.requests.is_empty();
        let octets: Vec<u8> = self.to_device.iter().filter(|_| is_set_up).take(PACKET).copied().collect();
        let out = (!octets.is_empty()).then_some(Token::Out(to_device, octets));
        let reads = self.is_open.then_some([Token::In(from_device), Token::In(notify)]);
        out.into_iter().chain(reads.into_iter().flatten())
    }

    fn transact(&mut self, now: u64, device: &mut impl Device) {
        let Some(token) = self.next_token(device) else { return };
        self.free_at = now + TRANSACTION;
        let answer = device.transact(&token);
        let is_control = self.transfer.as_ref().is_some_and(|transfer| transfer.token() == token);
        if is_control {
            let outcome = self.transfer.as_mut().and_then(|transfer| transfer.answered(answer));
            if let Some(outcome) = outcome {
                self.ended(now, outcome);
            }
        } else {
            self.carried(&token, answer);
        }
        self.next_request();
    }

    fn carried(&mut self, token: &Token, answer: Handshake) {
        let data = self.descriptors.line.map(|line| line.from_device);
        match (token, answer) {
            (Token::Out(_, octets), Handshake::Ack) => drop(self.to_device.drain(..octets.len())),
            (Token::In(endpoint), Handshake::Data(octets)) if Some(*endpoint) == data => {
                self.from_device.extend(octets)
            }
            (_, Handshake::Stall) => self.stalled += 1,
            (Token::Setup(_) | Token::In(_) | Token::Out(..), Handshake::Ack | Handshake::Data(_)) => {}
        }
    }

    /// The next request about the line, if none is under way.
    fn next_request(&mut self) {
        let Some(line) = self.descriptors.line.filter(|_| self.step == Step::Up && self.transfer.is_none()) else {
            return;
        };
        self.transfer = self
            .requests
            .pop_front()
            .map(|(request, value, data)| Transfer::set(CLASS, request, value, line.interface, data));
    }

    /// What is asked in this step of the enumeration.
    fn ask(&self) -> Option<Transfer> {
        let get = |what: u16, index: u16, len: u16| Some(Transfer::get(0, GET_DESCRIPTOR, what, index, len));
        match self.step {
            Step::Address => Some(Transfer::set(0, SET_ADDRESS, ADDRESS, 0, Vec::new())),
            Step::Device => get(DEVICE, 0, 18),
            Step::ConfigurationHead => get(CONFIGURATION, 0, 9),
            Step::Configuration(len) => get(CONFIGURATION, 0, len),
            Step::Text(which) => get(STRING | u16::from(self.descriptors.string_indices[which]), ENGLISH, 255),
            Step::Configure => Some(Transfer::set(0, SET_CONFIGURATION, 1, 0, Vec::new())),
            Step::Up => None,
        }
    }

    /// A control transfer is over.
    fn ended(&mut self, now: u64, outcome: Outcome) {
        self.transfer = None;
        let octets = match outcome {
            Outcome::Done(octets) => octets,
            Outcome::Stalled => {
                self.stalled += 1;
                Vec::new()
            }
        };
        let next = match self.step {
            Step::Address => {
                // It has some time to take its address (USB 2.0 §9.2.6.3).
                self.until = Some(now + RECOVERY);
                self.step = Step::Device;
                return;
            }
            Step::Device if self.descriptors.read_device(&octets) => Step::ConfigurationHead,
            // A device that cannot say what it is, is left alone.
            Step::Device => return,
            Step::ConfigurationHead => {
                Step::Configuration(octets.get(2..4).map_or(0, |len| u16::from_le_bytes([len[0], len[1]])))
            }
            Step::Configuration(_) => {
                self.descriptors.read_configuration(&octets);
                Step::Text(0)
            }
            Step::Text(which) => {
                self.descriptors.strings[which] = text(&octets);
                if which + 1 < self.descriptors.strings.len() { Step::Text(which + 1) } else { Step::Configure }
            }
            Step::Configure | Step::Up => Step::Up,
        };
        self.step = next;
        self.transfer = self.ask();
    }
}
