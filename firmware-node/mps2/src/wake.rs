//! Interrupts that end a wait. None has a handler: they stay disabled at the processor.

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;

/// A reason to end a wait, and its number on this board.
#[derive(Clone, Copy)]
pub(crate) enum Wake {
    Uart0Receive = 0,
    Timer1 = 9,
}

#[allow(unsafe_code, reason = "a promise about numbers")]
// SAFETY: the numbers are those of the board's manual, below 240, and do not change.
unsafe impl InterruptNumber for Wake {
    fn number(self) -> u16 {
        self as u16
    }
}

impl Wake {
    /// From now on it ends a wait.
    #[allow(unsafe_code, reason = "unmasking can break a critical section")]
    pub(crate) fn enable(self) {
        // SAFETY: interrupts are disabled at the processor, so no handler runs and no critical section is broken.
        unsafe { NVIC::unmask(self) }
    }

    /// It has been noticed. The device must have been told already, otherwise it comes again at once.
    pub(crate) fn clear(self) {
        NVIC::unpend(self);
    }
}
