//! A fingerprint of a run.

use std::fmt::{self, Write};
use std::hash::Hasher;

/// A hash (FNV-1a, 64 bits) of all that happened, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trace(u64);

impl Trace {
    pub(crate) const EMPTY: Self = Self(0xCBF2_9CE4_8422_2325);

    /// Takes note of something that can only be printed.
    pub(crate) fn print(&mut self, what: &impl fmt::Debug) {
        // Writing into a hash cannot fail.
        let _ = write!(self, "{what:?}");
    }
}

impl Hasher for Trace {
    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.0 = (self.0 ^ u64::from(*octet)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write(text.as_bytes());
        Ok(())
    }
}
