//! Names of users and client ids, as a rule has them.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// A name, or a pattern with one `*` that stands for at least one character.
///
/// The empty name is that of nobody: a user who has not logged in, a sender without a session. No `*` stands for it. In a
/// pattern for client ids `%u` stands for the user's name, and such a pattern stands for nothing of nobody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Exact(Box<str>),
    /// What is before the `*` and what is after it.
    Around(Box<str>, Box<str>),
}

/// The user's name.
const USER: &str = "%u";

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

    /// Whether the pattern stands for this client id of a user.
    pub(super) fn matches_of(&self, user: &str, client_id: &str) -> bool {
        let of_user = |part: &str| -> Box<str> { part.replace(USER, user).into() };
        match &self.0 {
            _ if !self.needs_user() => self.matches(client_id),
            _ if user.is_empty() => false,
            Kind::Exact(exact) => Self(Kind::Exact(of_user(exact))).matches(client_id),
            Kind::Around(before, after) => Self(Kind::Around(of_user(before), of_user(after))).matches(client_id),
        }
    }

    fn needs_user(&self) -> bool {
        match &self.0 {
            Kind::Exact(exact) => exact.contains(USER),
            Kind::Around(before, after) => before.contains(USER) || after.contains(USER),
        }
    }

    /// The one name that it stands for, if it is one.
    pub(super) fn exact(&self) -> Option<&str> {
        match &self.0 {
            Kind::Exact(name) => Some(name).filter(|_| !self.needs_user()).map(|name| &**name),
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
        let of_users = [
            ("%u", "alice", "alice", true),
            ("%u-*", "alice", "alice-7", true),
            ("%u-*", "alice", "bob-7", false),
            ("%u-*", "", "-7", false),
            ("x-%u", "*", "x-7", false),
            ("plain", "", "plain", true),
        ];
        for (pattern, user, client_id, matches) in of_users {
            let pattern: NamePattern = pattern.parse().unwrap();
            assert_eq!(pattern.matches_of(user, client_id), matches, "{pattern:?}, {user} and {client_id}");
        }
        assert_eq!("a*b*".parse::<NamePattern>(), Err(NamePatternError));
    }
}
