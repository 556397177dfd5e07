//! Topics, as a rule has them: filters in which `%u` stands for the user's name and `%c` for the client id.
//!
//! A name or id stands in for part of one level. One that is empty or has a `/`, `+` or `#` would be more than that, and
//! nothing matches a pattern that needs it: the client `a/b` must not pass for something of `a`.

use super::Who;
use crate::{FilterError, validate_filter};
use std::str::FromStr;

/// A topic filter with `%u` and `%c`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPattern {
    levels: Vec<Level>,
    /// It ends in `#`.
    hash: bool,
    /// It starts with `$`: only such patterns are about topics that do (MQTT-4.7.2-1).
    dollar: bool,
    needs_user: bool,
    needs_client_id: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Level {
    Plus,
    Text(Box<str>),
    Template(Vec<Part>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    User,
    ClientId,
}

impl FromStr for TopicPattern {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        validate_filter(text)?;
        let (levels, hash) = split(text);
        Ok(Self {
            levels: levels.map(Level::new).collect(),
            hash,
            dollar: text.starts_with('$'),
            needs_user: text.contains("%u"),
            needs_client_id: text.contains("%c"),
        })
    }
}

impl TopicPattern {
    /// Whether a topic name matches.
    pub(super) fn matches(&self, who: Who<'_>, topic: &str) -> bool {
        if topic.starts_with('$') != self.dollar || !self.is_usable(who) {
            return false;
        }
        let mut levels = topic.split('/');
        self.levels.iter().all(|wanted| levels.next().is_some_and(|level| wanted.is(who, level)))
            && (self.hash || levels.next().is_none())
    }

    /// Whether some topic matches this pattern as well as a valid filter.
    pub(super) fn overlaps(&self, who: Who<'_>, filter: &str) -> bool {
        if filter.starts_with('$') != self.dollar || !self.is_usable(who) {
            return false;
        }
        let (mut levels, hash) = split(filter);
        for wanted in &self.levels {
            match levels.next() {
                Some("+") => {}
                Some(level) if wanted.is(who, level) => {}
                Some(_) => return false,
                None => return hash,
            }
        }
        self.hash || levels.next().is_none()
    }

    /// Whether every topic that matches a valid filter matches this pattern.
    pub(super) fn covers(&self, who: Who<'_>, filter: &str) -> bool {
        if filter.starts_with('$') != self.dollar || !self.is_usable(who) {
            return false;
        }
        let (mut levels, hash) = split(filter);
        for wanted in &self.levels {
            match levels.next() {
                Some("+") if *wanted == Level::Plus => {}
                Some(level) if level != "+" && wanted.is(who, level) => {}
                Some(_) | None => return false,
            }
        }
        self.hash || (!hash && levels.next().is_none())
    }

    fn is_usable(&self, who: Who<'_>) -> bool {
        (!self.needs_user || is_part_of_a_level(who.user))
            && (!self.needs_client_id || is_part_of_a_level(who.client_id))
    }
}

impl Level {
    fn new(text: &str) -> Self {
        if text == "+" {
            return Self::Plus;
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((at, part)) = next_placeholder(rest) {
            let before = &rest[..at];
            parts.extend((!before.is_empty()).then(|| Part::Text(before.into())));
            parts.push(part);
            rest = &rest[at + 2..];
        }
        if parts.is_empty() {
            return Self::Text(text.into());
        }
        parts.extend((!rest.is_empty()).then(|| Part::Text(rest.into())));
        Self::Template(parts)
    }

    fn is(&self, who: Who<'_>, level: &str) -> bool {
        match self {
            Self::Plus => true,
            Self::Text(text) => **text == *level,
            Self::Template(parts) => {
                let rest = parts.iter().try_fold(level, |rest, part| rest.strip_prefix(part.text(who)));
                rest.is_some_and(str::is_empty)
            }
        }
    }
}

impl Part {
    fn text<'a>(&'a self, who: Who<'a>) -> &'a str {
        match self {
            Self::Text(text) => text,
            Self::User => who.user,
            Self::ClientId => who.client_id,
        }
    }
}

/// Where the next `%u` or `%c` is, and which of the two.
fn next_placeholder(text: &str) -> Option<(usize, Part)> {
    let user = text.find("%u").map(|at| (at, Part::User));
    let client_id = text.find("%c").map(|at| (at, Part::ClientId));
    user.into_iter().chain(client_id).min_by_key(|(at, _)| *at)
}

fn is_part_of_a_level(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '+', '#'])
}

/// The levels of a filter without a `#` at its end, and whether there was one.
fn split(filter: &str) -> (impl Iterator<Item = &str>, bool) {
    let hash = filter == "#" || filter.ends_with("/#");
    let count = filter.split('/').count() - usize::from(hash);
    (filter.split('/').take(count), hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter_matches;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    fn pattern(text: &str) -> TopicPattern {
        text.parse().unwrap()
    }

    const ALICE: Who<'static> = Who { user: "alice", client_id: "node7" };

    #[test]
    fn placeholders_stand_for_the_user_and_the_client_id() {
        for (text, topic, matches) in [
            ("sensors/%c/#", "sensors/node7/temp", true),
            ("sensors/%c/#", "sensors/node7", true),
            ("sensors/%c/#", "sensors/node70/temp", false),
            ("%u/%c", "alice/node7", true),
            ("x-%u-%c-y/+", "x-alice-node7-y/1", true),
            ("x-%u-%c-y/+", "x-alice-node7-/1", false),
            ("%u%u", "alicealice", true),
            ("100%/%x", "100%/%x", true),
        ] {
            assert_eq!(pattern(text).matches(ALICE, topic), matches, "{text} and {topic}");
        }
    }

    #[test]
    fn what_is_more_than_a_level_stands_for_nothing() {
        for id in ["", "a/b", "+", "#", "a#"] {
            let who = Who { user: id, client_id: id };
            for (text, filter) in [("%c/#", "#"), ("t/%u", "t/+"), ("t/%c/#", "t/a/b/#")] {
                let pattern = pattern(text);
                assert!(!pattern.overlaps(who, filter) && !pattern.covers(who, filter), "{text} for {id:?}");
                assert!(!pattern.matches(who, &format!("t/{id}")) && !pattern.matches(who, id));
            }
        }
    }

    #[test]
    fn nobody_reaches_the_gateways_own_topics_by_a_name() {
        let who = Who { user: "$SYS", client_id: "$SYS" };
        assert!(!pattern("%c/#").matches(who, "$SYS/broker/version"));
        assert!(!pattern("%u/#").overlaps(who, "$SYS/#"));
        assert!(pattern("$SYS/broker/clients/%c/#").matches(ALICE, "$SYS/broker/clients/node7/mailbox"));
    }

    #[test]
    fn a_broken_filter_is_no_pattern() {
        assert_eq!("a/#/%c".parse::<TopicPattern>(), Err(FilterError::LevelAfterHash));
        assert_eq!("a+%c".parse::<TopicPattern>(), Err(FilterError::WildcardNotAlone));
    }

    /// Topics of up to four levels, one more than the filters have, also the one that is no topic name; `c` is in no
    /// filter.
    static TOPICS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let mut all = Vec::new();
        let mut last: Vec<String> = ["a", "b", "c", "", "$s"].map(String::from).to_vec();
        for _ in 0..4 {
            let longer =
                last.iter().flat_map(|topic| ["a", "b", "c", ""].map(|name| format!("{topic}/{name}"))).collect();
            all.extend(std::mem::replace(&mut last, longer));
        }
        all
    });

    fn a_filter() -> impl Strategy<Value = String> {
        "(a|b|\\+|\\$s)?(/(a|b|\\+|)){0,2}(/#)?|#".prop_filter("valid", |filter| validate_filter(filter).is_ok())
    }

    proptest! {
        #[test]
        fn a_pattern_without_placeholders_is_a_filter(text in a_filter(), topic in "(a|b|/|\\$s){1,5}") {
            prop_assert_eq!(pattern(&text).matches(ALICE, &topic), filter_matches(&text, &topic));
        }

        #[test]
        fn agrees_with_a_look_at_every_topic(text in a_filter(), filter in a_filter()) {
            let pattern = pattern(&text);
            let of_filter: Vec<_> = TOPICS.iter().filter(|topic| filter_matches(&filter, topic)).collect();
            let both = of_filter.iter().filter(|topic| pattern.matches(ALICE, topic)).count();
            prop_assert_eq!(pattern.overlaps(ALICE, &filter), both > 0);
            let covers = pattern.covers(ALICE, &filter);
            prop_assert!(!covers || both == of_filter.len());
            // `+/#` is all that `#` is, but that is not seen.
            prop_assert!(covers || both < of_filter.len() || text == "+/#", "{} covers {}", text, filter);
        }
    }
}
