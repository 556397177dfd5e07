//! What keys are worth, above all those that are left out.

use crate::{read, udp_admission};
use gateway_core::Config;
use sn_gateway::config::{File, ListenAddr, parse};
use std::path::Path;

#[test]
fn an_empty_file_is_the_default_and_that_is_loopback_only() {
    let file = read("").unwrap();
    assert_eq!(file, File::default());
    assert!(file.transport.iter().all(|table| table.as_udp().is_some_and(|table| table.listen.0.ip().is_loopback())));
    assert!(file.listener.iter().all(|table| table.listen.0.ip().is_loopback()));
}

#[test]
fn the_defaults_are_the_core_s() {
    assert_eq!(format!("{:?}", File::default().core()), format!("{:?}", Config::default()));
}

#[test]
fn beyond_loopback_nobody_comes_in_unknown_unless_the_file_says_so() {
    let file = |listen: &str, more: &str| {
        let table =
            |name: &str, kind: &str| format!("[[{name}]]\nkind = \"{kind}\"\nlisten = \"{listen}:1883\"\n{more}\n");
        read(&(table("transport", "udp") + &table("listener", "tcp"))).unwrap()
    };
    for (listen, more, anonymous) in [
        ("127.0.0.1", "", true),
        ("[::1]", "", true),
        ("127.0.0.1", "anonymous = false", false),
        ("0.0.0.0", "", false),
        ("192.168.1.2", "", false),
        ("[::]", "anonymous = true", true),
    ] {
        let file = file(listen, more);
        assert_eq!(udp_admission(&file), (None, anonymous), "{listen} {more}");
        assert_eq!(file.listener[0].policy.anonymous, anonymous, "{listen} {more}");
    }
}

#[test]
fn whoever_is_at_the_end_of_a_line_may_come_in_and_who_is_in_reach_of_a_radio_may_not() {
    for (framing, anonymous) in [("cobs", true), ("raw", true), ("xbee", false), ("xbee-802.15.4-escaped", false)] {
        let text = format!("[[transport]]\nkind = \"serial\"\ndevice = \"/dev/ttyS0\"\nframing = \"{framing}\"\n");
        let mut file = read(&text).unwrap();
        assert_eq!(file.transport[0].admission_mut().anonymous, anonymous, "{framing}");
    }
}

#[test]
fn each_transport_and_listener_may_have_a_port_of_the_system_s_choice() {
    let table = |name: &str, kind: &str| format!("[[{name}]]\nkind = \"{kind}\"\nlisten = \"[::1]:0\"\n").repeat(2);
    read(&(table("transport", "udp") + &table("listener", "tcp"))).unwrap();
}

#[test]
fn addresses_may_leave_the_port_out() {
    for (text, addr) in [
        ("127.0.0.1", "127.0.0.1:1883"),
        ("0.0.0.0:10000", "0.0.0.0:10000"),
        ("::1", "[::1]:1883"),
        ("[::]", "[::]:1883"),
        ("[::1]:0", "[::1]:0"),
    ] {
        assert_eq!(text.parse::<ListenAddr>().unwrap().0, addr.parse().unwrap());
    }
}

#[test]
fn a_listener_s_port_is_that_of_its_kind() {
    let tls = "kind = \"tls\"\ncertificate = \"a\"\nkey = \"b\"\n";
    for (kind, port) in [("kind = \"tcp\"\n", 1883), (tls, 8883)] {
        let file = read(&format!("[[listener]]\n{kind}listen = \"::1\"\n")).unwrap();
        assert_eq!(file.listener[0].listen.0.port(), port);
    }
}

#[test]
fn a_table_that_has_moved_says_the_same() {
    let table = "[[transport]]\nkind = \"udp\"\nlisten = \"::1\"\n[[listener]]\nkind = \"tcp\"\nlisten = \"::1\"\n\
        auth_methods = [\"SCRAM-SHA-256\"]\n[security]\npassword_file = \"passwords\"\n";
    let [before, after] = ["", "# a comment\n"].map(|more| read(&[more, table].concat()).unwrap());
    assert_eq!(before, after);
}

#[test]
fn the_examples_in_docs_listeners_are_right() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/listeners.md"));
    let page = std::fs::read_to_string(path).unwrap();
    let blocks = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    let all: String = blocks.inspect(|block| drop(parse(path, block).unwrap())).collect();
    let urls = parse(path, &all).unwrap().listener.into_iter().map(|table| table.url(table.listen.0));
    assert_eq!(
        urls.collect::<Vec<_>>(),
        [
            "mqtt://127.0.0.1:1883",
            "mqtts://0.0.0.0:8883",
            "mqtts://0.0.0.0:8884",
            "wss://0.0.0.0:8084/mqtt",
            "ws://127.0.0.1:8083/mqtt"
        ]
    );
}
