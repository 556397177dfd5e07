//! Who has asked for what.

use super::message::{ClientNo, rank};
use sn_client::Qos;
use sn_types::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// A subscription from the client's point of view.
#[derive(Clone, Debug)]
struct Subscription {
    filter: String,
    asked: u8,
    /// Granted, or as asked for.
    rank: u8,
    /// The SUBACK has come, and nothing has ended it.
    stands: bool,
    /// When the client began to end it: what is published then may come or not.
    ending: Option<Instant>,
    /// When it was over for certain: what is published later must not come.
    ended: Option<Instant>,
}

/// All subscriptions there ever were.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    by_client: BTreeMap<ClientNo, Vec<Subscription>>,
    /// Who has asked for a filter without wildcards.
    exact: BTreeMap<String, BTreeSet<ClientNo>>,
    /// Who has asked for one with wildcards.
    wild: BTreeSet<ClientNo>,
}

impl Subscriptions {
    /// The client asks for a subscription. One to the same filter at another QoS is thereby about to end. Whether it has
    /// asked for any before.
    pub(crate) fn ask(&mut self, now: Instant, client: ClientNo, filter: &str, qos: Qos) -> bool {
        let mut is_known = false;
        for sub in self.of(client, Some(filter)).filter(|sub| sub.ending.is_none()) {
            if sub.asked == rank(qos) {
                is_known = true;
            } else {
                (sub.stands, sub.ending) = (false, Some(now));
            }
        }
        if !is_known {
            let (filter, rank) = (filter.to_owned(), rank(qos));
            self.note_filter(client, &filter);
            let new = Subscription { filter, asked: rank, rank, stands: false, ending: None, ended: None };
            self.by_client.entry(client).or_default().push(new);
        }
        self.by_client[&client].len() > 1 || is_known
    }

    fn note_filter(&mut self, client: ClientNo, filter: &str) {
        if filter.contains(['+', '#']) {
            self.wild.insert(client);
        } else {
            self.exact.entry(filter.to_owned()).or_default().insert(client);
        }
    }

    /// What was asked for is granted: what was asked for before, to the same filter, has ended.
    pub(crate) fn grant(&mut self, now: Instant, client: ClientNo, filter: &str, asked: Qos, granted: Qos) {
        let open: Vec<_> = self.of(client, Some(filter)).filter(|sub| sub.ended.is_none()).collect();
        let is_it = |sub: &Subscription| sub.asked == rank(asked);
        let Some(at) = open.iter().rposition(|sub| is_it(sub)) else { return };
        for (place, sub) in open.into_iter().enumerate() {
            if place < at {
                (sub.stands, sub.ended) = (false, Some(now));
            } else if place == at {
                // It may have been asked for at another QoS meanwhile.
                (sub.rank, sub.stands) = (rank(granted), sub.ending.is_none());
            }
        }
    }

    /// The client has asked for the end of a subscription; without a filter, of all.
    pub(crate) fn begin_end(&mut self, now: Instant, client: ClientNo, filter: Option<&str>) {
        for sub in self.of(client, filter).filter(|sub| sub.ending.is_none()) {
            (sub.stands, sub.ending) = (false, Some(now));
        }
    }

    /// The end is confirmed.
    pub(crate) fn end(&mut self, now: Instant, client: ClientNo, filter: Option<&str>) {
        for sub in self.of(client, filter).filter(|sub| sub.ending.is_some() && sub.ended.is_none()) {
            sub.ended = Some(now);
        }
    }

    fn of(&mut self, client: ClientNo, filter: Option<&str>) -> impl Iterator<Item = &mut Subscription> {
        let filter = filter.map(str::to_owned);
        let of_client = self.by_client.get_mut(&client).into_iter().flatten();
        of_client.filter(move |sub| filter.as_ref().is_none_or(|filter| *filter == sub.filter))
    }

    /// A client's subscriptions to a topic.
    fn to(&self, client: ClientNo, topic: &str) -> impl Iterator<Item = &Subscription> {
        self.by_client.get(&client).into_iter().flatten().filter(move |sub| selects(&sub.filter, topic))
    }

    /// Who has a standing subscription to a topic, and the highest QoS granted.
    pub(crate) fn standing(&self, topic: &str) -> Vec<(ClientNo, u8)> {
        let clients: BTreeSet<ClientNo> =
            self.exact.get(topic).into_iter().flatten().chain(&self.wild).copied().collect();
        let rank = |client| self.to(client, topic).filter(|sub| sub.stands).map(|sub| sub.rank).max();
        clients.into_iter().filter_map(|client| Some((client, rank(client)?))).collect()
    }

    /// Whether a client has a standing subscription to a topic at QoS 1 or 2.
    pub(crate) fn stands(&self, client: ClientNo, topic: &str) -> bool {
        self.to(client, topic).any(|sub| sub.stands && sub.rank > 0)
    }

    /// The QoS of subscriptions by which a message of that time may come to a client.
    pub(crate) fn admits(&self, client: ClientNo, topic: &str, offered: Instant) -> impl Iterator<Item = u8> {
        self.to(client, topic).filter(move |sub| sub.ended.is_none_or(|ended| offered <= ended)).map(|sub| sub.rank)
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

    #[test]
    fn filters_select_as_the_standard_says() {
        let yes = [("a/b", "a/b"), ("+/b", "a/b"), ("a/+", "a/"), ("a/#", "a"), ("a/#", "a/b/c"), ("#", "a/b")];
        let no = [("a/b", "a/c"), ("a", "a/b"), ("a/b", "a"), ("+", "a/b"), ("a/+", "a"), ("a/#", "b"), ("+/+", "a")];
        assert!(yes.iter().all(|(filter, topic)| selects(filter, topic)));
        assert!(!no.iter().any(|(filter, topic)| selects(filter, topic)));
    }

    #[test]
    fn a_subscription_stands_from_its_suback_to_its_unsubscribe() {
        let mut subscriptions = Subscriptions::default();
        let at = Instant::from_secs;
        subscriptions.ask(at(0), 1, "a/+", Qos::Two);
        assert!(subscriptions.standing("a/b").is_empty());
        assert_eq!(subscriptions.admits(1, "a/b", at(1)).collect::<Vec<_>>(), [2]);
        subscriptions.grant(at(2), 1, "a/+", Qos::Two, Qos::One);
        assert_eq!(subscriptions.standing("a/b"), [(1, 1)]);
        subscriptions.begin_end(at(5), 1, Some("a/+"));
        assert!(subscriptions.standing("a/b").is_empty());
        assert_eq!(subscriptions.admits(1, "a/b", at(7)).count(), 1);
        subscriptions.end(at(6), 1, Some("a/+"));
        assert_eq!(subscriptions.admits(1, "a/b", at(7)).count(), 0);
        assert_eq!(subscriptions.admits(1, "a/b", at(6)).count(), 1);
    }
    #[test]
    fn the_same_filter_at_another_qos_takes_the_place_of_the_first() {
        let mut subscriptions = Subscriptions::default();
        let at = Instant::from_secs;
        subscriptions.ask(at(0), 1, "a", Qos::Two);
        subscriptions.grant(at(1), 1, "a", Qos::Two, Qos::Two);
        subscriptions.ask(at(2), 1, "a", Qos::One);
        assert!(subscriptions.standing("a").is_empty());
        subscriptions.grant(at(3), 1, "a", Qos::One, Qos::One);
        assert_eq!(subscriptions.standing("a"), [(1, 1)]);
        assert_eq!(subscriptions.admits(1, "a", at(4)).collect::<Vec<_>>(), [1]);
    }
}
