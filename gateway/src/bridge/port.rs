//! Packets of the core on their way to a bridge.

use gateway_core::mqtt::Packet;
use std::collections::VecDeque;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Above this many octets the core is told to hold messages back.
const HIGH_WATER: usize = 256 << 10;

/// The driver appends packets, the bridge's task takes them all at once. One for each connection to the core.
#[derive(Debug, Default)]
pub(crate) struct Port {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    queued: VecDeque<Packet>,
    bytes: usize,
    /// The driver wants to hear when the packets have been taken.
    held_back: bool,
    /// The driver does not want to hear from the other broker.
    unread: bool,
    closed: Option<Closed>,
}

/// Why the core has closed the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// The daemon stops.
    Stopping,
    /// Something else.
    ByCore,
}

/// What was taken from a port.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) packets: VecDeque<Packet>,
    /// The driver waits to hear that there is room again.
    pub(super) drained: bool,
    pub(super) closed: Option<Closed>,
}

impl Port {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a packet. Answers whether the high-water mark has been passed just now. The task is not told yet.
    pub(crate) fn push(&self, packet: Packet) -> bool {
        let mut state = self.state();
        if let Packet::Publish(publish) = &packet {
            state.bytes += publish.topic.len() + publish.payload.len();
        }
        state.queued.push_back(packet);
        let full = state.bytes > HIGH_WATER && !state.held_back;
        state.held_back |= full;
        full
    }

    /// Tells the task that there is something to take.
    pub(crate) fn flush(&self) {
        self.changed.notify_one();
    }

    /// The connection is over.
    pub(crate) fn close(&self, why: Closed) {
        self.state().closed.get_or_insert(why);
        self.changed.notify_one();
    }

    /// Says whether the other broker is to be heard.
    pub(crate) fn read(&self, read: bool) {
        self.state().unread = !read;
        self.changed.notify_one();
    }

    /// Waits for a change.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(super) fn take(&self) -> Taken {
        let mut state = self.state();
        state.bytes = 0;
        let packets = mem::take(&mut state.queued);
        Taken { packets, drained: mem::take(&mut state.held_back), closed: state.closed }
    }

    pub(super) fn may_read(&self) -> bool {
        !self.state().unread
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::Qos;
    use gateway_core::mqtt::Publish;

    fn publish(len: usize) -> Packet {
        Packet::Publish(Publish::new("t".into(), vec![7; len].into(), Qos::AtMostOnce, false, None))
    }

    #[test]
    fn the_high_water_mark_is_reported_once_and_ends_when_all_is_taken() {
        let port = Port::default();
        assert!(!port.push(publish(HIGH_WATER - 1)));
        assert!(port.push(publish(1)));
        assert!(!port.push(publish(1)));
        let taken = port.take();
        assert_eq!((taken.packets.len(), taken.drained, taken.closed), (3, true, None));
        assert!(!port.push(publish(1)) && !port.take().drained);
    }

    #[test]
    fn the_first_reason_to_close_counts_and_nothing_is_lost_by_it() {
        let port = Port::default();
        port.push(Packet::PingResp);
        port.close(Closed::ByCore);
        port.close(Closed::Stopping);
        let taken = port.take();
        assert_eq!((taken.packets.len(), taken.closed), (1, Some(Closed::ByCore)));
    }
}
