//! What ends an emulation.

use thiserror::Error;

/// Why the emulation cannot go on. None of these is the firmware's to handle.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// The firmware uses a register, or a task or an event, that no model here has.
    #[error("{access} of {address:#010x} ({peripheral} + {offset:#05x}) at {pc:#x}: no model has that register")]
    Unmodelled {
        /// "read" or "write", with the value.
        access: String,
        /// What is there.
        peripheral: &'static str,
        /// From the peripheral's beginning.
        offset: u32,
        /// The whole address.
        address: u32,
        /// Of the instruction.
        pc: u32,
    },
    /// The firmware does what the product specification forbids.
    #[error("{what} at {pc:#x}")]
    Misuse {
        /// What.
        what: String,
        /// Of the instruction.
        pc: u32,
    },
    /// A fault in the handler of faults: the processor is locked up.
    #[error("lockup at {pc:#x}: {what}")]
    Lockup {
        /// The last fault.
        what: String,
        /// Of the instruction.
        pc: u32,
    },
    /// The processor sleeps, and nothing will ever wake it.
    #[error("asleep for ever at {pc:#x}")]
    AsleepForEver {
        /// Of the instruction.
        pc: u32,
    },
    /// The file is no image for this chip.
    #[error("no image: {0}")]
    Image(String),
    /// Unicorn has refused.
    #[error("unicorn: {0}")]
    Engine(String),
}
