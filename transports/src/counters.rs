//! What a transport counts.

/// Datagrams since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Taken in.
    pub received: u64,
    /// Longer than the link's MTU allows, and therefore not taken in.
    pub oversize: u64,
    /// Frames from the other end that make no sense.
    pub malformed: u64,
    /// Errors of the operating system while receiving.
    pub receive_errors: u64,
    /// Handed to the operating system.
    pub sent: u64,
    /// Dropped because the send buffer was full.
    pub send_full: u64,
    /// Refused by the operating system: no route, too long, an address of another family.
    pub send_refused: u64,
    /// Taken by the radio and given up: nobody has acknowledged it, the channel was never free, or the radio said nothing of it.
    /// Over IEEE 802.15.4 after several rounds.
    pub undelivered: u64,
    /// Dropped because their node, which polls, did not ask for them in time.
    pub expired: u64,
    /// Not taken in because some of their fragments did not come in time.
    pub incomplete: u64,
    /// Refused because their frame counter was used before, see [`crate::nodes`].
    pub replayed: u64,
    /// Refused because their sender is on the list of nodes as one that may not come in any more.
    pub revoked: u64,
    /// Refused on a secured link because the list of nodes has no key for their sender.
    pub unknown_node: u64,
    /// Dropped because nobody was at the other end of the link.
    pub send_unlinked: u64,
    /// Questions of nodes and routers for a parent that got no answer of their own nor one to all, since too many before them
    /// came from who was not there.
    pub unanswered: u64,
}
