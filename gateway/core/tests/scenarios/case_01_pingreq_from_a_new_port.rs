//! A sleeping client's PINGREQ comes from a port that is not its own: a NAT has forgotten it, or somebody else wants
//! its messages. Only a transport that authenticates its peers, or the configuration, makes the session move.

use crate::common::Rig;
use crate::common::port;
use crate::common::sn::{DISCONNECT, connect, hex, octets, pingreq, puback, publish, register, sleep, subscribe};
use gateway_core::{AddressMoves, ClientState, RejectReason, Via};
use sn_codec::Qos;
use sn_types::{LinkProfile, PeerAddr};

const OLD: PeerAddr = port(1);
const NEW: PeerAddr = port(2);

/// `node` sleeps at the old port, and a message waits for it.
fn asleep(rig: &mut Rig) {
    rig.send(OLD, connect("node"));
    rig.send(OLD, subscribe(Qos::One, 1, "inbox"));
    rig.send(OLD, sleep(600));
    rig.publish(1, "inbox", "x");
    rig.heard(OLD);
    rig.events();
}

#[test]
fn by_default_the_session_stays_and_the_stranger_is_told_to_connect() {
    let mut rig = Rig::new();
    asleep(&mut rig);
    assert_eq!(rig.ask(NEW, pingreq("node")), ["DISCONNECT"]);
    assert_eq!(rig.rejects(RejectReason::UnknownSender), 1);
    assert_eq!(rig.state("node"), ClientState::Asleep);
    assert_eq!(rig.waiting("node"), 1);
    assert_eq!(rig.ask(OLD, pingreq("node")), ["PUBLISH q1 id=1 mid=1 'x'"]);
}

#[test]
fn a_stranger_does_not_keep_the_sleeper_alive() {
    let mut rig = Rig::new();
    asleep(&mut rig);
    rig.wait_s(659);
    rig.send(NEW, pingreq("node"));
    rig.wait_s(1);
    assert_eq!(rig.events(), ["node lost: Sleep"]);
}

#[test]
fn where_peers_are_authenticated_the_queue_goes_to_the_new_port_and_then_pingresp() {
    let mut rig = Rig::new();
    rig.link(LinkProfile { authenticated: true, broadcast: false, ..LinkProfile::UDP });
    asleep(&mut rig);
    assert_eq!(rig.ask(NEW, pingreq("node")), ["PUBLISH q1 id=1 mid=1 'x'"]);
    assert_eq!(rig.ask(NEW, puback(1, 1)), ["PINGRESP"]);
    assert_eq!(rig.events(), ["node awake, 1 waiting", "node drained after 0 ms"]);
    assert_eq!(rig.client("node").unwrap().via, Some(Via::Sn(NEW)));
}

#[test]
fn the_configuration_may_let_sessions_move_everywhere() {
    let mut rig = Rig::with(|config| config.address_moves = AddressMoves::Always);
    asleep(&mut rig);
    assert_eq!(rig.ask(NEW, pingreq("node")), ["PUBLISH q1 id=1 mid=1 'x'"]);
    assert_eq!(rig.ask(NEW, puback(1, 1)), ["PINGRESP"]);
    assert_eq!(rig.ask(OLD, register(1, "t")), ["DISCONNECT"], "nobody is at the old port any more");
}

#[test]
fn whoever_was_active_at_the_new_port_is_gone() {
    let mut rig = Rig::with(|config| config.address_moves = AddressMoves::Always);
    asleep(&mut rig);
    rig.send(NEW, connect("other"));
    rig.events();
    rig.heard(NEW);
    assert_eq!(rig.ask(NEW, pingreq("node")), ["PUBLISH q1 id=1 mid=1 'x'"]);
    assert_eq!(rig.events(), ["other lost: Replaced", "node awake, 1 waiting"]);
}

#[test]
fn a_client_that_is_gone_does_not_come_back_by_pingreq() {
    let mut rig = Rig::with(|config| config.address_moves = AddressMoves::Always);
    rig.send(OLD, crate::common::sn::resume("node"));
    rig.send(OLD, DISCONNECT);
    assert_eq!(rig.ask(NEW, pingreq("node")), ["DISCONNECT"]);
    assert_eq!(rig.state("node"), ClientState::Disconnected);
}

#[test]
fn the_octets_of_a_wake() {
    let mut rig = Rig::new();
    rig.send(OLD, connect("node7"));
    rig.send(OLD, register(1, "a/b"));
    rig.send(OLD, subscribe(Qos::One, 2, "a/b"));
    rig.heard(OLD);
    assert_eq!(rig.ask_octets(OLD, &hex("04 18 02 58")), [hex("02 18")]);
    rig.send(NEW, connect("other"));
    rig.send(NEW, register(1, "a/b"));
    rig.send(NEW, publish(Qos::One, 1, 7, "hi"));
    assert_eq!(rig.ask_octets(OLD, &hex("07 16 6E 6F 64 65 37")), [hex("09 0C 20 00 01 00 01 68 69")]);
    assert_eq!(rig.ask_octets(OLD, &octets(&puback(1, 1))), [hex("02 17")]);
}
