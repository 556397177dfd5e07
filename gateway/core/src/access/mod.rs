//! Who may do what: rules over user, client id, action and topic, and which user an MQTT-SN peer is.
//!
//! Owns: the rules ([`AccessRule`]) and their evaluation. Must not know: passwords and certificates, which the daemon has
//! checked before a CONNECT comes here.
//!
//! The first rule that fits decides, as for `[[queue]]`. Without rules everybody may do everything; with rules, what none
//! of them allows is refused. [`Access`] is made once from the rules; it is asked for every message, and a look at an
//! empty one costs nothing.

mod check;
mod name;
mod pattern;
mod peer;
mod rule;
mod table;

pub use name::{NamePattern, NamePatternError};
pub use pattern::TopicPattern;
pub use peer::{Admission, NoOrigin, Origin, PeerRule, UserTemplate};
pub use rule::{AccessRule, Action, Actions, deciding_rule};

pub(crate) use table::Access;

use crate::broker::BRIDGE_PREFIX;

/// Whom a rule is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Who<'a> {
    /// The user's name; empty: nobody has said who it is.
    pub(crate) user: &'a str,
    /// The client id; empty: a sender without a session.
    pub(crate) client_id: &'a str,
}

impl Who<'_> {
    /// A bridge of this gateway: what it carries is said where it is configured.
    fn is_bridge(self) -> bool {
        self.client_id.starts_with(BRIDGE_PREFIX)
    }
}
