//! A node to which nobody answers, and one that goes astray.

mod support;

use emulator::{Machine, Plan, Reset, Site};
use lowpan::{Level, LinkKey};
use simulator::energy::Currents;
use sn_types::Instant;
use std::ops::Range;
use std::time::Duration;
use support::{heard, hours, measure, node, node_dongle_image, node_of, node_uf2_image, node_with, pass, settings};

/// Beyond this a node that finds no gateway draws too much, in nanoamperes: no more than one that has work to do.
const MOST_NA_ALONE: u64 = 5_000;
const WEEK: u64 = 7 * 24;

fn average_na(machine: &mut Machine<Site>, time: Duration) -> u64 {
    let na = measure(machine, time).average_na(&Currents::default());
    println!("{:.2} uA", na as f64 / 1_000.0);
    na
}

#[test]
fn a_gateway_that_is_gone_for_a_week_costs_little_and_is_found_again() {
    let mut machine = node(&Plan::default(), "report=300\nfetch=900\n");
    pass(&mut machine, hours(1));
    let now = machine.now();
    machine.air().set_gateway(now, false);
    assert!(average_na(&mut machine, hours(WEEK)) < MOST_NA_ALONE);
    let now = machine.now();
    machine.air().set_gateway(now, true);
    pass(&mut machine, hours(1));
    let since = machine.now();
    pass(&mut machine, hours(1));
    assert!(heard(&machine, "report", since).len() >= 11);
}

#[test]
fn a_wrong_key_and_a_wrong_pan_cost_little() {
    let plan = Plan { key: Some((Level::Mic32, LinkKey([7; 16]))), ..Plan::default() };
    let mut other_key = settings(&plan, "report=300\nfetch=900\n");
    other_key.key = Some(LinkKey([8; 16]));
    let mut other_pan = settings(&plan, "report=300\nfetch=900\n");
    other_pan.pan += 1;
    for wrong in [other_key, other_pan] {
        let mut machine = node_with(&plan, &wrong);
        assert!(average_na(&mut machine, hours(24)) < MOST_NA_ALONE);
        assert!(heard(&machine, "report", Instant::ZERO).is_empty());
    }
}

/// Runs until it reports again, and gives what it told of the fault.
fn fault_after(instructions: &[u16]) -> (Vec<String>, Vec<Reset>) {
    let mut machine = node(&Plan::default(), "report=60\nfetch=600\n");
    pass(&mut machine, Duration::from_secs(130));
    let (since, starts) = (machine.now(), machine.resets().len());
    machine.lead_astray(instructions).unwrap();
    pass(&mut machine, Duration::from_secs(600));
    assert!(!heard(&machine, "report", since).is_empty());
    let faults = heard(&machine, "fault", since);
    let faults = faults.iter().map(|fault| String::from_utf8_lossy(&fault.payload).into_owned()).collect();
    (faults, machine.resets()[starts..].iter().map(|(_, reset)| *reset).collect())
}

#[test]
fn a_fault_is_told_after_the_restart() {
    // UDF.
    let (faults, resets) = fault_after(&[0xDE00]);
    println!("{faults:?}");
    assert_eq!(resets, [Reset::Software]);
    let [fault] = &faults[..] else { panic!("{faults:?}") };
    assert!(fault.contains("hard fault"), "{fault}");
}

/// Nordic's bootloader may use the first half of RAM and the last quarter, much more than it can.
const NORDICS_LEAVES: Range<u32> = 0x2002_0000..0x2003_0000;
/// Adafruit's has what follows; the stack of the master boot record is what comes before.
const ADAFRUITS_LEAVES: Range<u32> = 0x2000_0400..0x2000_7F7C;

#[test]
fn a_fault_is_told_and_pauses_grow_although_a_bootloader_uses_ram_at_each_start() {
    for (image, leaves) in [(node_dongle_image(), NORDICS_LEAVES), (node_uf2_image(), ADAFRUITS_LEAVES)] {
        let plan = Plan::default();
        let mut machine = node_of(&image, &plan, &settings(&plan, "report=60\nfetch=600\n"));
        machine.run_bootloader(leaves);
        pass(&mut machine, Duration::from_secs(130));
        let since = machine.now();
        let pauses = [2, 4, 8].map(|seconds| {
            machine.lead_astray(&[0xDE00]).unwrap();
            let quiet = Duration::from_secs(seconds);
            let before = machine.used().radio_us();
            pass(&mut machine, quiet);
            let was_quiet = machine.used().radio_us() == before;
            pass(&mut machine, Duration::from_secs(1));
            was_quiet && machine.used().radio_us() > before
        });
        assert_eq!(pauses, [true; 3]);
        let faults = heard(&machine, "fault", since);
        let faults: Vec<_> = faults.iter().map(|fault| String::from_utf8_lossy(&fault.payload)).collect();
        assert_eq!(faults, ["hard fault: sleep at 0x20030000"; 3]);
    }
}

#[test]
fn a_node_that_is_stuck_is_reset_by_its_watchdog_and_tells_so() {
    // WFE and a branch back to it: interrupts are served, and nothing else.
    let (faults, resets) = fault_after(&[0xBF20, 0xE7FD]);
    println!("{faults:?}");
    assert_eq!(resets, [Reset::Watchdog]);
    let [fault] = &faults[..] else { panic!("{faults:?}") };
    assert!(fault.contains("watchdog"), "{fault}");
}
