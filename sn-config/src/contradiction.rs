//! What keys that are right each for itself say against each other.

use std::ops::Range;
use toml::Spanned;

/// Where in its file a value stands, if it came from one. Any two are equal: a table that has moved says the same.
#[derive(Clone, Debug, Default)]
pub struct At(Option<Range<usize>>);

impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl At {
    /// The octets of the file, if there is one.
    #[must_use]
    pub fn span(&self) -> Option<Range<usize>> {
        self.0.clone()
    }
}

impl<T> From<&Spanned<T>> for At {
    fn from(value: &Spanned<T>) -> Self {
        Self(Some(value.span()))
    }
}

impl<T> From<&Option<Spanned<T>>> for At {
    fn from(value: &Option<Spanned<T>>) -> Self {
        Self(value.as_ref().map(Spanned::span))
    }
}

/// A value that does not go with another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// Where it stands.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// Where the other one stands, if the message is not enough to find it.
    pub other: Option<Range<usize>>,
}

impl From<(Range<usize>, String)> for Contradiction {
    fn from((at, message): (Range<usize>, String)) -> Self {
        Self { at, message, other: None }
    }
}

impl Contradiction {
    /// The first value that comes a second time, of those that have a place; `message` is about the value.
    pub fn of_repeated<T: PartialEq>(
        values: impl IntoIterator<Item = (T, At)>,
        message: impl Fn(&T) -> String,
    ) -> Option<Self> {
        Self::of_pair(values, |value, earlier| (value == earlier).then(|| message(value)))
    }

    /// The first value that does not go with an earlier one, of those that have a place; `message` says why, if so.
    pub fn of_pair<T>(
        values: impl IntoIterator<Item = (T, At)>,
        message: impl Fn(&T, &T) -> Option<String>,
    ) -> Option<Self> {
        let mut earlier: Vec<(T, At)> = Vec::new();
        for (value, at) in values {
            let found = earlier.iter().find_map(|(known, other)| Some((message(&value, known)?, other)));
            if let Some((message, other)) = found {
                // One that the file does not write down is not to be pointed at.
                let (at, other) = if at.0.is_some() { (at.0, other.span()) } else { (other.span(), None) };
                return at.map(|at| Self { at, message, other });
            }
            earlier.push((value, at));
        }
        None
    }
}
