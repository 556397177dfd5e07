//! `sn-gateway may`: what the rules of a configuration say.

use anyhow::{Context, bail};
use gateway_core::{AccessRule, Action, deciding_rule, selecting_filter, validate_filter, validate_topic_name};

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
    let mut topic = topic;
    match wish {
        Wish::Subscribe => {
            let wished = topic;
            // The rules are about what a shared subscription selects, whatever its group is called.
            topic = selecting_filter(wished).with_context(|| format!("`{wished}` is no shared subscription"))?;
            validate_filter(topic).with_context(|| format!("`{wished}` is no topic filter"))?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::Actions;

    #[test]
    fn a_shared_subscription_is_judged_by_what_it_selects() {
        let topics = vec!["e/%u/#".parse().unwrap()];
        let rules = [AccessRule { user: None, client: None, allow: true, actions: Actions::ALL, topics }];
        let says = |filter| may(&rules, "u1", "", Wish::Subscribe, filter).map_err(|error| error.to_string());
        for allowed in ["$share/g/e/u1/x", "$share/g/e/#", "$share/g/#"] {
            assert_eq!(says(allowed).as_deref(), Ok("yes: [[access]] number 1 allows it\n"), "{allowed}");
        }
        assert_eq!(
            says("$share/e/u1/x"),
            Err("no: none of 1 [[access]] allows it".into()),
            "of the group e it is u1/x"
        );
        assert_eq!(says("$share/g"), Err("`$share/g` is no shared subscription".into()));
    }
}
