//! The real `sn-bench` against a small gateway in this process: every scenario counts what happened, and faults of the
//! gateway show. Nothing here depends on how fast the machine is.

mod mini_gateway;

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use mini_gateway::{Faults, MiniGateway};

/// Runs `sn-bench ARGS` with short times against a gateway with these faults.
fn bench(faults: Faults, args: &[&str]) -> (Output, String) {
    let gateway = MiniGateway::start(faults);
    let output = Command::new(env!("CARGO_BIN_EXE_sn-bench"))
        .args(args)
        .args(["--udp", &gateway.udp.to_string(), "--mqtt", &gateway.mqtt.to_string()])
        .args(["--pid", &std::process::id().to_string()])
        .args(["--load", "0.2", "--yardstick", "0.05", "--limit", "120"])
        .args(patience(args))
        .output()
        .unwrap();
    let text = [&output.stdout[..], &output.stderr].concat();
    (output, String::from_utf8(text).unwrap())
}

/// Unless `args` say so, nothing is sent again: a machine that stands still for a second loses no datagram.
fn patience(args: &[&str]) -> &'static [&'static str] {
    if args.contains(&"--t-retry") { &[] } else { &["--t-retry", "30"] }
}

/// The environment variable that tells [`mini_gateway_process`] its arguments.
const PROCESS_ARGS: &str = "MINI_GATEWAY_ARGS";

/// Runs `sn-bench ARGS` with short times; it starts and kills small gateways itself.
fn bench_started(gateway_args: &[&str], args: &[&str]) -> (Output, String) {
    let dir = tempfile::tempdir().unwrap();
    let (program, tests) = (dir.path().join("gateway"), env::current_exe().unwrap());
    let tests = tests.to_str().unwrap();
    let script = format!("#!/bin/sh\n{PROCESS_ARGS}=\"$*\" exec '{tests}' --ignored --exact mini_gateway_process\n");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    // Beside the tests rather than in a directory for temporary files, which may be in memory.
    let disk = env!("CARGO_TARGET_TMPDIR");
    let output = Command::new(env!("CARGO_BIN_EXE_sn-bench"))
        .args(args)
        .args(["--gateway", program.to_str().unwrap(), "--disk", disk])
        .args(gateway_args.iter().flat_map(|arg| ["--gateway-arg", arg]))
        .args(["--load", "0.1", "--yardstick", "0.05", "--limit", "120"])
        .args(patience(args))
        .output()
        .unwrap();
    let text = [&output.stdout[..], &output.stderr].concat();
    (output, String::from_utf8(text).unwrap())
}

#[test]
#[ignore = "a gateway for the other tests, which start it as a process"]
fn mini_gateway_process() {
    if let Ok(args) = env::var(PROCESS_ARGS) {
        MiniGateway::start_as_told(&args).wait();
    }
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
        let (output, text) = bench(faults, &[scenario, "--clients", "4", "--t-retry", "0.05", "--n-retry", "400"]);
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
fn a_pingresp_that_does_not_wait_for_the_last_puback_is_noticed() {
    let faults = Faults { pingresp_early: true, ..Faults::default() };
    let (_, text) = bench(faults, &["sleepers", "--sleepers", "3", "--messages", "4"]);
    assert_eq!(measured(&text, "PINGRESP before the last PUBACK"), 3.0, "{text}");
}

#[test]
fn what_a_restart_must_not_lose_is_delivered_after_it() {
    let (output, text) = bench_started(&[], &["sleepers", "--restart", "--sleepers", "4", "--messages", "6"]);
    assert!(output.status.success(), "{text}");
    assert_eq!(measured(&text, "delivered"), 100.0, "{text}");
    let (output, text) = bench_started(&[], &["scale", "--clients", "40", "--messages", "6"]);
    assert!(output.status.success(), "{text}");
    assert_eq!(measured(&text, "delivered to a sample"), 100.0, "{text}");
    assert_eq!((figure(&text, "woken"), figure(&text, "duplicates")), (40.0, 0.0), "{text}");
    assert!(measured(&text, "restart to first CONNACK") > 0.0 && measured(&text, "RSS before it") > 0.1, "{text}");
}

#[test]
fn a_gateway_that_forgets_at_a_restart_fails_the_check() {
    for args in [&["sleepers", "--restart", "--sleepers", "4"][..], &["scale", "--clients", "40", "--messages", "3"]] {
        let (output, text) = bench_started(&["--forgetful"], &[args, &["--check"]].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert!(text.contains(" | 0 % | ≥ 100 | **FAIL** |"), "{args:?}: {text}");
    }
}

#[test]
fn the_price_of_durability_is_measured() {
    let (_, text) = bench_started(&[], &["durable", "--clients", "5"]);
    for row in ["stored for an absent subscriber", "delivered to a present subscriber"] {
        assert!(measured(&text, &format!("{row}, of the in-memory rate")) > 0.0, "{text}");
    }
    assert_eq!((measured(&text, "stored, then delivered"), measured(&text, "delivered")), (100.0, 100.0), "{text}");
    let (_, text) = bench_started(&[], &["lone"]);
    assert!(measured(&text, "PUBACK p50") > 0.0 && figure(&text, "bare commit p50") > 0.0, "{text}");
    assert_eq!(measured(&text, "stored, then delivered"), 100.0, "{text}");
    let (_, text) = bench_started(&[], &["wear"]);
    assert_eq!(measured(&text, "stored, then delivered"), 100.0, "{text}");
    assert!(figure(&text, "100 clients: stored") > 0.0, "{text}");
}

#[test]
fn a_gateway_that_runs_already_is_not_killed() {
    let (output, text) = bench(Faults::default(), &["sleepers", "--restart", "--sleepers", "2"]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("this scenario starts its gateway itself"), "{text}");
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
