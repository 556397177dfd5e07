//! What a node's application does with its client.

use crate::Ledger;
use crate::ledger::{ClientNo, MessageId};
use crate::plan::NodePlan;
use crate::script::{Script, Wish};
use sn_client::{Client, Event, Qos, Received, RequestError, State, Topic};
use sn_types::Instant;

/// Octets for one message of a node: topic name and payload.
pub(crate) const BODY: usize = 192;
/// Octets for the topics a node knows. Little, so that a node with a wildcard subscription has to forget some.
pub(crate) const TOPICS: usize = 256;

/// A node's client.
pub(crate) type NodeClient<'p> = Client<'p, BODY, TOPICS>;

/// An application in the middle of its plan.
#[derive(Debug)]
pub(crate) struct Application<'p> {
    number: ClientNo,
    plan: &'p NodePlan,
    script: Script<'p>,
    /// When it is switched on, as long as it is off.
    starts_at: Option<Instant>,
    /// Subscriptions of the plan that it has asked for since it was switched on.
    asked: usize,
    next_wake: Instant,
    /// A wake-up has brought nothing but the end of its connection: messages may still wait for it.
    has_missed: bool,
    /// It connects whenever it is not.
    stays_connected: bool,
    was_connected: bool,
    /// What the client is working on.
    doing: Doing<'p>,
}

/// A request that the client has taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing<'p> {
    /// Nothing that is in the books.
    Other,
    Publishing(MessageId),
    Subscribing(&'p str, Qos),
    Unsubscribing(&'p str),
}

impl<'p> Application<'p> {
    pub(crate) fn new(number: ClientNo, plan: &'p NodePlan) -> Self {
        Self {
            number,
            plan,
            script: Script::new(&plan.feeds, &plan.steps, number.into()),
            starts_at: Some(plan.start),
            asked: 0,
            next_wake: Instant::ZERO,
            has_missed: false,
            stays_connected: false,
            was_connected: false,
            doing: Doing::Other,
        }
    }

    pub(crate) fn plan(&self) -> &'p NodePlan {
        self.plan
    }

    /// The power is gone until `at`, or longer if it was gone already: all but the plan is forgotten.
    pub(crate) fn restart(&mut self, at: Instant, ledger: &mut Ledger) {
        ledger.rebooted(self.number);
        if let Doing::Publishing(id) = self.doing {
            ledger.abandoned(id);
        }
        let starts_at = self.starts_at.map_or(at, |before| at.max(before));
        (self.starts_at, self.asked, self.doing) = (Some(starts_at), 0, Doing::Other);
    }

    /// From now on it is connected, whatever its plan says.
    pub(crate) fn stay_connected(&mut self) {
        self.stays_connected = true;
    }

    /// It is connected, or was so before.
    pub(crate) fn was_connected(&self) -> bool {
        self.was_connected
    }

    /// It is on, or will be.
    pub(crate) fn starts_at(&self) -> Option<Instant> {
        self.starts_at
    }

    /// Asks the client for what is next, if it is time and the client is idle. Whether it did.
    pub(crate) fn request(
        &mut self,
        now: Instant,
        client: &mut NodeClient<'p>,
        ledger: &mut Ledger,
    ) -> Result<bool, RequestError> {
        if self.next_request(client).is_none_or(|due| due > now) {
            return Ok(false);
        }
        match client.state() {
            State::Disconnected => return Ok(self.leave_disconnected(client)),
            State::Active if self.asked < self.plan.subscriptions.len() => {
                self.subscribe_as_planned(now, client, ledger)?
            }
            State::Active if self.is_due(now) => self.fulfil(now, client, ledger)?,
            State::Active => self.plan.sleep.map_or(Ok(()), |sleep| client.sleep(sleep.duration_s))?,
            // Who wants to send something connects first (1.2 §6.14).
            State::Asleep if self.is_due(now) => client.connect(false),
            State::Asleep => client.wake()?,
            State::Connecting | State::Awake => return Ok(false),
        }
        Ok(true)
    }

    /// When to ask the client for something.
    pub(crate) fn next_request(&self, client: &NodeClient<'p>) -> Option<Instant> {
        let due = self.script.due();
        match client.state() {
            State::Disconnected => self.starts_at.or(if self.stays_connected { Some(Instant::ZERO) } else { due }),
            // What was interrupted goes on first.
            _ if client.is_busy() => None,
            State::Active if self.asked < self.plan.subscriptions.len() || self.plan.sleep.is_some() => {
                Some(Instant::ZERO)
            }
            State::Active => due,
            State::Asleep => Some(due.map_or(self.next_wake, |due| due.min(self.next_wake))),
            State::Connecting | State::Awake => None,
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.script.due().is_some_and(|due| due <= now)
    }

    /// Whether all that was planned is done, apart from staying connected.
    pub(crate) fn is_done(&self) -> bool {
        self.starts_at.is_none() && self.asked == self.plan.subscriptions.len() && self.script.due().is_none()
    }

    /// Switches on, or does what can be done without a connection: to connect. All else falls flat.
    fn leave_disconnected(&mut self, client: &mut NodeClient<'p>) -> bool {
        if self.starts_at.take().is_some() {
            client.connect(self.plan.clean_session);
            return true;
        }
        if self.stays_connected {
            client.connect(false);
            return true;
        }
        let wish = self.script.peek();
        self.script.advance();
        if wish == Some(Wish::Connect) {
            client.connect(false);
        }
        true
    }

    fn subscribe_as_planned(
        &mut self,
        now: Instant,
        client: &mut NodeClient<'p>,
        ledger: &mut Ledger,
    ) -> Result<(), RequestError> {
        let Some((filter, qos)) = self.plan.subscriptions.get(self.asked) else { return Ok(()) };
        self.asked += 1;
        self.subscribe(now, client, ledger, filter, *qos)
    }

    fn subscribe(
        &mut self,
        now: Instant,
        client: &mut NodeClient<'p>,
        ledger: &mut Ledger,
        filter: &'p str,
        qos: Qos,
    ) -> Result<(), RequestError> {
        ledger.asked(now, self.number, filter, qos);
        self.doing = Doing::Subscribing(filter, qos);
        client.subscribe(Topic::Name(filter), qos)
    }

    /// Asks for the next thing in the script.
    fn fulfil(&mut self, now: Instant, client: &mut NodeClient<'p>, ledger: &mut Ledger) -> Result<(), RequestError> {
        let (due, wish) = (self.script.due().unwrap_or(now), self.script.peek());
        self.script.advance();
        match wish {
            Some(Wish::Publish { topic, qos, retain }) => {
                let stamp = ledger.offer(now, due, self.number, topic, qos);
                self.doing = match qos {
                    Qos::One | Qos::Two => Doing::Publishing(stamp.id),
                    Qos::MinusOne | Qos::Zero => Doing::Other,
                };
                client.publish(Topic::Name(topic), &stamp.payload(self.plan.payload_len.into()), qos, retain)
            }
            Some(Wish::Subscribe { filter, qos }) => self.subscribe(now, client, ledger, filter, qos),
            Some(Wish::Unsubscribe { filter }) => {
                ledger.unsubscribing(now, self.number, filter);
                self.doing = Doing::Unsubscribing(filter);
                client.unsubscribe(Topic::Name(filter))
            }
            Some(Wish::Disconnect) => {
                client.disconnect();
                Ok(())
            }
            Some(Wish::Connect) | None => Ok(()),
        }
    }

    /// Takes note of what the client reports.
    pub(crate) fn note(&mut self, now: Instant, event: Event<'_>, ledger: &mut Ledger) {
        match event {
            Event::Subscribed { granted } => {
                if let Doing::Subscribing(filter, asked) = std::mem::replace(&mut self.doing, Doing::Other) {
                    ledger.granted(now, self.number, filter, asked, granted);
                }
            }
            Event::Unsubscribed => {
                if let Doing::Unsubscribing(filter) = std::mem::replace(&mut self.doing, Doing::Other) {
                    ledger.unsubscribed(now, self.number, filter);
                }
            }
            Event::Published => {
                if let Doing::Publishing(id) = std::mem::replace(&mut self.doing, Doing::Other) {
                    ledger.confirmed(now, id);
                }
            }
            Event::Message(message) => self.note_message(now, &message, ledger),
            Event::Asleep { .. } => {
                if let Some(sleep) = self.plan.sleep {
                    let is_over = !std::mem::take(&mut self.has_missed);
                    self.next_wake = if is_over { now + sleep.wake_every } else { now };
                }
            }
            Event::Lost(_) => {
                self.has_missed = self.plan.sleep.is_some();
                ledger.lost();
            }
            Event::Rejected(_) => {
                ledger.refused();
                if let Doing::Publishing(id) = std::mem::replace(&mut self.doing, Doing::Other) {
                    ledger.abandoned(id);
                }
            }
            Event::Refused(_) | Event::Qos0Rejected(_) => ledger.refused(),
            Event::Connected => self.was_connected = true,
            Event::Disconnected | Event::WillUpdated | Event::Congested | Event::GatewayFound { .. } => {}
        }
    }

    fn note_message(&self, now: Instant, message: &Received<'_>, ledger: &mut Ledger) {
        let topic = message.topic.name().unwrap_or_default();
        ledger.delivered(now, self.number, topic, message.payload, message.qos, message.retain);
    }
}
