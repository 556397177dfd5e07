//! Where the core's packets for a connection go: as octets to a client, as packets to a bridge.

use crate::bridge::{Closed, Port};
use crate::mqtt::{Closing, Outbox, Pushed, Unencodable};
use gateway_core::CloseReason;
use gateway_core::mqtt::Packet;
use std::sync::Arc;

/// One connection's way out.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    Client(Arc<Outbox>),
    Bridge(Arc<Port>),
}

impl Way {
    /// Appends a packet. Nobody is told yet, see [`Way::flush`].
    pub(crate) fn push(&self, packet: Packet) -> Result<Pushed, Unencodable> {
        match self {
            Self::Client(outbox) => outbox.push(&packet),
            Self::Bridge(port) => Ok(if port.push(packet) { Pushed::Full } else { Pushed::Room }),
        }
    }

    /// Tells the task at its end that there is something.
    pub(crate) fn flush(&self) {
        match self {
            Self::Client(outbox) => outbox.flush(),
            Self::Bridge(port) => port.flush(),
        }
    }

    /// Whether it has filled up again since it said that there is room; it will say so anew.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Client(outbox) => outbox.waits().held_back,
            Self::Bridge(_) => false,
        }
    }

    /// Says whether the other end is to be heard.
    pub(crate) fn read(&self, read: bool) {
        match self {
            Self::Client(outbox) => outbox.read(read),
            Self::Bridge(port) => port.read(read),
        }
    }

    /// Ends the connection after what was pushed before.
    pub(crate) fn close(&self, reason: CloseReason) {
        match self {
            Self::Client(outbox) => outbox.close(Closing::Flushed),
            Self::Bridge(port) => {
                port.close(if reason == CloseReason::Shutdown { Closed::Stopping } else { Closed::ByCore });
            }
        }
    }

    /// Ends the connection at once, because it cannot be told something.
    pub(crate) fn cut(&self) {
        match self {
            Self::Client(outbox) => outbox.close(Closing::Now),
            Self::Bridge(port) => port.close(Closed::ByCore),
        }
    }
}
