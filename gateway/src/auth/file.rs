//! The password file: a line `user:hash` per user. Empty lines, and lines that start with `#`, say nothing.

use super::PasswordHash;
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Users and what is kept of their passwords.
#[derive(Clone, Debug, Default)]
pub struct PasswordFile {
    users: HashMap<Arc<str>, PasswordHash>,
    /// Everybody may read it, or others than its owner may write it.
    is_open: bool,
}

/// What is wrong with a password file, where, and what would be right.
#[derive(Debug)]
pub struct PasswordFileError {
    path: PathBuf,
    /// From 1; `None`: the file as a whole.
    line: Option<usize>,
    message: String,
}

impl fmt::Display for PasswordFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.message)
    }
}

impl std::error::Error for PasswordFileError {}

impl PasswordFile {
    /// Reads a password file.
    ///
    /// # Errors
    /// It cannot be read, or a line is wrong.
    pub fn load(path: &Path) -> Result<Self, PasswordFileError> {
        let unreadable = |error| PasswordFileError {
            path: path.into(),
            line: None,
            message: format!("cannot be read: {error}; `sn-gateway passwd FILE USER` makes one"),
        };
        let text = fs::read_to_string(path).map_err(unreadable)?;
        // Its group may read it: the gateway is often in that, and the file is an administrator's.
        let is_open = fs::metadata(path).map_err(unreadable)?.mode() & 0o037 != 0;
        Ok(Self { is_open, ..Self::parse(path, &text)? })
    }

    /// Reads the lines of a password file; `path` is for the error.
    ///
    /// # Errors
    /// A line is wrong.
    pub fn parse(path: &Path, text: &str) -> Result<Self, PasswordFileError> {
        let mut users = HashMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let wrong = |message| PasswordFileError { path: path.into(), line: Some(number), message };
            let Some((user, hash)) = entry(line).map_err(wrong)? else { continue };
            if users.insert(Arc::from(user), hash).is_some() {
                return Err(wrong(format!("`{user}` is there twice; delete one of the two lines")));
            }
        }
        Ok(Self { users, is_open: false })
    }

    /// A user and what is kept of the password.
    #[must_use]
    pub fn find(&self, user: &str) -> Option<(&Arc<str>, &PasswordHash)> {
        self.users.get_key_value(user)
    }

    /// How many users there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Nobody can log in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Everybody may read the file, or others than its owner may write it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Users of `before` who are here no more, or with another hash.
    #[must_use]
    pub fn changed_since(&self, before: &Self) -> Vec<Arc<str>> {
        let changed = before.users.iter().filter(|(user, hash)| self.users.get(*user) != Some(hash));
        changed.map(|(user, _)| user.clone()).collect()
    }
}

/// The user and the hash that a line names, if it names any.
fn entry(line: &str) -> Result<Option<(&str, PasswordHash)>, String> {
    let line = line.trim_end();
    let Some(user) = user_of(line) else {
        return match line.is_empty() || line.starts_with('#') {
            true => Ok(None),
            false => Err("write USER:HASH, as `sn-gateway passwd` does".into()),
        };
    };
    check_user(user)?;
    let hash = line[user.len() + 1..].parse();
    let hash = hash.map_err(|error| {
        format!("what follows `{user}:` {error}; make a new one with `sn-gateway passwd FILE {user}`")
    })?;
    Ok(Some((user, hash)))
}

/// The user whom a line of a password file is about.
pub(super) fn user_of(line: &str) -> Option<&str> {
    let (user, _) = line.split_once(':')?;
    (!line.starts_with('#')).then_some(user)
}

/// Whether a text can be a user's name.
pub(super) fn check_user(user: &str) -> Result<(), String> {
    match user {
        "" => Err("a user's name has at least one character".into()),
        _ if user.len() > 65_535 => Err("a user's name has at most 65,535 octets".into()),
        _ if user.starts_with('#') => Err("a user's name does not start with #: such lines say nothing".into()),
        _ if user.contains(':') || user.contains(char::is_control) => {
            Err(format!("`{}` is no name of a user: : and control characters cannot be in it", user.escape_debug()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str =
        "$6$c2FsdA==$YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYQ==";

    fn parse(text: &str) -> Result<PasswordFile, String> {
        PasswordFile::parse(Path::new("users"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_line_per_user_and_comments() {
        let file = parse(&format!("# who may\n\nalice:{HASH}\r\nbob smith:{HASH}\n")).unwrap();
        assert_eq!(file.len(), 2);
        assert!(file.find("alice").is_some() && file.find("bob smith").is_some() && file.find("carol").is_none());
    }

    #[test]
    fn errors_name_the_line_and_what_would_be_right() {
        for (text, expected) in [
            ("\nalice".into(), "users:2: write USER:HASH"),
            (format!(":{HASH}"), "users:1: a user's name has at least one character"),
            (
                "alice:secret".into(),
                "`alice:` is no hash that is known here: $argon2id$, SCRAM-SHA-256$, or $7$ and $6$ of mosquitto",
            ),
            ("alice:$6$x$y".into(), "is a damaged hash; make a new one with `sn-gateway passwd FILE alice`"),
            (format!("a:{HASH}\na:{HASH}"), "users:2: `a` is there twice"),
            (format!("a\tb:{HASH}"), "`a\\tb` is no name of a user"),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn who_is_gone_or_has_another_password_has_changed() {
        let before = parse(&format!("alice:{HASH}\nbob:{HASH}\ncarol:{HASH}")).unwrap();
        let other = HASH.replace("c2FsdA==", "c2FsdHM=");
        let mut changed = parse(&format!("alice:{HASH}\nbob:{other}\ndave:{HASH}")).unwrap().changed_since(&before);
        changed.sort();
        assert_eq!(changed.iter().map(|user| &**user).collect::<Vec<_>>(), ["bob", "carol"]);
    }
}
