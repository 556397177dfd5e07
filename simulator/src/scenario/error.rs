//! An error in a scenario, written for the person who has to mend it.

use super::words::in_plain_words;
use sn_config::Place;
use std::fmt;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// What is wrong, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    place: Place,
    message: String,
}

/// What is wrong with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The key's path, in which lists are counted from 0: `nodes.0.report.1.topic`. It need not be there.
    path: String,
    message: String,
}

impl Wrong {
    pub(super) fn at(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl ScenarioError {
    /// What the parser found in `text`.
    pub(super) fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or(0..0);
        let meant = text.get(span.clone()).unwrap_or_default();
        Self { place: Place::of(text, &span), message: in_plain_words(error.message(), meant) }
    }

    /// What is wrong in `text` although the parser takes it.
    pub(super) fn of(text: &str, wrong: &Wrong) -> Self {
        let table = DeTable::parse(text).ok();
        let span = table.and_then(|table| span_in_table(table.get_ref(), &mut wrong.path.split('.')));
        Self { place: Place::of(text, &span.unwrap_or(0..0)), message: wrong.message.clone() }
    }
}

/// The octets of the value at a path, or if it is not there, of the table or list in which it would be.
fn span_in_table<'p>(table: &DeTable<'_>, path: &mut impl Iterator<Item = &'p str>) -> Option<Range<usize>> {
    let name = path.next()?;
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
    let own = if value.span().is_empty() { key.span() } else { value.span() };
    Some(span_in_value(value.get_ref(), path).unwrap_or(own))
}

fn span_in_value<'p>(value: &DeValue<'_>, path: &mut impl Iterator<Item = &'p str>) -> Option<Range<usize>> {
    match value {
        DeValue::Table(table) => span_in_table(table, path),
        DeValue::Array(items) => {
            let item = items.get(path.next()?.parse::<usize>().ok()?)?;
            Some(span_in_value(item.get_ref(), path).unwrap_or(item.span()))
        }
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            None
        }
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, message } = self;
        write!(f, "line {}, column {}: {message}\n{place}", place.line, place.column)
    }
}

impl std::error::Error for ScenarioError {}
