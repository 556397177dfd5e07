//! Listening in on the channel.

use super::plan::Station;
use sn_types::Instant;

/// A frame that has been on the air.
#[derive(Clone, Copy, Debug)]
pub struct OnAir<'a> {
    /// When it began.
    pub at: Instant,
    /// How long it took.
    pub airtime_us: u64,
    /// On which channel.
    pub channel: u8,
    /// Who sent it.
    pub from: Station,
    /// From frame control to check sequence.
    pub psdu: &'a [u8],
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a frame: how many of those for whom it was had which luck. A frame to one has one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Received it.
    pub received: u32,
    /// Lost it because others were on the air.
    pub collided: u32,
    /// Lost it on the link.
    pub lost: u32,
    /// Were off or sending.
    pub deaf: u32,
}

/// Is told of every frame.
pub type Tap = Box<dyn FnMut(&OnAir<'_>)>;
