//! The words of TOML for values of a wrong type, in the place of the parser's.

/// What the parser found and what it expected instead, if that is what it says; `key` is the dotted key.
pub(crate) fn wrong_type(message: &str, key: &str) -> Option<String> {
    if message == "wanted string or table" {
        return Some("expected a text in quotes".into());
    }
    let rest = ["invalid type: ", "invalid value: "].iter().find_map(|prefix| message.strip_prefix(prefix))?;
    let (found, expected) = rest.rsplit_once(", expected ")?;
    let is_table = !key.is_empty() && !key.contains(['.', '[']);
    // `[[gateway]]`: the parser takes the list for the values of the table's keys, without their names.
    let list = key.strip_suffix("[0]").filter(|table| !table.contains(['.', '[']));
    Some(match (found, expected) {
        ("map", "a sequence") if is_table => {
            format!("write [[{key}]] with two brackets on each side: there may be several such tables")
        }
        ("map", _) if list.is_some() => {
            format!("write [{}] with one bracket on each side: there is one such table", list.unwrap_or_default())
        }
        (_, _) => format!("expected {}, not {}", wish(expected), find(found)),
    })
}

/// What was expected, for one who does not write Rust.
fn wish(expected: &str) -> String {
    let whole = |from: i128, to: i128| format!("a whole number from {from} to {to}");
    match expected {
        "a boolean" => "true or false".into(),
        "a string" | "a borrowed string" | "path string" => "a text in quotes".into(),
        "a sequence" => "a list in brackets".into(),
        "a map" => "a table".into(),
        "u8" => whole(0, u8::MAX.into()),
        "u16" => whole(0, u16::MAX.into()),
        "u32" => whole(0, u32::MAX.into()),
        "u64" | "usize" => "a whole number".into(),
        "i8" => whole(i8::MIN.into(), i8::MAX.into()),
        "i16" => whole(i16::MIN.into(), i16::MAX.into()),
        "i32" => whole(i32::MIN.into(), i32::MAX.into()),
        "f32" | "f64" => "a number".into(),
        _ if expected.starts_with("struct ") => "a table".into(),
        _ => expected.into(),
    }
}

/// What was found, as it stands in the file.
fn find(found: &str) -> String {
    let number = ["integer `", "floating point `", "boolean `"].iter().find_map(|kind| found.strip_prefix(kind));
    match (found, number) {
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
            assert_eq!(wrong_type(&message, "key"), Some(expected));
        }
    }
}
