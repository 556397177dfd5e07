//! What MQTT connections may not do, and what the gateway answers.

mod common;

use common::scrape::{METRICS, scrape, value};
use common::{Daemon, Mqtt, connect_packet, publish_packet};
use nix::sys::signal::Signal;
use std::io::{Read, Write};
use std::process::Command;
use std::time::{Duration, Instant};

/// A configuration file that lives as long as the test.
fn config(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn start(text: &str) -> (Daemon, tempfile::NamedTempFile) {
    let file = config(text);
    (Daemon::start(&["--config", file.path().to_str().unwrap(), "--log", "debug"]), file)
}

/// A gateway with one MQTT listener, and more keys for that.
fn start_listener(keys: &str) -> (Daemon, tempfile::NamedTempFile) {
    let listener = "[[listener]]\nkind = \"tcp\"\nlisten = \"127.0.0.1:0\"\n";
    let file = config(&format!("{METRICS}{listener}{keys}"));
    let args = ["--config", file.path().to_str().unwrap(), "--udp", "127.0.0.1:0", "--log", "debug"];
    (Daemon::start_as_told(&args), file)
}

/// How many connections of the first listener had this outcome.
fn outcome(gateway: &Daemon, outcome: &str) -> f64 {
    let metric = format!("sn_gateway_listener_connections_total{{listener=\"0\",outcome=\"{outcome}\"}}");
    value(&scrape(gateway.metrics()), &metric)
}

#[test]
fn who_is_malformed_is_closed_counted_and_others_go_on() {
    let gateway = Daemon::start(&["--log", "debug"]);
    let mut good = Mqtt::connect(gateway.mqtt(), "good");
    let mut bad = Mqtt::connect(gateway.mqtt(), "bad");
    bad.send(b"\x30\x05\x00\x03a\x00b");
    bad.expect_close();
    gateway.wait_for_log("reason=\"nul\"");
    good.send(b"\xc0\x00");
    good.expect(b"\xd0\x00");
}

#[test]
fn who_is_closed_for_a_long_packet_is_named_in_the_log_with_its_address_and_the_limit() {
    let (gateway, _file) = start_listener("max_packet_bytes = 128\n");
    let mut long = Mqtt::connect(gateway.mqtt(), "long");
    let from = format!("mqtt {}", long.0.local_addr().unwrap());
    long.send(&publish_packet(0, "t", None, &[0; 200]));
    long.expect_close();
    let why = "a packet was longer than max_packet_bytes of its [[listener]]";
    gateway.wait_for_log(why);
    let log = gateway.log();
    let line = log.lines().find(|line| line.contains(why)).unwrap();
    for part in ["WARN", "client=\"long\"", &format!("from={from}")] {
        assert!(line.contains(part), "{part} in {line}");
    }
}

#[test]
fn answers_to_what_came_before_the_malformed_packet_are_not_forgotten() {
    let gateway = Daemon::start(&[]);
    let mut subscriber = Mqtt::connect(gateway.mqtt(), "subscriber");
    subscriber.subscribe("#", 0);
    let mut client = Mqtt::connect(gateway.mqtt(), "client");
    client.send(&[publish_packet(0, "t", None, b"x"), vec![0xFF, 0]].concat());
    client.expect_close();
    subscriber.expect(b"\x30\x04\x00\x01tx");
}

#[test]
fn other_versions_are_told_so() {
    let gateway = Daemon::start(&[]);
    let mut two = Mqtt::new(gateway.mqtt());
    two.send(b"\x10\x0d\x00\x04MQTT\x02\x02\x00\x3c\x00\x01a");
    two.expect(b"\x20\x02\x00\x01");
    two.expect_close();
    let mut six = Mqtt::new(gateway.mqtt());
    six.send(b"\x10\x0e\x00\x04MQTT\x06\x02\x00\x3c\x00\x00\x01a");
    six.expect(b"\x20\x02\x00\x01");
    six.expect_close();
}

#[test]
fn who_says_nothing_is_closed() {
    // Long enough for one that says something.
    let (gateway, _file) = start_listener("connect_timeout_s = 4\n");
    let start = Instant::now();
    let mut silent = Mqtt::new(gateway.mqtt());
    let mut slow = Mqtt::new(gateway.mqtt());
    slow.send(&connect_packet("slow", 2, &[])[..5]);
    let mut connected = Mqtt::connect(gateway.mqtt(), "connected");
    silent.expect_close();
    slow.expect_close();
    assert!(start.elapsed() >= Duration::from_millis(3_900));
    common::wait_until("both to be counted", || outcome(&gateway, "connect-timeout") == 2.0);
    connected.send(b"\xc0\x00");
    connected.expect(b"\xd0\x00");
}

#[test]
fn a_packet_beyond_the_limit_is_refused_before_it_is_all_there() {
    let (gateway, _file) = start_listener("max_packet_bytes = 1000\n");
    let mut client = Mqtt::connect(gateway.mqtt(), "client");
    client.subscribe("#", 0);
    let fits = publish_packet(0, "t", None, &[b'x'; 997]);
    client.send(&fits);
    client.expect(&fits);
    client.send(&publish_packet(0, "t", None, &[b'x'; 998])[..5]);
    client.expect_close();
    gateway.wait_for_log("too-long");
}

#[test]
fn a_topic_alias_beyond_the_limit_is_refused() {
    let (gateway, _file) = start_listener("topic_aliases = 2\n");
    let mut client = Mqtt::new(gateway.mqtt());
    client.send(b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01a");
    let announced = b"\x27\x00\x10\x00\x04\x22\x00\x02\x21\x03\xe8";
    client.expect(&[b"\x20\x0e\x00\x00\x0b", &announced[..]].concat());
    client.send(b"\x32\x09\x00\x01t\x00\x07\x03\x23\x00\x02");
    client.expect(b"\x40\x03\x00\x07\x10");
    client.send(b"\x32\x09\x00\x01t\x00\x08\x03\x23\x00\x03");
    client.expect(b"\xe0\x01\x94");
    client.expect_close();
    gateway.wait_for_log("topic-alias");
}

#[test]
fn one_connection_too_many_is_told_that_the_server_is_unavailable() {
    let (gateway, _file) = start_listener("max_connections = 2\n");
    let first = Mqtt::connect(gateway.mqtt(), "first");
    let _second = Mqtt::connect(gateway.mqtt(), "second");
    let mut third = Mqtt::new(gateway.mqtt());
    third.send(&connect_packet("third", 2, &[]));
    third.expect(b"\x20\x02\x00\x03");
    third.expect_close();
    drop(first);
    gateway.wait_for_log("reason=\"connection-limit\"");
    assert_eq!(outcome(&gateway, "connection-limit"), 1.0);
    common::wait_until("a free slot", || {
        let mut fourth = Mqtt::new(gateway.mqtt());
        let _ = fourth.0.write_all(&connect_packet("fourth", 2, &[]));
        let mut answer = [0; 4];
        fourth.0.read_exact(&mut answer).is_ok() && answer == [0x20, 2, 0, 0]
    });
}

#[test]
fn who_comes_too_fast_waits_its_turn() {
    let (gateway, _file) = start_listener("connects_per_s = 5\n");
    // All are there when it looks.
    gateway.stop();
    let mut clients: Vec<_> = (0..15).map(|_| Mqtt::new(gateway.mqtt())).collect();
    let start = Instant::now();
    gateway.signal(Signal::SIGCONT);
    for (number, client) in clients.iter_mut().enumerate() {
        client.say_connect(&number.to_string());
    }
    // Five come at once, and then one every fifth of a second.
    assert!(start.elapsed() >= Duration::from_millis(1_990), "{:?}", start.elapsed());
    assert_eq!(clients.len() as f64, outcome(&gateway, "connected"));
    // Only a machine that stands still lets more in at once.
    assert!(outcome(&gateway, "connect-rate") >= 1.0);
}

#[test]
fn a_reader_that_does_not_read_is_disconnected_if_told_so() {
    let (gateway, _file) = start_listener("slow_consumer = \"disconnect\"\nslow_consumer_timeout_s = 1\n");
    let mut stuck = Mqtt::new(gateway.mqtt());
    socket2::SockRef::from(&stuck.0).set_recv_buffer_size(16 << 10).unwrap();
    // MQTT 5, and a subscription to "t".
    stuck.send(b"\x10\x12\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x05stuck\x82\x07\x00\x01\x00\x00\x01t\x00");
    gateway.wait_for_log("connected client=\"stuck\"");
    let mut other = Mqtt::connect(gateway.mqtt(), "other");
    other.subscribe("t", 0);
    let mut publisher = Mqtt::connect(gateway.mqtt(), "publisher");
    let packet = publish_packet(0, "t", None, &[b'x'; 10_000]);
    common::wait_until_for(Duration::from_secs(60), "the slow one to be disconnected", || {
        // Few: who is disconnected has not long to read the rest.
        for _ in 0..10 {
            publisher.send(&packet);
            other.expect(&packet);
        }
        outcome(&gateway, "slow-consumer") == 1.0
    });
    gateway.wait_for_log("lost client=\"stuck\"");
    publisher.send(&packet);
    other.expect(&packet);

    // If it reads after all, it is told why, behind the last message that was written for it.
    socket2::SockRef::from(&stuck.0).set_recv_buffer_size(1 << 20).unwrap();
    let mut unread = Vec::new();
    stuck.0.read_to_end(&mut unread).unwrap();
    let after_messages = unread.iter().rposition(|octet| *octet == b'x').unwrap() + 1;
    assert!(matches!(unread[after_messages..], [0xE0, _, 0x97, ..]), "{:02x?}", &unread[after_messages..]);
}

#[test]
fn a_reader_that_does_not_read_costs_no_more_than_its_queue() {
    let (gateway, _file) = start("[limits]\nqueue_bytes = 1048576\n[log]\nfilter = \"warn\"\n");
    let mut stuck = Mqtt::connect(gateway.mqtt(), "stuck");
    stuck.subscribe("t", 0);
    let mut publisher = Mqtt::connect(gateway.mqtt(), "publisher");
    let packet = publish_packet(0, "t", None, &[b'x'; 10_000]);
    let before_kb = gateway.rss_kb();
    for _ in 0..5_000 {
        publisher.send(&packet);
    }
    publisher.send(b"\xc0\x00");
    publisher.expect(b"\xd0\x00");
    let grown_kb = gateway.rss_kb().saturating_sub(before_kb);
    assert!(grown_kb < 8_000, "50 MB to a reader that does not read have cost {grown_kb} kB");
    gateway.wait_for_log("message dropped");

    // It gets whole packets when it reads again, and what is published from then on.
    for _ in 0..100 {
        stuck.expect(&packet);
    }
    stuck.0.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let (again, mut rest) = (publish_packet(0, "t", None, b"again"), Vec::new());
    common::wait_until("what is published when there is room again", || {
        publisher.send(&again);
        let _ = stuck.0.read_to_end(&mut rest);
        rest.ends_with(&again)
    });
}

#[test]
fn who_asks_and_never_reads_is_not_read_from_any_more() {
    let gateway = Daemon::start(&["--log", "warn"]);
    let mut stuck = Mqtt::connect(gateway.mqtt(), "stuck");
    stuck.0.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    // Otherwise the operating system makes ever more room for it.
    socket2::SockRef::from(&stuck.0).set_recv_buffer_size(16 << 10).unwrap();
    let before_kb = gateway.rss_kb();
    let pings = [0xC0, 0].repeat(1 << 15);
    let all_taken = (0..400).all(|_| stuck.0.write_all(&pings).is_ok());
    assert!(!all_taken, "26 MB of PINGREQ were taken");
    let grown_kb = gateway.rss_kb().saturating_sub(before_kb);
    assert!(grown_kb < 8_000, "PINGRESPs that nobody reads have cost {grown_kb} kB");
}

/// The gateway tries ten times a second.
#[test]
fn without_descriptors_the_log_gets_a_line_a_second_and_others_come_in_later() {
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_sn-gateway")]);
    let gateway = Daemon::start_by(limited, &["--udp", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"]);
    let many: Vec<_> = (0..64).map(|_| Mqtt::new(gateway.mqtt())).collect();
    let held_back = |line: &str| line.contains("cannot accept") && line.contains("more=") && !line.contains("more=0");
    common::wait_until("a line that stands for others", || gateway.log().lines().any(held_back));
    drop(many);
    Mqtt::connect(gateway.mqtt(), "later");
}

/// More than a connection may leave unread, but it is one message, and its reader reads.
#[test]
fn a_message_of_forty_mebibytes_reaches_its_reader() {
    let (gateway, _file) = start_listener("max_packet_bytes = 100000000\n[limits]\nqueue_bytes = 100000000\n");
    let mut subscriber = Mqtt::connect(gateway.mqtt(), "subscriber");
    subscriber.subscribe("t", 0);
    let publisher = gateway.mqtt();
    let long = publish_packet(0, "t", None, &vec![b'x'; 40 << 20]);
    let sent = long.clone();
    let sender = std::thread::spawn(move || Mqtt::connect(publisher, "publisher").send(&sent));
    subscriber.expect(&long);
    sender.join().unwrap();
}
