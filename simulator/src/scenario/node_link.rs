//! What a group's nodes and a real gateway send each other by radio.

use super::error::Wrong;
use super::values::Time;
use crate::radio::{LeafCarriage, LeafGroup, LeafLevel, LeafSecurity};
use serde::Deserialize;
use sn_types::{LinkKey, NoLinkKey};
use std::ops::Range;

/// `nodes.link`: what a group's nodes and a real gateway send each other.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeLinkTable {
    /// `"bare"` or `"6lowpan"`.
    pub carriage: LeafCarriage,
    /// As in the gateway's configuration. Default: the link is open.
    #[serde(default)]
    pub security: Option<LeafLevel>,
    /// With security: the key of all nodes of the group, 32 hexadecimal digits. The gateway has to know them with it.
    #[serde(default)]
    pub key: Option<String>,
    /// How often a node that is awake asks for what waits; its receiver is off otherwise. Default: it listens while it is
    /// awake, and does not ask.
    #[serde(default)]
    pub poll_every: Option<Time>,
}

impl NodeLinkTable {
    /// For these nodes of the plan. `path`: that of the table.
    pub(super) fn plan(&self, path: &str, nodes: &Range<usize>) -> Result<LeafGroup, Wrong> {
        let wrong = |key: &str, what: &str| Wrong::at(format!("{path}.{key}"), what);
        let security = match (self.security, &self.key) {
            (None, None) => None,
            (Some(level), Some(key)) => {
                let LinkKey(key) =
                    key.parse().map_err(|NoLinkKey| wrong("key", "the `key` is not 32 hexadecimal digits"))?;
                Some(LeafSecurity { level, key })
            }
            (Some(_), None) => return Err(wrong("security", "there is `security` and no `key`")),
            (None, Some(_)) => return Err(wrong("key", "there is a `key` and no `security`")),
        };
        let polls_every_ms = match self.poll_every.map(|every| u32::try_from(every.0.as_millis())) {
            None => 0,
            Some(Ok(every_ms)) if every_ms > 0 => every_ms,
            Some(Ok(_) | Err(_)) => return Err(wrong("poll_every", "`poll_every` is not from 1 ms to 49 days")),
        };
        Ok(LeafGroup { first: nodes.start, count: nodes.len(), carriage: self.carriage, security, polls_every_ms })
    }
}
