//! Memory that the radio reads and writes by itself.
//!
//! A slot is static and made of atomics, because the radio changes it like another thread would: so the compiler assumes
//! nothing about what is in it, and it takes no `unsafe`. Who owns a slot at a time, the radio or the program, is told by
//! the state machine.

use core::sync::atomic::{AtomicU8, Ordering, compiler_fence};
use lowpan::{FCS_LEN, MAX_FRAME, MAX_PSDU};

/// One frame as the radio has it: its length with check sequence, its octets without; the link quality after them.
pub(crate) struct Slot([AtomicU8; 1 + MAX_FRAME]);

impl Slot {
    pub(crate) const fn new() -> Self {
        Self([const { AtomicU8::new(0) }; 1 + MAX_FRAME])
    }

    /// For PACKETPTR. What was written before is seen by the radio.
    pub(crate) fn address(&'static self) -> u32 {
        compiler_fence(Ordering::SeqCst);
        core::ptr::from_ref(self) as u32
    }

    /// Puts a frame in, which has to have at most [`MAX_PSDU`] octets.
    pub(crate) fn fill(&self, psdu: &[u8]) {
        let psdu = psdu.get(..MAX_PSDU).unwrap_or(psdu);
        self.0[0].store((psdu.len() + FCS_LEN) as u8, Ordering::Relaxed);
        for (cell, octet) in self.0[1..].iter().zip(psdu) {
            cell.store(*octet, Ordering::Relaxed);
        }
    }

    /// Copies the frame that was received, and returns its length; 0 if it is shorter than its check sequence.
    pub(crate) fn copy_to(&self, psdu: &mut [u8; MAX_PSDU]) -> usize {
        compiler_fence(Ordering::SeqCst);
        let len = self.len();
        for (octet, cell) in psdu.iter_mut().take(len).zip(&self.0[1..]) {
            *octet = cell.load(Ordering::Relaxed);
        }
        len
    }

    /// The hardware's link quality, which it writes after the frame.
    pub(crate) fn quality(&self) -> u8 {
        self.0.get(1 + self.len()).map_or(0, |cell| cell.load(Ordering::Relaxed))
    }

    fn len(&self) -> usize {
        let len = usize::from(self.0[0].load(Ordering::Relaxed));
        len.clamp(FCS_LEN, MAX_FRAME) - FCS_LEN
    }
}
