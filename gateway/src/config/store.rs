//! `[store]`: where what must survive the process is kept.

use super::number::within;
use crate::store::default_data_dir;
use anyhow::Context;
use serde::{Deserialize, Deserializer, de};
use std::path::PathBuf;

/// The table.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [store]")]
pub struct StoreTable {
    /// The directory of sessions and messages; see [`default_data_dir`].
    pub data: Option<PathBuf>,
    /// Nothing survives the process.
    pub in_memory: bool,
    /// Octets of the log before the tables; see [`crate::store::LoggedStore`].
    #[serde(deserialize_with = "within::<65_536, 1_073_741_824, _, _>")]
    pub log_bytes: u64,
}

impl Default for StoreTable {
    fn default() -> Self {
        Self { data: None, in_memory: false, log_bytes: 8 << 20 }
    }
}

/// Reads the table.
pub(super) fn table<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StoreTable, D::Error> {
    let table = StoreTable::deserialize(deserializer)?;
    match &table.data {
        Some(_) if table.in_memory => {
            Err(de::Error::custom("with `in_memory = true` nothing is kept in `data`; leave one of them out"))
        }
        Some(data) if data.as_os_str().is_empty() => {
            Err(de::Error::custom("`data` is empty; write a directory, or leave it out"))
        }
        Some(data) if data.starts_with("~") => {
            Err(de::Error::custom("`~` in `data` is for shells; write the whole path"))
        }
        Some(_) | None => Ok(table),
    }
}

impl StoreTable {
    /// Where the data are, `None` for in memory.
    ///
    /// # Errors
    /// No directory is given, and there is no home directory for the default.
    pub fn data_dir(&self) -> anyhow::Result<Option<PathBuf>> {
        if self.in_memory {
            return Ok(None);
        }
        let dir = self.data.clone().or_else(default_data_dir);
        let dir = dir.context("there is no home directory to keep data in; give --data DIR, or --in-memory")?;
        Ok(Some(dir))
    }
}
