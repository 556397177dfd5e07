//! What goes to the radio, and what comes of it: the same for gateways and nodes.

use crate::Psdu;
use core::fmt;
use sn_types::Eui64;

/// Names a frame that was given to the radio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameId(pub(crate) u64);

/// A frame for the radio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// For `handle_transmitted`.
    pub id: FrameId,
    /// The frame. The radio adds the check sequence, and leaves everything else as it is.
    pub psdu: Psdu,
    /// For whom it is; `None` is everybody, and there is no acknowledgement to wait for.
    pub to: Option<Eui64>,
}

/// A change of the radio's source match table: the nodes whose data requests it acknowledges with "frame pending".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceMatch {
    /// Which node.
    pub node: Eui64,
    /// Something waits for it.
    pub pending: bool,
}

/// A frame was sent, and acknowledged if it asks for that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ack {
    /// The acknowledgement's "frame pending".
    pub frame_pending: bool,
}

/// A frame was not sent, or not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransmitError {
    /// It was sent as often as the radio tries, and never acknowledged.
    NoAck,
    /// The channel was never free, or the radio could not.
    ChannelAccess,
}

/// Why a datagram is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// It is longer than the `mtu` of the configuration, or does not fit the one frame that goes to all.
    TooLong,
    /// As many as allowed wait already, for this node or altogether.
    Full,
    /// Link security is on, and there is no key for the node.
    UnknownNode,
    /// Link security is on, and there is no key that all nodes share: nothing goes to all.
    NoGroupKey,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "longer than what a frame or its fragments carry",
            Self::Full => "too many datagrams wait",
            Self::UnknownNode => "there is no key for the node",
            Self::NoGroupKey => "with link security nothing goes to all nodes",
        })
    }
}

impl core::error::Error for SendError {}
