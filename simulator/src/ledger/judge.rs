//! What is wrong with an arrival, if anything.

use super::figures::row;
use super::message::rank;
use super::window::Order;
use super::{ClientNo, Ledger, MessageId, Stamp, Violation};
use sn_client::Qos;
use sn_types::Instant;

impl Ledger {
    pub(super) fn note_delivery(
        &mut self,
        now: Instant,
        client: ClientNo,
        topic: &str,
        (stamp, qos, retain): (Stamp, Qos, bool),
    ) {
        self.judge_right(client, topic, stamp, qos);
        if retain {
            self.summary.retained += 1;
            return;
        }
        self.summary.delivered += 1;
        let has_come = self.has_come(client, stamp.id);
        self.judge_order(client, stamp, qos);
        let due = self.open_mut(stamp.id).map_or(stamp.at, |open| {
            open.owed_to.retain(|owed| *owed != client);
            open.due
        });
        self.figures.delivered(now, client, Stamp { rank: row(stamp.rank, rank(qos)), ..stamp }, due, has_come);
        self.tidy(stamp.id);
    }

    fn has_come(&self, client: ClientNo, id: MessageId) -> bool {
        let windows =
            self.windows.range((client, id.publisher, id.topic, 0)..=(client, id.publisher, id.topic, u8::MAX));
        windows.into_iter().any(|(_, window)| window.has(id.number))
    }

    /// It was published, and on this topic.
    pub(super) fn is_genuine(&self, id: MessageId, topic: &str) -> bool {
        let stream = self.streams.get(&(id.publisher, id.topic));
        stream.is_some_and(|stream| id.number < stream.next)
            && self.topics.get(id.topic as usize).is_some_and(|name| name == topic)
    }

    /// The client has asked for it, at this QoS.
    fn judge_right(&mut self, client: ClientNo, topic: &str, stamp: Stamp, qos: Qos) {
        let admitted: Vec<u8> = self.subscriptions.admits(client, topic, stamp.at).collect();
        let has_gateway_in_common =
            self.accounts[client as usize].gateway == self.accounts[stamp.id.publisher as usize].gateway;
        if (admitted.is_empty() && !self.laws.is_late) || !has_gateway_in_common {
            self.violated(Violation::Unasked { client: self.name(client), message: self.label(stamp.id) });
        } else if !self.laws.is_late && !admitted.iter().any(|granted| rank(qos) == stamp.rank.min(*granted)) {
            self.violated(Violation::WrongQos { client: self.name(client), message: self.label(stamp.id) });
        }
    }

    /// It has not come before, and in its order.
    fn judge_order(&mut self, client: ClientNo, Stamp { id, rank: offered, .. }: Stamp, qos: Qos) {
        let is_forgiven = self.forgiven.contains_key(&(client, id.topic));
        let is_owed = self.open_mut(id).is_some_and(|open| open.owed_to.contains(&client));
        let came_otherwise = (0..=2).filter(|other| *other != rank(qos)).any(|other| {
            let window = self.windows.get(&(client, id.publisher, id.topic, other));
            window.is_some_and(|window| window.has(id.number))
        });
        let window = self.windows.entry((client, id.publisher, id.topic, rank(qos))).or_default();
        match (window.note(id.number), rank(qos)) {
            // Between two deliveries the client has subscribed at another QoS.
            (Order::Later | Order::Overtaken, _) if came_otherwise => self.summary.repeated += 1,
            (Order::Later, _) | (Order::Overtaken, 0) => {}
            // A copy of a message that was published before this client had subscribed, or that was dropped.
            (Order::Overtaken, _) if self.laws.is_late || !is_owed || is_forgiven => {}
            (Order::Again, 1) => self.summary.repeated += 1,
            // The broker may have got it twice, or the network repeats what nobody acknowledges.
            (Order::Again, 0) if offered == 1 || self.laws.repeats => self.summary.repeated += 1,
            // QoS 0 does not wait for the disk: what a crash makes the broker forget, it sends again.
            (Order::Again, 0) if offered == 2 && self.laws.forgets => self.summary.repeated += 1,
            (Order::Again, 2) if self.is_pardoned(client) => self.summary.repeated += 1,
            // With its publisher's clean session the broker has forgotten what it had taken from it.
            (Order::Again, _) if !self.is_persistent(id.publisher) => self.summary.repeated += 1,
            (Order::Again, 2) if self.laws.is_late => self.summary.repeated += 1,
            (Order::Again, _) => {
                self.violated(Violation::Repeated { client: self.name(client), message: self.label(id) });
            }
            (Order::Overtaken, _) => {
                self.violated(Violation::OutOfOrder { client: self.name(client), message: self.label(id) });
            }
        }
    }

    fn is_pardoned(&mut self, client: ClientNo) -> bool {
        let pardons = self.pardons.entry(client).or_default();
        let has_one = *pardons > 0;
        *pardons = pardons.saturating_sub(1);
        has_one
    }

    /// A client's connection has ended without its DISCONNECT.
    pub(crate) fn may_publish_will(&mut self, owner: ClientNo) {
        *self.will_reasons.entry(owner).or_default() += 1;
    }

    /// A will has come: its payload is its owner's client id.
    pub(super) fn note_will(&mut self, client: ClientNo, owner: ClientNo, qos: Qos) {
        let came = self.wills.entry((client, owner)).or_default();
        *came += 1;
        let reasons = self.will_reasons.get(&owner).copied().unwrap_or(0);
        // At QoS 1 one reason may be heard of twice.
        if reasons == 0
            || (rank(qos) == 2 && *came > reasons && !self.laws.is_late && !self.pardons.contains_key(&client))
        {
            self.violated(Violation::WillWithoutReason { client: self.name(owner) });
        }
    }

    /// The gateway tells a waking client that nothing is left for it.
    pub(crate) fn drained(&mut self, client: ClientNo) {
        let forgiven: usize =
            self.forgiven.range((client, 0)..=(client, u32::MAX)).map(|(_, messages)| *messages).sum();
        let left = self.open().filter(|(_, open)| open.confirmed.is_some() && open.owed_to.contains(&client));
        let left: Vec<MessageId> = left.map(|(id, _)| id).collect();
        if !self.laws.is_late
            && left.len() > forgiven
            && let Some(first) = left.first()
        {
            self.violated(Violation::NotDrained { client: self.name(client), message: self.label(*first) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Account, Laws};

    const PUBLISHER: ClientNo = 0;
    const SUBSCRIBER: ClientNo = 1;
    const STRICT: Laws = Laws { repeats: false, is_late: false, forgets: false, strangers_publish: false };

    fn at(second: u64) -> Instant {
        Instant::from_secs(second)
    }

    /// A subscriber to `t` at QoS 2.
    fn ledger() -> Ledger {
        let account = |name: &str| Account { name: name.into(), gateway: 0, persistent: true, is_node: true };
        let mut ledger = Ledger::new(vec![account("publisher"), account("subscriber")], STRICT);
        ledger.asked(at(0), SUBSCRIBER, "t", Qos::Two);
        ledger.granted(at(1), SUBSCRIBER, "t", Qos::Two, Qos::Two);
        ledger
    }

    /// Two messages are published and acknowledged; these arrive, on that topic and at that QoS. The kinds of violations.
    fn arrive(published: Qos, numbers: &[usize], topic: &str, qos: Qos) -> Vec<&'static str> {
        let mut ledger = ledger();
        let stamps = [2, 3].map(|second| ledger.offer(at(second), at(second), PUBLISHER, "t", published));
        stamps.iter().for_each(|stamp| ledger.confirmed(at(4), stamp.id));
        for number in numbers {
            ledger.delivered(at(5), SUBSCRIBER, topic, &stamps[*number].payload(0), qos, false);
        }
        ledger.verdict().err().unwrap_or_default().iter().map(Violation::kind).collect()
    }

    #[test]
    fn what_keeps_every_promise_is_good() {
        for (qos, numbers) in [(Qos::Two, &[0, 1][..]), (Qos::One, &[0, 0, 1]), (Qos::Zero, &[1])] {
            assert_eq!(arrive(qos, numbers, "t", qos), [""; 0], "{qos:?} {numbers:?}");
        }
    }

    #[test]
    fn every_broken_promise_is_found() {
        assert_eq!(arrive(Qos::One, &[1], "t", Qos::One), ["missing"]);
        assert_eq!(arrive(Qos::Two, &[0, 0, 1], "t", Qos::Two), ["repeated"]);
        assert_eq!(arrive(Qos::Two, &[1, 0], "t", Qos::Two), ["out-of-order"]);
        assert_eq!(arrive(Qos::Zero, &[0], "t", Qos::One), ["wrong-qos"]);
        assert_eq!(arrive(Qos::Zero, &[0], "u", Qos::Zero), ["invented"]);
    }

    #[test]
    fn what_is_dropped_is_forgiven_and_a_message_at_qos_0_forgives_nothing() {
        for (dropped, missing) in [(Qos::Zero, 2), (Qos::One, 1)] {
            let mut ledger = ledger();
            let stamps = [dropped, Qos::One, Qos::Two].map(|qos| {
                let stamp = ledger.offer(at(2), at(2), PUBLISHER, "t", qos);
                if qos == dropped {
                    ledger.forgiven(SUBSCRIBER, "t", 1);
                }
                stamp
            });
            stamps.iter().for_each(|stamp| ledger.confirmed(at(3), stamp.id));
            let kinds: Vec<_> = ledger.verdict().err().unwrap_or_default().iter().map(Violation::kind).collect();
            assert_eq!(kinds, vec!["missing"; missing], "{dropped:?}");
        }
    }

    #[test]
    fn who_has_not_asked_for_it_must_not_get_it() {
        let mut ledger = ledger();
        let stamp = ledger.offer(at(2), at(2), PUBLISHER, "u", Qos::Zero);
        ledger.delivered(at(3), SUBSCRIBER, "u", &stamp.payload(0), Qos::Zero, false);
        assert_eq!(ledger.violations().iter().map(Violation::kind).collect::<Vec<_>>(), ["unasked"]);
    }

    #[test]
    fn a_waking_client_is_not_told_that_nothing_is_left_as_long_as_something_is() {
        let mut ledger = ledger();
        let stamp = ledger.offer(at(2), at(2), PUBLISHER, "t", Qos::One);
        ledger.drained(SUBSCRIBER);
        assert!(ledger.violations().is_empty(), "its publisher does not rely on it yet");
        ledger.confirmed(at(3), stamp.id);
        ledger.drained(SUBSCRIBER);
        assert_eq!(ledger.violations().iter().map(Violation::kind).collect::<Vec<_>>(), ["not-drained"]);
    }

    #[test]
    fn a_will_needs_a_reason() {
        let mut ledger = ledger();
        ledger.may_publish_will(PUBLISHER);
        ledger.delivered(at(1), SUBSCRIBER, "will", b"publisher", Qos::Two, false);
        assert!(ledger.violations().is_empty());
        ledger.delivered(at(2), SUBSCRIBER, "will", b"publisher", Qos::Two, false);
        assert_eq!(ledger.violations().iter().map(Violation::kind).collect::<Vec<_>>(), ["will-without-reason"]);
    }
}
