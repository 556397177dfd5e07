//! Which topic ids stand for which names.

use sn_codec::TopicId;

/// Topic ids and names, packed one after the other into `N` octets, oldest first.
///
/// When it is full the oldest entry goes: a message under a forgotten id is answered "invalid topic id", upon which
/// the gateway registers it again, and a forgotten name is registered again before it is published to.
pub(crate) struct Topics<const N: usize> {
    octets: [u8; N],
    used: usize,
}

/// How an id became known. The gateway may use different ids for the two directions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A SUBACK or the gateway's REGISTER: for messages that arrive.
    Gateway = 0,
    /// The client's REGISTER in this connection: for publishing; arriving messages may use it too.
    Registered = 1,
    /// The client's REGISTER in an earlier connection: only for arriving messages, as long as nothing else is known of the id.
    Earlier = 2,
}

impl Origin {
    fn from_octet(octet: u8) -> Self {
        match octet {
            0 => Self::Gateway,
            1 => Self::Registered,
            _ => Self::Earlier,
        }
    }
}

struct Entry<'a> {
    /// Where it begins.
    at: usize,
    id: TopicId,
    origin: Origin,
    name: &'a [u8],
}

impl Entry<'_> {
    /// Id, origin and the name's length.
    const HEADER: usize = 5;

    fn len(&self) -> usize {
        Self::HEADER + self.name.len()
    }
}

impl<const N: usize> Topics<N> {
    pub(crate) const EMPTY: Self = Self { octets: [0; N], used: 0 };

    /// The name of an arriving message's topic.
    pub(crate) fn name_of(&self, id: TopicId) -> Option<&str> {
        let entry = self.entries().filter(|entry| entry.id == id).min_by_key(|entry| entry.origin as u8)?;
        core::str::from_utf8(entry.name).ok()
    }

    /// The id to publish to this name with.
    pub(crate) fn publish_id(&self, name: &str) -> Option<TopicId> {
        let named = |entry: &Entry<'_>| entry.origin == Origin::Registered && entry.name == name.as_bytes();
        self.entries().find(named).map(|entry| entry.id)
    }

    /// Remembers an id from the gateway; false if even an empty table has no room for the name.
    ///
    /// With `is_doubtful` a name that was registered under the same id is registered again before it is published to: the
    /// gateway may have begun its ids anew.
    pub(crate) fn learn_incoming(&mut self, id: TopicId, name: &str, is_doubtful: bool) -> bool {
        let name_octets = name.as_bytes();
        self.remove(|entry| match entry.origin {
            Origin::Gateway => entry.id == id,
            Origin::Registered => is_doubtful && entry.id == id && entry.name != name_octets,
            Origin::Earlier => false,
        });
        self.push(id, Origin::Gateway, name)
    }

    /// Remembers the answer to the client's REGISTER, if there is room.
    pub(crate) fn learn_registered(&mut self, id: TopicId, name: &str) {
        self.remove(|entry| entry.origin != Origin::Gateway && (entry.id == id || entry.name == name.as_bytes()));
        self.push(id, Origin::Registered, name);
    }

    /// The gateway does not know this id any more.
    pub(crate) fn forget_registered(&mut self, id: TopicId) {
        self.remove(|entry| entry.origin == Origin::Registered && entry.id == id);
    }

    /// A new connection that resumes the session: the ids have to be registered again before they are published to.
    pub(crate) fn begin_resumed(&mut self) {
        let mut at = 0;
        while let Some(entry) = self.entry(at) {
            let (next, stale) = (at + entry.len(), entry.origin == Origin::Registered);
            if let Some(origin) = self.octets.get_mut(at + 2).filter(|_| stale) {
                *origin = Origin::Earlier as u8;
            }
            at = next;
        }
    }

    /// A new session: no id is valid.
    pub(crate) fn clear(&mut self) {
        self.used = 0;
    }

    /// As they are after the next CONNECT. A record has them so: registering does not change it, nor does connecting again.
    pub(crate) fn resumed(&self) -> Self {
        let mut resumed = Self { octets: self.octets, used: self.used };
        resumed.begin_resumed();
        resumed
    }

    /// All entries, for a record.
    pub(crate) fn octets(&self) -> &[u8] {
        self.octets.get(..self.used).unwrap_or_default()
    }

    /// What [`Topics::octets`] gave; false if there is no room for it.
    pub(crate) fn restore(&mut self, octets: &[u8]) -> bool {
        let Some(into) = self.octets.get_mut(..octets.len()) else { return false };
        into.copy_from_slice(octets);
        self.used = octets.len();
        true
    }

    fn entry(&self, at: usize) -> Option<Entry<'_>> {
        let (header, rest) = self.octets.get(at..self.used)?.split_first_chunk::<{ Entry::HEADER }>()?;
        let [id_high, id_low, origin, len_high, len_low] = *header;
        let name = rest.get(..usize::from(u16::from_be_bytes([len_high, len_low])))?;
        let id = TopicId(u16::from_be_bytes([id_high, id_low]));
        Some(Entry { at, id, origin: Origin::from_octet(origin), name })
    }

    fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        core::iter::successors(self.entry(0), |entry| self.entry(entry.at + entry.len()))
    }

    fn remove(&mut self, doomed: impl Fn(&Entry<'_>) -> bool) {
        let mut at = 0;
        while let Some(entry) = self.entry(at) {
            let end = at + entry.len();
            if doomed(&entry) {
                self.cut(at, end);
            } else {
                at = end;
            }
        }
    }

    fn cut(&mut self, from: usize, to: usize) {
        // Not `copy_within`: `memmove` would be 1.6 KiB in a node that needs it nowhere else.
        for (at, later) in (from..).zip(to..self.used) {
            self.octets.swap(at, later);
        }
        self.used -= to - from;
    }

    fn push(&mut self, id: TopicId, origin: Origin, name: &str) -> bool {
        let len = Entry::HEADER + name.len();
        let Ok(name_len) = u16::try_from(name.len()) else { return false };
        if len > N {
            return false;
        }
        while self.used + len > N {
            let Some(oldest) = self.entry(0) else { break };
            self.cut(0, oldest.len());
        }
        let ([id_high, id_low], [len_high, len_low]) = (id.0.to_be_bytes(), name_len.to_be_bytes());
        let header = [id_high, id_low, origin as u8, len_high, len_low];
        for (octet, value) in self.octets[self.used..].iter_mut().zip(header.iter().chain(name.as_bytes())) {
            *octet = *value;
        }
        self.used += len;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_directions_may_use_the_same_number_for_two_names() {
        let mut topics = Topics::<64>::EMPTY;
        topics.learn_registered(TopicId(1), "out");
        assert_eq!(topics.name_of(TopicId(1)), Some("out"));
        topics.learn_incoming(TopicId(1), "in", false);
        assert_eq!(topics.name_of(TopicId(1)), Some("in"));
        assert_eq!(topics.publish_id("out"), Some(TopicId(1)));
        assert_eq!(topics.publish_id("in"), None);
    }

    #[test]
    fn a_second_id_for_a_name_leaves_the_first_valid() {
        let mut topics = Topics::<64>::EMPTY;
        topics.learn_incoming(TopicId(1), "a", false);
        topics.learn_incoming(TopicId(2), "a", false);
        assert_eq!((topics.name_of(TopicId(1)), topics.name_of(TopicId(2))), (Some("a"), Some("a")));
    }

    #[test]
    fn resuming_keeps_ids_for_arriving_messages_only() {
        let mut topics = Topics::<64>::EMPTY;
        topics.learn_registered(TopicId(7), "a");
        topics.begin_resumed();
        assert_eq!((topics.publish_id("a"), topics.name_of(TopicId(7))), (None, Some("a")));
        topics.learn_registered(TopicId(9), "a");
        assert_eq!((topics.publish_id("a"), topics.name_of(TopicId(7))), (Some(TopicId(9)), None));
    }

    #[test]
    fn the_oldest_entries_make_room() {
        let mut topics = Topics::<20>::EMPTY;
        for id in 1..=3 {
            assert!(topics.learn_incoming(TopicId(id), "12345", false));
        }
        let known = [1, 2, 3].map(|id| topics.name_of(TopicId(id)).is_some());
        assert_eq!(known, [false, true, true]);
    }

    #[test]
    fn a_name_longer_than_the_table_is_not_learned_and_drives_nobody_out() {
        let mut topics = Topics::<20>::EMPTY;
        assert!(topics.learn_incoming(TopicId(1), "a", false));
        assert!(!topics.learn_incoming(TopicId(2), "0123456789abcdef", false));
        assert_eq!(topics.name_of(TopicId(1)), Some("a"));
    }

    #[test]
    fn forgetting_an_id_leaves_the_others() {
        let mut topics = Topics::<64>::EMPTY;
        topics.learn_registered(TopicId(1), "a");
        topics.learn_registered(TopicId(2), "bb");
        topics.learn_registered(TopicId(3), "ccc");
        topics.forget_registered(TopicId(2));
        let ids = ["a", "bb", "ccc"].map(|name| topics.publish_id(name));
        assert_eq!(ids, [Some(TopicId(1)), None, Some(TopicId(3))]);
    }
}
