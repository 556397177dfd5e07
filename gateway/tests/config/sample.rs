//! The sample: it shows every key with its default.

use crate::samples::with_examples;
use crate::{complaint, read, udp_admission};
use sn_gateway::config::{BridgeTable, File, TransportTable, load};
use std::path::Path;
use std::time::Duration;
use transports::ieee802154::Attachment;
use transports::serial::Framing;

fn sample() -> (&'static Path, String) {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../config/gateway.toml"));
    (path, std::fs::read_to_string(path).unwrap())
}

#[test]
fn the_sample_is_the_default() {
    assert_eq!(load(sample().0).unwrap(), File::default());
}

/// With what it has as comments.
pub(crate) fn full() -> String {
    with_examples(&sample().1)
}

/// A file with an unknown key in `table` is refused with a list of all keys.
fn keys_of(table: &str) -> Vec<String> {
    let message = complaint(&format!("{table}\nqqqqqqqq = 0\n"));
    let keys = ["known are ", "known is only "].iter().find_map(|before| message.split_once(before)).expect(&message).1;
    keys.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_sample_shows_every_key() {
    let text = sample().1.replace("\n# [[", "\n[[").replace("\n# [transparent]", "\n[transparent]");
    for table in [
        "[gateway]",
        "[timing]",
        "[limits]",
        "[security]",
        "[[node]]",
        "[[access]]",
        "[[queue]]",
        "[[transport]]",
        "[[listener]]",
        "[[bridge]]",
        "[transparent]",
        "[store]",
        "[metrics]",
        "[log]",
    ] {
        // All tables of that name together.
        let header = format!("\n{table}\n");
        let sections = text.split(&header).skip(1).map(|rest| rest.split("\n[").next().unwrap_or_default());
        let lines: Vec<&str> = sections.flat_map(str::lines).collect();
        for key in &keys_of(table) {
            let is_key_end = |rest: &str| rest.starts_with(" = ") || rest.starts_with('.');
            let shown =
                lines.iter().any(|line| line.trim_start_matches("# ").strip_prefix(&**key).is_some_and(is_key_end));
            assert!(shown, "{key} is missing in {table} of the sample");
        }
    }
}

#[test]
fn what_the_sample_has_as_comments_is_right_too() {
    let file = read(&full()).unwrap();
    assert_eq!((file.queue.len(), file.node.len(), file.access.len()), (1, 1, 2));
    assert_eq!(file.security.password_file.as_deref(), Some(Path::new("/etc/sn-gateway/passwords")));
    assert_eq!(udp_admission(&file), (Some("garden"), true));
    assert_eq!(file.core().queue_rules[0].time_to_live, Some(Duration::from_secs(3_600)));
    assert_eq!(file.predefined.0.len(), 1);
    let udp = file.transport[0].as_udp().unwrap();
    assert_eq!(udp.multicast.as_ref().map(|group| *group.get_ref()), Some(transports::Multicast::DEFAULT_GROUP));
    assert_eq!(file.store.data.as_deref(), Some(Path::new("/var/lib/sn-gateway")));
    assert_eq!(file.metrics.listen.as_ref().map(|listen| *listen.get_ref()), Some("127.0.0.1:9883".parse().unwrap()));
    let tls = &file.listener[2];
    assert_eq!(tls.url(tls.listen.0), "mqtts://0.0.0.0:8883");
    assert_eq!(file.listener[3].url("[::1]:80".parse().unwrap()), "ws://[::1]:80/mqtt");
    assert_eq!(file.bridge.iter().map(BridgeTable::name).collect::<Vec<_>>(), ["cloud", "house"]);
    assert!(file.core().transparent.is_some_and(|transparent| transparent.session_expiry_s == 604_800));
    assert_eq!(tls.policy.user_from, Some(sn_gateway::mqtt::UserFrom::CommonName));
    assert_eq!(udp.multicast_interface.as_deref(), Some("eth0"));
    assert!(matches!(&file.transport[2], TransportTable::Serial(table) if table.line.baud == 115_200));
    assert!(matches!(&file.transport[3], TransportTable::Serial(table) if table.line.framing == Framing::Raw));
    let TransportTable::Ieee802154(table) = &file.transport[4] else { panic!("it is a radio") };
    assert_eq!((table.radio.channel, table.radio.pan_id, table.admission.anonymous), (Some(15), 0x534E, false));
    let TransportTable::Ieee802154(table) = &file.transport[5] else { panic!("it is a radio") };
    assert_eq!(table.radio.attachment, Attachment::Interface("wpan0".into()));
    assert_eq!(file.transport[6], TransportTable::sim("/run/sn-gateway/sim.sock".into()));
}
