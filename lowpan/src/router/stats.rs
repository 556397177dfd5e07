//! What is counted.

/// What a router has done since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouterStats {
    /// Frames that were handed on towards the gateway.
    pub up: u64,
    /// Frames that were handed on towards a node.
    pub down: u64,
    /// Frames to all that were passed on.
    pub to_all: u64,
    /// Data requests of nodes.
    pub polls: u64,
    /// How often the parent was lost.
    pub parents_lost: u64,
    /// Frames of the PAN that could not be read.
    pub malformed: u64,
    /// Copies of frames that were passed on already.
    pub copies: u64,
    /// Frames that had no hop left.
    pub no_hops: u64,
    /// Frames whose way leads back to whom they came from.
    pub loops: u64,
    /// Frames for which there was no room.
    pub full: u64,
    /// Questions for a parent that were not answered: too many answers were not acknowledged, and all had just been told.
    pub unanswered: u64,
    /// Frames for which nobody polled, or no parent was found, in time.
    pub expired: u64,
    /// Frames down that nobody acknowledged.
    pub no_ack: u64,
    /// Frames given up because the channel was never free, or the radio failed.
    pub channel_access: u64,
}
