//! Predefined topic ids that mean something else than before a restart or a reload.
//!
//! Clients know the ids by heart, so a change is worth a warning: it takes effect at both ends, or messages go astray.
//! Subscriptions and messages are by topic name and stay with their topic. Whoever subscribed by an id that means another
//! topic now is told the old one by a normal id, after REGISTER. What is published by the id, or subscribed to from now
//! on, is what it means now.

use super::SnSide;
use crate::broker::{Part, SessionKey};
use crate::{Core, Event};
use sn_types::TopicId;
use std::sync::Arc;

impl Core {
    /// The predefined ids were these: says which of them have another meaning now, and adjusts what depends on them.
    pub(crate) fn predefined_were(&mut self, before: &[(u16, Arc<str>)]) {
        let now = self.sn.predefined_names();
        if now == before {
            return;
        }
        for (id, was) in before {
            let is = self.sn.predefined.name(TopicId(*id)).cloned();
            if is.as_ref() != Some(was) {
                self.event(Event::PredefinedChanged { id: TopicId(*id), was: was.clone(), is });
            }
        }
        self.journal.predefined_changed(&now);
    }

    /// Lets nobody be told a topic by a predefined id that means another now.
    pub(crate) fn forget_wrong_forms(&mut self, keys: impl IntoIterator<Item = SessionKey>) {
        for key in keys {
            let SnSide { clients, predefined, .. } = &mut self.sn;
            if clients.get_mut(key).is_some_and(|client| client.topics.forget_wrong(predefined)) {
                self.broker.sessions.mark(key, Part::Subscriptions);
            }
        }
    }

    /// Replaces the predefined topic ids.
    pub(crate) fn set_predefined(&mut self, entries: &[(TopicId, String)]) {
        let before = self.sn.predefined_names();
        self.sn.set_predefined(entries);
        self.predefined_were(&before);
        let keys: Vec<_> = self.broker.sessions.iter().map(|(key, _)| key).collect();
        self.forget_wrong_forms(keys);
    }
}
