//! The daemon stops: whoever listens and has a session that ends with it is told. With a store no session does.

use crate::common::sn::{DISCONNECT, connect, resume, sleep};
use crate::common::{Rig, has_store, port};

#[test]
fn listeners_are_told_sleepers_and_absentees_are_not() {
    let mut rig = Rig::new();
    let (active, asleep, gone) = (port(1), port(2), port(3));
    rig.send(active, connect("active"));
    rig.send(asleep, resume("asleep"));
    rig.send(asleep, sleep(600));
    rig.send(gone, resume("gone"));
    rig.send(gone, DISCONNECT);
    for at in [active, asleep, gone] {
        rig.heard(at);
    }
    rig.shut_down();
    let told: &[&str] = if has_store() { &[] } else { &["DISCONNECT"] };
    assert_eq!(rig.heard(active), told, "a session that is kept goes on after the restart");
    assert_eq!(rig.heard(asleep), [""; 0]);
    assert_eq!(rig.heard(gone), [""; 0]);
}
