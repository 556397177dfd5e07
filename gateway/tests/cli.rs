//! The command line.

mod common;

use common::{Daemon, own_port, sn_gateway};
use std::fs;
use std::process::Output;

fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = sn_gateway().args(args).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn help_tells_what_it_is_how_to_start_and_what_signals_do() {
    let (code, help, _) = run(&["--help"]);
    assert_eq!(code, Some(0));
    for part in ["MQTT-SN 1.2", "loopback only", "Examples:", "Files:", "mosquitto_sub -h 127.0.0.1 -t '#' -v"] {
        assert!(help.contains(part), "{part} is missing in\n{help}");
    }
    let (_, help, _) = run(&["run", "--help"]);
    for flag in ["--config", "--udp", "--mqtt", "--data", "--in-memory", "--predefined", "--log", "--log-format"] {
        assert!(help.contains(flag), "{flag} is missing in\n{help}");
    }
    for part in ["Signals:", "SIGHUP", "sn-gateway run --config"] {
        assert!(help.contains(part), "{part} is missing in\n{help}");
    }
    assert!(!help.contains("sn-gateway nodes"), "what other commands do is no business of this one:\n{help}");
}

#[test]
fn without_a_command_it_shows_the_help() {
    let (code, _, error) = run(&[]);
    assert_eq!(code, Some(2));
    assert!(error.contains("Usage: sn-gateway"));
}

#[test]
fn wrong_flags_are_refused_with_what_would_be_right() {
    for (args, expected) in [
        (["run", "--udp", "localhost"], "write IP:PORT or IP"),
        (["run", "--predefined", "sensors"], "write ID=TOPIC, for example 1=sensors/temperature"),
        (["run", "--predefined", "0=a"], "a number from 1 to 65534"),
        (["run", "--predefined", "1=a/+"], "must not contain the wildcards"),
        (["run", "--log-format", "xml"], "human, json"),
        (["run", "--log", "warning"], "`warning` is no log filter; write off, error, warn, info, debug or trace"),
    ] {
        let (code, _, error) = run(&args);
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn check_config_says_yes_or_where_and_why_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gw.toml");
    let path = path.to_str().unwrap();
    fs::write(path, "[gateway]\ngw_id = 3\n").unwrap();
    assert_eq!(run(&["check-config", path]), (Some(0), format!("{path}: all right\n"), String::new()));
    fs::write(path, "[gateway]\ngw_id = 300\n").unwrap();
    let (code, out, error) = run(&["check-config", path]);
    assert_eq!((code, &out[..]), (Some(1), ""));
    assert!(error.starts_with(&format!("sn-gateway: {path}:2:9: gateway.gw_id: ")), "{error}");
    assert_eq!(run(&["run", "--config", path]), (Some(1), String::new(), error));
}

#[test]
fn a_port_in_use_is_told_with_the_flag_that_changes_it() {
    let first = Daemon::start(&[]);
    for (flag, addr) in [("--udp", first.udp()), ("--mqtt", first.mqtt())] {
        let (code, out, error) =
            run(&["run", "--in-memory", "--udp", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", flag, &addr.to_string()]);
        assert_eq!((code, &out[..]), (Some(1), ""));
        assert!(
            error.contains(&format!("cannot listen on {addr}; choose another address with {flag} IP:PORT")),
            "{error}"
        );
        assert!(error.contains("Address already in use"), "{error}");
    }
}

#[test]
fn an_address_of_another_machine_is_told_too() {
    let (code, _, error) = run(&["run", "--in-memory", "--udp", "192.0.2.1:0"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("cannot listen on 192.0.2.1:0"), "{error}");
}

#[test]
fn an_interface_that_is_not_there_is_told_and_not_blamed_on_the_address() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gw.toml");
    let group = "multicast = \"225.1.1.1:1883\"\nmulticast_interface = \"nowhere0\"";
    fs::write(&path, format!("[[transport]]\nkind = \"udp\"\nlisten = \"127.0.0.1:0\"\n{group}\n")).unwrap();
    let (code, _, error) = run(&["run", "--in-memory", "--config", path.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(error.contains("look at the keys multicast and multicast_interface"), "{error}");
    assert!(error.contains("nowhere0") && !error.contains("cannot listen"), "{error}");
}

#[test]
fn a_secured_radio_needs_a_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gw.toml");
    fs::write(&path, "[[transport]]\nkind = \"ieee802154\"\nname = \"air\"\ndevice = \"/dev/null\"\nchannel = 15\n")
        .unwrap();
    let (code, _, error) = run(&["run", "--in-memory", "--config", path.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(error.contains("transport `air` secures its frames") && error.contains("give --data DIR"), "{error}");
    let (code, _, error) = run(&["check-config", "--in-memory", path.to_str().unwrap()]);
    assert_eq!((code, error.contains("transport `air` secures its frames")), (Some(1), true), "{error}");
    let (code, _, error) = run(&["check-config", path.to_str().unwrap()]);
    assert_eq!((code, &error[..]), (Some(0), ""));
    let in_file = fs::read_to_string(&path).unwrap() + "[store]\nin_memory = true\n";
    fs::write(&path, in_file).unwrap();
    let (code, _, error) = run(&["check-config", path.to_str().unwrap()]);
    assert_eq!((code, error.contains("gw.toml: transport `air` secures its frames")), (Some(1), true), "{error}");
}

#[test]
fn why_a_data_directory_cannot_be_used_is_told_once() {
    let (code, _, error) = run(&["run", "--data", "/dev/null/data"]);
    assert_eq!((code, error.matches("Not a directory").count()), (Some(1), 1), "{error}");
}

#[test]
fn it_says_where_it_listens_who_can_reach_it_and_what_to_type_next() {
    let gateway = Daemon::start(&["--in-memory"]);
    let (udp, mqtt) = (gateway.udp(), gateway.mqtt());
    assert!(udp.port() != 0 && mqtt.port() != 0);
    assert_eq!(gateway.lines[1..3], [format!("MQTT-SN on udp://{udp}"), format!("MQTT on mqtt://{mqtt}")]);
    let text = gateway.lines.join("\n");
    let open = "--udp 0.0.0.0 --mqtt 0.0.0.0 --anonymous";
    for part in ["IN MEMORY", "Only programs on this machine", open, "say who they are"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(text.contains(&format!("mosquitto_sub -h 127.0.0.1 -p {} -t '#' -v", mqtt.port())));
    assert!(text.contains(&format!("sn-pub -p {} -t hello -m world", udp.port())));
}

#[test]
fn flags_override_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gw.toml");
    fs::write(&path, "[[listener]]\nkind = \"tcp\"\nlisten = \"192.0.2.1:1\"\n[[transport]]\nkind = \"udp\"\nlisten = \"192.0.2.1:1\"\n")
        .unwrap();
    let gateway = Daemon::start(&["--config", path.to_str().unwrap()]);
    assert!(gateway.udp().ip().is_loopback() && gateway.mqtt().ip().is_loopback());
}

#[test]
fn both_wildcards_can_be_open_on_one_port() {
    let free = own_port();
    let [v4, v6] = ["0.0.0.0", "[::]"].map(|ip| format!("{ip}:{free}"));
    let gateway = Daemon::start_as_told(&["--udp", &v4, "--udp", &v6, "--mqtt", &v4, "--mqtt", &v6]);
    assert!(gateway.lines.iter().any(|line| line.starts_with("Open to the network on ")), "{:?}", gateway.lines);
    let hint = ["mosquitto_sub", "sn-pub"].iter().find(|hint| gateway.lines.iter().any(|line| line.contains(**hint)));
    assert_eq!(hint, None, "it would be refused");
}
