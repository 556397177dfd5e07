//! The parser's messages without Rust's words, for people who write scenarios.

/// How each fault is written, by its name in the file and in the parser's messages.
const FAULTS: [(&str, &str, &str); 5] = [
    ("crash", "What::Crash", r#"{ down = "30s" }"#),
    ("disk-full", "What::DiskFull", r#"{ lasts = "10min" }"#),
    ("silence", "What::Silence", r#"{ nodes = "GROUP", share_percent = 25, lasts = "8min" }"#),
    ("reboot", "What::Reboot", r#"{ nodes = "GROUP", share_percent = 10, down = "20s" }"#),
    ("cut", "What::Cut", r#"{ client = "CLIENT" }"#),
];

/// Names that are so much alike are mistaken for one another, from 0 to 1.
const ALIKE: f64 = 0.75;

/// The parser's `message` about what is `meant` in the file.
pub(super) fn in_plain_words(message: &str, meant: &str) -> String {
    let message = message.replace('\n', " ");
    let message = message.trim();
    if message.starts_with("invalid type: unit variant") {
        return has_keys(meant.trim_matches(['"', '\'']));
    }
    of_names(message)
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

/// A name is not known, or one is missing.
fn of_names(message: &str) -> Option<String> {
    if let Some(name) = message.strip_prefix("missing field ") {
        return Some(format!("{name} is missing"));
    }
    if let Some((wrong, known)) =
        message.strip_prefix("unexpected keys in table: ").and_then(|rest| rest.split_once(", available keys: "))
    {
        return Some(unknown(wrong.split(", ").next()?, &known.split(", ").collect::<Vec<_>>()));
    }
    let rest = ["unknown field ", "unknown variant "].iter().find_map(|prefix| message.strip_prefix(prefix))?;
    let mut names = rest.split('`').skip(1).step_by(2);
    Some(unknown(names.next()?, &names.collect::<Vec<_>>()))
}

fn unknown(wrong: &str, known: &[&str]) -> String {
    let likeness = known.iter().map(|name| (strsim::jaro_winkler(wrong, name), name));
    match likeness.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((likeness, name)) if likeness > ALIKE => format!("unknown `{wrong}`; did you mean `{name}`?"),
        Some(_) | None => {
            let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("unknown `{wrong}`; known are {}", known.join(", "))
        }
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
    let rest = ["invalid type: ", "invalid value: "].iter().find_map(|prefix| message.strip_prefix(prefix))?;
    let (found, expected) = rest.split_once(", expected ")?;
    Some(match (found, expected) {
        ("map", "a sequence") if meant.starts_with('[') => {
            format!("write [{meant}] with two brackets on each side: there may be several such tables")
        }
        (_, _) => format!("expected {}, not {}", wish(expected), find(found)),
    })
}

/// What the parser expects.
fn wish(expected: &str) -> &str {
    let fault = expected.strip_prefix("struct variant ");
    if let Some((_, _, keys)) = FAULTS.iter().find(|(_, variant, _)| Some(*variant) == fault) {
        return keys;
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
        "a sequence" => "a list in brackets",
        _ if expected.starts_with("struct ") => "a table",
        _ if expected.starts_with("enum ") || expected.starts_with("string or table") => "a table",
        _ => expected,
    }
}

/// What the parser has found, as it stands in the file.
fn find(found: &str) -> String {
    let value = ["integer `", "floating point `", "boolean `"].iter().find_map(|kind| found.strip_prefix(kind));
    match (found, value) {
        ("map", _) => "a table".to_owned(),
        ("sequence", _) => "a list".to_owned(),
        (_, Some(value)) => value.split('`').next().unwrap_or_default().to_owned(),
        (_, None) => match found.strip_prefix("string ") {
            Some(text) => format!("the text {text}"),
            None => found.to_owned(),
        },
    }
}

/// A value is none of TOML's.
fn of_quotes(message: &str) -> Option<String> {
    let is_bare = ["string values must be quoted", "invalid float", "invalid boolean"];
    is_bare.iter().any(|bare| message.starts_with(bare)).then(|| "texts and durations stand in quotes".to_owned())
}
