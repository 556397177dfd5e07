//! Messages on their way to one client: those that wait, and those in flight.

mod flights;
mod received;
mod stored;

pub(crate) use stored::Change;

use super::handling::Handling;
use super::queue::{Glance, Queue, Queued, Size, Spot, Totals};
use crate::short::Short;
use crate::{DropReason, Keep, Limits, Qos, WhenFull};
use flights::Flights;
use sn_types::Instant;
use std::borrow::Cow;
use std::sync::Arc;

/// A QoS 1 or 2 message that was sent and is not done.
#[derive(Debug)]
pub(crate) struct Inflight {
    pub(crate) id: u16,
    pub(crate) queued: Queued,
    pub(crate) phase: Phase,
    /// The client may have been sent it: the next time is a repetition.
    pub(crate) sent: bool,
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

/// A message that a session still has when it ends.
#[derive(Debug)]
pub(crate) struct Left {
    pub(super) queued: Queued,
    /// If it is for a group, another member may get it instead: at QoS 2 only if it was not sent (MQTT-4.8.2-5).
    pub(super) may_go_on: bool,
}

/// Everything that is to reach one client, in order.
#[derive(Debug)]
pub(crate) struct Outbound {
    queue: Queue,
    flights: Flights,
    /// When it was empty last, or when the gateway has started since.
    filled: Instant,
    last_id: u16,
    /// The ids in flight are in the order in which they were given.
    ids_in_order: bool,
    /// Ids up to this one may be in use when the process ends: afterwards ids start beyond.
    reserved_id: u16,
    /// `None`: there is no store, or the session is not kept in it.
    changes: Option<Changes>,
}

// There is one for each client.
const _: () = assert!(size_of::<Outbound>() == 88);

/// What the store does not know yet of a queue.
#[derive(Debug, Default)]
struct Changes {
    /// The store has every message up to this place.
    stored_up_to: u64,
    /// Places of messages that the store has and the queue has not, with or without a flight.
    gone: Short<(u64, bool)>,
}

/// The largest id of a message. A bridge numbers its own requests to the other broker with those above, which its
/// messages go to under the ids that they have here.
pub const LARGEST_MESSAGE_ID: u16 = 0xFFF0;

/// Ids are reserved in the store this many at a time.
const RESERVE: u16 = 256;

impl Outbound {
    pub(crate) fn new(tracked: bool, totals: &Arc<Totals>) -> Self {
        Self {
            queue: Queue::new(totals),
            flights: Flights::default(),
            filled: Instant::ZERO,
            last_id: 0,
            ids_in_order: true,
            reserved_id: 0,
            changes: tracked.then(Changes::default),
        }
    }

    /// Appends a message, and hands back those that had to give way, perhaps itself, and why.
    pub(crate) fn push(
        &mut self,
        now: Instant,
        queued: Queued,
        how: Handling,
        limits: &Limits,
    ) -> Vec<(Queued, DropReason)> {
        if self.len() == 0 {
            self.filled = now;
        }
        let mut dropped = Vec::new();
        // While all queues together are full, each is looked through from time to time, not with every message.
        if let Some((DropReason::QueueFull, _)) = self.overflow(&queued, limits) {
            let expired = self.queue.extract_expired(now, true);
            self.all_gone(&expired);
            dropped.extend(expired.into_iter().map(|old| (old, DropReason::Expired)));
        }
        let older = self.superseded(&queued, how.keep);
        if let Some((reason, excess)) = self.overflow(&queued, limits) {
            let oldest_go = how.when_full == WhenFull::DropOldest && reason == DropReason::QueueFull;
            // Nothing goes in vain.
            if !self.queue.can_shrink(excess, oldest_go.then_some(queued.priority), &older) {
                dropped.push((queued, reason));
                return dropped;
            }
        }
        for older in older {
            let Some(older) = self.queue.take(older) else { continue };
            self.gone(&older, Stored::Nothing);
            dropped.push((older, DropReason::Superseded));
        }
        while self.overflow(&queued, limits).is_some() {
            let Some(oldest) = self.pop_least() else { break };
            dropped.push((oldest, DropReason::QueueFull));
        }
        self.queue.push(queued);
        dropped
    }

    /// What a message takes the place of. One that may be lost leaves those alone whose publishers have been promised that
    /// they are not.
    fn superseded(&mut self, queued: &Queued, keep: Keep) -> Vec<Spot> {
        let mut older = match keep {
            Keep::Latest => self.queue.of_topic(queued.message.topic()),
            Keep::All => Vec::new(),
        };
        older.retain(|older| queued.is_durable() || !older.is_durable);
        older
    }

    /// Which limit a message would break, and by how much.
    fn overflow(&self, queued: &Queued, limits: &Limits) -> Option<(DropReason, Size)> {
        let (queue, totals) = (&self.queue, self.queue.totals());
        let messages = (queue.len() + 1).saturating_sub(limits.queue_messages);
        let bytes = (queue.bytes() + queued.bytes()).saturating_sub(limits.queue_bytes);
        let total = totals.excess(queued, limits);
        if (messages, bytes) != (0, 0) {
            let excess = Size { messages: messages.max(total.messages), bytes: bytes.max(total.bytes) };
            return Some((DropReason::QueueFull, excess));
        }
        (total != Size::default()).then_some((DropReason::TotalQueueFull, total))
    }

    /// Whether no other message has room.
    pub(super) fn is_full(&self, limits: &Limits) -> bool {
        self.queue.len() >= limits.queue_messages || self.queue.bytes() >= limits.queue_bytes
    }

    fn extract(&mut self, goes: impl FnMut(Glance<'_>) -> bool) -> Vec<Queued> {
        let taken = self.queue.extract(goes);
        self.all_gone(&taken);
        taken
    }

    /// Takes out the waiting messages that are of no use any more.
    pub(super) fn drop_expired(&mut self, now: Instant) -> Vec<Queued> {
        let expired = self.queue.extract_expired(now, false);
        self.all_gone(&expired);
        expired
    }

    /// Whether there may be such.
    pub(super) fn may_have_expired(&self, now: Instant) -> bool {
        self.queue.may_have_expired(now)
    }

    fn pop_least(&mut self) -> Option<Queued> {
        let queued = self.queue.pop_least()?;
        self.gone(&queued, Stored::Nothing);
        Some(queued)
    }

    /// Messages have left the queue that were not in flight.
    fn all_gone(&mut self, taken: &[Queued]) {
        taken.iter().for_each(|queued| self.gone(queued, Stored::Nothing));
    }

    /// A message has left the queue or its flight. What the store never had need not be deleted there.
    fn gone(&mut self, queued: &Queued, flight: Stored) {
        let Some(changes) = &mut self.changes else { return };
        if queued.is_durable() && queued.place <= changes.stored_up_to {
            changes.gone.push((queued.place, flight != Stored::Nothing));
        }
    }

    /// The client does not listen: what waits for it may take less memory and more time.
    pub(crate) fn pack(&mut self) {
        self.queue.pack();
        self.flights.rest();
    }

    /// The next message, without those in flight.
    pub(crate) fn front(&mut self) -> Option<&Queued> {
        self.queue.front()
    }

    /// Takes the next message: it is sent at QoS 0, or dropped.
    pub(crate) fn pop(&mut self) -> Option<Queued> {
        let queued = self.queue.pop_front()?;
        self.gone(&queued, Stored::Nothing);
        Some(queued)
    }

    /// Drops the messages of one topic that are not released yet. Answers with how many there were, and with the ids of
    /// those that were in flight and their QoS.
    pub(crate) fn drop_topic(&mut self, topic: &str) -> (usize, Vec<(u16, Qos)>) {
        let waiting = self.extract(|waiting| waiting.topic == topic).len();
        let goes = |sent: &Inflight| sent.phase != Phase::Released && **sent.queued.message.topic() == *topic;
        let flights = self.flights.extract(goes);
        flights.iter().for_each(|sent| self.gone(&sent.queued, sent.stored));
        (waiting + flights.len(), flights.iter().map(|sent| (sent.id, sent.queued.qos)).collect())
    }

    /// Drops the waiting messages of topics that `goes` selects, and says of which topic each was.
    pub(crate) fn drop_waiting(&mut self, mut goes: impl FnMut(&str) -> bool) -> Vec<Arc<str>> {
        let dropped = self.extract(|waiting| goes(waiting.topic));
        dropped.iter().map(|queued| queued.message.topic().clone()).collect()
    }

    /// Copies of the `wanted` among the messages that the client does not have for certain.
    pub(crate) fn left(&self, wanted: impl Fn(&Queued) -> bool) -> Vec<Left> {
        let sent = self.flights.iter().filter(|sent| sent.phase != Phase::Released).map(|sent| &sent.queued);
        let sent = sent.map(|queued| (Cow::Borrowed(queued), queued.qos == Qos::AtLeastOnce));
        let all = sent.chain(self.queue.after(0).map(|queued| (queued, true)));
        let wanted = all.filter(|(queued, _)| wanted(queued));
        wanted.map(|(queued, may_go_on)| Left { queued: queued.into_owned(), may_go_on }).collect()
    }

    /// Whether the next message may go into flight: no more than `window` messages may be there, and no more than `bytes`
    /// octets, unless it is alone.
    pub(crate) fn may_launch(&mut self, window: usize, bytes: usize) -> bool {
        let next = self.front().map_or(0, Queued::bytes);
        self.flights.is_empty() || (self.flights.len() < window && self.flights.bytes() + next <= bytes)
    }

    /// Moves the next message into flight, under a new id.
    pub(crate) fn launch(&mut self) -> Option<&Inflight> {
        let queued = self.queue.pop_front()?;
        let id = self.next_id();
        let (phase, sent, stored) = (Phase::Published, true, Stored::Nothing);
        self.flights.launch(Inflight { id, queued, phase, sent, stored }, self.queue.totals());
        self.flights.back()
    }

    /// The message in flight under this id is sent, perhaps not for the first time. Answers whether it was before.
    pub(crate) fn send_again(&mut self, id: u16) -> bool {
        let inflight = self.flights.iter_mut().find(|inflight| inflight.id == id);
        inflight.is_some_and(|inflight| std::mem::replace(&mut inflight.sent, true))
    }

    /// An id that is not in flight, never 0.
    pub(crate) fn next_id(&mut self) -> u16 {
        loop {
            self.last_id = if self.last_id < LARGEST_MESSAGE_ID { self.last_id + 1 } else { 1 };
            // In flight are at most a few thousand of 65,535 ids: this ends.
            if self.is_free(self.last_id) {
                return self.last_id;
            }
        }
    }

    /// Ids are given in order, so those in flight lie between the oldest and the newest; after a restart they may not.
    fn is_free(&self, id: u16) -> bool {
        let (Some(oldest), Some(newest)) = (self.flights.front(), self.flights.back()) else { return true };
        let outside = id.wrapping_sub(oldest.id) > newest.id.wrapping_sub(oldest.id);
        (self.ids_in_order && outside) || self.flights.iter().all(|inflight| inflight.id != id)
    }

    /// The oldest message in flight.
    pub(crate) fn inflight_front(&self) -> Option<&Inflight> {
        self.flights.front()
    }

    /// The messages in flight, in order.
    pub(crate) fn inflight(&self) -> impl Iterator<Item = &Inflight> {
        self.flights.iter()
    }

    /// PUBACK or PUBCOMP, or a refusal: takes the message with this id out of flight if it is in `phase`.
    pub(crate) fn land(&mut self, id: u16, phase: Phase) -> Option<Queued> {
        let landed = self.flights.take(|inflight| inflight.id == id && inflight.phase == phase)?;
        self.ids_in_order |= self.flights.is_empty();
        self.gone(&landed.queued, landed.stored);
        Some(landed.queued)
    }

    /// Lands a message whose client has acknowledged it. One that it was not sent it cannot mean, but another one that had
    /// the id before.
    pub(crate) fn land_sent(&mut self, id: u16, phase: Phase) -> Option<Queued> {
        self.flights.iter().find(|inflight| inflight.id == id && inflight.sent)?;
        self.land(id, phase)
    }

    /// PUBREC: the message with this id awaits PUBCOMP from now on. `false` if no QoS 2 message has it.
    pub(crate) fn release(&mut self, id: u16) -> bool {
        let found =
            self.flights.iter_mut().find(|inflight| inflight.id == id && inflight.queued.qos == Qos::ExactlyOnce);
        let Some(inflight) = found else { return false };
        if inflight.phase != Phase::Released {
            inflight.phase = Phase::Released;
            inflight.stored = inflight.stored.outdated();
        }
        true
    }

    /// The place of the message in flight under an id, if it has this QoS.
    pub(crate) fn place_in_flight(&self, id: u16, qos: Qos) -> Option<usize> {
        self.flights.iter().position(|sent| sent.id == id && sent.queued.qos == qos)
    }

    /// Octets of the messages that wait.
    pub(crate) const fn bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// Messages that were sent and are not done.
    pub(crate) fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// Since when there has always been something; `None` if there is nothing.
    pub(crate) fn filled_since(&self) -> Option<Instant> {
        (self.len() > 0).then_some(self.filled)
    }

    /// Messages that wait or are in flight.
    pub(crate) fn len(&self) -> usize {
        self.queue.len() + self.flights.len()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Core, Message};

    /// How a core handles a message that no rule is about.
    fn how(when_full: WhenFull) -> Handling {
        Core::new(Config { when_full, ..Config::default() }).handling(Instant::ZERO, "a")
    }

    fn queued(topic: &str, payload: &'static [u8]) -> Queued {
        let message = Message::new(topic.into(), payload, Qos::AtLeastOnce, false);
        let expires = Instant::FAR_FUTURE;
        Queued { message, qos: Qos::AtLeastOnce, retain: false, priority: 0, place: 1, group: None, expires }
    }

    fn outbound() -> Outbound {
        Outbound::new(false, &Arc::default())
    }

    /// Two messages, ten octets; pushes with `when_full` and says what was dropped.
    fn push(outbound: &mut Outbound, queued: Queued, when_full: WhenFull) -> usize {
        let limits = Limits { queue_messages: 2, queue_bytes: 10, ..Limits::default() };
        outbound.push(Instant::from_secs(10), queued, how(when_full), &limits).len()
    }

    fn topics(outbound: &Outbound) -> Vec<String> {
        outbound.queue.after(0).map(|queued| queued.message.topic().to_string()).collect()
    }

    #[test]
    fn a_full_queue_drops_the_newest() {
        let mut outbound = outbound();
        for (topic, dropped) in [("a", 0), ("b", 0), ("c", 1)] {
            assert_eq!(push(&mut outbound, queued(topic, b""), WhenFull::DropNewest), dropped);
        }
        assert_eq!(topics(&outbound), ["a", "b"]);
    }

    #[test]
    fn a_full_queue_drops_the_oldest() {
        let mut outbound = outbound();
        for topic in ["a", "b", "c"] {
            push(&mut outbound, queued(topic, b""), WhenFull::DropOldest);
        }
        assert_eq!(topics(&outbound), ["b", "c"]);
    }

    #[test]
    fn a_large_message_takes_the_room_of_several_but_never_of_all_in_vain() {
        let mut outbound = outbound();
        for topic in ["a", "b"] {
            push(&mut outbound, queued(topic, b"1234"), WhenFull::DropOldest);
        }
        assert_eq!(push(&mut outbound, queued("c", b"1234567890"), WhenFull::DropOldest), 1);
        assert_eq!(topics(&outbound), ["a", "b"]);
        assert_eq!(push(&mut outbound, queued("c", b"123456789"), WhenFull::DropOldest), 2);
        assert_eq!(topics(&outbound), ["c"]);
    }

    #[test]
    fn octets_are_bounded_too() {
        let mut outbound = outbound();
        assert_eq!(push(&mut outbound, queued("a", b"123456789"), WhenFull::DropNewest), 0);
        assert_eq!(push(&mut outbound, queued("b", b""), WhenFull::DropNewest), 1);
        outbound.pop();
        assert_eq!(push(&mut outbound, queued("b", b""), WhenFull::DropNewest), 0);
    }

    #[test]
    fn what_has_expired_gives_way_first() {
        let mut outbound = outbound();
        let expired = Queued { expires: Instant::from_secs(9), ..queued("old", b"") };
        outbound.queue.push(queued("a", b""));
        outbound.queue.push(expired);
        assert_eq!(push(&mut outbound, queued("b", b""), WhenFull::DropNewest), 1);
        assert_eq!(topics(&outbound), ["a", "b"]);
    }

    #[test]
    fn an_id_in_flight_is_not_given_again() {
        let mut outbound = outbound();
        for topic in ["a", "b"] {
            outbound.queue.push(queued(topic, b""));
            outbound.launch();
        }
        outbound.last_id = u16::MAX;
        assert_eq!(outbound.next_id(), 3);
        outbound.restore(queued("c", b""), Some((5, Phase::Published)));
        assert_eq!((outbound.next_id(), outbound.next_id()), (4, 6));
    }

    #[test]
    fn ids_given_out_before_the_first_commit_are_reserved_by_it() {
        for given in [1, 2, RESERVE, RESERVE + 1, 1_000] {
            let mut outbound = outbound();
            let last = (0..given).map(|_| outbound.next_id()).last();
            assert_eq!(last, Some(given));
            assert!(outbound.reserve_ids(), "{given}");
            assert_eq!(outbound.reserved_id(), given + RESERVE);
            assert!(!outbound.reserve_ids(), "{given}: once is enough");
        }
    }

    #[test]
    fn a_message_lands_only_in_its_phase() {
        let mut outbound = outbound();
        outbound.queue.push(Queued { qos: Qos::ExactlyOnce, ..queued("a", b"") });
        outbound.launch();
        assert!(outbound.land(1, Phase::Released).is_none());
        assert!(outbound.release(1));
        assert!(outbound.land(1, Phase::Published).is_none());
        assert!(outbound.land(1, Phase::Released).is_some());
        assert_eq!(outbound.len(), 0);
    }
}
