//! The gateway's side of the radio.

use crate::common::PATIENCE;
use crate::common::durable::Durable;
use crate::common::sn_gateway;
use crate::node::Node;
use std::path::Path;
use std::time::Instant;
pub(crate) use test_nodes::Radio;
use test_nodes::{ADDRESS, CHANNEL, KEY, PAN};

/// The radio in the gateway's configuration, with the default level of security.
pub(crate) fn transport(device: &Path) -> String {
    format!("[[transport]]\nkind = \"ieee802154\"\nchannel = {CHANNEL}\npan_id = {PAN}\ndevice = {device:?}\n")
}

/// Puts the node onto the gateway's list.
pub(crate) fn add(gateway: &Durable, name: &str) {
    let args = ["nodes", "add", ADDRESS, "--name", name, "--key", KEY, "--data", gateway.dir()];
    let output = sn_gateway().args(args).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Lets the node live until it is so.
#[track_caller]
pub(crate) fn until(node: &mut Node<Radio>, what: &str, mut is_so: impl FnMut(&Node<Radio>) -> bool) {
    let start = Instant::now();
    while !is_so(node) {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        node.step();
    }
}
