//! MQTT 5 with Python's paho-mqtt and Node's mqtt: what each says the other understands, and so does who speaks 3.1.1.

use interop::{Gateway, LIBRARIES, Library, PahoClient, ScriptedClient};
use serde_json::{Value, json};

fn connect(library: Library, gateway: &Gateway, client_id: &str) -> ScriptedClient {
    connect_with(library, gateway, client_id, &json!({})).0
}

fn connect_with(library: Library, gateway: &Gateway, client_id: &str, how: &Value) -> (ScriptedClient, Value) {
    ScriptedClient::connect(library, gateway, client_id, how)
}

fn subscribe(client: &mut ScriptedClient, filter: &str, qos: u8) {
    assert_eq!(client.subscribe(filter, &json!({"qos": qos}), &json!({})), u64::from(qos));
}

#[test]
fn properties_travel_from_each_to_each() {
    let gateway = Gateway::start();
    let properties = json!({
        "payloadFormatIndicator": true,
        "contentType": "text/plain",
        "responseTopic": "answers",
        "correlationData": "42",
        "userProperties": {"room": "hall", "unit": "degC"},
    });
    let mut three = PahoClient::connect(&gateway, "three", &[]);
    three.expect_connected();
    three.subscribe("t", 2);
    for from in LIBRARIES {
        for to in LIBRARIES {
            let mut subscriber = connect(to, &gateway, "subscriber");
            subscribe(&mut subscriber, "t", 2);
            let mut publisher = connect(from, &gateway, "publisher");
            for qos in 0..=2 {
                publisher.publish("t", qos, "21.5", &properties);
                let got = subscriber.expect_message("t", qos, false, "21.5");
                assert_eq!(got, properties, "from {from:?} to {to:?}");
                three.expect_message("t", qos, false, "21.5");
            }
        }
    }
}

#[test]
fn a_client_of_3_1_1_is_heard_by_those_of_5() {
    let gateway = Gateway::start();
    for library in LIBRARIES {
        let mut subscriber = connect(library, &gateway, "subscriber");
        subscribe(&mut subscriber, "t", 2);
        let mut three = PahoClient::connect(&gateway, "three", &[]);
        three.expect_connected();
        three.publish("t", 2, false, "21.5");
        assert_eq!(subscriber.expect_message("t", 2, false, "21.5"), json!({}));
    }
}

#[test]
fn those_who_share_a_subscription_get_each_message_once() {
    let gateway = Gateway::start();
    let mut sharers = [(Library::Paho, "a"), (Library::Node, "b"), (Library::Paho, "c")]
        .map(|(library, client_id)| connect(library, &gateway, client_id));
    for sharer in &mut sharers {
        subscribe(sharer, "$share/workers/job/+", 1);
        subscribe(sharer, "end", 1);
    }
    let mut boss = connect(Library::Node, &gateway, "boss");
    for n in 0..30 {
        boss.publish(&format!("job/{n}"), 1, "do it", &json!({}));
    }
    boss.publish("end", 1, "all done", &json!({}));
    let all: usize = sharers
        .iter_mut()
        .map(|sharer| {
            sharer.expect_until("end");
            sharer.messages() - 1
        })
        .sum();
    assert_eq!(all, 30);
    assert!(sharers.iter().all(|sharer| sharer.messages() > 1), "everybody has worked");
}

#[test]
fn a_will_waits_for_its_delay_and_for_who_comes_back() {
    let gateway = Gateway::start();
    for library in LIBRARIES {
        let mut watcher = connect(library, &gateway, "watcher");
        subscribe(&mut watcher, "status", 1);
        let how = |delay_s: u32| {
            json!({
                "clean": false,
                "properties": {"sessionExpiryInterval": 1_000},
                "will": {"topic": "status", "payload": format!("gone for {delay_s} s"), "qos": 1, "retain": false,
                    "properties": {"willDelayInterval": delay_s, "contentType": "text/plain"}},
            })
        };
        // Who is back in time has its will replaced by a new one.
        connect_with(library, &gateway, "client", &how(500)).0.kill();
        connect_with(library, &gateway, "client", &how(1)).0.kill();
        let properties = watcher.expect_message("status", 1, false, "gone for 1 s");
        assert_eq!(properties["contentType"], "text/plain");
    }
}

#[test]
fn a_session_lasts_as_long_as_its_client_says() {
    let gateway = Gateway::start();
    for library in LIBRARIES {
        let keep = |expiry_s: u32| json!({"clean": false, "properties": {"sessionExpiryInterval": expiry_s}});
        let (client, answer) = connect_with(library, &gateway, "client", &keep(0));
        assert_eq!(answer["sessionPresent"], false);
        client.kill();
        let (mut client, answer) = connect_with(library, &gateway, "client", &keep(1_000));
        assert_eq!(answer["sessionPresent"], false, "it ended with the connection");
        subscribe(&mut client, "order/#", 2);
        client.kill();
        let mut shop = connect(library, &gateway, "shop");
        shop.publish("order/1", 1, "first", &json!({"userProperties": {"n": "1"}}));
        shop.publish("order/2", 2, "second", &json!({}));
        let (mut client, answer) = connect_with(library, &gateway, "client", &keep(1_000));
        assert_eq!(answer["sessionPresent"], true);
        assert_eq!(client.expect_message("order/1", 1, false, "first")["userProperties"], json!({"n": "1"}));
        client.expect_message("order/2", 2, false, "second");
        client.disconnect(&json!({"sessionExpiryInterval": 0}));
        let (client, answer) = connect_with(library, &gateway, "client", &keep(0));
        assert_eq!(answer["sessionPresent"], false, "DISCONNECT said so");
        client.disconnect(&json!({}));
    }
}

#[test]
fn options_and_identifiers_of_subscriptions_are_heeded() {
    let gateway = Gateway::start();
    for library in LIBRARIES {
        let mut client = connect(library, &gateway, "client");
        let mut other = connect(library, &gateway, "other");
        other.publish_with("kept", 1, true, "before", &json!({}));
        client.subscribe("kept", &json!({"qos": 1, "rap": true, "rh": 2}), &json!({"subscriptionIdentifier": 7}));
        client.subscribe("own", &json!({"qos": 1, "nl": true}), &json!({"subscriptionIdentifier": 300}));
        client.publish("own", 1, "not to me", &json!({}));
        other.publish("own", 1, "from another", &json!({}));
        assert_eq!(client.expect_message("own", 1, false, "from another")["subscriptionIdentifier"], 300);
        other.publish_with("kept", 1, true, "after", &json!({}));
        assert_eq!(client.expect_message("kept", 1, true, "after")["subscriptionIdentifier"], 7);
    }
}

#[test]
fn a_refusal_comes_with_its_reason() {
    let gateway = Gateway::start();
    for library in LIBRARIES {
        let mut client = connect(library, &gateway, "client");
        assert_eq!(client.publish("$SYS/mine", 1, "x", &json!({})), 0x90, "{library:?}: topic name invalid");
        assert_eq!(client.publish("t", 1, "x", &json!({})) & 0x80, 0, "{library:?}");
    }
}

#[test]
fn who_is_taken_over_is_told_so() {
    let gateway = Gateway::start();
    // Paho reads the reason of a DISCONNECT only if properties follow.
    let mut first = connect(Library::Node, &gateway, "client");
    let _second = connect(Library::Paho, &gateway, "client");
    assert_eq!(first.expect_disconnected(), 0x8E);
}

#[test]
fn topic_aliases_are_understood_both_ways() {
    let gateway = Gateway::start();
    let how = json!({"properties": {"topicAliasMaximum": 3}, "autoUseTopicAlias": true});
    let (mut node, answer) = connect_with(Library::Node, &gateway, "node", &how);
    assert!(answer["properties"]["topicAliasMaximum"].as_u64().is_some_and(|maximum| maximum > 0), "{answer}");
    let mut paho = connect(Library::Paho, &gateway, "paho");
    subscribe(&mut paho, "a/long/topic/name", 0);
    subscribe(&mut node, "another/long/topic/name", 0);
    for _ in 0..3 {
        node.publish("a/long/topic/name", 0, "x", &json!({}));
        paho.expect_message("a/long/topic/name", 0, false, "x");
        paho.publish("another/long/topic/name", 0, "y", &json!({}));
        node.expect_message("another/long/topic/name", 0, false, "y");
    }
}

#[test]
fn a_client_without_an_id_is_told_its_own() {
    let gateway = Gateway::start();
    let (_client, answer) = connect_with(Library::Paho, &gateway, "", &json!({}));
    let id = answer["properties"]["assignedClientIdentifier"].as_str();
    assert!(id.is_some_and(|id| !id.is_empty()), "{answer}");
}
