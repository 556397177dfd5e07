//! CLOCK and POWER, which share one address: oscillators, the regulator of USB, reset reasons, what outlives a reset.

use super::{Context, Kept, Peripheral, row};
use crate::events::Events;
use crate::time::cycles;

const HFCLKSTARTED: u8 = 0;
const LFCLKSTARTED: u8 = 1;
const USBDETECTED: u8 = 7;
const USBREMOVED: u8 = 8;
const USBPWRRDY: u8 = 9;
/// With POFWARN 2, DONE 3, CTTO 4, SLEEPENTER 5, SLEEPEXIT 6.
const EVENTS: u32 = 0b11_1111_1111;

/// tSTART_HFXO: from the task to the event, with the default debounce time (nRF52840 PS v1.7, "High frequency clock").
const HFXO_START: u64 = cycles(360);
/// tSTART_LFXO, typical (nRF52840 PS v1.7, "32.768 kHz crystal oscillator (LFXO)").
const LFXO_START: u64 = cycles(250_000);
/// From USBDETECTED to USBPWRRDY: the specification has no figure that says more than "some milliseconds".
const USB_REGULATOR_START: u64 = cycles(2_000);
/// tSTART_LFRC (nRF52840 PS v1.7, "32.768 kHz RC oscillator (LFRC)").
const LFRC_START: u64 = cycles(600);

const RESETREAS: u32 = 0x400;
const USBREGSTATUS: u32 = 0x438;
const GPREGRET: u32 = 0x51C;
const GPREGRET2: u32 = 0x520;
const LFCLKSRC: u32 = 0x518;
/// "Register is running": bit 16 of the STAT registers.
const RUNNING: u32 = 1 << 16;

/// What outlives resets but not a loss of power.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resets {
    /// RESETREAS: bit 0 pin, 1 watchdog, 2 software, 3 lockup.
    pub(crate) reasons: u32,
    /// GPREGRET and GPREGRET2.
    pub(crate) retained: [u32; 2],
}

#[derive(Debug)]
pub(crate) struct Clock {
    events: Events,
    hfxo: Oscillator,
    lf: Oscillator,
    /// The regulator of USB, which begins when there is power on the bus.
    usb: Oscillator,
    resets: Resets,
    kept: Kept,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Oscillator {
    #[default]
    Off,
    Starting(u64),
    On,
}

impl Oscillator {
    fn start(&mut self, at: u64) {
        if *self == Self::Off {
            *self = Self::Starting(at);
        }
    }

    fn due(self) -> Option<u64> {
        match self {
            Self::Starting(at) => Some(at),
            Self::Off | Self::On => None,
        }
    }

    fn begins(&mut self, now: u64) -> bool {
        let begins = self.due().is_some_and(|at| at <= now);
        if begins {
            *self = Self::On;
        }
        begins
    }

    /// The STAT registers' bit 16, beside the source.
    fn status(self, source: u32) -> u32 {
        if self == Self::On { RUNNING | source } else { 0 }
    }
}

impl Clock {
    pub(crate) fn new(resets: Resets, has_usb: bool) -> Self {
        // LFCLKSRC, CTIV, TRACECONFIG, LFRCMODE, POFCON, DCDCEN, DCDCEN0, and APPROTECT's two, which is at the same address;
        // RAM[n].POWER, and HFXODEBOUNCE.
        let zero = [0x518, 0x538, 0x55C, 0x5B4, 0x510, 0x578, 0x580, 0x550, 0x558].map(|offset| (offset, 0));
        let ram = row(0x900, 9 * 4).map(|(offset, _)| (offset, 0xFFFF));
        let kept = Kept::new(zero.into_iter().chain(ram).chain([(0x528, 0x10)]));
        let usb = if has_usb { Oscillator::On } else { Oscillator::Off };
        Self { events: Events::new(EVENTS), hfxo: Oscillator::Off, lf: Oscillator::Off, usb, resets, kept }
    }

    /// Power comes on the USB, or goes.
    pub(crate) fn plug(&mut self, now: u64, is_in: bool) {
        if is_in {
            self.usb.start(now + USB_REGULATOR_START);
        } else {
            self.usb = Oscillator::Off;
        }
        self.events.fire(if is_in { USBDETECTED } else { USBREMOVED });
    }

    /// What the next start is to know of this one.
    pub(crate) fn resets(&self) -> Resets {
        self.resets
    }

    /// The crystal oscillator, which the radio needs, is stable.
    pub(crate) fn has_hfxo(&self) -> bool {
        self.hfxo == Oscillator::On
    }
}

impl Peripheral for Clock {
    fn events(&mut self) -> &mut Events {
        &mut self.events
    }

    fn task(&mut self, task: u32, context: &mut Context<'_>) -> Option<()> {
        match task {
            0 => {
                context.meter.hfxo(context.now, true);
                if self.hfxo == Oscillator::On {
                    self.events.fire(HFCLKSTARTED);
                }
                self.hfxo.start(context.now + HFXO_START);
            }
            1 => {
                context.meter.hfxo(context.now, false);
                self.hfxo = Oscillator::Off;
            }
            2 => {
                let start = if self.kept.get(LFCLKSRC) & 3 == 1 { LFXO_START } else { LFRC_START };
                self.lf.start(context.now + start);
            }
            3 => self.lf = Oscillator::Off,
            // CONSTLAT and LOWPWR: how fast the chip wakes is not modelled.
            0x1E | 0x1F => {}
            _ => return None,
        }
        Some(())
    }

    fn read(&mut self, offset: u32, _now: u64) -> Option<u32> {
        Some(match offset {
            RESETREAS => self.resets.reasons,
            GPREGRET => self.resets.retained[0],
            GPREGRET2 => self.resets.retained[1],
            // VBUSDETECT, and OUTPUTRDY.
            USBREGSTATUS => u32::from(self.usb != Oscillator::Off) | u32::from(self.usb == Oscillator::On) << 1,
            0x408 => u32::from(self.hfxo != Oscillator::Off),
            0x40C => self.hfxo.status(1),
            0x414 => u32::from(self.lf != Oscillator::Off),
            0x418 => self.lf.status(self.kept.get(LFCLKSRC) & 3),
            0x41C => self.kept.get(LFCLKSRC),
            // MAINREGSTATUS: normal voltage. RAMSTATUS.
            0x640 => 0,
            0x428 => 0xF,
            _ => return self.kept.read(offset),
        })
    }

    fn write(&mut self, offset: u32, value: u32, _context: &mut Context<'_>) -> Option<()> {
        match offset {
            // Ones clear.
            RESETREAS => self.resets.reasons &= !value,
            GPREGRET => self.resets.retained[0] = value & 0xFF,
            GPREGRET2 => self.resets.retained[1] = value & 0xFF,
            _ => return self.kept.write(offset, value),
        }
        Some(())
    }

    fn poll_timeout(&self) -> Option<u64> {
        [self.hfxo.due(), self.lf.due(), self.usb.due()].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, context: &mut Context<'_>) {
        if self.hfxo.begins(context.now) {
            self.events.fire(HFCLKSTARTED);
        }
        if self.lf.begins(context.now) {
            self.events.fire(LFCLKSTARTED);
        }
        if self.usb.begins(context.now) {
            self.events.fire(USBPWRRDY);
        }
    }
}
