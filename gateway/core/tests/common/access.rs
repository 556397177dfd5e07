//! Rules, short to write.
#![allow(dead_code, reason = "each test file uses its part")]

use gateway_core::{AccessRule, Actions, PeerRule};

/// Allows `user` (any if empty) `actions` on `topics`.
pub(crate) fn allow(user: &str, actions: impl Into<Actions>, topics: &[&str]) -> AccessRule {
    AccessRule {
        user: (!user.is_empty()).then(|| user.parse().expect("one * at most")),
        client: None,
        allow: true,
        actions: actions.into(),
        topics: topics.iter().map(|topic| topic.parse().expect("a topic filter")).collect(),
    }
}

/// Forbids it.
pub(crate) fn deny(user: &str, actions: impl Into<Actions>, topics: &[&str]) -> AccessRule {
    AccessRule { allow: false, ..allow(user, actions, topics) }
}

/// Says that clients with such an id, at such an address, are `user`; empty: any.
pub(crate) fn peer(client: &str, from: &str, user: &str) -> PeerRule {
    PeerRule {
        name: None,
        from: (!from.is_empty()).then(|| from.parse().expect("a network or an address")),
        client: (!client.is_empty()).then(|| client.parse().expect("one * at most")),
        user: user.into(),
    }
}
