//! Which topics go over a bridge, and what they are called on either side.

use gateway_core::{Qos, filter_matches};
use std::sync::Arc;

/// Which way messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the other broker to the gateway.
    In,
    /// From the gateway to the other broker.
    Out,
    /// Both ways.
    Both,
}

/// One rule, as mosquitto's `topic PATTERN DIRECTION QOS LOCAL-PREFIX REMOTE-PREFIX`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The part of a filter that is the same on both sides; empty where the prefixes are whole topic names.
    pub pattern: String,
    /// Which way.
    pub direction: Direction,
    /// The highest QoS.
    pub qos: Qos,
    /// What topics start with here, up to the pattern.
    pub local_prefix: String,
    /// What they start with at the other broker.
    pub remote_prefix: String,
}

impl Rule {
    fn goes_out(&self) -> bool {
        matches!(self.direction, Direction::Out | Direction::Both)
    }

    fn comes_in(&self) -> bool {
        matches!(self.direction, Direction::In | Direction::Both)
    }
}

/// One direction of a bridge: the first path whose filter matches a topic counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paths(Vec<Path>);

/// A filter, and how the topics that it matches are renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) filter: Arc<str>,
    pub(crate) qos: Qos,
    /// Messages go the other way, too.
    pub(crate) is_both: bool,
    from: String,
    to: String,
}

impl Paths {
    /// From the gateway to the other broker.
    pub(crate) fn out(rules: &[Rule]) -> Self {
        let rules = rules.iter().filter(|rule| rule.goes_out());
        Self(rules.map(|rule| Path::new(rule, &rule.local_prefix, &rule.remote_prefix)).collect())
    }

    /// From the other broker to the gateway.
    pub(crate) fn inward(rules: &[Rule]) -> Self {
        let rules = rules.iter().filter(|rule| rule.comes_in());
        Self(rules.map(|rule| Path::new(rule, &rule.remote_prefix, &rule.local_prefix)).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Path> {
        self.0.iter()
    }

    /// What a topic is called on the other side; `None`: it does not go there.
    pub(crate) fn rename(&self, topic: &str) -> Option<Arc<str>> {
        self.0.iter().find(|path| filter_matches(&path.filter, topic))?.rename(topic)
    }
}

impl Path {
    fn new(rule: &Rule, from: &str, to: &str) -> Self {
        let filter = [from, &rule.pattern].concat().into();
        let is_both = rule.direction == Direction::Both;
        Self { filter, qos: rule.qos, is_both, from: from.into(), to: to.into() }
    }

    fn rename(&self, topic: &str) -> Option<Arc<str>> {
        let renamed = match topic.strip_prefix(&*self.from) {
            Some(rest) => [&self.to, rest].concat(),
            // `a/#` matches `a`, too, which is what the prefix `a/` stands below.
            None => self.to.strip_suffix('/').unwrap_or(&self.to).into(),
        };
        (!renamed.is_empty()).then(|| renamed.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(pattern: &str, direction: Direction, local_prefix: &str, remote_prefix: &str) -> Rule {
        let (local_prefix, remote_prefix) = (local_prefix.into(), remote_prefix.into());
        Rule { pattern: pattern.into(), direction, qos: Qos::AtLeastOnce, local_prefix, remote_prefix }
    }

    fn out(rule: Rule, topic: &str) -> Option<String> {
        Paths::out(&[rule]).rename(topic).map(|topic| topic.to_string())
    }

    #[test]
    fn prefixes_are_exchanged() {
        let both = [rule("#", Direction::Both, "house/", "sites/7/house/")];
        assert_eq!(Paths::out(&both).rename("house/hall/temp").as_deref(), Some("sites/7/house/hall/temp"));
        assert_eq!(Paths::inward(&both).rename("sites/7/house/hall/lamp").as_deref(), Some("house/hall/lamp"));
        assert_eq!(Paths::inward(&both).rename("house/hall/lamp"), None);
        assert_eq!(&*Paths::inward(&both).iter().next().unwrap().filter, "sites/7/house/#");
    }

    #[test]
    fn a_rule_has_a_direction() {
        let rules = [rule("up/#", Direction::Out, "", ""), rule("down/#", Direction::In, "", "")];
        assert_eq!(Paths::out(&rules).rename("up/1").as_deref(), Some("up/1"));
        assert_eq!(Paths::out(&rules).rename("down/1"), None);
        assert_eq!(Paths::inward(&rules).rename("down/1").as_deref(), Some("down/1"));
    }

    #[test]
    fn the_first_rule_counts() {
        let rules = [rule("a", Direction::Out, "t/", "first/"), rule("+", Direction::Out, "t/", "second/")];
        assert_eq!(Paths::out(&rules).rename("t/a").as_deref(), Some("first/a"));
        assert_eq!(Paths::out(&rules).rename("t/b").as_deref(), Some("second/b"));
    }

    #[test]
    fn an_empty_pattern_renames_one_topic() {
        let one = rule("", Direction::Out, "here/temp", "there/t");
        assert_eq!(out(one.clone(), "here/temp").as_deref(), Some("there/t"));
        assert_eq!(out(one, "here/temp/x"), None);
    }

    #[test]
    fn the_topic_that_a_prefix_stands_below_is_renamed_too() {
        assert_eq!(out(rule("#", Direction::Out, "here/", "there/"), "here").as_deref(), Some("there"));
        assert_eq!(out(rule("#", Direction::Out, "here/", ""), "here"), None);
    }
}
