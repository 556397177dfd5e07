//! The radio for programs: futures around the state machine.

use crate::backoff::{ACK_WAIT_US, Backoff, Random};
use crate::clock::Crystal;
use crate::filter::{Filter, expected_ack};
use crate::hardware;
use crate::machine::{self, Heard, Outcome, WAKER};
use core::future::poll_fn;
use core::marker::PhantomData;
use core::task::Poll;
use embassy_nrf::Peri;
use embassy_nrf::interrupt::typelevel::{Binding, Handler, Interrupt, RADIO as RadioInterrupt};
use embassy_nrf::peripherals::{PPI_CH0, PPI_CH21, RADIO, TIMER0};
use embassy_time::{Duration, Instant, Timer, with_deadline, with_timeout};
use lowpan::{Ack, MAX_PSDU, TransmitError};

/// The longest frame takes 4.3 ms, and its acknowledgement half a millisecond.
const LONGEST_FRAME: Duration = Duration::from_millis(5);

/// How long looking at the channel, the longest frame and the wait for its acknowledgement can take together.
const LONGEST_TRANSMIT: Duration = Duration::from_millis(6);

/// One sample of energy detection, in microseconds.
const SAMPLE_US: u32 = 128;

/// What the radio is told.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// 11..=26.
    pub channel: u8,
    /// -40..=8, in dBm; the next lower one that the chip has is taken.
    pub power_dbm: i8,
    /// Which frames are taken.
    pub filter: Filter,
}

/// When to listen.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// The receiver is on from then on; its crystal is started at once.
    pub from: Instant,
    /// When to give up.
    pub until: Instant,
    /// The radio is off again as soon as a frame has come and was acknowledged: whoever waits for it may have a lot to do
    /// with it. Otherwise it goes on listening.
    pub once: bool,
}

/// A frame that has been received, and acknowledged if it asked for that.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// How many octets of the buffer it takes.
    pub len: usize,
    /// How strong it was, in dBm.
    pub rssi_dbm: i8,
    /// Link quality, 0..=255.
    pub lqi: u8,
    /// The acknowledgement said that something waits for its sender.
    pub ack_frame_pending: bool,
}

impl From<Heard> for Frame {
    fn from(heard: Heard) -> Self {
        let Heard { len, rssi_dbm, quality, frame_pending_sent } = heard;
        // The hardware's number counts a quarter of the standard's.
        Self { len, rssi_dbm, lqi: quality.saturating_mul(4), ack_frame_pending: frame_pending_sent }
    }
}

/// Moves the radio on. To be bound to the interrupt RADIO, whose priority should be the highest.
pub struct InterruptHandler {
    _not_made: PhantomData<()>,
}

impl Handler<RadioInterrupt> for InterruptHandler {
    #[allow(unsafe_code, reason = "the trait says so: only the interrupt calls it")]
    unsafe fn on_interrupt() {
        machine::with(machine::Machine::handle_interrupt);
    }
}

/// What the radio takes of the chip.
pub struct Parts<'d> {
    /// The radio itself.
    pub radio: Peri<'d, RADIO>,
    /// Switches the receiver on in time for an acknowledgement,
    pub timer: Peri<'d, TIMER0>,
    /// by way of these.
    pub channels: (Peri<'d, PPI_CH0>, Peri<'d, PPI_CH21>),
}

/// The radio. Dropping a future of it stops nothing that is on the air; the next call does.
pub struct Radio<'d> {
    crystal: Crystal,
    random: Random,
    _parts: Parts<'d>,
}

impl<'d> Radio<'d> {
    /// The radio, off. `seed` is any number, another one for each station and start.
    pub fn new(parts: Parts<'d>, _irq: impl Binding<RadioInterrupt, InterruptHandler> + 'd, seed: u32) -> Self {
        hardware::start();
        RadioInterrupt::unpend();
        #[allow(unsafe_code, reason = "unmasking can break a critical section")]
        // SAFETY: the handler shares its state by a mutex, and this is no critical section.
        unsafe {
            RadioInterrupt::enable();
        }
        Self { crystal: Crystal::new(), random: Random::new(seed), _parts: parts }
    }

    /// Sets channel, power and filter, switches the radio off and drops what has not been fetched.
    pub fn configure(&mut self, settings: Settings) {
        machine::with(|machine| {
            machine.switch_off();
            machine.forget();
            machine.set_filter(settings.filter);
            hardware::tune(settings.channel, settings.power_dbm);
        });
    }

    /// Keeps the crystal running for good: for a program that also speaks USB, which needs it.
    pub fn keep_crystal(&mut self) {
        self.crystal.keep();
    }

    /// Sends a frame with CSMA-CA, again up to `retries` times if it asks for an acknowledgement and gets none. The first
    /// attempt waits as `backoff` says. If the radio was listening it goes on with that, also while it waits for the channel.
    ///
    /// # Errors
    /// See [`TransmitError`]. A PSDU of more than 125 octets is cut off.
    pub async fn transmit(&mut self, psdu: &[u8], backoff: Backoff, retries: u8) -> Result<Ack, TransmitError> {
        let (mut result, mut backoff) = (Err(TransmitError::NoAck), backoff);
        for _ in 0..=retries {
            result = self.transmit_once(psdu, backoff).await;
            if result != Err(TransmitError::NoAck) {
                break;
            }
            backoff = Backoff::new();
        }
        result
    }

    async fn transmit_once(&mut self, psdu: &[u8], mut backoff: Backoff) -> Result<Ack, TransmitError> {
        while let Some(us) = backoff.next_us(self.random.draw()) {
            self.crystal.ready(Instant::now() + Duration::from_micros(us.into())).await;
            machine::with(|machine| machine.contend(psdu));
            match self.transmitted(psdu).await {
                Some(Outcome::Sent) => return Ok(Ack::default()),
                Some(Outcome::Acked { frame_pending }) => return Ok(Ack { frame_pending }),
                Some(Outcome::NotAcked) | None => return Err(TransmitError::NoAck),
                Some(Outcome::Busy | Outcome::Energy(_)) => {}
            }
        }
        Err(TransmitError::ChannelAccess)
    }

    /// `None`: it has not ended in time.
    async fn transmitted(&mut self, psdu: &[u8]) -> Option<Outcome> {
        let airtime_us = (psdu.len() as u64 + 8) * 32;
        // Looking at the channel takes 128 us and the ramp-ups 80.
        let wait_us = if expected_ack(psdu).is_some() { u64::from(ACK_WAIT_US) } else { 0 };
        let longest = Duration::from_micros(airtime_us + wait_us + 300).min(LONGEST_TRANSMIT);
        self.outcome(longest).await
    }

    async fn outcome(&mut self, longest: Duration) -> Option<Outcome> {
        let outcome = poll_fn(|context| {
            WAKER.register(context.waker());
            machine::with(machine::Machine::take_outcome).map_or(Poll::Pending, Poll::Ready)
        });
        let outcome = with_timeout(longest, outcome).await.ok();
        if outcome.is_none() {
            machine::with(machine::Machine::give_up);
        }
        outcome
    }

    /// Switches the receiver on, to stay on until [`Radio::off`].
    pub async fn listen(&mut self) {
        self.crystal.ready(Instant::MIN).await;
        machine::with(|machine| machine.listen(false));
    }

    /// A frame that has been received already, at the start of `psdu`; also while the radio is off.
    pub fn fetch(&mut self, psdu: &mut [u8; MAX_PSDU]) -> Option<Frame> {
        machine::with(|machine| machine.fetch(psdu)).map(Frame::from)
    }

    /// The next frame for this station, at the start of `psdu`. The radio listens, and goes on listening.
    pub async fn next_frame(&mut self, psdu: &mut [u8; MAX_PSDU]) -> Frame {
        self.listen().await;
        poll_fn(|context| {
            WAKER.register(context.waker());
            self.fetch(psdu).map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// The same within a window; `None`: nothing came. A frame that has begun by its end is waited for.
    pub async fn receive(&mut self, psdu: &mut [u8; MAX_PSDU], window: Window) -> Option<Frame> {
        let Window { from, mut until, once } = window;
        self.crystal.ready(from).await;
        machine::with(|machine| machine.listen(once));
        for _ in 0..2 {
            let frame = poll_fn(|context| {
                WAKER.register(context.waker());
                self.fetch(psdu).map_or(Poll::Pending, Poll::Ready)
            });
            if let Ok(frame) = with_deadline(until, frame).await {
                return Some(frame);
            }
            if !machine::with(|machine| machine.is_mid_frame()) {
                return None;
            }
            until = Instant::now() + LONGEST_FRAME;
        }
        None
    }

    /// The most energy on the channel within about this time, in dBm. What is being received is lost.
    pub async fn energy(&mut self, time: Duration) -> Option<i8> {
        self.crystal.ready(Instant::MIN).await;
        let samples = (time.as_micros() / u64::from(SAMPLE_US)).clamp(1, 1 << 20) as u32;
        machine::with(|machine| machine.measure(samples));
        match self.outcome(time + LONGEST_TRANSMIT).await {
            Some(Outcome::Energy(dbm)) => Some(dbm),
            Some(Outcome::Busy | Outcome::Sent | Outcome::Acked { .. } | Outcome::NotAcked) | None => None,
        }
    }

    /// Waits for the end of the acknowledgement that is being sent, if there is one.
    pub async fn acknowledged(&mut self) {
        let over = Instant::now() + LONGEST_FRAME;
        while machine::with(|machine| machine.is_acknowledging()) && Instant::now() < over {
            Timer::after(Duration::from_micros(100)).await;
        }
    }

    /// Switches radio and crystal off, after the acknowledgement that is being sent. What has been acknowledged nobody
    /// sends again: [`Radio::fetch`] it.
    pub async fn off(&mut self) {
        self.acknowledged().await;
        machine::with(machine::Machine::switch_off);
        self.crystal.stop();
    }
}
