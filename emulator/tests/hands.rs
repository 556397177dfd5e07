//! What a person does with a node: types settings, presses its button; and a board that has less than others.

mod support;

use emulator::{Fault, Image, Machine, Plan, Site};
use sn_types::Instant;
use std::time::Duration;
use support::{heard, image, node_dongle_image, node_module_image, node_of, node_uf2_image, pass, settings};

/// Of the button on a development kit, and on a dongle: port and pin.
const BUTTON: (usize, u8) = (0, 11);
const DONGLES_BUTTON: (usize, u8) = (1, 6);

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
fn a_press_of_the_boards_button_is_reported_at_once() {
    for (image, (port, pin)) in [(image(), BUTTON), (node_dongle_image(), DONGLES_BUTTON)] {
        let plan = Plan::default();
        let mut machine = node_of(&image, &plan, &settings(&plan, "report=3600\nfetch=3600\n"));
        pass(&mut machine, Duration::from_secs(90));
        let since = machine.now();
        machine.set_input(port, pin, false);
        pass(&mut machine, Duration::from_millis(200));
        machine.set_input(port, pin, true);
        pass(&mut machine, Duration::from_secs(1));
        let reports = heard(&machine, "report", since);
        assert_eq!(reports.len(), 1);
        let report = String::from_utf8_lossy(&reports[0].payload);
        assert!(report.contains("\"b\":1"), "{report}");
    }
}

/// How often a node reports in its first minute, on a board without coil, where the pin that is a button elsewhere is pulled
/// down.
fn reports_on_a_bare_board(image: &Image) -> Result<usize, Fault> {
    let plan = Plan::default();
    let mut machine = node_of(image, &plan, &settings(&plan, "report=10\n"));
    machine.remove_coil();
    let (port, pin) = BUTTON;
    machine.set_input(port, pin, false);
    let until = machine.now() + Duration::from_secs(60);
    machine.run_until(until)?;
    Ok(heard(&machine, "report", Instant::ZERO).len())
}

#[test]
fn where_nothing_is_known_of_a_board_no_coil_and_no_button_is_assumed() {
    for image in [node_module_image(), node_uf2_image()] {
        assert_eq!(reports_on_a_bare_board(&image), Ok(6));
    }
    let fault = reports_on_a_bare_board(&image()).unwrap_err();
    assert!(matches!(&fault, Fault::Misuse { what, .. } if what.contains("coil")), "{fault}");
}
