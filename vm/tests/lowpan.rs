//! The kernel's 6LoWPAN and ours understand each other.

use std::path::Path;
use std::time::Duration;
use vm::{Kernel, Machine};

/// The machine needs about twenty seconds; on a busy computer it may be many more.
const LIMIT: Duration = Duration::from_secs(600);

#[test]
fn datagrams_of_2_to_1200_octets_reach_the_kernel_and_come_back() {
    let kernel = Kernel::fetch(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("../vm")).expect("a kernel");
    let machine = Machine::new(&kernel).expect("a machine");
    machine.program(Path::new(env!("CARGO_BIN_EXE_lowpan-peer")), "lowpan-peer").expect("a program");
    let run = machine.run("lowpan-peer", LIMIT).expect("a run");
    println!("{}\n{:?}", run.console, run.took);
    assert_eq!(run.exit_code, Some(0), "{}", run.console);
    assert!(run.console.contains("all exchanges passed"));
    assert!(run.console.contains("neighbour solicitation from"), "the kernel asked for our address");
}

#[test]
fn linux_passes_neither_frames_that_we_secure_nor_commands() {
    let kernel = Kernel::fetch(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("../vm")).expect("a kernel");
    let machine = Machine::new(&kernel).expect("a machine");
    machine.program(Path::new(env!("CARGO_BIN_EXE_wpan-frames")), "wpan-frames").expect("a program");
    let run = machine.run("wpan-frames", LIMIT).expect("a run");
    println!("{}\n{:?}", run.console, run.took);
    assert_eq!(run.exit_code, Some(0), "{}", run.console);
    assert!(run.console.contains("neither the secured frame nor the command has passed"));
}
