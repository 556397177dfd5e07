//! Everything around the processor: the bus, time, interrupts, power, and the air.

use crate::air::Air;
use crate::chip::{BASE, Chip, PAGE};
use crate::events::Events;
use crate::fault::Fault;
use crate::meter::Meter;
use crate::nvic::Nvic;
use crate::peripherals::{Context, Memory, Resets};
use crate::time;
use oorandom::Rand64;

/// Within RADIO: the tasks that need the crystal oscillator.
const RADIO: u32 = BASE + PAGE;
const RADIO_RXEN: u32 = RADIO + 4;
/// Within USBD: what shows the device to the host, for which it needs that oscillator, too.
const USBPULLUP: u32 = 0x4002_7504;
/// Within POWER: what switches the DC/DC converter on.
const DCDCEN: u32 = 0x4000_0578;
const GPIO: u32 = 0x5000_0000;
/// From an event of a peripheral to its address.
const FIRST_EVENT: u32 = 0x100;

/// The world of the processor.
#[derive(Debug)]
pub(crate) struct Board<A> {
    /// In cycles.
    pub(crate) now: u64,
    /// When something is due.
    pub(crate) next: u64,
    /// The emulation pauses then.
    pub(crate) pause_at: u64,
    /// Of the present instruction.
    pub(crate) pc: u32,
    pub(crate) chip: Chip,
    pub(crate) nvic: Nvic,
    pub(crate) meter: Meter,
    pub(crate) air: A,
    pub(crate) dice: Rand64,
    pub(crate) fault: Option<Fault>,
    /// The DC/DC converter's.
    pub(crate) has_coil: bool,
    /// Words that the processor has stored in flash and the controller has not seen yet.
    stores: Vec<(u32, usize, u32)>,
}

impl<A: Air> Board<A> {
    pub(crate) fn new(image: Vec<u8>, vtor: u32, air: A, seed: u64) -> Self {
        Self {
            now: 0,
            next: 0,
            pause_at: 0,
            pc: 0,
            chip: Chip::new(image),
            nvic: Nvic::new(vtor),
            meter: Meter::new(),
            air,
            dice: Rand64::new(seed.into()),
            fault: None,
            has_coil: true,
            stores: Vec::new(),
        }
    }

    /// Whether the processor is to stop before the next instruction.
    pub(crate) fn stops(&self) -> bool {
        self.fault.is_some()
            || self.nvic.reset
            || self.chip.wdt.bites
            || self.now >= self.pause_at
            || self.power_has_failed()
    }

    pub(crate) fn power_has_failed(&self) -> bool {
        self.chip.nvmc.power_fails_at.is_some_and(|at| at <= self.now)
    }

    /// The processor works for so long.
    pub(crate) fn work(&mut self, memory: &mut dyn Memory, cycles: u64) {
        self.meter.cpu(cycles);
        if self.now + cycles < self.next && self.stores.is_empty() {
            self.now += cycles;
        } else {
            self.pass(memory, self.now + cycles);
            self.carry_out_stores(memory);
        }
    }

    /// The processor sleeps until something is due, or the pause. `false`: nothing ever is.
    pub(crate) fn sleep(&mut self, memory: &mut dyn Memory) -> bool {
        let until = self.next.min(self.pause_at).min(self.chip.nvmc.power_fails_at.unwrap_or(u64::MAX));
        if until == u64::MAX {
            return false;
        }
        self.pass(memory, until.max(self.now));
        true
    }

    /// Time passes, and what is due in it happens, each thing at its own time.
    pub(crate) fn pass(&mut self, memory: &mut dyn Memory, until: u64) {
        while self.next <= until && self.fault.is_none() {
            self.now = self.now.max(self.next);
            self.happen(memory);
        }
        self.now = self.now.max(until);
    }

    fn happen(&mut self, memory: &mut dyn Memory) {
        let at = time::instant(self.now);
        if self.air.poll_timeout().is_some_and(|due| due <= at) {
            self.air.handle_timeout(at);
        }
        for number in 0..self.chip.each().len() {
            let now = self.now;
            self.with(memory, |chip, context| {
                let mut all = chip.each();
                let (_, peripheral) = &mut all[number];
                if peripheral.poll_timeout().is_some_and(|due| due <= now) {
                    peripheral.handle_timeout(context);
                }
            });
        }
        self.settle(memory);
    }

    /// Calls peripherals with what is around them.
    fn with<T>(&mut self, memory: &mut dyn Memory, call: impl FnOnce(&mut Chip, &mut Context<'_>) -> T) -> T {
        let Self { now, chip, meter, air, dice, .. } = self;
        let mut context = Context { now: *now, memory, air, meter, dice, stall: 0, misuse: None };
        let result = call(chip, &mut context);
        let (stall, misuse) = (context.stall, context.misuse);
        if let Some(what) = misuse {
            self.fail(Fault::Misuse { what, pc: self.pc });
        }
        self.stall(stall);
        result
    }

    /// The processor stands still; what is due meanwhile happens when it goes on.
    fn stall(&mut self, cycles: u64) {
        self.meter.cpu(cycles);
        let end = self.now + cycles;
        self.now = self.chip.nvmc.power_fails_at.map_or(end, |fails_at| end.min(fails_at.max(self.now)));
    }

    pub(crate) fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// What follows from what has just happened: frames that the air has, tasks by PPI, interrupts, the next time.
    pub(crate) fn settle(&mut self, memory: &mut dyn Memory) {
        while let Some(news) = self.air.poll() {
            self.with(memory, |chip, context| chip.radio.hear(news, context));
        }
        while let Some(tasks) = self.take_tasks() {
            for address in tasks {
                if self.start_task(memory, address).is_none() {
                    self.unmodelled(address, "task by PPI".into());
                }
            }
        }
        let mut lines = 0;
        let mut next = self.air.poll_timeout().map(time::cycle);
        for ((number, _), peripheral) in self.chip.each() {
            // Those without an interrupt come after all others.
            lines |= u64::from(peripheral.events().line()).checked_shl(number.into()).unwrap_or_default();
            next = next.into_iter().chain(peripheral.poll_timeout()).min();
        }
        self.nvic.set_lines(lines);
        self.next = next.unwrap_or(u64::MAX);
    }

    /// The tasks that events have started through PPI; `None`: no event has happened.
    fn take_tasks(&mut self) -> Option<Vec<u32>> {
        let mut fired = Vec::new();
        for ((number, _), peripheral) in self.chip.each() {
            let base = BASE + u32::from(number) * PAGE + FIRST_EVENT;
            fired.extend(peripheral.events().take_fired().into_iter().map(|event| base + 4 * u32::from(event)));
        }
        let ppi = &self.chip.ppi;
        (!fired.is_empty()).then(|| fired.into_iter().flat_map(|event| ppi.tasks_of(event)).collect())
    }

    fn start_task(&mut self, memory: &mut dyn Memory, address: u32) -> Option<()> {
        if (address == RADIO || address == RADIO_RXEN) && !self.chip.clock.has_hfxo() {
            self.fail(Fault::Misuse { what: "RADIO started without its crystal oscillator".into(), pc: self.pc });
        }
        self.with(memory, |chip, context| {
            let (_, peripheral) = chip.at(address)?;
            peripheral.task(address % PAGE / 4, context)
        })
    }

    /// The processor reads a peripheral's register.
    pub(crate) fn read(&mut self, memory: &mut dyn Memory, address: u32) -> u32 {
        // What is due by now is seen.
        self.pass(memory, self.now);
        let offset = address % PAGE;
        let value = if address >= GPIO {
            self.chip.gpio.read(address - GPIO)
        } else {
            let now = self.now;
            self.chip.at(address).and_then(|(_, peripheral)| match offset {
                // Tasks read as zero.
                0..FIRST_EVENT => Some(0),
                _ if Events::covers(offset) => peripheral.events().read(offset),
                _ => peripheral.read(offset, now),
            })
        };
        value.unwrap_or_else(|| {
            self.unmodelled(address, "read".into());
            0
        })
    }

    /// The processor writes it.
    pub(crate) fn write(&mut self, memory: &mut dyn Memory, address: u32, value: u32) {
        self.pass(memory, self.now);
        if address == USBPULLUP && value & 1 != 0 && !self.chip.clock.has_hfxo() {
            self.fail(Fault::Misuse { what: "USBD connected without its crystal oscillator".into(), pc: self.pc });
        }
        if address == DCDCEN && value & 1 != 0 && !self.has_coil {
            self.fail(Fault::Misuse {
                what: "DC/DC converter without its coil: the supply collapses".into(),
                pc: self.pc,
            });
        }
        let offset = address % PAGE;
        let done = if address >= GPIO {
            self.write_gpio(address - GPIO, value)
        } else if offset < FIRST_EVENT {
            if value & 1 == 0 { Some(()) } else { self.start_task(memory, address) }
        } else if Events::covers(offset) {
            self.chip.at(address).and_then(|(_, peripheral)| peripheral.events().write(offset, value))
        } else {
            self.with(memory, |chip, context| {
                let (_, peripheral) = chip.at(address)?;
                peripheral.write(offset, value, context)
            })
        };
        if done.is_none() {
            self.unmodelled(address, format!("write of {value:#x}"));
        }
        self.settle(memory);
    }

    fn write_gpio(&mut self, offset: u32, value: u32) -> Option<()> {
        if self.chip.gpio.write(offset, value)? {
            self.chip.gpiote.detect();
        }
        Some(())
    }

    fn unmodelled(&mut self, address: u32, access: String) {
        let peripheral = match self.chip.at(address) {
            Some(((_, name), _)) => name,
            None if address >= GPIO => "GPIO",
            None => "an unknown peripheral",
        };
        self.fail(Fault::Unmodelled { access, peripheral, offset: address % PAGE, address, pc: self.pc });
    }

    /// The processor is storing in flash.
    pub(crate) fn stores(&mut self, address: u32, len: usize, value: u32) {
        self.stores.push((address, len, value));
    }

    fn carry_out_stores(&mut self, memory: &mut dyn Memory) {
        for (address, len, value) in std::mem::take(&mut self.stores) {
            self.with(memory, |chip, context| chip.nvmc.store(address, len, value, context));
        }
    }

    /// The chip is reset: its radio is off, and all registers are as at the start.
    pub(crate) fn close(&mut self, memory: &mut dyn Memory, resets: Resets) {
        let now = self.now;
        self.with(memory, |chip, context| chip.radio.reset(context));
        self.meter.hfxo(now, false);
        let image = Vec::new();
        let chip = std::mem::replace(&mut self.chip, Chip::new(image));
        self.chip = chip.reset(resets);
        self.stores.clear();
    }

    /// The USB cable is plugged in, or out.
    pub(crate) fn plug(&mut self, memory: &mut dyn Memory, is_in: bool) {
        self.chip.usbd.is_plugged = is_in;
        self.chip.clock.plug(self.now, is_in);
        self.settle(memory);
    }

    /// A pin's level changes.
    pub(crate) fn set_input(&mut self, memory: &mut dyn Memory, port: usize, pin: u8, high: bool) {
        if self.chip.gpio.set_input(port, pin, high) {
            self.chip.gpiote.detect();
        }
        self.settle(memory);
    }
}
