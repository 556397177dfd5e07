//! An error in the configuration file, written for the person who has to mend it.

use crate::strict::Strict;
use crate::words::{Hint, of_names, of_type};
use crate::{Contradiction, Place};
use serde::de::DeserializeOwned;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// Reads the tables and keys of `text`; `path` and the `hints`, for names that are not there, are for the error.
///
/// # Errors
/// A [`ConfigError`] that names the line, the column, the key and what would be right.
pub fn read<T: DeserializeOwned>(path: &Path, text: &str, hints: &[Hint]) -> Result<T, ConfigError> {
    let tables = toml::Deserializer::parse(text).and_then(|parser| T::deserialize(Strict(parser)));
    tables.map_err(|error| ConfigError::of_toml(path, text, &error, hints))
}

/// What is wrong, where, and what would be right.
#[derive(Debug)]
pub struct ConfigError {
    path: PathBuf,
    at: Option<Box<KeyAt>>,
    message: String,
}

/// A key, and where it stands.
#[derive(Debug)]
struct KeyAt {
    place: Place,
    /// Dotted, as `timing.t_retry_s`; empty if the text is no TOML.
    key: String,
    /// The line itself is shown.
    shows_text: bool,
}

impl ConfigError {
    /// The file cannot be read.
    #[must_use]
    pub fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self { path: path.into(), at: None, message: format!("cannot be read: {error}") }
    }

    /// `message` about the octets `span`.
    #[must_use]
    pub fn at(path: &Path, text: &str, span: Range<usize>, message: String) -> Self {
        let place = Place::of(text, &span);
        let key = Some(key_at(text, &span)).filter(|key| !key.is_empty()).unwrap_or_else(|| key_on(place.text()));
        Self { path: path.into(), at: Some(KeyAt { place, key, shows_text: true }.into()), message }
    }

    /// The same without the line itself, in which there may be a key or a password.
    #[must_use]
    pub fn without_text(mut self) -> Self {
        if let Some(at) = &mut self.at {
            at.shows_text = false;
        }
        self
    }

    /// What the parser found. `hints` are for names that are not there.
    fn of_toml(path: &Path, text: &str, error: &toml::de::Error, hints: &[Hint]) -> Self {
        let span = error.span().unwrap_or(0..0);
        let meant = text.get(span.clone()).unwrap_or_default();
        Self::at(path, text, span, plain(error.message(), meant, hints))
    }

    /// What keys say against each other.
    #[must_use]
    pub fn of_contradiction(path: &Path, text: &str, Contradiction { at, mut message, other }: Contradiction) -> Self {
        if let Some(other) = other {
            message += &format!("; the other is on line {}", Place::of(text, &other).line);
        }
        Self::at(path, text, at, message)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(KeyAt { place, key, shows_text }) = self.at.as_deref() else {
            return write!(f, "{}: {}", self.path.display(), self.message);
        };
        write!(f, "{}:{}:{}: ", self.path.display(), place.line, place.column)?;
        if !key.is_empty() {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.message)?;
        if *shows_text { write!(f, "\n{place}") } else { Ok(()) }
    }
}

impl std::error::Error for ConfigError {}

/// The parser's message, for one who has to mend the file; `meant` is what stands there.
fn plain(message: &str, meant: &str, hints: &[Hint]) -> String {
    let plain = of_type(message, meant).or_else(|| of_names(message, hints));
    plain.unwrap_or_else(|| message.replace('\n', " ").trim().into())
}

/// The dotted key whose name or value is at `span`.
fn key_at(text: &str, span: &Range<usize>) -> String {
    let Ok(table) = DeTable::parse(text) else { return String::new() };
    let mut path = String::new();
    find_in_table(table.get_ref(), span, &mut path);
    path
}

/// The key that stands on a line, where the text as a whole cannot be read: a key that comes twice, say.
fn key_on(line: &str) -> String {
    let key = line.split_once('=').map(|(key, _)| key.trim()).unwrap_or_default();
    let is_key = key.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    if is_key { key.into() } else { String::new() }
}

fn find_in_table(table: &DeTable<'_>, span: &Range<usize>, path: &mut String) {
    for (key, value) in table {
        if contains(&key.span(), span) || contains(&value.span(), span) || value_contains(value.get_ref(), span) {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(key.get_ref());
            return find_in_value(value.get_ref(), span, path);
        }
    }
}

fn find_in_value(value: &DeValue<'_>, span: &Range<usize>, path: &mut String) {
    if let Some(table) = value.as_table() {
        find_in_table(table, span, path);
    } else if let Some(array) = value.as_array() {
        let found = array.iter().position(|item| contains(&item.span(), span) || value_contains(item.get_ref(), span));
        if let Some(index) = found {
            path.push_str(&format!("[{index}]"));
            find_in_value(array[index].get_ref(), span, path);
        }
    }
}

/// Whether something inside lies at `span`: a table's own span is only its header.
fn value_contains(value: &DeValue<'_>, span: &Range<usize>) -> bool {
    match value {
        DeValue::Table(table) => table.iter().any(|(key, value)| {
            contains(&key.span(), span) || contains(&value.span(), span) || value_contains(value.get_ref(), span)
        }),
        DeValue::Array(array) => {
            array.iter().any(|item| contains(&item.span(), span) || value_contains(item.get_ref(), span))
        }
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            false
        }
    }
}

fn contains(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    !inner.is_empty() && outer.start <= inner.start && inner.end <= outer.end
}
