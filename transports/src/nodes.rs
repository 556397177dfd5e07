//! The radio nodes that a transport knows: keys, frame counters, how well each is heard.
//!
//! Owns: which nodes may come in on a secured link and with which key; which frame counters were accepted from them and which
//! may still be used to them; what the radio says of each frame. Must not know: how a frame is secured, where anything is
//! kept, what a frame carries.
//!
//! The list is the gateway's: it is filled with [`NodeTable::put`] and [`NodeTable::remove`], before the first poll and
//! whenever it changes. What must become durable goes the other way: [`NodeTable::poll_report`] is asked after each
//! [`Transport::poll_recv`](crate::Transport::poll_recv), **before** the datagrams are looked at, so that a counter is on
//! stable storage no later than anything that the frame with it has caused and that gets acknowledged.
//!
//! Outgoing counters must never repeat under one key, whatever crash (IEEE 802.15.4-2020 §9.2.4). So they come in blocks, and
//! a block is on stable storage as used before the table gets it by [`NodeTable::grant`]. When half of one is used,
//! [`NodeTable::asks`] for the next. Without any left there is no counter, and nothing can be sent: after more than 2,048
//! frames for which the disk took nothing, or after four thousand million frames.

use sn_types::{Eui64, Heard, LinkKey, Relay, Signal, Way};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

/// Nodes that are on no list and are noted nevertheless, for what is heard of them. One more takes the place of the one that was
/// not heard for longest: whoever invents addresses hides nobody who goes on speaking.
pub const MAX_STRANGERS: usize = 1_024;

/// A node that is on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What it shares with the gateway; without one it comes in on links that are not secured only.
    pub key: Option<LinkKey>,
    /// The highest frame counter that was accepted from it, if any was.
    pub counter: Option<u32>,
    /// It may not come in any more.
    pub revoked: bool,
    /// How it was answered before the start.
    pub way: Way,
}

/// Whether a node is on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is not.
    Stranger,
    /// It is.
    Listed,
    /// It is, as one that may not come in any more.
    Revoked,
}

/// What is new of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeReport {
    /// Which.
    pub node: Eui64,
    /// The highest frame counter accepted from it, if there was one since the last report.
    pub counter: Option<u32>,
    /// Something came from it since the last report.
    pub spoke: bool,
    /// How well it is heard.
    pub heard: Heard,
    /// How it is answered.
    pub way: Way,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// How often the radio has sent it again.
    pub retries: u8,
    /// It was acknowledged.
    pub delivered: bool,
}

/// The nodes of one transport.
#[derive(Debug, Default)]
pub struct NodeTable {
    listed: BTreeMap<Eui64, Listed>,
    heard: BTreeMap<Eui64, Track>,
    /// Nodes to be reported.
    news: BTreeSet<Eui64>,
    /// Frames heard from anybody.
    frames: u64,
    outgoing: Outgoing,
    /// Frames refused because their counter was not a new one.
    replayed: u64,
    /// Frames refused because their sender's list entry is revoked.
    revoked: u64,
}

/// What is heard of a node, and what of that is not reported yet.
#[derive(Debug, Default)]
struct Track {
    rssi_dbm: Smooth,
    lqi: Smooth,
    relay: Option<Relay>,
    way: Way,
    /// What [`NodeTable::frames`] was when one came from it last.
    last: u64,
    frames: u64,
    retries: u64,
    failures: u64,
    counter: Option<u32>,
    spoke: bool,
}

/// An average that forgets: each value counts an eighth.
#[derive(Clone, Copy, Debug, Default)]
struct Smooth(Option<f32>);

impl Smooth {
    fn note(&mut self, value: Option<f32>) {
        let Some(value) = value else { return };
        self.0 = Some(self.0.map_or(value, |average| average + (value - average) / 8.0));
    }
}

impl Track {
    fn heard(&self) -> Heard {
        let rssi_dbm = self.rssi_dbm.0.map(|dbm| dbm.round() as i8);
        let lqi = self.lqi.0.map(|lqi| lqi.round() as u8);
        let Self { relay, frames, retries, failures, .. } = *self;
        Heard { signal: Signal { rssi_dbm, lqi }, relay, frames, retries, failures }
    }
}

/// Frame counters that may be used.
#[derive(Debug, Default)]
struct Outgoing {
    wanted: bool,
    blocks: VecDeque<Range<u32>>,
    /// How long the last block was.
    block_len: u32,
    /// The next block was asked for and has not come.
    asked: bool,
}

impl NodeTable {
    /// A table without nodes, for a link that is not secured: it asks for no counters.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A table without nodes and counters, for a link on which frames are secured.
    #[must_use]
    pub fn secured() -> Self {
        Self { outgoing: Outgoing { wanted: true, ..Outgoing::default() }, ..Self::default() }
    }

    /// Puts a node on the list, or says what has changed about it. Of two accepted counters the higher one counts.
    pub fn put(&mut self, node: Eui64, listed: Listed) {
        let known = self.listed.get(&node).filter(|known| known.key == listed.key).and_then(|known| known.counter);
        self.listed.insert(node, Listed { counter: listed.counter.max(known), ..listed });
    }

    /// Takes a node off the list.
    pub fn remove(&mut self, node: Eui64) {
        self.listed.remove(&node);
    }

    /// Whether a node is on the list.
    #[must_use]
    pub fn standing(&self, node: Eui64) -> Standing {
        match self.listed.get(&node) {
            None => Standing::Stranger,
            Some(Listed { revoked: true, .. }) => Standing::Revoked,
            Some(Listed { revoked: false, .. }) => Standing::Listed,
        }
    }

    /// The key with which frames from and to a node are secured. `None`: there is none, or the node may not come in any more.
    #[must_use]
    pub fn key(&self, node: Eui64) -> Option<&LinkKey> {
        self.listed.get(&node).filter(|listed| !listed.revoked)?.key.as_ref()
    }

    /// Whether a frame from a node is a new one, by its frame counter; from now on it is not. To be asked once it is proved
    /// that the frame is the node's: otherwise anybody could use its counters up.
    pub fn accept(&mut self, node: Eui64, counter: u32) -> bool {
        let Some(listed) = self.listed.get_mut(&node) else { return false };
        if listed.revoked {
            self.revoked += 1;
            return false;
        }
        // The highest value says that the sender has none left (IEEE 802.15.4-2020 §9.2.4).
        if counter == u32::MAX || listed.counter.is_some_and(|last| counter <= last) {
            self.replayed += 1;
            return false;
        }
        listed.counter = Some(counter);
        self.heard.entry(node).or_default().counter = Some(counter);
        self.news.insert(node);
        true
    }

    /// The frame counter for the next frame, which nobody has had before. `None`: nothing may be sent now.
    pub fn next_counter(&mut self) -> Option<u32> {
        self.outgoing.next()
    }

    /// Whether the next block of frame counters is to be reserved; `true` once until [`NodeTable::grant`].
    pub fn asks(&mut self) -> bool {
        self.outgoing.asks()
    }

    /// Gives the table frame counters that are reserved on stable storage. Each block is above all before it.
    pub fn grant(&mut self, block: Range<u32>) {
        self.outgoing.grant(block);
    }

    /// How a node is answered: as it was heard last, be it before the start.
    #[must_use]
    pub fn way(&self, node: Eui64) -> Way {
        let heard = self.heard.get(&node).filter(|track| track.frames > 0).map(|track| track.way);
        heard.or_else(|| Some(self.listed.get(&node)?.way)).unwrap_or_default()
    }

    /// A frame came from a node, perhaps over a router; it is answered this way.
    pub fn heard(&mut self, node: Eui64, signal: Signal, relay: Option<Relay>, way: Way) {
        self.frames += 1;
        let last = self.frames;
        let track = self.track(node);
        (track.relay, track.way, track.last) = (relay, way, last);
        track.rssi_dbm.note(signal.rssi_dbm.map(f32::from));
        track.lqi.note(signal.lqi.map(f32::from));
        track.frames += 1;
        track.spoke = true;
    }

    /// The radio has said what became of a frame to a node.
    pub fn sent(&mut self, node: Eui64, sent: Sent) {
        let track = self.track(node);
        track.retries += u64::from(sent.retries);
        track.failures += u64::from(!sent.delivered);
    }

    /// Counts a frame from a node that may not come in any more. [`NodeTable::accept`] counts it by itself.
    pub fn count_revoked(&mut self) {
        self.revoked += 1;
    }

    /// What is new of a node; to be asked until there is nothing more.
    pub fn poll_report(&mut self) -> Option<NodeReport> {
        let node = self.news.pop_first()?;
        let way = self.way(node);
        let track = self.heard.get_mut(&node)?;
        let (counter, spoke) = (track.counter.take(), std::mem::take(&mut track.spoke));
        Some(NodeReport { node, counter, spoke, heard: track.heard(), way })
    }

    /// Frames refused since the start: those whose counter was not a new one, and those of nodes that may not come in any
    /// more.
    #[must_use]
    pub const fn refused(&self) -> (u64, u64) {
        (self.replayed, self.revoked)
    }

    /// What is noted of a node, which is to be reported.
    fn track(&mut self, node: Eui64) -> &mut Track {
        self.make_room(node);
        self.news.insert(node);
        self.heard.entry(node).or_default()
    }

    /// Makes room for what is to be noted of a node, if there is nothing yet.
    fn make_room(&mut self, node: Eui64) {
        if self.heard.contains_key(&node) || self.heard.len() < MAX_STRANGERS + self.listed.len() {
            return;
        }
        let strangers = self.heard.iter().filter(|(node, _)| !self.listed.contains_key(node));
        if let Some(longest) = strangers.min_by_key(|(_, track)| track.last).map(|(node, _)| *node) {
            self.heard.remove(&longest);
            self.news.remove(&longest);
        }
    }
}

impl Outgoing {
    fn next(&mut self) -> Option<u32> {
        loop {
            match self.blocks.front_mut()?.next() {
                Some(counter) if counter < u32::MAX => return Some(counter),
                Some(_) | None => drop(self.blocks.pop_front()),
            }
        }
    }

    fn asks(&mut self) -> bool {
        let left: u64 = self.blocks.iter().map(|block| u64::from(block.end - block.start)).sum();
        let asks = self.wanted && !self.asked && left <= u64::from(self.block_len / 2);
        self.asked |= asks;
        asks
    }

    fn grant(&mut self, block: Range<u32>) {
        self.asked = false;
        self.block_len = block.end.saturating_sub(block.start);
        if !block.is_empty() {
            self.blocks.push_back(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: Eui64 = Eui64([0, 0x12, 0x4B, 0, 0, 0, 0, 1]);
    const OTHER: Eui64 = Eui64([0, 0x12, 0x4B, 0, 0, 0, 0, 2]);
    const KEY: LinkKey = LinkKey([7; 16]);
    const LISTED: Listed =
        Listed { key: Some(KEY), counter: None, revoked: false, way: Way { router: None, udp_port: None } };

    fn table() -> NodeTable {
        let mut table = NodeTable::new();
        table.put(NODE, LISTED);
        table
    }

    #[test]
    fn a_counter_is_accepted_once_and_only_upwards() {
        let mut table = table();
        let accepted = [5, 5, 4, 6, u32::MAX - 1, u32::MAX].map(|counter| table.accept(NODE, counter));
        assert_eq!(accepted, [true, false, false, true, true, false]);
        assert_eq!(table.refused(), (3, 0));
        assert!(!table.accept(OTHER, 1), "a stranger has no counters");
    }

    #[test]
    fn counters_go_on_where_the_list_says() {
        let mut table = table();
        table.put(NODE, Listed { counter: Some(100), ..LISTED });
        assert!(!table.accept(NODE, 100) && table.accept(NODE, 101));
        // A new name, say, comes with what is on the disk, which may be older.
        table.put(NODE, Listed { counter: Some(100), ..LISTED });
        assert!(!table.accept(NODE, 101) && table.accept(NODE, 102));
        // Under another key the counters begin anew.
        table.put(NODE, Listed { key: Some(LinkKey([8; 16])), ..LISTED });
        assert!(table.accept(NODE, 0));
    }

    #[test]
    fn who_is_revoked_has_no_key_and_is_counted() {
        let mut table = table();
        assert_eq!((table.standing(NODE), table.key(NODE)), (Standing::Listed, Some(&KEY)));
        table.put(NODE, Listed { revoked: true, ..LISTED });
        assert_eq!((table.standing(NODE), table.key(NODE)), (Standing::Revoked, None));
        assert!(!table.accept(NODE, 1));
        assert_eq!(table.refused(), (0, 1));
        table.remove(NODE);
        assert_eq!((table.standing(NODE), table.key(NODE)), (Standing::Stranger, None));
    }

    #[test]
    fn a_link_that_is_not_secured_asks_for_no_counters() {
        assert!(!NodeTable::new().asks());
    }

    #[test]
    fn outgoing_counters_come_in_blocks_that_are_asked_for_in_time() {
        let mut table = NodeTable::secured();
        assert_eq!(table.next_counter(), None);
        assert!(table.asks() && !table.asks(), "once");
        table.grant(10..14);
        assert!(!table.asks(), "four are left");
        let first = [(); 2].map(|()| table.next_counter());
        assert_eq!(first, [Some(10), Some(11)]);
        assert!(table.asks() && !table.asks(), "half is used");
        table.grant(20..24);
        let rest: Vec<_> = std::iter::from_fn(|| table.next_counter()).collect();
        assert_eq!(rest, [12, 13, 20, 21, 22, 23]);
        assert!(table.asks());
        // The last value of all means that there is none.
        table.grant(u32::MAX - 1..u32::MAX);
        assert_eq!([(); 2].map(|()| table.next_counter()), [Some(u32::MAX - 1), None]);
        assert!(table.asks());
        table.grant(u32::MAX..u32::MAX);
        assert_eq!(table.next_counter(), None);
    }

    #[test]
    fn what_is_heard_is_smoothed_and_reported_once() {
        let mut table = table();
        for rssi_dbm in [-80, -40, -40] {
            table.heard(NODE, Signal { rssi_dbm: Some(rssi_dbm), lqi: None }, None, Way::default());
        }
        table.sent(NODE, Sent { retries: 3, delivered: false });
        table.sent(NODE, Sent { retries: 1, delivered: true });
        assert!(table.accept(NODE, 9));
        // -80, then an eighth of the way to -40, twice.
        let (signal, way) = (Signal { rssi_dbm: Some(-71), lqi: None }, Way::default());
        let heard = Heard { signal, relay: None, frames: 3, retries: 4, failures: 1 };
        assert_eq!(table.poll_report(), Some(NodeReport { node: NODE, counter: Some(9), spoke: true, heard, way }));
        assert_eq!(table.poll_report(), None);
        table.sent(NODE, Sent { retries: 0, delivered: true });
        assert_eq!(table.poll_report(), Some(NodeReport { node: NODE, counter: None, spoke: false, heard, way }));
    }

    #[test]
    fn a_stranger_takes_the_place_of_the_one_that_was_not_heard_for_longest() {
        let mut table = table();
        let stranger = |number: u64| Eui64((1 << 32 | number).to_be_bytes());
        let hear = |table: &mut NodeTable, node| table.heard(node, Signal::default(), None, Way::default());
        hear(&mut table, NODE);
        let last = 3 * MAX_STRANGERS as u64;
        for number in 0..=last {
            hear(&mut table, stranger(number));
            hear(&mut table, OTHER);
        }
        let reported: Vec<_> = std::iter::from_fn(|| table.poll_report()).map(|report| report.node).collect();
        assert_eq!(reported.len(), MAX_STRANGERS + 1);
        for noted in [NODE, OTHER, stranger(last), stranger(last - 1)] {
            assert!(reported.contains(&noted), "{noted}");
        }
        assert!(!reported.contains(&stranger(0)));
    }

    #[test]
    fn a_node_is_answered_as_it_was_heard_last_be_it_before_the_start() {
        let over = |router| Way { router: Some(router), udp_port: Some(1884) };
        let mut table = table();
        table.put(NODE, Listed { way: over(OTHER), ..LISTED });
        assert_eq!((table.way(NODE), table.way(OTHER)), (over(OTHER), Way::default()));
        // That a frame to it was sent says nothing of the way from it.
        table.sent(NODE, Sent { retries: 0, delivered: true });
        assert_eq!(table.way(NODE), over(OTHER));
        // Nor does one from it that proved its counter and was refused then.
        assert!(table.accept(NODE, 9));
        assert_eq!(table.poll_report().map(|report| (report.counter, report.way)), Some((Some(9), over(OTHER))));
        table.heard(NODE, Signal::default(), None, Way::default());
        assert_eq!(table.way(NODE), Way::default());
        assert_eq!(table.poll_report().map(|report| report.way), Some(Way::default()));
    }
}
