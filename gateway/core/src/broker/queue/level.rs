//! The messages of one priority, some by themselves and some packed.

use super::{Glance, Queued};
use crate::broker::parcel::Parcel;
use crate::short;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::slice;

/// What takes a place in a queue: a message, or several.
#[derive(Debug)]
enum Entry {
    One(Queued),
    Packed(Parcel),
}

// Very many wait.
const _: () = assert!(size_of::<Entry>() == 32);

impl Entry {
    /// The place of the last message in it.
    fn last_place(&self) -> u64 {
        match self {
            Self::One(queued) => queued.place,
            Self::Packed(parcel) => parcel.last_place(),
        }
    }

    /// The messages behind a place, in order.
    fn after(&self, place: u64) -> impl Iterator<Item = Cow<'_, Queued>> {
        let (one, packed) = match self {
            Self::One(queued) => (Some(queued).filter(|queued| queued.place > place), None),
            Self::Packed(parcel) => (None, Some(parcel.after(place))),
        };
        one.map(Cow::Borrowed).into_iter().chain(packed.into_iter().flatten().map(Cow::Owned))
    }

    fn glances(&self) -> impl Iterator<Item = Glance<'_>> {
        let (one, packed) = match self {
            Self::One(queued) => (Some(Glance::from(queued)), None),
            Self::Packed(parcel) => (None, Some(parcel.glances())),
        };
        one.into_iter().chain(packed.into_iter().flatten())
    }
}

/// One priority's messages, in the order of their places.
#[derive(Debug)]
pub(super) struct Level {
    pub(super) priority: u8,
    entries: VecDeque<Entry>,
}

/// A level that has drained below so many messages gives back the room for the rest.
const FEW: usize = 4;

impl Level {
    pub(super) const fn new(priority: u8) -> Self {
        Self { priority, entries: VecDeque::new() }
    }

    pub(super) fn push(&mut self, queued: Queued) {
        self.push_entry(Entry::One(queued));
    }

    /// Appends a message, packed if it is one for that.
    pub(super) fn push_packed(&mut self, queued: Queued) {
        if !Parcel::takes(&queued) {
            return self.push(queued);
        }
        self.push_all_packed(slice::from_ref(&queued));
    }

    /// Appends messages, all of them such as can be packed.
    fn push_all_packed(&mut self, mut queued: &[Queued]) {
        while let Some(first) = queued.first() {
            let mut taken = match self.entries.back_mut() {
                Some(Entry::Packed(parcel)) => parcel.push_all(queued),
                Some(Entry::One(_)) | None => 0,
            };
            if taken == 0 {
                self.push_entry(Entry::Packed(Parcel::with(first)));
                taken = 1;
            }
            queued = &queued[taken..];
        }
    }

    /// Very many queues are very short.
    fn push_entry(&mut self, entry: Entry) {
        let len = self.entries.len();
        if len == self.entries.capacity() {
            self.entries.reserve_exact(short::more(len));
        }
        self.entries.push_back(entry);
    }

    /// Packs what was pushed last.
    pub(super) fn pack(&mut self) {
        let is_loose = |entry: &&Entry| matches!(entry, Entry::One(queued) if Parcel::takes(queued));
        let loose = self.entries.iter().rev().take_while(is_loose).count();
        let packed: Vec<_> = self.entries.drain(self.entries.len() - loose..).filter_map(one).collect();
        self.push_all_packed(&packed);
        if loose > 0 && self.entries.len() < FEW {
            self.entries.shrink_to_fit();
        }
    }

    /// The message that comes next, not packed any more.
    pub(super) fn front(&mut self) -> Option<&Queued> {
        if let Some(Entry::Packed(parcel)) = self.entries.front() {
            let messages: Vec<_> = parcel.messages().collect();
            self.entries.pop_front();
            self.entries.reserve_exact(messages.len());
            messages.into_iter().rev().for_each(|queued| self.entries.push_front(Entry::One(queued)));
        }
        match self.entries.front()? {
            Entry::One(queued) => Some(queued),
            Entry::Packed(_) => None,
        }
    }

    pub(super) fn pop_front(&mut self) -> Option<Queued> {
        self.front()?;
        let queued = one(self.entries.pop_front()?);
        if self.entries.len() < FEW && self.entries.capacity() > 16 * FEW {
            self.entries.shrink_to(FEW);
        }
        queued
    }

    pub(super) fn glances(&self) -> impl Iterator<Item = Glance<'_>> {
        self.entries.iter().flat_map(Entry::glances)
    }

    /// The messages behind a place, in order.
    pub(super) fn after(&self, place: u64) -> impl Iterator<Item = Cow<'_, Queued>> {
        let known = self.entries.partition_point(|entry| entry.last_place() <= place);
        self.entries.iter().skip(known).flat_map(move |entry| entry.after(place))
    }

    pub(super) fn last_place(&self) -> Option<u64> {
        self.entries.back().map(Entry::last_place)
    }

    /// The message at a place.
    pub(super) fn at(&self, place: u64) -> Option<Glance<'_>> {
        self.entries.get(self.entry_of(place))?.glances().find(|glance| glance.place == place)
    }

    /// Which entry has the message at a place, if there is one. Places only grow.
    fn entry_of(&self, place: u64) -> usize {
        self.entries.partition_point(|entry| entry.last_place() < place)
    }

    /// Takes the message at a place.
    pub(super) fn take(&mut self, place: u64) -> Option<Queued> {
        let at = self.entry_of(place);
        let parcel = match self.entries.get_mut(at)? {
            Entry::One(queued) if queued.place == place => return one(self.entries.remove(at)?),
            Entry::One(_) => return None,
            Entry::Packed(parcel) => parcel,
        };
        let taken = parcel.extract(|glance| glance.place == place).pop();
        if parcel.is_empty() {
            self.entries.remove(at);
        } else {
            [at + 1, at].into_iter().for_each(|at| self.join(at));
        }
        taken
    }

    /// Puts what is in a parcel into the one before it, if that leaves room: what is taken out here and there leaves many
    /// small ones behind.
    fn join(&mut self, at: usize) {
        let Some(before) = at.checked_sub(1) else { return };
        let (Some(Entry::Packed(left)), Some(Entry::Packed(right))) = (self.entries.get(before), self.entries.get(at))
        else {
            return;
        };
        if left.can_join(right)
            && let Some(Entry::Packed(right)) = self.entries.remove(at)
            && let Some(Entry::Packed(left)) = self.entries.get_mut(before)
        {
            left.join(&right);
        }
    }

    /// Takes all messages for which `goes` holds, in order.
    pub(super) fn extract(&mut self, mut goes: impl FnMut(Glance<'_>) -> bool, taken: &mut Vec<Queued>) {
        if !self.glances().any(&mut goes) {
            return;
        }
        for entry in std::mem::take(&mut self.entries) {
            match entry {
                Entry::One(queued) if goes(Glance::from(&queued)) => taken.push(queued),
                Entry::One(_) => self.push_entry(entry),
                Entry::Packed(mut parcel) => {
                    if parcel.glances().any(&mut goes) {
                        taken.extend(parcel.extract(&mut goes));
                    }
                    if !parcel.is_empty() {
                        self.push_entry(Entry::Packed(parcel));
                        self.join(self.entries.len() - 1);
                    }
                }
            }
        }
    }
}

/// The message of an entry that is one by itself.
fn one(entry: Entry) -> Option<Queued> {
    match entry {
        Entry::One(queued) => Some(queued),
        Entry::Packed(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::queued;
    use super::*;

    #[test]
    fn a_level_has_little_more_room_than_messages() {
        let mut level = Level::new(0);
        let mut room = |messages: u64| {
            (0..messages).for_each(|place| level.push(queued("a", 0, place)));
            level.entries.capacity()
        };
        assert_eq!([room(1), room(9), room(990)], [1, 11, 1_109]);
    }

    #[test]
    fn what_is_taken_out_here_and_there_leaves_few_parcels() {
        let mut level = Level::new(0);
        (0..1_000).for_each(|place| level.push_packed(queued("a", 0, place)));
        assert_eq!(level.entries.len(), 16);
        for place in (0..1_000).filter(|place| place % 10 != 3) {
            assert_eq!(level.take(place), Some(queued("a", 0, place)));
            assert_eq!(level.at(place), None);
            assert_eq!(level.take(place), None);
        }
        let left: Vec<_> = level.after(0).map(|queued| queued.place).collect();
        assert_eq!(left, (0..1_000).filter(|place| place % 10 == 3).collect::<Vec<_>>());
        assert!((2..=6).contains(&level.entries.len()), "{}", level.entries.len());
        assert_eq!(level.at(13).map(|glance| glance.place), Some(13));
    }

    #[test]
    fn a_message_is_taken_from_among_packed_and_unpacked_ones() {
        let mut level = Level::new(0);
        (0..20).for_each(|place| {
            if place % 3 == 0 { level.push(queued("a", 0, place)) } else { level.push_packed(queued("b", 0, place)) }
        });
        for place in [0, 19, 7, 9, 8] {
            assert_eq!(level.take(place).map(|queued| queued.place), Some(place));
        }
        assert!(level.after(0).map(|queued| queued.place).eq((1..19).filter(|place| ![7, 8, 9].contains(place))));
    }
}
