//! The gateway's side of the radio.

use crate::common::durable::Durable;
use crate::common::sn_gateway;
use std::path::Path;
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
