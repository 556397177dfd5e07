//! Messages that arrive while a REGISTER or an acknowledgement is awaited follow afterwards, in order.

use crate::common::sn::{connect, puback, pubcomp, pubrec, regack, subscribe};
use crate::common::{Rig, port};
use sn_codec::Qos;
use sn_types::PeerAddr;

const NODE: PeerAddr = port(1);

fn subscribed(qos: Qos) -> Rig {
    let mut rig = Rig::new();
    rig.send(NODE, connect("node"));
    rig.send(NODE, subscribe(qos, 1, "#"));
    rig.heard(NODE);
    rig
}

#[test]
fn qos_0_messages_wait_for_regack() {
    let mut rig = subscribed(Qos::Zero);
    for payload in ["1", "2", "3"] {
        rig.publish(0, "a", payload);
    }
    assert_eq!(rig.heard(NODE), ["REGISTER id=1 mid=1 'a'"]);
    let all = ["PUBLISH q0 id=1 '1'", "PUBLISH q0 id=1 '2'", "PUBLISH q0 id=1 '3'"];
    assert_eq!(rig.ask(NODE, regack(1, 1)), all);
}

#[test]
fn order_is_kept_over_topics_and_qualities() {
    let mut rig = subscribed(Qos::Two);
    rig.publish(1, "a", "1");
    rig.publish(0, "b", "2");
    rig.publish(2, "a", "3");
    rig.publish(0, "a", "4");
    assert_eq!(rig.heard(NODE), ["REGISTER id=1 mid=1 'a'"]);
    assert_eq!(rig.ask(NODE, regack(1, 1)), ["PUBLISH q1 id=1 mid=2 '1'"]);
    assert_eq!(rig.ask(NODE, puback(1, 2)), ["REGISTER id=2 mid=3 'b'"]);
    assert_eq!(rig.ask(NODE, regack(2, 3)), ["PUBLISH q0 id=2 '2'", "PUBLISH q2 id=1 mid=4 '3'"]);
    assert_eq!(rig.ask(NODE, pubrec(4)), ["PUBREL mid=4"]);
    assert_eq!(rig.ask(NODE, pubcomp(4)), ["PUBLISH q0 id=1 '4'"]);
}

#[test]
fn one_exchange_at_a_time_is_open() {
    let mut rig = subscribed(Qos::One);
    for payload in ["1", "2", "3"] {
        rig.publish(1, "a", payload);
    }
    rig.send(NODE, regack(1, 1));
    assert_eq!(rig.heard(NODE), ["REGISTER id=1 mid=1 'a'", "PUBLISH q1 id=1 mid=2 '1'"]);
    assert_eq!(rig.ask(NODE, puback(1, 2)), ["PUBLISH q1 id=1 mid=3 '2'"]);
    assert_eq!(rig.ask(NODE, puback(1, 3)), ["PUBLISH q1 id=1 mid=4 '3'"]);
    assert_eq!(rig.ask(NODE, puback(1, 4)), [""; 0]);
}
