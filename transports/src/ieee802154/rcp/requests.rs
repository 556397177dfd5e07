//! Requests: one after the other, repeated once, and each with the purpose that its answer serves.

use super::startup::Step;
use super::{PATIENCE, Rcp};
use sn_types::Instant;
use spinel::{Message, Property};

/// How often a request is sent.
const ASKS: u8 = 2;

/// What is asked of the radio.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) verb: Verb,
    pub(super) property: Property,
    pub(super) value: Vec<u8>,
    pub(super) purpose: Purpose,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Verb {
    Get,
    Set,
    Insert,
    Remove,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Startup(Step),
    Scan,
    /// After a scan.
    Retune,
    /// The list of nodes for which something waits.
    Match,
    /// Whether it is still up.
    Look,
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) ask: Ask,
    pub(super) transaction: u8,
    pub(super) until: Instant,
    asks: u8,
}

impl Rcp {
    pub(super) fn ask(&mut self, now: Instant, ask: Ask) {
        self.waiting.push_back(ask);
        self.ask_on(now);
    }

    pub(super) fn ask_all(&mut self, now: Instant, asks: Vec<Ask>) {
        asks.into_iter().for_each(|ask| self.ask(now, ask));
    }

    pub(super) fn ask_on(&mut self, now: Instant) {
        if self.asked.is_none()
            && let Some(ask) = self.waiting.pop_front()
        {
            self.put(now, ask, 1);
        }
    }

    fn put(&mut self, now: Instant, ask: Ask, asks: u8) {
        let transaction = self.next_transaction();
        let (property, value) = (ask.property, &ask.value[..]);
        let message = match ask.verb {
            Verb::Get => Message::Get(property),
            Verb::Set => Message::Set(property, value),
            Verb::Insert => Message::Insert(property, value),
            Verb::Remove => Message::Remove(property, value),
        };
        self.write(transaction, message);
        self.asked = Some(Asked { transaction, until: now + PATIENCE, asks, ask });
    }

    /// 1..=15, and not one that is under way.
    pub(super) fn next_transaction(&mut self) -> u8 {
        self.transaction = self.transaction % 15 + 1;
        let is_used = self.sending.is_some_and(|(sending, _)| sending == self.transaction)
            || self.asked.as_ref().is_some_and(|asked| asked.transaction == self.transaction);
        // Two are under way at most.
        if is_used { self.next_transaction() } else { self.transaction }
    }

    pub(super) fn not_answered(&mut self, now: Instant) {
        let Some(asked) = self.asked.take() else { return };
        if asked.asks < ASKS {
            return self.put(now, asked.ask, asked.asks + 1);
        }
        self.restart(now, format!("it does not answer for {}", asked.ask.property));
    }
}
