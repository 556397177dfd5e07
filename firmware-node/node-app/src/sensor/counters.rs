//! Frame counters of link security, used only after they have been reserved in flash.

use lowpan::Keys;
use sn_types::{Eui64, LinkKey};

/// How many counters are reserved at a time. A node that sends two frames a report, every five minutes, takes a block in
/// 42 hours; a restart throws away what is left of one.
pub const BLOCK: u32 = 1024;

/// The first block after a start, which may be followed by another start.
const FIRST_BLOCK: u32 = 64;

/// The key that node and gateway share, and the counters of both.
#[derive(Clone, Debug)]
pub struct Counters {
    gateway: Eui64,
    key: Option<LinkKey>,
    next: u32,
    reserved: u32,
    /// How many are reserved next.
    block: u32,
    /// The gateway's counters below were used.
    heard: u32,
    /// As far as that is in flash.
    heard_in_flash: u32,
}

impl Counters {
    pub(super) const fn new(gateway: Eui64, key: Option<LinkKey>, reserved: u32, heard: u32) -> Self {
        Self { gateway, key, next: reserved, reserved, block: FIRST_BLOCK, heard, heard_in_flash: heard }
    }

    /// How far to reserve; `None`: there are some, or none are needed.
    pub(super) fn wanted(&self) -> Option<u32> {
        let is_used_up = self.key.is_some() && self.next >= self.reserved && self.reserved < u32::MAX;
        is_used_up.then(|| self.reserved.saturating_add(self.block))
    }

    /// Whether there is none left for ever: this node sends nothing more.
    pub(super) const fn are_used_up(&self) -> bool {
        self.key.is_some() && self.next == u32::MAX
    }

    pub(super) const fn heard(&self) -> u32 {
        self.heard
    }

    /// How far is reserved, if the gateway's counter has moved on since it was kept.
    pub(super) fn outdated(&self) -> Option<u32> {
        (self.heard > self.heard_in_flash).then_some(self.reserved)
    }

    pub(super) fn kept(&mut self, reserved: u32, heard: u32) {
        if reserved > self.reserved {
            (self.reserved, self.block) = (reserved, BLOCK);
        }
        self.heard_in_flash = heard;
    }
}

impl Keys for Counters {
    fn key(&self, node: Eui64) -> Option<&LinkKey> {
        self.key.as_ref().filter(|_| node == self.gateway)
    }

    fn accept(&mut self, node: Eui64, counter: u32) -> bool {
        let is_new = node == self.gateway && counter >= self.heard;
        if is_new {
            // `u32::MAX` is never used, so that this does not overflow.
            self.heard = counter.saturating_add(1);
        }
        is_new
    }

    fn next_counter(&mut self) -> Option<u32> {
        let counter = Some(self.next).filter(|next| *next < self.reserved)?;
        self.next += 1;
        Some(counter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATEWAY: Eui64 = Eui64([1; 8]);

    #[test]
    fn no_counter_is_used_before_it_is_reserved() {
        let mut counters = Counters::new(GATEWAY, Some(LinkKey([0; 16])), 5_000, 0);
        assert_eq!(counters.next_counter(), None);
        let mut next = 5_000;
        // Who is restarted again and again takes few.
        for block in [FIRST_BLOCK, BLOCK, BLOCK] {
            assert_eq!(counters.wanted(), Some(next + block));
            counters.kept(next + block, 0);
            for expected in next..next + block {
                assert_eq!(counters.wanted(), None);
                assert_eq!(counters.next_counter(), Some(expected));
            }
            assert_eq!(counters.next_counter(), None);
            next += block;
        }
    }

    #[test]
    fn the_last_counters_are_not_used_twice() {
        let mut counters = Counters::new(GATEWAY, Some(LinkKey([0; 16])), u32::MAX - 1, 0);
        counters.kept(counters.wanted().expect("there is one left"), 0);
        assert_eq!(counters.next_counter(), Some(u32::MAX - 1));
        assert_eq!((counters.next_counter(), counters.wanted(), counters.are_used_up()), (None, None, true));
    }

    #[test]
    fn the_gateways_counters_only_go_up() {
        let mut counters = Counters::new(GATEWAY, None, 0, 7);
        assert!(!counters.accept(GATEWAY, 6), "from before the restart");
        assert!(counters.accept(GATEWAY, 7) && !counters.accept(GATEWAY, 7) && counters.accept(GATEWAY, 9));
        assert!(!counters.accept(Eui64([2; 8]), 10));
        assert_eq!((counters.heard(), counters.outdated()), (10, Some(0)));
        counters.kept(0, 10);
        assert_eq!(counters.outdated(), None);
    }
}
