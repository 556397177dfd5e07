//! `[store]`: where what must survive the process is kept.

use super::number::within;
use crate::store::default_data_dir;
use anyhow::Context;
use serde::Deserialize;
use std::path::PathBuf;

/// The table.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "StoreKeys")]
pub struct StoreTable {
    /// The directory of sessions and messages; see [`default_data_dir`].
    pub data: Option<PathBuf>,
    /// Nothing survives the process.
    pub in_memory: bool,
    /// Octets of the log before the tables; see [`crate::store::LoggedStore`].
    pub log_bytes: u64,
}

/// The keys, as they are in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [store]")]
struct StoreKeys {
    data: Option<PathBuf>,
    in_memory: bool,
    #[serde(deserialize_with = "within::<65_536, 1_073_741_824, _, _>")]
    log_bytes: u64,
}

impl Default for StoreKeys {
    fn default() -> Self {
        Self { data: None, in_memory: false, log_bytes: 8 << 20 }
    }
}

impl Default for StoreTable {
    fn default() -> Self {
        let StoreKeys { data, in_memory, log_bytes } = StoreKeys::default();
        Self { data, in_memory, log_bytes }
    }
}

impl TryFrom<StoreKeys> for StoreTable {
    type Error = &'static str;

    fn try_from(keys: StoreKeys) -> Result<Self, &'static str> {
        match keys {
            StoreKeys { data: Some(_), in_memory: true, .. } => {
                Err("with `in_memory = true` nothing is kept in `data`; leave one of them out")
            }
            StoreKeys { data: Some(data), .. } if data.as_os_str().is_empty() => {
                Err("`data` is empty; write a directory, or leave it out")
            }
            StoreKeys { data: Some(data), .. } if data.starts_with("~") => {
                Err("`~` in `data` is for shells; write the whole path")
            }
            StoreKeys { data, in_memory, log_bytes } => Ok(Self { data, in_memory, log_bytes }),
        }
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
