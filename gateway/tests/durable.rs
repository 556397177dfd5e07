//! What was acknowledged is still there after kill -9: everything a client was told, and nothing twice.

mod common;

use common::durable::{Durable, PINGRESP, fall_asleep, resume, wake};
use common::{Sn, publish_packet};
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};

#[test]
fn a_sleeper_wakes_without_connect_at_its_address_and_gets_what_was_acknowledged() {
    let mut gateway = Durable::start();
    let node = gateway.sn();
    resume(&node, "node");
    let id = node.subscribe("down/a", 1);
    let up = node.register("up/b");
    fall_asleep(&node);
    let mut publisher = gateway.mqtt("publisher", 2);
    publisher.expect(&[0x20, 2, 0, 0]);
    publisher.send(&publish_packet(2, "down/a", Some([0, 1]), b"x"));
    publisher.expect(&[0x40, 2, 0, 1]);

    gateway.kill();
    assert!(gateway.data_line().contains("restored: 1 session, 1 message"), "{}", gateway.data_line());
    let mut watcher = gateway.mqtt("watcher", 2);
    watcher.expect(&[0x20, 2, 0, 0]);
    watcher.subscribe("up/b", 0);
    wake(&node, "node");
    let publish = node.receive();
    assert_eq!((publish[1], &publish[3..5], &publish[7..]), (0x0C, &id[..], &b"x"[..]), "{publish:02x?}");
    node.expect_silence();
    node.send(&[7, 0x0D, id[0], id[1], publish[5], publish[6], 0]);
    node.expect(&PINGRESP);

    // The id that it registered before is still that topic's.
    wake(&node, "node");
    node.expect(&PINGRESP);
    node.send(&[8, 0x0C, 0x00, up[0], up[1], 0, 0, b'y']);
    watcher.expect(&publish_packet(0, "up/b", None, b"y"));

    // And what it acknowledged does not come again, once that is on the disk. An acknowledgement waits for all before it.
    watcher.send(&publish_packet(2, "nobody", Some([0, 9]), b""));
    watcher.expect(&[0x40, 2, 0, 9]);
    gateway.kill();
    wake(&node, "node");
    node.expect(&PINGRESP);
}

#[test]
fn an_mqtt_session_with_its_queue_and_retained_messages_survive() {
    let mut gateway = Durable::start();
    let mut subscriber = gateway.mqtt("subscriber", 0);
    subscriber.expect(&[0x20, 2, 0, 0]);
    subscriber.subscribe("t/#", 1);
    subscriber.send(&[0xE0, 0]);
    subscriber.expect_close();
    let mut publisher = gateway.mqtt("publisher", 2);
    publisher.expect(&[0x20, 2, 0, 0]);
    for (number, retain) in [(1, 0), (2, 0), (3, 1)] {
        publisher.send(&publish_packet(2 | retain, "t/1", Some([0, number]), &[b'0' + number]));
        publisher.expect(&[0x40, 2, 0, number]);
    }

    gateway.kill();
    let mut subscriber = gateway.mqtt("subscriber", 0);
    subscriber.expect(&[0x20, 2, 1, 0]);
    for number in 1..=3 {
        subscriber.expect(&publish_packet(2, "t/1", None, &[]).into_iter().take(1).collect::<Vec<_>>());
        let mut rest = [0; 9];
        std::io::Read::read_exact(&mut subscriber.0, &mut rest).expect("a message");
        assert_eq!((&rest[..6], rest[8]), (&b"\x08\x00\x03t/1"[..], b'0' + number));
        subscriber.send(&[0x40, 2, rest[6], rest[7]]);
    }
    let mut late = gateway.mqtt("late", 2);
    late.expect(&[0x20, 2, 0, 0]);
    late.subscribe("t/1", 0);
    late.expect(&publish_packet(1, "t/1", None, b"3"));
}

#[test]
fn qos_2_arrives_once_whatever_is_repeated_over_the_kill() {
    let mut gateway = Durable::start();
    let node = gateway.sn();
    resume(&node, "node");
    let up = node.register("up");
    let mut subscriber = gateway.mqtt("subscriber", 0);
    subscriber.expect(&[0x20, 2, 0, 0]);
    subscriber.subscribe("up", 2);
    subscriber.vanish();
    let publish = [8, 0x0C, 0x40, up[0], up[1], 0, 9, b'x'];
    node.send(&publish);
    node.expect(&[4, 0x0F, 0, 9]);

    gateway.kill();
    node.send(&[&publish[..2], &[0xC0], &publish[3..]].concat());
    node.expect(&[4, 0x0F, 0, 9]);
    gateway.kill();
    node.send(&[4, 0x10, 0, 9]);
    node.expect(&[4, 0x0E, 0, 9]);
    gateway.kill();
    node.send(&[4, 0x10, 0, 9]);
    node.expect(&[4, 0x0E, 0, 9]);

    // Down to the subscriber: the id stays, whatever was missed.
    let mut subscriber = gateway.mqtt("subscriber", 0);
    subscriber.expect(&[0x20, 2, 1, 0]);
    let mut packet = [0; 9];
    std::io::Read::read_exact(&mut subscriber.0, &mut packet).expect("the message");
    assert_eq!((packet[0] & 0x06, packet[8]), (4, b'x'), "{packet:02x?}");
    let id = [packet[6], packet[7]];
    subscriber.send(&[0x50, 2, id[0], id[1]]);
    subscriber.expect(&[0x62, 2, id[0], id[1]]);
    gateway.kill();
    let mut subscriber = gateway.mqtt("subscriber", 0);
    subscriber.expect(&[0x20, 2, 1, 0]);
    subscriber.expect(&[0x62, 2, id[0], id[1]]);
    subscriber.send(&[0x70, 2, id[0], id[1]]);
    subscriber.send(&[0xC0, 0]);
    subscriber.expect(&[0xD0, 0]);
}

#[test]
fn no_will_is_published_because_of_a_restart_but_later_it_is() {
    let mut gateway = Durable::start();
    let node = gateway.sn();
    // A keep-alive of 4 s: it must not end before the gateway is killed.
    node.send(&[10, 0x04, 0x08, 0x01, 0, 4, b'n', b'o', b'd', b'e']);
    node.expect(&[2, 0x06]);
    node.send(b"\x07\x07\x10will");
    node.expect(&[2, 0x08]);
    node.send(b"\x06\x09gone");
    node.expect(&[3, 0x05, 0]);
    let mut watcher = gateway.mqtt("watcher", 0);
    watcher.expect(&[0x20, 2, 0, 0]);
    watcher.subscribe("will", 0);
    let at = Instant::now();

    gateway.kill();
    let mut watcher = gateway.mqtt("watcher", 0);
    watcher.expect(&[0x20, 2, 1, 0]);
    watcher.send(&[0xC0, 0]);
    watcher.expect(&[0xD0, 0]);
    // Its keep-alive, with tolerance, counts from the restart.
    watcher.expect(&publish_packet(0, "will", None, b"gone"));
    assert!(at.elapsed() >= Duration::from_secs(6));
}

#[test]
fn sigterm_says_nothing_to_nodes_whose_session_goes_on() {
    let mut gateway = Durable::start();
    let node = gateway.sn();
    resume(&node, "node");
    gateway.daemon().signal(Signal::SIGTERM);
    assert_eq!(gateway.daemon().wait().code(), Some(0));
    gateway.start_again();
    node.expect_silence();
    node.send(&[2, 0x16]);
    node.expect(&PINGRESP);
}

#[test]
fn predefined_ids_that_change_over_a_restart_are_named_in_the_log() {
    let mut gateway = Durable::start_with(&["--predefined", "16=old/topic", "--predefined", "17=same"]);
    let node = gateway.sn();
    resume(&node, "node");
    node.send(&[7, 0x12, 0x21, 0, 1, 0, 16]);
    node.expect(&[8, 0x13, 0x20, 0, 16, 0, 1, 0]);
    gateway.args = ["--predefined", "16=new/topic", "--predefined", "17=same"].map(String::from).into();
    gateway.kill();
    gateway.daemon().wait_for_log("a predefined topic id means something else");
    let log = gateway.daemon().log();
    let line = log.lines().find(|line| line.contains("means something else")).expect("a warning");
    assert!(line.contains("16") && line.contains("old/topic") && line.contains("new/topic"), "{line}");
    assert_eq!(log.matches("means something else").count(), 1);

    // Its subscription is to the old topic still, under a normal id.
    let mut publisher = gateway.mqtt("publisher", 2);
    publisher.expect(&[0x20, 2, 0, 0]);
    publisher.send(&publish_packet(2, "old/topic", Some([0, 1]), b"x"));
    publisher.expect(&[0x40, 2, 0, 1]);
    let register = node.receive();
    assert_eq!((register[1], &register[6..]), (0x0A, &b"old/topic"[..]), "{register:02x?}");
    gateway.kill();
    assert!(!gateway.daemon().log().contains("means something else"));
}

#[test]
fn two_gateways_do_not_share_a_directory() {
    let mut gateway = Durable::start();
    let dir = gateway.dir().to_owned();
    let args = ["run", "--udp", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--data", &dir];
    let output = common::sn_gateway().args(args).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).expect("text");
    assert!(error.contains(&format!("another sn-gateway uses {dir}; give this one")), "{error}");
    let node = gateway.sn();
    resume(&node, "still-served");
}

#[test]
fn three_thousand_messages_for_a_hundred_sleepers_over_a_restart() {
    const SLEEPERS: usize = 100;
    const EACH: u8 = 30;
    let mut gateway = Durable::start();
    let sleepers: Vec<(String, Sn)> = (0..SLEEPERS).map(|n| (format!("s{n:02}"), gateway.sn())).collect();
    for (name, node) in &sleepers {
        resume(node, name);
        node.subscribe(&format!("d/{name}"), 1);
        fall_asleep(node);
    }
    let mut publisher = gateway.mqtt("publisher", 2);
    publisher.expect(&[0x20, 2, 0, 0]);
    for message in 0..EACH {
        if message == EACH / 2 {
            gateway.kill();
            publisher = gateway.mqtt("publisher", 2);
            publisher.expect(&[0x20, 2, 0, 0]);
        }
        for (number, (name, _)) in sleepers.iter().enumerate() {
            publisher.send(&publish_packet(2, &format!("d/{name}"), Some([1, number as u8]), &[message]));
        }
        for number in 0..SLEEPERS {
            publisher.expect(&[0x40, 2, 1, number as u8]);
        }
    }
    gateway.kill();
    for (name, node) in &sleepers {
        wake(node, name);
        let got: Vec<u8> = std::iter::from_fn(|| match node.receive()[..] {
            [8, 0x0C, _, t0, t1, m0, m1, message] => {
                node.send(&[7, 0x0D, t0, t1, m0, m1, 0]);
                Some(message)
            }
            ref other => {
                assert_eq!(other, PINGRESP);
                None
            }
        })
        .collect();
        assert_eq!(got, (0..EACH).collect::<Vec<_>>(), "{name}");
    }
}
