//! Sample configurations: with the examples in their comments, and with one value of a wrong type, for every value, table and
//! list in them.

use std::fmt::{Debug, Display};
use std::iter;
use toml::{Table, Value};

/// A sample with one mistake.
struct Mistake {
    /// Where it is, as errors name it.
    key: String,
    text: String,
}

/// Asserts that each mistake in `sample` is refused with its place and what would be right, and answers how many there are.
pub(crate) fn assert_mistakes_are_named<T: Debug, E: Display + Debug>(
    sample: &str,
    read: impl Fn(&str) -> Result<T, E>,
) -> usize {
    read(sample).expect("without a mistake it is right");
    let tables = toml::from_str(sample).expect("it is TOML");
    let named = mistakes(&tables).map(|mistake| {
        let said = read(&mistake.text).expect_err(&mistake.key).to_string();
        let says_what_is_right = ["expected ", "write ", "leave "].iter().any(|words| said.contains(words));
        assert!(said.contains(&format!(": {}", mistake.key)) && says_what_is_right, "{}: {said}", mistake.key);
    });
    named.count()
}

/// Every value in `sample` replaced with every value of another type.
fn mistakes(sample: &Table) -> impl Iterator<Item = Mistake> {
    let sample = Value::Table(sample.clone());
    let mut places = Vec::new();
    collect_places(&sample, &mut Vec::new(), &mut places);
    places.into_iter().flat_map(move |place| {
        let mut sample = sample.clone();
        let wrong = wrong_for(value_at(&mut sample, &place));
        iter::zip(iter::repeat((place, sample)), wrong).map(|((place, mut sample), wrong)| {
            *value_at(&mut sample, &place) = wrong;
            Mistake { key: place.concat(), text: toml::to_string(&sample).expect("it was read") }
        })
    })
}

/// The text with the examples in its comments: keys and their values, and tables; everything else there is prose.
pub(crate) fn with_examples(text: &str) -> String {
    let is_example = |rest: &str| {
        let is_table = rest.starts_with('[') && rest.ends_with(']');
        is_table || rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))
    };
    let uncomment = |line: &str| match line.strip_prefix("# ").filter(|rest| is_example(rest)) {
        Some(example) => format!("{example}\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(uncomment).collect()
}

/// Steps to a value: `.key` (of the first one `key`), and `[index]` in a list.
type Steps = Vec<String>;

fn collect_places(value: &Value, steps: &mut Steps, places: &mut Vec<Steps>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Table(table) => {
            let dot = if steps.is_empty() { "" } else { "." };
            table.iter().map(|(key, value)| (format!("{dot}{key}"), value)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(index, value)| (format!("[{index}]"), value)).collect(),
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => Vec::new(),
    };
    for (step, value) in inner {
        steps.push(step);
        places.push(steps.clone());
        collect_places(value, steps, places);
        steps.pop();
    }
}

fn value_at<'v>(value: &'v mut Value, steps: &Steps) -> &'v mut Value {
    steps.iter().fold(value, |value, step| match step.strip_prefix('[').and_then(|step| step.strip_suffix(']')) {
        Some(index) => &mut value[index.parse::<usize>().expect("it was a number")],
        None => &mut value[step.trim_start_matches('.')],
    })
}

/// What cannot stand in the place of `value`.
fn wrong_for(value: &Value) -> Vec<Value> {
    let wrong = match value {
        Value::String(_) => "[true, 1979-05-27, [], [{}], { key = 1 }]",
        Value::Integer(_) | Value::Float(_) => "['?', true, nan, 07:32:00, [1], {}]",
        Value::Boolean(_) => "['?', 1, [true], { key = 1 }]",
        Value::Table(_) => "['?', 1979-05-27, [], [1], ['?'], [[]], [{}]]",
        Value::Array(_) => "[1, [1], [[]], [1979-05-27], {}, { key = 1 }]",
        Value::Datetime(_) => unreachable!("there is none in the samples"),
    };
    let list: Table = toml::from_str(&format!("list = {wrong}")).expect("it is TOML");
    list["list"].as_array().expect("it is a list").clone()
}
