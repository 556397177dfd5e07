//! What the radio is doing, moved on by its interrupt.
//!
//! The task that owns the radio starts something here and waits for the outcome; what has to follow within a turnaround
//! time follows in the handler.

use crate::filter::{Filter, Verdict, expected_ack, read_ack};
use crate::hardware::{self, Happened};
use crate::ring::Ring;
use crate::slot::Slot;
use core::cell::RefCell;
use critical_section::Mutex;
use embassy_sync::waitqueue::AtomicWaker;
use embassy_time::{Duration, Instant};
use lowpan::MAX_PSDU;

/// Frames that have been received and wait to be fetched. When all are taken nothing more is acknowledged.
const FRAMES: usize = 4;

/// No frame lasts so long, with its acknowledgement: its end has been missed.
const STUCK: Duration = Duration::from_millis(6);

static MACHINE: Mutex<RefCell<Machine>> = Mutex::new(RefCell::new(Machine::new()));
pub(crate) static WAKER: AtomicWaker = AtomicWaker::new();

static TO_SEND: Slot = Slot::new();
static ACK_OUT: Slot = Slot::new();
static ACK_IN: Slot = Slot::new();
static RECEIVED: [Slot; FRAMES] = [const { Slot::new() }; FRAMES];

/// What the radio does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Off,
    Listening,
    /// Sends an acknowledgement.
    Acknowledging,
    /// Looks at the channel or sends; whether an acknowledgement is to follow, and under which number.
    Contending(Option<u8>),
    /// Listens for an acknowledgement with this number.
    AwaitingAck(u8),
    Measuring,
}

/// What is done when nothing else is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Off,
    Listen,
    /// Listen for a frame; off when it has come.
    ListenOnce,
}

/// How something ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The channel was busy.
    Busy,
    /// Sent, and no acknowledgement was asked for.
    Sent,
    /// Sent, and acknowledged.
    Acked { frame_pending: bool },
    /// Sent, and something else came instead of an acknowledgement.
    NotAcked,
    /// The most energy, in dBm.
    Energy(i8),
}

/// A frame that has been received.
#[derive(Clone, Copy)]
pub(crate) struct Heard {
    pub(crate) len: usize,
    pub(crate) rssi_dbm: i8,
    pub(crate) quality: u8,
    pub(crate) frame_pending_sent: bool,
}

/// What is known of a received frame beside its slot.
#[derive(Clone, Copy)]
struct Note {
    rssi_dbm: i8,
    frame_pending_sent: bool,
}

const NO_NOTE: Note = Note { rssi_dbm: 0, frame_pending_sent: false };

pub(crate) struct Machine {
    phase: Phase,
    at_rest: Rest,
    filter: Option<Filter>,
    outcome: Option<Outcome>,
    notes: [Note; FRAMES],
    ring: Ring<FRAMES>,
    /// When a frame was first seen to be under way since the radio last came to rest.
    mid_frame_since: Option<Instant>,
}

/// Does something with the machine, undisturbed by its interrupt.
pub(crate) fn with<T>(work: impl FnOnce(&mut Machine) -> T) -> T {
    critical_section::with(|token| work(&mut MACHINE.borrow_ref_mut(token)))
}

impl Machine {
    const fn new() -> Self {
        Self {
            phase: Phase::Off,
            at_rest: Rest::Off,
            filter: None,
            outcome: None,
            notes: [NO_NOTE; FRAMES],
            ring: Ring::new(),
            mid_frame_since: None,
        }
    }

    pub(crate) fn set_filter(&mut self, filter: Filter) {
        self.filter = Some(filter);
    }

    /// Listens from now on, whenever there is nothing else to do; `once`: until a frame has come.
    pub(crate) fn listen(&mut self, once: bool) {
        self.at_rest = if once { Rest::ListenOnce } else { Rest::Listen };
        if self.phase == Phase::Off {
            self.rest();
        }
    }

    /// Stops at once. What has been received can still be fetched: it may have been acknowledged.
    pub(crate) fn switch_off(&mut self) {
        hardware::disable();
        (self.phase, self.at_rest, self.outcome) = (Phase::Off, Rest::Off, None);
    }

    /// Drops what has not been fetched.
    pub(crate) fn forget(&mut self) {
        self.ring = Ring::new();
    }

    /// Whether a frame is being received, or acknowledged.
    pub(crate) fn is_mid_frame(&self) -> bool {
        match self.phase {
            Phase::Listening => hardware::is_mid_frame(),
            Phase::Acknowledging => true,
            Phase::Off | Phase::Contending(_) | Phase::AwaitingAck(_) | Phase::Measuring => false,
        }
    }

    /// Whether an acknowledgement is being sent, or about to be.
    pub(crate) fn is_acknowledging(&self) -> bool {
        self.phase == Phase::Acknowledging
    }

    /// Looks at the channel once and sends the frame if it is free. A channel on which a frame for us comes in is not.
    pub(crate) fn contend(&mut self, psdu: &[u8]) {
        if self.is_mid_frame() && !self.is_stuck() {
            self.outcome = Some(Outcome::Busy);
            return;
        }
        hardware::disable();
        self.mid_frame_since = None;
        TO_SEND.fill(psdu);
        self.outcome = None;
        self.phase = Phase::Contending(expected_ack(psdu));
        hardware::contend(&TO_SEND);
    }

    /// Whether the frame that is under way has been so for longer than any can.
    fn is_stuck(&mut self) -> bool {
        let now = Instant::now();
        now - *self.mid_frame_since.get_or_insert(now) > STUCK
    }

    pub(crate) fn measure(&mut self, samples: u32) {
        hardware::disable();
        self.outcome = None;
        self.phase = Phase::Measuring;
        hardware::measure(samples);
    }

    pub(crate) fn take_outcome(&mut self) -> Option<Outcome> {
        self.outcome.take()
    }

    /// Gives up what has not ended, such as a wait for an acknowledgement.
    pub(crate) fn give_up(&mut self) {
        match self.phase {
            Phase::Contending(_) | Phase::AwaitingAck(_) | Phase::Measuring => {
                hardware::disable();
                self.rest();
            }
            Phase::Off | Phase::Listening | Phase::Acknowledging => {}
        }
    }

    /// The oldest frame that has been received.
    pub(crate) fn fetch(&mut self, psdu: &mut [u8; MAX_PSDU]) -> Option<Heard> {
        let at = self.ring.fetch()?;
        let (slot, Note { rssi_dbm, frame_pending_sent }) = (&RECEIVED[at], self.notes[at]);
        let len = slot.copy_to(psdu);
        let heard = Heard { len, rssi_dbm, quality: slot.quality(), frame_pending_sent };
        // There was no slot for the receiver, and now there is.
        if self.phase == Phase::Listening && self.ring.filling().is_none() && !hardware::is_mid_frame() {
            self.rest();
        }
        Some(heard)
    }

    /// The interrupt.
    pub(crate) fn handle_interrupt(&mut self) {
        while let Some(event) = hardware::take_event() {
            match (self.phase, event) {
                (Phase::Contending(_), Happened::ChannelBusy) => self.end(Outcome::Busy),
                (Phase::Contending(Some(_)), Happened::ChannelFree) => hardware::turn_around_after_frame(),
                (Phase::Contending(Some(sequence)), Happened::FrameEnd) => {
                    self.phase = Phase::AwaitingAck(sequence);
                    hardware::receive_ack(&ACK_IN);
                }
                (Phase::Contending(None), Happened::FrameEnd) => self.end(Outcome::Sent),
                (Phase::AwaitingAck(sequence), Happened::FrameEnd) => self.end(ack_outcome(sequence)),
                (Phase::Listening, Happened::FrameEnd) => self.take_frame(),
                (Phase::Acknowledging, Happened::FrameEnd) => self.rest(),
                (Phase::Measuring, Happened::Measured) => self.end(Outcome::Energy(hardware::energy_dbm())),
                // Left over from what was given up.
                (
                    Phase::Off
                    | Phase::Listening
                    | Phase::Acknowledging
                    | Phase::Contending(_)
                    | Phase::AwaitingAck(_)
                    | Phase::Measuring,
                    Happened::ChannelFree | Happened::ChannelBusy | Happened::FrameEnd | Happened::Measured,
                ) => {}
            }
        }
    }

    fn end(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
        self.rest();
        WAKER.wake();
    }

    /// Nothing is under way any more.
    fn rest(&mut self) {
        hardware::disable();
        self.mid_frame_since = None;
        match self.at_rest {
            Rest::Off => self.phase = Phase::Off,
            Rest::Listen | Rest::ListenOnce => {
                self.phase = Phase::Listening;
                // What comes while all are taken goes where it is never looked for.
                hardware::listen(self.ring.fill().map_or(&ACK_IN, |slot| &RECEIVED[slot]));
            }
        }
    }

    /// A frame has come in, and the transmitter ramps up for its acknowledgement.
    fn take_frame(&mut self) {
        let Some(slot) = self.ring.filling().filter(|_| hardware::is_intact()) else { return self.rest() };
        let mut psdu = [0; MAX_PSDU];
        let len = RECEIVED[slot].copy_to(&mut psdu);
        match self.filter.map_or(Verdict::Drop, |filter| filter.judge(&psdu[..len])) {
            Verdict::Drop => self.rest(),
            Verdict::Take => {
                self.keep(slot, false);
                self.rest();
            }
            Verdict::Acknowledge(ack) => {
                ACK_OUT.fill(&ack);
                // Too late to be understood: as if the frame had not been heard, and its sender tries again.
                if !hardware::acknowledge(&ACK_OUT) {
                    self.rest();
                    return;
                }
                self.keep(slot, read_ack(&ack, ack[2]) == Some(true));
                self.phase = Phase::Acknowledging;
            }
        }
    }

    fn keep(&mut self, slot: usize, frame_pending_sent: bool) {
        self.notes[slot] = Note { rssi_dbm: hardware::rssi_dbm(), frame_pending_sent };
        self.ring.keep();
        if self.at_rest == Rest::ListenOnce {
            self.at_rest = Rest::Off;
        }
        WAKER.wake();
    }
}

fn ack_outcome(sequence: u8) -> Outcome {
    let mut psdu = [0; MAX_PSDU];
    let len = ACK_IN.copy_to(&mut psdu);
    match read_ack(&psdu[..len], sequence).filter(|_| hardware::is_intact()) {
        Some(frame_pending) => Outcome::Acked { frame_pending },
        None => Outcome::NotAcked,
    }
}
