//! `sn-pub` and `sn-sub` on one side, mosquitto's clients on the other: the gateway's main job.

use interop::{Gateway, mosquitto_pub, mosquitto_sub, sn_pub, sn_sub};

#[test]
fn what_a_node_publishes_arrives_over_mqtt_at_each_qos() {
    let gateway = Gateway::start();
    for qos in ["0", "1", "2"] {
        let mut subscriber = mosquitto_sub(&gateway, &["-t", "hall/+", "-q", qos]);
        subscriber.expect("Subscribed");
        sn_pub(&gateway, &["-t", "hall/temp", "-q", qos, "-m", "21.5"]);
        assert_eq!(subscriber.expect("got "), format!("got hall/temp {qos} 0 21.5"));
    }
}

#[test]
fn what_is_published_over_mqtt_arrives_at_a_node_at_each_qos() {
    let gateway = Gateway::start();
    for qos in ["0", "1", "2"] {
        let mut node = sn_sub(&gateway, &["-t", "lamp/1", "-q", qos]);
        node.expect("SUBACK");
        mosquitto_pub(&gateway, &["-t", "lamp/1", "-q", qos, "-m", "on"]);
        node.expect(&format!("PUBLISH (d0, q{qos}, r0"));
        assert_eq!(node.expect("lamp/1 "), "lamp/1 on");
    }
}

#[test]
fn a_node_with_a_wildcard_learns_each_topic_before_its_message() {
    let gateway = Gateway::start();
    let mut node = sn_sub(&gateway, &["-t", "house/#", "-q", "1"]);
    node.expect("SUBACK");
    for room in ["hall", "cellar"] {
        mosquitto_pub(&gateway, &["-t", &format!("house/{room}"), "-q", "1", "-m", room]);
        node.expect("REGISTER (");
        node.expect("PUBLISH (");
        assert_eq!(node.expect(&format!("house/{room} ")), format!("house/{room} {room}"));
    }
}

#[test]
fn a_node_resumes_its_session_and_gets_what_has_waited() {
    let gateway = Gateway::start();
    let session = ["-i", "cellar", "-c", "-t", "order", "-q", "2"];
    let mut before = sn_sub(&gateway, &session);
    before.expect("SUBACK");
    before.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(before.wait().success());

    mosquitto_pub(&gateway, &["-t", "order", "-q", "1", "-m", "first"]);
    mosquitto_pub(&gateway, &["-t", "order", "-q", "2", "-m", "second"]);
    let mut back = sn_sub(&gateway, &[&session[..], &["-C", "2"]].concat());
    assert_eq!(back.expect("order "), "order first");
    assert_eq!(back.expect("order "), "order second");
    back.succeed();
}

#[test]
fn a_sleeping_node_collects_its_messages_when_it_wakes() {
    let gateway = Gateway::start();
    let mut node = sn_sub(&gateway, &["-i", "sleeper", "-t", "order", "-q", "1", "--sleep", "2", "-C", "2"]);
    node.expect("SUBACK");
    node.expect("DISCONNECT (sleep 2 s)");
    node.expect("received DISCONNECT");
    for order in ["first", "second"] {
        mosquitto_pub(&gateway, &["-t", "order", "-q", "1", "-m", order]);
    }
    node.expect("PINGREQ (\"sleeper\")");
    assert_eq!(node.expect("order "), "order first");
    assert_eq!(node.expect("order "), "order second");
    node.succeed();
}

#[test]
fn qos_minus_one_needs_no_connection() {
    let gateway = Gateway::start_with(&["--predefined", "16=sensor/16"]);
    let mut subscriber = mosquitto_sub(&gateway, &["-t", "sensor/16", "-t", "tt"]);
    subscriber.expect("Subscribed");
    for (topic, arrives_at) in [(["--predefined", "16"], "sensor/16"), (["--short", "tt"], "tt")] {
        let packets = sn_pub(&gateway, &[&topic[..], &["-q", "-1", "-m", "hi"]].concat());
        assert!(!packets.iter().any(|line| line.contains("CONNECT")), "{packets:?}");
        assert_eq!(subscriber.expect("got "), format!("got {arrives_at} 0 0 hi"));
    }
}

#[test]
fn predefined_and_short_topics_work_both_ways_without_register() {
    let gateway = Gateway::start_with(&["--predefined", "16=sensor/16"]);
    let mut node = sn_sub(&gateway, &["--predefined", "16=sensor/16", "--short", "tt", "-q", "1"]);
    node.expect("SUBACK");
    node.expect("SUBACK");
    let mut subscriber = mosquitto_sub(&gateway, &["-t", "sensor/16", "-t", "tt", "-q", "1"]);
    subscriber.expect("Subscribed");

    mosquitto_pub(&gateway, &["-t", "sensor/16", "-q", "1", "-m", "a"]);
    assert_eq!(node.expect("sensor/16 "), "sensor/16 a");
    mosquitto_pub(&gateway, &["-t", "tt", "-q", "1", "-m", "b"]);
    assert_eq!(node.expect("tt "), "tt b");

    let up = [
        sn_pub(&gateway, &["--predefined", "16", "-q", "1", "-m", "c"]),
        sn_pub(&gateway, &["--short", "tt", "-q", "1", "-m", "d"]),
    ];
    for message in ["got sensor/16 1 0 c", "got tt 1 0 d"] {
        subscriber.expect(message);
    }
    let packets = [up.concat(), node.lines()].concat();
    assert!(!packets.iter().any(|line| line.contains("REGISTER")), "{packets:?}");
}

#[test]
fn a_retained_message_greets_a_node_and_a_nodes_greets_mqtt() {
    let gateway = Gateway::start();
    mosquitto_pub(&gateway, &["-t", "door", "-q", "1", "-r", "-m", "open"]);
    let mut node = sn_sub(&gateway, &["-t", "door", "-q", "1"]);
    node.expect("PUBLISH (d0, q1, r1");
    assert_eq!(node.expect("door "), "door open");

    sn_pub(&gateway, &["-t", "door", "-q", "1", "-r", "-m", "shut"]);
    let mut subscriber = mosquitto_sub(&gateway, &["-t", "door", "-q", "1"]);
    assert_eq!(subscriber.expect("got "), "got door 1 1 shut");
}

#[test]
fn a_lost_nodes_will_is_published() {
    let gateway = Gateway::start();
    let mut watcher = mosquitto_sub(&gateway, &["-t", "status/#", "-q", "1"]);
    watcher.expect("Subscribed");
    let will = ["--will-topic", "status/node", "--will-payload", "gone", "--will-qos", "1"];
    let mut node = sn_sub(&gateway, &[&will[..], &["-k", "2", "-t", "x"]].concat());
    node.expect("SUBACK");
    node.kill();
    assert_eq!(watcher.expect("got "), "got status/node 1 0 gone");
}

#[test]
fn an_empty_and_a_long_payload_arrive_whole() {
    let gateway = Gateway::start();
    let mut subscriber = mosquitto_sub(&gateway, &["-t", "size", "-q", "1"]);
    let mut node = sn_sub(&gateway, &["-t", "size", "-q", "1"]);
    subscriber.expect("Subscribed");
    node.expect("SUBACK");
    // The longest short form, the shortest long form, and a good deal more.
    for len in [0, 248, 249, 1_000] {
        let payload = "x".repeat(len);
        sn_pub(&gateway, &["-t", "size", "-q", "1", "-m", &payload]);
        assert_eq!(subscriber.expect("got "), format!("got size 1 0 {payload}"));
        assert_eq!(node.expect("size "), format!("size {payload}"));
    }
}
