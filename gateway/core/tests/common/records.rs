//! What a store does with a commit.

use gateway_core::Record;
use std::collections::BTreeMap;

/// Puts records into a store that needs no time.
pub(crate) fn write(store: &mut BTreeMap<Vec<u8>, Vec<u8>>, records: Vec<Record>) {
    for Record { key, value } in records {
        match value {
            Some(value) => drop(store.insert(key, value)),
            None => drop(store.remove(&key)),
        }
    }
}
