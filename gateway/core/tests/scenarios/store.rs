//! Whether all these dialogues happen with or without a store: what has to be kept is written where there is one.

use crate::common::sn::{resume, subscribe};
use crate::common::{Rig, has_store, port};
use sn_codec::Qos;

#[test]
fn a_session_is_written_if_there_is_a_store() {
    let mut rig = Rig::new();
    let before = rig.commits;
    assert_eq!(rig.ask(port(1), resume("node")), ["CONNACK 00"]);
    assert_eq!(rig.commits > before, has_store());
}

#[test]
fn what_waits_for_an_active_client_goes_on_after_a_restart_without_a_word_from_it() {
    let mut rig = Rig::with(|config| config.durable = true);
    rig.restart(|_| {});
    rig.send(port(1), resume("node"));
    rig.send(port(1), subscribe(Qos::One, 1, "a"));
    rig.publish(1, "a", "x");
    rig.heard(port(1));
    rig.restart(|_| {});
    rig.wait_s(0);
    assert_eq!(rig.heard(port(1)), ["PUBLISH q1 dup id=1 mid=1 'x'"]);
}
