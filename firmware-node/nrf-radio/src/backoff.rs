//! Unslotted CSMA-CA (IEEE 802.15.4-2011 §5.1.1.4): how long to wait before each look at the channel.

/// aUnitBackoffPeriod: 20 symbols, in microseconds.
pub const UNIT_US: u32 = 320;
const MIN_BE: u8 = 3;
const MAX_BE: u8 = 5;
/// macMaxCSMABackoffs: busy this often and once more, the frame is given up.
const MAX_BACKOFFS: u8 = 4;

/// macMaxFrameRetries: how often a frame is sent again that was not acknowledged.
pub const MAX_RETRIES: u8 = 3;

/// How long after a frame its acknowledgement may end, in microseconds: macAckWaitDuration, 54 symbols.
pub const ACK_WAIT_US: u32 = 864;

/// One attempt to get a frame onto the air.
pub struct Backoff {
    looks: u8,
    exponent: u8,
    /// The first look does not wait.
    is_at_once: bool,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

impl Backoff {
    /// Nothing waited for yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { looks: 0, exponent: MIN_BE, is_at_once: false }
    }

    /// The same for a frame that somebody has just asked for and listens for: the first look comes at once, as macMinBE = 0
    /// has it (§5.1.1.4). If the channel is busy then, or nothing is acknowledged, it goes on as for any frame.
    #[must_use]
    pub const fn of_reply() -> Self {
        Self { is_at_once: true, ..Self::new() }
    }

    /// Microseconds until the next look at the channel; `None`: it was busy too often. `random` is any number, another one
    /// each time.
    pub fn next_us(&mut self, random: u32) -> Option<u32> {
        if self.looks > MAX_BACKOFFS {
            return None;
        }
        self.looks += 1;
        if core::mem::take(&mut self.is_at_once) {
            return Some(0);
        }
        let units = random & ((1 << self.exponent) - 1);
        self.exponent = (self.exponent + 1).min(MAX_BE);
        Some(units * UNIT_US)
    }
}

/// A small generator (xorshift32): it keeps stations out of step, and is for no secrets.
pub struct Random(u32);

impl Random {
    /// From any number, another one for each station.
    #[must_use]
    pub const fn new(seed: u32) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9) | 1)
    }

    /// The next number. Its high bits are the better ones, so these are what is taken.
    pub const fn draw(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 >> 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_channel_is_looked_at_five_times_ever_later() {
        let mut backoff = Backoff::new();
        let longest: [_; 6] = core::array::from_fn(|_| backoff.next_us(u32::MAX));
        assert_eq!(longest, [Some(2_240), Some(4_800), Some(9_920), Some(9_920), Some(9_920), None]);
        assert_eq!(Backoff::new().next_us(0), Some(0), "the first look may be at once");
    }

    #[test]
    fn a_reply_waits_only_if_the_channel_was_busy() {
        let mut backoff = Backoff::of_reply();
        let longest: [_; 6] = core::array::from_fn(|_| backoff.next_us(u32::MAX));
        assert_eq!(longest, [Some(0), Some(2_240), Some(4_800), Some(9_920), Some(9_920), None]);
    }

    #[test]
    fn stations_with_neighbouring_seeds_wait_differently() {
        let mut waits = [0; 8];
        for seed in 0..800 {
            let mut random = Random::new(seed);
            let wait = Backoff::new().next_us(random.draw()).unwrap() / UNIT_US;
            waits[wait as usize] += 1;
        }
        assert!(waits.iter().all(|count| (60..140).contains(count)), "{waits:?}");
    }
}
