//! What a run amounted to.

/// Messages counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Published.
    pub offered: usize,
    /// Published at QoS 1 and 2, and acknowledged to their publishers.
    pub confirmed: usize,
    /// Deliveries at QoS 1 and 2 that subscribers had a right to.
    pub owed: usize,
    /// Deliveries, repeated ones included.
    pub delivered: usize,
    /// Deliveries beyond the first that the rules allow: at QoS 1, and to clients that have lost their memory.
    pub repeated: usize,
    /// Deliveries of retained messages to new subscribers.
    pub retained: usize,
}
