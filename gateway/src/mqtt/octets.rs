//! How many octets MQTT clients have sent and been sent, as the streams carry them to MQTT: within TLS and WebSocket.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the start, of all listeners together.
#[derive(Debug, Default)]
pub(crate) struct Octets {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Octets {
    pub(super) fn count_received(&self, octets: usize) {
        self.received.fetch_add(octets as u64, Ordering::Relaxed);
    }

    pub(super) fn count_sent(&self, octets: usize) {
        self.sent.fetch_add(octets as u64, Ordering::Relaxed);
    }

    /// Received, and sent.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.received.load(Ordering::Relaxed), self.sent.load(Ordering::Relaxed))
    }
}
