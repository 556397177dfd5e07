//! The rules, as plain values.

use super::{NamePattern, TopicPattern};

/// One rule. It fits if user, client id, action and topic all do; the first that fits decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRule {
    /// Whose rule it is: the user's name; `None`: anybody's, also of those who have not logged in.
    pub user: Option<NamePattern>,
    /// The client id; `None`: any.
    pub client: Option<NamePattern>,
    /// Whether what fits is allowed or refused.
    pub allow: bool,
    /// What it is about.
    pub actions: Actions,
    /// The topics it is about.
    pub topics: Vec<TopicPattern>,
}

/// What a client may be allowed to do to a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// PUBLISH in a session.
    Publish = 1,
    /// Leave a will, and have it published.
    Will = 2,
    /// PUBLISH with QoS -1, without a session (1.2 §6.8).
    QosMinusOne = 4,
    /// SUBSCRIBE.
    Subscribe = 8,
    /// Be sent messages.
    Receive = 16,
}

/// A set of [`Action`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Actions(u8);

impl Actions {
    /// What ends in a message from the client: [`Action::Publish`], [`Action::Will`], [`Action::QosMinusOne`].
    pub const WRITE: Self = Self(Action::Publish as u8 | Action::Will as u8 | Action::QosMinusOne as u8);
    /// What ends in a message to the client: [`Action::Subscribe`], [`Action::Receive`].
    pub const READ: Self = Self(Action::Subscribe as u8 | Action::Receive as u8);
    /// Everything.
    pub const ALL: Self = Self::WRITE.and(Self::READ);

    /// The actions of both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether an action is in the set.
    #[must_use]
    pub const fn contains(self, action: Action) -> bool {
        self.0 & action as u8 != 0
    }
}

impl From<Action> for Actions {
    fn from(action: Action) -> Self {
        Self(action as u8)
    }
}
