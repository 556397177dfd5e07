//! What goes wrong, and when.

use super::error::ScenarioError;
use super::values::{Percent, Time};
use crate::plan::{Fate, Fault, FaultKind};
use oorandom::Rand64;
use serde::Deserialize;
use sn_types::Instant;
use std::time::Duration;

/// `[[fault]]`: something that goes wrong once or again and again.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultTable {
    /// When for the first time. Default: after `every`.
    #[serde(default)]
    pub at: Option<Time>,
    /// From then on, that often. Default: only once.
    #[serde(default)]
    pub every: Option<Time>,
    /// What.
    pub what: What,
}

/// What can go wrong.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs, reason = "the keys mean the same in each")]
pub enum What {
    /// The gateway's power fails, in the middle of a commit.
    Crash {
        #[serde(default)]
        gateway: usize,
        /// Until it is back.
        down: Time,
    },
    /// The gateway's disk is full.
    DiskFull {
        #[serde(default)]
        gateway: usize,
        lasts: Time,
    },
    /// Nothing gets through to or from some nodes of a group.
    Silence { nodes: String, share_percent: Percent, lasts: Time },
    /// The power of some nodes of a group fails.
    Reboot {
        nodes: String,
        share_percent: Percent,
        /// Until they are back.
        down: Time,
    },
    /// The connection of an MQTT client breaks.
    Cut { client: String },
}

/// Who is where in the plan.
pub(super) struct Names<'a> {
    pub(super) group: &'a dyn Fn(&str) -> Option<std::ops::Range<usize>>,
    pub(super) client: &'a dyn Fn(&str) -> Option<usize>,
}

impl FaultTable {
    /// All that happens before `end`.
    pub(super) fn expand(&self, end: Time, names: &Names<'_>, rng: &mut Rand64) -> Result<Vec<Fault>, ScenarioError> {
        let Some(first) = self.at.or(self.every) else {
            return Err(ScenarioError::whole("a [[fault]] needs `at`, `every` or both"));
        };
        let step = self.every.map_or(u64::MAX, Time::as_micros).max(1_000_000);
        let moments = std::iter::successors(Some(first.as_micros()), |at| at.checked_add(step));
        let mut faults = Vec::new();
        for at in moments.take_while(|at| *at < end.as_micros()) {
            let kinds = self.what.kinds(names, rng)?;
            faults.extend(kinds.into_iter().map(|what| Fault { at: Instant::from_micros(at), what }));
        }
        Ok(faults)
    }
}

impl What {
    fn kinds(&self, names: &Names<'_>, rng: &mut Rand64) -> Result<Vec<FaultKind>, ScenarioError> {
        Ok(match self {
            Self::Crash { gateway, down } => {
                let commit = [Fate::Lost, Fate::Torn(500), Fate::Kept][rng.rand_range(0..3) as usize];
                vec![FaultKind::Crash { gateway: *gateway, armed: true, commit, down: down.0 }]
            }
            Self::DiskFull { gateway, lasts } => vec![FaultKind::DiskFull { gateway: *gateway, lasts: lasts.0 }],
            Self::Silence { nodes, share_percent, lasts } => {
                some(nodes, *share_percent, lasts.0, names, rng, |node, lasts| FaultKind::Silence { node, lasts })?
            }
            Self::Reboot { nodes, share_percent, down } => {
                some(nodes, *share_percent, down.0, names, rng, |node, down| FaultKind::Reboot { node, down })?
            }
            Self::Cut { client } => {
                let mqtt = (names.client)(client).ok_or_else(|| {
                    ScenarioError::whole(format!("a fault cuts the client {client:?}, which there is not"))
                })?;
                vec![FaultKind::Cut { mqtt }]
            }
        })
    }
}

fn some(
    group: &str,
    share: Percent,
    time: Duration,
    names: &Names<'_>,
    rng: &mut Rand64,
    kind: fn(usize, Duration) -> FaultKind,
) -> Result<Vec<FaultKind>, ScenarioError> {
    let nodes = (names.group)(group)
        .ok_or_else(|| ScenarioError::whole(format!("a fault is for the group {group:?}, which there is not")))?;
    let hit = nodes.filter(|_| rng.rand_range(0..1_000_000) < u64::from(share.ppm()));
    Ok(hit.map(|node| kind(node, time)).collect())
}
