//! Messages on their way to one client: those that wait, and those in flight.

use crate::{Limits, Message, Qos, WhenFull};
use std::collections::VecDeque;
use std::sync::Arc;

/// A message for one subscriber.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(crate) message: Arc<Message>,
    /// The lower of the message's and the subscription's.
    pub(crate) qos: Qos,
    /// Sent because of a new subscription (MQTT 3.1.1 §3.3.1.3).
    pub(crate) retain: bool,
}

impl Queued {
    fn bytes(&self) -> usize {
        self.message.topic.len() + self.message.payload.len()
    }
}

/// A QoS 1 or 2 message that was sent and is not done.
#[derive(Debug)]
pub(crate) struct Inflight {
    pub(crate) id: u16,
    pub(crate) queued: Queued,
    pub(crate) phase: Phase,
}

/// How far a message in flight has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// PUBLISH was sent: PUBACK or PUBREC is missing.
    Published,
    /// PUBREC came: PUBREL was sent, PUBCOMP is missing.
    Released,
}

/// Everything that is to reach one client, in order.
#[derive(Debug, Default)]
pub(crate) struct Outbound {
    queue: VecDeque<Queued>,
    queue_bytes: usize,
    inflight: VecDeque<Inflight>,
    last_id: u16,
}

/// A queue that has drained below this many messages gives its memory back.
const SHRINK_BELOW: usize = 4;

impl Outbound {
    /// Appends a message, and hands back those that had to give way: perhaps itself.
    pub(crate) fn push(&mut self, queued: Queued, limits: &Limits, when_full: WhenFull) -> Vec<Queued> {
        let bytes = queued.bytes();
        let mut dropped = Vec::new();
        while self.queue.len() >= limits.queue_messages || self.queue_bytes + bytes > limits.queue_bytes {
            let oldest = match when_full {
                WhenFull::DropOldest if bytes <= limits.queue_bytes => self.pop(),
                WhenFull::DropOldest | WhenFull::DropNewest => None,
            };
            match oldest {
                Some(oldest) => dropped.push(oldest),
                None => {
                    dropped.push(queued);
                    return dropped;
                }
            }
        }
        self.append(queued, bytes);
        dropped
    }

    fn append(&mut self, queued: Queued, bytes: usize) {
        self.queue_bytes += bytes;
        self.queue.push_back(queued);
    }

    /// The message that waits longest, without those in flight.
    pub(crate) fn front(&self) -> Option<&Queued> {
        self.queue.front()
    }

    /// Takes the message that waits longest.
    pub(crate) fn pop(&mut self) -> Option<Queued> {
        let queued = self.queue.pop_front()?;
        self.queue_bytes -= queued.bytes();
        if self.queue.len() < SHRINK_BELOW && self.queue.capacity() > 16 * SHRINK_BELOW {
            self.queue.shrink_to(SHRINK_BELOW);
        }
        Some(queued)
    }

    /// Drops the messages of one topic that are not released yet, and says how many.
    pub(crate) fn drop_topic(&mut self, topic: &str) -> usize {
        let before = self.len();
        self.queue.retain(|queued| &*queued.message.topic != topic);
        self.queue_bytes = self.queue.iter().map(Queued::bytes).sum();
        self.inflight.retain(|sent| sent.phase == Phase::Released || &*sent.queued.message.topic != topic);
        before - self.len()
    }

    /// Moves the message that waits longest into flight, under a new id.
    pub(crate) fn launch(&mut self) -> Option<&Inflight> {
        let queued = self.pop()?;
        let id = self.next_id();
        self.inflight.push_back(Inflight { id, queued, phase: Phase::Published });
        self.inflight.back()
    }

    /// An id that is not in flight, never 0.
    pub(crate) fn next_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            // In flight are at most a few hundred of 65,535 ids: this ends.
            if self.inflight.iter().all(|inflight| inflight.id != self.last_id) {
                return self.last_id;
            }
        }
    }

    /// The oldest message in flight.
    pub(crate) fn inflight_front(&self) -> Option<&Inflight> {
        self.inflight.front()
    }

    pub(crate) fn inflight(&self) -> &VecDeque<Inflight> {
        &self.inflight
    }

    /// PUBACK or PUBCOMP, or a refusal: takes the message with this id out of flight if it is in `phase`.
    pub(crate) fn land(&mut self, id: u16, phase: Phase) -> Option<Queued> {
        let at = self.inflight.iter().position(|inflight| inflight.id == id && inflight.phase == phase)?;
        self.inflight.remove(at).map(|inflight| inflight.queued)
    }

    /// PUBREC: the message with this id awaits PUBCOMP from now on. `false` if no QoS 2 message has it.
    pub(crate) fn release(&mut self, id: u16) -> bool {
        let found =
            self.inflight.iter_mut().find(|inflight| inflight.id == id && inflight.queued.qos == Qos::ExactlyOnce);
        found.map(|inflight| inflight.phase = Phase::Released).is_some()
    }

    /// The QoS of the message in flight under an id.
    pub(crate) fn qos_in_flight(&self, id: u16) -> Option<Qos> {
        self.inflight.iter().find(|sent| sent.id == id).map(|sent| sent.queued.qos)
    }

    /// Messages that wait or are in flight.
    pub(crate) fn len(&self) -> usize {
        self.queue.len() + self.inflight.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued(topic: &str, payload: &'static [u8]) -> Queued {
        let message = Message { topic: topic.into(), payload: payload.into(), qos: Qos::AtLeastOnce, retain: false };
        Queued { message: Arc::new(message), qos: Qos::AtLeastOnce, retain: false }
    }

    fn topics(outbound: &Outbound) -> Vec<&str> {
        outbound.queue.iter().map(|queued| &*queued.message.topic).collect()
    }

    const TWO: Limits = Limits {
        clients: 1,
        client_id_len: 1,
        topic_name_len: 1,
        topic_ids_per_client: 1,
        subscriptions_per_client: 1,
        queue_messages: 2,
        queue_bytes: 10,
        mqtt_inflight: 1,
        incoming_qos2: 1,
        unknown_sender_answers_per_s: 1,
    };

    #[test]
    fn a_full_queue_drops_the_newest() {
        let mut outbound = Outbound::default();
        for topic in ["a", "b", "c"] {
            let dropped = outbound.push(queued(topic, b""), &TWO, WhenFull::DropNewest);
            assert_eq!(!dropped.is_empty(), topic == "c");
        }
        assert_eq!(topics(&outbound), ["a", "b"]);
    }

    #[test]
    fn a_full_queue_drops_the_oldest() {
        let mut outbound = Outbound::default();
        for topic in ["a", "b", "c"] {
            outbound.push(queued(topic, b""), &TWO, WhenFull::DropOldest);
        }
        assert_eq!(topics(&outbound), ["b", "c"]);
    }

    #[test]
    fn a_large_message_takes_the_room_of_several_but_never_of_all_in_vain() {
        let mut outbound = Outbound::default();
        for topic in ["a", "b"] {
            outbound.push(queued(topic, b"1234"), &TWO, WhenFull::DropOldest);
        }
        assert_eq!(outbound.push(queued("c", b"1234567890"), &TWO, WhenFull::DropOldest).len(), 1);
        assert_eq!(topics(&outbound), ["a", "b"]);
        assert_eq!(outbound.push(queued("c", b"123456789"), &TWO, WhenFull::DropOldest).len(), 2);
        assert_eq!(topics(&outbound), ["c"]);
    }

    #[test]
    fn octets_are_bounded_too() {
        let mut outbound = Outbound::default();
        assert!(outbound.push(queued("a", b"123456789"), &TWO, WhenFull::DropNewest).is_empty());
        assert_eq!(outbound.push(queued("b", b""), &TWO, WhenFull::DropNewest).len(), 1);
        outbound.pop();
        assert!(outbound.push(queued("b", b""), &TWO, WhenFull::DropNewest).is_empty());
    }

    #[test]
    fn an_id_in_flight_is_not_given_again() {
        let mut outbound = Outbound::default();
        outbound.push(queued("a", b""), &TWO, WhenFull::DropNewest);
        assert_eq!(outbound.launch().map(|inflight| inflight.id), Some(1));
        outbound.last_id = u16::MAX;
        assert_eq!(outbound.next_id(), 2);
    }

    #[test]
    fn a_message_lands_only_in_its_phase() {
        let mut outbound = Outbound::default();
        let exactly_once = Queued { qos: Qos::ExactlyOnce, ..queued("a", b"") };
        outbound.push(exactly_once, &TWO, WhenFull::DropNewest);
        outbound.launch();
        assert!(outbound.land(1, Phase::Released).is_none());
        assert!(outbound.release(1));
        assert!(outbound.land(1, Phase::Published).is_none());
        assert!(outbound.land(1, Phase::Released).is_some());
        assert_eq!(outbound.len(), 0);
    }
}
