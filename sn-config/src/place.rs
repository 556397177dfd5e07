//! A place in a text, and how it is shown.

use std::fmt;
use std::ops::Range;

/// A place in a text: where it begins, and the line with what is meant underlined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The line itself.
    text: String,
    /// How many characters of it are meant.
    width: usize,
}

impl Place {
    /// The place of the octets `span` of a text. What lies beyond the line's end is not shown.
    #[must_use]
    pub fn of(text: &str, span: &Range<usize>) -> Self {
        let start = text.floor_char_boundary(span.start.min(text.len()));
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[line_start..].lines().next().unwrap_or_default();
        let end = text.ceil_char_boundary(span.end.clamp(start, (line_start + line.len()).max(start)));
        Self {
            line: before.matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            text: line.into(),
            width: text[start..end].chars().count().max(1),
        }
    }

    /// The line itself.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// Two lines: the text's, and one that underlines what is meant.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gutter = self.line.to_string();
        let indent = " ".repeat(self.column - 1);
        writeln!(f, " {gutter} | {}", self.text)?;
        write!(f, " {} | {indent}{}", " ".repeat(gutter.len()), "^".repeat(self.width))
    }
}
