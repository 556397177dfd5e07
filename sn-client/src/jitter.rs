//! Randomness from a seed.

/// A small generator (xorshift32): enough to keep nodes out of step, not for secrets.
pub(crate) struct Jitter(u32);

impl Jitter {
    pub(crate) const fn new(seed: u32) -> Self {
        // Neighbouring seeds start far apart, and zero, which would stay zero, is avoided.
        Self(seed.wrapping_mul(0x9E37_79B9) | 1)
    }

    pub(crate) const fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// A number in 0..=`most`.
    #[inline(never)]
    pub(crate) fn up_to(&mut self, most: u32) -> u32 {
        let scaled = u64::from(self.next()) * (u64::from(most) + 1);
        (scaled >> 32) as u32
    }
}
