//! Why the node was restarted: written where it happens into RAM that a reset leaves alone, and read at the start. That a
//! bootloader, which runs in between, leaves it alone as well is `boards`' business.

use config_page::text::hexadecimal;
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, exception};
use embassy_nrf::pac;
use embassy_nrf::pac::power::regs::Resetreas;
use node_app::fault::POWER_ON;

const TEXT_LEN: usize = 96;
/// What stands before a note: RAM that has lost its power is anything.
const MAGIC: [u8; 4] = *b"Flt1";

/// Magic, length, checksum, text.
#[allow(unsafe_code, reason = "a section that the start does not clear")]
// SAFETY: atomics may hold any octets, so it does not matter that nobody initialises them.
#[unsafe(link_section = ".uninit.fault")]
static NOTE: [AtomicU8; MAGIC.len() + 2 + TEXT_LEN] = [const { AtomicU8::new(0) }; MAGIC.len() + 2 + TEXT_LEN];

/// What the node is doing: what is told if the watchdog bites.
#[allow(unsafe_code, reason = "a section that the start does not clear")]
// SAFETY: as above.
#[unsafe(link_section = ".uninit.fault")]
static STAGE: AtomicU8 = AtomicU8::new(0);

/// Faults in a row, the same inverted, and a mark: of what RAM may be, one in 2^24 is taken for a number.
#[allow(unsafe_code, reason = "a section that the start does not clear")]
// SAFETY: as above.
#[unsafe(link_section = ".uninit.fault")]
static IN_A_ROW: AtomicU32 = AtomicU32::new(0);
/// What stands behind both.
const MARK: [u8; 2] = *b"Fn";

/// Where the node may get stuck.
#[derive(Clone, Copy)]
pub(crate) enum Stage {
    Start,
    Console,
    Sleep,
    Transmit,
    Listen,
    Measure,
    Flash,
}

impl Stage {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Start, "start"),
        (Self::Console, "console"),
        (Self::Sleep, "sleep"),
        (Self::Transmit, "transmit"),
        (Self::Listen, "listen"),
        (Self::Measure, "measure"),
        (Self::Flash, "flash"),
    ];

    fn last() -> &'static str {
        let stage = STAGE.load(Ordering::Relaxed);
        Self::ALL.into_iter().find(|(known, _)| *known as u8 == stage).map_or("nowhere", |(_, name)| name)
    }
}

/// From now on the node is here.
pub(crate) fn enter(stage: Stage) {
    STAGE.store(stage as u8, Ordering::Relaxed);
}

/// Why the node was restarted.
pub(crate) struct Fault {
    octets: [u8; TEXT_LEN],
    len: usize,
}

impl Fault {
    const EMPTY: Self = Self { octets: [0; TEXT_LEN], len: 0 };

    pub(crate) fn text(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }

    /// What is too long is cut off.
    fn push(&mut self, text: &str) {
        for (room, octet) in self.octets.iter_mut().skip(self.len).zip(text.bytes()) {
            *room = octet;
            self.len += 1;
        }
    }
}

impl Write for Fault {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

/// How many faults there have been in a row, with the one that [`take`] has found.
pub(crate) fn in_a_row() -> u8 {
    let word = IN_A_ROW.load(Ordering::Relaxed);
    let [count, ..] = word.to_le_bytes();
    // RAM that has lost its power is anything.
    if word == marked(count) { count } else { 0 }
}

/// So many faults in a row: none, once the node has worked for a while.
pub(crate) fn count(faults: u8) {
    IN_A_ROW.store(marked(faults), Ordering::Relaxed);
}

const fn marked(faults: u8) -> u32 {
    u32::from_le_bytes([faults, !faults, MARK[0], MARK[1]])
}

/// Why the node was restarted, once; `None`: somebody asked for it.
pub(crate) fn take() -> Option<Fault> {
    let fault = find();
    count(if fault.is_some() { in_a_row().saturating_add(1) } else { 0 });
    fault
}

fn find() -> Option<Fault> {
    let reasons = pac::POWER.resetreas().read();
    // Bits stay until they are written.
    pac::POWER.resetreas().write_value(reasons);
    let note = read();
    NOTE[0].store(0, Ordering::Relaxed);
    let stage = Stage::last();
    enter(Stage::Start);
    if note.is_some() {
        return note;
    }
    let told = match reasons {
        _ if reasons.dog() => ["watchdog: ", stage],
        _ if reasons.lockup() => ["lockup: ", stage],
        Resetreas(0) => [POWER_ON, ""],
        _ => return None,
    };
    let mut fault = Fault::EMPTY;
    told.into_iter().for_each(|part| fault.push(part));
    Some(fault)
}

fn read() -> Option<Fault> {
    let octet = |at: usize| NOTE[at].load(Ordering::Relaxed);
    let is_note = MAGIC.iter().enumerate().all(|(at, magic)| octet(at) == *magic);
    let len = usize::from(octet(MAGIC.len()));
    if !is_note || len > TEXT_LEN {
        return None;
    }
    let mut octets = [0; TEXT_LEN];
    for (at, room) in octets.iter_mut().enumerate().take(len) {
        *room = octet(MAGIC.len() + 2 + at);
    }
    let fault = Fault { octets, len };
    (octet(MAGIC.len() + 1) == checksum(fault.text())).then_some(fault)
}

fn note(what: &str, addresses: &mut dyn Iterator<Item = u32>) {
    let mut fault = Fault::EMPTY;
    [what, ": ", Stage::last(), " at"].into_iter().for_each(|part| fault.push(part));
    for address in addresses {
        fault.push(" 0x");
        // It is cut off rather than refused.
        let _ = hexadecimal(&mut fault, address, 8);
    }
    let head = MAGIC.into_iter().chain([fault.len as u8, checksum(fault.text())]);
    for (cell, octet) in NOTE.iter().zip(head.chain(fault.octets)) {
        cell.store(octet, Ordering::Relaxed);
    }
}

fn checksum(text: &[u8]) -> u8 {
    text.iter().fold(0x5A, |sum: u8, octet| sum.rotate_left(1) ^ octet)
}

/// Starts anew because of something that does not work: told, and counted, as a panic is.
#[inline(never)]
pub(crate) fn give_up(what: &str) -> ! {
    cortex_m::interrupt::disable();
    note(what, &mut calls());
    restart()
}

/// Starts anew.
pub(crate) fn restart() -> ! {
    SCB::sys_reset()
}

/// Where a panic was is told by return addresses, for `addr2line`: file names would take 6 KiB of flash.
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    give_up("panic")
}

/// The last words on the stack that may be return addresses.
fn calls() -> impl Iterator<Item = u32> {
    /// As many as there is room for.
    const CALLS: usize = 6;
    /// What is searched at most, in octets.
    const DEPTH: u32 = 1024;
    let stack = cortex_m::register::msp::read() & !3;
    let words = (stack..RAM_END.min(stack + DEPTH)).step_by(4).map(read_word);
    // In Thumb code, and so odd.
    words.filter(|word| word & 1 == 1 && (CODE_START..CODE_END).contains(word)).take(CALLS)
}

/// Behind the vectors of an image without a bootloader, up to the pages that are no code.
const CODE_START: u32 = 0x100;
const CODE_END: u32 = config_page::ADDRESS;
const RAM_END: u32 = 0x2004_0000;

#[allow(unsafe_code, reason = "words of our own stack")]
fn read_word(address: u32) -> u32 {
    // SAFETY: between the stack pointer and the end of RAM, and aligned. Nothing else runs: interrupts are off.
    unsafe { core::ptr::with_exposed_provenance::<u32>(address as usize).read_volatile() }
}

#[allow(unsafe_code, reason = "the attribute demands it of every handler of a hard fault")]
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    note("hard fault", &mut core::iter::once(frame.pc()));
    restart()
}
