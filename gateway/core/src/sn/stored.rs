//! What the store keeps of MQTT-SN clients, and how it comes back.

use super::SnSide;
use super::table::State;
use super::topics::Form;
use crate::broker::{Link, SessionKey};
use crate::durable::{FormValue, SnValue, StateValue};
use sn_codec::{ShortName, TopicId};
use sn_types::Instant;
use std::sync::Arc;

impl SnSide {
    /// A session's MQTT-SN client for the store.
    pub(crate) fn stored_client(&self, key: SessionKey) -> Option<SnValue> {
        let client = self.clients.get(key)?;
        let state = StateValue::from(self.client_state(key));
        Some(SnValue { addr: client.addr, state, keep_alive_s: client.keep_alive_s, sleep_s: client.sleep_s })
    }

    /// Whether a session's client spoke MQTT-SN last.
    pub(crate) fn knows(&self, key: SessionKey) -> bool {
        self.clients.contains(key)
    }

    /// The form of a subscription for the store.
    pub(crate) fn stored_form(&self, key: SessionKey, filter: &str) -> FormValue {
        let form = self.clients.get(key).and_then(|client| client.topics.subscribed_form(filter));
        match form {
            Some(Form::Predefined(id)) => FormValue::Predefined(id.0),
            Some(Form::Short(name)) => FormValue::Short(name.0),
            Some(Form::Normal(_) | Form::Register(_) | Form::Unwanted | Form::NoIdLeft) | None => FormValue::Name,
        }
    }

    /// All normal topic ids of a session's client.
    pub(crate) fn normal_topics(&self, key: SessionKey) -> impl Iterator<Item = (TopicId, &Arc<str>)> {
        self.clients.get(key).into_iter().flat_map(|client| client.topics.normal())
    }

    /// The topic ids that the store does not have; it does from now on.
    pub(crate) fn take_unsaved_topics(&mut self, key: SessionKey) -> Vec<(TopicId, Arc<str>)> {
        self.clients.get_mut(key).map(|client| client.topics.take_unsaved()).unwrap_or_default()
    }

    /// A client from the store: its timers start at `now`. Answers with its session's link.
    pub(crate) fn restore_client(&mut self, now: Instant, key: SessionKey, value: SnValue) -> Link {
        let client = self.clients.get_or_insert(key);
        client.keep_alive_s = value.keep_alive_s;
        client.sleep_s = value.sleep_s;
        client.heard = now;
        client.state = match value.state {
            StateValue::Active => State::Active,
            StateValue::Asleep => State::Asleep,
            StateValue::Disconnected => State::Disconnected,
            StateValue::Lost => State::Lost,
        };
        let link = if client.is_connected() { Link::Sn } else { Link::None };
        if let Some(addr) = value.addr {
            self.clients.bind(key, addr);
        }
        link
    }

    /// The QoS 2 messages that came from a session's client not long ago.
    pub(crate) fn stored_recent_qos2(&self, key: SessionKey) -> Vec<(u64, u16, u64)> {
        self.clients.get(key).map(|client| client.recent_qos2.stored().collect()).unwrap_or_default()
    }

    /// The same, from the store.
    pub(crate) fn restore_recent_qos2(&mut self, key: SessionKey, recent: &[(u64, u16, u64)]) {
        let Some(client) = self.clients.get_mut(key) else { return };
        recent.iter().for_each(|recent| client.recent_qos2.restore(*recent));
    }

    /// A topic id from the store.
    pub(crate) fn restore_topic(&mut self, key: SessionKey, id: TopicId, name: Arc<str>) {
        let seed = self.seed;
        if let Some(client) = self.clients.get_mut(key) {
            client.topics.restore(id, name, seed);
        }
    }

    /// The name of a topic that a session's client has an id for, as it is kept there.
    pub(crate) fn topic_name(&self, key: SessionKey, name: &str) -> Option<&Arc<str>> {
        self.clients.get(key)?.topics.known(name)
    }

    /// The form of a subscription from the store.
    pub(crate) fn restore_form(&mut self, key: SessionKey, filter: &Arc<str>, form: FormValue) {
        let Some(client) = self.clients.get_mut(key) else { return };
        match form {
            FormValue::Name => {}
            FormValue::Predefined(id) => client.topics.set_form(filter, Form::Predefined(TopicId(id))),
            FormValue::Short(name) => client.topics.set_form(filter, Form::Short(ShortName(name))),
        }
    }
}
