//! A disk that is full, fails, or has been damaged: nothing is promised that is not kept, and it is said.

mod common;
#[path = "common/files.rs"]
mod files;

use common::durable::{Durable, resume};
use common::{Sn, publish_packet, sn_gateway};
use files::files;
use nix::sys::signal::Signal;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A gateway, and a node that publishes to the topic with this id, which "watcher" gets.
fn with_publisher() -> (Durable, Sn, [u8; 2], common::Mqtt) {
    let mut gateway = Durable::start();
    let node = gateway.sn();
    resume(&node, "node");
    let topic = node.register("up");
    let mut watcher = gateway.mqtt("watcher", 0);
    watcher.expect(&[0x20, 2, 0, 0]);
    watcher.subscribe("up", 1);
    (gateway, node, topic, watcher)
}

fn publish(node: &Sn, qos: u8, topic: [u8; 2], msg_id: u8, data: u8) {
    node.send(&[8, 0x0C, qos << 5, topic[0], topic[1], 0, msg_id, data]);
}

/// Takes a QoS 1 message from an MQTT connection and acknowledges it.
#[track_caller]
fn take(watcher: &mut common::Mqtt, data: u8) {
    let mut packet = [0; 9];
    std::io::Read::read_exact(&mut watcher.0, &mut packet).expect("a message");
    assert_eq!((packet[0] & 6, packet[8]), (2, data), "{packet:02x?}");
    watcher.send(&[0x40, 2, packet[6], packet[7]]);
}

#[test]
fn while_the_disk_is_full_nothing_is_acknowledged_and_qos_0_goes_on() {
    let (mut gateway, node, topic, mut watcher) = with_publisher();
    gateway.disk("full");
    publish(&node, 1, topic, 1, b'a');
    node.expect_silence();
    gateway.daemon().wait_for_log("nothing is acknowledged until there is space");
    take(&mut watcher, b'a');
    publish(&node, 0, topic, 0, b'b');
    watcher.expect(&publish_packet(0, "up", None, b"b"));
    publish(&node, 1, topic, 2, b'c');
    node.expect(&[7, 0x0D, topic[0], topic[1], 0, 2, 1]);
    let late = gateway.sn();
    late.send(b"\x0a\x04\x04\x01\x00\x3clate");
    late.expect(&[3, 0x05, 1]);
    gateway.mqtt("late", 2).expect(&[0x20, 2, 0, 3]);

    gateway.disk("");
    node.expect(&[7, 0x0D, topic[0], topic[1], 0, 1, 0]);
    gateway.daemon().wait_for_log("there is space again");
    publish(&node, 1, topic, 2, b'c');
    node.expect(&[7, 0x0D, topic[0], topic[1], 0, 2, 0]);
    take(&mut watcher, b'c');
    gateway.mqtt("late", 2).expect(&[0x20, 2, 0, 0]);
}

/// MQTT cannot refuse a PUBLISH: the gateway stops reading, so that the client cannot go on writing.
#[test]
fn while_the_disk_is_full_mqtt_clients_cannot_publish_without_end_and_all_is_made_good() {
    const MESSAGES: u16 = 20_000;
    let config = tempfile::NamedTempFile::new().expect("a file");
    fs::write(&config, "[limits]\nuncommitted_bytes = 65536\n").expect("it is ours");
    let mut gateway = Durable::start_with(&["--config", config.path().to_str().expect("a path in UTF-8")]);
    let mut publisher = gateway.mqtt("publisher", 2);
    publisher.expect(&[0x20, 2, 0, 0]);
    let mut other = gateway.mqtt("other", 2);
    other.expect(&[0x20, 2, 0, 0]);
    gateway.disk("full");
    let mut subscriber = gateway.mqtt("subscriber", 0);
    subscriber.send(&[0x82, 6, 0, 1, 0, 1, b't', 0]);
    gateway.daemon().wait_for_log("nothing is acknowledged until there is space");

    let packet = |id: u16| publish_packet(2, "t", Some(id.to_be_bytes()), &[7; 1_024]);
    let octets: Vec<u8> = (1..=MESSAGES).flat_map(packet).collect();
    publisher.0.set_write_timeout(Some(STUCK)).expect("a timeout");
    let written = write_until_stuck(&mut publisher, &octets);
    assert!(written < octets.len(), "all {MESSAGES} messages were taken in");
    other.send(&[0xC0, 0]);
    other.expect(&[0xD0, 0]);

    gateway.disk("");
    publisher.0.set_write_timeout(None).expect("no timeout");
    let mut reader = common::Mqtt(publisher.0.try_clone().expect("a clone"));
    let writer = std::thread::spawn(move || publisher.send(&octets[written..]));
    for id in 1..=MESSAGES {
        let [hi, lo] = id.to_be_bytes();
        reader.expect(&[0x40, 2, hi, lo]);
    }
    writer.join().expect("all is written");
}

/// How long a gateway that reads does not let a writer wait.
const STUCK: Duration = Duration::from_millis(500);

/// Writes until the other side does not read any more, and answers how many octets it took.
fn write_until_stuck(client: &mut common::Mqtt, octets: &[u8]) -> usize {
    let mut written = 0;
    while written < octets.len() {
        match std::io::Write::write(&mut client.0, &octets[written..]) {
            Ok(len) => written += len,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
            Err(error) => panic!("the gateway closed the connection: {error}"),
        }
    }
    written
}

#[test]
fn a_gateway_ends_well_while_the_disk_is_full() {
    let (mut gateway, node, topic, _watcher) = with_publisher();
    gateway.disk("full");
    publish(&node, 1, topic, 1, b'a');
    gateway.daemon().wait_for_log("nothing is acknowledged until there is space");
    gateway.daemon().signal(Signal::SIGTERM);
    assert_eq!(gateway.daemon().wait().code(), Some(0));
    node.expect_silence();
}

#[test]
fn after_a_failed_fsync_it_serves_qos_0_for_a_moment_and_ends_with_an_error() {
    for fault in ["sync", "write"] {
        let (mut gateway, node, topic, mut watcher) = with_publisher();
        gateway.disk(fault);
        publish(&node, 1, topic, 1, b'a');
        gateway.daemon().wait_for_log("the disk failed");
        gateway.disk("");
        node.expect_silence();
        take(&mut watcher, b'a');
        publish(&node, 0, topic, 0, b'b');
        watcher.expect(&publish_packet(0, "up", None, b"b"));
        assert_eq!(gateway.daemon().wait().code(), Some(1));
        gateway.daemon().wait_for_log("look at it before the next start");
        assert_eq!(gateway.daemon().log().matches("nothing is acknowledged any more").count(), 1);
        // Nobody was told that the message is safe, so it comes again.
        gateway.start_again();
        publish(&node, 1, topic, 1, b'a');
        node.expect(&[7, 0x0D, topic[0], topic[1], 0, 1, 0]);
    }
}

#[test]
fn what_is_not_synced_at_the_kill_was_not_acknowledged() {
    let (mut gateway, node, topic, watcher) = with_publisher();
    watcher.vanish();
    gateway.daemon().wait_for_log("lost");
    // An acknowledgement waits for all before it: that is on the disk now.
    let nobody = node.register("nobody");
    publish(&node, 1, nobody, 9, b'x');
    node.expect(&[7, 0x0D, nobody[0], nobody[1], 0, 9, 0]);
    gateway.disk("full");
    publish(&node, 1, topic, 1, b'a');
    gateway.daemon().wait_for_log("nothing is acknowledged");
    gateway.daemon().signal(Signal::SIGKILL);
    gateway.daemon().wait();
    // Not before: what waits would be written at once.
    gateway.disk("");
    gateway.start_again();
    node.expect_silence();
    assert!(gateway.data_line().contains("2 sessions, 0 messages"), "{}", gateway.data_line());
}

/// A real limit of the file system: nothing can be written to files.
#[test]
fn a_disk_without_space_is_a_full_disk_and_goes_on_when_there_is_space() {
    let (mut gateway, node, topic, mut watcher) = with_publisher();
    set_limit(&mut gateway, "0");
    publish(&node, 1, topic, 1, b'a');
    gateway.daemon().wait_for_log("nothing is acknowledged until there is space");
    node.expect_silence();
    take(&mut watcher, b'a');
    set_limit(&mut gateway, "unlimited");
    node.expect(&[7, 0x0D, topic[0], topic[1], 0, 1, 0]);
    gateway.kill();
    publish(&node, 1, topic, 2, b'b');
    node.expect(&[7, 0x0D, topic[0], topic[1], 0, 2, 0]);
}

/// The database's own thread fails when it merges a table that it cannot read, and does not say why. Who asks it later finds
/// that there is space: it might as well have been an fsync.
#[test]
fn what_failed_in_the_background_for_no_known_reason_is_not_tried_again_before_the_next_start() {
    let config = tempfile::NamedTempFile::new().expect("a file");
    fs::write(&config, "[store]\nlog_bytes = 65536\n").expect("it is ours");
    let mut gateway = Durable::start_with(&["--config", config.path().to_str().expect("a path in UTF-8")]);
    let mut publisher = gateway.mqtt("publisher", 2);
    publisher.expect(&[0x20, 2, 0, 0]);
    // A new store has one small table. When there are two more the first of them is whole; with four more merging begins.
    let third = (0..1_000).find(|number| is_kept(&mut publisher, *number) && tables(&gateway).len() > 2);
    let table = &tables(&gateway)[1];
    flip(table);
    let mut others = third.expect("tables") + 1..1_000;
    let refused = others.find(|number| !is_kept(&mut publisher, *number)).expect("it fails");
    gateway.daemon().wait_for_log("the disk failed");
    gateway.daemon().wait_for_log("a write in the background failed");
    assert_eq!(gateway.daemon().wait().code(), Some(1));
    flip(table);
    gateway.start_again();
    let kept = [refused, refused + 1].map(|number| format!(" {number} retained"));
    assert!(kept.iter().any(|kept| gateway.data_line().contains(kept)), "{kept:?}: {}", gateway.data_line());
}

/// The tables that the store's records are in, the oldest first.
fn tables(gateway: &Durable) -> Vec<PathBuf> {
    let dir = PathBuf::from(gateway.dir()).join("store/keyspaces/1/tables");
    if dir.exists() { files(&dir) } else { Vec::new() }
}

/// Flips a bit in the first block of a file, or flips it back.
fn flip(file: &Path) {
    let file = OpenOptions::new().read(true).write(true).open(file).expect("a file");
    let mut octet = [0];
    file.read_exact_at(&mut octet, 100).expect("so long");
    file.write_all_at(&[octet[0] ^ 0x10], 100).expect("it is ours");
}

/// Publishes a retained message of this number, and says whether it is acknowledged.
fn is_kept(publisher: &mut common::Mqtt, number: u16) -> bool {
    let [hi, lo] = (number + 1).to_be_bytes();
    let mut answer = [0; 4];
    let answered = publisher.0.write_all(&retained(number)).and_then(|()| publisher.0.read_exact(&mut answer));
    answered.is_ok() && answer == [0x40, 2, hi, lo]
}

/// A retained message of its own topic that no compression makes shorter, with the packet id behind its number.
fn retained(number: u16) -> Vec<u8> {
    let mut state = u64::from(number) + 1;
    let payload: Vec<u8> = (0..1_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect();
    // Neighbours are far apart, so that all tables overlap.
    let topic = format!("r/{:05}", number.wrapping_mul(40_503));
    let mut packet = publish_packet(2, &topic, Some((number + 1).to_be_bytes()), &payload);
    packet[0] |= 1;
    packet
}

fn set_limit(gateway: &mut Durable, octets: &str) {
    let pid = gateway.daemon().pid().to_string();
    let status = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={octets}:unlimited")]).status();
    assert!(status.expect("prlimit of util-linux").success());
}

/// The first of the log's files, to which commits go until it is full.
fn log_file(gateway: &Durable) -> PathBuf {
    PathBuf::from(gateway.dir()).join("store/log/0")
}

#[test]
fn a_flipped_bit_stops_the_start_with_the_file_the_place_and_the_ways_on() {
    let (mut gateway, node, topic, watcher) = with_publisher();
    watcher.vanish();
    publish(&node, 1, topic, 1, b'a');
    node.expect(&[7, 0x0D, topic[0], topic[1], 0, 1, 0]);
    gateway.daemon().signal(Signal::SIGKILL);
    gateway.daemon().wait();
    flip(&log_file(&gateway));
    let args = ["run", "--udp", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--data", gateway.dir()];
    let output = sn_gateway().args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    let dir = gateway.dir();
    for part in [
        format!("{} is damaged: the sector at offset ", log_file(&gateway).display()),
        "Nothing was changed".into(),
        format!("sn-gateway restore FILE --data {dir} --force"),
        format!("mv {dir} {dir}.damaged"),
    ] {
        assert!(error.contains(&part), "{part} is missing in\n{error}");
    }
    // Mended, it goes on.
    flip(&log_file(&gateway));
    gateway.start_again();
    assert!(gateway.data_line().contains("2 sessions, 1 message"), "{}", gateway.data_line());
}

#[test]
fn a_commit_that_was_not_written_to_its_end_is_left_out_and_told() {
    let (mut gateway, node, topic, watcher) = with_publisher();
    watcher.vanish();
    publish(&node, 1, topic, 1, b'a');
    node.expect(&[7, 0x0D, topic[0], topic[1], 0, 1, 0]);
    // More than a sector takes.
    let long = [&[1, 2, 9, 0x0C, 0x20, topic[0], topic[1], 0, 2][..], &[7; 512]].concat();
    node.send(&long);
    node.expect(&[7, 0x0D, topic[0], topic[1], 0, 2, 0]);
    gateway.daemon().signal(Signal::SIGKILL);
    gateway.daemon().wait();
    let octets = fs::read(log_file(&gateway)).unwrap();
    let written = octets.chunks(SECTOR).filter(|sector| sector.iter().any(|octet| *octet != 0)).count();
    let file = OpenOptions::new().write(true).open(log_file(&gateway)).unwrap();
    file.write_all_at(&[0; SECTOR], ((written - 1) * SECTOR) as u64).unwrap();
    gateway.start_again();
    gateway.daemon().wait_for_log("the last commit was not written to its end");
    assert!(gateway.data_line().contains("2 sessions, 1 message"), "{}", gateway.data_line());
}

/// What a disk writes as a whole.
const SECTOR: usize = 512;

#[test]
fn the_time_of_the_core_goes_on() {
    use sn_gateway::store::{CLOCK_KEY, LoggedStore, Saved, Store, Wall};
    const HOUR: Duration = Duration::from_secs(3_600);
    let mut gateway = Durable::start();
    let node = gateway.sn();
    resume(&node, "node");
    let mut saved = Vec::new();
    for _ in 0..2 {
        gateway.daemon().signal(Signal::SIGTERM);
        gateway.daemon().wait();
        let mut store = LoggedStore::open(&PathBuf::from(gateway.dir()).join("store"), 8 << 20).unwrap();
        let (key, value) = store.scan().next().unwrap().unwrap();
        assert_eq!(*key, *CLOCK_KEY);
        let now = Saved::read(&value).unwrap();
        // As if it had been away for an hour.
        let earlier = Saved { wall: Wall(now.wall.0 - HOUR), ..now };
        store.apply(&[earlier.record()]).unwrap();
        store.sync().unwrap();
        saved.push(now);
        drop(store);
        gateway.start_again();
    }
    assert!(saved[1].wall > saved[0].wall && saved[1].wall < Wall::now());
    let (core, wall) = (saved[1].core - saved[0].core, HOUR + (saved[1].wall.0 - saved[0].wall.0));
    assert!(core > HOUR && core.abs_diff(wall) < HOUR / 60, "{core:?} and {wall:?}");
}
