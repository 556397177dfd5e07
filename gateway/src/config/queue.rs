//! `[[queue]]`: how messages of some topics are treated while they wait for a client.

use super::file::WhenFullKey;
use super::number::within;
use gateway_core::{Keep, QueueRule, WhenFull, validate_filter};
use serde::{Deserialize, Deserializer, de};
use std::time::Duration;

/// One rule; the first whose filter matches a message's topic counts.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table [[queue]]")]
pub struct QueueTable {
    /// See [`QueueRule::filter`].
    #[serde(deserialize_with = "filter")]
    pub filter: String,
    /// See [`QueueRule::keep`].
    #[serde(default)]
    pub keep: KeepKey,
    /// See [`QueueRule::time_to_live`]; 0 is for ever.
    #[serde(default, deserialize_with = "within::<0, 315_360_000, _, _>")]
    pub time_to_live_s: u64,
    /// See [`QueueRule::when_full`].
    #[serde(default)]
    pub when_full: Option<WhenFullKey>,
    /// See [`QueueRule::priority`].
    #[serde(default, deserialize_with = "within::<0, 255, _, _>")]
    pub priority: u8,
    /// See [`QueueRule::keep_qos0`].
    #[serde(default = "yes")]
    pub keep_qos0: bool,
}

/// The values of `keep`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeepKey {
    /// See [`Keep::All`].
    #[default]
    All,
    /// See [`Keep::Latest`].
    Latest,
}

impl QueueTable {
    pub(super) fn core(&self) -> QueueRule {
        QueueRule {
            filter: self.filter.clone(),
            keep: match self.keep {
                KeepKey::All => Keep::All,
                KeepKey::Latest => Keep::Latest,
            },
            time_to_live: Some(self.time_to_live_s).filter(|s| *s > 0).map(Duration::from_secs),
            when_full: self.when_full.map(WhenFull::from),
            priority: self.priority,
            keep_qos0: self.keep_qos0,
        }
    }
}

fn yes() -> bool {
    true
}

/// Reads a topic filter.
fn filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let filter = String::deserialize(deserializer)?;
    let is_valid = validate_filter(&filter).map_err(|error| format!("`{filter}` is no topic filter: {error}"));
    is_valid.map(|()| filter).map_err(de::Error::custom)
}
