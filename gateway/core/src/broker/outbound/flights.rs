//! Messages in flight to one client.

use super::Inflight;
use std::collections::VecDeque;

/// Messages in flight, in order. Most sessions have none most of the time, so they are in a box.
#[derive(Debug, Default)]
pub(super) struct Flights(Option<Box<List>>);

/// It may be empty: a client that listens will have some again soon.
#[derive(Debug, Default)]
struct List {
    messages: VecDeque<Inflight>,
    /// Octets of topic, payload and properties.
    bytes: usize,
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

    pub(super) fn push_front(&mut self, inflight: Inflight) {
        self.list_for(&inflight).push_front(inflight);
    }

    pub(super) fn push_back(&mut self, inflight: Inflight) {
        self.list_for(&inflight).push_back(inflight);
    }

    /// Counts a message, and says where it is to go.
    fn list_for(&mut self, inflight: &Inflight) -> &mut VecDeque<Inflight> {
        let list = self.0.get_or_insert_default();
        list.bytes += inflight.queued.bytes();
        &mut list.messages
    }

    /// Puts a message in the place of the one with its id. `Err`: there is none.
    pub(super) fn replace(&mut self, inflight: Inflight) -> Result<(), Inflight> {
        let Some(list) = &mut self.0 else { return Err(inflight) };
        let Some(known) = list.messages.iter_mut().find(|known| known.id == inflight.id) else { return Err(inflight) };
        list.bytes = list.bytes + inflight.queued.bytes() - known.queued.bytes();
        *known = inflight;
        Ok(())
    }

    /// Takes out the first for which `is_it` holds.
    pub(super) fn take(&mut self, is_it: impl FnMut(&Inflight) -> bool) -> Option<Inflight> {
        let list = self.0.as_mut()?;
        let at = list.messages.iter().position(is_it)?;
        let taken = list.messages.remove(at)?;
        list.bytes -= taken.queued.bytes();
        Some(taken)
    }

    /// Takes out all for which `goes` holds, in order.
    pub(super) fn extract(&mut self, goes: impl FnMut(&Inflight) -> bool) -> Vec<Inflight> {
        let Some(list) = &mut self.0 else { return Vec::new() };
        let (taken, stay): (Vec<_>, Vec<_>) = list.messages.drain(..).partition(goes);
        list.messages = stay.into();
        list.bytes -= taken.iter().map(|inflight| inflight.queued.bytes()).sum::<usize>();
        taken
    }

    /// Gives back the memory if there are none.
    pub(super) fn rest(&mut self) {
        self.0 = self.0.take().filter(|list| !list.messages.is_empty());
    }
}
