//! In and out of exceptions, which Unicorn leaves to its users.

use super::{Machine, THUMB, engine};
use crate::air::Air;
use crate::fault::Fault;
use crate::nvic::HARD_FAULT;
use unicorn_engine::RegisterARM;

/// Where a return from an exception jumps to: thread or handler, without floating point state on the stack.
const EXC_RETURN: u32 = 0xFFFF_FFF9;
const STACKED: [RegisterARM; 8] = [
    RegisterARM::R0,
    RegisterARM::R1,
    RegisterARM::R2,
    RegisterARM::R3,
    RegisterARM::R12,
    RegisterARM::LR,
    RegisterARM::PC,
    RegisterARM::XPSR,
];
const FLOATING: [RegisterARM; 9] = [
    RegisterARM::D0,
    RegisterARM::D1,
    RegisterARM::D2,
    RegisterARM::D3,
    RegisterARM::D4,
    RegisterARM::D5,
    RegisterARM::D6,
    RegisterARM::D7,
    RegisterARM::FPSCR,
];

/// An exception frame: whether the stack was padded, and the floating point registers, which a chip would stack when the
/// handler uses them.
pub(super) struct Frame {
    padding: u32,
    floating: [u64; FLOATING.len()],
}

impl<A: Air + 'static> Machine<A> {
    /// The exception that is to be taken now.
    pub(super) fn wanted(&self) -> Result<Option<u16>, Fault> {
        let masked = self.unicorn.reg_read(RegisterARM::PRIMASK).map_err(engine)? & 1 != 0;
        let basepri = self.unicorn.reg_read(RegisterARM::BASEPRI).map_err(engine)? as u8;
        Ok(self.board.borrow().nvic.wanted(basepri).filter(|_| !masked))
    }

    /// Exception entry (ARMv7-M, B1.5.6), on the main stack.
    pub(super) fn enter(&mut self, exception: u16) -> Result<(), Fault> {
        let mut registers = [0; 8];
        for (value, register) in registers.iter_mut().zip(STACKED) {
            *value = self.unicorn.reg_read(register).map_err(engine)? as u32;
        }
        registers[6] = self.pc & !1;
        let stack = self.unicorn.reg_read(RegisterARM::SP).map_err(engine)? as u32;
        let padding = stack & 4;
        let stack = stack - padding - 32;
        let octets: Vec<u8> = registers.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.unicorn.mem_write(stack.into(), &octets).map_err(engine)?;
        let status = registers[7] & 0xF800_0000 | THUMB | u32::from(exception);
        self.unicorn.reg_write(RegisterARM::SP, stack.into()).map_err(engine)?;
        self.unicorn.reg_write(RegisterARM::LR, EXC_RETURN.into()).map_err(engine)?;
        self.unicorn.reg_write(RegisterARM::XPSR, status.into()).map_err(engine)?;
        let mut floating = [0; FLOATING.len()];
        for (value, register) in floating.iter_mut().zip(FLOATING) {
            *value = self.unicorn.reg_read(register).map_err(engine)?;
        }
        self.frames.push(Frame { padding, floating });
        let mut board = self.board.borrow_mut();
        board.nvic.enter(exception);
        let vector = board.nvic.vtor + 4 * u32::from(exception);
        drop(board);
        self.pc = self.word(vector);
        Ok(())
    }

    /// Exception return (ARMv7-M, B1.5.8).
    pub(super) fn leave(&mut self) -> Result<(), Fault> {
        let (Some(_), Some(Frame { padding, floating })) = (self.board.borrow_mut().nvic.leave(), self.frames.pop())
        else {
            return Err(Fault::Lockup { what: "return from no exception".into(), pc: self.pc });
        };
        let stack = self.unicorn.reg_read(RegisterARM::SP).map_err(engine)? as u32;
        for (index, register) in STACKED.into_iter().enumerate() {
            let value = self.word(stack + 4 * index as u32);
            self.unicorn.reg_write(register, value.into()).map_err(engine)?;
        }
        for (value, register) in floating.into_iter().zip(FLOATING) {
            self.unicorn.reg_write(register, value).map_err(engine)?;
        }
        self.unicorn.reg_write(RegisterARM::SP, (stack + 32 + padding).into()).map_err(engine)?;
        self.pc = self.word(stack + 24) | 1;
        Ok(())
    }

    /// What the processor cannot do is for the firmware's handler.
    pub(super) fn hard_fault(&mut self, what: &str) -> Result<(), Fault> {
        if self.board.borrow().nvic.active() == HARD_FAULT {
            return Err(Fault::Lockup { what: what.into(), pc: self.pc });
        }
        self.enter(HARD_FAULT)
    }
}
