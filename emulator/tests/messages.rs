//! Messages to the node, and what becomes of its settings.

mod support;

use config_page::{ADDRESS, PAGE_LEN, Settings, decode};
use emulator::{Machine, Plan, Site, Stop};
use gateway_core::Qos;
use lowpan::{Level, LinkKey};
use simulator::radio::Loss;
use sn_types::Instant;
use std::time::Duration;
use support::{BASE, heard, hours, node, pass};

const MINUTE: Duration = Duration::from_secs(60);

fn tell(machine: &mut Machine<Site>, settings: &str, qos: Qos, retain: bool) {
    let now = machine.now();
    machine.air().publish(now, &format!("{BASE}/config"), settings.as_bytes(), qos, retain);
}

/// The settings that count.
fn settings_in_flash(machine: &Machine<Site>) -> Option<Settings> {
    let pages = [0, 1].map(|page| decode(&machine.flash(ADDRESS + page * PAGE_LEN as u32, PAGE_LEN)));
    let last = pages.into_iter().flatten().max_by_key(|(sequence, _)| *sequence);
    last.map(|(_, settings)| settings)
}

#[test]
fn what_waits_at_the_gateway_is_fetched_at_either_qos() {
    for qos in [Qos::AtLeastOnce, Qos::ExactlyOnce] {
        let mut machine = node(&Plan::default(), "report=300\nfetch=600\n");
        pass(&mut machine, MINUTE);
        tell(&mut machine, "target=attic", qos, false);
        pass(&mut machine, 11 * MINUTE);
        assert_eq!(settings_in_flash(&machine).map(|settings| settings.target.to_string()), Some("attic".into()));
        pass(&mut machine, 6 * MINUTE);
        let site = machine.air();
        assert!(site.messages().iter().any(|message| message.topic == "attic"), "{qos:?}: {:?}", site.messages());
    }
}

#[test]
fn a_retained_setting_changes_the_interval() {
    let mut machine = node(&Plan::default(), "report=300\nfetch=600\n");
    pass(&mut machine, MINUTE);
    tell(&mut machine, "report=30", Qos::AtLeastOnce, true);
    pass(&mut machine, 12 * MINUTE);
    let since = machine.now();
    pass(&mut machine, 10 * MINUTE);
    assert!((19..=21).contains(&heard(&machine, "report", since).len()));
    // It is in flash: power fails, and the gateway is away.
    let now = machine.now();
    machine.fail_power_at(now + MINUTE);
    assert_eq!(machine.run_until(now + 2 * MINUTE), Ok(Stop::PowerLost));
    machine.power_on().unwrap();
    let since = machine.now();
    pass(&mut machine, 5 * MINUTE);
    assert!(heard(&machine, "report", since).len() >= 9);
}

#[test]
fn power_that_fails_while_settings_are_written_keeps_the_old_or_the_new() {
    let (begins, ends) = writing();
    const SAMPLES: u32 = 10;
    let (mut old, mut new) = (0, 0);
    for sample in 0..SAMPLES {
        let mut machine = told(u64::from(sample));
        machine.fail_power_at(begins + (ends.since(begins)) * sample / (SAMPLES - 1));
        assert_eq!(machine.run_until(ends + MINUTE), Ok(Stop::PowerLost));
        machine.power_on().unwrap();
        match settings_in_flash(&machine).map(|settings| settings.report_s) {
            Some(300) => old += 1,
            Some(30) => new += 1,
            other => panic!("{other:?} after the sample {sample}"),
        }
        let since = machine.now();
        pass(&mut machine, MINUTE);
        assert!(!heard(&machine, "report", since).is_empty(), "sample {sample}");
    }
    println!("{old} old, {new} new");
    assert!(old > 0 && new > 0, "{old} old, {new} new");
}

/// A node that finds new settings when it wakes next.
fn told(seed: u64) -> Machine<Site> {
    let mut machine = node(&Plan { seed, ..Plan::default() }, "report=300\nfetch=60\n");
    pass(&mut machine, MINUTE / 2);
    tell(&mut machine, "report=30", Qos::AtLeastOnce, false);
    machine
}

/// From when to when the flash works on new settings.
fn writing() -> (Instant, Instant) {
    let mut machine = told(0);
    let before = machine.flash_operations();
    let step = Duration::from_millis(1);
    pass(&mut machine, MINUTE / 4);
    let mut begins = machine.now();
    while machine.flash_operations() == before {
        begins = machine.now();
        pass(&mut machine, step);
    }
    while settings_in_flash(&machine).is_none_or(|settings| settings.report_s != 30) {
        pass(&mut machine, step);
    }
    (begins, machine.now() + step)
}

#[test]
fn every_report_arrives_over_a_link_that_loses_a_tenth() {
    let plan = Plan { loss: Loss::independent(100_000), ..Plan::default() };
    let mut machine = node(&plan, "report=60\nfetch=600\n");
    pass(&mut machine, hours(4));
    let reports = heard(&machine, "report", Instant::ZERO);
    let text = |number: u32| format!("{{\"n\":{number},");
    for number in 1..=239 {
        let known = reports.iter().any(|report| report.payload.starts_with(text(number).as_bytes()));
        assert!(known, "report {number} of {}", reports.len());
    }
}

#[test]
fn a_secured_node_reports_and_goes_on_after_a_power_failure() {
    let plan = Plan { key: Some((Level::Mic32, LinkKey([7; 16]))), ..Plan::default() };
    let mut machine = node(&plan, "report=60\nfetch=600\n");
    pass(&mut machine, 10 * MINUTE);
    assert!(heard(&machine, "report", Instant::ZERO).len() >= 9);
    let now = machine.now();
    machine.fail_power_at(now + MINUTE / 2);
    assert_eq!(machine.run_until(now + MINUTE), Ok(Stop::PowerLost));
    machine.power_on().unwrap();
    let since = machine.now();
    pass(&mut machine, 10 * MINUTE);
    assert!(heard(&machine, "report", since).len() >= 9);
}
