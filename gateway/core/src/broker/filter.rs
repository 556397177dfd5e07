//! Topic names and topic filters (MQTT 3.1.1 §4.7; MQTT-SN has the same, 1.2 §5.3).

use std::error::Error;
use std::fmt;

/// The longest topic name or filter, in octets: its length travels in 16 bits (MQTT 3.1.1 §1.5.3).
const MAX_LEN: usize = 65_535;

/// Why a string is no topic name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TopicNameError {
    /// It has no character (MQTT-4.7.3-1).
    Empty,
    /// It has more than 65,535 octets (MQTT-4.7.3-3).
    TooLong,
    /// It has a U+0000 (MQTT-4.7.3-2).
    Nul,
    /// It has a `+` or a `#`, which only filters may have (MQTT-4.7.1-1).
    Wildcard,
}

impl fmt::Display for TopicNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a topic name needs at least one character",
            Self::TooLong => "a topic name has at most 65,535 octets",
            Self::Nul => "a topic name must not contain U+0000",
            Self::Wildcard => "a topic name must not contain the wildcards + and #",
        })
    }
}

impl Error for TopicNameError {}

/// Why a string is no topic filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FilterError {
    /// It has no character (MQTT-4.7.3-1).
    Empty,
    /// It has more than 65,535 octets (MQTT-4.7.3-3).
    TooLong,
    /// It has a U+0000 (MQTT-4.7.3-2).
    Nul,
    /// A `+` or `#` shares its level with other characters (MQTT-4.7.1-2, MQTT-4.7.1-3).
    WildcardNotAlone,
    /// A level follows the `#` (MQTT-4.7.1-2).
    LevelAfterHash,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a topic filter needs at least one character",
            Self::TooLong => "a topic filter has at most 65,535 octets",
            Self::Nul => "a topic filter must not contain U+0000",
            Self::WildcardNotAlone => "the wildcards + and # must be alone in their level",
            Self::LevelAfterHash => "the wildcard # must be the last level",
        })
    }
}

impl Error for FilterError {}

/// Checks a topic name, as a PUBLISH or a will has it.
///
/// # Errors
/// [`TopicNameError`] for what MQTT 3.1.1 §4.7 forbids.
pub fn validate_topic_name(name: &str) -> Result<(), TopicNameError> {
    match name {
        "" => Err(TopicNameError::Empty),
        _ if name.len() > MAX_LEN => Err(TopicNameError::TooLong),
        _ if name.contains('\0') => Err(TopicNameError::Nul),
        _ if has_wildcard(name) => Err(TopicNameError::Wildcard),
        _ => Ok(()),
    }
}

/// Checks a topic filter, as a SUBSCRIBE or UNSUBSCRIBE has it.
///
/// # Errors
/// [`FilterError`] for what MQTT 3.1.1 §4.7 forbids.
pub fn validate_filter(filter: &str) -> Result<(), FilterError> {
    match filter {
        "" => Err(FilterError::Empty),
        _ if filter.len() > MAX_LEN => Err(FilterError::TooLong),
        _ if filter.contains('\0') => Err(FilterError::Nul),
        _ => validate_wildcards(filter),
    }
}

fn validate_wildcards(filter: &str) -> Result<(), FilterError> {
    if filter.split('/').any(|level| level.len() > 1 && has_wildcard(level)) {
        return Err(FilterError::WildcardNotAlone);
    }
    match filter.find('#') {
        Some(at) if at + 1 < filter.len() => Err(FilterError::LevelAfterHash),
        Some(_) | None => Ok(()),
    }
}

/// Whether a valid filter stands for more than one topic name.
pub(crate) fn has_wildcard(filter: &str) -> bool {
    filter.contains(['+', '#'])
}

/// Whether a valid filter selects a valid topic name (MQTT 3.1.1 §4.7).
///
/// `a/#` selects `a` too, and a filter that starts with a wildcard selects no name that starts with `$`.
#[must_use]
pub fn filter_matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (name, Some(level)) if name == level => {}
            (_, Some(_) | None) => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_the_standard() {
        let examples = [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
            ("sport/#", "sport", true),
            ("#", "sport/tennis", true),
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player2", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+", "sport", true),
            ("+/tennis/#", "sport/tennis/player1", true),
            ("sport/+/player1", "sport/tennis/player1", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "$SYS/broker", false),
            ("+/monitor/Clients", "$SYS/monitor/Clients", false),
            ("$SYS/#", "$SYS/broker/load", true),
            ("$SYS/monitor/+", "$SYS/monitor/Clients", true),
            ("ACCOUNTS", "Accounts", false),
            ("/A", "A", false),
            ("Accounts payable", "Accounts payable", true),
        ];
        for (filter, topic, selects) in examples {
            assert_eq!(validate_filter(filter), Ok(()), "{filter}");
            assert_eq!(validate_topic_name(topic), Ok(()), "{topic}");
            assert_eq!(filter_matches(filter, topic), selects, "{filter} selects {topic}");
        }
    }

    #[test]
    fn what_is_no_filter() {
        let long = "x".repeat(MAX_LEN + 1);
        let faults = [
            ("", FilterError::Empty),
            (&long, FilterError::TooLong),
            ("a\0b", FilterError::Nul),
            ("sport/tennis#", FilterError::WildcardNotAlone),
            ("sport+", FilterError::WildcardNotAlone),
            ("++", FilterError::WildcardNotAlone),
            ("a/#b", FilterError::WildcardNotAlone),
            ("sport/tennis/#/ranking", FilterError::LevelAfterHash),
            ("#/", FilterError::LevelAfterHash),
        ];
        for (filter, fault) in faults {
            assert_eq!(validate_filter(filter), Err(fault), "{filter:.40}");
        }
    }

    #[test]
    fn what_is_no_topic_name() {
        let longest = "x".repeat(MAX_LEN);
        assert_eq!(validate_topic_name(&longest), Ok(()));
        assert_eq!(validate_topic_name(&(longest + "x")), Err(TopicNameError::TooLong));
        assert_eq!(validate_topic_name(""), Err(TopicNameError::Empty));
        assert_eq!(validate_topic_name("a\0"), Err(TopicNameError::Nul));
        assert_eq!(validate_topic_name("a/+"), Err(TopicNameError::Wildcard));
        assert_eq!(validate_topic_name("a#"), Err(TopicNameError::Wildcard));
    }

    proptest! {
        #[test]
        fn a_topic_name_is_a_filter_that_selects_only_itself(a in "[ab$/é]{1,6}", b in "[ab$/é]{1,6}") {
            prop_assert_eq!(validate_filter(&a), Ok(()));
            prop_assert_eq!(filter_matches(&a, &b), a == b);
        }

        #[test]
        fn any_string_is_answered(filter in "[a$/+#\0é]{0,6}", topic in "[a$/é]{0,6}") {
            let _ = filter_matches(&filter, &topic);
            let valid_as_both = validate_filter(&filter).is_ok() && !has_wildcard(&filter);
            prop_assert_eq!(valid_as_both, validate_topic_name(&filter).is_ok());
        }
    }
}
