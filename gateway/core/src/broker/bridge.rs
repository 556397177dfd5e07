//! Sessions of bridges: their client ids are reserved, and `$SYS` tells which of them have reached the other broker.

use super::{Link, SessionKey};
use crate::Core;
use crate::mqtt::Login;
use sn_types::Instant;

/// Client ids that start with this are for the gateway's own bridges: what follows is the bridge's name.
pub const BRIDGE_PREFIX: &str = "bridge/";

/// Whether a client may have this id: a bridge must have one of the reserved ids, nobody else may.
pub(crate) fn may_have_id(login: &Login, client_id: &str) -> bool {
    let is_bridge = match login {
        Login::Bridge { .. } => true,
        Login::Anonymous | Login::As(_) | Login::Refused(_) => false,
    };
    client_id.starts_with(BRIDGE_PREFIX) == is_bridge
}

/// Where a bridge's state is published, as in mosquitto; `None`: the id is no bridge's.
fn state_topic(client_id: &str) -> Option<String> {
    let name = client_id.strip_prefix(BRIDGE_PREFIX)?;
    Some(format!("$SYS/broker/connection/{name}/state"))
}

fn state(link: Link) -> &'static str {
    match link {
        Link::Mqtt(_) => "1",
        Link::None | Link::Sn => "0",
    }
}

impl Core {
    /// The states of all bridges, as topics and values.
    pub(super) fn bridge_states(&self) -> impl Iterator<Item = (String, &'static str)> {
        let sessions = self.broker.sessions.iter();
        sessions.filter_map(|(_, session)| Some((state_topic(&session.client_id)?, state(session.link))))
    }

    /// A session's link has changed. If it is a bridge's, subscribers to its state are told at once.
    pub(crate) fn bridge_link_changed(&mut self, now: Instant, key: SessionKey) {
        let Some(session) = self.broker.sessions.get(key) else { return };
        if let Some(topic) = state_topic(&session.client_id) {
            self.sys_value_changed(now, &topic, state(session.link));
        }
    }
}
