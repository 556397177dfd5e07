//! What can be done to the chip and asked of it from outside.

use super::{FICR, Machine, RAM, RAM_SIZE, Reset, engine};
use crate::air::Air;
use crate::fault::Fault;
use crate::meter::Used;
use crate::peripherals::Memory;
use crate::time;
use crate::usb::Host;
use sn_types::Instant;
use std::cell::RefMut;
use std::ops::Range;

/// Below all that a stack grows down to, above all variables.
const ASTRAY: u32 = RAM + RAM_SIZE as u32 / 4 * 3;

impl<A: Air + 'static> Machine<A> {
    /// The time.
    #[must_use]
    pub fn now(&self) -> Instant {
        time::instant(self.board.borrow().now)
    }

    /// What the chip's antenna is in.
    pub fn air(&self) -> RefMut<'_, A> {
        RefMut::map(self.board.borrow_mut(), |board| &mut board.air)
    }

    /// When the chip does something next if nobody does anything to it: now if the processor works.
    pub(crate) fn next_event(&mut self) -> Instant {
        let mut board = self.board.borrow_mut();
        board.settle(&mut self.unicorn);
        let is_asleep = self.last.borrow().asleep.is_some() && !board.nvic.wakes();
        if is_asleep { time::instant(board.next).max(time::instant(board.now)) } else { time::instant(board.now) }
    }

    /// If its processor sleeps, time passes for it: what others did on the air then happens to it then.
    pub(crate) fn catch_up(&mut self, at: Instant) {
        let mut board = self.board.borrow_mut();
        if self.last.borrow().asleep.is_some() && !board.nvic.wakes() {
            board.pass(&mut self.unicorn, time::cycle(at));
        }
    }

    /// What was used since the first start.
    pub fn used(&self) -> Used {
        let mut board = self.board.borrow_mut();
        let now = board.now;
        board.meter.read(now)
    }

    /// All starts, the first included.
    #[must_use]
    pub fn resets(&self) -> &[(Instant, Reset)] {
        &self.resets
    }

    /// The power will fail then; [`Machine::power_on`] brings it back.
    pub fn fail_power_at(&mut self, at: Instant) {
        self.board.borrow_mut().chip.nvmc.power_fails_at = Some(time::cycle(at));
    }

    /// GPREGRET and GPREGRET2, which tell the next start something.
    #[must_use]
    pub fn retained(&self) -> [u32; 2] {
        self.board.borrow().chip.clock.resets().retained
    }

    /// From now on a bootloader runs at each start, before the image. It is not here, but what it does to RAM is: only this
    /// is left alone.
    pub fn run_bootloader(&mut self, leaves: Range<u32>) {
        self.bootloader_leaves = Some(leaves);
    }

    /// The board is one without the coil of the DC/DC converter.
    pub fn remove_coil(&mut self) {
        self.board.borrow_mut().has_coil = false;
    }

    /// Words that were written to flash and pages that were erased, so far.
    #[must_use]
    pub fn flash_operations(&self) -> (u64, u64) {
        self.board.borrow().chip.nvmc.operations
    }

    /// Programs the flash as a debugger does, before a start.
    pub fn program(&mut self, address: u32, octets: &[u8]) {
        self.board.borrow_mut().chip.nvmc.program(address, octets);
        Memory::write(&mut self.unicorn, address, octets);
    }

    /// What is in the flash.
    #[must_use]
    pub fn flash(&self, address: u32, len: usize) -> Vec<u8> {
        self.board.borrow().chip.nvmc.flash()[address as usize..][..len].to_vec()
    }

    /// Sets a value of the factory information, which the firmware reads.
    pub fn set_ficr(&mut self, offset: u32, value: u32) {
        Memory::write(&mut self.unicorn, FICR + offset, &value.to_le_bytes());
    }

    /// Somebody types at the first serial line.
    pub fn type_in(&mut self, text: &str) {
        let mut board = self.board.borrow_mut();
        let now = board.now;
        board.chip.uartes[0].type_in(now, text.as_bytes());
        board.settle(&mut self.unicorn);
    }

    /// What the first serial line has said since the last reset.
    #[must_use]
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.board.borrow().chip.uartes[0].screen).into_owned()
    }

    /// The processor goes astray: it executes this from now on, Thumb instructions in RAM that nothing else uses.
    ///
    /// # Errors
    /// [`Fault::Engine`].
    pub fn lead_astray(&mut self, instructions: &[u16]) -> Result<(), Fault> {
        let octets: Vec<u8> = instructions.iter().flat_map(|instruction| instruction.to_le_bytes()).collect();
        self.unicorn.mem_write(ASTRAY.into(), &octets).map_err(engine)?;
        self.last.borrow_mut().asleep = None;
        self.pc = ASTRAY | 1;
        Ok(())
    }

    /// The USB cable is plugged in, or out. The chip has its power from elsewhere.
    pub fn plug(&mut self, is_in: bool) {
        self.board.borrow_mut().plug(&mut self.unicorn, is_in);
    }

    /// The host at the other end of that cable.
    pub fn usb(&self) -> RefMut<'_, Host> {
        RefMut::map(self.board.borrow_mut(), |board| &mut board.chip.usbd.host)
    }

    /// The level at an input changes.
    pub fn set_input(&mut self, port: usize, pin: u8, high: bool) {
        self.board.borrow_mut().set_input(&mut self.unicorn, port, pin, high);
    }
}
