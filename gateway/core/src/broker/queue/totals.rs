//! How much waits for all clients together.

use super::{Queued, Size};
use crate::Limits;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What waits for all clients together, or is in flight to them. Shared by all queues, and changed by each as it changes.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    messages: AtomicUsize,
    bytes: AtomicUsize,
}

impl Totals {
    pub(crate) fn messages(&self) -> usize {
        self.messages.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// By how much one more message would exceed the limits.
    pub(in crate::broker) fn excess(&self, queued: &Queued, limits: &Limits) -> Size {
        Size {
            messages: (self.messages() + 1).saturating_sub(limits.total_queue_messages),
            bytes: (self.bytes() + queued.bytes()).saturating_sub(limits.total_queue_bytes),
        }
    }

    pub(in crate::broker) fn add(&self, messages: usize, bytes: usize) {
        self.messages.fetch_add(messages, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(in crate::broker) fn sub(&self, messages: usize, bytes: usize) {
        self.messages.fetch_sub(messages, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
