//! The processor's own registers: interrupts and their priorities, and the system control block (ARMv7-M, B3).

use crate::fault::Fault;

/// Exceptions before the first interrupt.
pub(crate) const FIRST_IRQ: u16 = 16;
pub(crate) const HARD_FAULT: u16 = 3;
const PENDSV: u16 = 14;
const IRQS: u32 = 48;
/// Priorities have three bits.
const PRIORITY_BITS: u8 = 0xE0;
/// Beyond all priorities: nothing is being handled.
const THREAD: u16 = 256;

/// What is pending, enabled and being handled.
#[derive(Debug)]
pub(crate) struct Nvic {
    enabled: u64,
    pended: u64,
    /// What peripherals ask for now.
    lines: u64,
    pendsv: bool,
    active: Vec<u16>,
    priorities: [u8; IRQS as usize],
    system_priorities: [u8; 12],
    /// Of the vector table.
    pub(crate) vtor: u32,
    scr: u32,
    /// The firmware asks for a reset.
    pub(crate) reset: bool,
    pub(crate) event: bool,
}

impl Nvic {
    pub(crate) fn new(vtor: u32) -> Self {
        Self {
            enabled: 0,
            pended: 0,
            lines: 0,
            pendsv: false,
            active: Vec::new(),
            priorities: [0; IRQS as usize],
            system_priorities: [0; 12],
            vtor,
            scr: 0,
            reset: false,
            event: false,
        }
    }

    /// What the peripherals ask for, one bit each.
    pub(crate) fn set_lines(&mut self, lines: u64) {
        let before = self.ready();
        self.lines = lines;
        self.wake_on(before);
    }

    /// SEVONPEND: a newly pending interrupt is an event, also one that is not enabled.
    fn wake_on(&mut self, before: u64) {
        if self.scr & 1 << 4 != 0 && self.ready() & !before != 0 {
            self.event = true;
        }
    }

    /// Pending, enabled or not.
    fn ready(&self) -> u64 {
        let active = self.active.iter().filter_map(|exception| exception.checked_sub(FIRST_IRQ));
        let active = active.fold(0, |bits, irq| bits | 1 << irq);
        self.pended | self.lines & !active
    }

    /// Whether a sleeping processor would wake.
    pub(crate) fn wakes(&self) -> bool {
        self.wanted(0).is_some()
    }

    /// The exception that is to be taken, unless PRIMASK is set. `basepri`: 0 is none.
    pub(crate) fn wanted(&self, basepri: u8) -> Option<u16> {
        let ready = self.ready() & self.enabled;
        if ready == 0 && !self.pendsv {
            return None;
        }
        let irqs = (0..IRQS as u16).filter(|irq| ready & 1 << irq != 0).map(|irq| FIRST_IRQ + irq);
        let all = irqs.chain(self.pendsv.then_some(PENDSV));
        let (priority, exception) = all.map(|exception| (self.priority(exception), exception)).min()?;
        let ceiling = if basepri == 0 { THREAD } else { u16::from(basepri & PRIORITY_BITS) };
        let current = self.active.iter().map(|active| self.priority(*active)).min().unwrap_or(THREAD);
        (priority < current.min(ceiling)).then_some(exception)
    }

    fn priority(&self, exception: u16) -> u16 {
        match exception.checked_sub(FIRST_IRQ) {
            Some(irq) => self.priorities[usize::from(irq)].into(),
            None if exception <= HARD_FAULT => 0,
            None => self.system_priorities[usize::from(exception) - 4].into(),
        }
    }

    pub(crate) fn enter(&mut self, exception: u16) {
        match exception.checked_sub(FIRST_IRQ) {
            Some(irq) => self.pended &= !(1 << irq),
            None => self.pendsv &= exception != PENDSV,
        }
        self.active.push(exception);
        self.event = true;
    }

    /// The last one is handled. `None`: none was.
    pub(crate) fn leave(&mut self) -> Option<u16> {
        self.event = true;
        self.active.pop()
    }

    /// What is being handled; 0: nothing.
    pub(crate) fn active(&self) -> u16 {
        self.active.last().copied().unwrap_or_default()
    }

    /// Reads the system control space, from 0xE000_E000.
    pub(crate) fn read(&self, offset: u32) -> Option<u32> {
        Some(match offset {
            0x100 | 0x180 => self.enabled as u32,
            0x104 | 0x184 => (self.enabled >> 32) as u32,
            0x200 | 0x280 => self.ready() as u32,
            0x204 | 0x284 => (self.ready() >> 32) as u32,
            0x400..0x430 => word(&self.priorities, offset - 0x400),
            // CPUID: Cortex-M4 r0p1.
            0xD00 => 0x410F_C241,
            0xD04 => u32::from(self.active()) | u32::from(self.pendsv) << 28,
            0xD08 => self.vtor,
            0xD0C => 0xFA05_0000,
            0xD10 => self.scr,
            0xD14 => 0x200,
            0xD18..0xD24 => word(&self.system_priorities, offset - 0xD18),
            // SHCSR, CFSR, HFSR, MMFAR, BFAR.
            0xD24..=0xD38 => 0,
            // CPACR: the floating point unit is always on.
            0xD88 => 0xF0_0000,
            // DHCSR and DEMCR: no debugger.
            0xDF0 | 0xDFC => 0,
            // FPCCR.
            0xF34 => 0,
            _ => return None,
        })
    }

    /// Writes it, an octet of a priority or a word.
    pub(crate) fn write(&mut self, offset: u32, len: usize, value: u32) -> Option<()> {
        let before = self.ready();
        let wide = |shift: u32| u64::from(value) << shift;
        match (offset, len) {
            (0x100 | 0x104, 4) => self.enabled |= wide((offset - 0x100) * 8),
            (0x180 | 0x184, 4) => self.enabled &= !wide((offset - 0x180) * 8),
            (0x200 | 0x204, 4) => self.pended |= wide((offset - 0x200) * 8),
            (0x280 | 0x284, 4) => self.pended &= !wide((offset - 0x280) * 8),
            (0x400..0x430, _) => set(&mut self.priorities, offset - 0x400, len, value),
            (0xD04, 4) => self.pendsv = (self.pendsv || value & 1 << 28 != 0) && value & 1 << 27 == 0,
            (0xD08, 4) => self.vtor = value,
            (0xD0C, 4) => self.reset = value & 0xFFFF_0004 == 0x05FA_0004,
            (0xD10, 4) => self.scr = value,
            (0xD18..0xD24, _) => set(&mut self.system_priorities, offset - 0xD18, len, value),
            // CCR, SHCSR, CFSR, HFSR, CPACR, DEMCR, FPCCR.
            (0xD14 | 0xD24 | 0xD28 | 0xD2C | 0xD88 | 0xDFC | 0xF34, 4) => {}
            _ => return None,
        }
        self.wake_on(before);
        Some(())
    }

    /// SLEEPDEEP would be a mistake: on this chip it means nothing.
    pub(crate) fn check_sleep(&self, pc: u32) -> Result<(), Fault> {
        match self.scr & 1 << 2 {
            0 => Ok(()),
            _ => Err(Fault::Misuse { what: "sleep with SLEEPDEEP".into(), pc }),
        }
    }
}

fn word(octets: &[u8], at: u32) -> u32 {
    octets[at as usize..].first_chunk().map_or(0, |word| u32::from_le_bytes(*word))
}

fn set(octets: &mut [u8], at: u32, len: usize, value: u32) {
    let new = value.to_le_bytes();
    octets.iter_mut().skip(at as usize).zip(&new[..len.min(4)]).for_each(|(octet, new)| *octet = new & PRIORITY_BITS);
}
