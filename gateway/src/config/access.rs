//! `[[access]]`, who may do what, and `[[node]]`, which user an MQTT-SN node is.

use gateway_core::{AccessRule, Action, Actions, NamePattern, Origin, PeerRule, TopicPattern, UserTemplate};
use serde::de::value::{SeqAccessDeserializer, StrDeserializer};
use serde::de::{Error, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

/// One rule; the first that fits decides.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct AccessTable(pub AccessRule);

/// The keys of a rule, as they are in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table [[access]]")]
struct Keys {
    #[serde(default, deserialize_with = "name")]
    user: Option<NamePattern>,
    #[serde(default, deserialize_with = "name")]
    client: Option<NamePattern>,
    #[serde(default)]
    allow: Option<OneOrMany<ActionKey>>,
    #[serde(default)]
    deny: Option<OneOrMany<ActionKey>>,
    #[serde(default)]
    topics: Option<OneOrMany<Topic>>,
}

/// The values of `allow` and `deny`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ActionKey {
    Publish,
    Will,
    QosMinusOne,
    Subscribe,
    Receive,
    Write,
    Read,
    All,
    Connect,
}

impl From<ActionKey> for Actions {
    fn from(key: ActionKey) -> Self {
        match key {
            ActionKey::Publish => Action::Publish.into(),
            ActionKey::Will => Action::Will.into(),
            ActionKey::QosMinusOne => Action::QosMinusOne.into(),
            ActionKey::Subscribe => Action::Subscribe.into(),
            ActionKey::Receive => Action::Receive.into(),
            ActionKey::Write => Self::WRITE,
            ActionKey::Read => Self::READ,
            ActionKey::All => Self::ALL,
            ActionKey::Connect => Action::Connect.into(),
        }
    }
}

impl TryFrom<Keys> for AccessTable {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let (allow, actions) = match (keys.allow, keys.deny) {
            (Some(actions), None) => (true, actions),
            (None, Some(actions)) => (false, actions),
            (Some(_), Some(_)) => return Err("a rule has `allow` or `deny`, not both; make two".into()),
            (None, None) => return Err("`allow` or `deny` is missing".into()),
        };
        let actions = actions.0.into_iter().fold(Actions::default(), |all, key| all.and(key.into()));
        let topics = match keys.topics {
            Some(topics) => topics.0.into_iter().map(|Topic(pattern)| pattern).collect(),
            None if actions == Action::Connect.into() => Vec::new(),
            None => return Err("`topics` is missing".into()),
        };
        Ok(Self(AccessRule { user: keys.user, client: keys.client, allow, actions, topics }))
    }
}

/// Which user some MQTT-SN nodes are; the first that fits counts.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table [[node]]")]
pub struct NodeTable {
    /// See [`PeerRule::name`].
    #[serde(default, deserialize_with = "name")]
    pub name: Option<NamePattern>,
    /// See [`PeerRule::client`].
    #[serde(default, deserialize_with = "name")]
    pub client: Option<NamePattern>,
    /// See [`PeerRule::from`].
    #[serde(default, deserialize_with = "origin")]
    pub from: Option<Origin>,
    /// See [`PeerRule::user`].
    #[serde(deserialize_with = "user")]
    pub user: String,
}

impl NodeTable {
    pub(super) fn core(&self) -> PeerRule {
        let Self { name, client, from, user } = self;
        PeerRule { name: name.clone(), from: *from, client: client.clone(), user: UserTemplate::from(&**user) }
    }
}

/// A name with one `*` at most.
fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NamePattern>, D::Error> {
    parsed(deserializer, |text, error| format!("`{text}`: {error}")).map(Some)
}

fn origin<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Origin>, D::Error> {
    parsed(deserializer, |text, error| format!("`{text}` is no place of nodes; {error}")).map(Some)
}

fn parsed<'de, D, T>(deserializer: D, complaint: impl Fn(&str, T::Err) -> String) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|error| D::Error::custom(complaint(&text, error)))
}

/// The name of a user.
pub(super) fn user<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name.is_empty() { Err(D::Error::custom("a user's name has at least one character")) } else { Ok(name) }
}

/// A topic filter with `%u` and `%c`.
struct Topic(TopicPattern);

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match complaint(&text) {
            Some(complaint) => Err(D::Error::custom(format!("`{text}`: {complaint}"))),
            None => {
                let wrong = |error| D::Error::custom(format!("`{text}` is no topic filter: {error}"));
                text.parse().map(Self).map_err(wrong)
            }
        }
    }
}

/// Why a filter, although it may be a valid one, is not what somebody means who writes it into a rule.
fn complaint(filter: &str) -> Option<&'static str> {
    let is_foreign = |level: &str| match level.as_bytes() {
        [b'%', letter] => letter.is_ascii_alphabetic() && !matches!(letter, b'u' | b'c'),
        _ => false,
    };
    if filter.starts_with("$share/") {
        return Some("rules are about what a shared subscription selects; leave out `$share/` and the group");
    }
    filter
        .split('/')
        .any(is_foreign)
        .then_some("%u, the user, and %c, the client id, are all that stands for something here")
}

/// A value, or several in brackets.
struct OneOrMany<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values(PhantomData))
    }
}

struct Values<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Values<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or several as [\"one\", \"another\"]")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMany<T>, E> {
        let one: StrDeserializer<'_, E> = text.into_deserializer();
        T::deserialize(one).map(|one| OneOrMany(vec![one]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<OneOrMany<T>, A::Error> {
        let many = Vec::deserialize(SeqAccessDeserializer::new(seq))?;
        if many.is_empty() { Err(A::Error::custom("[] is nothing; leave the rule out")) } else { Ok(OneOrMany(many)) }
    }
}
