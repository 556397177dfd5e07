//! The rules, as plain values.

use super::{NamePattern, TopicPattern, Who};

/// One rule. It fits if user, client id, action and topic all do; the first that fits decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRule {
    /// Whose rule it is: the user's name; `None`: anybody's, also of those who have not logged in.
    pub user: Option<NamePattern>,
    /// The client id, in which `%u` stands for the user's name; `None`: any.
    pub client: Option<NamePattern>,
    /// Whether what fits is allowed or refused.
    pub allow: bool,
    /// What it is about.
    pub actions: Actions,
    /// The topics it is about. [`Action::Connect`] is about none.
    pub topics: Vec<TopicPattern>,
}

impl AccessRule {
    /// Whether it is about what `who` wants to do to a topic. For a subscription `topic` is a filter: an allowing rule is
    /// about it if something that it selects is allowed, a refusing one only if all of it is refused. What it selects beyond
    /// that is kept back by [`Action::Receive`], message by message.
    pub(super) fn fits(&self, who: Who<'_>, action: Action, topic: &str) -> bool {
        let fits = |pattern: &TopicPattern| match (action, self.allow) {
            (Action::Subscribe, true) => pattern.overlaps(who, topic),
            (Action::Subscribe, false) => pattern.covers(who, topic),
            (Action::Connect, _) => true,
            (Action::Publish | Action::Will | Action::QosMinusOne | Action::Receive, _) => pattern.matches(who, topic),
        };
        self.actions.contains(action)
            && self.user.as_ref().is_none_or(|user| user.matches(who.user))
            && self.client.as_ref().is_none_or(|client| client.matches_of(who.user, who.client_id))
            && (action == Action::Connect || self.topics.iter().any(fits))
    }
}

/// The place of the rule that decides whether a user's client may do something to a topic, or for a subscription, to a
/// filter; both are valid, and of no meaning for [`Action::Connect`]. No user is "", and so is no client id. `None`: no rule
/// fits.
#[must_use]
pub fn deciding_rule(rules: &[AccessRule], user: &str, client_id: &str, action: Action, topic: &str) -> Option<usize> {
    let who = Who { user, client_id };
    rules.iter().position(|rule| rule.fits(who, action, topic))
}

/// What a client may be allowed to do to a topic, and whether to come in.
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
    /// CONNECT with this client id. Unless some rule is about it, everybody may.
    Connect = 32,
}

impl Action {
    /// What `[[access]]` calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Will => "will",
            Self::QosMinusOne => "qos-minus-one",
            Self::Subscribe => "subscribe",
            Self::Receive => "receive",
            Self::Connect => "connect",
        }
    }
}

/// A set of [`Action`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Actions(u8);

impl Actions {
    /// What ends in a message from the client: [`Action::Publish`], [`Action::Will`], [`Action::QosMinusOne`].
    pub const WRITE: Self = Self(Action::Publish as u8 | Action::Will as u8 | Action::QosMinusOne as u8);
    /// What ends in a message to the client: [`Action::Subscribe`], [`Action::Receive`].
    pub const READ: Self = Self(Action::Subscribe as u8 | Action::Receive as u8);
    /// Everything that is done to topics.
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
