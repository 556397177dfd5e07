//! A commit's records as octets, and what a run of commits comes to.
//!
//! The number of records (u32), then for each the length of its key (u32), that of its value (u32, [`NONE`] for a
//! deletion), key and value. Big-endian.

use gateway_core::Record;

/// The length of no value: the key is deleted.
const NONE: u32 = u32::MAX;

/// A key, and its value unless it was deleted.
pub(in crate::store) type Change<'a> = (&'a [u8], Option<&'a [u8]>);

/// Appends records to `out`.
pub(super) fn write(records: &[Record], out: &mut Vec<u8>) {
    out.extend((records.len() as u32).to_be_bytes());
    for Record { key, value } in records {
        out.extend((key.len() as u32).to_be_bytes());
        out.extend(value.as_ref().map_or(NONE, |value| value.len() as u32).to_be_bytes());
        out.extend_from_slice(key);
        out.extend_from_slice(value.as_deref().unwrap_or_default());
    }
}

/// Appends the changes of a commit to `changes`. `None` if the octets are none.
pub(super) fn read<'a>(octets: &'a [u8], changes: &mut Vec<Change<'a>>) -> Option<()> {
    let (count, mut rest) = octets.split_first_chunk()?;
    for _ in 0..u32::from_be_bytes(*count) {
        let (key_len, after) = rest.split_first_chunk()?;
        let (value_len, after) = after.split_first_chunk()?;
        let (key, after) = after.split_at_checked(u32::from_be_bytes(*key_len) as usize)?;
        let (value, after) = match u32::from_be_bytes(*value_len) {
            NONE => (None, after),
            len => after.split_at_checked(len as usize).map(|(value, after)| (Some(value), after))?,
        };
        changes.push((key, value));
        rest = after;
    }
    Some(())
}

/// The last change of each key, in the order of the keys.
pub(super) fn newest(mut changes: Vec<Change<'_>>) -> Vec<Change<'_>> {
    // Stable: changes of one key stay in their order, and the one that `dedup_by` keeps is the first.
    changes.reverse();
    changes.sort_by_key(|(key, _)| *key);
    changes.dedup_by_key(|(key, _)| *key);
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_change_of_each_key_counts() {
        let change = |key: &str, value: Option<&str>| Record { key: key.into(), value: value.map(Into::into) };
        let mut octets = Vec::new();
        let records = [change("b", Some("1")), change("a", Some("")), change("b", None), change("a", Some("2"))];
        write(&records, &mut octets);
        octets.extend([0; 9]);
        let mut changes = Vec::new();
        read(&octets, &mut changes).expect("a commit");
        assert_eq!(changes.len(), 4);
        assert_eq!(newest(changes), [(&b"a"[..], Some(&b"2"[..])), (b"b", None)]);
        for len in 0..octets.len() - 9 {
            assert!(read(&octets[..len], &mut Vec::new()).is_none(), "{len} octets");
        }
    }
}
