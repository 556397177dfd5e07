//! What the gateway tells about itself while it runs, and that docs/monitoring.md is true.

mod common;

use common::durable::{Durable, PINGRESP, resume, wake};
use common::scrape::{METRICS, http, scrape, value};
use common::{Daemon, Mqtt, Sn, connect_packet, publish_packet};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use tempfile::NamedTempFile;

/// A configuration file.
fn config(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a file");
    fs::write(&file, text).expect("it is ours");
    file
}

fn path(file: &NamedTempFile) -> &str {
    file.path().to_str().expect("a path in UTF-8")
}

/// What the page has below a heading.
fn section(heading: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/monitoring.md");
    let page = fs::read_to_string(page).expect("the page");
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).expect(heading);
    section.split("\n## ").next().unwrap_or_default().to_owned()
}

/// The first cells, without the quotes, of the rows below a heading of docs/monitoring.md.
fn documented(heading: &str) -> BTreeSet<String> {
    let section = section(heading);
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).map(str::to_owned).collect()
}

/// A bridge to where nobody listens.
const BRIDGE: &str = "[[bridge]]\nname = \"NAME\"\naddress = \"127.0.0.1:1\"\nclient_id = \"gateway\"\n\
    topics = [{ pattern = \"for-the-cloud\", direction = \"out\" }]\n";

/// A gateway on which everything has happened that docs/monitoring.md tells of: a sleeper has a message, for another
/// there was no room, and a packet was refused.
fn eventful(more: &str) -> Daemon {
    let text = format!("[limits]\nqueue_messages = 1\n[metrics]\nlisten = \"127.0.0.1:0\"\n{more}");
    let config = config(&text);
    let gateway = Daemon::start(&["--config", path(&config)]);
    let sleeper = Sn::connect(gateway.udp(), "ID", 60);
    sleeper.subscribe("for-ID", 1);
    common::durable::fall_asleep(&sleeper);
    let mut publisher = Mqtt::connect(gateway.mqtt(), "publisher");
    publisher.send(&publish_packet(2, "for-ID", Some([0, 1]), b"1"));
    publisher.expect(&[0x40, 2, 0, 1]);
    publisher.send(&publish_packet(2, "for-ID", Some([0, 2]), b"2"));
    publisher.expect(&[0x40, 2, 0, 2]);
    publisher.send(&publish_packet(2, "$SYS/x", Some([0, 3]), b"refused"));
    publisher.expect(&[0x40, 2, 0, 3]);
    gateway
}

#[test]
fn every_topic_that_is_published_is_documented_and_the_other_way_round() {
    let gateway = eventful(BRIDGE);
    gateway.wait_for_log("bridge not connected");
    let mut monitor = Mqtt::connect(gateway.mqtt(), "monitor");
    monitor.subscribe("$SYS/#", 0);
    // What follows the retained messages: their end.
    monitor.send(&[0xC0, 0]);
    let mut values = Vec::new();
    while let Some(publish) = monitor.publish_before_pingresp() {
        values.push(publish);
    }
    let value = |topic: &str| values.iter().find(|(name, _)| name == topic).map(|(_, value)| value.as_str());
    assert_eq!(value("$SYS/broker/version"), Some(concat!("sn-gateway version ", env!("CARGO_PKG_VERSION"))));
    assert_eq!(value("$SYS/broker/clients/ID/mailbox"), Some("1"));
    assert_eq!(value("$SYS/broker/drops/queue-full"), Some("1"));
    assert_eq!(value("$SYS/broker/rejects/topic-name"), Some("1"));
    assert_eq!(value("$SYS/broker/store/state"), Some("ok"));
    let generic = |(topic, _): &(String, String)| {
        let minutes = ["/15min", "/5min", "/1min"].iter().fold(topic.clone(), |topic, n| topic.replace(n, "/Nmin"));
        minutes.replace("queue-full", "REASON").replace("topic-name", "REASON")
    };
    let mut documented = documented("`$SYS`");
    // Here is no radio: tests/nodes.rs has these.
    documented.retain(|topic| !topic.starts_with("$SYS/broker/nodes/") && !topic.ends_with("/N/used"));
    assert_eq!(values.iter().map(generic).collect::<BTreeSet<_>>(), documented);
}

#[test]
fn octets_that_are_no_mqtt_packet_are_counted_too() {
    let gateway = Daemon::start(&[]);
    let mut monitor = Mqtt::connect(gateway.mqtt(), "monitor");
    let mut broken = Mqtt::connect(gateway.mqtt(), "broken");
    broken.send(&[0xF0, 0]);
    broken.expect_close();
    monitor.subscribe("$SYS/broker/rejects/+", 0);
    let (topic, count) = monitor.receive_publish();
    assert!(topic.starts_with("$SYS/broker/rejects/") && count == "1", "{topic} {count}");
}

#[test]
fn the_interval_is_the_configuration_s() {
    let interval = config("[gateway]\nsys_interval_s = 1\n");
    let gateway = Daemon::start(&["--config", path(&interval)]);
    let mut monitor = Mqtt::connect(gateway.mqtt(), "monitor");
    monitor.subscribe("$SYS/broker/uptime", 0);
    let uptimes = [(); 3].map(|()| monitor.receive_publish().1.replace(" seconds", "").parse::<u64>().unwrap());
    // Twice 10 s would be the default.
    assert!(uptimes[2] > uptimes[1] && uptimes[2] - uptimes[0] < 10, "{uptimes:?}");
}

#[test]
fn a_wildcard_does_not_deliver_it_and_nobody_can_publish_there() {
    let mut gateway = Durable::start();
    let mut everything = gateway.mqtt("everything", 2);
    everything.expect(&[0x20, 2, 0, 0]);
    everything.subscribe("#", 0);
    let mut monitor = gateway.mqtt("monitor", 2);
    monitor.expect(&[0x20, 2, 0, 0]);
    monitor.subscribe("$SYS/broker/store/state", 0);
    assert_eq!(monitor.receive_publish().1, "ok");
    everything.send(&publish_packet(1, "$SYS/broker/store/state", None, b"fine"));
    gateway.disk("full");
    // A retained message has to be written, whoever subscribes.
    everything.send(&publish_packet(3, "t", Some([0, 1]), b"x"));
    everything.expect(&publish_packet(0, "t", None, b"x"));
    assert_eq!(monitor.receive_publish().1, "full");
    gateway.disk("");
    // Of all that was published, "#" selects nothing that comes before this.
    everything.expect(&[0x40, 2, 0, 1]);
}

#[test]
fn a_full_and_a_failed_disk_are_told_as_soon_as_they_are_known() {
    let mut gateway = Durable::start();
    let node = gateway.sn();
    resume(&node, "node");
    let topic = node.register("up");
    let mut monitor = gateway.mqtt("monitor", 2);
    monitor.expect(&[0x20, 2, 0, 0]);
    monitor.subscribe("$SYS/broker/store/state", 0);
    let state = |value: &str| ("$SYS/broker/store/state".to_owned(), value.to_owned());
    assert_eq!(monitor.receive_publish(), state("ok"));
    let publish = |msg_id| node.send(&[8, 0x0C, 0x30, topic[0], topic[1], 0, msg_id, b'x']);
    gateway.disk("full");
    publish(1);
    assert_eq!(monitor.receive_publish(), state("full"));
    gateway.disk("");
    assert_eq!(monitor.receive_publish(), state("ok"));
    node.expect(&[7, 0x0D, topic[0], topic[1], 0, 1, 0]);
    gateway.disk("sync");
    publish(2);
    assert_eq!(monitor.receive_publish(), state("failed"));
    assert_eq!(gateway.daemon().wait().code(), Some(1));
}

#[test]
fn every_metric_is_documented_and_the_other_way_round_and_has_a_text() {
    let gateway = eventful(BRIDGE);
    let text = scrape(gateway.metrics());
    let named = |prefix: &str| -> BTreeSet<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(prefix)?.split(' ').next());
        lines.map(str::to_owned).collect()
    };
    assert_eq!(named("# HELP "), named("# TYPE "));
    let mut documented = documented("Metrics");
    // In memory nothing is committed.
    assert!(documented.remove("sn_gateway_commit_seconds"));
    // Here is no radio: tests/nodes.rs has these.
    documented.retain(|metric| !metric.starts_with("sn_gateway_node_") && metric != "sn_gateway_airtime_used_ratio");
    let mut shown = named("# TYPE ");
    shown.remove("sn_gateway_commit_seconds");
    assert_eq!(shown, documented);
}

#[test]
fn every_reason_for_a_dropped_message_is_documented_and_counted_from_the_start() {
    let metrics = config(METRICS);
    let gateway = Daemon::start(&["--config", path(&metrics)]);
    let text = scrape(gateway.metrics());
    let prefix = "sn_gateway_drops_total{reason=\"";
    let counted: BTreeSet<_> =
        text.lines().filter_map(|line| line.strip_prefix(prefix)?.strip_suffix("\"} 0")).collect();
    let section = section("Why messages are dropped");
    // A row may begin with several.
    let first_cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let documented: BTreeSet<_> = first_cells.flat_map(|cell| cell.trim_end_matches('`').split("`, `")).collect();
    assert_eq!(counted, documented);
}

#[test]
fn metrics_say_what_has_happened() {
    let gateway = eventful("");
    let text = scrape(gateway.metrics());
    for (metric, expected) in [
        ("sn_gateway_sn_clients{state=\"asleep\"}", 1.0),
        ("sn_gateway_sn_clients{state=\"active\"}", 0.0),
        ("sn_gateway_subscriptions", 1.0),
        ("sn_gateway_publish_received_total{qos=\"1\"}", 2.0),
        ("sn_gateway_publish_sent_total{qos=\"1\"}", 0.0),
        ("sn_gateway_packets_received_total{protocol=\"mqtt-sn\"}", 3.0),
        ("sn_gateway_packets_sent_total{protocol=\"mqtt-sn\"}", 3.0),
        ("sn_gateway_packets_received_total{protocol=\"mqtt\"}", 4.0),
        ("sn_gateway_mailbox_messages", 1.0),
        ("sn_gateway_mailbox_bytes", 7.0),
        ("sn_gateway_mailbox_deepest_messages", 1.0),
        ("sn_gateway_drops_total{reason=\"queue-full\"}", 1.0),
        ("sn_gateway_rejects_total{reason=\"topic-name\"}", 1.0),
        ("sn_gateway_store_state{state=\"ok\"}", 1.0),
        ("sn_gateway_connects_total", 2.0),
        ("sn_gateway_publish_received_bytes_total{qos=\"1\"}", 2.0),
        ("sn_gateway_transport_datagrams_total{transport=\"udp-0\",outcome=\"received\"}", 3.0),
        ("sn_gateway_transport_datagrams_total{transport=\"udp-0\",outcome=\"sent\"}", 3.0),
    ] {
        assert_eq!(value(&text, metric), expected, "{metric} in\n{text}");
    }
}

#[test]
fn a_wake_is_measured_from_pingreq_to_pingresp() {
    let metrics = config(METRICS);
    let gateway = Daemon::start(&["--config", path(&metrics)]);
    let sleeper = Sn::connect(gateway.udp(), "ID", 60);
    common::durable::fall_asleep(&sleeper);
    let wakes = || value(&scrape(gateway.metrics()), "sn_gateway_wake_seconds_count");
    assert_eq!(wakes(), 0.0);
    wake(&sleeper, "ID");
    sleeper.expect(&PINGRESP);
    assert_eq!(wakes(), 1.0);
}

#[test]
fn metrics_show_a_full_and_a_failed_disk_and_how_long_commits_take() {
    let metrics = config(METRICS);
    let mut gateway = Durable::start_with(&["--config", path(&metrics)]);
    let addr = gateway.daemon().metrics();
    let states = |addr| {
        let text = scrape(addr);
        ["ok", "full", "failed"].map(|state| value(&text, &format!("sn_gateway_store_state{{state=\"{state}\"}}")))
    };
    let node = gateway.sn();
    resume(&node, "node");
    let topic = node.register("up");
    assert_eq!(states(addr), [1.0, 0.0, 0.0]);
    let commits = |addr| value(&scrape(addr), "sn_gateway_commit_seconds_count");
    let before = commits(addr);
    assert!(before >= 1.0);
    let publish = |msg_id| node.send(&[8, 0x0C, 0x30, topic[0], topic[1], 0, msg_id, b'x']);
    gateway.disk("full");
    publish(1);
    gateway.daemon().wait_for_log("nothing is acknowledged until there is space");
    assert_eq!(states(addr), [0.0, 1.0, 0.0]);
    assert_eq!(commits(addr), before);
    assert!(value(&scrape(addr), "sn_gateway_uncommitted_bytes") > 0.0);
    assert_eq!(value(&scrape(addr), "sn_gateway_held_outputs"), 1.0);
    gateway.disk("");
    node.expect(&[7, 0x0D, topic[0], topic[1], 0, 1, 0]);
    assert_eq!(states(addr), [1.0, 0.0, 0.0]);
    assert!(commits(addr) > before);
    gateway.disk("sync");
    publish(2);
    gateway.daemon().wait_for_log("the disk failed");
    assert_eq!(states(addr), [0.0, 0.0, 1.0]);
}

#[test]
fn only_metrics_are_served_and_a_silent_connection_does_not_block_them_for_ever() {
    let metrics = config(METRICS);
    let gateway = Daemon::start(&["--config", path(&metrics)]);
    let addr = gateway.metrics();
    assert!(http(addr, "GET /").starts_with("HTTP/1.1 404 "));
    assert!(http(addr, "POST /metrics").starts_with("HTTP/1.1 405 "));
    assert!(http(addr, "HEAD /metrics").ends_with("\r\n\r\n"));
    let _silent = TcpStream::connect(addr).expect("connect");
    assert!(value(&scrape(addr), "sn_gateway_uptime_seconds") > 0.0);
}

#[test]
fn without_the_key_there_is_no_listener() {
    let gateway = Daemon::start(&[]);
    assert!(!gateway.lines.iter().any(|line| line.contains("Metrics")), "{:?}", gateway.lines);
}

#[test]
fn an_address_for_metrics_that_is_in_use_stops_the_start_and_the_key_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let metrics = config(&format!("[metrics]\nlisten = \"{}\"\n", taken.local_addr().expect("its address")));
    let args = ["run", "--udp", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--in-memory", "--config", path(&metrics)];
    let output = common::sn_gateway().args(args).output().expect("it ends");
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("for metrics") && error.contains("the key listen of [metrics]"), "{error}");
}

#[test]
fn octets_are_counted_as_streams_and_datagrams_carry_them() {
    let gateway = Daemon::start(&[]);
    // SEARCHGW, and GWINFO is the answer.
    let node = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    node.send_to(&[3, 1, 0], gateway.udp()).expect("sent");
    let gwinfo = node.recv(&mut [0; 16]).expect("an answer");
    let (connect, filter) = (connect_packet("monitor", 2, &[]), "$SYS/broker/bytes/+");
    let mut monitor = Mqtt::new(gateway.mqtt());
    monitor.send(&connect);
    monitor.expect(b"\x20\x02\x00\x00");
    monitor.subscribe(filter, 0);
    let subscribe = 2 + 2 + 2 + filter.len() + 1;
    let told: BTreeMap<_, _> = [(); 2].map(|()| monitor.receive_publish()).into();
    let [received, sent] = ["received", "sent"].map(|which| told[&format!("$SYS/broker/bytes/{which}")].parse().ok());
    assert_eq!((received, sent), (Some(3 + connect.len() + subscribe), Some(gwinfo + 4)));
}
