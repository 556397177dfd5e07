//! The sample configuration, the systemd unit, and what is said of a wrong configuration.

use clap::Parser;
use sn_forwarder::cli::Cli;
use sn_forwarder::config::{TransportTable, parse};
use sn_forwarder::relay::Naming;
use std::path::Path;

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_sample_is_right_with_and_without_its_comments() {
    let sample = file("forwarder.toml");
    let plain = parse(Path::new("forwarder.toml"), &sample).unwrap();
    assert_eq!((plain.gateway.to_string().as_str(), plain.transport.len()), ("gateway.local:1883", 1));
    let is_example =
        |rest: &str| rest.starts_with("[[") || rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
    let uncomment = |line: &str| match line.strip_prefix("# ").filter(|rest| is_example(rest)) {
        Some(example) => format!("{example}\n"),
        None => format!("{line}\n"),
    };
    let full = parse(Path::new("forwarder.toml"), &sample.lines().map(uncomment).collect::<String>()).unwrap();
    assert_eq!(full.transport.len(), 3);
    assert_eq!(full.namings()[2], Naming::Udp);
}

#[test]
fn the_unit_starts_the_program_as_it_wants_to_be_started() {
    let unit = file("sn-forwarder.service");
    let of = |key: &str| {
        let line = unit.lines().find_map(|line| line.strip_prefix(&format!("{key}=")));
        line.unwrap_or_else(|| panic!("{key} is missing")).to_owned()
    };
    let (start, check) = (of("ExecStart"), of("ExecStartPre"));
    for command in [&start, &check] {
        Cli::try_parse_from(command.split(' ')).unwrap_or_else(|error| panic!("{command}: {error}"));
    }
    assert_eq!(format!("{start} --check"), check, "it is the same configuration");
}

#[test]
fn flags_alone_are_enough_for_one_line() {
    let flags = "sn-forwarder --serial /dev/ttyUSB0 --framing cobs --gateway host:1884 --node-id pump";
    let (file, is_check) = Cli::try_parse_from(flags.split(' ')).unwrap().file().unwrap();
    assert!(!is_check);
    assert_eq!(file.gateway.to_string(), "host:1884");
    let TransportTable::Serial { line, .. } = file.transport[0].get_ref() else { panic!("a line") };
    assert_eq!((line.device.to_string().as_str(), line.baud, line.mtu), ("/dev/ttyUSB0", 115_200, 1_024));
    for wrong in [
        "sn-forwarder --gateway a",
        "sn-forwarder --gateway a --serial /dev/ttyUSB0",
        "sn-forwarder --gateway a:b --udp 0.0.0.0:1",
        "sn-forwarder --gateway a --serial /dev/ttyUSB0 --framing cob",
        "sn-forwarder --gateway a --serial /dev/ttyUSB0 --framing xbee --node-id pump",
        "sn-forwarder --gateway a --serial /dev/ttyUSB0 --framing cobs --node-id 1234567890123456789012345",
    ] {
        let refused = Cli::try_parse_from(wrong.split(' ')).map_err(anyhow::Error::from).and_then(Cli::file);
        assert!(refused.is_err(), "{wrong}");
    }
}

#[test]
fn errors_name_the_place_and_say_what_would_be_right() {
    let line = "[[transport]]\nkind = \"serial\"\ndevice = \"/dev/ttyUSB0\"\nframing = \"cobs\"\n";
    let radio = "[[transport]]\nkind = \"serial\"\ndevice = \"/dev/ttyUSB1\"\nframing = \"xbee\"\n";
    for (text, expected) in [
        ("", "f.toml:1:1: `gateway` is missing"),
        ("gateway = \"a b\"\n", "f.toml:1:11: gateway: `a b` is no host; write HOST or HOST:PORT"),
        ("gateway = \"a\"\ngatewy = 1\n", "f.toml:2:1: gatewy: unknown `gatewy`; did you mean `gateway`?"),
        (&format!("gateway = \"a\"\n{line}baud = 1\n"), "f.toml:6:8: transport[0].baud: "),
        (
            &format!("gateway = \"a\"\n{line}listen = \"0.0.0.0:1\"\n"),
            "`listen` is no key of a transport of kind `serial`",
        ),
        (&format!("gateway = \"a\"\n{line}node_id = \"\"\n"), "a node id has 1 to 24 octets"),
        (
            &format!("gateway = \"a\"\n{line}node_id = \"n\"\n{line}node_id = \"n\"\n"),
            "two lines have the node id \"n\"",
        ),
        (&format!("gateway = \"a\"\n{radio}{radio}"), "there is one radio per forwarder"),
        (&format!("gateway = \"a\"\n{radio}node_id = \"n\"\n"), "`node_id` is of no use with a radio"),
    ] {
        let error = parse(Path::new("f.toml"), text).expect_err(text).to_string();
        assert!(error.contains(expected), "{expected} is missing in\n{error}");
    }
}
