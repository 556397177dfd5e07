//! The parser's messages without Rust's words, for people who write scenarios: what is a scenario's own. The rest is
//! [`sn_config::words`].

use sn_config::words;

/// How each fault is written, by its name in the file and in the parser's messages.
const FAULTS: [(&str, &str, &str); 5] = [
    ("crash", "What::Crash", r#"{ down = "30s" }"#),
    ("disk-full", "What::DiskFull", r#"{ lasts = "10min" }"#),
    ("silence", "What::Silence", r#"{ nodes = "GROUP", share_percent = 25, lasts = "8min" }"#),
    ("reboot", "What::Reboot", r#"{ nodes = "GROUP", share_percent = 10, down = "20s" }"#),
    ("cut", "What::Cut", r#"{ client = "CLIENT" }"#),
];

/// The parser's `message` about what is `meant` in the file.
pub(super) fn in_plain_words(message: &str, meant: &str) -> String {
    let message = message.replace('\n', " ");
    let message = message.trim();
    if message.starts_with("invalid type: unit variant") {
        return has_keys(meant.trim_matches(['"', '\'']));
    }
    words::of_names(message, &[])
        .or_else(|| of_number(message, meant))
        .or_else(|| of_type(message, meant))
        .or_else(|| of_quotes(message))
        .unwrap_or_else(|| message.to_owned())
}

/// A word stands where a table should.
fn has_keys(word: &str) -> String {
    match FAULTS.iter().find(|(name, ..)| *name == word) {
        Some((name, _, keys)) => format!("{name} has keys: {{ {name} = {keys} }}"),
        None => format!("{word} has keys: {{ {word} = {{ .. }} }}"),
    }
}

/// A table whose one key says what it is has none, or several.
fn of_number(message: &str, meant: &str) -> Option<String> {
    match message.strip_prefix("wanted ")? {
        "exactly 1 element, found 0 elements" => Some("which one? There has to be one key here".to_owned()),
        "exactly 1 element, more than 1 element" => Some("only one of these can be: leave out the others".to_owned()),
        "string or table" if meant.starts_with('[') => {
            Some("expected a table, not a list; places are { list = [[x, y], ..] }".to_owned())
        }
        "string or table" => Some(format!("expected a table, not {meant}")),
        _ => None,
    }
}

/// A value has the wrong type, or is out of range.
fn of_type(message: &str, meant: &str) -> Option<String> {
    // A list stands for the values of a table's keys, without their names.
    if message.starts_with("invalid length ") {
        return Some("expected a table, not a list".to_owned());
    }
    let fault = message.split_once("struct variant ").and_then(|(before, fault)| {
        let (_, _, keys) = FAULTS.iter().find(|(_, variant, _)| *variant == fault)?;
        Some(format!("{before}{keys}"))
    });
    words::of_type(fault.as_deref().unwrap_or(message), meant)
}

/// A value is none of TOML's.
fn of_quotes(message: &str) -> Option<String> {
    let is_bare = ["string values must be quoted", "invalid float", "invalid boolean"];
    is_bare.iter().any(|bare| message.starts_with(bare)).then(|| "texts and durations stand in quotes".to_owned())
}
