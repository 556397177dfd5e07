//! Topic names, topic filters and what stands in braces in them.

use super::error::Wrong;
use crate::application::BODY;
use gateway_core::{validate_filter, validate_topic_name};

/// Octets of a name or a filter: what a node takes beside the 20 octets by which the simulator knows a message.
const LONGEST: usize = BODY - SHORTEST_PAYLOAD as usize;
/// The octets of a payload that say which message it is.
pub(super) const SHORTEST_PAYLOAD: u16 = 20;

/// What may stand in braces.
#[derive(Clone, Copy)]
pub(super) enum Braces {
    /// `{n}`: in client ids.
    Number,
    /// `{n}` and `{id}`: what is for each node of a group.
    NumberAndId,
    /// Nothing: what is for one client.
    Nothing,
}

impl Braces {
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Number => &["n"],
            Self::NumberAndId => &["n", "id"],
            Self::Nothing => &[],
        }
    }
}

/// Checks what the file says, before a node's number and client id are put in.
pub(super) fn check_braces(path: &str, pattern: &str, may: Braces) -> Result<(), Wrong> {
    let right = match may {
        Braces::Number => "{n} is the number of a node",
        Braces::NumberAndId => "{n} is the number of a node, {id} its client id",
        Braces::Nothing => "no braces: this is for no single node",
    };
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        let name = rest[at..].strip_prefix('{').and_then(|rest| rest.split_once('}'));
        match name.filter(|(name, _)| may.names().contains(name)) {
            Some((_, after)) => rest = after,
            None => return Err(Wrong::at(path, format!("{pattern:?}: {right}, and nothing else has braces"))),
        }
    }
    Ok(())
}

/// Checks a topic name to publish to, with a node's number and client id.
pub(super) fn check_name(path: &str, name: &str) -> Result<(), Wrong> {
    validate_topic_name(name).map_err(|error| Wrong::at(path, format!("{name:?}: {error}")))?;
    check_both(path, name)
}

/// Checks a topic filter to subscribe to, with a node's number and client id.
pub(super) fn check_filter(path: &str, filter: &str) -> Result<(), Wrong> {
    validate_filter(filter).map_err(|error| Wrong::at(path, format!("{filter:?}: {error}")))?;
    check_both(path, filter)
}

fn check_both(path: &str, topic: &str) -> Result<(), Wrong> {
    if topic.starts_with('$') {
        let why = "topics that begin with $ are the broker's, and the simulator's books do not know them";
        return Err(Wrong::at(path, format!("{topic:?}: {why}")));
    }
    if topic.len() > LONGEST {
        let len = topic.len();
        return Err(Wrong::at(path, format!("it has {len} octets; a node has room for {LONGEST}")));
    }
    Ok(())
}
