//! Sessions that are kept: what waits for a client that is away, and what is sent again when it comes back.

#[path = "common/mqtt.rs"]
mod mqtt;

use gateway_core::mqtt::{Connect, Disconnect, Packet};
use gateway_core::{ClientState, Config, DropReason, Limits, Qos, WhenFull};
use mqtt::{Gateway, clean, dup, id, payloads, persistent, qos0, qos1, qos2};
use std::time::Duration;

/// A publisher on connection 1, and a session with a subscription to `t/#` whose client is on connection 2.
fn gateway(config: Config) -> Gateway {
    let mut gateway = Gateway::new(config);
    gateway.connect(1, clean("publisher"));
    gateway.connect(2, persistent("a"));
    gateway.subscribe(2, "t/#", Qos::ExactlyOnce);
    gateway
}

#[test]
fn messages_above_qos_0_wait_in_order() {
    let mut gateway = gateway(Config::default());
    gateway.lose(2);
    for packet in [qos1("t/a", "1", 1), qos0("t/a", "never"), qos2("t/b", "2", 2), qos1("t/a", "3", 3)] {
        gateway.send(1, packet);
    }
    assert!(gateway.connect(3, persistent("a")));
    assert_eq!(gateway.received(3), [qos1("t/a", "1", 1), qos2("t/b", "2", 2), qos1("t/a", "3", 3)]);
}

#[test]
fn subscriptions_last() {
    let mut gateway = gateway(Config::default());
    gateway.send(2, Packet::Disconnect(Disconnect::default()));
    gateway.connect(3, persistent("a"));
    gateway.send(1, qos0("t/a", "x"));
    assert_eq!(gateway.received(3), [qos0("t/a", "x")]);
}

#[test]
fn what_was_in_flight_comes_again_in_its_order_with_its_ids() {
    let mut gateway = gateway(Config::default());
    gateway.send(1, qos2("t/1", "released", 1));
    gateway.send(1, qos1("t/2", "unacknowledged", 2));
    gateway.send(1, qos1("t/3", "acknowledged", 3));
    gateway.send(1, qos2("t/4", "unreceived", 4));
    gateway.send(2, Packet::PubRec(id(1).into()));
    gateway.send(2, Packet::PubAck(id(3).into()));
    gateway.lose(2);
    gateway.send(1, qos1("t/5", "meanwhile", 5));
    gateway.connect(3, persistent("a"));
    let expected = [
        Packet::PubRel(id(1).into()),
        dup(qos1("t/2", "unacknowledged", 2)),
        dup(qos2("t/4", "unreceived", 4)),
        qos1("t/5", "meanwhile", 5),
    ];
    assert_eq!(gateway.received(3), expected);
    gateway.send(3, Packet::PubComp(id(1).into()));
    gateway.lose(3);
    gateway.connect(4, persistent("a"));
    assert_eq!(gateway.received(4).len(), 3, "and again, but for what is done");
}

#[test]
fn a_qos_2_message_that_was_not_released_is_remembered_over_a_reconnect() {
    let mut gateway = gateway(Config::default());
    gateway.connect(3, persistent("sender"));
    gateway.send(3, qos2("t/x", "once", 7));
    gateway.lose(3);
    gateway.connect(4, persistent("sender"));
    assert_eq!(gateway.exchange(4, dup(qos2("t/x", "once", 7))), [Packet::PubRec(id(7).into())]);
    assert_eq!(gateway.exchange(4, Packet::PubRel(id(7).into())), [Packet::PubComp(id(7).into())]);
    assert_eq!(payloads(&gateway.received(2)), ["once"]);
}

#[test]
fn a_full_queue_drops_by_policy_and_says_so() {
    for (when_full, expected) in [(WhenFull::DropNewest, ["1", "2"]), (WhenFull::DropOldest, ["3", "4"])] {
        let limits = Limits { queue_messages: 2, ..Limits::default() };
        let mut gateway = gateway(Config { limits, when_full, ..Config::default() });
        gateway.lose(2);
        for (packet_id, payload) in [(1, "1"), (2, "2"), (3, "3"), (4, "4")] {
            gateway.send(1, qos1("t/x", payload, packet_id));
        }
        assert_eq!(gateway.core.stats().drops.get(&DropReason::QueueFull), Some(&2));
        gateway.connect(3, persistent("a"));
        assert_eq!(payloads(&gateway.received(3)), expected);
    }
}

#[test]
fn an_operator_sees_what_waits() {
    let mut gateway = gateway(Config::default());
    gateway.lose(2);
    gateway.send(1, qos1("t/x", "1", 1));
    let client = gateway.core.clients().find(|client| &*client.client_id == "a").expect("its session is kept");
    assert_eq!((client.state, client.via, client.waiting), (ClientState::Disconnected, None, 1));
}

#[test]
fn a_session_that_becomes_clean_ends_with_that_connection() {
    let mut gateway = gateway(Config::default());
    gateway.lose(2);
    gateway.connect(3, clean("a"));
    gateway.lose(3);
    gateway.send(1, qos1("t/x", "1", 1));
    assert!(!gateway.connect(4, persistent("a")));
    assert_eq!(gateway.received(4), []);
}

#[test]
fn a_session_does_not_expire_while_its_client_is_connected() {
    let mut gateway = gateway(Config { session_expiry: Some(Duration::from_secs(10)), ..Config::default() });
    gateway.connect(3, Connect { keep_alive_s: 0, ..persistent("a") });
    gateway.wait(Duration::from_secs(1_000));
    gateway.lose(3);
    gateway.wait(Duration::from_secs(9));
    assert!(gateway.connect(4, persistent("a")), "its time begins with the loss");
}
