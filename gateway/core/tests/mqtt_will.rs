//! Wills of MQTT clients: published when a connection ends in any way but DISCONNECT.

#[path = "common/mqtt.rs"]
mod mqtt;

use gateway_core::mqtt::{Connect, Disconnect, Packet, Will};
use gateway_core::{Event, LostReason, Qos};
use mqtt::{Gateway, clean, id, payloads, persistent, qos1, retained, will};
use std::time::Duration;

fn gateway() -> Gateway {
    let mut gateway = Gateway::default();
    gateway.connect(1, clean("watcher"));
    gateway.subscribe(1, "will/#", Qos::AtLeastOnce);
    gateway
}

fn wills(gateway: &mut Gateway) -> Vec<String> {
    payloads(&gateway.received(1)).into_iter().map(String::from).collect()
}

#[test]
fn a_broken_connection_publishes_the_will() {
    let mut gateway = gateway();
    gateway.connect(2, Connect { will: will("will/a", "gone"), ..clean("a") });
    gateway.events();
    gateway.lose(2);
    assert_eq!(gateway.received(1), [qos1("will/a", "gone", 1)]);
    assert_eq!(gateway.events(), [Event::Lost { client_id: "a".into(), why: LostReason::Connection }]);
}

#[test]
fn a_retained_will_is_kept() {
    let mut gateway = gateway();
    let kept = will("will/a", "gone").map(|will| Will { retain: true, ..will });
    gateway.connect(2, Connect { will: kept, ..clean("a") });
    gateway.lose(2);
    gateway.connect(3, clean("late"));
    gateway.subscribe(3, "will/a", Qos::AtLeastOnce);
    assert_eq!(gateway.received(3), [retained(qos1("will/a", "gone", 1))]);
}

#[test]
fn disconnect_forgets_the_will() {
    let mut gateway = gateway();
    gateway.connect(2, Connect { will: will("will/a", "gone"), ..persistent("a") });
    gateway.send(2, Packet::Disconnect(Disconnect::default()));
    gateway.lose(2);
    gateway.connect(3, persistent("a"));
    gateway.lose(3);
    assert_eq!(wills(&mut gateway), [""; 0]);
}

#[test]
fn a_will_is_published_once() {
    let mut gateway = gateway();
    gateway.connect(2, Connect { will: will("will/a", "gone"), ..persistent("a") });
    gateway.lose(2);
    gateway.connect(3, persistent("a"));
    gateway.lose(3);
    assert_eq!(wills(&mut gateway), ["gone"]);
}

#[test]
fn a_new_connect_brings_a_new_will() {
    let mut gateway = gateway();
    gateway.connect(2, Connect { will: will("will/a", "first"), ..persistent("a") });
    gateway.send(2, Packet::Disconnect(Disconnect::default()));
    gateway.connect(3, Connect { will: will("will/a", "second"), ..persistent("a") });
    gateway.lose(3);
    assert_eq!(wills(&mut gateway), ["second"]);
}

#[test]
fn silence_and_protocol_errors_publish_the_will() {
    let mut gateway = gateway();
    gateway.connect(2, Connect { will: will("will/a", "silent"), keep_alive_s: 10, ..clean("a") });
    gateway.connect(3, Connect { will: will("will/b", "wrong"), ..clean("b") });
    gateway.send(3, Packet::PingResp);
    gateway.wait(Duration::from_secs(15));
    assert_eq!(wills(&mut gateway), ["wrong", "silent"]);
}

#[test]
fn a_client_may_wait_for_its_own_will() {
    let mut gateway = gateway();
    gateway.connect(2, Connect { will: will("own", "gone"), ..persistent("a") });
    gateway.subscribe(2, "own", Qos::AtLeastOnce);
    gateway.lose(2);
    assert!(gateway.connect(3, persistent("a")));
    assert_eq!(gateway.received(3), [qos1("own", "gone", 1)]);
    assert_eq!(gateway.exchange(3, Packet::PubAck(id(1).into())), []);
}
