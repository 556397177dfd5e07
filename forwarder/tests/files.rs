//! The sample configuration, the systemd unit, and what is said of a wrong configuration.

#[path = "../../sn-config/tests/support/samples.rs"]
mod samples;

use clap::Parser;
use samples::{assert_mistakes_are_named, with_examples};
use sn_forwarder::cli::Cli;
use sn_forwarder::config::{TransportTable, load, parse};
use sn_forwarder::nodes;
use sn_forwarder::relay::Naming;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

const DONGLE: &str = "[[transport]]\nkind = \"ieee802154\"\ndevice = \"/dev/ttyACM0\"\n";

#[test]
fn the_sample_is_right_with_and_without_its_comments() {
    let sample = file("forwarder.toml");
    let plain = parse(Path::new("forwarder.toml"), &sample).unwrap();
    assert_eq!((plain.gateway.to_string().as_str(), plain.transport.len()), ("gateway.local:1883", 1));
    let full = parse(Path::new("forwarder.toml"), &with_examples(&sample)).unwrap();
    assert_eq!(full.transport.len(), 4);
    assert_eq!(full.namings()[2..], [Naming::Radio, Naming::Udp]);
    assert!(full.transport[2].get_ref().is_secured() && full.nodes.is_some() && full.state.is_some());
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
        "sn-forwarder --gateway a --udp 0.0.0.0:1 --log warning",
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
            "gateway = \"a\"\n[log]\nfilter = \"warning\"\n",
            "f.toml:3:10: log.filter: `warning` is no log filter; write off, error, warn, info, debug or trace",
        ),
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
        (
            &format!("gateway = \"a\"\n{line}node_id = \"n\"\n{line}node_id = \"m\"\n"),
            "f.toml:7:1: transport[1]: two transports use /dev/ttyUSB0; the other is on line 2",
        ),
        (
            "gateway = \"a\"\nlocal = \"0.0.0.0:1885\"\n[[transport]]\nkind = \"udp\"\nlisten = \"127.0.0.1:1885\"\n",
            "f.toml:3:1: transport[0]: 0.0.0.0:1885 takes 127.0.0.1:1885, too; `listen` and `local` are two ways",
        ),
        (&format!("gateway = \"a\"\n{radio}node_id = \"n\"\n"), "`node_id` is of no use with a radio"),
        (&format!("gateway = \"a\"\n{line}channel = 15\n"), "`channel` is no key of a transport of kind `serial`"),
        (&format!("gateway = \"a\"\n{DONGLE}mtu = 100\n"), "`mtu` is no key of a transport of kind `ieee802154`"),
        (&format!("gateway = \"a\"\n{DONGLE}channel = 15\n{radio}"), "there is one radio per forwarder"),
        (&format!("gateway = \"a\"\n{DONGLE}channel = 27\n"), "a channel from 11 to 26, or \"auto\""),
        (&format!("gateway = \"a\"\n{DONGLE}interface = \"wpan0\"\n"), "`device` and `interface` are two radios"),
        (
            "gateway = \"a\"\n[[transport]]\nkind = \"ieee802154\"\ninterface = \"wpan0\"\n",
            "Linux drops frames that it has not secured itself; write `security = \"none\"`",
        ),
        (
            &format!("gateway = \"a\"\n{DONGLE}channel = 15\n"),
            "f.toml:2:1: transport[0]: a secured radio needs `nodes = \"FILE\"`, with the nodes' keys",
        ),
        (
            &format!("gateway = \"a\"\nnodes = \"n\"\n{DONGLE}channel = 15\n"),
            "f.toml:3:1: transport[0]: a secured radio needs `state = \"DIRECTORY\"`, for frame counters",
        ),
        (
            &format!("gateway = \"a\"\nstate = \"s\"\n{DONGLE}channel = 15\nsecurity = \"none\"\n"),
            "f.toml:2:9: state: this is of use with a secured radio only",
        ),
    ] {
        let error = parse(Path::new("f.toml"), text).expect_err(text).to_string();
        assert!(error.contains(expected), "{expected} is missing in\n{error}");
    }
}

#[test]
fn every_value_of_a_wrong_type_is_named_with_its_place_and_what_would_be_right() {
    let read = |text: &str| parse(Path::new("f.toml"), text);
    let number = assert_mistakes_are_named(&with_examples(&file("forwarder.toml")), read);
    assert!(number > 150, "{number} mistakes are not all");
}

const KEY: &str = "000102030405060708090a0b0c0d0e0f";

/// A table `[[node]]`.
fn node(name: &str, last_octet: u8, key: &str) -> String {
    format!("[[node]]\nname = \"{name}\"\neui64 = \"00:12:4b:00:00:00:00:{last_octet:02x}\"\nkey = \"{key}\"\n")
}

#[test]
fn a_check_says_that_all_is_right() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("f.toml");
    std::fs::write(&file, "gateway = \"a\"\n[[transport]]\nkind = \"udp\"\nlisten = \"127.0.0.1:0\"\n").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sn-forwarder"));
    let output = command.arg("--config").arg(&file).arg("--check").output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "all right\n");
}

#[test]
fn a_list_of_nodes_is_read() {
    let text = node("pump-7", 7, KEY) + &node("pump-8", 8, &KEY.replace("00", "ff"));
    let nodes = nodes::parse(Path::new("nodes.toml"), &text).unwrap();
    assert_eq!((nodes.len(), nodes[0].name.as_str()), (2, "pump-7"));
    assert_eq!(nodes[1].eui64.to_string(), "00:12:4b:00:00:00:00:08");
}

#[test]
fn errors_in_the_list_of_nodes_name_the_place_and_show_no_key() {
    let good = node("pump-7", 7, KEY);
    for (text, expected) in [
        (String::new(), "n.toml:1:1: there is no node in it; write a table [[node]]"),
        (good.replace(KEY, &KEY[1..]), "n.toml:4:7: node[0].key: a key is 32 hexadecimal digits within quotes"),
        (good.replace(&format!("\"{KEY}\""), "1020304"), "n.toml:4:7: node[0].key: a key is 32 hexadecimal digits"),
        (good.replace(&format!("\"{KEY}\""), KEY), "n.toml:4:"),
        (good.replace("name = ", "nme = "), "n.toml:2:1: node[0].nme: unknown `nme`; did you mean `name`?"),
        (
            good.replace("00:12", "00-12"),
            "n.toml:3:9: node[0].eui64: write a radio's address as 00:12:4b:00:01:02:03:04",
        ),
        (good.replace("pump-7", "pump 7"), "n.toml:2:8: node[0].name: a node's name has 1 to 64 letters"),
        (
            good.clone() + &node("pump-7", 8, &KEY.replace("00", "ff")),
            "n.toml:6:8: node[1].name: two nodes have the name",
        ),
        (
            good.clone() + &node("pump-8", 7, &KEY.replace("00", "ff")),
            "n.toml:7:9: node[1].eui64: this is the address of",
        ),
        (good.clone() + &node("pump-8", 8, KEY), "n.toml:8:7: node[1].key: \"pump-7\" has the same key"),
    ] {
        let error = nodes::parse(Path::new("n.toml"), &text).expect_err(&text).to_string();
        assert!(error.starts_with(expected), "{expected} is not how this begins:\n{error}");
        assert!(!error.contains(&KEY[1..]) && !error.contains("1020304"), "a key is shown:\n{error}");
    }
}

#[test]
fn the_list_of_nodes_must_be_there_and_for_nobody_elses_eyes() {
    let dir = tempfile::tempdir().unwrap();
    let [config, list] = ["forwarder.toml", "nodes.toml"].map(|name| dir.path().join(name));
    let text = format!("gateway = \"a\"\nstate = \"s\"\nnodes = {list:?}\n{DONGLE}channel = 15\n");
    fs::write(&config, text).unwrap();
    let at = format!("{}:3:9: nodes: {}", config.display(), list.display());
    let missing = load(&config).unwrap_err().to_string();
    assert!(missing.starts_with(&format!("{at}: cannot be read: No such file")), "{missing}");
    fs::write(&list, node("pump-7", 7, KEY)).unwrap();
    for (mode, is_refused) in
        [(0o644, true), (0o660, true), (0o604, true), (0o640, false), (0o600, false), (0o400, false)]
    {
        fs::set_permissions(&list, Permissions::from_mode(mode)).unwrap();
        match load(&config) {
            Ok(file) => assert_eq!((is_refused, file.radio_nodes.len()), (false, 1), "{mode:o}"),
            Err(error) => {
                let told =
                    format!("{at} has mode {mode:04o}, and there are keys in it: `chmod 600 {}`", list.display());
                assert!(is_refused && error.to_string().starts_with(&told), "{mode:o}: {error}");
            }
        }
    }
}
