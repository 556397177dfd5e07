//! `sn-gateway may`: what the rules of a configuration say.

use anyhow::{Context, bail};
use gateway_core::{AccessRule, Action, deciding_rule, validate_filter, validate_topic_name};

/// What somebody may want to do; see [`Action`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[allow(missing_docs, reason = "each is the action of that name")]
pub enum Wish {
    Publish,
    Will,
    QosMinusOne,
    Subscribe,
    Receive,
    Connect,
}

impl From<Wish> for Action {
    fn from(wish: Wish) -> Self {
        match wish {
            Wish::Publish => Self::Publish,
            Wish::Will => Self::Will,
            Wish::QosMinusOne => Self::QosMinusOne,
            Wish::Subscribe => Self::Subscribe,
            Wish::Receive => Self::Receive,
            Wish::Connect => Self::Connect,
        }
    }
}

/// Says whether `user` with `client_id` may do that to a topic, or subscribe to a filter, or come in, and which rule decides.
/// No user and no client id are empty, nor is there a topic for who comes in.
///
/// # Errors
/// It is refused, or `topic` is no topic name, or for a subscription, no filter.
pub fn may(rules: &[AccessRule], user: &str, client_id: &str, wish: Wish, topic: &str) -> anyhow::Result<String> {
    match wish {
        Wish::Subscribe => validate_filter(topic).with_context(|| format!("`{topic}` is no topic filter"))?,
        Wish::Connect if !topic.is_empty() => bail!("connect is about no topic"),
        Wish::Connect => {}
        Wish::Publish | Wish::Will | Wish::QosMinusOne | Wish::Receive => {
            validate_topic_name(topic).with_context(|| format!("`{topic}` is no topic name"))?;
        }
    }
    if rules.is_empty() {
        return Ok("yes: there is no [[access]]\n".into());
    }
    let guards_connect = rules.iter().any(|rule| rule.actions.contains(Action::Connect));
    if wish == Wish::Connect && !guards_connect {
        return Ok("yes: no [[access]] is about connect\n".into());
    }
    match deciding_rule(rules, user, client_id, wish.into(), topic) {
        Some(place) if rules[place].allow => Ok(format!("yes: [[access]] number {} allows it\n", place + 1)),
        Some(place) => bail!("no: [[access]] number {} forbids it", place + 1),
        None => bail!("no: none of {} [[access]] allows it", rules.len()),
    }
}
