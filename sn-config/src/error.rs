//! An error in the configuration file, written for the person who has to mend it.

use crate::Contradiction;
use crate::words::wrong_type;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// A name that an operator may look for, and what to do instead.
pub type Hint = (&'static str, &'static str);

/// What is wrong, where, and what would be right.
#[derive(Debug)]
pub struct ConfigError {
    path: PathBuf,
    place: Option<Place>,
    message: String,
}

/// A place in the file.
#[derive(Debug)]
struct Place {
    line: usize,
    column: usize,
    /// Dotted, as `timing.t_retry_s`; empty if the text is no TOML.
    key: String,
    /// The line itself, and how many characters of it are meant; 0: the line is not shown.
    text: String,
    width: usize,
}

impl ConfigError {
    /// The file cannot be read.
    #[must_use]
    pub fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self { path: path.into(), place: None, message: format!("cannot be read: {error}") }
    }

    /// `message` about the octets `span`.
    #[must_use]
    pub fn at(path: &Path, text: &str, span: Range<usize>, message: String) -> Self {
        Self { path: path.into(), place: Some(Place::of(text, span)), message }
    }

    /// The same without the line itself, in which there may be a key or a password.
    #[must_use]
    pub fn without_text(mut self) -> Self {
        if let Some(place) = &mut self.place {
            place.width = 0;
        }
        self
    }

    /// What the parser found. `hints` are for names that are not there.
    #[must_use]
    pub fn of_toml(path: &Path, text: &str, error: &toml::de::Error, hints: &[Hint]) -> Self {
        let mut wrong = Self::at(path, text, error.span().unwrap_or(0..0), String::new());
        let key = wrong.place.as_ref().map_or("", |place| &place.key);
        wrong.message = wrong_type(error.message(), key).unwrap_or_else(|| helpful(error.message(), hints));
        wrong
    }

    /// What keys say against each other.
    #[must_use]
    pub fn of_contradiction(path: &Path, text: &str, Contradiction { at, mut message, other }: Contradiction) -> Self {
        if let Some(other) = other {
            message += &format!("; the other is on line {}", Place::of(text, other).line);
        }
        Self::at(path, text, at, message)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(place) = &self.place else { return write!(f, "{}: {}", self.path.display(), self.message) };
        write!(f, "{}:{}:{}: ", self.path.display(), place.line, place.column)?;
        if !place.key.is_empty() {
            write!(f, "{}: ", place.key)?;
        }
        if place.width == 0 {
            return f.write_str(&self.message);
        }
        let gutter = " ".repeat(place.line.to_string().len());
        let indent = " ".repeat(place.column - 1);
        writeln!(f, "{}", self.message)?;
        writeln!(f, " {} | {}", place.line, place.text)?;
        write!(f, " {gutter} | {indent}{}", "^".repeat(place.width))
    }
}

impl std::error::Error for ConfigError {}

impl Place {
    fn of(text: &str, span: Range<usize>) -> Self {
        let start = text.floor_char_boundary(span.start.min(text.len()));
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[line_start..].lines().next().unwrap_or_default();
        let column = text[line_start..start].chars().count() + 1;
        let end = text.ceil_char_boundary(span.end.clamp(start, line_start + line.len()).max(start));
        Self {
            line: before.matches('\n').count() + 1,
            column,
            key: Some(key_at(text, &span)).filter(|key| !key.is_empty()).unwrap_or_else(|| key_on(line)),
            text: line.into(),
            width: text[start..end].chars().count().max(1),
        }
    }
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

/// The parser's message, and for an unknown name the known one that looks most like it.
fn helpful(message: &str, hints: &[Hint]) -> String {
    let unknown = ["unknown field ", "unknown variant "].iter().find_map(|prefix| message.strip_prefix(prefix));
    let Some(rest) = unknown else {
        return match message.strip_prefix("missing field ") {
            Some(name) => format!("{name} is missing"),
            None => message.replace('\n', " ").trim().into(),
        };
    };
    let mut names = rest.split('`').skip(1).step_by(2);
    let Some(wrong) = names.next() else { return message.into() };
    if let Some((_, hint)) = hints.iter().find(|(name, _)| *name == wrong) {
        return (*hint).into();
    }
    let known: Vec<&str> = names.collect();
    let closest = known.iter().map(|name| (strsim::jaro_winkler(wrong, name), name)).max_by(|a, b| a.0.total_cmp(&b.0));
    let list = known.join(", ");
    match closest {
        Some((likeness, name)) if likeness > 0.75 => format!("unknown `{wrong}`; did you mean `{name}`?"),
        Some(_) if known.len() == 1 => format!("unknown `{wrong}`; known is only {list}"),
        Some(_) => format!("unknown `{wrong}`; known are {list}"),
        None => format!("unknown `{wrong}`; nothing is known here"),
    }
}
