//! UARTE: a serial line with DMA, at 115,200 baud whatever it is set to, with a typist and a screen at its other end.

use super::{Context, Kept, Peripheral};
use crate::events::Events;
use std::collections::VecDeque;

const RXDRDY: u8 = 2;
const ENDRX: u8 = 4;
const TXDRDY: u8 = 7;
const ENDTX: u8 = 8;
const RXTO: u8 = 17;
const RXSTARTED: u8 = 19;
const TXSTARTED: u8 = 20;
const TXSTOPPED: u8 = 22;
/// With CTS 0, NCTS 1 and ERROR 9, which never happen here.
const EVENTS: u32 = 0x5A_0397;
const SHORTS: u32 = 0x200;
/// ENDRX starts the next reception, or stops the receiver.
const ENDRX_STARTRX: u32 = 1 << 5;
const ENDRX_STOPRX: u32 = 1 << 6;
const RX: u32 = 0x534;
const TX: u32 = 0x544;
const MAXCNT: u32 = 4;
const AMOUNT: u32 = 8;
/// Ten bits, in cycles.
const OCTET: u64 = 10 * 64_000_000 / 115_200;

#[derive(Debug)]
pub(crate) struct Uarte {
    events: Events,
    kept: Kept,
    /// What is typed, and has not come.
    typed: VecDeque<u8>,
    /// When the next octet is there; `None`: nothing is received.
    receives_at: Option<u64>,
    sent_at: Option<u64>,
    /// What was sent.
    pub(crate) screen: Vec<u8>,
}

impl Uarte {
    pub(crate) fn new() -> Self {
        // ERRORSRC, ENABLE, PSEL, BAUDRATE, both directions' DMA, CONFIG.
        let registers = [
            SHORTS,
            0x480,
            0x500,
            0x508,
            0x50C,
            0x510,
            0x514,
            0x524,
            RX,
            RX + MAXCNT,
            RX + AMOUNT,
            TX,
            TX + MAXCNT,
            TX + AMOUNT,
            0x56C,
        ];
        Self {
            events: Events::new(EVENTS),
            kept: Kept::new(registers.map(|offset| (offset, 0))),
            typed: VecDeque::new(),
            receives_at: None,
            sent_at: None,
            screen: Vec::new(),
        }
    }

    /// Somebody types, as fast as the line takes it.
    pub(crate) fn type_in(&mut self, now: u64, text: &[u8]) {
        self.typed.extend(text);
        self.receives_at = self.receives_at.map(|at| at.min(now + OCTET));
    }

    fn start_reception(&mut self, now: u64) {
        let _ = self.kept.write(RX + AMOUNT, 0);
        self.receives_at = Some(if self.typed.is_empty() { u64::MAX } else { now + OCTET });
        self.events.fire(RXSTARTED);
    }

    fn stop_reception(&mut self) {
        if self.receives_at.take().is_some() {
            self.events.fire(ENDRX);
        }
        self.events.fire(RXTO);
    }

    fn receive(&mut self, context: &mut Context<'_>) {
        let Some(octet) = self.typed.pop_front() else { return };
        let amount = self.kept.get(RX + AMOUNT);
        context.memory.write(self.kept.get(RX) + amount, &[octet]);
        let _ = self.kept.write(RX + AMOUNT, amount + 1);
        self.events.fire(RXDRDY);
        self.receives_at = Some(if self.typed.is_empty() { u64::MAX } else { context.now + OCTET });
        if amount + 1 >= self.kept.get(RX + MAXCNT) {
            self.receives_at = None;
            self.events.fire(ENDRX);
            match self.kept.get(SHORTS) {
                shorts if shorts & ENDRX_STARTRX != 0 => self.start_reception(context.now),
                shorts if shorts & ENDRX_STOPRX != 0 => self.stop_reception(),
                _ => {}
            }
        }
    }

    fn sent(&mut self, context: &mut Context<'_>) {
        let len = self.kept.get(TX + MAXCNT);
        self.screen.extend(context.memory.read(self.kept.get(TX), len as usize));
        let _ = self.kept.write(TX + AMOUNT, len);
        self.events.fire(TXDRDY);
        self.events.fire(ENDTX);
    }
}

impl Peripheral for Uarte {
    fn events(&mut self) -> &mut Events {
        &mut self.events
    }

    fn task(&mut self, task: u32, context: &mut Context<'_>) -> Option<()> {
        match task {
            0 => self.start_reception(context.now),
            1 => self.stop_reception(),
            2 => {
                self.sent_at = Some(context.now + OCTET * u64::from(self.kept.get(TX + MAXCNT)));
                self.events.fire(TXSTARTED);
            }
            3 => {
                self.sent_at = None;
                self.events.fire(TXSTOPPED);
            }
            // FLUSHRX: nothing is left in a FIFO here.
            11 => {
                let _ = self.kept.write(RX + AMOUNT, 0);
                self.events.fire(ENDRX);
            }
            _ => return None,
        }
        Some(())
    }

    fn read(&mut self, offset: u32, _now: u64) -> Option<u32> {
        self.kept.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _context: &mut Context<'_>) -> Option<()> {
        self.kept.write(offset, value)
    }

    fn poll_timeout(&self) -> Option<u64> {
        let receives_at = self.receives_at.filter(|at| *at < u64::MAX);
        [receives_at, self.sent_at].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, context: &mut Context<'_>) {
        if self.receives_at.is_some_and(|at| at <= context.now) {
            self.receive(context);
        }
        if self.sent_at.take_if(|at| *at <= context.now).is_some() {
            self.sent(context);
        }
    }
}
