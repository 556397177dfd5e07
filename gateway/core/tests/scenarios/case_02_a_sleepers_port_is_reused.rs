//! Another client connects from the port of one that sleeps: a NAT gave it away. It gets nothing that is not its own,
//! and the sleeper gets its messages where it turns up again.

use crate::common::sn::{PINGREQ, connect, pingreq, puback, register, resume, sleep, subscribe};
use crate::common::{Rig, port};
use gateway_core::{ClientState, ConnId};
use sn_codec::Qos;
use sn_types::PeerAddr;

const SHARED: PeerAddr = port(1);
const ELSEWHERE: PeerAddr = port(2);

/// `a` sleeps, a message waits for it, and `b` uses its port.
fn reused() -> Rig {
    let mut rig = Rig::new();
    rig.send(SHARED, resume("a"));
    rig.send(SHARED, subscribe(Qos::One, 1, "for/a"));
    rig.send(SHARED, sleep(600));
    rig.publish(1, "for/a", "secret");
    rig.heard(SHARED);
    assert_eq!(rig.ask(SHARED, connect("b")), ["CONNACK 00"]);
    rig
}

#[test]
fn the_newcomer_gets_nothing_of_the_sleepers() {
    let mut rig = reused();
    rig.publish(1, "for/a", "more");
    assert_eq!(rig.ask(SHARED, PINGREQ), ["PINGRESP"]);
    assert_eq!(rig.state("a"), ClientState::Asleep);
    assert_eq!(rig.waiting("a"), 2);
}

#[test]
fn the_newcomer_cannot_wake_the_sleeper_by_its_name() {
    let mut rig = reused();
    assert_eq!(rig.ask(SHARED, pingreq("a")), ["DISCONNECT"]);
    assert_eq!(rig.waiting("a"), 1);
}

#[test]
fn the_sleeper_connects_elsewhere_and_gets_its_messages() {
    let mut rig = reused();
    assert_eq!(rig.ask(ELSEWHERE, pingreq("a")), ["DISCONNECT"]);
    let told = rig.ask(ELSEWHERE, resume("a"));
    assert_eq!(told, ["CONNACK 00", "REGISTER id=1 mid=1 'for/a'"]);
    assert_eq!(rig.ask(ELSEWHERE, crate::common::sn::regack(1, 1)), ["PUBLISH q1 id=1 mid=2 'secret'"]);
    assert_eq!(rig.ask(ELSEWHERE, puback(1, 2)), [""; 0]);
    assert_eq!(rig.ask(SHARED, register(1, "t")), ["REGACK id=1 mid=1 00"], "and the newcomer goes on");
}

#[test]
fn a_sleeper_without_an_address_is_still_supervised() {
    let mut rig = reused();
    rig.events();
    rig.wait_s(600);
    assert_eq!(rig.events(), ["b lost: KeepAlive"]);
    rig.wait_s(60);
    assert_eq!(rig.events(), ["a lost: Sleep"]);
    assert_eq!(rig.waiting("a"), 1, "its session is kept");
}

#[test]
fn a_take_over_of_the_sleeper_is_not_told_to_the_newcomer() {
    let mut rig = reused();
    rig.mqtt_connect(ConnId(2), "a");
    assert_eq!(rig.heard(SHARED), [""; 0]);
    assert_eq!(rig.ask(SHARED, PINGREQ), ["PINGRESP"]);
}
