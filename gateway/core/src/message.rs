//! An application message on its way through the broker.

use bytes::Bytes;
use std::sync::Arc;

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

/// An application message as it was published. Shared by all of its subscribers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The topic name, valid: at least one character, no wildcards, no U+0000.
    pub topic: Arc<str>,
    /// The payload; may be empty.
    pub payload: Bytes,
    /// As published.
    pub qos: Qos,
    /// As published: keep it for new subscribers.
    pub retain: bool,
}

impl Message {
    /// Octets of topic and payload.
    pub(crate) fn bytes(&self) -> usize {
        self.topic.len() + self.payload.len()
    }
}
