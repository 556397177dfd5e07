//! Start, signals, end, and what the gateway takes while it is idle.

mod common;

use common::{Daemon, Mqtt, Sn, connect_packet, publish_packet};
use nix::sys::signal::Signal;
use std::fs;
use std::time::{Duration, Instant};

#[test]
fn sigterm_and_sigint_end_it_well() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut gateway = Daemon::start(&[]);
        let node = Sn::connect(gateway.udp(), "node", 60);
        let mut client = Mqtt::connect(gateway.mqtt(), "client");
        gateway.signal(signal);
        assert_eq!(gateway.wait().code(), Some(0));
        node.expect(&[2, 0x18]);
        client.expect_close();
        gateway.wait_for_log("stopped");
    }
}

#[test]
fn a_client_that_does_not_read_does_not_hold_up_the_end() {
    let mut gateway = Daemon::start(&["--log", "warn"]);
    let mut stuck = Mqtt::connect(gateway.mqtt(), "stuck");
    stuck.subscribe("t", 0);
    let mut publisher = Mqtt::connect(gateway.mqtt(), "publisher");
    let packet = publish_packet(0, "t", None, &[b'x'; 100_000]);
    for _ in 0..100 {
        publisher.send(&packet);
    }
    publisher.send(b"\xc0\x00");
    publisher.expect(b"\xd0\x00");
    gateway.signal(Signal::SIGTERM);
    // Long before the keep-alive of the one that does not read would end it.
    assert_eq!(gateway.wait().code(), Some(0));
}

#[test]
fn what_was_accepted_before_the_end_is_still_delivered() {
    let mut gateway = Daemon::start(&[]);
    let mut subscriber = Mqtt::connect(gateway.mqtt(), "subscriber");
    subscriber.subscribe("t", 0);
    let mut publisher = Mqtt::connect(gateway.mqtt(), "publisher");
    publisher.send(&publish_packet(2, "t", Some([0, 1]), b"last"));
    publisher.expect(b"\x40\x02\x00\x01");
    gateway.signal(Signal::SIGTERM);
    assert_eq!(gateway.wait().code(), Some(0));
    subscriber.expect(b"\x30\x07\x00\x01tlast");
    subscriber.expect_close();
}

#[test]
fn sighup_takes_over_what_can_change_and_names_what_cannot() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gateway.toml");
    let metrics = "[metrics]\nlisten = \"127.0.0.1:9\"\n";
    fs::write(&path, "[predefined]\n1 = \"old\"\n").unwrap();
    let gateway = Daemon::start(&["--config", path.to_str().unwrap()]);
    let mut subscriber = Mqtt::connect(gateway.mqtt(), "subscriber");
    subscriber.subscribe("#", 0);

    fs::write(&path, format!("[predefined]\n1 = \"new\"\n[gateway]\ngw_id = 7\n{metrics}[log]\nfilter = \"debug\"\n"))
        .unwrap();
    gateway.signal(Signal::SIGHUP);
    gateway.wait_for_log("configuration read again");
    gateway.wait_for_log("gw_id, metrics");

    let node = Sn::new(gateway.udp());
    node.send(&[8, 0x0C, 0x61, 0, 1, 0, 0, b'x']);
    subscriber.expect(b"\x30\x06\x00\x03newx");
    let mut bad = Mqtt::new(gateway.mqtt());
    bad.send(b"\xff\x00");
    gateway.wait_for_log("DEBUG");

    fs::write(&path, "[timing]\nt_retry_s = 0\n").unwrap();
    gateway.signal(Signal::SIGHUP);
    gateway.wait_for_log("nothing is changed");
    gateway.wait_for_log("gateway.toml:2:13: timing.t_retry_s");
    node.send(&[8, 0x0C, 0x61, 0, 1, 0, 0, b'y']);
    subscriber.expect(b"\x30\x06\x00\x03newy");
}

#[test]
fn sighup_without_a_file_says_so() {
    let gateway = Daemon::start(&[]);
    gateway.signal(Signal::SIGHUP);
    gateway.wait_for_log("there is no configuration file");
}

#[test]
fn idle_it_takes_little_memory_and_no_processor() {
    let gateway = Daemon::start(&[]);
    let _node = Sn::connect(gateway.udp(), "node", 60);
    let _client = Mqtt::connect(gateway.mqtt(), "client");
    // Without the program's own pages, of which a debug build has many more than a release build.
    let own_kb = gateway.status_kb("RssAnon:");
    assert!(own_kb < 4_000, "{own_kb} kB");
    let (before, start) = (gateway.cpu_time(), Instant::now());
    std::thread::sleep(Duration::from_secs(1));
    let (used, idle) = (gateway.cpu_time().saturating_sub(before), start.elapsed());
    assert!(used < idle / 50, "{used:?} of the processor in {idle:?}");
}

#[test]
fn logs_can_be_read_by_programs() {
    let gateway = Daemon::start(&["--log-format", "json"]);
    let _client = Mqtt::connect(gateway.mqtt(), "client \"x\"\n");
    gateway.wait_for_log("connected");
    let log = gateway.log();
    let line = log.lines().find(|line| line.contains("\"connected\"")).unwrap();
    assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
    assert!(line.contains(r#""client":"client \"x\"\n""#), "{line}");
}

#[test]
fn connects_can_be_followed_in_the_log() {
    let gateway = Daemon::start(&[]);
    let node = Sn::connect(gateway.udp(), "node", 60);
    gateway.wait_for_log("connected client=\"node\" from=mqtt-sn 127.0.0.1:");
    node.send(&[2, 0x18]);
    node.expect(&[2, 0x18]);
    gateway.wait_for_log("disconnected client=\"node\"");
    let mut client = Mqtt::new(gateway.mqtt());
    client.send(&connect_packet("client", 2, &[]));
    gateway.wait_for_log("connected client=\"client\" from=mqtt 127.0.0.1:");
}
