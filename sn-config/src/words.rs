//! The words of TOML and plain English in the place of the parser's.

use toml::value::Datetime;

/// A name that somebody may look for, and what to do instead.
pub type Hint = (&'static str, &'static str);

/// The name of the one key of a date, which the parser takes for a table.
const DATE: &str = "$__toml_private_datetime";
/// Names that are so much alike are mistaken for one another, from 0 to 1.
const ALIKE: f64 = 0.75;

/// That a name is not known or missing, if that is what the parser's message says. For an unknown one, the known one that looks
/// most like it. `hints` are for names that are not there.
#[must_use]
pub fn of_names(message: &str, hints: &[Hint]) -> Option<String> {
    if let Some(name) = message.strip_prefix("missing field ") {
        return Some(format!("{name} is missing"));
    }
    if let Some(rest) = message.strip_prefix("unexpected keys in table: ") {
        let (wrong, known) = rest.split_once(", available keys: ")?;
        return Some(unknown(wrong.split(", ").next()?, &known.split(", ").collect::<Vec<_>>()));
    }
    let rest = ["unknown field ", "unknown variant "].iter().find_map(|prefix| message.strip_prefix(prefix))?;
    let mut names = rest.split('`').skip(1).step_by(2);
    let wrong = names.next()?;
    if wrong == DATE {
        return Some("expected a table, not a date or time".into());
    }
    let hint = hints.iter().find(|(name, _)| *name == wrong).map(|(_, hint)| (*hint).into());
    hint.or_else(|| Some(unknown(wrong, &names.collect::<Vec<_>>())))
}

fn unknown(wrong: &str, known: &[&str]) -> String {
    let closest = known.iter().map(|name| (strsim::jaro_winkler(wrong, name), name)).max_by(|a, b| a.0.total_cmp(&b.0));
    let list = known.join(", ");
    match closest {
        Some((likeness, name)) if likeness > ALIKE => format!("unknown `{wrong}`; did you mean `{name}`?"),
        Some(_) if known.len() == 1 => format!("unknown `{wrong}`; known is only {list}"),
        Some(_) => format!("unknown `{wrong}`; known are {list}"),
        None => format!("unknown `{wrong}`; nothing is known here"),
    }
}

/// What the parser found and what it expected instead, if that is what its message says; `meant` is what stands in the file.
#[must_use]
pub fn of_type(message: &str, meant: &str) -> Option<String> {
    let rest = ["invalid type: ", "invalid value: "].iter().find_map(|prefix| message.strip_prefix(prefix))?;
    let (found, expected) = rest.rsplit_once(", expected ")?;
    let one_table = expected.strip_prefix("the table ").filter(|table| meant == format!("[{table}]"));
    Some(match (expected, one_table) {
        ("a sequence", _) if found == "map" && meant.starts_with('[') => {
            format!("write [{meant}] with two brackets on each side: there may be several such tables")
        }
        (_, Some(table)) => format!("write {table} with one bracket on each side: there is one such table"),
        (_, None) => format!("expected {}, not {}", wish(expected), find(found, meant)),
    })
}

/// What was expected, for one who does not write Rust.
fn wish(expected: &str) -> String {
    let whole = |from: i64, to: i64| format!("a whole number from {from} to {to}");
    match expected {
        "a boolean" => "true or false".into(),
        "a string" | "a borrowed string" | "path string" | "string" => "a text in quotes".into(),
        "a sequence" => "a list in brackets".into(),
        "a map" => "a table".into(),
        "u8" => whole(0, u8::MAX.into()),
        "u16" => whole(0, u16::MAX.into()),
        "u32" => whole(0, u32::MAX.into()),
        "u64" | "usize" => "a whole number that is not below 0".into(),
        "i8" => whole(i8::MIN.into(), i8::MAX.into()),
        "i16" => whole(i16::MIN.into(), i16::MAX.into()),
        "i32" => whole(i32::MIN.into(), i32::MAX.into()),
        "i64" => "a whole number".into(),
        "f32" | "f64" => "a number".into(),
        _ if expected.starts_with("struct ") || expected.starts_with("enum ") => "a table".into(),
        _ => expected.into(),
    }
}

/// What was found; `meant` is how it stands in the file.
fn find(found: &str, meant: &str) -> String {
    let number = ["integer `", "floating point `", "boolean `"].iter().find_map(|kind| found.strip_prefix(kind));
    match (found, number) {
        // The parser takes a date for a table.
        ("map", _) if meant.parse::<Datetime>().is_ok() => format!("the date or time {meant}"),
        ("map", _) => "a table".into(),
        ("sequence", _) => "a list".into(),
        // Of a number beyond 64 bits the parser says behind it in how many it has put it.
        (_, Some(number)) => number.split('`').next().unwrap_or_default().into(),
        (_, None) => match found.strip_prefix("string ") {
            Some(text) => format!("the text {text}"),
            None => found.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_told_as_it_stands_in_the_file() {
        for (found, told) in [("integer `7`", "7"), ("integer `99999999999999999999` as i128", "99999999999999999999")]
        {
            let message = format!("invalid type: {found}, expected u8");
            let expected = format!("expected a whole number from 0 to 255, not {told}");
            assert_eq!(of_type(&message, told), Some(expected));
        }
    }
}
