//! What the emulation itself promises.

mod support;

use emulator::{Fault, Machine, Plan, Site, Stop};
use simulator::radio::Loss;
use std::time::Duration;
use support::{node, pass};

const MINUTE: Duration = Duration::from_secs(60);

/// What a node that executes this after its first minute ends with.
fn ends_with(instructions: &[u16]) -> Result<Stop, Fault> {
    let mut machine = node(&Plan::default(), "report=60\nfetch=600\n");
    pass(&mut machine, MINUTE);
    machine.lead_astray(instructions).unwrap();
    let until = machine.now() + MINUTE;
    machine.run_until(until)
}

#[test]
fn a_register_without_a_model_ends_the_run_and_is_named() {
    // movw r0, #0x3000; movt r0, #0x4000; ldr r1, [r0, #4]: a serial interface that nobody uses.
    let fault = ends_with(&[0xF243, 0x0000, 0xF2C4, 0x0000, 0x6841]).unwrap_err();
    assert!(matches!(fault, Fault::Unmodelled { address: 0x4000_3004, .. }), "{fault}");
}

#[test]
fn a_radio_without_its_crystal_is_a_mistake() {
    // movw r0, #0x1000; movt r0, #0x4000; movs r1, #1; str r1, [r0]: TXEN.
    let fault = ends_with(&[0xF241, 0x0000, 0xF2C4, 0x0000, 0x2101, 0x6001]).unwrap_err();
    assert!(matches!(&fault, Fault::Misuse { what, .. } if what.contains("crystal")), "{fault}");
}

#[test]
fn flash_that_is_not_open_for_writing_is_a_mistake() {
    // movw r0, #0x8000; movt r0, #0xD; movs r1, #1; str r1, [r0]; nop.
    let fault = ends_with(&[0xF248, 0x0000, 0xF2C0, 0x000D, 0x2101, 0x6001, 0xBF00]).unwrap_err();
    assert!(matches!(&fault, Fault::Misuse { what, .. } if what.contains("flash")), "{fault}");
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_one_another() {
    let run = |seed| {
        let plan = Plan { seed, loss: Loss::independent(100_000), ..Plan::default() };
        let mut machine: Machine<Site> = node(&plan, "report=60\nfetch=600\n");
        pass(&mut machine, 10 * MINUTE);
        let messages = machine.air().messages().to_vec();
        (machine.used(), messages)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
