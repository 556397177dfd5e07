//! Names that an operator gives to what there may be several of.

use serde::{Deserialize, Deserializer, de};
use toml::Spanned;

/// Reads a name that can stand in a topic, between two slashes, and in a command. `what` it names and an `example` are for the
/// error.
///
/// # Errors
/// It is none.
pub fn read_name<'de, D: Deserializer<'de>>(
    deserializer: D,
    what: &str,
    example: &str,
) -> Result<Spanned<String>, D::Error> {
    let name = Spanned::<String>::deserialize(deserializer)?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.get_ref().is_empty() || name.get_ref().len() > 64 || !name.get_ref().chars().all(is_name) {
        return Err(de::Error::custom(format_args!(
            "{what} has 1 to 64 letters, digits, `-`, `_` and `.`, for example \"{example}\""
        )));
    }
    Ok(name)
}
