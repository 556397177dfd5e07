//! The parser's messages without Rust's words, for people who write scenarios.

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
    let Some((found, expected)) = message.split_once(", expected ") else { return message.to_owned() };
    let found =
        found.replace("invalid type: map", "this is a table").replace("invalid type: sequence", "this is a list");
    format!("{found}, expected {}", plain(expected))
}

/// A word stands where a table should.
fn has_keys(word: &str) -> String {
    match FAULTS.iter().find(|(name, ..)| *name == word) {
        Some((name, _, keys)) => format!("{name} has keys: {{ {name} = {keys} }}"),
        None => format!("{word} has keys: {{ {word} = {{ .. }} }}"),
    }
}

/// What the parser expects.
fn plain(expected: &str) -> String {
    let fault = expected.strip_prefix("struct variant ");
    if let Some((_, _, keys)) = FAULTS.iter().find(|(_, variant, _)| Some(*variant) == fault) {
        return (*keys).to_owned();
    }
    match expected {
        "usize" | "u64" | "u32" => "a whole number that is not below 0",
        "u16" => "a whole number from 0 to 65,535",
        "u8" => "a whole number from 0 to 255",
        "i8" => "a whole number from -128 to 127",
        "i64" => "a whole number",
        "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "string" => "a text in quotes",
        "a sequence" => "a list: [[..]] above a table, [..] behind a key",
        _ if expected.starts_with("struct ") => "a table",
        _ if expected.starts_with("enum ") || expected.starts_with("string or table") => "a table",
        _ => expected,
    }
    .to_owned()
}
