//! What nodes do all day. Each role ends when the run is over.

use super::{Node, Stop, filter_of};
use crate::cast::{self, TopicPlan};
use crate::ledger::{Phase, ReaderNo, TopicNo};
use crate::payload::payload;
use sn_codec::{Qos, Topic, TopicFilter};
use std::thread;
use std::time::Duration;

/// A sleeper says so; it wakes much earlier.
const SLEEP_S: u16 = 600;
/// A retained message every so many rounds of the publisher.
const KEEP_EVERY: u64 = 10;

/// How a reader subscribes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscriptions {
    /// With wildcards: the gateway registers each topic.
    Wildcard,
    /// Each topic in its own form.
    Each,
}

/// Publishes on its topics by turns. `asleep`: from a sleep, as the gateway sees it.
pub fn publish(mut node: Node, topics: &[(TopicNo, TopicPlan)], asleep: bool) {
    // Both ends of a run: there is nothing to hand on.
    let _ = node.publish_all_day(topics, asleep);
}

/// Stays connected and reads, with a will that must never be published.
pub fn read(mut node: Node, reader: ReaderNo, qos: Qos, subscriptions: Subscriptions) {
    let _ = node.read_all_day(reader, qos, subscriptions);
}

/// Sleeps, and wakes to take what waits.
pub fn sleep_and_read(mut node: Node, reader: ReaderNo, qos: Qos) {
    let _ = node.sleep_all_day(reader, qos);
}

impl Node {
    fn publish_all_day(&mut self, topics: &[(TopicNo, TopicPlan)], asleep: bool) -> Result<(), Stop> {
        self.connect(None)?;
        let mut forms = Vec::new();
        for (number, plan) in topics {
            forms.push((*number, *plan, self.form(plan)?));
        }
        if asleep {
            self.fall_asleep(SLEEP_S)?;
        }
        let kept = self.register(&format!("{}{}", cast::KEPT, self.client_id))?;
        for round in 1.. {
            for (number, plan, topic) in &forms {
                self.publish_next(*number, plan, *topic)?;
            }
            if round % KEEP_EVERY == 0 {
                self.publish_kept(Topic::Normal(kept), round)?;
                self.ask_for_ids_again(&forms)?;
            }
            let pause_ms = self.rng.rand_range(1..10);
            self.listen(Duration::from_millis(u64::from(pause_ms)))?;
        }
        Ok(())
    }

    /// A retained message, which whoever comes at the end of the run must get.
    fn publish_kept(&mut self, topic: Topic<'_>, n: u64) -> Result<(), Stop> {
        if self.ledger.phase() == Phase::Publishing {
            self.publish(topic, Qos::One, true, n.to_string().as_bytes())?;
            self.ledger.kept(&format!("{}{}", cast::KEPT, self.client_id), n);
        }
        Ok(())
    }

    /// REGISTER for a topic that has an id: it is the same, or that is a breach.
    fn ask_for_ids_again(&mut self, forms: &[(TopicNo, TopicPlan, Topic<'static>)]) -> Result<(), Stop> {
        for (_, plan, _) in forms.iter().filter(|(_, _, topic)| matches!(topic, Topic::Normal(_))) {
            self.register(plan.name)?;
        }
        Ok(())
    }

    fn form(&mut self, plan: &TopicPlan) -> Result<Topic<'static>, Stop> {
        match (plan.name, super::short(plan.name)) {
            (cast::PREDEFINED, _) => Ok(Topic::Predefined(cast::PREDEFINED_ID)),
            (_, Some(name)) => Ok(Topic::Short(name)),
            (name, None) => self.register(name).map(Topic::Normal),
        }
    }

    fn publish_next(&mut self, number: TopicNo, plan: &TopicPlan, topic: Topic<'_>) -> Result<(), Stop> {
        let Some(n) = self.ledger.next(number) else { return Ok(()) };
        let qos = if plan.qos == 2 { Qos::Two } else { Qos::One };
        self.publish(topic, qos, false, &payload(plan.name, n))?;
        self.ledger.acknowledged(number, n);
        Ok(())
    }

    fn read_all_day(&mut self, reader: ReaderNo, qos: Qos, subscriptions: Subscriptions) -> Result<(), Stop> {
        let will = format!("will/{}", self.client_id);
        self.connect(Some(&will))?;
        self.subscribe_to_all(qos, subscriptions)?;
        self.ledger.ready(reader);
        loop {
            self.listen(Duration::from_millis(500))?;
            self.ping()?;
            if subscriptions == Subscriptions::Each {
                // Again: the ids in the SUBACKs are the same, or that is a breach.
                self.subscribe_to_all(qos, subscriptions)?;
            }
        }
    }

    fn sleep_all_day(&mut self, reader: ReaderNo, qos: Qos) -> Result<(), Stop> {
        let will = format!("will/{}", self.client_id);
        self.connect(Some(&will))?;
        self.subscribe_to_all(qos, Subscriptions::Wildcard)?;
        self.fall_asleep(SLEEP_S)?;
        self.ledger.ready(reader);
        loop {
            let nap_ms = self.rng.rand_range(20..300);
            thread::sleep(Duration::from_millis(u64::from(nap_ms)));
            self.wake()?;
        }
    }

    fn subscribe_to_all(&mut self, qos: Qos, subscriptions: Subscriptions) -> Result<(), Stop> {
        match subscriptions {
            Subscriptions::Wildcard => {
                for filter in cast::FILTERS {
                    self.subscribe(TopicFilter::Name(filter), qos)?;
                }
            }
            Subscriptions::Each => {
                for plan in cast::TOPICS {
                    let form = match super::short(plan.name) {
                        Some(name) => Topic::Short(name),
                        None if plan.name == cast::PREDEFINED => Topic::Predefined(cast::PREDEFINED_ID),
                        None => Topic::Name(plan.name),
                    };
                    self.subscribe(filter_of(&form, plan.name), qos)?;
                }
                self.subscribe(TopicFilter::Name(cast::WILLS), qos)?;
            }
        }
        Ok(())
    }
}
