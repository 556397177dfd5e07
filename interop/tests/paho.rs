//! Python's paho-mqtt, speaking MQTT 3.1.1.

use interop::{Gateway, PahoClient, sn_pub, sn_sub};

fn connect(gateway: &Gateway, client_id: &str, args: &[&str]) -> PahoClient {
    let mut client = PahoClient::connect(gateway, client_id, args);
    client.expect_connected();
    client
}

#[test]
fn messages_travel_both_ways_at_each_qos() {
    let gateway = Gateway::start();
    let mut one = connect(&gateway, "one", &[]);
    let mut two = connect(&gateway, "two", &[]);
    one.subscribe("to/one", 2);
    two.subscribe("to/two", 2);
    for qos in 0..=2 {
        one.publish("to/two", qos, false, "ping");
        two.expect_message("to/two", qos, false, "ping");
        two.publish("to/one", qos, false, "pong");
        one.expect_message("to/one", qos, false, "pong");
    }
    one.disconnect();
    two.disconnect();
}

#[test]
fn messages_travel_to_and_from_a_node() {
    let gateway = Gateway::start();
    let mut client = connect(&gateway, "client", &[]);
    client.subscribe("up/#", 2);
    let mut node = sn_sub(&gateway, &["-t", "down", "-q", "2"]);
    node.expect("SUBACK");
    for qos in 0..=2 {
        sn_pub(&gateway, &["-t", "up/1", "-q", &qos.to_string(), "-m", "21.5"]);
        client.expect_message("up/1", qos, false, "21.5");
        client.publish("down", qos, false, "on");
        assert_eq!(node.expect("down "), "down on");
    }
}

#[test]
fn a_retained_message_greets_later_subscribers() {
    let gateway = Gateway::start();
    let mut publisher = connect(&gateway, "publisher", &[]);
    publisher.publish("door", 2, true, "open");
    let mut subscriber = connect(&gateway, "subscriber", &[]);
    subscriber.subscribe("door", 1);
    subscriber.expect_message("door", 1, true, "open");
    publisher.publish("door", 2, true, "shut");
    subscriber.expect_message("door", 1, false, "shut");
}

#[test]
fn a_killed_clients_will_is_published_and_retained() {
    let gateway = Gateway::start();
    let mut watcher = connect(&gateway, "watcher", &[]);
    watcher.subscribe("status/+", 1);
    let doomed = connect(&gateway, "doomed", &["--will", "status/doomed", "1", "1", "gone"]);
    doomed.kill();
    watcher.expect_message("status/doomed", 1, false, "gone");

    let mut later = connect(&gateway, "later", &[]);
    later.subscribe("status/+", 1);
    later.expect_message("status/doomed", 1, true, "gone");
}

#[test]
fn a_leaving_clients_will_is_not_published() {
    let gateway = Gateway::start();
    let mut watcher = connect(&gateway, "watcher", &[]);
    watcher.subscribe("status/+", 1);
    connect(&gateway, "leaving", &["--will", "status/leaving", "1", "0", "gone"]).disconnect();
    connect(&gateway, "last", &[]).publish("status/end", 1, false, "nothing before this");
    watcher.expect_message("status/end", 1, false, "nothing before this");
}

#[test]
fn a_persistent_session_keeps_messages_while_its_client_is_away() {
    let gateway = Gateway::start();
    let mut cellar = PahoClient::connect(&gateway, "cellar", &["--persistent"]);
    assert!(!cellar.expect_connected(), "there is no session yet");
    cellar.subscribe("order/#", 2);
    cellar.kill();

    let mut shop = connect(&gateway, "shop", &[]);
    shop.publish("order/1", 1, false, "first");
    shop.publish("order/2", 2, false, "second");
    let mut cellar = PahoClient::connect(&gateway, "cellar", &["--persistent"]);
    assert!(cellar.expect_connected(), "the session is there");
    cellar.expect_message("order/1", 1, false, "first");
    cellar.expect_message("order/2", 2, false, "second");
    cellar.disconnect();

    let mut cellar = PahoClient::connect(&gateway, "cellar", &[]);
    assert!(!cellar.expect_connected(), "a clean session has no past");
}

#[test]
fn what_is_no_longer_subscribed_to_does_not_arrive() {
    let gateway = Gateway::start();
    let mut client = connect(&gateway, "client", &[]);
    client.subscribe("a", 1);
    client.subscribe("b", 1);
    client.unsubscribe("a");
    let mut publisher = connect(&gateway, "publisher", &[]);
    publisher.publish("a", 1, false, "no");
    publisher.publish("b", 1, false, "yes");
    client.expect_message("b", 1, false, "yes");
}
