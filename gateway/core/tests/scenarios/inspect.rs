//! What an operator sees of a session, and what dropping it does.

use crate::common::sn::{PINGREQ, connect, register, resume, sleep, subscribe};
use crate::common::{Rig, port};
use gateway_core::{ClientState, ConnId, Qos};
use sn_codec::Qos as SnQos;

#[test]
fn a_sleeper_with_its_subscriptions_topic_ids_and_mailbox() {
    let mut rig = Rig::new();
    rig.send(port(1), resume("node"));
    rig.send(port(1), register(1, "up"));
    rig.send(port(1), subscribe(SnQos::One, 2, "down/#"));
    rig.send(port(1), sleep(600));
    rig.publish(1, "down/1", "12345");
    let node = rig.core.client("node").expect("a session");
    assert_eq!(node.info.state, ClientState::Asleep);
    assert_eq!(node.subscriptions, [("down/#".into(), Qos::AtLeastOnce)]);
    assert_eq!(node.topic_ids, [(1, "up".into())]);
    assert_eq!((node.info.waiting, node.waiting_bytes, node.in_flight), (1, 11, 0));
    assert!(!node.clean && node.will_topic.is_none());
    assert!(rig.core.client("nobody").is_none());
}

#[test]
fn a_dropped_session_is_gone_and_a_listening_client_is_told() {
    let mut rig = Rig::new();
    rig.send(port(1), connect("active"));
    rig.send(port(2), resume("asleep"));
    rig.send(port(2), sleep(600));
    rig.mqtt_connect(ConnId(7), "mqtt-client");
    rig.heard(port(1));
    rig.heard(port(2));
    for client_id in ["active", "asleep", "mqtt-client"] {
        assert!(rig.core.drop_session(rig.now, client_id));
        assert!(!rig.core.drop_session(rig.now, client_id));
    }
    assert_eq!(rig.ask(port(2), PINGREQ), ["DISCONNECT"], "the next wake tells it");
    assert_eq!(rig.heard(port(1)), ["DISCONNECT"]);
    assert!(rig.is_closed(ConnId(7)));
    assert_eq!(rig.core.clients().count(), 0);
}
