//! What a transport counts.

use std::fmt;

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
    /// Refused by the operating system: no route, too long, an address of another family; by a radio: too long, no key for the
    /// node.
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

impl Counters {
    /// All of them, by the names that metrics and logs have.
    #[must_use]
    pub fn named(&self) -> [(&'static str, u64); 15] {
        let Self {
            received,
            oversize,
            malformed,
            receive_errors,
            sent,
            send_full,
            send_refused,
            undelivered,
            expired,
            incomplete,
            replayed,
            revoked,
            unknown_node,
            unanswered,
            send_unlinked,
        } = *self;
        [
            ("received", received),
            ("oversize", oversize),
            ("malformed", malformed),
            ("receive-error", receive_errors),
            ("sent", sent),
            ("send-full", send_full),
            ("send-refused", send_refused),
            ("send-unlinked", send_unlinked),
            ("undelivered", undelivered),
            ("expired", expired),
            ("incomplete", incomplete),
            ("replayed", replayed),
            ("revoked", revoked),
            ("unknown-node", unknown_node),
            ("unanswered", unanswered),
        ]
    }
}

/// Those that are not 0, as `received 12, sent 3`.
impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted: Vec<String> =
            self.named().iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{name} {n}")).collect();
        if counted.is_empty() { f.write_str("nothing") } else { f.write_str(&counted.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told_in_words() {
        assert_eq!(Counters::default().to_string(), "nothing");
        let counters = Counters { received: 12, unknown_node: 3, ..Counters::default() };
        assert_eq!(counters.to_string(), "received 12, unknown-node 3");
    }
}
