//! Supervision of active clients (1.2 §6.11, §7.2): 50 % tolerance up to a minute, 10 % above.

use crate::common::sn::{
    PINGREQ, connect, connect_with_will, keep_alive, publish, register, resume, subscribe, will_msg, will_topic,
};
use crate::common::{Rig, port};
use gateway_core::ClientState;
use sn_codec::{Message, Qos};
use sn_types::PeerAddr;

const NODE: PeerAddr = port(1);

#[test]
fn silence_beyond_keep_alive_and_tolerance_publishes_the_will() {
    for (keep_alive_s, lost_after_ms) in [(1, 1_500), (60, 90_000), (61, 67_100), (300, 330_000), (65_535, 72_088_500)]
    {
        let mut rig = Rig::new();
        rig.watch("w");
        rig.send(NODE, keep_alive(connect_with_will("node"), keep_alive_s));
        rig.send(NODE, will_topic("w"));
        rig.send(NODE, will_msg("gone"));
        rig.wait_ms(lost_after_ms - 1);
        assert_eq!(rig.watched(), [""; 0], "{keep_alive_s} s");
        rig.wait_ms(1);
        assert_eq!(rig.watched(), ["q1 w 'gone'"], "{keep_alive_s} s");
        assert_eq!(rig.events().last().map(String::as_str), Some("node lost: KeepAlive"));
    }
}

#[test]
fn any_message_counts_as_a_sign_of_life() {
    let signs =
        [PINGREQ, register(1, "t"), publish(Qos::Zero, 1, 0, "x"), subscribe(Qos::One, 2, "t"), Message::PingResp];
    let mut rig = Rig::new();
    rig.send(NODE, resume("node"));
    for sign in signs {
        rig.wait_ms(89_999);
        rig.send(NODE, sign);
        assert_eq!(rig.state("node"), ClientState::Active, "{sign:?}");
    }
    rig.wait_s(90);
    assert_eq!(rig.state("node"), ClientState::Lost);
}

#[test]
fn keep_alive_0_is_not_supervised() {
    let mut rig = Rig::new();
    rig.send(NODE, keep_alive(connect("node"), 0));
    rig.wait_s(10_000_000);
    assert_eq!(rig.state("node"), ClientState::Active);
}

#[test]
fn a_shorter_keep_alive_counts_from_the_connect_that_brings_it() {
    let mut rig = Rig::new();
    rig.send(NODE, keep_alive(resume("node"), 600));
    rig.send(NODE, keep_alive(resume("node"), 10));
    rig.wait_s(15);
    assert_eq!(rig.state("node"), ClientState::Lost);
}

#[test]
fn a_lost_client_is_told_when_it_speaks_again() {
    let mut rig = Rig::new();
    rig.send(NODE, resume("node"));
    rig.wait_s(90);
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, publish(Qos::One, 1, 1, "x")), ["DISCONNECT"]);
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00"]);
    assert_eq!(rig.events(), ["node connected", "node lost: KeepAlive", "node resumed"]);
}

#[test]
fn a_lost_clean_session_is_gone() {
    let mut rig = Rig::new();
    rig.send(NODE, connect("node"));
    rig.wait_s(90);
    assert_eq!(rig.core.clients().count(), 0);
    assert_eq!(rig.core.poll_timeout(), None, "and leaves no timer behind");
}
