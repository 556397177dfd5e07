//! The real `sn-pub` against a scripted gateway on a loopback socket.

mod gateway;

use gateway::{CONNACK, DISCONNECT, Gateway, ends, fails, interrupt, normal, puback, succeeds};
use nix::sys::signal::Signal;
use sn_codec::{ConnAck, Message, Qos, RegAck, ReturnCode, ShortName, Topic, TopicId, WillMsg, WillTopic};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command};
use std::thread;

fn start(gateway: &Gateway, args: &str) -> Child {
    gateway.start(env!("CARGO_BIN_EXE_sn-pub"), args)
}

#[test]
fn connects_registers_publishes_and_disconnects() {
    for (flag, qos) in [("0", Qos::Zero), ("1", Qos::One), ("2", Qos::Two)] {
        let mut gateway = Gateway::new();
        let child = start(&gateway, &format!("-i node7 -k 60 -t a/b/c -m 21.5 -q {flag}"));
        assert_eq!(gateway.hears_octets(), b"\x0B\x04\x04\x01\x00\x3Cnode7");
        gateway.says(CONNACK);
        gateway.registers("a/b/c", 9);
        gateway.takes(qos, false, normal(9), b"21.5");
        gateway.says_goodbye();
        succeeds(child, "");
    }
}

#[test]
fn qos_minus_one_is_one_datagram() {
    let mut gateway = Gateway::new();
    succeeds(start(&gateway, "--predefined 16=lamp -m on -q -1"), "");
    gateway.takes(Qos::MinusOne, false, Topic::Predefined(TopicId(16)), b"on");
    succeeds(start(&gateway, "--short tt -m on -q -1 -r"), "");
    gateway.takes(Qos::MinusOne, true, Topic::Short(ShortName(*b"tt")), b"on");
    succeeds(start(&gateway, "-t a/b/c -m on -q=-1"), "");
    gateway.takes(Qos::MinusOne, false, Topic::Name("a/b/c"), b"on");
}

#[test]
fn predefined_and_short_topics_need_no_registration() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "--predefined 16 -m hi -q 1");
    gateway.accepts();
    gateway.takes(Qos::One, false, Topic::Predefined(TopicId(16)), b"hi");
    gateway.says_goodbye();
    succeeds(child, "");
}

#[test]
fn an_empty_retained_message() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "--short tt -n -r");
    gateway.accepts();
    gateway.takes(Qos::Zero, true, Topic::Short(ShortName(*b"tt")), b"");
    gateway.says_goodbye();
    succeeds(child, "");
}

#[test]
fn a_file_as_it_is() {
    let content: Vec<u8> = (0..=255).cycle().take(1_000).collect();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&content).unwrap();
    let mut gateway = Gateway::new();
    let child = start(&gateway, &format!("--short tt -f {}", file.path().display()));
    gateway.accepts();
    gateway.takes(Qos::Zero, false, Topic::Short(ShortName(*b"tt")), &content);
    gateway.says_goodbye();
    succeeds(child, "");
}

#[test]
fn standard_input_as_one_message() {
    let mut gateway = Gateway::new();
    let mut child = start(&gateway, "--short tt -s");
    child.stdin.take().unwrap().write_all(b"one\ntwo\n").unwrap();
    gateway.accepts();
    gateway.takes(Qos::Zero, false, Topic::Short(ShortName(*b"tt")), b"one\ntwo\n");
    gateway.says_goodbye();
    succeeds(child, "");
}

#[test]
fn standard_input_line_by_line_over_one_connection() {
    let mut gateway = Gateway::new();
    let mut child = start(&gateway, "-t a -l -q 1");
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"one\n\ntwo\nla").unwrap();
    gateway.accepts();
    gateway.registers("a", 1);
    gateway.takes(Qos::One, false, normal(1), b"one");
    gateway.takes(Qos::One, false, normal(1), b"two");
    gateway.says(Message::PingReq(sn_codec::PingReq { client_id: None }));
    assert_eq!(gateway.hears(), Message::PingResp, "the connection lives while the input waits");
    input.write_all(b"st").unwrap();
    drop(input);
    gateway.takes(Qos::One, false, normal(1), b"last");
    gateway.says_goodbye();
    succeeds(child, "");
}

#[test]
fn a_will() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "--short tt -m x --will-topic w/a --will-payload gone --will-qos 1 --will-retain");
    assert!(matches!(gateway.hears(), Message::Connect(connect) if connect.will));
    gateway.says(Message::WillTopicReq);
    let will = WillTopic { qos: Qos::One, retain: true, topic: "w/a" };
    assert_eq!(gateway.hears(), Message::WillTopic(Some(will)));
    gateway.says(Message::WillMsgReq);
    assert_eq!(gateway.hears(), Message::WillMsg(WillMsg { message: b"gone" }));
    gateway.says(CONNACK);
    gateway.takes(Qos::Zero, false, Topic::Short(ShortName(*b"tt")), b"x");
    gateway.says_goodbye();
    succeeds(child, "");
}

#[test]
fn the_session_is_resumed_on_demand() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "-i node7 -c --short tt -m x");
    assert!(matches!(gateway.hears(), Message::Connect(connect) if !connect.clean_session));
    gateway.says(CONNACK);
    gateway.takes(Qos::Zero, false, Topic::Short(ShortName(*b"tt")), b"x");
    gateway.says_goodbye();
    succeeds(child, "");
}

#[test]
fn a_silent_gateway() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "-t a -m x --t-retry-ms 40 --n-retry 2");
    let complaint = format!("no answer from 127.0.0.1:{} after 3 tries: is the gateway running?", gateway.port());
    fails(child, &complaint);
    for _ in 0..3 {
        assert_eq!(gateway.hears_octets()[1], 0x04, "CONNECT");
    }
}

#[test]
fn a_gateway_that_falls_silent() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "--short tt -m x -q 1 --t-retry-ms 40 --n-retry 1");
    gateway.accepts();
    fails(child, "no answer");
}

#[test]
fn a_gateway_that_answers_the_message_with_disconnect() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "--short tt -m x -q 1 --t-retry-ms 20 --n-retry 255");
    for _ in 0..4 {
        gateway.accepts();
        assert!(matches!(gateway.hears(), Message::Publish(_)));
        gateway.says(DISCONNECT);
    }
    fails(child, "ends the connection again and again");
}

#[test]
fn nobody_there() {
    let gateway = Gateway::new();
    let port = gateway.port();
    drop(gateway);
    let child = Command::new(env!("CARGO_BIN_EXE_sn-pub"))
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-t", "a", "-m", "x"])
        .stderr(std::process::Stdio::piped())
        .spawn();
    fails(child.unwrap(), &format!("nothing listens on 127.0.0.1:{port}: is the gateway running?"));
}

#[test]
fn nobody_there_at_qos_minus_one() {
    let gateway = Gateway::new();
    let port = gateway.port();
    drop(gateway);
    let child = Command::new(env!("CARGO_BIN_EXE_sn-pub"))
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "--short", "tt", "-m", "x", "-q", "-1"])
        .stderr(std::process::Stdio::piped())
        .spawn();
    fails(child.unwrap(), &format!("nothing listens on 127.0.0.1:{port}: is the gateway running?"));
}

#[test]
fn this_machine_under_its_shortest_name() {
    let mut gateway = Gateway::new();
    let child = gateway.start_with_host(env!("CARGO_BIN_EXE_sn-pub"), "0.0.0.0", "--short tt -m x -q 1");
    gateway.accepts();
    gateway.takes(Qos::One, false, Topic::Short(ShortName(*b"tt")), b"x");
    gateway.says_goodbye();
    succeeds(child, "");
}

#[test]
fn a_gateway_that_is_gone_before_the_end_may_not_have_had_the_message() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "--short tt -m x --t-retry-ms 1000 --n-retry 60");
    gateway.accepts();
    gateway.takes(Qos::Zero, false, Topic::Short(ShortName(*b"tt")), b"x");
    drop(gateway);
    fails(child, "messages at QoS 0 may be lost");
}

#[test]
fn lines_at_qos_0_wait_for_a_gateway_that_is_gone_and_what_may_be_lost_is_told() {
    let mut gateway = Gateway::new();
    let mut child = start(&gateway, "-t a -l --t-retry-ms 50 --n-retry 255");
    let (mut input, mut errors) = (child.stdin.take().unwrap(), BufReader::new(child.stderr.take().unwrap()));
    input.write_all(b"one\n").unwrap();
    gateway.accepts();
    gateway.registers("a", 1);
    gateway.takes(Qos::Zero, false, normal(1), b"one");
    let port = gateway.port();
    drop(gateway);
    input.write_all(b"lost\n").unwrap();
    let mut notice = String::new();
    errors.read_line(&mut notice).unwrap();
    assert_eq!(notice, format!("Lost the connection: nothing listens on 127.0.0.1:{port}. Connecting again.\n"));
    input.write_all(b"two\n").unwrap();
    drop(input);
    let mut gateway = Gateway::on(port);
    gateway.accepts();
    gateway.registers("a", 7);
    gateway.takes(Qos::Zero, false, normal(7), b"two");
    gateway.says_goodbye();
    let mut complaint = String::new();
    errors.read_to_string(&mut complaint).unwrap();
    assert_eq!(complaint, "Error: messages at QoS 0 may be lost: the gateway did not answer\n");
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn who_has_many_lines_listens_all_the_same() {
    let mut gateway = Gateway::new();
    let mut child = start(&gateway, "--short tt -l --quiet");
    let mut input = child.stdin.take().unwrap();
    // Until nobody reads them any more.
    let feeder = thread::spawn(move || while input.write_all(b"line\n").is_ok() {});
    gateway.accepts();
    gateway.takes(Qos::Zero, false, Topic::Short(ShortName(*b"tt")), b"line");
    gateway.says(DISCONNECT);
    let more = (0..10_000).position(|_| matches!(gateway.hears(), Message::Connect(_)));
    assert!(more.is_some(), "it connects again");
    child.kill().unwrap();
    child.wait().unwrap();
    feeder.join().unwrap();
}

#[test]
fn an_interrupt_ends_the_lines() {
    let mut gateway = Gateway::new();
    let mut child = start(&gateway, "--short tt -l -q 1");
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"one\ntw").unwrap();
    gateway.accepts();
    gateway.takes(Qos::One, false, Topic::Short(ShortName(*b"tt")), b"one");
    interrupt(&child, Signal::SIGINT);
    gateway.says_goodbye();
    succeeds(child, "");
}

#[test]
fn nobody_has_to_read_what_it_says() {
    let mut gateway = Gateway::new();
    let mut child = start(&gateway, "--short tt -m x -d");
    drop(child.stderr.take());
    gateway.accepts();
    gateway.takes(Qos::Zero, false, Topic::Short(ShortName(*b"tt")), b"x");
    gateway.says_goodbye();
    succeeds(child, "");
}

#[test]
fn a_refused_connection() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "-t a -m x");
    gateway.hears();
    gateway.says(Message::ConnAck(ConnAck { return_code: ReturnCode::NotSupported }));
    fails(child, "the gateway refused the connection: rejected: not supported");
}

#[test]
fn a_refused_topic() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "-t a/b -m x");
    gateway.accepts();
    let Message::Register(register) = gateway.hears() else { panic!("a REGISTER") };
    let (topic_id, msg_id, return_code) = (TopicId::NONE, register.msg_id, ReturnCode::NotSupported);
    gateway.says(Message::RegAck(RegAck { topic_id, msg_id, return_code }));
    gateway.says_goodbye();
    fails(child, "cannot publish to topic \"a/b\": rejected: not supported");
}

#[test]
fn a_message_refused_at_qos_0() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "--predefined 99 -m x");
    gateway.accepts();
    gateway.takes(Qos::Zero, false, Topic::Predefined(TopicId(99)), b"x");
    assert_eq!(gateway.hears(), DISCONNECT);
    gateway.says(puback(TopicId(99), sn_codec::MsgId::NONE, ReturnCode::InvalidTopicId));
    gateway.says(DISCONNECT);
    fails(child, "predefined topic 99: rejected: invalid topic id");
}

#[test]
fn a_gateway_that_restarts_gets_the_message_all_the_same() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "-t a -m x -q 1 --quiet");
    gateway.accepts();
    gateway.registers("a", 1);
    assert!(matches!(gateway.hears(), Message::Publish(_)));
    gateway.says(DISCONNECT);
    assert!(matches!(gateway.hears(), Message::Connect(connect) if !connect.clean_session));
    gateway.says(CONNACK);
    gateway.registers("a", 7);
    let Message::Publish(publish) = gateway.hears() else { panic!("a PUBLISH") };
    assert!(publish.dup && publish.topic == normal(7) && publish.data == b"x");
    let msg_id = publish.msg_id;
    gateway.says(puback(TopicId(7), msg_id, ReturnCode::Accepted));
    gateway.says_goodbye();
    succeeds(child, "");
}

#[test]
fn packets_are_printed_with_d() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "-i node7 -t a/b -m 21.5 -d");
    gateway.accepts();
    gateway.registers("a/b", 1);
    gateway.takes(Qos::Zero, false, normal(1), b"21.5");
    gateway.says_goodbye();
    let ended = ends(child);
    let lines: Vec<&str> = ended.err.lines().collect();
    assert_eq!(lines[0], "Client node7 sending CONNECT (c1, w0, k60, \"node7\")");
    assert_eq!(lines[1], "Client node7 received CONNACK (accepted)");
    assert!(lines[2].starts_with("Client node7 sending REGISTER (m") && lines[2].ends_with("\"a/b\", id 0)"));
    assert_eq!(lines[4], "Client node7 sending PUBLISH (d0, q0, r0, m0, id 1, ... (4 bytes))");
    assert_eq!(lines.last(), Some(&"Client node7 received DISCONNECT"));
}

#[test]
fn wrong_options() {
    let gateway = Gateway::new();
    let wrong = [
        "-t a",
        "-m x",
        "-t a -m x -q 3",
        "-t a -m x -n",
        "-t a --short tt -m x",
        "--short t -m x",
        "--predefined 0 -m x",
        "-t a -m x -c",
        "-t a -m x --will-retain",
    ];
    for args in wrong {
        let ended = ends(start(&gateway, args));
        assert_eq!(ended.code, Some(2), "{args}: {}", ended.err);
    }
}

#[test]
fn a_wildcard_is_no_topic_to_publish_to() {
    let mut gateway = Gateway::new();
    let child = start(&gateway, "-t a/+ -m x");
    gateway.accepts();
    gateway.says_goodbye();
    fails(child, "has a wildcard");
}

#[test]
fn help_shows_examples() {
    let help = Command::new(env!("CARGO_BIN_EXE_sn-pub")).arg("--help").output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success());
    assert!(text.contains("Examples:") && text.contains("--predefined <ID[=NAME]>"), "{text}");
}
