//! When to ask the gateway for an answer, and how long to listen for it.
//!
//! The receiver takes as much as the transmitter, so it is off while the gateway works, and on when an acknowledgement has
//! said that a frame waits. How long the gateway takes, its disk above all, is learned: a request that came too early makes
//! the next first one later, one that came in time a little earlier. A request in vain takes as much as a quarter of a
//! report, and waiting takes nothing, so one in ninety is to come too early.
//!
//! From a data request to the frame a dongle and its computer take some milliseconds. One in [`PROBE_EVERY`] times the
//! receiver is on from the start, to learn how many; otherwise it goes on when nearly all of that is over. A frame that comes
//! earlier is lost at first, and comes again a moment later: the gateway's radio repeats what is not acknowledged.

use sn_types::Instant;

// Times are microseconds in 32 bits: `Duration` takes this processor half a kilobyte of code here.

/// Between a datagram and the first data request, at the start.
const FIRST_GUESS_US: u32 = 20_000;
const SHORTEST_US: u32 = 4_000;
const LONGEST_US: u32 = 320_000;

/// Data requests for one answer, ever further apart. After that the client repeats what it has said.
const MAX_REQUESTS: u8 = 6;

/// How long a gateway may take from a data request to the frame: a dongle passes both over a serial line.
const FRAME_WITHIN_US: u32 = 50_000;

/// How often the receiver waits for an announced frame from the start.
const PROBE_EVERY: u8 = 32;

/// So long before the frame the receiver goes on: it takes 130 us to be ready, and clocks that tick every 30.5 us do not say
/// when exactly that was, and will be.
const BEFORE_FRAME_US: u32 = 300;

/// What an octet takes at 250 kbit/s, and how many there are beside a frame's own: its synchronisation
/// header, its length and its check sequence.
const OCTET_US: u32 = 32;
const OCTETS_BESIDE: u32 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is expected.
    Idle,
    /// To be asked for then.
    Waiting { until: Instant },
    /// The request is being sent.
    Asking,
    /// The gateway has said that more waits: to be asked for at once.
    More,
    /// A frame is announced. From the one time on the receiver is on, and off at the other if nothing comes.
    Listening { since: Instant, from: Instant, until: Instant },
}

#[derive(Debug)]
pub(super) struct Polling {
    phase: Phase,
    answer_after_us: u32,
    /// For the answer that is expected.
    requests: u8,
    /// From a data request to its frame, at least; 0: not known.
    gap_us: u32,
    /// Frames that were announced since the gap was measured.
    since_probe: u8,
}

impl Polling {
    pub(super) const fn new() -> Self {
        Self { phase: Phase::Idle, answer_after_us: FIRST_GUESS_US, requests: 0, gap_us: 0, since_probe: 0 }
    }

    /// A datagram has been sent that will be answered.
    pub(super) fn start(&mut self, now: Instant) {
        self.requests = 0;
        self.phase = Phase::Waiting { until: after(now, self.answer_after_us) };
    }

    /// No answer is expected any more.
    pub(super) const fn stop(&mut self) {
        match self.phase {
            // It was announced, or is about to be: whatever it is, it is for this node.
            Phase::Asking | Phase::More | Phase::Listening { .. } => {}
            Phase::Idle | Phase::Waiting { .. } => self.phase = Phase::Idle,
        }
    }

    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        // Something else had to be done meanwhile.
        if matches!(self.phase, Phase::Listening { until, .. } if until <= now) {
            self.nothing_came(now);
        }
        match self.phase {
            Phase::Waiting { until } => until <= now,
            Phase::More => true,
            Phase::Idle | Phase::Asking | Phase::Listening { .. } => false,
        }
    }

    /// The request is made.
    pub(super) const fn begin(&mut self) {
        self.phase = Phase::Asking;
    }

    /// A request is made that is to bring nothing.
    pub(super) const fn introduce(&mut self) {
        (self.requests, self.phase) = (1, Phase::Asking);
    }

    pub(super) fn is_asking(&self) -> bool {
        self.phase == Phase::Asking
    }

    /// The request has been sent; whether its acknowledgement says that something waits.
    pub(super) fn asked(&mut self, now: Instant, frame_pending: bool) {
        if self.requests == 0 {
            self.learn(frame_pending);
        }
        self.requests = self.requests.saturating_add(1);
        if frame_pending {
            let (from, until) = (after(now, self.pause_us()), after(now, FRAME_WITHIN_US));
            self.phase = Phase::Listening { since: now, from, until };
            self.since_probe = (self.since_probe + 1) % PROBE_EVERY;
        } else {
            self.wait_longer(now);
        }
    }

    /// How long the receiver may stay off although a frame is announced.
    const fn pause_us(&self) -> u32 {
        if self.since_probe == 0 { 0 } else { self.gap_us.saturating_sub(BEFORE_FRAME_US) }
    }

    /// A frame of so many octets came; whether it says that more waits.
    pub(super) fn came(&mut self, now: Instant, len: usize, more_waits: bool) {
        if let Phase::Listening { since, from, .. } = self.phase
            && since == from
        {
            let airtime_us = (len as u32 + OCTETS_BESIDE) * OCTET_US;
            let gap_us = (now.as_micros() - since.as_micros()) as u32;
            let gap_us = gap_us.saturating_sub(airtime_us);
            // The shortest, since what comes too early costs more than waiting; slowly also longer.
            let is_less = self.gap_us == 0 || gap_us < self.gap_us;
            self.gap_us = if is_less { gap_us } else { self.gap_us + (gap_us - self.gap_us) / 8 };
        }
        // The request that follows says nothing about how long the gateway takes.
        self.requests = 1;
        // What was expected may still be to come: an acknowledgement after a message.
        self.phase = match more_waits {
            true => Phase::More,
            false => Phase::Waiting { until: after(now, self.answer_after_us) },
        };
    }

    /// The frame that was announced did not come.
    pub(super) fn nothing_came(&mut self, now: Instant) {
        self.since_probe = 0;
        self.wait_longer(now);
    }

    /// From when to when to listen. The crystal runs meanwhile: it draws a twentieth of the receiver.
    pub(super) fn window(&self, now: Instant) -> Option<(Instant, Instant)> {
        match self.phase {
            Phase::Listening { from, until, .. } if now < until => Some((from, until)),
            Phase::Listening { .. } | Phase::Idle | Phase::Waiting { .. } | Phase::More | Phase::Asking => None,
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waiting { until } => Some(until),
            // It is due, and made by the poll that finds it so.
            Phase::More => Some(Instant::ZERO),
            Phase::Idle | Phase::Asking | Phase::Listening { .. } => None,
        }
    }

    fn wait_longer(&mut self, now: Instant) {
        self.phase = match self.requests {
            ..MAX_REQUESTS => Phase::Waiting { until: after(now, self.answer_after_us << self.requests) },
            MAX_REQUESTS.. => Phase::Idle,
        };
    }

    fn learn(&mut self, was_in_time: bool) {
        let us = self.answer_after_us;
        let learned_us = if was_in_time { us - us / 128 } else { us * 2 };
        self.answer_after_us = learned_us.clamp(SHORTEST_US, LONGEST_US);
    }
}

const fn after(now: Instant, us: u32) -> Instant {
    Instant::from_micros(now.as_micros() + us as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    #[test]
    fn the_receiver_is_on_only_when_a_frame_is_announced() {
        let mut polling = Polling::new();
        polling.start(at(0));
        assert_eq!((polling.poll_timeout(), polling.window(at(0))), (Some(at(20)), None));
        polling.begin();
        polling.asked(at(20), true);
        assert_eq!(polling.window(at(20)), Some((at(20), at(70))));
        polling.came(at(25), 20, false);
        polling.stop();
        assert_eq!((polling.poll_timeout(), polling.window(at(25))), (None, None));
    }

    #[test]
    fn a_gateway_that_never_answers_is_asked_six_times() {
        let mut polling = Polling::new();
        polling.start(at(0));
        let mut requests = 0;
        while let Some(due) = polling.poll_timeout() {
            polling.begin();
            polling.asked(due, false);
            requests += 1;
        }
        assert_eq!(requests, MAX_REQUESTS);
    }

    #[test]
    fn how_long_the_gateway_takes_is_learned() {
        let mut polling = Polling::new();
        let (mut now, mut misses) = (at(0), 0);
        for _ in 0..900 {
            polling.start(now);
            let ready = now + Duration::from_millis(90);
            loop {
                let due = polling.poll_timeout().expect("it asks on");
                polling.begin();
                polling.asked(due, due >= ready);
                if due >= ready {
                    break;
                }
                misses += 1;
            }
            now = now + Duration::from_secs(300);
            polling.came(now, 20, false);
        }
        // Three to find it out, then one in ninety.
        assert!((8..15).contains(&misses), "{misses} requests came too early");
    }

    #[test]
    fn the_receiver_is_off_for_most_of_what_the_dongle_takes() {
        let mut polling = Polling::new();
        let mut now = at(0);
        let mut on = [0; 64];
        for on in &mut on {
            polling.start(now);
            now = polling.poll_timeout().expect("it asks");
            polling.begin();
            polling.asked(now, true);
            let frame = now + Duration::from_millis(4);
            let (from, _) = polling.window(now).expect("it listens");
            *on = frame.since(from).as_micros() as u32;
            now = after(frame, 28 * OCTET_US);
            polling.came(now, 20, false);
        }
        let probes = on.iter().filter(|on| **on == 4_000).count();
        assert_eq!((probes, on[1]), (2, BEFORE_FRAME_US), "{on:?}");
    }
}
