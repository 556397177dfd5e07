//! What a published message carries, and the account of what came back.

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;

/// Octets of payload in a published message, unless a scenario is about longer ones.
pub(crate) const PAYLOAD_LEN: usize = 32;
/// Octets of payload at most.
pub(crate) const PAYLOAD_MAX: usize = 100;

/// Octets of a stamp, with which every payload begins.
const STAMP_LEN: usize = 24;

const MAGIC: [u8; 8] = *b"sn-bench";

/// A payload's content: which message it is and when it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Counts the messages of a scenario from 0.
    pub(crate) seq: u64,
    /// When it was sent first, in [`crate::clock::now_ns`] time; retransmissions keep it.
    pub(crate) sent_ns: u64,
}

impl Stamp {
    /// The payload of `LEN` octets with this stamp.
    pub(crate) fn to_payload<const LEN: usize>(self) -> [u8; LEN] {
        const { assert!(LEN >= STAMP_LEN) };
        let mut payload = [b'.'; LEN];
        payload[..8].copy_from_slice(&MAGIC);
        payload[8..16].copy_from_slice(&self.seq.to_be_bytes());
        payload[16..24].copy_from_slice(&self.sent_ns.to_be_bytes());
        payload
    }

    /// The stamp of a payload; `None` if it is not one of ours.
    pub(crate) fn of(payload: &[u8]) -> Option<Self> {
        let (magic, rest) = payload.split_first_chunk::<8>()?;
        let (seq, rest) = rest.split_first_chunk::<8>()?;
        let (sent_ns, _) = rest.split_first_chunk::<8>()?;
        (*magic == MAGIC).then(|| Self { seq: u64::from_be_bytes(*seq), sent_ns: u64::from_be_bytes(*sent_ns) })
    }
}

/// A histogram of nanoseconds up to 100 s, three digits; longer times count as 100 s.
pub(crate) fn latencies() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(100, 100_000_000_000, 3)?)
}

/// Which messages arrived, how often, how late.
pub(crate) struct Tally {
    seen: Vec<u64>,
    capacity: u64,
    /// Different messages that arrived.
    pub(crate) delivered: u64,
    /// Arrivals beyond the first of the same message.
    pub(crate) duplicates: u64,
    /// Nanoseconds from the stamp to the first arrival.
    pub(crate) latency: Histogram<u64>,
    /// When the last message arrived that had not arrived before.
    pub(crate) last_ns: u64,
}

impl Tally {
    /// An account of messages numbered below `capacity`.
    pub(crate) fn new(capacity: u64) -> Result<Self> {
        let words = usize::try_from(capacity.div_ceil(64))?;
        Ok(Self { seen: vec![0; words], capacity, delivered: 0, duplicates: 0, latency: latencies()?, last_ns: 0 })
    }

    /// Whether `slot` has arrived.
    pub(crate) fn has(&self, slot: u64) -> bool {
        self.seen.get((slot / 64) as usize).is_some_and(|word| word & (1 << (slot % 64)) != 0)
    }

    /// Counts the arrival of `slot` (a message, or a message at one of its subscribers), stamped `sent_ns`.
    ///
    /// # Errors
    /// When nothing of that number was ever sent.
    pub(crate) fn arrived(&mut self, slot: u64, sent_ns: u64, now_ns: u64) -> Result<()> {
        ensure!(slot < self.capacity, "message {slot} arrived, which was never sent");
        let (word, bit) = ((slot / 64) as usize, 1 << (slot % 64));
        if self.seen[word] & bit != 0 {
            self.duplicates += 1;
            return Ok(());
        }
        self.seen[word] |= bit;
        self.delivered += 1;
        self.last_ns = now_ns;
        self.latency.saturating_record(now_ns.saturating_sub(sent_ns));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_survives_its_payload() {
        let stamp = Stamp { seq: 7, sent_ns: 123_456_789_012 };
        assert_eq!(Stamp::of(&stamp.to_payload::<PAYLOAD_LEN>()), Some(stamp));
        assert_eq!(Stamp::of(&stamp.to_payload::<PAYLOAD_MAX>()), Some(stamp));
        assert_eq!(Stamp::of(&stamp.to_payload::<PAYLOAD_LEN>()[..STAMP_LEN - 1]), None);
        assert_eq!(Stamp::of(b"not ours"), None);
        assert_eq!(Stamp::of(&[b'x'; PAYLOAD_LEN]), None);
    }

    #[test]
    fn a_tally_tells_first_arrivals_from_duplicates() {
        let mut tally = Tally::new(130).unwrap();
        for slot in [0, 129, 64, 129] {
            tally.arrived(slot, 1_000, 3_000).unwrap();
        }
        assert_eq!((tally.delivered, tally.duplicates), (3, 1));
        assert!(tally.has(129) && !tally.has(1) && !tally.has(500));
        assert!(tally.arrived(130, 0, 0).is_err());
    }
}
