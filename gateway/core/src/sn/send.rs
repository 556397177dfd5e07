//! From a message to a datagram.

use crate::{Core, Output};
use sn_codec::{FrwdEncap, Message};
use sn_types::PeerAddr;

impl Core {
    /// Sends a message to a peer, through its forwarder if it is behind one.
    pub(super) fn sn_send(&mut self, to: PeerAddr, message: &Message<'_>) {
        if let Some(datagram) = datagram(to, message) {
            self.out.push_back(Output::Send { to, datagram });
        }
    }

    /// Whether a message fits a datagram of the peer's link.
    pub(super) fn sn_fits(&self, to: PeerAddr, message: &Message<'_>) -> bool {
        /// Length, MsgType and Ctrl of the encapsulation.
        const ENCAPSULATION: usize = 3;
        let around = to.node.map_or(0, |node| ENCAPSULATION + node.as_bytes().len());
        message.encoded_len().is_ok_and(|len| len + around <= usize::from(self.sn.profile(to.transport).mtu))
    }
}

/// `None` only for what no datagram can hold: a topic name or payload of 64 KiB, which [`Core::sn_fits`] refuses first.
fn datagram(to: PeerAddr, message: &Message<'_>) -> Option<Vec<u8>> {
    let inner = encode(message)?;
    match to.node {
        None => Some(inner),
        Some(node) => encode(&Message::FrwdEncap(FrwdEncap { radius: 0, node_id: node.as_bytes(), inner: &inner })),
    }
}

/// Encodes a message into a buffer of its own.
pub(super) fn encode(message: &Message<'_>) -> Option<Vec<u8>> {
    let mut datagram = vec![0; message.encoded_len().ok()?];
    message.encode(&mut datagram).ok()?;
    Some(datagram)
}
