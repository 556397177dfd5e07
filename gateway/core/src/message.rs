//! An application message on its way through the broker.

use bytes::Bytes;
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
    topic: Arc<str>,
    qos: Qos,
    retain: bool,
}

impl Message {
    /// A message on `topic`, which is valid: at least one character, no wildcards, no U+0000. The payload may be empty.
    #[must_use]
    pub fn new(topic: Arc<str>, payload: &[u8], qos: Qos, retain: bool) -> Self {
        Self(ThinArc::from_header_and_slice(Head { topic, qos, retain }, payload))
    }

    /// The topic name.
    #[must_use]
    pub fn topic(&self) -> &Arc<str> {
        &self.0.header.header.topic
    }

    /// The payload; may be empty.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.0.slice
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

    /// Octets of topic and payload.
    pub(crate) fn bytes(&self) -> usize {
        self.topic().len() + self.payload().len()
    }
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
}
