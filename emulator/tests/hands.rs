//! What a person does with a node: types settings, presses its button.

mod support;

use emulator::{Machine, Plan, Site};
use sn_types::Instant;
use std::time::Duration;
use support::{heard, image, node, pass, settings};

/// Of the button on a development kit.
const BUTTON: (usize, u8) = (0, 11);

#[test]
fn settings_that_are_typed_make_a_node() {
    let plan = Plan::default();
    let mut machine = Machine::new(&image(), Site::new(&plan), plan.seed).unwrap_or_else(|fault| panic!("{fault}"));
    pass(&mut machine, Duration::from_secs(1));
    machine.type_in("colour=blue\r");
    pass(&mut machine, Duration::from_secs(1));
    assert!(machine.screen().contains("error"), "{}", machine.screen());
    for line in settings(&plan, "report=60\n").to_string().lines() {
        machine.type_in(&format!("{line}\r"));
        pass(&mut machine, Duration::from_millis(100));
    }
    machine.type_in("save\r");
    pass(&mut machine, Duration::from_secs(150));
    assert!(heard(&machine, "report", Instant::ZERO).len() >= 2);
}

#[test]
fn a_press_of_the_button_is_reported_at_once() {
    let mut machine = node(&Plan::default(), "report=3600\nfetch=3600\n");
    pass(&mut machine, Duration::from_secs(90));
    let since = machine.now();
    let (port, pin) = BUTTON;
    machine.set_input(port, pin, false);
    pass(&mut machine, Duration::from_millis(200));
    machine.set_input(port, pin, true);
    pass(&mut machine, Duration::from_secs(1));
    let reports = heard(&machine, "report", since);
    assert_eq!(reports.len(), 1);
    let report = String::from_utf8_lossy(&reports[0].payload);
    assert!(report.contains("\"b\":1"), "{report}");
}
