//! EVENTS and INTEN registers, which all peripherals have alike: bit n of INTEN is for the event at 0x100 + 4 n.

/// A peripheral's events.
#[derive(Debug)]
pub(crate) struct Events {
    /// Those that the peripheral has.
    known: u32,
    happened: u32,
    interrupt: u32,
    /// Since they were last taken, for PPI.
    fired: Vec<u8>,
}

const FIRST: u32 = 0x100;
const LAST: u32 = 0x17C;
const INTEN: u32 = 0x300;
const INTENSET: u32 = 0x304;
const INTENCLR: u32 = 0x308;

impl Events {
    /// Of a peripheral that has these.
    pub(crate) fn new(known: u32) -> Self {
        Self { known, happened: 0, interrupt: 0, fired: Vec::new() }
    }

    /// An event happens.
    pub(crate) fn fire(&mut self, event: u8) {
        self.happened |= 1 << event;
        self.fired.push(event);
    }

    pub(crate) fn has(&self, event: u8) -> bool {
        self.happened & 1 << event != 0
    }

    /// Whether an interrupt is asked for.
    pub(crate) fn line(&self) -> bool {
        self.happened & self.interrupt != 0
    }

    pub(crate) fn interrupts(&self) -> u32 {
        self.interrupt
    }

    pub(crate) fn take_fired(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.fired)
    }

    /// Whether a register is of this kind.
    pub(crate) fn covers(offset: u32) -> bool {
        (FIRST..=LAST).contains(&offset) || (INTEN..=INTENCLR).contains(&offset)
    }

    pub(crate) fn read(&self, offset: u32) -> Option<u32> {
        match offset {
            INTEN | INTENSET | INTENCLR => Some(self.interrupt),
            _ => Some(u32::from(self.has(self.known(offset)?))),
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) -> Option<()> {
        match offset {
            INTEN => self.interrupt = value,
            INTENSET => self.interrupt |= value,
            INTENCLR => self.interrupt &= !value,
            _ if value == 0 => self.happened &= !(1 << self.known(offset)?),
            _ => {
                let event = self.known(offset)?;
                self.happened |= 1 << event;
            }
        }
        Some(())
    }

    fn known(&self, offset: u32) -> Option<u8> {
        let event = (offset - FIRST) / 4;
        (self.known & 1 << event != 0).then_some(event as u8)
    }
}
