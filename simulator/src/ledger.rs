//! What was promised and what came, kept outside of the code under test.

use sn_client::Qos;
use sn_types::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// A message's identity: who published it on what topic, and the how many-th it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MessageId {
    pub(crate) publisher: u32,
    pub(crate) number: u32,
}

impl MessageId {
    /// As a payload.
    pub(crate) fn payload(self) -> [u8; 8] {
        ((u64::from(self.publisher) << 32) | u64::from(self.number)).to_be_bytes()
    }

    pub(crate) fn from_payload(payload: &[u8]) -> Option<Self> {
        let octets = u64::from_be_bytes(payload.try_into().ok()?);
        Some(Self { publisher: (octets >> 32) as u32, number: octets as u32 })
    }
}

/// The account of a run.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By topic.
    offers: BTreeMap<String, BTreeMap<MessageId, Offer>>,
    subscriptions: Vec<Subscription>,
    /// By node and topic, in the order of arrival.
    deliveries: BTreeMap<(usize, String), Vec<Delivery>>,
    losses: u64,
    refusals: u64,
}

#[derive(Debug)]
struct Offer {
    at: Instant,
    qos: Qos,
    confirmed: bool,
}

#[derive(Debug)]
struct Subscription {
    node: usize,
    filter: String,
    qos: Qos,
    /// When the SUBACK came.
    since: Option<Instant>,
}

#[derive(Debug)]
struct Delivery {
    id: Option<MessageId>,
    qos: Qos,
}

/// What a run amounted to, when all was well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Messages that the nodes published.
    pub offered: usize,
    /// Deliveries that subscribers had a right to.
    pub owed: usize,
    /// Deliveries that came beyond the first, which only QoS 1 allows.
    pub repeated: usize,
    /// Deliveries at QoS 0 that did not come, which QoS 0 allows.
    pub missed: usize,
}

/// A broken promise. Nodes by their numbers, messages by publisher and number.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields say where it happened")]
pub enum Violation {
    /// A message at QoS 1 or 2 was never acknowledged to its publisher.
    Unconfirmed { topic: String, publisher: u32, number: u32 },
    /// A subscriber did not get a message at QoS 1 or 2.
    Missing { node: usize, topic: String, publisher: u32, number: u32 },
    /// A subscriber got a message more often than its QoS allows.
    Repeated { node: usize, topic: String, publisher: u32, number: u32 },
    /// A subscriber got a message of a topic, for the first time, after one that was published later.
    OutOfOrder { node: usize, topic: String, publisher: u32, number: u32 },
    /// A message came at another QoS than the lower of its own and the subscription's.
    WrongQos { node: usize, topic: String, publisher: u32, number: u32 },
    /// A node got a message of a topic that it had not subscribed to.
    Unasked { node: usize, topic: String },
    /// A node got a message that nobody had published.
    Invented { node: usize, topic: String },
}

impl Ledger {
    pub(crate) fn offered(&mut self, now: Instant, topic: &str, id: MessageId, qos: Qos) {
        let offer = Offer { at: now, qos, confirmed: false };
        self.offers.entry(topic.to_owned()).or_default().insert(id, offer);
    }

    pub(crate) fn confirmed(&mut self, topic: &str, id: MessageId) {
        if let Some(offer) = self.offer_mut(topic, id) {
            offer.confirmed = true;
        }
    }

    fn offer_mut(&mut self, topic: &str, id: MessageId) -> Option<&mut Offer> {
        self.offers.get_mut(topic)?.get_mut(&id)
    }

    pub(crate) fn asked(&mut self, node: usize, filter: &str, qos: Qos) {
        self.subscriptions.push(Subscription { node, filter: filter.to_owned(), qos, since: None });
    }

    pub(crate) fn granted(&mut self, now: Instant, node: usize, filter: &str, qos: Qos) {
        let asked = self.subscriptions.iter_mut().rfind(|asked| asked.node == node && asked.filter == filter);
        if let Some(subscription) = asked {
            (subscription.since, subscription.qos) = (Some(now), qos);
        }
    }

    pub(crate) fn delivered(&mut self, node: usize, topic: &str, payload: &[u8], qos: Qos) {
        let delivery = Delivery { id: MessageId::from_payload(payload), qos };
        self.deliveries.entry((node, topic.to_owned())).or_default().push(delivery);
    }

    pub(crate) fn lost(&mut self) {
        self.losses += 1;
    }

    pub(crate) fn refused(&mut self) {
        self.refusals += 1;
    }

    /// Connections that nodes have lost.
    #[must_use]
    pub fn losses(&self) -> u64 {
        self.losses
    }

    /// Connections and requests of nodes that the gateway has refused.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.refusals
    }

    /// Whether all promises were kept, once nothing is under way any more.
    ///
    /// # Errors
    /// Every broken promise.
    pub fn verdict(&self) -> Result<Summary, Vec<Violation>> {
        let offered = self.offers.values().map(BTreeMap::len).sum();
        let mut summary = Summary { offered, ..Summary::default() };
        let mut violations = self.unconfirmed();
        let nodes = self.subscriptions.iter().map(|subscription| subscription.node + 1).max().unwrap_or(0);
        for (node, topic) in (0..nodes).flat_map(|node| self.offers.keys().map(move |topic| (node, topic))) {
            if let Some(subscription) = self.subscription(node, topic) {
                self.judge_completeness(subscription, topic, &mut summary, &mut violations);
            }
        }
        for ((node, topic), deliveries) in &self.deliveries {
            self.judge_deliveries(*node, topic, deliveries, &mut violations);
        }
        if violations.is_empty() { Ok(summary) } else { Err(violations) }
    }

    fn unconfirmed(&self) -> Vec<Violation> {
        let offers = self.offers.iter().flat_map(|(topic, offers)| offers.iter().map(move |offer| (topic, offer)));
        let open = offers.filter(|(_, (_, offer))| !offer.confirmed && rank(offer.qos) > 0);
        open.map(|(topic, (id, _))| Violation::Unconfirmed {
            topic: topic.clone(),
            publisher: id.publisher,
            number: id.number,
        })
        .collect()
    }

    /// Every message of the topic that the subscriber has a right to came, and at QoS 0 and 2 only once.
    fn judge_completeness(
        &self,
        subscription: &Subscription,
        topic: &str,
        summary: &mut Summary,
        violations: &mut Vec<Violation>,
    ) {
        let node = subscription.node;
        let deliveries = self.deliveries.get(&(node, topic.to_owned())).map_or(&[][..], Vec::as_slice);
        let mut came = BTreeMap::<MessageId, usize>::new();
        for id in deliveries.iter().filter_map(|delivery| delivery.id) {
            *came.entry(id).or_default() += 1;
        }
        for (id, offer) in &self.offers[topic] {
            let came = came.get(id).copied().unwrap_or(0);
            let qos = rank(offer.qos).min(rank(subscription.qos));
            let is_selected = subscription.since.is_some_and(|since| since <= offer.at);
            let is_owed = is_selected && qos > 0;
            let (topic, publisher, number) = (topic.to_owned(), id.publisher, id.number);
            summary.owed += usize::from(is_owed);
            summary.repeated += came.saturating_sub(1);
            summary.missed += usize::from(is_selected && qos == 0 && came == 0);
            if is_owed && came == 0 {
                violations.push(Violation::Missing { node, topic, publisher, number });
            } else if came > 1 && qos != 1 {
                violations.push(Violation::Repeated { node, topic, publisher, number });
            }
        }
    }

    /// What came was published, was asked for, came at the right QoS and in order.
    fn judge_deliveries(&self, node: usize, topic: &str, deliveries: &[Delivery], violations: &mut Vec<Violation>) {
        let Some(subscription) = self.subscription(node, topic) else {
            return violations.push(Violation::Unasked { node, topic: topic.to_owned() });
        };
        let mut latest = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for delivery in deliveries {
            let known = delivery.id.and_then(|id| Some((id, self.offers.get(topic)?.get(&id)?)));
            let Some((MessageId { publisher, number }, offer)) = known else {
                violations.push(Violation::Invented { node, topic: topic.to_owned() });
                continue;
            };
            let topic = topic.to_owned();
            let latest = latest.entry(publisher).or_insert(number);
            let is_overtaken = seen.insert(delivery.id) && number < *latest;
            *latest = number.max(*latest);
            if rank(delivery.qos) != rank(offer.qos).min(rank(subscription.qos)) {
                violations.push(Violation::WrongQos { node, topic, publisher, number });
            } else if rank(delivery.qos) > 0 && is_overtaken {
                violations.push(Violation::OutOfOrder { node, topic, publisher, number });
            }
        }
    }

    /// The node's subscription with the highest QoS that selects a topic.
    fn subscription(&self, node: usize, topic: &str) -> Option<&Subscription> {
        let of_node = self.subscriptions.iter().filter(|subscription| subscription.node == node);
        of_node.filter(|subscription| selects(&subscription.filter, topic)).max_by_key(|found| rank(found.qos))
    }
}

/// QoS -1 is delivered as QoS 0.
const fn rank(qos: Qos) -> u8 {
    match qos {
        Qos::MinusOne | Qos::Zero => 0,
        Qos::One => 1,
        Qos::Two => 2,
    }
}

/// Whether a filter selects a topic (MQTT 3.1.1 §4.7), said once more: the broker's own function is under test.
fn selects(filter: &str, topic: &str) -> bool {
    let (filter, rest) = filter.split_once('/').map_or((filter, None), |(level, rest)| (level, Some(rest)));
    let (level, below) = topic.split_once('/').map_or((topic, None), |(level, below)| (level, Some(below)));
    match (rest, below) {
        _ if filter == "#" => true,
        _ if filter != "+" && filter != level => false,
        (None, None) | (Some("#"), None) => true,
        (Some(rest), Some(below)) => selects(rest, below),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: MessageId = MessageId { publisher: 0, number: 1 };
    const LATER: MessageId = MessageId { publisher: 0, number: 2 };

    /// Node 1 has subscribed to `t` at QoS 2, node 0 has published two messages, both acknowledged.
    fn ledger(qos: Qos) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.asked(1, "t", Qos::Two);
        ledger.granted(Instant::from_secs(1), 1, "t", Qos::Two);
        for id in [ID, LATER] {
            ledger.offered(Instant::from_secs(2), "t", id, qos);
            ledger.confirmed("t", id);
        }
        ledger
    }

    fn with_deliveries(qos: Qos, ids: &[MessageId]) -> Result<Summary, Vec<Violation>> {
        let mut ledger = ledger(qos);
        ids.iter().for_each(|id| ledger.delivered(1, "t", &id.payload(), qos));
        ledger.verdict()
    }

    fn first(violations: Result<Summary, Vec<Violation>>) -> Violation {
        violations.unwrap_err().swap_remove(0)
    }

    #[test]
    fn a_payload_says_which_message_it_is() {
        assert_eq!(MessageId::from_payload(&LATER.payload()), Some(LATER));
        assert_eq!(MessageId::from_payload(b"other"), None);
    }

    #[test]
    fn all_is_well() {
        let all = Summary { offered: 2, owed: 2, repeated: 0, missed: 0 };
        assert_eq!(with_deliveries(Qos::Two, &[ID, LATER]), Ok(all));
        assert_eq!(with_deliveries(Qos::One, &[ID, ID, LATER]), Ok(Summary { repeated: 1, ..all }));
        assert_eq!(with_deliveries(Qos::Zero, &[LATER]), Ok(Summary { owed: 0, missed: 1, ..all }));
    }

    #[test]
    fn every_broken_promise_is_found() {
        let (topic, publisher, number) = ("t".to_owned(), 0, 1);
        assert_eq!(
            first(with_deliveries(Qos::One, &[LATER])),
            Violation::Missing { node: 1, topic: topic.clone(), publisher, number }
        );
        assert_eq!(
            first(with_deliveries(Qos::Two, &[ID, ID, LATER])),
            Violation::Repeated { node: 1, topic: topic.clone(), publisher, number }
        );
        assert_eq!(
            first(with_deliveries(Qos::Two, &[LATER, ID])),
            Violation::OutOfOrder { node: 1, topic: topic.clone(), publisher, number }
        );
        let invented = MessageId { publisher: 7, number: 7 };
        assert_eq!(
            first(with_deliveries(Qos::One, &[ID, LATER, invented])),
            Violation::Invented { node: 1, topic: topic.clone() }
        );
        let mut ledger = ledger(Qos::Zero);
        ledger.delivered(1, "t", &ID.payload(), Qos::One);
        assert_eq!(first(ledger.verdict()), Violation::WrongQos { node: 1, topic, publisher, number });
        ledger = Ledger::default();
        ledger.delivered(1, "u", &ID.payload(), Qos::One);
        assert_eq!(first(ledger.verdict()), Violation::Unasked { node: 1, topic: "u".to_owned() });
        ledger = Ledger::default();
        ledger.offered(Instant::ZERO, "t", ID, Qos::One);
        assert!(matches!(first(ledger.verdict()), Violation::Unconfirmed { .. }));
    }

    #[test]
    fn filters_select_as_the_standard_says() {
        let yes = [("a/b", "a/b"), ("+/b", "a/b"), ("a/+", "a/"), ("a/#", "a"), ("a/#", "a/b/c"), ("#", "a/b")];
        let no = [("a/b", "a/c"), ("a", "a/b"), ("a/b", "a"), ("+", "a/b"), ("a/+", "a"), ("a/#", "b"), ("+/+", "a")];
        assert!(yes.iter().all(|(filter, topic)| selects(filter, topic)));
        assert!(!no.iter().any(|(filter, topic)| selects(filter, topic)));
    }
}
