//! Forwarder encapsulation (1.2 §5.5): a message with the id of the wireless node it came from or goes to.

use crate::frame::peek_msg_type;
use crate::layout::Layout;
use crate::limits::{MAX_FORWARD_RADIUS, MAX_NODE_ID_LEN};
use crate::reader::Reader;
use crate::{DecodeError, EncodeError, MsgType};

/// The radius bits of the Ctrl octet; the others are reserved, ignored, and sent as 0.
const CTRL_RADIUS: u8 = 0x03;

/// Forwarder encapsulation (1.2 §5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrwdEncap<'a> {
    /// Broadcast radius in hops, 0-3; only from gateway to forwarder. Larger ones are sent as 3.
    pub radius: u8,
    /// The wireless node's id, opaque, 0-252 octets.
    pub node_id: &'a [u8],
    /// The encapsulated message, not yet decoded; decoding refuses another encapsulation inside.
    pub inner: &'a [u8],
}

impl<'a> FrwdEncap<'a> {
    /// `inner` is what follows the octets that Length counts.
    pub(crate) fn parse(mut body: Reader<'a>, inner: &'a [u8]) -> Result<Self, DecodeError> {
        let radius = body.u8()? & CTRL_RADIUS;
        if is_encapsulation(inner) {
            return Err(DecodeError::NestedEncapsulation);
        }
        Ok(Self { radius, node_id: body.data(), inner })
    }

    pub(crate) fn layout(self) -> Result<Layout<'a>, EncodeError> {
        if self.node_id.len() > MAX_NODE_ID_LEN {
            return Err(EncodeError::NodeIdTooLong);
        }
        if self.inner.is_empty() {
            return Err(EncodeError::NoInnerMessage);
        }
        if is_encapsulation(self.inner) {
            return Err(EncodeError::NestedEncapsulation);
        }
        let ctrl = self.radius.min(MAX_FORWARD_RADIUS);
        Ok(Layout::EMPTY.u8(ctrl).data(self.node_id).inner(self.inner))
    }
}

fn is_encapsulation(message: &[u8]) -> bool {
    peek_msg_type(message) == Some(MsgType::FrwdEncap.into())
}
