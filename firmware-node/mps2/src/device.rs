//! Registers of the board's devices. The only place that touches addresses.

/// A device of Arm's Cortex-M System Design Kit, which has a page of registers.
#[derive(Clone, Copy)]
pub(crate) struct Device {
    base: usize,
}

/// Counts down at [`TIMER_HZ`].
pub(crate) const TIMER0: Device = Device { base: 0x4000_0000 };
/// The same.
pub(crate) const TIMER1: Device = Device { base: 0x4000_1000 };
/// What is QEMU's first `-serial`.
pub(crate) const UART0: Device = Device { base: 0x4000_4000 };

/// The clock of timers and UART.
pub(crate) const TIMER_HZ: u64 = 25_000_000;

/// Where a register is. All devices have these, with different meanings.
#[derive(Clone, Copy)]
pub(crate) enum Offset {
    X00 = 0x00,
    X04 = 0x04,
    X08 = 0x08,
    X0C = 0x0C,
    X10 = 0x10,
}

impl Device {
    #[allow(unsafe_code, reason = "a device register")]
    pub(crate) fn read(self, offset: Offset) -> u32 {
        // SAFETY: `base` is one of the constants above, each the start of a device's 4 KiB; every offset is within,
        // aligned, and no memory of the program.
        unsafe { self.register(offset).read_volatile() }
    }

    #[allow(unsafe_code, reason = "a device register")]
    pub(crate) fn write(self, offset: Offset, value: u32) {
        // SAFETY: as in `read`; none of these devices writes to memory by itself.
        unsafe { self.register(offset).write_volatile(value) }
    }

    const fn register(self, offset: Offset) -> *mut u32 {
        (self.base + offset as usize) as *mut u32
    }
}
