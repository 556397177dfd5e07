//! What the node draws, and how long its radio is on.

mod support;

use emulator::{Firmware, Plan, Used};
use lowpan::{Level, LinkKey};
use simulator::energy::{Battery, Currents};
use std::time::Duration;
use support::{heard, hours, measure, node, pass};

/// Beyond this a report at QoS 1 takes the radio too long, in microseconds, without losses.
const MOST_RADIO_US_PER_REPORT: u64 = 6_000;
/// With link security, whose nine octets are in each of its three frames.
const MOST_SECURED_US_PER_REPORT: u64 = 6_900;
/// On an open link whose gateway's dongle waits at random before it answers.
const MOST_STOCK_US_PER_REPORT: u64 = 7_400;
/// Beyond this a node that reports every five minutes draws too much, in nanoamperes.
const MOST_NA_AT_FIVE_MINUTES: u64 = 5_000;

/// A line of the table in docs/firmware-emulation.md.
fn show(what: &str, used: &Used, reports: usize) {
    let per_report = |cycles: u64| cycles as f64 / 64_000.0 / reports as f64;
    let na = used.average_na(&Currents::default());
    let years = Battery::CR2477.lifetime_days(na).map_or(f64::INFINITY, |days| days as f64 / 365.25);
    println!(
        "| {what} | {reports} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} uA | {years:.1} years |",
        per_report(used.transmit),
        per_report(used.receive),
        per_report(used.ramp),
        used.radio_us() as f64 / 1_000.0 / reports as f64,
        per_report(used.hfxo),
        per_report(used.cpu),
        na as f64 / 1_000.0,
    );
}

/// A key of level 5.
const KEY: Option<(Level, LinkKey)> = Some((Level::Mic32, LinkKey([7; 16])));

/// Reports every minute, and nothing else: what each takes the radio, in microseconds.
fn reports_alone(what: &str, plan: &Plan) -> u64 {
    let mut machine = node(plan, "report=60\nfetch=86400\n");
    pass(&mut machine, Duration::from_secs(630));
    let begun = machine.now();
    let used = measure(&mut machine, hours(8));
    let reports = heard(&machine, "report", begun).len();
    show(what, &used, reports);
    assert_eq!(reports, 480);
    used.radio_us() / reports as u64
}

#[test]
fn a_report_takes_the_radio_little_time() {
    let open = reports_alone("minute, no fetches", &Plan::default());
    assert!(open < MOST_RADIO_US_PER_REPORT, "{open} us");
    let secured = reports_alone("the same at level 5", &Plan { key: KEY, ..Plan::default() });
    assert!(secured < MOST_SECURED_US_PER_REPORT, "{secured} us");
    let stock =
        reports_alone("the same with OpenThread's dongle", &Plan { firmware: Firmware::OpenThread, ..Plan::default() });
    assert!(stock < MOST_STOCK_US_PER_REPORT, "{stock} us");
}

#[test]
fn a_day_with_a_report_a_minute() {
    let mut machine = node(&Plan::default(), "report=60\nfetch=600\n");
    let used = measure(&mut machine, hours(24));
    let reports = heard(&machine, "report", sn_types::Instant::ZERO);
    show("minute, fetches every 10 minutes", &used, reports.len());
    assert!((1_440..=1_441).contains(&reports.len()), "{}", reports.len());
    assert_eq!(machine.resets().len(), 2, "only those of the first start: {:?}", machine.resets());
}

#[test]
fn a_day_with_a_report_in_five_minutes() {
    let mut machine = node(&Plan::default(), "report=300\nfetch=900\n");
    pass(&mut machine, hours(1));
    let begun = machine.now();
    let used = measure(&mut machine, hours(24));
    let reports = heard(&machine, "report", begun).len();
    show("5 minutes, fetches every 15 minutes", &used, reports);
    assert_eq!(reports, 288);
    let na = used.average_na(&Currents::default());
    assert!(na < MOST_NA_AT_FIVE_MINUTES, "{na} nA");
}
