//! GPIO: both ports' pins, and which of them are sensed.

use super::Kept;
use std::collections::BTreeMap;

/// Within the page at 0x5000_0000: P0 and P1.
const PORTS: [u32; 2] = [0x000, 0x300];
const OUT: u32 = 0x504;
const IN: u32 = 0x510;
const DIR: u32 = 0x514;
const LATCH: u32 = 0x520;
const DETECTMODE: u32 = 0x524;
const PIN_CNF: u32 = 0x700;
/// PIN_CNF: bits 16 and 17.
const SENSE_HIGH: u32 = 2;
const SENSE_LOW: u32 = 3;

#[derive(Debug)]
struct Port {
    kept: Kept,
    levels: u32,
    detect: bool,
}

#[derive(Debug)]
pub(crate) struct Gpio {
    ports: BTreeMap<u32, Port>,
}

impl Gpio {
    /// All inputs are high, as a button that is not pressed.
    pub(crate) fn new() -> Self {
        let configurations = (0..32).map(|pin| (PIN_CNF + 4 * pin, 2));
        let kept = || Kept::new(configurations.clone().chain([OUT, DIR, LATCH, DETECTMODE].map(|offset| (offset, 0))));
        Self {
            ports: PORTS
                .map(|base| (base, Port { kept: kept(), levels: u32::MAX, detect: false }))
                .into_iter()
                .collect(),
        }
    }

    fn port(&mut self, offset: u32) -> Option<(&mut Port, u32)> {
        // A port's registers end at 0x780 after its base, and begin at 0x504: the second's are 0x804 to 0xA80.
        let base = if offset >= PORTS[1] + OUT && offset >= 0x780 { PORTS[1] } else { PORTS[0] };
        Some((self.ports.get_mut(&base)?, offset - base))
    }

    /// The level at an input changes; says whether DETECT rises.
    pub(crate) fn set_input(&mut self, port: usize, pin: u8, high: bool) -> bool {
        let Some(port) = self.ports.get_mut(&PORTS[port]) else { return false };
        let bit = 1 << pin;
        port.levels = if high { port.levels | bit } else { port.levels & !bit };
        port.follow(false)
    }

    pub(crate) fn read(&mut self, offset: u32) -> Option<u32> {
        let (port, offset) = self.port(offset)?;
        match offset {
            IN => Some(port.levels),
            0x508 | 0x50C => Some(port.kept.get(OUT)),
            0x518 | 0x51C => Some(port.kept.get(DIR)),
            _ => port.kept.read(offset),
        }
    }

    /// Whether DETECT rises by it; `None`: there is no such register.
    pub(crate) fn write(&mut self, offset: u32, value: u32) -> Option<bool> {
        let (port, offset) = self.port(offset)?;
        let (to, value) = match offset {
            0x508 => (OUT, port.kept.get(OUT) | value),
            0x50C => (OUT, port.kept.get(OUT) & !value),
            0x518 => (DIR, port.kept.get(DIR) | value),
            0x51C => (DIR, port.kept.get(DIR) & !value),
            LATCH => (LATCH, port.kept.get(LATCH) & !value),
            _ => (offset, value),
        };
        port.kept.write(to, value)?;
        // What stays latched makes DETECT rise again.
        Some(port.follow(offset == LATCH))
    }
}

impl Port {
    /// Follows pins and LATCH; says whether DETECT rises. `again`: it falls before.
    fn follow(&mut self, again: bool) -> bool {
        let sensed = (0..32).filter(|pin| self.senses(*pin)).fold(0, |bits, pin| bits | 1 << pin);
        let latched = self.kept.get(LATCH) | sensed;
        let _ = self.kept.write(LATCH, latched);
        let source = if self.kept.get(DETECTMODE) & 1 != 0 { latched } else { sensed };
        let was = std::mem::replace(&mut self.detect, source != 0);
        self.detect && (again || !was)
    }

    fn senses(&self, pin: u32) -> bool {
        let high = self.levels & 1 << pin != 0;
        match self.kept.get(PIN_CNF + 4 * pin) >> 16 & 3 {
            SENSE_HIGH => high,
            SENSE_LOW => !high,
            _ => false,
        }
    }
}
