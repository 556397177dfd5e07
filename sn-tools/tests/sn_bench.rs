//! The real `sn-bench` against a small gateway in this process: every scenario counts what happened, and faults of the
//! gateway show. Nothing here depends on how fast the machine is.

mod mini_gateway;

use std::process::{Command, Output};

use mini_gateway::{Faults, MiniGateway};

/// Runs `sn-bench ARGS` with short times against a gateway with these faults.
fn bench(faults: Faults, args: &[&str]) -> (Output, String) {
    let gateway = MiniGateway::start(faults);
    let output = Command::new(env!("CARGO_BIN_EXE_sn-bench"))
        .args(args)
        .args(["--udp", &gateway.udp.to_string(), "--mqtt", &gateway.mqtt.to_string()])
        .args(["--pid", &std::process::id().to_string()])
        .args(["--load", "0.2", "--yardstick", "0.05", "--limit", "20"])
        .output()
        .unwrap();
    let text = [&output.stdout[..], &output.stderr].concat();
    (output, String::from_utf8(text).unwrap())
}

/// The measured value of a figure with a goal, without its unit.
fn measured(text: &str, figure: &str) -> f64 {
    let row = text.lines().find(|line| line.contains(&format!("| {figure} |"))).unwrap_or_else(|| panic!("{text}"));
    let value = row.split('|').nth(3).unwrap().split_whitespace().next().unwrap();
    value.replace(',', "").parse().unwrap()
}

/// The value of a figure for information, without its unit.
fn figure(text: &str, figure: &str) -> f64 {
    let (_, after) = text.split_once(&format!(" {figure} ")).unwrap_or_else(|| panic!("no {figure} in {text}"));
    after.split_whitespace().next().unwrap().replace(',', "").parse().unwrap()
}

#[test]
fn the_echo_needs_no_gateway() {
    let output = Command::new(env!("CARGO_BIN_EXE_sn-bench")).args(["echo", "--yardstick", "0.1"]).output().unwrap();
    assert!(output.status.success());
    assert!(figure(&String::from_utf8(output.stdout).unwrap(), "round trips") > 0.0);
}

#[test]
fn a_sound_gateway_delivers_everything_in_every_closed_scenario() {
    for args in [
        &["qos1", "--clients", "5"][..],
        &["qos1", "--clients", "5", "--sub-qos", "0"],
        &["qos2", "--clients", "5"],
        &["qos0", "--clients", "3", "--rate", "200"],
        &["fanout", "--subscribers", "7", "--rate", "20"],
        &["sleepers", "--sleepers", "6", "--messages", "9"],
    ] {
        let (output, text) = bench(Faults::default(), args);
        assert!(output.status.success(), "{args:?}: {text}");
        assert_eq!(measured(&text, "delivered"), 100.0, "{args:?}: {text}");
        assert_eq!((figure(&text, "lost"), figure(&text, "duplicates")), (0.0, 0.0), "{args:?}: {text}");
    }
}

#[test]
fn latencies_connects_and_memory_are_measured() {
    let (_, text) = bench(Faults::default(), &["latency", "--rate", "200", "--clients", "3"]);
    assert!(measured(&text, "end to end p99") > 0.0, "{text}");
    let (_, text) = bench(Faults::default(), &["connect", "--clients", "40"]);
    assert!(measured(&text, "connects") > 0.0 && measured(&text, "refused") == 0.0, "{text}");
    let (_, text) = bench(Faults::default(), &["memory", "--clients", "40"]);
    assert!(measured(&text, "RSS before the first client") > 0.1, "{text}");
}

#[test]
fn lost_datagrams_are_sent_again() {
    let faults = Faults { drop_every: Some(9), ..Faults::default() };
    for scenario in ["qos1", "qos2"] {
        let (output, text) = bench(faults, &[scenario, "--clients", "4", "--t-retry", "0.05", "--n-retry", "9"]);
        assert!(output.status.success(), "{text}");
        assert_eq!(measured(&text, "delivered"), 100.0, "{text}");
        assert!(figure(&text, "retransmissions") > 0.0, "{text}");
    }
}

#[test]
fn messages_that_are_acknowledged_but_lost_fail_the_check() {
    let faults = Faults { lose_every: Some(10), ..Faults::default() };
    for args in [&["qos1", "--clients", "4"][..], &["qos0", "--rate", "200"], &["sleepers", "--sleepers", "5"]] {
        let (output, text) = bench(faults, &[args, &["--check"]].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert!(measured(&text, "delivered") < 99.0 && text.contains("**FAIL**"), "{args:?}: {text}");
    }
}

#[test]
fn a_mute_gateway_is_reported_not_waited_for() {
    let faults = Faults { mute: true, ..Faults::default() };
    let (output, text) = bench(faults, &["qos1", "--t-retry", "0.02", "--n-retry", "3"]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("had no CONNACK after 3 retransmissions"), "{text}");
}

#[test]
fn refused_clients_are_counted() {
    let faults = Faults { refuse: true, ..Faults::default() };
    let (_, text) = bench(faults, &["connect", "--clients", "12"]);
    assert_eq!(measured(&text, "refused"), 12.0, "{text}");
    let (output, text) = bench(faults, &["qos1"]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("refused 50 of the clients' CONNECT: Congestion"), "{text}");
}

#[test]
fn a_pingresp_before_the_last_message_is_noticed() {
    let faults = Faults { pingresp_first: true, ..Faults::default() };
    let (_, text) = bench(faults, &["sleepers", "--sleepers", "3", "--messages", "4"]);
    assert_eq!(measured(&text, "PUBLISH after PINGRESP"), 12.0, "{text}");
}

#[test]
fn other_machines_are_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_sn-bench"))
        .args(["qos1", "--udp", "192.0.2.1:1883", "--mqtt", "127.0.0.1:1883"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("not loopback"));
}
