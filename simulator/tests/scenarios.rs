//! The scenarios that ship, shortened: every promise is kept, and the report tells what happened.

use simulator::World;
use simulator::report::{Direction, Outcome, Report};
use simulator::scenario::File;
use std::time::Duration;

/// Runs a shipped scenario for so long.
fn run(text: &str, duration: &str, shrink: impl FnOnce(&mut File)) -> Report {
    let mut file = File::parse(text).unwrap_or_else(|error| panic!("{error}"));
    file.duration = duration.parse().expect("a duration");
    shrink(&mut file);
    let scene = file.expand().unwrap_or_else(|error| panic!("{error}"));
    let mut world = World::new(&scene.plan);
    world.observe(Duration::from_secs(60));
    world.run_until(scene.plan.calm_at);
    let outcome = world.finish(scene.bound);
    let mut report = world.report(&scene.floor);
    report.violations = outcome.violations.iter().map(ToString::to_string).collect();
    report
}

/// Every promise was kept, and it was about so many messages at least.
fn assert_kept(report: &Report, messages: u64) {
    assert_eq!(report.verdict().outcome, Outcome::Kept, "{}", report.to_text());
    let promised = report.deliveries.iter().filter(|delivery| delivery.qos > 0);
    let delivered: u64 = promised.map(|delivery| delivery.delivered).sum();
    assert!(delivered >= messages, "{}", report.to_text());
}

fn sum(series: &simulator::report::Series, of: fn(&simulator::report::Slice) -> u64) -> u64 {
    series.slices.iter().map(of).sum()
}

#[test]
fn greenhouse() {
    let report = run(include_str!("../scenarios/greenhouse.toml"), "1h", |_| {});
    assert_kept(&report, 1_000);
    assert!(
        report
            .stations
            .iter()
            .all(|station| station.kind == simulator::report::StationKind::MqttClient || station.position.is_some())
    );
    let bed = &report.stations[0];
    assert!(
        bed.is_sleeper && bed.next_hop.is_some() && bed.power.is_some_and(|power| power.average_current_na > 3_160)
    );
    let delivered: u64 = report.deliveries.iter().map(|delivery| delivery.delivered).sum();
    assert_eq!(sum(&report.series, |slice| slice.delivered_up + slice.delivered_down), delivered);
    assert_eq!(sum(&report.series, |slice| slice.airtime_us[0]), report.channels[0].airtime_us);
    assert!(report.series.slices.iter().any(|slice| slice.nodes_asleep > 150), "they sleep");
}

#[test]
fn city_nbiot() {
    let report = run(include_str!("../scenarios/city-nbiot.toml"), "3h", |file| file.groups[0].count = 200);
    assert_kept(&report, 400);
    assert!(report.latency_up.p50_us > 500_000, "{}", report.to_text());
}

#[test]
fn bad_day() {
    let report = run(include_str!("../scenarios/bad-day.toml"), "3h 10min", |file| {
        // The disk is full within the shorter day, too.
        file.faults[1].at = Some("2h 20min".parse().expect("a duration"));
    });
    assert_kept(&report, 3_000);
    assert_eq!(report.gateway.outages.len(), 3);
    assert!(report.gateway.outages.iter().all(|outage| outage.restarted_us.is_some()));
    assert!(report.gateway.retransmissions > 100 && report.gateway.rejects["storage"] > 0, "{}", report.to_text());
}

#[test]
fn wildlife() {
    let report = run(include_str!("../scenarios/wildlife.toml"), "10d", |_| {});
    assert_kept(&report, 200);
}

/// Two nodes that report to an observer over links.
const TWO: &str = r##"
name = "two"
duration = "5min"
[medium.link]
[[gateway]]
[[nodes]]
name = "node"
count = 2
[[nodes.report]]
topic = "report/{id}"
every = "10s"
qos = 1
[[client]]
name = "observer"
subscribe = [{ filter = "#", qos = 1 }]
"##;

#[test]
fn a_link_that_loses_everything_does_so_until_the_end() {
    let report = run(&TWO.replace("[medium.link]", "[medium.link]\nloss_percent = 100"), "5min", |_| {});
    assert_eq!(report.verdict().outcome, Outcome::Broken, "{}", report.to_text());
    assert_eq!(report.violations, ["without any more faults, node-0 and 1 more are not done (2 never connected)"]);
}

#[test]
fn what_nobody_was_to_get_is_not_called_kept() {
    let report = run(&TWO.replace("filter = \"#\"", "filter = \"elsewhere\""), "5min", |_| {});
    let verdict = report.verdict();
    assert_eq!(verdict.outcome, Outcome::Open);
    assert!(verdict.headline.ends_with("messages sent, and nobody was to get any"), "{}", verdict.headline);
    let report = run(&TWO.replace("[[gateway]]", "[[gateway]]\nmax_queue_messages = 0"), "5min", |_| {});
    let headline = report.verdict().headline;
    assert!(headline.contains("messages sent and none delivered: "), "{headline}");
}

#[test]
fn what_is_for_nobody_is_told_beside_what_is_delivered() {
    let state = "[[nodes.report]]\ntopic = \"state/{id}\"\nevery = \"10s\"\nqos = 1\n[[client]]";
    let text = TWO.replace("filter = \"#\"", "filter = \"report/#\"").replace("[[client]]", state);
    let report = run(&text, "5min", |_| {});
    assert_kept(&report, 30);
    let (node, delivery) = (&report.stations[0].traffic, &report.deliveries[0]);
    assert!(delivery.for_nobody > 30 && node.offered > 30, "{delivery:?}");
    assert_eq!(delivery.acknowledged, delivery.offered + delivery.for_nobody);
    let note = format!("{} messages published to topics that nobody had subscribed to", delivery.for_nobody);
    assert_eq!(report.verdict().notes, [note]);
}

#[test]
fn what_a_subscriber_wants_at_qos_0_is_no_promise_and_counted() {
    let commands = "[[client.command]]\nto = \"node\"\ntopic = \"set/{id}\"\nevery = \"5s\"\nqos = 1\n";
    let subscribe = "count = 2\nsubscribe = [{ filter = \"set/{id}\", qos = 0 }]";
    let text = TWO.replace("[medium.link]", "[medium.link]\nloss_percent = 30").replace("count = 2", subscribe);
    let report = run(&format!("{text}{commands}"), "5min", |_| {});
    let down: Vec<_> = report.deliveries.iter().filter(|delivery| delivery.direction == Direction::Down).collect();
    let [unpromised, promised] = down[..] else { panic!("{}", report.to_text()) };
    assert!(unpromised.qos == 0 && unpromised.delivered > 20 && unpromised.lost > 5, "{}", report.to_text());
    assert_eq!(unpromised.offered, unpromised.delivered + unpromised.lost);
    assert!(promised.qos == 1 && promised.acknowledged == unpromised.offered, "{}", report.to_text());
    assert_eq!((promised.offered, promised.delivered), (0, 0));
    let headline = report.verdict().headline;
    assert!(headline.ends_with(&format!("of {} at QoS 0 arrived", unpromised.offered)), "{headline}");
}

#[test]
fn what_comes_at_a_lower_qos_counts_as_it_was_published() {
    let text = TWO.replace("qos = 1\n[[client]]", "qos = 2\n[[client]]");
    let report = run(&text, "5min", |_| {});
    let [delivery] = report.deliveries[..] else { panic!("{}", report.to_text()) };
    assert_eq!((delivery.qos, delivery.acknowledged), (2, delivery.delivered), "{}", report.to_text());
}

#[test]
fn a_crash_for_which_there_was_no_commit_is_told() {
    let crashes = "[[fault]]\nevery = \"1min\"\nwhat = { crash = { down = \"5s\" } }\n";
    let text = TWO.replace("[[gateway]]", "[[gateway]]\ndurable = true") + crashes;
    let report = run(&text, "5min", |_| {});
    assert_eq!((report.gateway.outages.len(), report.gateway.crashes_missed), (4, 0));
    let report = run(&text.replace("qos = 1\n[[client]]", "qos = 0\n[[client]]"), "5min", |_| {});
    assert_eq!((report.gateway.outages.len(), report.gateway.crashes_missed), (0, 4));
    let note = "4 crashes did not come about: there was no commit to interrupt";
    assert!(report.to_text().contains(note), "{}", report.to_text());
}

#[test]
fn the_seed_decides() {
    let seeded = |seed| run(include_str!("../scenarios/bad-day.toml"), "30min", |file| file.seed = seed);
    assert!(seeded(1) == seeded(1) && seeded(1) != seeded(2));
}
