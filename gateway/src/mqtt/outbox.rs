//! What waits to be written to a connection.

use super::writer::{Unencodable, Writer};
use bytes::BytesMut;
use gateway_core::mqtt::Packet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Above this many octets the core is told to hold messages back, and the connection is not read from.
pub(crate) const HIGH_WATER: usize = 256 << 10;
/// Below this many it may go on.
pub(crate) const LOW_WATER: usize = 64 << 10;
/// A connection for which more than this many wait, because its client asks and never reads, is closed when another packet
/// comes. One packet may be longer: the core gives a client half of this at once, and the last packet of that whole.
const MAX: usize = 32 << 20;
/// An empty buffer that is larger is given back.
const KEEP: usize = 16 << 10;

/// The driver appends packets, the connection's task takes them all at once and writes them: many packets, one write.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    queued: BytesMut,
    writer: Writer,
    /// Taken by the task and not yet written.
    in_hand: usize,
    /// The driver wants to hear of the low-water mark.
    held_back: bool,
    /// The driver does not want to hear from the client.
    unread: bool,
    closing: Option<Closing>,
}

/// How it stands with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waits {
    /// The client has been left more than it has shown to take.
    pub(crate) held_back: bool,
    /// The connection is to be read from: the client reads, too, and the driver wants to hear from it.
    pub(crate) may_read: bool,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// After what is queued has been written.
    Flushed,
    /// At once.
    Now,
}

/// What appending a packet has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// There is room for more.
    Room,
    /// The high-water mark has been passed just now.
    Full,
    /// Beyond all measure, the connection is being closed.
    Overflow,
}

impl State {
    fn waiting(&self) -> usize {
        self.queued.len() + self.in_hand
    }
}

impl Outbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who is to write, now that the client has said CONNECT.
    pub(crate) fn speak(&self, writer: Writer) {
        self.state().writer = writer;
    }

    /// Appends a packet. The task is not told yet, see [`Outbox::flush`].
    pub(crate) fn push(&self, packet: &Packet) -> Result<Pushed, Unencodable> {
        let mut state = self.state();
        if state.closing == Some(Closing::Now) {
            return Ok(Pushed::Overflow);
        }
        if state.waiting() > MAX {
            state.closing = Some(Closing::Now);
            return Ok(Pushed::Overflow);
        }
        let State { queued, writer, .. } = &mut *state;
        writer.encode(packet, queued)?;
        if state.waiting() > HIGH_WATER && !state.held_back {
            state.held_back = true;
            return Ok(Pushed::Full);
        }
        Ok(Pushed::Room)
    }

    /// Tells the task that there is something to write.
    pub(crate) fn flush(&self) {
        self.changed.notify_one();
    }

    /// Ends the connection.
    pub(crate) fn close(&self, how: Closing) {
        self.state().closing.get_or_insert(how);
        self.changed.notify_one();
    }

    /// Waits for [`Outbox::flush`] or [`Outbox::close`].
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Moves what is queued into `hand`, if that is empty, and says whether the connection is to end.
    pub(crate) fn take(&self, hand: &mut BytesMut) -> Option<Closing> {
        let mut state = self.state();
        if hand.is_empty() {
            if hand.capacity() > KEEP {
                *hand = BytesMut::new();
            }
            std::mem::swap(&mut state.queued, hand);
            state.in_hand = hand.len();
        }
        state.closing
    }

    /// Says that `len` octets have been written. Answers whether the driver waits to hear that there is room again.
    pub(crate) fn written(&self, len: usize) -> bool {
        let mut state = self.state();
        state.in_hand -= len;
        let drained = state.held_back && state.waiting() < LOW_WATER;
        if drained {
            state.held_back = false;
        }
        drained
    }

    /// Says whether the connection is to be read from.
    pub(crate) fn read(&self, read: bool) {
        self.state().unread = !read;
        self.changed.notify_one();
    }

    /// What waits for the client or the driver.
    pub(crate) fn waits(&self) -> Waits {
        let state = self.state();
        Waits { held_back: state.held_back, may_read: !state.held_back && !state.unread }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(len: usize) -> Packet {
        Packet::Publish(gateway_core::mqtt::Publish::new(
            "t".into(),
            vec![7; len].into(),
            gateway_core::Qos::AtMostOnce,
            false,
            None,
        ))
    }

    #[test]
    fn the_marks_are_reported_once_each() {
        let outbox = Outbox::default();
        assert_eq!(outbox.push(&publish(HIGH_WATER - 10)).unwrap(), Pushed::Room);
        assert_eq!(outbox.push(&publish(10)).unwrap(), Pushed::Full);
        assert_eq!(outbox.push(&publish(10)).unwrap(), Pushed::Room);
        let mut hand = BytesMut::new();
        assert_eq!(outbox.take(&mut hand), None);
        assert!(!outbox.waits().may_read);
        assert!(!outbox.written(1_000));
        assert!(outbox.written(hand.len() - 1_000));
        assert!(outbox.waits().may_read);
    }

    #[test]
    fn the_driver_decides_about_reading_too() {
        let outbox = Outbox::default();
        outbox.read(false);
        assert!(!outbox.waits().may_read);
        outbox.read(true);
        assert!(outbox.waits().may_read);
    }

    #[test]
    fn beyond_the_maximum_the_connection_ends() {
        let outbox = Outbox::default();
        let chunk = MAX / 8;
        let results: Vec<_> = (0..10).map(|_| outbox.push(&publish(chunk)).unwrap()).collect();
        assert_eq!(results.last(), Some(&Pushed::Overflow));
        assert_eq!(outbox.take(&mut BytesMut::new()), Some(Closing::Now));
    }

    #[test]
    fn a_packet_that_is_longer_than_that_may_wait_and_one_more_not() {
        let outbox = Outbox::default();
        outbox.push(&publish(HIGH_WATER)).unwrap();
        assert_ne!(outbox.push(&publish(MAX + 1)).unwrap(), Pushed::Overflow);
        assert_eq!(outbox.push(&Packet::PingResp).unwrap(), Pushed::Overflow);
    }

    #[test]
    fn nothing_is_taken_over_what_is_still_in_hand() {
        let outbox = Outbox::default();
        outbox.push(&Packet::PingResp).unwrap();
        let mut hand = BytesMut::new();
        outbox.take(&mut hand);
        outbox.push(&Packet::PingResp).unwrap();
        outbox.take(&mut hand);
        assert_eq!(&hand[..], [0xD0, 0]);
        assert!(!outbox.written(2));
        hand.clear();
        outbox.take(&mut hand);
        assert_eq!(&hand[..], [0xD0, 0]);
    }
}
