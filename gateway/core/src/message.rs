//! An application message on its way through the broker.

use crate::mqtt::MessageProperties;
use bytes::Bytes;
use sn_types::Instant;
use std::num::NonZeroU32;
use std::sync::Arc;
use triomphe::ThinArc;

/// Quality of service of a message inside the broker (MQTT 3.1.1 §4.3). QoS -1 has become 0 here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Qos {
    /// At most once.
    #[default]
    AtMostOnce = 0,
    /// At least once.
    AtLeastOnce = 1,
    /// Exactly once.
    ExactlyOnce = 2,
}

/// An application message as it was published. Clones are the same message: one allocation, payload and all, that its
/// subscribers share. Sleepers let very many wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message(ThinArc<Head, u8>);

/// What is before the payload.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    subject: Subject,
    qos: Qos,
    retain: bool,
}

/// The topic, alone as with most messages, or with details.
#[derive(Debug, PartialEq, Eq)]
enum Subject {
    Topic(Arc<str>),
    Detailed(Box<Detailed>),
}

// A message without details costs no more for those that have some.
const _: () = assert!(size_of::<Subject>() == size_of::<Arc<str>>());

#[derive(Debug, PartialEq, Eq)]
struct Detailed {
    topic: Arc<str>,
    details: Details,
    /// Of the properties.
    bytes: usize,
    /// The message with the payload, if this is a copy of it for one subscriber.
    original: Option<Message>,
}

/// What only MQTT 5 has to say of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// When it is of no use any more; `None` is never.
    pub expires: Option<Instant>,
    /// What its publisher says of it.
    pub properties: Option<Arc<MessageProperties>>,
    /// Of the subscriptions for whose sake one subscriber gets it.
    pub subscription_ids: Vec<NonZeroU32>,
}

impl Message {
    /// A message on `topic`, which is valid: at least one character, no wildcards, no U+0000. The payload may be empty.
    #[must_use]
    pub fn new(topic: Arc<str>, payload: &[u8], qos: Qos, retain: bool) -> Self {
        Self::from_head(Subject::Topic(topic), payload, qos, retain)
    }

    /// The same with details.
    #[must_use]
    pub fn detailed(topic: Arc<str>, payload: &[u8], qos: Qos, retain: bool, details: Details) -> Self {
        let subject = if details == Details::default() {
            Subject::Topic(topic)
        } else {
            let bytes = details.properties.as_ref().map_or(0, |properties| memory(properties));
            Subject::Detailed(Box::new(Detailed { topic, details, bytes, original: None }))
        };
        Self::from_head(subject, payload, qos, retain)
    }

    /// The message as a subscriber gets it who has given its subscriptions identifiers. The payload is shared.
    #[must_use]
    pub(crate) fn with_subscription_ids(&self, subscription_ids: Vec<NonZeroU32>) -> Self {
        let has_none = self.details().is_none_or(|details| details.subscription_ids.is_empty());
        if subscription_ids.is_empty() && has_none {
            return self.clone();
        }
        let details = Details { subscription_ids, ..self.details().cloned().unwrap_or_default() };
        let (topic, bytes) = (self.topic().clone(), self.property_bytes());
        let detailed = Detailed { topic, details, bytes, original: Some(self.clone()) };
        Self::from_head(Subject::Detailed(Box::new(detailed)), &[], self.qos(), self.retain())
    }

    /// The message as it was published, without what is of one subscriber.
    pub(crate) fn original(&self) -> &Self {
        self.as_detailed().and_then(|detailed| detailed.original.as_ref()).unwrap_or(self)
    }

    fn from_head(subject: Subject, payload: &[u8], qos: Qos, retain: bool) -> Self {
        Self(ThinArc::from_header_and_slice(Head { subject, qos, retain }, payload))
    }

    /// The topic name.
    #[must_use]
    pub fn topic(&self) -> &Arc<str> {
        match &self.0.header.header.subject {
            Subject::Topic(topic) => topic,
            Subject::Detailed(detailed) => &detailed.topic,
        }
    }

    fn as_detailed(&self) -> Option<&Detailed> {
        match &self.0.header.header.subject {
            Subject::Topic(_) => None,
            Subject::Detailed(detailed) => Some(detailed),
        }
    }

    /// What MQTT 5 has said of it, if anything.
    #[must_use]
    pub fn details(&self) -> Option<&Details> {
        self.as_detailed().map(|detailed| &detailed.details)
    }

    /// When it is of no use any more.
    #[must_use]
    pub fn expires(&self) -> Instant {
        self.details().and_then(|details| details.expires).unwrap_or(Instant::FAR_FUTURE)
    }

    /// The payload; may be empty.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        match self.as_detailed().and_then(|detailed| detailed.original.as_ref()) {
            Some(original) => original.payload(),
            None => &self.0.slice,
        }
    }

    /// The payload, which keeps the message for as long as it is needed itself.
    #[must_use]
    pub fn shared_payload(&self) -> Bytes {
        Bytes::from_owner(Payload(self.clone()))
    }

    /// As published.
    #[must_use]
    pub fn qos(&self) -> Qos {
        self.0.header.header.qos
    }

    /// As published: keep it for new subscribers.
    #[must_use]
    pub fn retain(&self) -> bool {
        self.0.header.header.retain
    }

    /// Whether nobody else has it.
    pub(crate) fn is_unshared(&self) -> bool {
        ThinArc::strong_count(&self.0) == 1
    }

    fn property_bytes(&self) -> usize {
        self.as_detailed().map_or(0, |detailed| detailed.bytes)
    }

    /// Octets of topic, payload and properties; a user property counts as the memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.topic().len() + self.payload().len() + self.property_bytes()
    }
}

/// What a user property takes in memory beside its octets: two pointers with their lengths, and two allocations.
const USER_PROPERTY: usize = 90;

/// About how many octets of memory properties take.
fn memory(properties: &MessageProperties) -> usize {
    properties.wire_len() + properties.user_properties.len() * USER_PROPERTY
}

/// What [`Message::shared_payload`] points to.
struct Payload(Message);

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        self.0.payload()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_payload_outlives_the_message() {
        let message = Message::new("a/b".into(), b"12", Qos::AtLeastOnce, true);
        let copy = message.clone();
        assert_eq!(
            (&**copy.topic(), copy.payload(), copy.qos(), copy.retain()),
            ("a/b", &b"12"[..], Qos::AtLeastOnce, true)
        );
        let payload = message.shared_payload();
        assert_eq!(payload.as_ptr(), copy.payload().as_ptr());
        drop((message, copy));
        assert_eq!(payload, b"12"[..]);
    }

    #[test]
    fn short_user_properties_count_as_the_memory_they_take() {
        let user_properties = vec![("".into(), "".into()); 1_000];
        let properties = MessageProperties { user_properties, ..MessageProperties::default() };
        let details = Details { properties: Some(Arc::new(properties)), ..Details::default() };
        let message = Message::detailed("a".into(), b"", Qos::AtLeastOnce, false, details);
        assert_eq!(message.bytes(), 1 + 1_000 * (5 + USER_PROPERTY));
    }

    #[test]
    fn a_copy_for_one_subscriber_shares_the_payload_and_the_properties() {
        let properties = MessageProperties { content_type: Some("text".into()), ..MessageProperties::default() };
        let details = Details { properties: Some(Arc::new(properties)), ..Details::default() };
        let message = Message::detailed("a/b".into(), b"12", Qos::AtLeastOnce, true, details);
        let copy = message.with_subscription_ids(vec![NonZeroU32::MIN]);
        assert_eq!(copy.payload().as_ptr(), message.payload().as_ptr());
        assert_eq!(copy.shared_payload().as_ptr(), message.payload().as_ptr());
        assert_eq!((copy.bytes(), message.bytes()), (12, 12));
        let details = copy.details().unwrap();
        assert_eq!(details.properties, message.details().unwrap().properties);
        assert_eq!(details.subscription_ids, [NonZeroU32::MIN]);
    }
}
