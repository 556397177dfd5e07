//! What the application asks for.

use crate::{Client, State, Topic};
use core::fmt;
use core::num::NonZeroU16;
use sn_codec::{MsgId, Qos, ShortName, TopicFilter, TopicId};
use sn_types::Instant;

/// Why a request is not taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// The one before is still in progress; see [`Client::is_busy`].
    Busy,
    /// It needs a connection that is active; sleep needs one that is active or asleep, and so does publishing with
    /// [`crate::Config::publishes_asleep`].
    NotConnected,
    /// Topic name and payload together exceed the client's `BODY` octets.
    TooLong,
    /// An empty name, a wildcard in a name to publish to, or in a short name.
    InvalidTopic,
    /// QoS -1 is for publishing only.
    InvalidQos,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "another request is in progress",
            Self::NotConnected => "not connected",
            Self::TooLong => "topic name and payload are too long",
            Self::InvalidTopic => "topic name is empty or has a wildcard where none may be",
            Self::InvalidQos => "QoS -1 is for publishing only",
        })
    }
}

impl core::error::Error for RequestError {}

/// The request in progress. Its topic name and payload are in the client's body.
#[derive(Clone, Copy)]
pub(crate) enum Request {
    Publish(Publish),
    Subscribe { topic: Form, qos: Qos, msg_id: MsgId },
    Unsubscribe { topic: Form, msg_id: MsgId },
    WillTopic { qos: Qos, retain: bool },
    WillMsg,
    Sleep(NonZeroU16),
    Disconnect,
}

/// How a topic is named on the wire; the name itself is in the client's body.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Named,
    Predefined(TopicId),
    Short(ShortName),
}

impl Form {
    pub(crate) fn filter(self, name: &str) -> TopicFilter<'_> {
        match self {
            Self::Named => TopicFilter::Name(name),
            Self::Predefined(id) => TopicFilter::Predefined(id),
            Self::Short(short) => TopicFilter::Short(short),
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Publish {
    pub(crate) topic: Form,
    /// The id of a named topic, once the gateway has told it in this connection.
    pub(crate) id: Option<TopicId>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) msg_id: MsgId,
    /// Sent before.
    pub(crate) dup: bool,
    /// QoS 2: PUBREC has come, PUBREL is next.
    pub(crate) released: bool,
    /// How often the gateway did not know the id that it had assigned.
    pub(crate) forgotten: u8,
}

impl Publish {
    pub(crate) const fn needs_register(&self) -> bool {
        matches!(self.topic, Form::Named) && self.id.is_none() && !matches!(self.qos, Qos::MinusOne) && !self.released
    }

    /// QoS 0 and -1 are done once they are sent.
    pub(crate) const fn is_acknowledged(&self) -> bool {
        matches!(self.qos, Qos::One | Qos::Two)
    }
}

impl<'a, const BODY: usize, const TOPICS: usize, const RECEIVED: usize> Client<'a, BODY, TOPICS, RECEIVED> {
    /// Connects, or connects again in any state, also to end a sleep (1.2 §6.2).
    ///
    /// With `clean_session` the gateway forgets subscriptions and will, and an interrupted request is dropped.
    /// Otherwise it goes on after [`crate::Event::Connected`]. Answer: `Connected`, `Refused` or `Lost`.
    pub fn connect(&mut self, clean_session: bool) {
        if clean_session {
            self.request = None;
        }
        self.clean_session = clean_session;
        self.is_vouched_for &= self.state == State::Asleep;
        self.state = State::Connecting;
        self.flight = None;
        self.search = None;
        self.not_before = Instant::ZERO;
    }

    /// Publishes (1.2 §6.6, §6.8), registering a topic name first where that is needed.
    ///
    /// Answer at QoS 1 and 2: `Published` or `Rejected`; at QoS 0 and -1 the request is over when it is sent.
    /// QoS -1 needs no connection; with [`Topic::Name`] it uses an extension that only some gateways know.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn publish(&mut self, topic: Topic<'_>, payload: &[u8], qos: Qos, retain: bool) -> Result<(), RequestError> {
        if qos != Qos::MinusOne && !self.may_publish() {
            return Err(RequestError::NotConnected);
        }
        if topic.name().is_some_and(|name| name.contains(['+', '#'])) {
            return Err(RequestError::InvalidTopic);
        }
        let (topic, name) = split(topic)?;
        self.check_idle()?;
        self.body.set(name, payload)?;
        let id = self.topics.publish_id(name);
        let msg_id = if matches!(qos, Qos::One | Qos::Two) { self.new_msg_id() } else { MsgId::NONE };
        let publish = Publish { topic, id, qos, retain, msg_id, dup: false, released: false, forgotten: 0 };
        self.begin(Request::Publish(publish));
        Ok(())
    }

    /// Subscribes to a topic or, by name, to a filter (1.2 §6.9). Answer: `Subscribed` or `Rejected`.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn subscribe(&mut self, topic: Topic<'_>, qos: Qos) -> Result<(), RequestError> {
        if qos == Qos::MinusOne {
            return Err(RequestError::InvalidQos);
        }
        let topic = self.prepare_filter(topic)?;
        let msg_id = self.new_msg_id();
        self.begin(Request::Subscribe { topic, qos, msg_id });
        Ok(())
    }

    /// Takes a subscription back, named as it was made (1.2 §6.9). Answer: `Unsubscribed`.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn unsubscribe(&mut self, topic: Topic<'_>) -> Result<(), RequestError> {
        let topic = self.prepare_filter(topic)?;
        let msg_id = self.new_msg_id();
        self.begin(Request::Unsubscribe { topic, msg_id });
        Ok(())
    }

    /// Replaces the will's topic, QoS and retain flag; an empty topic deletes the will (1.2 §6.4).
    /// Answer: `WillUpdated` or `Rejected`.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn update_will_topic(&mut self, topic: &str, qos: Qos, retain: bool) -> Result<(), RequestError> {
        self.check_active()?;
        self.check_idle()?;
        self.body.set(topic, &[])?;
        self.begin(Request::WillTopic { qos, retain });
        Ok(())
    }

    /// Replaces the will's payload (1.2 §6.4). Answer: `WillUpdated` or `Rejected`.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn update_will_message(&mut self, message: &[u8]) -> Result<(), RequestError> {
        self.check_active()?;
        self.check_idle()?;
        self.body.set("", message)?;
        self.begin(Request::WillMsg);
        Ok(())
    }

    /// Goes to sleep, or asleep already, changes how long (1.2 §6.14). Answer: `Asleep`.
    ///
    /// The client has to [`Client::wake`] within `duration_s` seconds (and a tolerance) or the gateway considers it
    /// lost.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn sleep(&mut self, duration_s: NonZeroU16) -> Result<(), RequestError> {
        match self.state {
            State::Active | State::Asleep => {}
            State::Disconnected | State::Connecting | State::Awake => return Err(RequestError::NotConnected),
        }
        self.check_idle()?;
        self.begin(Request::Sleep(duration_s));
        Ok(())
    }

    /// Wakes to collect what the gateway has kept (1.2 §6.14): `Message` events, then `Asleep`.
    ///
    /// # Errors
    /// [`RequestError::NotConnected`] unless asleep, [`RequestError::Busy`] while it changes its sleep.
    pub fn wake(&mut self) -> Result<(), RequestError> {
        if self.state != State::Asleep {
            return Err(RequestError::NotConnected);
        }
        self.check_idle()?;
        self.state = State::Awake;
        Ok(())
    }

    /// Ends the connection (1.2 §6.12), giving up any request in progress. Answer: `Disconnected`, or `Lost` when
    /// the gateway does not answer; the client does not reconnect then.
    pub fn disconnect(&mut self) {
        self.request = None;
        self.flight = None;
        match self.state {
            State::Disconnected | State::Connecting => self.state = State::Disconnected,
            State::Active | State::Asleep | State::Awake => {
                self.not_before = Instant::ZERO;
                self.begin(Request::Disconnect);
            }
        }
    }

    /// Gives up the request in progress, wherever it stands.
    pub fn cancel(&mut self) {
        self.request = None;
        if self.flight.is_some_and(|flight| flight.step.is_of_request()) {
            self.flight = None;
        }
    }

    #[inline(never)]
    fn begin(&mut self, request: Request) {
        self.unconfirmed = None;
        self.request = Some(request);
    }

    fn prepare_filter(&mut self, topic: Topic<'_>) -> Result<Form, RequestError> {
        self.check_active()?;
        self.check_idle()?;
        let (form, name) = split(topic)?;
        self.body.set(name, &[])?;
        Ok(form)
    }

    /// Whether the gateway takes a PUBLISH of this session, and so acknowledges it.
    pub(crate) const fn may_publish(&self) -> bool {
        match self.state {
            State::Active => true,
            State::Asleep => self.config.publishes_asleep,
            State::Disconnected | State::Connecting | State::Awake => false,
        }
    }

    fn check_active(&self) -> Result<(), RequestError> {
        if self.state == State::Active { Ok(()) } else { Err(RequestError::NotConnected) }
    }

    fn check_idle(&self) -> Result<(), RequestError> {
        if self.is_busy() { Err(RequestError::Busy) } else { Ok(()) }
    }
}

/// The form and, if the topic has to be named in full, its name.
fn split(topic: Topic<'_>) -> Result<(Form, &str), RequestError> {
    match topic {
        Topic::Name("") => Err(RequestError::InvalidTopic),
        Topic::Name(name) => Ok((Form::Named, name)),
        Topic::Predefined(id) => Ok((Form::Predefined(id), "")),
        Topic::Short(ShortName(octets)) if octets.iter().any(|octet| b"+#".contains(octet)) => {
            Err(RequestError::InvalidTopic)
        }
        Topic::Short(short) => Ok((Form::Short(short), "")),
    }
}
