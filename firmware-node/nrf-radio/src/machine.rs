//! What the radio is doing, moved on by its interrupt.
//!
//! The task that owns the radio starts something here and waits for the outcome; what has to follow within a turnaround
//! time follows in the handler.

use crate::filter::{Filter, Verdict, expected_ack, read_ack};
use crate::hardware::{self, Happened};
use crate::slot::Slot;
use core::cell::RefCell;
use critical_section::Mutex;
use embassy_sync::waitqueue::AtomicWaker;
use lowpan::MAX_PSDU;

/// Frames that have been received and wait to be fetched. When all are taken nothing more is acknowledged.
pub(crate) const FRAMES: usize = 4;

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
    /// To be done when nothing else is.
    listens: bool,
    filter: Option<Filter>,
    outcome: Option<Outcome>,
    notes: [Note; FRAMES],
    /// The slot of the oldest frame, and how many there are.
    oldest: usize,
    count: usize,
}

/// Does something with the machine, undisturbed by its interrupt.
pub(crate) fn with<T>(work: impl FnOnce(&mut Machine) -> T) -> T {
    critical_section::with(|token| work(&mut MACHINE.borrow_ref_mut(token)))
}

impl Machine {
    const fn new() -> Self {
        Self {
            phase: Phase::Off,
            listens: false,
            filter: None,
            outcome: None,
            notes: [NO_NOTE; FRAMES],
            oldest: 0,
            count: 0,
        }
    }

    pub(crate) fn set_filter(&mut self, filter: Filter) {
        self.filter = Some(filter);
    }

    /// Listens from now on, whenever there is nothing else to do.
    pub(crate) fn listen(&mut self) {
        self.listens = true;
        if self.phase == Phase::Off {
            self.rest();
        }
    }

    /// Stops at once, and drops what has not been fetched.
    pub(crate) fn switch_off(&mut self) {
        hardware::disable();
        (self.phase, self.listens, self.outcome, self.count) = (Phase::Off, false, None, 0);
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
        if self.is_mid_frame() {
            self.outcome = Some(Outcome::Busy);
            return;
        }
        hardware::disable();
        TO_SEND.fill(psdu);
        self.outcome = None;
        self.phase = Phase::Contending(expected_ack(psdu));
        hardware::contend(&TO_SEND);
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
        if self.count == 0 {
            return None;
        }
        let (slot, note) = (&RECEIVED[self.oldest], self.notes[self.oldest]);
        let len = slot.copy_to(psdu);
        let Note { rssi_dbm, frame_pending_sent } = note;
        let heard = Heard { len, rssi_dbm, quality: slot.quality(), frame_pending_sent };
        (self.oldest, self.count) = ((self.oldest + 1) % FRAMES, self.count - 1);
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
        self.phase = if self.listens { Phase::Listening } else { Phase::Off };
        if self.listens {
            hardware::listen(self.free_slot());
        }
    }

    /// The next slot; one that is never handed on if all are taken, so that what comes is lost.
    fn free_slot(&self) -> &'static Slot {
        if self.count == FRAMES { &ACK_IN } else { &RECEIVED[(self.oldest + self.count) % FRAMES] }
    }

    /// A frame has come in, and the transmitter ramps up for its acknowledgement.
    fn take_frame(&mut self) {
        let mut psdu = [0; MAX_PSDU];
        let len = self.free_slot().copy_to(&mut psdu);
        let psdu = &psdu[..len];
        let is_wanted = hardware::is_intact() && self.count < FRAMES;
        match self.filter.filter(|_| is_wanted).map_or(Verdict::Drop, |filter| filter.judge(psdu)) {
            Verdict::Drop => self.rest(),
            Verdict::Take => {
                self.keep(false);
                self.rest();
            }
            Verdict::Acknowledge(ack) => {
                ACK_OUT.fill(&ack);
                // Too late to be understood: as if the frame had not been heard, and its sender tries again.
                if !hardware::acknowledge(&ACK_OUT) {
                    self.rest();
                    return;
                }
                self.keep(read_ack(&ack, ack[2]) == Some(true));
                self.phase = Phase::Acknowledging;
            }
        }
    }

    fn keep(&mut self, frame_pending_sent: bool) {
        let slot = (self.oldest + self.count) % FRAMES;
        self.notes[slot] = Note { rssi_dbm: hardware::rssi_dbm(), frame_pending_sent };
        self.count += 1;
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
