//! Node's mqtt, speaking MQTT 3.1.1. What it does with MQTT 5 is in `mqtt5.rs`.

use interop::{Gateway, Library, ScriptedClient};
use serde_json::{Value, json};

fn connect(gateway: &Gateway, client_id: &str, clean: bool) -> (ScriptedClient, Value) {
    ScriptedClient::connect(Library::Node, gateway, client_id, &json!({"version": 4, "clean": clean}))
}

#[test]
fn messages_travel_both_ways_at_each_qos() {
    let gateway = Gateway::start();
    let (mut one, _) = connect(&gateway, "one", true);
    let (mut two, _) = connect(&gateway, "two", true);
    one.subscribe("to/one", &json!({"qos": 2}), &json!({}));
    two.subscribe("to/two", &json!({"qos": 2}), &json!({}));
    for qos in 0..=2 {
        one.publish("to/two", qos, "ping", &json!({}));
        two.expect_message("to/two", qos, false, "ping");
        two.publish("to/one", qos, "pong", &json!({}));
        one.expect_message("to/one", qos, false, "pong");
    }
}

#[test]
fn a_persistent_session_keeps_messages_while_its_client_is_away() {
    let gateway = Gateway::start();
    let (mut cellar, answer) = connect(&gateway, "cellar", false);
    assert_eq!(answer["sessionPresent"], false);
    cellar.subscribe("order/#", &json!({"qos": 2}), &json!({}));
    cellar.kill();

    let (mut shop, _) = connect(&gateway, "shop", true);
    shop.publish("order/1", 1, "first", &json!({}));
    shop.publish("order/2", 2, "second", &json!({}));
    let (mut cellar, answer) = connect(&gateway, "cellar", false);
    assert_eq!(answer["sessionPresent"], true);
    cellar.expect_message("order/1", 1, false, "first");
    cellar.expect_message("order/2", 2, false, "second");
    cellar.disconnect(&json!({}));
}
