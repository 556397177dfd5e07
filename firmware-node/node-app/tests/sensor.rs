//! The sensor against the gateway's side of the PAN and the gateway's core, in virtual time, with a meter at its radio.

mod world;

use node_app::sensor::{Action, BLOCK, Keep};
use std::time::Duration;
use world::{Fault, World};

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn it_reports_every_five_minutes_for_a_day() {
    for key in ["none", "000102030405060708090a0b0c0d0e0f"] {
        let mut world = World::new(&format!("key={key}"));
        world.run(DAY);
        let reports = world.published("hall/report");
        assert_eq!(reports.len(), 288, "key {key}");
        assert_eq!(reports[0], r#"{"n":1,"t":21.25,"v":3012}"#);
        assert_eq!(reports[287], r#"{"n":288,"t":21.25,"v":3012}"#);
        let per_report_us = world.radio_on.as_micros() / 288;
        println!("key {key}: {per_report_us} us of radio for a report, fetches and the start included");
        assert!(per_report_us < 10_000);
    }
}

#[test]
fn a_report_takes_one_exchange() {
    let mut world = World::new("fetch=86400");
    world.run(Duration::from_secs(1_000));
    let (frames, on) = (world.frames, world.radio_on);
    world.run(Duration::from_secs(3_000));
    // One data request in ninety comes too early: that is how the sensor learns how long the gateway takes.
    assert!(matches!(world.frames - frames, 20..=21), "a PUBLISH and a data request each");
    println!("{:?} of radio for a report", (world.radio_on - on) / 10);
    assert!((world.radio_on - on) / 10 < Duration::from_millis(6));
}

#[test]
fn settings_that_come_over_the_air_are_kept_and_used() {
    let mut world = World::new("");
    world.run(Duration::from_secs(10));
    world.publish("hall/config", "report=60\nfetch=120 target=hall/climate");
    world.run(Duration::from_secs(1_000));
    let kept = world.flash.settings.clone().expect("they have been kept");
    assert_eq!((kept.report_s, kept.fetch_s, kept.target.as_str()), (60, 120, "hall/climate"));
    let before = world.published("hall/climate").len();
    world.run(Duration::from_secs(600));
    assert_eq!(world.published("hall/climate").len() - before, 10);
    assert_eq!(world.count(|keep| matches!(keep, Keep::Settings)), 1, "written once, though they came again");
}

#[test]
fn settings_that_change_at_every_fetch_are_used_at_once_and_kept_once_an_hour() {
    let mut world = World::new("fetch=60 key=000102030405060708090a0b0c0d0e0f");
    world.run(Duration::from_secs(10));
    for n in 0..60 {
        world.publish("hall/config", ["report=600", "report=900"][n % 2]);
        world.run(Duration::from_secs(360));
        assert_eq!(world.sensor.settings().report_s, [600, 900][n % 2]);
    }
    let writes = world.count(|keep| matches!(keep, Keep::Settings));
    assert!((5..=7).contains(&writes), "{writes} in six hours");
    // What is not in flash yet comes again: the message is retained.
    world.restart_node(None);
    world.run(Duration::from_secs(100));
    assert_eq!(world.sensor.settings().report_s, 900);
}

#[test]
fn reports_and_fetches_once_a_day_keep_the_session() {
    let mut world = World::new("report=86400 fetch=86400");
    world.run(Duration::from_secs(3_600));
    let connects = world.connects;
    world.run(4 * DAY);
    assert_eq!(world.published("hall/report").len(), 5);
    assert_eq!(world.connects, connects, "the gateway never thought it lost");
}

#[test]
fn who_repeats_old_messages_after_a_restart_brings_no_old_settings_back() {
    let mut world = World::new("key=000102030405060708090a0b0c0d0e0f");
    world.run(Duration::from_secs(10));
    world.publish("hall/config", "report=60");
    world.run(Duration::from_secs(1_000));
    let at = world.kept.iter().position(|keep| matches!(keep, Keep::Settings)).expect("they have been kept");
    // What brought them is below what is taken after a restart.
    assert!(matches!(world.kept[at - 1], Keep::Counters { heard, .. } if heard > 3), "{:?}", world.kept);
    world.restart_node(None);
    world.run(Duration::from_secs(1_000));
    assert!(world.published("hall/report").len() > 18, "and the gateway's next frames are");
}

#[test]
fn wrong_settings_are_refused_and_that_is_told() {
    let mut world = World::new("fetch=60");
    world.run(Duration::from_secs(10));
    world.publish("hall/config", "report=5");
    world.run(Duration::from_secs(130));
    assert_eq!(world.published("hall/fault"), ["settings: report: no such value"]);
    world.publish("hall/config", "pan=1234");
    world.run(Duration::from_secs(130));
    assert_eq!(world.published("hall/fault")[1], "settings: no such setting");
    assert_eq!(world.flash.settings, None);
}

#[test]
fn a_fault_is_told_once_and_then_forgotten() {
    let mut world = World::with_fault("", Some("watchdog: radio"));
    world.run(Duration::from_secs(3_600));
    assert_eq!(world.published("hall/fault"), ["watchdog: radio"]);
    assert_eq!(world.count(|keep| matches!(keep, Keep::NoFault)), 1);
}

#[test]
fn a_press_reports_at_once() {
    let mut world = World::new("");
    world.run(Duration::from_secs(10));
    let now = world.now;
    world.sensor.press(now);
    world.run(Duration::from_secs(1));
    assert_eq!(world.published("hall/report")[1], r#"{"n":2,"t":21.25,"v":3012,"b":1}"#);
}

#[test]
fn a_press_while_a_report_is_under_way_is_reported_after_it() {
    let mut world = World::new("report=86400 fetch=86400");
    world.run(Duration::from_secs(1_000));
    world.sensor.press(world.now);
    world.run(Duration::from_millis(5));
    let under_way = world.published("hall/report").len();
    assert_eq!(under_way, 1, "the second report is not there yet");
    world.sensor.press(world.now);
    world.run(Duration::from_secs(2));
    let reports = world.published("hall/report");
    assert_eq!(reports[1..], [r#"{"n":2,"t":21.25,"v":3012,"b":1}"#, r#"{"n":3,"t":21.25,"v":3012,"b":2}"#]);
    world.run(Duration::from_secs(1_000));
    assert_eq!(world.published("hall/report").len(), 3, "once");
}

#[test]
fn a_channel_that_is_busy_for_a_moment_delays_a_report_by_a_moment() {
    let mut world = World::new("key=000102030405060708090a0b0c0d0e0f fetch=86400");
    world.run(Duration::from_secs(1_000));
    for (busy_ms, rounds) in [(0, 1), (15, 2), (50, 3)] {
        let (now, on, frames) = (world.now, world.radio_on, world.frames);
        let before = world.published("hall/report").len();
        world.fault = Fault::Busy(now + Duration::from_millis(busy_ms));
        world.sensor.press(now);
        world.run(Duration::from_millis(300));
        assert_eq!(world.published("hall/report").len(), before + 1, "{busy_ms} ms");
        assert!(world.frames - frames <= rounds + 3, "{} frames in {busy_ms} ms", world.frames - frames);
        assert!(world.radio_on - on < Duration::from_millis(12), "the radio sleeps: {:?}", world.radio_on - on);
        world.run(Duration::from_secs(30));
    }
}

#[test]
fn a_frame_that_is_lost_delays_a_report_by_a_moment() {
    let mut world = World::new("key=000102030405060708090a0b0c0d0e0f fetch=86400");
    world.run(Duration::from_secs(1_000));
    let before = world.published("hall/report").len();
    let now = world.now;
    world.fault = Fault::Gone;
    world.sensor.press(now);
    world.run(Duration::from_millis(30));
    assert_eq!(world.published("hall/report").len(), before);
    world.fault = Fault::None;
    world.run(Duration::from_millis(100));
    assert_eq!(world.published("hall/report").len(), before + 1);
}

#[test]
fn nothing_is_lost_while_every_fifth_frame_is() {
    let mut world = World::new("key=000102030405060708090a0b0c0d0e0f");
    world.fault = Fault::Lossy(5);
    world.run(DAY);
    let reports = world.published("hall/report");
    for count in 1..=280 {
        let start = format!(r#"{{"n":{count},"#);
        assert!(reports.iter().any(|report| report.starts_with(&start)), "report {count}");
    }
}

#[test]
fn a_gateway_that_was_restarted_is_connected_to_again() {
    let mut world = World::new("");
    world.run(Duration::from_secs(1_000));
    world.restart_gateway();
    world.run(Duration::from_secs(3_000));
    assert_eq!(world.published("hall/report").len(), 14, "none is lost");
}

#[test]
fn a_gateway_that_wants_a_connect_first_is_given_one() {
    let mut world = World::new("fetch=86400");
    world.fault = Fault::RefusesSleepers;
    world.run(Duration::from_secs(3_600));
    assert_eq!(world.published("hall/report").len(), 12);
    assert!(world.refused <= 2, "it learns after two");
    // Flash would wear out.
    let kept = world.count(|keep| *keep == Keep::Session);
    world.run(Duration::from_secs(3_600));
    assert_eq!(world.published("hall/report").len(), 24);
    assert_eq!(world.count(|keep| *keep == Keep::Session), kept, "connecting again changes nothing in the record");
}

#[test]
fn who_is_refused_with_a_report_pending_goes_on_asking_and_loses_no_report() {
    let mut world = World::new("");
    world.run(Duration::from_secs(1_000));
    world.restart_gateway();
    world.fault = Fault::RefusesConnects;
    world.run(Duration::from_secs(1_000));
    assert!(matches!(world.refused, 2..=3), "after 5 minutes, then after 10: {}", world.refused);
    world.fault = Fault::None;
    let before = world.published("hall/report").len();
    world.run(Duration::from_secs(4_000));
    let reports = world.published("hall/report");
    assert!(reports[before].starts_with(r#"{"n":5,"#), "the one that was pending: {}", reports[before]);
}

/// What a week without a gateway takes of a battery: the radio's time.
#[test]
fn a_week_in_vain_takes_less_than_half_a_minute_of_radio() {
    for (what, fault) in [("the gateway is gone, or the PAN is wrong", Fault::Gone), ("the key is wrong", Fault::Deaf)]
    {
        let mut world = World::new("key=000102030405060708090a0b0c0d0e0f");
        world.fault = fault;
        world.run(7 * DAY);
        println!("{what}: {:?} of radio, {} frames in a week", world.radio_on, world.frames);
        assert!(world.radio_on < Duration::from_secs(30), "{what}: {:?}", world.radio_on);
        assert!(world.flash.counter <= 7 * BLOCK, "{what}: {}", world.flash.counter);
    }
}

#[test]
fn after_a_week_without_its_gateway_it_reports_within_an_hour_and_a_quarter() {
    let mut world = World::new("");
    world.run(Duration::from_secs(1_000));
    world.fault = Fault::Gone;
    world.run(7 * DAY);
    let before = world.published("hall/report").len();
    world.fault = Fault::None;
    world.run(Duration::from_secs(4_500));
    assert!(world.published("hall/report").len() > before);
}

#[test]
fn no_frame_counter_is_used_twice_over_restarts() {
    let mut world = World::new("key=000102030405060708090a0b0c0d0e0f");
    for _ in 0..20 {
        world.run(Duration::from_secs(700));
        world.restart_node(None);
    }
    // The world asserts of each frame that its counter is new.
    assert!(world.frames > 100);
    assert_eq!(world.count(|keep| matches!(keep, Keep::Counters { .. })), 20);
}

#[test]
fn a_restarted_node_goes_on_with_its_session() {
    let mut world = World::new("");
    world.run(Duration::from_secs(1_000));
    world.publish("hall/config", "report=60");
    world.restart_node(None);
    world.run(Duration::from_secs(10));
    assert_eq!(world.flash.settings.as_ref().expect("it waited in the mailbox").report_s, 60);
}

#[test]
fn the_radio_is_never_on_without_a_reason() {
    let mut world = World::new("");
    world.run(Duration::from_secs(1_000));
    assert!(matches!(world.sensor.poll(world.now), Action::Sleep { until } if until > world.now));
}

#[test]
fn the_gateway_is_told_of_longer_intervals() {
    let mut world = World::new("");
    world.run(Duration::from_secs(1_000));
    let connects = world.connects;
    world.publish("hall/config", "report=7200 fetch=7200");
    world.run(Duration::from_secs(1_000));
    assert_eq!(world.connects, connects + 1, "to say DISCONNECT with the new duration");
    world.run(Duration::from_secs(36_000));
    assert_eq!(world.connects, connects + 1, "the gateway has not taken it for lost");
}
