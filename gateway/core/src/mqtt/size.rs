//! How long a PUBLISH or an AUTH is in MQTT 5: a client may say which packets are too long for it.

use super::{Auth, MessageProperties, Publish};

/// Octets of a variable byte integer (MQTT 5 §1.5.5).
#[must_use]
pub const fn variable_len(value: usize) -> usize {
    match value {
        0..=127 => 1,
        128..=16_383 => 2,
        16_384..=2_097_151 => 3,
        _ => 4,
    }
}

/// Octets of a string or of binary data, with the length before them.
const fn text_len(octets: usize) -> usize {
    2 + octets
}

impl Publish {
    /// Octets of its properties, without their length and without a topic alias.
    #[must_use]
    pub fn properties_len(&self) -> usize {
        let expiry = if self.message_expiry_s.is_some() { 5 } else { 0 };
        let ids: usize = self.subscription_ids.iter().map(|id| 1 + variable_len(id.get() as usize)).sum();
        expiry + ids + self.properties.as_ref().map_or(0, |properties| properties.wire_len())
    }

    /// Octets of the whole packet, without a topic alias.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        let id = if self.id.is_some() { 2 } else { 0 };
        let properties = self.properties_len();
        let len = text_len(self.topic.len()) + id + variable_len(properties) + properties + self.payload.len();
        1 + variable_len(len) + len
    }
}

impl Auth {
    /// Octets of the whole packet.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        let data = if self.data.is_empty() { 0 } else { 1 + text_len(self.data.len()) };
        let properties = 1 + text_len(self.method.len()) + data;
        let len = 1 + variable_len(properties) + properties;
        1 + variable_len(len) + len
    }
}

impl MessageProperties {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Octets of all of them, each with its identifier.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        let format = if self.payload_is_utf8 { 2 } else { 0 };
        let texts = [&self.content_type, &self.response_topic].into_iter().flatten().map(|text| text.len());
        let data = self.correlation_data.iter().map(|data| data.len());
        let users = self.user_properties.iter().map(|(name, value)| 1 + text_len(name.len()) + text_len(value.len()));
        format + texts.chain(data).map(|len| 1 + text_len(len)).sum::<usize>() + users.sum::<usize>()
    }
}
