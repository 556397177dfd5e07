//! One packet that is being put together.

use crate::Reason;
use crate::fragment::{MAX_PACKET, UNIT};
use sn_types::Instant;

/// A packet of which fragments have come. `B` is where its octets are: an array on a chip, a vector elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Assembly<B> {
    buffer: B,
    size: u16,
    tag: u16,
    /// Which units are there.
    covered: Units,
    /// Which units begin a fragment: by these a copy of a fragment is told from another that overlaps it.
    starts: Units,
    /// When its first fragment came, whichever that was.
    pub(crate) since: Instant,
}

/// One bit for each unit of 8 octets.
type Units = [u64; (MAX_PACKET + 1) / UNIT / 64];

fn get(units: &Units, unit: usize) -> bool {
    units.get(unit / 64).is_some_and(|word| word >> (unit % 64) & 1 == 1)
}

fn set(units: &mut Units, unit: usize) {
    if let Some(word) = units.get_mut(unit / 64) {
        *word |= 1 << (unit % 64);
    }
}

/// What a fragment did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// Something is still missing.
    Incomplete,
    /// The packet is whole.
    Complete,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Assembly<B> {
    /// Nothing yet of a packet of this size; `None` if the buffer is too short.
    pub(crate) fn new(buffer: B, size: u16, tag: u16, now: Instant) -> Option<Self> {
        let fits = buffer.as_ref().len() >= usize::from(size);
        fits.then_some(Self { buffer, size, tag, covered: Units::default(), starts: Units::default(), since: now })
    }

    /// Whether a fragment with this size and tag is of this packet.
    pub(crate) fn is_of(&self, size: u16, tag: u16) -> bool {
        (self.size, self.tag) == (size, tag)
    }

    /// Puts the octets of a fragment at its place.
    ///
    /// A copy of a fragment that is there changes nothing. One that overlaps in another way throws all others away and
    /// stays alone, as the RFC asks (§5.3), which is reported as [`Reason::Overlap`] by the caller's count.
    ///
    /// # Errors
    /// [`Reason::Fragment`] if it reaches beyond the packet's end, or is not the last and no multiple of 8 octets long;
    /// [`Reason::Overlap`].
    pub(crate) fn add(&mut self, offset: usize, octets: &[u8]) -> Result<Added, Reason> {
        let end = offset + octets.len();
        let size = usize::from(self.size);
        let is_last = end == size;
        if octets.is_empty() || end > size || (!is_last && !octets.len().is_multiple_of(UNIT)) {
            return Err(Reason::Fragment);
        }
        let (first, after) = (offset / UNIT, end.div_ceil(UNIT));
        let is_new = (first..after).all(|unit| !get(&self.covered, unit));
        if !is_new && self.is_copy(first, after) {
            return Ok(Added::Incomplete);
        }
        if !is_new {
            (self.covered, self.starts) = (Units::default(), Units::default());
        }
        self.buffer.as_mut()[offset..end].copy_from_slice(octets);
        set(&mut self.starts, first);
        (first..after).for_each(|unit| set(&mut self.covered, unit));
        if !is_new {
            return Err(Reason::Overlap);
        }
        let is_complete = (0..size.div_ceil(UNIT)).all(|unit| get(&self.covered, unit));
        Ok(if is_complete { Added::Complete } else { Added::Incomplete })
    }

    /// The packet, as far as it is there.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.buffer.as_ref()[..usize::from(self.size)]
    }

    /// Whether a fragment over these units came before.
    fn is_copy(&self, first: usize, after: usize) -> bool {
        let inside = (first..after).all(|unit| get(&self.covered, unit) && (unit == first || !get(&self.starts, unit)));
        let ends_there = !get(&self.covered, after) || get(&self.starts, after);
        get(&self.starts, first) && inside && ends_there
    }
}
