//! A connected client's PINGREQ comes from another port: nobody's deliveries move, neither the client's own nor those
//! of the client at that port.

use crate::common::sn::{PINGREQ, connect, pingreq, subscribe};
use crate::common::{Rig, port};
use gateway_core::Via;
use sn_codec::Qos;
use sn_types::PeerAddr;

const A: PeerAddr = port(1);
const B: PeerAddr = port(2);
const NOBODY: PeerAddr = port(3);

fn two_clients() -> Rig {
    let mut rig = Rig::new();
    for (at, id) in [(A, "a"), (B, "b")] {
        rig.send(at, connect(id));
        rig.send(at, subscribe(Qos::Zero, 1, id));
        rig.heard(at);
    }
    rig
}

fn each_gets_its_own(rig: &mut Rig) {
    rig.publish(0, "a", "for a");
    rig.publish(0, "b", "for b");
    assert_eq!(rig.heard(A), ["PUBLISH q0 id=1 'for a'"]);
    assert_eq!(rig.heard(B), ["PUBLISH q0 id=1 'for b'"]);
    assert_eq!(rig.heard(NOBODY), [""; 0]);
}

#[test]
fn with_its_client_id_from_an_unused_port() {
    let mut rig = two_clients();
    assert_eq!(rig.ask(NOBODY, pingreq("a")), ["DISCONNECT"]);
    each_gets_its_own(&mut rig);
}

#[test]
fn with_its_client_id_from_another_clients_port() {
    let mut rig = two_clients();
    assert_eq!(rig.ask(B, pingreq("a")), ["DISCONNECT"]);
    assert_eq!(rig.client("a").unwrap().via, Some(Via::Sn(A)));
    each_gets_its_own(&mut rig);
}

#[test]
fn without_a_client_id() {
    let mut rig = two_clients();
    assert_eq!(rig.ask(NOBODY, PINGREQ), ["DISCONNECT"]);
    each_gets_its_own(&mut rig);
}

#[test]
fn with_its_client_id_from_its_own_port() {
    let mut rig = two_clients();
    assert_eq!(rig.ask(A, pingreq("a")), ["PINGRESP"]);
    each_gets_its_own(&mut rig);
}
