//! Which message a payload is.

use sn_client::Qos;
use sn_types::Instant;

/// A client in the books: nodes first, then MQTT clients, in the order of the plan.
pub(crate) type ClientNo = u32;

/// A message's identity, which its payload carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MessageId {
    pub(crate) publisher: ClientNo,
    /// The topic's number in the books.
    pub(crate) topic: u32,
    /// Counted for each publisher and topic, from 0.
    pub(crate) number: u32,
}

/// A message as its payload tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) id: MessageId,
    /// The QoS it was published with.
    pub(crate) rank: u8,
    /// When.
    pub(crate) at: Instant,
}

impl Stamp {
    /// Octets that it takes.
    pub(crate) const LEN: usize = 20;

    /// As a payload, filled up with zeros to `len` octets.
    pub(crate) fn payload(self, len: usize) -> Vec<u8> {
        let MessageId { publisher, topic, number } = self.id;
        let rank_and_time = (u64::from(self.rank) << 56) | self.at.as_micros();
        let words = [publisher, topic, number].map(u32::to_be_bytes).concat();
        let mut payload = [&words[..], &rank_and_time.to_be_bytes()].concat();
        payload.resize(len.max(Self::LEN), 0);
        payload
    }

    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let (words, rest) = payload.split_first_chunk::<12>()?;
        let rank_and_time = u64::from_be_bytes(*rest.first_chunk()?);
        let word = |at: usize| words[at..].first_chunk().map(|octets| u32::from_be_bytes(*octets));
        let id = MessageId { publisher: word(0)?, topic: word(4)?, number: word(8)? };
        let at = Instant::from_micros(rank_and_time & ((1 << 56) - 1));
        Some(Self { id, rank: (rank_and_time >> 56) as u8, at })
    }
}

/// A message that has come to a node from outside of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The node's place in the plan.
    pub node: usize,
    /// Empty, if the node does not know what the topic id means.
    pub topic: String,
    /// The whole payload.
    pub payload: Vec<u8>,
    /// The QoS with which it came, 0 to 2.
    pub qos: u8,
    /// It was kept by the broker.
    pub retain: bool,
}

/// A QoS by its strength; -1 is delivered as 0.
pub(crate) const fn rank(qos: Qos) -> u8 {
    match qos {
        Qos::MinusOne | Qos::Zero => 0,
        Qos::One => 1,
        Qos::Two => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_says_which_message_it_is() {
        let id = MessageId { publisher: 7, topic: 8, number: u32::MAX };
        let stamp = Stamp { id, rank: 2, at: Instant::from_secs(86_400 * 3_650) };
        assert_eq!(Stamp::read(&stamp.payload(0)), Some(stamp));
        assert_eq!(Stamp::read(&stamp.payload(100)), Some(stamp));
        assert_eq!(stamp.payload(100).len(), 100);
        assert_eq!(Stamp::read(b"other"), None);
    }
}
