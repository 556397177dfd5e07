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
    /// Its place in the order of all messages to anybody: its name in the store.
    pub(crate) place: u64,
}

impl Queued {
    /// QoS 0 promises nothing and is not stored.
    fn is_durable(&self) -> bool {
        self.qos != Qos::AtMostOnce
    }

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
    /// The store knows that it is in flight, and how far.
    stored: Stored,
}

/// What the store knows of a message's flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    Nothing,
    /// Something older.
    Outdated,
    Current,
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
#[derive(Debug)]
pub(crate) struct Outbound {
    queue: VecDeque<Queued>,
    queue_bytes: usize,
    inflight: VecDeque<Inflight>,
    last_id: u16,
    /// Ids up to this one may be in use when the process ends: afterwards ids start beyond.
    reserved_id: u16,
    changes: Changes,
}

/// What the store does not know yet of a queue.
#[derive(Debug, Default)]
struct Changes {
    /// There is a store, and the session is kept in it.
    tracked: bool,
    /// The store has every message up to this place.
    stored_up_to: u64,
    /// Places of messages that the store has and the queue has not, with or without a flight.
    gone: Vec<(u64, bool)>,
}

/// Ids are reserved in the store this many at a time.
const RESERVE: u16 = 256;

/// A queue that has drained below this many messages gives its memory back.
const SHRINK_BELOW: usize = 4;

impl Outbound {
    pub(crate) fn new(tracked: bool) -> Self {
        Self {
            queue: VecDeque::new(),
            queue_bytes: 0,
            inflight: VecDeque::new(),
            last_id: 0,
            reserved_id: 0,
            changes: Changes { tracked, ..Changes::default() },
        }
    }

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

    /// Takes the message that waits longest: it is sent at QoS 0, or dropped.
    pub(crate) fn pop(&mut self) -> Option<Queued> {
        let queued = self.take_front()?;
        self.changes.gone(&queued, Stored::Nothing);
        Some(queued)
    }

    fn take_front(&mut self) -> Option<Queued> {
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
        let changes = &mut self.changes;
        self.queue.retain(|queued| {
            let stays = &*queued.message.topic != topic;
            if !stays {
                changes.gone(queued, Stored::Nothing);
            }
            stays
        });
        self.inflight.retain(|sent| {
            let stays = sent.phase == Phase::Released || &*sent.queued.message.topic != topic;
            if !stays {
                changes.gone(&sent.queued, sent.stored);
            }
            stays
        });
        self.queue_bytes = self.queue.iter().map(Queued::bytes).sum();
        before - self.len()
    }

    /// Moves the message that waits longest into flight, under a new id.
    pub(crate) fn launch(&mut self) -> Option<&Inflight> {
        let queued = self.take_front()?;
        let id = self.next_id();
        self.inflight.push_back(Inflight { id, queued, phase: Phase::Published, stored: Stored::Nothing });
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
        let landed = self.inflight.remove(at)?;
        self.changes.gone(&landed.queued, landed.stored);
        Some(landed.queued)
    }

    /// PUBREC: the message with this id awaits PUBCOMP from now on. `false` if no QoS 2 message has it.
    pub(crate) fn release(&mut self, id: u16) -> bool {
        let found =
            self.inflight.iter_mut().find(|inflight| inflight.id == id && inflight.queued.qos == Qos::ExactlyOnce);
        let Some(inflight) = found else { return false };
        if inflight.phase != Phase::Released {
            inflight.phase = Phase::Released;
            inflight.stored = inflight.stored.outdated();
        }
        true
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

impl Stored {
    const fn outdated(self) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::Outdated | Self::Current => Self::Outdated,
        }
    }
}

impl Changes {
    /// A message has left the queue or its flight. What the store never had need not be deleted there.
    fn gone(&mut self, queued: &Queued, flight: Stored) {
        if self.tracked && queued.is_durable() && queued.place <= self.stored_up_to {
            self.gone.push((queued.place, flight != Stored::Nothing));
        }
    }
}

/// A change for the store.
pub(crate) enum Change<'a> {
    Put(&'a Queued),
    PutFlight { place: u64, id: u16, phase: Phase },
    Delete { place: u64, flight: bool },
}

/// For the store.
impl Outbound {
    /// Tells all that the store does not know yet; it does from now on.
    pub(crate) fn take_changes(&mut self, mut tell: impl FnMut(Change<'_>)) {
        let stored_up_to = self.changes.stored_up_to;
        for (place, flight) in self.changes.gone.drain(..) {
            tell(Change::Delete { place, flight });
        }
        let unknown = |queued: &&Queued| queued.place > stored_up_to && queued.is_durable();
        for inflight in &mut self.inflight {
            Some(&inflight.queued).filter(unknown).into_iter().for_each(|queued| tell(Change::Put(queued)));
            if inflight.stored != Stored::Current {
                inflight.stored = Stored::Current;
                let Inflight { id, phase, ref queued, .. } = *inflight;
                tell(Change::PutFlight { place: queued.place, id, phase });
            }
        }
        // Places only grow, so the unknown messages are the last ones.
        let known = self.queue.partition_point(|queued| queued.place <= stored_up_to);
        self.queue.iter().skip(known).filter(unknown).for_each(|queued| tell(Change::Put(queued)));
        let last_queued = self.queue.back().map(|queued| queued.place);
        let last_sent = self.inflight.back().map(|inflight| inflight.queued.place);
        self.changes.stored_up_to = last_queued.or(last_sent).unwrap_or(stored_up_to).max(stored_up_to);
    }

    /// The session is removed: tells what the store has to delete.
    pub(crate) fn forget(&mut self, mut tell: impl FnMut(Change<'_>)) {
        self.queue.drain(..).for_each(|queued| self.changes.gone(&queued, Stored::Nothing));
        self.inflight.drain(..).for_each(|sent| self.changes.gone(&sent.queued, sent.stored));
        self.changes.gone.drain(..).for_each(|(place, flight)| tell(Change::Delete { place, flight }));
    }

    /// Everything that the store should have.
    pub(crate) fn durable(&self) -> impl Iterator<Item = (&Queued, Option<(u16, Phase)>)> {
        let sent = self.inflight.iter().map(|inflight| (&inflight.queued, Some((inflight.id, inflight.phase))));
        let waiting = self.queue.iter().map(|queued| (queued, None));
        sent.chain(waiting).filter(|(queued, _)| queued.is_durable())
    }

    /// Reserves more ids, if the last reserved one is near. `true`: the store is to be told.
    pub(crate) fn reserve_ids(&mut self) -> bool {
        let near = self.reserved_id.wrapping_sub(self.last_id) < RESERVE / 2;
        if near {
            self.reserved_id = self.last_id.wrapping_add(RESERVE);
        }
        near
    }

    pub(crate) const fn reserved_id(&self) -> u16 {
        self.reserved_id
    }

    /// Appends a message from the store, in the order of places. Ids start after the reserved ones.
    pub(crate) fn restore(&mut self, queued: Queued, flight: Option<(u16, Phase)>) {
        self.changes.stored_up_to = queued.place;
        match flight {
            Some((id, phase)) => self.inflight.push_back(Inflight { id, queued, phase, stored: Stored::Current }),
            None => {
                let bytes = queued.bytes();
                self.append(queued, bytes);
            }
        }
    }

    /// Sets where ids go on after a restart.
    pub(crate) fn restore_ids(&mut self, reserved_id: u16) {
        (self.last_id, self.reserved_id) = (reserved_id, reserved_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued(topic: &str, payload: &'static [u8]) -> Queued {
        let message = Message { topic: topic.into(), payload: payload.into(), qos: Qos::AtLeastOnce, retain: false };
        Queued { message: Arc::new(message), qos: Qos::AtLeastOnce, retain: false, place: 1 }
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
        let mut outbound = Outbound::new(false);
        for topic in ["a", "b", "c"] {
            let dropped = outbound.push(queued(topic, b""), &TWO, WhenFull::DropNewest);
            assert_eq!(!dropped.is_empty(), topic == "c");
        }
        assert_eq!(topics(&outbound), ["a", "b"]);
    }

    #[test]
    fn a_full_queue_drops_the_oldest() {
        let mut outbound = Outbound::new(false);
        for topic in ["a", "b", "c"] {
            outbound.push(queued(topic, b""), &TWO, WhenFull::DropOldest);
        }
        assert_eq!(topics(&outbound), ["b", "c"]);
    }

    #[test]
    fn a_large_message_takes_the_room_of_several_but_never_of_all_in_vain() {
        let mut outbound = Outbound::new(false);
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
        let mut outbound = Outbound::new(false);
        assert!(outbound.push(queued("a", b"123456789"), &TWO, WhenFull::DropNewest).is_empty());
        assert_eq!(outbound.push(queued("b", b""), &TWO, WhenFull::DropNewest).len(), 1);
        outbound.pop();
        assert!(outbound.push(queued("b", b""), &TWO, WhenFull::DropNewest).is_empty());
    }

    #[test]
    fn an_id_in_flight_is_not_given_again() {
        let mut outbound = Outbound::new(false);
        outbound.push(queued("a", b""), &TWO, WhenFull::DropNewest);
        assert_eq!(outbound.launch().map(|inflight| inflight.id), Some(1));
        outbound.last_id = u16::MAX;
        assert_eq!(outbound.next_id(), 2);
    }

    #[test]
    fn a_message_lands_only_in_its_phase() {
        let mut outbound = Outbound::new(false);
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
