//! Names of users and client ids, as a rule has them.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// A name, or a pattern with one `*` that stands for at least one character.
///
/// The empty name is that of nobody: a user who has not logged in, a sender without a session. No `*` stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Exact(Box<str>),
    /// What is before the `*` and what is after it.
    Around(Box<str>, Box<str>),
}

/// A pattern has more than one `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamePatternError;

impl fmt::Display for NamePatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name may have one * at most")
    }
}

impl Error for NamePatternError {}

impl FromStr for NamePattern {
    type Err = NamePatternError;

    fn from_str(text: &str) -> Result<Self, NamePatternError> {
        match text.split_once('*') {
            None => Ok(Self(Kind::Exact(text.into()))),
            Some((_, after)) if after.contains('*') => Err(NamePatternError),
            Some((before, after)) => Ok(Self(Kind::Around(before.into(), after.into()))),
        }
    }
}

impl NamePattern {
    /// Whether the pattern stands for this name.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match &self.0 {
            Kind::Exact(exact) => **exact == *name,
            Kind::Around(before, after) => {
                name.len() > before.len() + after.len() && name.starts_with(&**before) && name.ends_with(&**after)
            }
        }
    }

    /// The one name that it stands for, if it is one.
    pub(super) fn exact(&self) -> Option<&str> {
        match &self.0 {
            Kind::Exact(name) => Some(name),
            Kind::Around(..) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_at_least_one_character() {
        let examples = [
            ("alice", "alice", true),
            ("alice", "alic", false),
            ("", "", true),
            ("", "a", false),
            ("*", "alice", true),
            ("*", "", false),
            ("node-*", "node-7", true),
            ("node-*", "node-", false),
            ("*-7", "node-7", true),
            ("a*a", "aa", false),
            ("a*a", "aba", true),
            ("é*", "éé", true),
        ];
        for (pattern, name, matches) in examples {
            assert_eq!(pattern.parse::<NamePattern>().unwrap().matches(name), matches, "{pattern} and {name}");
        }
        assert_eq!("a*b*".parse::<NamePattern>(), Err(NamePatternError));
    }
}
