//! What a node's application does with its client.

use crate::ledger::MessageId;
use crate::{Feed, Ledger, NodePlan};
use sn_client::{Client, Event, Qos, RequestError, State, Topic};
use sn_types::Instant;

/// Octets for one message of a node: topic name and payload.
pub(crate) const BODY: usize = 192;
/// Octets for the topics a node knows. Little, so that a node with a wildcard subscription has to forget some.
pub(crate) const TOPICS: usize = 256;

/// An application in the middle of its plan.
#[derive(Debug)]
pub(crate) struct Application<'p> {
    number: usize,
    plan: &'p NodePlan,
    switched_on: bool,
    /// Subscriptions asked for and granted, in the plan's order.
    asked: usize,
    granted: usize,
    /// Messages handed to the client.
    published: u32,
    next_wake: Instant,
}

impl<'p> Application<'p> {
    pub(crate) fn new(number: usize, plan: &'p NodePlan) -> Self {
        Self { number, plan, switched_on: false, asked: 0, granted: 0, published: 0, next_wake: Instant::ZERO }
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.plan.client_id
    }

    /// Asks the client for what is next, if it is time and the client is idle. Whether it did.
    pub(crate) fn request(
        &mut self,
        now: Instant,
        client: &mut Client<'_, BODY, TOPICS>,
        ledger: &mut Ledger,
    ) -> Result<bool, RequestError> {
        if client.is_busy() || self.next_request(client).is_none_or(|due| due > now) {
            return Ok(false);
        }
        match client.state() {
            State::Disconnected => self.switch_on(client),
            State::Active if self.asked < self.plan.subscriptions.len() => self.subscribe(client, ledger)?,
            State::Active if self.due_message(now).is_some() => self.publish(now, client, ledger)?,
            State::Active => self.plan.sleep.map_or(Ok(()), |sleep| client.sleep(sleep.duration_s))?,
            // Who wants to send something connects first (1.2 §6.14).
            State::Asleep if self.due_message(now).is_some() => client.connect(false),
            State::Asleep => client.wake()?,
            State::Connecting | State::Awake => return Ok(false),
        }
        Ok(true)
    }

    /// When to ask an idle client for something.
    pub(crate) fn next_request(&self, client: &Client<'_, BODY, TOPICS>) -> Option<Instant> {
        let message = self.next_message().map(|(feed, number)| feed.due(number));
        match client.state() {
            State::Disconnected => (!self.switched_on).then_some(self.plan.start),
            State::Active if self.asked < self.plan.subscriptions.len() || self.plan.sleep.is_some() => {
                Some(Instant::ZERO)
            }
            State::Active => message,
            State::Asleep => Some(message.map_or(self.next_wake, |due| due.min(self.next_wake))),
            State::Connecting | State::Awake => None,
        }
    }

    /// Whether all that was planned is done, apart from staying connected.
    pub(crate) fn is_done(&self) -> bool {
        self.switched_on && self.granted == self.plan.subscriptions.len() && self.next_message().is_none()
    }

    fn switch_on(&mut self, client: &mut Client<'_, BODY, TOPICS>) {
        self.switched_on = true;
        client.connect(self.plan.clean_session);
    }

    fn subscribe(&mut self, client: &mut Client<'_, BODY, TOPICS>, ledger: &mut Ledger) -> Result<(), RequestError> {
        let Some((filter, qos)) = self.plan.subscriptions.get(self.asked) else { return Ok(()) };
        self.asked += 1;
        ledger.asked(self.number, filter, *qos);
        client.subscribe(Topic::Name(filter), *qos)
    }

    fn publish(
        &mut self,
        now: Instant,
        client: &mut Client<'_, BODY, TOPICS>,
        ledger: &mut Ledger,
    ) -> Result<(), RequestError> {
        let Some((feed, number)) = self.due_message(now) else { return Ok(()) };
        self.published += 1;
        let id = self.message_id(number);
        ledger.offered(now, &feed.topic, id, feed.qos);
        client.publish(Topic::Name(&feed.topic), &id.payload(), feed.qos, false)
    }

    fn message_id(&self, number: u32) -> MessageId {
        MessageId { publisher: self.number as u32, number }
    }

    fn next_message(&self) -> Option<(&'p Feed, u32)> {
        let feed = self.plan.feed.as_ref()?;
        (self.published < feed.count).then_some((feed, self.published))
    }

    fn due_message(&self, now: Instant) -> Option<(&'p Feed, u32)> {
        self.next_message().filter(|(feed, number)| feed.due(*number) <= now)
    }

    /// Takes note of what the client reports.
    pub(crate) fn note(&mut self, now: Instant, event: Event<'_>, ledger: &mut Ledger) {
        match event {
            Event::Subscribed { granted } => self.note_subscribed(now, granted, ledger),
            Event::Published => {
                if let Some(feed) = &self.plan.feed {
                    ledger.confirmed(&feed.topic, self.message_id(self.published.saturating_sub(1)));
                }
            }
            Event::Message(message) => {
                ledger.delivered(self.number, message.topic.name().unwrap_or_default(), message.payload, message.qos);
            }
            Event::Asleep { .. } => {
                if let Some(sleep) = self.plan.sleep {
                    self.next_wake = now + sleep.wake_every;
                }
            }
            Event::Lost(_) => ledger.lost(),
            Event::Refused(_) | Event::Rejected(_) | Event::Qos0Rejected(_) => ledger.refused(),
            Event::Connected
            | Event::Disconnected
            | Event::Unsubscribed
            | Event::WillUpdated
            | Event::Congested
            | Event::GatewayFound { .. } => {}
        }
    }

    fn note_subscribed(&mut self, now: Instant, granted: Qos, ledger: &mut Ledger) {
        if let Some((filter, _)) = self.plan.subscriptions.get(self.granted) {
            ledger.granted(now, self.number, filter, granted);
        }
        self.granted += 1;
    }
}
