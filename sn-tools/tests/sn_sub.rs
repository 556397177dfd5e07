//! The real `sn-sub` against a scripted gateway on a loopback socket.

mod gateway;

use gateway::{CONNACK, DISCONNECT, Gateway, ends, fails, interrupt, normal, succeeds};
use nix::sys::signal::Signal;
use sn_codec::{
    Disconnect, Message, MsgId, PingReq, PubAck, Publish, Qos, RegAck, Register, ReturnCode, ShortName, SubAck, Topic,
    TopicFilter, TopicId,
};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command};
use std::time::Duration;

fn start(gateway: &Gateway, args: &str) -> Child {
    gateway.start(env!("CARGO_BIN_EXE_sn-sub"), args)
}

#[test]
fn prints_messages_one_per_line() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "-t a/b -q 2 -C 3");
    gateway.accepts();
    gateway.grants(TopicFilter::Name("a/b"), Qos::Two, 4);
    gateway.publishes(normal(4), false, b"zero");
    let publish = |qos, msg_id, data| {
        Message::Publish(Publish { dup: false, qos, retain: false, topic: normal(4), msg_id: MsgId(msg_id), data })
    };
    gateway.says(publish(Qos::One, 1, b"one"));
    let (topic_id, return_code) = (TopicId(4), ReturnCode::Accepted);
    assert_eq!(gateway.hears(), Message::PubAck(PubAck { topic_id, msg_id: MsgId(1), return_code }));
    gateway.says(publish(Qos::Two, 2, b""));
    assert_eq!(gateway.hears(), Message::PubRec(MsgId(2)));
    assert!(!gateway.has_mail(Duration::from_millis(50)), "the exchange is completed before it disconnects");
    gateway.says(Message::PubRel(MsgId(2)));
    assert_eq!(gateway.hears(), Message::PubComp(MsgId(2)));
    gateway.says_goodbye();
    succeeds(child, "zero\none\n\n");
}

#[test]
fn topics_in_front_with_v_in_every_form() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "-t s/+ -t b --predefined 16=hall/temp --predefined 17 --short tt -v -C 5");
    gateway.accepts();
    gateway.grants(TopicFilter::Name("s/+"), Qos::Zero, 0);
    gateway.grants(TopicFilter::Name("b"), Qos::Zero, 2);
    gateway.grants(TopicFilter::Predefined(TopicId(16)), Qos::Zero, 16);
    gateway.grants(TopicFilter::Predefined(TopicId(17)), Qos::Zero, 17);
    gateway.grants(TopicFilter::Short(ShortName(*b"tt")), Qos::Zero, 0);
    let (topic_id, msg_id, return_code) = (TopicId(7), MsgId(1), ReturnCode::Accepted);
    gateway.says(Message::Register(Register { topic_id, msg_id, topic_name: "s/x" }));
    assert_eq!(gateway.hears(), Message::RegAck(RegAck { topic_id, msg_id, return_code }));
    gateway.publishes(normal(7), false, b"1");
    gateway.publishes(normal(2), false, b"2");
    gateway.publishes(Topic::Predefined(TopicId(16)), false, b"3");
    gateway.publishes(Topic::Predefined(TopicId(17)), false, b"4");
    gateway.publishes(Topic::Short(ShortName(*b"tt")), false, b"5");
    gateway.says_goodbye();
    succeeds(child, "s/x 1\nb 2\nhall/temp 3\n17 4\ntt 5\n");
}

#[test]
fn retained_messages_can_be_left_out() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "--short tt -R -N -C 1");
    gateway.accepts();
    gateway.grants(TopicFilter::Short(ShortName(*b"tt")), Qos::Zero, 0);
    gateway.publishes(Topic::Short(ShortName(*b"tt")), true, b"old");
    gateway.publishes(Topic::Short(ShortName(*b"tt")), false, b"new");
    gateway.says_goodbye();
    succeeds(child, "new");
}

#[test]
fn a_time_limit() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "--short tt -W 4");
    gateway.accepts();
    gateway.grants(TopicFilter::Short(ShortName(*b"tt")), Qos::Zero, 0);
    gateway.says_goodbye();
    let ended = ends(child);
    assert_eq!((ended.code, ended.err.as_str()), (Some(27), "Timed out\n"));
}

#[test]
fn an_interrupt_disconnects() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut gateway = Gateway::new();
        let child = start(&gateway, "--short tt");
        gateway.accepts();
        gateway.grants(TopicFilter::Short(ShortName(*b"tt")), Qos::Zero, 0);
        interrupt(&child, signal);
        gateway.says_goodbye();
        succeeds(child, "");
    }
}

#[test]
fn an_interrupt_ends_it_while_nobody_answers() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "--short tt");
    assert!(matches!(gateway.hears(), Message::Connect(_)));
    interrupt(&child, Signal::SIGINT);
    succeeds(child, "");
}

#[test]
fn a_second_interrupt_does_not_wait_for_the_gateway() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "--short tt");
    gateway.accepts();
    gateway.grants(TopicFilter::Short(ShortName(*b"tt")), Qos::Zero, 0);
    interrupt(&child, Signal::SIGINT);
    assert_eq!(gateway.hears(), DISCONNECT);
    interrupt(&child, Signal::SIGINT);
    assert_eq!(ends(child).code, Some(1));
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    let mut gateway = Gateway::new();
    let mut child = start(&gateway, "--short tt");
    gateway.accepts();
    gateway.grants(TopicFilter::Short(ShortName(*b"tt")), Qos::Zero, 0);
    let topic = Topic::Short(ShortName(*b"tt"));
    gateway.publishes(topic, false, b"first");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "first\n");
    // While other tests start programs, a copy of the pipe's end lives on for a moment: one message may not be enough.
    while !gateway.has_mail(Duration::from_millis(50)) {
        gateway.publishes(topic, false, b"more");
    }
    gateway.says_goodbye();
    succeeds(child, "");
}

#[test]
fn a_refused_subscription() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "-t a/b");
    gateway.accepts();
    let Message::Subscribe(subscribe) = gateway.hears() else { panic!("a SUBSCRIBE") };
    let (msg_id, return_code) = (subscribe.msg_id, ReturnCode::NotSupported);
    gateway.says(Message::SubAck(SubAck { qos: Qos::Zero, topic_id: TopicId::NONE, msg_id, return_code }));
    gateway.says_goodbye();
    fails(child, "cannot subscribe to topic \"a/b\": rejected: not supported");
}

#[test]
fn after_a_loss_it_subscribes_again() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "-t a -C 1 --quiet");
    gateway.accepts();
    gateway.grants(TopicFilter::Name("a"), Qos::Zero, 1);
    gateway.says(DISCONNECT);
    assert!(matches!(gateway.hears(), Message::Connect(connect) if !connect.clean_session));
    gateway.says(CONNACK);
    gateway.grants(TopicFilter::Name("a"), Qos::Zero, 5);
    gateway.publishes(normal(5), false, b"back");
    gateway.says_goodbye();
    succeeds(child, "back\n");
}

#[test]
fn a_sleeper_wakes_to_collect() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "-i node7 -t a --sleep 1 -C 2");
    gateway.accepts();
    gateway.grants(TopicFilter::Name("a"), Qos::Zero, 1);
    for round in [b"m1", b"m2"] {
        if round == b"m1" {
            assert_eq!(gateway.hears(), Message::Disconnect(Disconnect { duration_s: Some(1) }));
            gateway.says(DISCONNECT);
        }
        assert_eq!(gateway.hears(), Message::PingReq(PingReq { client_id: Some("node7") }));
        gateway.publishes(normal(1), false, round);
        gateway.says(Message::PingResp);
    }
    gateway.says_goodbye();
    succeeds(child, "m1\nm2\n");
}

#[test]
fn a_sleeper_that_was_forgotten_begins_again() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "-t a --sleep 1 -C 1 --quiet");
    gateway.accepts();
    gateway.grants(TopicFilter::Name("a"), Qos::Zero, 1);
    assert!(matches!(gateway.hears(), Message::Disconnect(_)));
    gateway.says(DISCONNECT);
    assert!(matches!(gateway.hears(), Message::PingReq(_)));
    gateway.says(DISCONNECT);
    gateway.accepts();
    gateway.grants(TopicFilter::Name("a"), Qos::Zero, 1);
    assert_eq!(gateway.hears(), Message::Disconnect(Disconnect { duration_s: Some(1) }));
    gateway.says(DISCONNECT);
    assert!(matches!(gateway.hears(), Message::PingReq(_)));
    gateway.publishes(normal(1), false, b"m");
    gateway.says_goodbye();
    succeeds(child, "m\n");
}

#[test]
fn wrong_options() {
    let gateway = Gateway::new();
    for args in ["-v", "-t a -q -1", "-t a -q 3", "-t a --sleep 0", "-t a -C 0", "-t a -W x", "--short ttt"] {
        let ended = ends(start(&gateway, args));
        assert_eq!(ended.code, Some(2), "{args}: {}", ended.err);
    }
    let ended = ends(start(&gateway, "-t a --sleep 70000"));
    assert!(ended.err.contains("a whole number from 1 to 65535"), "{}", ended.err);
}

#[test]
fn help_shows_examples() {
    let help = Command::new(env!("CARGO_BIN_EXE_sn-sub")).arg("--help").output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success());
    assert!(text.contains("Examples:") && text.contains("--sleep <SECONDS>"), "{text}");
}
