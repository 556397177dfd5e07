//! The node on an emulated Cortex-M4: `qemu-system-arm -M mps2-an386`.
//!
//! Owns: the board's UART, its timers, and what happens on a panic. Must not know: what the node does, which is
//! `node_app`'s business. The UART, with SLIP, is the node's radio.
//!
//! Interrupts are disabled for good: a pending one still ends WFI, and that is all they are for. So there are no
//! handlers, and nothing is shared with them.

#![no_std]
#![no_main]

mod clock;
mod device;
mod uart;
mod wake;

use core::num::NonZeroU16;
use cortex_m_rt::{ExceptionFrame, entry, exception};
use cortex_m_semihosting::{debug, hprintln};
use node_app::{Config, Node, Settings};
use static_cell::StaticCell;

/// In static memory, so that the linker checks that it fits and the image's size tells what it takes.
static NODE: StaticCell<Node<'static>> = StaticCell::new();

const fn nonzero(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).expect("evaluated by the compiler")
}

fn settings(seed: u32) -> Settings<'static> {
    Settings {
        client: Config {
            keep_alive_s: 60,
            t_retry_ms: 2_000,
            n_retry: 3,
            t_wait_ms: 30_000,
            seed,
            ..Config::new("mps2")
        },
        report_topic: "node/mps2/report",
        command_topic: "node/mps2/command",
        echo_topic: "node/mps2/echo",
        sleep_s: const { nonzero(2) },
        wakes_per_report: const { nonzero(150) },
    }
}

#[entry]
fn main() -> ! {
    cortex_m::interrupt::disable();
    let mut link = uart::SlipLink::start();
    let mut clock = clock::Timers::start();
    let node = NODE.init_with(|| Node::new(settings(host_time_s())));
    node.run(&mut link, &mut clock)
}

/// Seconds since 1970, which differ at every start. A board without a debugger takes its random number generator.
#[allow(unsafe_code, reason = "a call to the debugger")]
fn host_time_s() -> u32 {
    // SAFETY: SYS_TIME takes no argument, and writes nothing to memory.
    unsafe { cortex_m_semihosting::syscall1(cortex_m_semihosting::nr::TIME, 0) as u32 }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    cortex_m::interrupt::disable();
    hprintln!("{}", info);
    loop {
        debug::exit(debug::EXIT_FAILURE);
    }
}

#[allow(unsafe_code, reason = "the attribute demands it of every handler of a hard fault")]
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    panic!("hard fault at {:#x}", frame.pc());
}
