//! What is counted.

use crate::Reason;

/// What a hub has done since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Frames that the radio heard, whatever became of them.
    pub frames_heard: u64,
    /// Datagrams that came whole.
    pub datagrams_heard: u64,
    /// Data requests of nodes.
    pub polls: u64,
    /// Frames that were sent, and acknowledged where they ask for it.
    pub frames_sent: u64,
    /// Datagrams all of whose frames were sent.
    pub datagrams_sent: u64,
    /// Datagrams given up because a frame was not acknowledged.
    pub no_ack: u64,
    /// Datagrams given up because the channel was never free, or the radio failed.
    pub channel_access: u64,
    /// Datagrams whose node did not poll in time, or for which no frame counter came.
    pub expired: u64,
    /// Datagrams not sent because too many waited.
    pub full: u64,
    /// Datagrams not sent because they were too long.
    pub too_long: u64,
    /// Datagrams not sent because their node's key was taken away.
    pub unsealed: u64,
    /// Questions for a parent that were not answered: too many answers were not acknowledged, and all had just been told; or
    /// too many waited.
    pub unanswered: u64,
    /// Datagrams whose other fragments did not come in time.
    pub incomplete: u64,
    rejected: [u64; Reason::ALL.len()],
}

impl Stats {
    /// Frames that were heard and not taken for this reason.
    #[must_use]
    pub fn rejected(&self, reason: Reason) -> u64 {
        self.rejected.get(reason as usize).copied().unwrap_or_default()
    }

    pub(super) fn reject(&mut self, reason: Reason) {
        if let Some(count) = self.rejected.get_mut(reason as usize) {
            *count += 1;
        }
    }
}
