//! Sizes that the wire format sets, in octets unless said otherwise.

/// The longest message: the long Length form counts to here (1.2 §5.2.1).
pub const MAX_MESSAGE_LEN: usize = 65_535;

/// The longest message with a one-octet Length.
pub const MAX_SHORT_LEN: usize = 255;

/// Length and MsgType, Length being one octet.
pub const SHORT_HEADER_LEN: usize = 2;

/// Length and MsgType, Length being three octets.
pub const LONG_HEADER_LEN: usize = 4;

/// The longest wireless node id: FRWDENCAP's Length is one octet and counts itself, MsgType and Ctrl too (1.2 §5.5).
pub const MAX_NODE_ID_LEN: usize = 252;

/// FRWDENCAP's largest broadcast radius, in hops.
pub const MAX_FORWARD_RADIUS: u8 = 3;
