//! What goes wrong, and when.

use super::error::Wrong;
use super::file::File;
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

/// Faults happen at most that often.
const SHORTEST_PERIOD: Duration = Duration::from_secs(1);

impl FaultTable {
    /// Whether it can do something, in the scenario `file`.
    pub(super) fn check(&self, path: &str, file: &File) -> Result<(), Wrong> {
        if self.every.is_some_and(|every| every.0 < SHORTEST_PERIOD) {
            return Err(Wrong::at(format!("{path}.every"), "`every` is at least 1 s"));
        }
        let (key, first) = match (self.at, self.every) {
            (Some(at), _) => ("at", at),
            (None, Some(every)) => ("every", every),
            (None, None) => return Err(Wrong::at(path, "a [[fault]] needs `at`, `every` or both")),
        };
        if first >= file.duration {
            let duration = humantime::format_duration(file.duration.0);
            let message = format!("it would never happen: faults happen within `duration`, which is {duration}");
            return Err(Wrong::at(format!("{path}.{key}"), message));
        }
        self.what.check(&format!("{path}.what"), file)
    }

    /// All that happens before `end`.
    pub(super) fn expand(&self, end: Time, names: &Names<'_>, rng: &mut Rand64) -> Vec<Fault> {
        let Some(first) = self.at.or(self.every) else { return Vec::new() };
        let step = self.every.map_or(u64::MAX, Time::as_micros).max(1_000_000);
        let moments = std::iter::successors(Some(first.as_micros()), |at| at.checked_add(step));
        let mut faults = Vec::new();
        for at in moments.take_while(|at| *at < end.as_micros()) {
            let kinds = self.what.kinds(names, rng);
            faults.extend(kinds.into_iter().map(|what| Fault { at: Instant::from_micros(at), what }));
        }
        faults
    }
}

impl What {
    fn check(&self, path: &str, file: &File) -> Result<(), Wrong> {
        match self {
            Self::Crash { gateway, .. } => check_disk(&format!("{path}.crash"), *gateway, file),
            Self::DiskFull { gateway, lasts } => {
                let path = format!("{path}.disk-full");
                check_disk(&path, *gateway, file)?;
                check_lasts(&path, *lasts)
            }
            Self::Silence { nodes, share_percent, lasts } => {
                let path = format!("{path}.silence");
                check_share(&path, nodes, *share_percent, file)?;
                check_lasts(&path, *lasts)
            }
            Self::Reboot { nodes, share_percent, .. } => {
                check_share(&format!("{path}.reboot"), nodes, *share_percent, file)
            }
            Self::Cut { client } => file.check_client_name(&format!("{path}.cut.client"), client),
        }
    }

    /// What happens at one moment; those whom it names are there.
    fn kinds(&self, names: &Names<'_>, rng: &mut Rand64) -> Vec<FaultKind> {
        match self {
            Self::Crash { gateway, down } => {
                let commit = [Fate::Lost, Fate::Torn(500), Fate::Kept][rng.rand_range(0..3) as usize];
                vec![FaultKind::Crash { gateway: *gateway, armed: true, commit, down: down.0 }]
            }
            Self::DiskFull { gateway, lasts } => vec![FaultKind::DiskFull { gateway: *gateway, lasts: lasts.0 }],
            Self::Silence { nodes, share_percent, lasts } => {
                let hit = some(nodes, *share_percent, names, rng);
                hit.into_iter().map(|node| FaultKind::Silence { node, lasts: lasts.0 }).collect()
            }
            Self::Reboot { nodes, share_percent, down } => {
                let hit = some(nodes, *share_percent, names, rng);
                hit.into_iter().map(|node| FaultKind::Reboot { node, down: down.0 }).collect()
            }
            Self::Cut { client } => (names.client)(client).map(|mqtt| FaultKind::Cut { mqtt }).into_iter().collect(),
        }
    }
}

/// Who is where in the plan.
pub(super) struct Names<'a> {
    pub(super) group: &'a dyn Fn(&str) -> Option<std::ops::Range<usize>>,
    pub(super) client: &'a dyn Fn(&str) -> Option<usize>,
}

/// What befalls a disk befalls only gateways that have one: a crash comes in the middle of a commit.
fn check_disk(path: &str, gateway: usize, file: &File) -> Result<(), Wrong> {
    file.check_gateway(path, gateway)?;
    if file.gateways[gateway].durable {
        return Ok(());
    }
    Err(Wrong::at(path, format!("gateway {gateway} has no disk, so nothing would happen; it needs `durable = true`")))
}

fn check_share(path: &str, group: &str, share: Percent, file: &File) -> Result<(), Wrong> {
    file.group(&format!("{path}.nodes"), group)?;
    if share.is_zero() {
        return Err(Wrong::at(format!("{path}.share_percent"), "it would befall nobody: `share_percent` is above 0"));
    }
    Ok(())
}

fn check_lasts(path: &str, lasts: Time) -> Result<(), Wrong> {
    if lasts.0.is_zero() {
        return Err(Wrong::at(format!("{path}.lasts"), "nothing would happen: `lasts` is above 0"));
    }
    Ok(())
}

/// Some nodes of a group.
fn some(group: &str, share: Percent, names: &Names<'_>, rng: &mut Rand64) -> Vec<usize> {
    let nodes = (names.group)(group).unwrap_or_default();
    nodes.filter(|_| rng.rand_range(0..1_000_000) < u64::from(share.ppm())).collect()
}
