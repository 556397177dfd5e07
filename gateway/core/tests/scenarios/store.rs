//! Whether all these dialogues happen with or without a store: what has to be kept is written where there is one.

use crate::common::sn::resume;
use crate::common::{Rig, has_store, port};

#[test]
fn a_session_is_written_if_there_is_a_store() {
    let mut rig = Rig::new();
    let before = rig.commits;
    assert_eq!(rig.ask(port(1), resume("node")), ["CONNACK 00"]);
    assert_eq!(rig.commits > before, has_store());
}
