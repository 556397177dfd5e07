//! The processor, by Unicorn, and how it runs: instruction by instruction, in and out of exceptions (`exceptions`), asleep;
//! and what can be done to it and asked of it from outside (`outside`).

mod exceptions;
mod outside;

use crate::air::Air;
use crate::board::Board;
use crate::fault::Fault;
use crate::image::Image;
use crate::nvic::Nvic;
use crate::peripherals::{FLASH_SIZE, Memory, Resets, UICR, UICR_SIZE};
use crate::time;
use exceptions::Frame;
use sn_types::Instant;
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;
use unicorn_engine::{Arch, ArmCpuModel, HookType, Mode, Prot, RegisterARM, Unicorn, uc_error};

const RAM: u32 = 0x2000_0000;
const RAM_SIZE: usize = 256 << 10;
const FICR: u32 = 0x1000_0000;
const PERIPHERALS: u32 = 0x4000_0000;
const PERIPHERALS_SIZE: u64 = 0x4_0000;
/// What the workarounds for errata write: USBD's, and what a sleeping chip takes.
const ERRATA: [u32; 2] = [0x4006_E000, 0x4007_A000];
const GPIO: u32 = 0x5000_0000;
/// What kind of chip it is: INFO.PART, INFO.VARIANT (AAD0).
const PART: [(u32, u32); 2] = [(0x100, 0x5_2840), (0x104, 0x4141_4430)];
/// The system control space, and the tracing units before it.
const SCS: u32 = 0xE000_E000;
const DWT: u32 = 0xE000_1000;
const DWT_CYCCNT: u64 = 4;
/// No code is there.
const NOWHERE: u64 = 0xFFFF_FFF8;
const EXCEPTIONS_RETURN_ABOVE: u32 = 0xFFFF_FFE0;
/// Unicorn's number of "return from an exception".
const EXCEPTION_EXIT: u32 = 8;
const WFE: u16 = 0xBF20;
const WFI: u16 = 0xBF30;
const SEV: u16 = 0xBF40;
/// A taken branch refills the pipeline (Cortex-M4 TRM, "Instruction set summary": 1 + P).
const REFILL: u64 = 2;
const THUMB: u32 = 1 << 24;

/// Why the chip was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// Power has come.
    PowerOn,
    /// The firmware has asked for it.
    Software,
    /// The watchdog was not fed.
    Watchdog,
}

/// Where a run has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// At the time that was asked for.
    Time,
    /// The power has failed.
    PowerLost,
}

/// An nRF52840 with an image in its flash and an antenna in the [`Air`].
pub struct Machine<A: Air + 'static> {
    unicorn: Unicorn<'static, ()>,
    board: Rc<RefCell<Board<A>>>,
    base: u32,
    pc: u32,
    frames: Vec<Frame>,
    last: Rc<RefCell<Trail>>,
    resets: Vec<(Instant, Reset)>,
    /// Of RAM; `None`: there is no bootloader.
    bootloader_leaves: Option<Range<u32>>,
}

/// What the last instruction was.
#[derive(Debug, Default)]
struct Trail {
    next: u32,
    asleep: Option<u16>,
    exception: Option<u32>,
}

impl Memory for Unicorn<'_, ()> {
    fn read(&mut self, address: u32, len: usize) -> Vec<u8> {
        self.mem_read_as_vec(address.into(), len).unwrap_or_else(|_| vec![0; len])
    }

    fn write(&mut self, address: u32, octets: &[u8]) {
        // Where there is no memory, DMA writes nothing.
        let _ = self.mem_write(address.into(), octets);
    }
}

impl<A: Air + 'static> Machine<A> {
    /// A chip that has just got power. `seed` is of all that is random in it.
    ///
    /// # Errors
    /// [`Fault::Engine`].
    pub fn new(image: &Image, air: A, seed: u64) -> Result<Self, Fault> {
        let mut unicorn = Unicorn::new(Arch::ARM, Mode::THUMB | Mode::MCLASS).map_err(engine)?;
        unicorn.ctl_set_cpu_model(ArmCpuModel::CORTEX_M4 as i32).map_err(engine)?;
        let board = Rc::new(RefCell::new(Board::new(image.flash().to_vec(), image.base(), air, seed)));
        let last = Rc::new(RefCell::new(Trail::default()));
        let mut machine = Self {
            unicorn,
            board,
            base: image.base(),
            pc: 0,
            frames: Vec::new(),
            last,
            resets: Vec::new(),
            bootloader_leaves: None,
        };
        machine.map().map_err(engine)?;
        machine.hook().map_err(engine)?;
        machine.power_on()?;
        Ok(machine)
    }

    fn map(&mut self) -> Result<(), uc_error> {
        let Self { unicorn, board, .. } = self;
        let memories =
            [(0, FLASH_SIZE), (RAM as usize, RAM_SIZE), (FICR as usize, UICR_SIZE), (UICR as usize, UICR_SIZE)];
        for (address, size) in memories {
            unicorn.mem_map(address as u64, size as u64, Prot::ALL)?;
        }
        unicorn.mem_write(FICR.into(), &[0xFF; UICR_SIZE])?;
        for (offset, value) in PART {
            unicorn.mem_write((FICR + offset).into(), &value.to_le_bytes())?;
        }
        for (base, size) in [(PERIPHERALS, PERIPHERALS_SIZE), (ERRATA[0], 0x1000), (ERRATA[1], 0x1000), (GPIO, 0x1000)]
        {
            let (reads, writes) = (Rc::clone(board), Rc::clone(board));
            unicorn.mmio_map(
                base.into(),
                size,
                Some(move |uc: &mut Unicorn<'_, ()>, offset: u64, _len: usize| {
                    reads.borrow_mut().read(uc, base + offset as u32).into()
                }),
                Some(move |uc: &mut Unicorn<'_, ()>, offset: u64, _len: usize, value: u64| {
                    writes.borrow_mut().write(uc, base + offset as u32, value as u32);
                }),
            )?;
        }
        self.map_system()
    }

    fn map_system(&mut self) -> Result<(), uc_error> {
        let Self { unicorn, board, .. } = self;
        let (reads, writes) = (Rc::clone(board), Rc::clone(board));
        unicorn.mmio_map(
            SCS.into(),
            0x1000,
            Some(move |_: &mut Unicorn<'_, ()>, offset: u64, _len: usize| {
                let mut board = reads.borrow_mut();
                let value = board.nvic.read(offset as u32);
                value.unwrap_or_else(|| unknown_system(&mut board, "read".into(), offset as u32)).into()
            }),
            Some(move |_: &mut Unicorn<'_, ()>, offset: u64, len: usize, value: u64| {
                let mut board = writes.borrow_mut();
                if board.nvic.write(offset as u32, len, value as u32).is_none() {
                    unknown_system(&mut board, format!("write of {value:#x}"), offset as u32);
                }
            }),
        )?;
        let clock = Rc::clone(board);
        unicorn.mmio_map(
            DWT.into(),
            0x1000,
            Some(move |_: &mut Unicorn<'_, ()>, offset: u64, _len: usize| match offset {
                DWT_CYCCNT => clock.borrow().now & 0xFFFF_FFFF,
                _ => 0,
            }),
            Some(|_: &mut Unicorn<'_, ()>, _offset: u64, _len: usize, _value: u64| {}),
        )
    }

    fn hook(&mut self) -> Result<(), uc_error> {
        let Self { unicorn, board, last, .. } = self;
        let (everything, trail) = (Rc::clone(board), Rc::clone(last));
        unicorn.add_code_hook(1, 0, move |uc, address, size| {
            if before_instruction(uc, &mut everything.borrow_mut(), &mut trail.borrow_mut(), address as u32, size) {
                let _ = uc.emu_stop();
            }
        })?;
        for (first, len) in [(0, FLASH_SIZE), (UICR as usize, UICR_SIZE)] {
            let board = Rc::clone(board);
            let (first, last) = (first as u64, (first + len - 1) as u64);
            unicorn.add_mem_hook(HookType::MEM_WRITE, first, last, move |_, _, address, len, value| {
                board.borrow_mut().stores(address as u32, len, value as u32);
                true
            })?;
        }
        let trail = Rc::clone(last);
        unicorn.add_intr_hook(move |uc, number| {
            trail.borrow_mut().exception = Some(number);
            let _ = uc.emu_stop();
        })?;
        Ok(())
    }

    /// Power comes: what the RAM holds is chance.
    ///
    /// # Errors
    /// [`Fault::Engine`].
    pub fn power_on(&mut self) -> Result<(), Fault> {
        self.fill_ram(RAM..RAM + RAM_SIZE as u32)?;
        let mut board = self.board.borrow_mut();
        board.chip.nvmc.power_fails_at = None;
        self.unicorn.mem_write(0, board.chip.nvmc.flash()).map_err(engine)?;
        self.unicorn.mem_write(UICR.into(), board.chip.nvmc.uicr()).map_err(engine)?;
        drop(board);
        self.start(Reset::PowerOn, Resets::default())
    }

    /// Chance writes to RAM.
    fn fill_ram(&mut self, range: Range<u32>) -> Result<(), Fault> {
        let mut board = self.board.borrow_mut();
        let octets: Vec<u8> = (0..range.len().div_ceil(8)).flat_map(|_| board.dice.rand_u64().to_le_bytes()).collect();
        self.unicorn.mem_write(range.start.into(), &octets[..range.len()]).map_err(engine)
    }

    /// The chip starts: RAM stays, but for what a bootloader uses, and all else is new.
    fn start(&mut self, why: Reset, resets: Resets) -> Result<(), Fault> {
        if let Some(left) = self.bootloader_leaves.clone() {
            self.fill_ram(RAM..left.start)?;
            self.fill_ram(left.end..RAM + RAM_SIZE as u32)?;
        }
        let mut board = self.board.borrow_mut();
        board.close(&mut self.unicorn, resets);
        board.nvic = Nvic::new(self.base);
        self.resets.push((time::instant(board.now), why));
        board.settle(&mut self.unicorn);
        drop(board);
        self.frames.clear();
        *self.last.borrow_mut() = Trail::default();
        let [stack, entry] = [0, 4].map(|offset| self.word(self.base + offset));
        for register in [RegisterARM::PRIMASK, RegisterARM::BASEPRI, RegisterARM::CONTROL] {
            self.unicorn.reg_write(register, 0).map_err(engine)?;
        }
        self.unicorn.reg_write(RegisterARM::XPSR, THUMB.into()).map_err(engine)?;
        self.unicorn.reg_write(RegisterARM::SP, stack.into()).map_err(engine)?;
        self.pc = entry;
        Ok(())
    }

    /// Runs for so long, through resets.
    ///
    /// # Errors
    /// The [`Fault`] with which the emulation cannot go on.
    pub fn run_until(&mut self, at: Instant) -> Result<Stop, Fault> {
        let mut board = self.board.borrow_mut();
        board.pause_at = time::cycle(at);
        // Others may have done something in the meantime.
        board.settle(&mut self.unicorn);
        drop(board);
        loop {
            if let Some(stop) = self.look()? {
                return Ok(stop);
            }
            if !self.sleep()? {
                self.execute()?;
            }
        }
    }

    /// What has stopped the processor, before it goes on.
    fn look(&mut self) -> Result<Option<Stop>, Fault> {
        let board = self.board.borrow();
        if let Some(fault) = board.fault.clone() {
            return Err(fault);
        }
        if board.power_has_failed() {
            return Ok(Some(Stop::PowerLost));
        }
        let mut resets = board.chip.clock.resets();
        if board.nvic.reset || board.chip.wdt.bites {
            let (why, reason) =
                if board.chip.wdt.bites { (Reset::Watchdog, 1 << 1) } else { (Reset::Software, 1 << 2) };
            resets.reasons |= reason;
            drop(board);
            self.start(why, resets)?;
            return Ok(None);
        }
        Ok((board.now >= board.pause_at).then_some(Stop::Time))
    }

    /// If the processor sleeps, time passes until it wakes. `false`: it does not sleep.
    fn sleep(&mut self) -> Result<bool, Fault> {
        let mut trail = self.last.borrow_mut();
        let Some(how) = trail.asleep else { return Ok(false) };
        let mut board = self.board.borrow_mut();
        board.nvic.check_sleep(self.pc)?;
        let masked = self.unicorn.reg_read(RegisterARM::PRIMASK).map_err(engine)? & 1 != 0;
        // An interrupt that is masked ends WFI, and WFE only if it counts as an event.
        let wakes = board.nvic.wakes() && (how == WFI || !masked);
        if wakes || (how == WFE && std::mem::take(&mut board.nvic.event)) {
            trail.asleep = None;
            return Ok(false);
        }
        if !board.sleep(&mut self.unicorn) {
            return Err(Fault::AsleepForEver { pc: self.pc });
        }
        Ok(true)
    }

    /// Executes instructions until something stops that, an exception to be taken for one.
    fn execute(&mut self) -> Result<(), Fault> {
        if let Some(exception) = self.wanted()? {
            self.enter(exception)?;
        }
        self.last.borrow_mut().next = self.pc & !1;
        let ended = self.unicorn.emu_start(u64::from(self.pc | 1), NOWHERE, 0, 0);
        self.pc = self.unicorn.reg_read(RegisterARM::PC).map_err(engine)? as u32 | 1;
        let exception = self.last.borrow_mut().exception.take();
        let returns = exception == Some(EXCEPTION_EXIT) || self.pc >= EXCEPTIONS_RETURN_ABOVE;
        match (returns, exception, ended) {
            (true, ..) => self.leave(),
            (false, Some(number), _) => self.hard_fault(&format!("processor exception {number}")),
            (false, None, Err(error)) => self.hard_fault(&format!("{error:?}")),
            (false, None, Ok(())) => {
                let mut trail = self.last.borrow_mut();
                if trail.asleep.is_some() {
                    // The instruction is over when the processor wakes.
                    self.pc = (trail.next + 2) | 1;
                    trail.next += 2;
                }
                Ok(())
            }
        }
    }

    fn word(&self, address: u32) -> u32 {
        let mut word = [0; 4];
        // What cannot be read is no code either, and faults there.
        let _ = self.unicorn.mem_read(address.into(), &mut word);
        u32::from_le_bytes(word)
    }
}

/// Time passes with each instruction. Whether to stop before it: something is to be done first.
fn before_instruction<A: Air>(
    uc: &mut Unicorn<'_, ()>,
    board: &mut Board<A>,
    trail: &mut Trail,
    address: u32,
    size: u32,
) -> bool {
    let branched = address != trail.next;
    board.pc = address;
    if board.stops() || (board.nvic.wakes() && is_unmasked(uc, &board.nvic)) {
        return true;
    }
    match instruction(uc, board, address, size) {
        how @ (WFE | WFI) => {
            trail.asleep = Some(how);
            trail.next = address;
            board.work(uc, 1);
            return true;
        }
        SEV => board.nvic.event = true,
        _ => {}
    }
    board.work(uc, 1 + if branched { REFILL } else { 0 });
    trail.next = address + size;
    false
}

/// A short instruction.
fn instruction<A: Air>(uc: &mut Unicorn<'_, ()>, board: &Board<A>, address: u32, size: u32) -> u16 {
    match (size, board.chip.nvmc.flash().get(address as usize..address as usize + 2)) {
        (2, Some(octets)) => u16::from_le_bytes([octets[0], octets[1]]),
        (2, None) => u16::from_le_bytes(Memory::read(uc, address, 2).try_into().unwrap_or_default()),
        _ => 0,
    }
}

fn is_unmasked(uc: &Unicorn<'_, ()>, nvic: &Nvic) -> bool {
    let primask = uc.reg_read(RegisterARM::PRIMASK).unwrap_or_default() & 1;
    let basepri = uc.reg_read(RegisterARM::BASEPRI).unwrap_or_default() as u8;
    primask == 0 && nvic.wanted(basepri).is_some()
}

fn unknown_system<A: Air>(board: &mut Board<A>, access: String, offset: u32) -> u32 {
    let pc = board.pc;
    board.fail(Fault::Unmodelled { access, peripheral: "system control space", offset, address: SCS + offset, pc });
    0
}

fn engine(error: uc_error) -> Fault {
    Fault::Engine(format!("{error:?}"))
}
