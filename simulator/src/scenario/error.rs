//! An error in a scenario, written for the person who has to mend it.

use std::fmt;
use std::ops::Range;

/// What is wrong, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    place: Option<Place>,
    message: String,
}

/// A place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
    /// The line itself, and how many characters of it are meant.
    text: String,
    width: usize,
}

impl ScenarioError {
    /// What the parser found in `text`.
    pub(super) fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let place = error.span().map(|span| Place::of(text, &span));
        Self { place, message: error.message().replace('\n', " ").trim().to_owned() }
    }

    /// What keys that are right each for itself say together.
    pub(super) fn whole(message: impl Into<String>) -> Self {
        Self { place: None, message: message.into() }
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Place { line, column, text, width }) = &self.place else { return f.write_str(&self.message) };
        writeln!(f, "line {line}, column {column}: {}", self.message)?;
        let gutter = line.to_string();
        writeln!(f, " {gutter} | {text}")?;
        write!(f, " {} | {}{}", " ".repeat(gutter.len()), " ".repeat(column - 1), "^".repeat(*width))
    }
}

impl std::error::Error for ScenarioError {}

impl Place {
    fn of(text: &str, span: &Range<usize>) -> Self {
        let start = text.floor_char_boundary(span.start.min(text.len()));
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[line_start..].lines().next().unwrap_or_default();
        let end = text.ceil_char_boundary(span.end.clamp(start, (line_start + line.len()).max(start)));
        Self {
            line: before.matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            text: line.to_owned(),
            width: text[start..end].chars().count().max(1),
        }
    }
}
