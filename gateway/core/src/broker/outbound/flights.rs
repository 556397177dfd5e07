//! Messages in flight to one client.

use super::{Inflight, Totals};
use std::collections::VecDeque;
use std::sync::Arc;

/// Messages in flight, in order. Most sessions have none most of the time, so they are in a box.
#[derive(Debug, Default)]
pub(super) struct Flights(Option<Box<List>>);

/// It may be empty: a client that listens will have some again soon.
#[derive(Debug)]
struct List {
    messages: VecDeque<Inflight>,
    /// Octets of topic, payload and properties.
    bytes: usize,
    /// They count among what waits for all clients. `None`: another broker has them, too, and bounds them.
    totals: Option<Arc<Totals>>,
}

impl Drop for List {
    fn drop(&mut self) {
        self.uncount(self.messages.len(), self.bytes);
    }
}

impl List {
    fn count(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.totals.iter().for_each(|totals| totals.add(1, bytes));
    }

    fn uncount(&mut self, messages: usize, bytes: usize) {
        self.bytes -= bytes;
        self.totals.iter().for_each(|totals| totals.sub(messages, bytes));
    }
}

impl Flights {
    pub(super) fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |list| list.bytes)
    }

    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |list| list.messages.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Inflight> {
        self.0.as_ref().map(|list| list.messages.iter()).unwrap_or_default()
    }

    /// To change how far they have come. The messages stay.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Inflight> {
        self.0.as_mut().map(|list| list.messages.iter_mut()).unwrap_or_default()
    }

    pub(super) fn front(&self) -> Option<&Inflight> {
        self.0.as_ref()?.messages.front()
    }

    pub(super) fn back(&self) -> Option<&Inflight> {
        self.0.as_ref()?.messages.back()
    }

    /// A message that was in the queue, or is restored.
    pub(super) fn launch(&mut self, inflight: Inflight, totals: &Arc<Totals>) {
        self.list_for(&inflight, Some(totals)).push_back(inflight);
    }

    /// A message of another broker's.
    pub(super) fn push_front(&mut self, inflight: Inflight) {
        self.list_for(&inflight, None).push_front(inflight);
    }

    /// A message of another broker's.
    pub(super) fn push_back(&mut self, inflight: Inflight) {
        self.list_for(&inflight, None).push_back(inflight);
    }

    /// Counts a message, and says where it is to go. Whether totals count is settled by the first.
    fn list_for(&mut self, inflight: &Inflight, totals: Option<&Arc<Totals>>) -> &mut VecDeque<Inflight> {
        let new = || Box::new(List { messages: VecDeque::new(), bytes: 0, totals: totals.cloned() });
        let list = self.0.get_or_insert_with(new);
        list.count(inflight.queued.bytes());
        &mut list.messages
    }

    /// Puts a message in the place of the one with its id. `Err`: there is none.
    pub(super) fn replace(&mut self, inflight: Inflight) -> Result<(), Inflight> {
        let Some(list) = &mut self.0 else { return Err(inflight) };
        let Some(known) = list.messages.iter_mut().find(|known| known.id == inflight.id) else { return Err(inflight) };
        let (bytes, before) = (inflight.queued.bytes(), known.queued.bytes());
        *known = inflight;
        list.count(bytes);
        list.uncount(1, before);
        Ok(())
    }

    /// Takes out the first for which `is_it` holds.
    pub(super) fn take(&mut self, is_it: impl FnMut(&Inflight) -> bool) -> Option<Inflight> {
        let list = self.0.as_mut()?;
        let at = list.messages.iter().position(is_it)?;
        let taken = list.messages.remove(at)?;
        list.uncount(1, taken.queued.bytes());
        Some(taken)
    }

    /// Takes out all for which `goes` holds, in order.
    pub(super) fn extract(&mut self, goes: impl FnMut(&Inflight) -> bool) -> Vec<Inflight> {
        let Some(list) = &mut self.0 else { return Vec::new() };
        let (taken, stay): (Vec<_>, Vec<_>) = list.messages.drain(..).partition(goes);
        list.messages = stay.into();
        list.uncount(taken.len(), taken.iter().map(|inflight| inflight.queued.bytes()).sum());
        taken
    }

    /// Gives back the memory if there are none.
    pub(super) fn rest(&mut self) {
        self.0 = self.0.take().filter(|list| !list.messages.is_empty());
    }
}
