//! One buffer for many received datagrams.

use sn_types::PeerAddr;
use std::ops::Range;

/// Received datagrams: one buffer with a slot for each, and who sent what lies in which. Nothing is allocated per
/// datagram, and pages of the buffer that no datagram has reached yet cost no memory.
#[derive(Debug)]
pub struct RecvBatch {
    buffer: Vec<u8>,
    slot_len: usize,
    datagrams: Vec<(PeerAddr, Range<usize>)>,
}

impl RecvBatch {
    /// An empty batch with `slots` slots of `slot_len` octets.
    #[must_use]
    pub fn new(slots: usize, slot_len: usize) -> Self {
        Self { buffer: vec![0; slots * slot_len], slot_len, datagrams: Vec::with_capacity(slots) }
    }

    /// The datagrams, in the order of their arrival.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (PeerAddr, &[u8])> {
        self.datagrams.iter().map(|(from, span)| (*from, &self.buffer[span.clone()]))
    }

    /// How many datagrams there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.datagrams.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// Forgets the datagrams.
    pub(crate) fn clear(&mut self) {
        self.datagrams.clear();
    }

    /// Forgets the datagrams from `from`.
    pub(crate) fn forget(&mut self, from: PeerAddr) {
        self.datagrams.retain(|(sender, _)| *sender != from);
    }

    /// The slots, to receive into.
    pub(crate) fn slots(&mut self) -> impl Iterator<Item = &mut [u8]> {
        self.buffer.chunks_exact_mut(self.slot_len)
    }

    /// Adds a copy of `datagram`. `false`: it is longer than a slot, and left out. There must be a free slot.
    pub(crate) fn put(&mut self, from: PeerAddr, datagram: &[u8]) -> bool {
        let (slot, len) = (self.datagrams.len(), datagram.len());
        if len > self.slot_len {
            return false;
        }
        let start = slot * self.slot_len;
        self.buffer[start..start + len].copy_from_slice(datagram);
        self.push(from, slot, len);
        true
    }

    /// Says that slot `slot` holds `len` octets from `from`.
    pub(crate) fn push(&mut self, from: PeerAddr, slot: usize, len: usize) {
        let start = slot * self.slot_len;
        self.datagrams.push((from, start..start + len.min(self.slot_len)));
    }
}
