//! The independent MQTT-SN client of the Python package mqtt-sn-12.

use interop::{Gateway, SnPyClient, mosquitto_pub, mosquitto_sub, mqtt_sn_pub, mqtt_sn_sub};

#[test]
fn what_it_publishes_arrives_over_mqtt_at_each_qos() {
    let gateway = Gateway::start();
    for qos in ["0", "1", "2"] {
        let mut subscriber = mosquitto_sub(&gateway, &["-t", "hall/temp", "-q", qos]);
        subscriber.expect("Subscribed");
        mqtt_sn_pub(&gateway, &["-t", "hall/temp", "-q", qos, "-m", "21.5"]).succeed();
        assert_eq!(subscriber.expect("got "), format!("got hall/temp {qos} 0 21.5"));
    }
}

#[test]
fn what_is_published_over_mqtt_arrives_at_its_subscriber() {
    let gateway = Gateway::start();
    for qos in ["0", "1"] {
        let mut node = mqtt_sn_sub(&gateway, &["-t", "lamp/1", "-q", qos, "-1"]);
        node.expect("SUBACK return code: 0");
        mosquitto_pub(&gateway, &["-t", "lamp/1", "-q", qos, "-m", "on-please"]);
        let lines = node.succeed();
        assert!(lines.iter().any(|line| line == "on-please"), "{lines:?}");
    }
}

#[test]
fn its_subscriber_follows_a_wildcard() {
    let gateway = Gateway::start();
    let mut node = SnPyClient::connect(&gateway, "node", &[]);
    node.command("subscribe house/# 1", "subscribed");
    for room in ["hall", "cellar"] {
        mosquitto_pub(&gateway, &["-t", &format!("house/{room}"), "-q", "1", "-m", "dark"]);
        node.command("receive", "received REGISTER");
        assert_eq!(node.process().expect("message "), format!("message house/{room} dark"));
    }
}

#[test]
fn its_predefined_and_short_topics_work_both_ways() {
    let gateway = Gateway::start_with(&["--predefined", "16=sensor/16"]);
    for (topic, name) in [(["-T", "16"], "sensor/16"), (["-t", "tt"], "tt")] {
        let mut subscriber = mosquitto_sub(&gateway, &["-t", name, "-q", "1"]);
        subscriber.expect("Subscribed");
        mqtt_sn_pub(&gateway, &[&topic[..], &["-q", "1", "-m", "up"]].concat()).succeed();
        assert_eq!(subscriber.expect("got "), format!("got {name} 1 0 up"));

        let mut node = mqtt_sn_sub(&gateway, &[&topic[..], &["-q", "0"]].concat());
        node.expect("SUBACK return code: 0");
        mosquitto_pub(&gateway, &["-t", name, "-m", "down"]);
        node.expect("Payload is b'down'");
    }
}

#[test]
fn its_qos_minus_one_arrives() {
    let gateway = Gateway::start_with(&["--predefined", "16=sensor/16"]);
    let mut subscriber = mosquitto_sub(&gateway, &["-t", "sensor/16", "-t", "tt"]);
    subscriber.expect("Subscribed");
    mqtt_sn_pub(&gateway, &["-q", "-1", "-T", "16", "-m", "predefined"]).succeed();
    assert_eq!(subscriber.expect("got "), "got sensor/16 0 0 predefined");
    mqtt_sn_pub(&gateway, &["-q", "-1", "-t", "tt", "-m", "short"]).succeed();
    assert_eq!(subscriber.expect("got "), "got tt 0 0 short");
}

#[test]
fn its_register_without_a_connection_is_answered_with_disconnect() {
    let gateway = Gateway::start();
    let mut subscriber = mosquitto_sub(&gateway, &["-t", "#"]);
    subscriber.expect("Subscribed");
    // For a topic with a name it sends REGISTER first, which only a connected client may.
    let mut publisher = mqtt_sn_pub(&gateway, &["-q", "-1", "-t", "a/name", "-m", "lost"]);
    publisher.expect("Sending REGISTER");
    publisher.expect("Received DISCONNECT");
    publisher.kill();

    mqtt_sn_pub(&gateway, &["-t", "a/name", "-m", "arrives"]).succeed();
    assert_eq!(subscriber.expect("got "), "got a/name 0 0 arrives");
}

#[test]
fn its_retained_message_greets_later_subscribers_until_it_is_cleared() {
    let gateway = Gateway::start();
    mqtt_sn_pub(&gateway, &["-t", "door", "-q", "1", "-r", "-m", "open"]).succeed();
    let mut early = mosquitto_sub(&gateway, &["-t", "door", "-q", "1"]);
    assert_eq!(early.expect("got "), "got door 1 1 open");

    mqtt_sn_pub(&gateway, &["-t", "door", "-q", "1", "-r", "-n"]).succeed();
    let mut late = mosquitto_sub(&gateway, &["-t", "door", "-t", "end", "-q", "1"]);
    late.expect("Subscribed");
    mosquitto_pub(&gateway, &["-t", "end", "-q", "1", "-m", "."]);
    assert_eq!(late.expect("got "), "got end 1 0 .", "nothing retained came before");
}

#[test]
fn its_will_is_published_when_it_is_lost_and_as_updated() {
    let gateway = Gateway::start();
    let mut watcher = mosquitto_sub(&gateway, &["-t", "status/#", "-q", "1"]);
    watcher.expect("Subscribed");
    // Long enough for the update.
    let will = ["--keepalive", "4", "--will", "status/first", "1", "0", "gone"];
    let lost = SnPyClient::connect(&gateway, "lost", &will);
    let mut changed = SnPyClient::connect(&gateway, "changed", &will);
    changed.command("will status/second changed", "willed");
    let mut leaving = SnPyClient::connect(&gateway, "leaving", &["--will", "status/leaving", "1", "0", "gone"]);
    leaving.command("disconnect", "disconnected");
    lost.kill();
    watcher.expect("got status/first 1 0 gone");
    changed.kill();
    watcher.expect("got status/second 1 0 changed");
    assert_eq!(watcher.count("got status/"), 2);
}

#[test]
fn it_sleeps_and_collects_its_messages_when_it_wakes() {
    let gateway = Gateway::start();
    let mut node = SnPyClient::connect(&gateway, "sleeper", &[]);
    node.command("subscribe order/# 1", "subscribed");
    node.command("sleep 60", "slept");
    for order in ["first", "second"] {
        mosquitto_pub(&gateway, &["-t", "order/1", "-q", "1", "-m", order]);
    }
    node.command("wake", "received REGISTER");
    assert_eq!(node.process().expect("message "), "message order/1 first");
    assert_eq!(node.process().expect("message "), "message order/1 second");
    node.process().expect("received PINGRESP");
    node.process().expect("woke");

    node.command("wake", "received PINGRESP");
    assert_eq!(node.process().count("message "), 2, "what is acknowledged does not come again");
}

#[test]
fn it_resumes_its_session() {
    let gateway = Gateway::start();
    let mut node = SnPyClient::connect(&gateway, "cellar", &["--persistent"]);
    node.command("subscribe order/# 1", "subscribed");
    node.command("disconnect", "disconnected");
    mosquitto_pub(&gateway, &["-t", "order/1", "-q", "1", "-m", "kept"]);

    // A callback is in the library's memory only, so it subscribes again; what was kept comes all the same, once.
    let mut node = SnPyClient::connect(&gateway, "cellar", &["--persistent"]);
    node.process().type_line("subscribe order/# 1");
    node.process().type_line("receive");
    node.process().expect("received REGISTER");
    assert_eq!(node.process().expect("message "), "message order/1 kept");
}

#[test]
fn its_long_form_is_understood_and_answered_in_kind() {
    let gateway = Gateway::start();
    let payload = "x".repeat(1_000);
    let mut subscriber = mosquitto_sub(&gateway, &["-t", "long", "-q", "1"]);
    subscriber.expect("Subscribed");
    mqtt_sn_pub(&gateway, &["-t", "long", "-q", "1", "-m", &payload]).succeed();
    assert_eq!(subscriber.expect("got "), format!("got long 1 0 {payload}"));

    let mut node = mqtt_sn_sub(&gateway, &["-t", "long", "-q", "1", "-1"]);
    node.expect("SUBACK return code: 0");
    mosquitto_pub(&gateway, &["-t", "long", "-q", "1", "-m", &payload]);
    let lines = node.succeed();
    assert!(lines.contains(&payload), "{lines:?}");
}
