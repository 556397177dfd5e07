//! What a time at a real gateway amounted to.

use serde::Serialize;
use std::fmt;

/// Counts, from the moment at which the nodes have joined; what `--json` writes.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Outcome {
    /// So long they were joined.
    pub(super) seconds: f64,
    pub(super) nodes: usize,
    /// Asleep or awake, at the end.
    pub(super) connected: usize,
    /// At some time.
    pub(super) ever_connected: usize,
    /// Messages of the nodes, at all QoS.
    pub(super) published: usize,
    /// At QoS 1 and 2.
    pub(super) acknowledged: usize,
    /// Messages that came to nodes.
    pub(super) received: u64,
    pub(super) connections_lost: u64,
    pub(super) requests_refused: u64,
    /// How often the gateway has gone, and whether it was there at the end.
    pub(super) gateway_gone: u64,
    pub(super) gateway_is_there: bool,
    /// Datagrams for the gateway that did not get to it.
    pub(super) datagrams_lost: u64,
    /// By how much the simulation was behind real time, at most.
    pub(super) behind_ms: u64,
    /// The scenario has reports that are to be acknowledged.
    #[serde(skip)]
    pub(super) has_promises: bool,
}

impl Outcome {
    /// What a gateway that is there for everybody would not have let happen.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !self.gateway_is_there {
            problems.push("the gateway was gone at the end".to_owned());
        }
        if self.ever_connected < self.nodes {
            let never = self.nodes - self.ever_connected;
            problems.push(format!("{never} of {} nodes have never been connected", self.nodes));
        }
        if self.has_promises && self.acknowledged == 0 {
            problems.push(match self.published {
                0 => "no message was published".to_owned(),
                published => format!("none of {published} messages was acknowledged"),
            });
        }
        problems
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "connections lost: {}; requests refused: {}", self.connections_lost, self.requests_refused)?;
        let (gone, lost) = (self.gateway_gone, self.datagrams_lost);
        writeln!(f, "the gateway went away: {gone} times; datagrams that did not get to it: {lost}")?;
        write!(f, "behind real time: at most {} ms", self.behind_ms)
    }
}
