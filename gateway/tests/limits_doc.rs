//! docs/limits.md: every limit is there with its default, its counter exists, and so does its test.

use std::fs;
use std::path::Path;

/// A row of a table about limits.
struct Row {
    key: String,
    default: String,
    counters: Vec<String>,
    test: String,
}

fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What is between backquotes.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The rows below the heading of a configuration's table.
fn rows(table: &str) -> Vec<Row> {
    let page = text("docs/limits.md");
    let (_, section) = page.split_once(&format!("\n## {table}\n")).expect(table);
    let section = section.split("\n## ").next().unwrap_or_default();
    let row = |line: &str| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [key, default, _, counters, test] = cells[..] else { panic!("five cells: {line}") };
        Row { key: quoted(key).concat(), default: default.into(), counters: quoted(counters), test: test.into() }
    };
    section.lines().filter(|line| line.starts_with("| `")).map(row).collect()
}

/// Keys and defaults in the sample of the configuration, which another test compares with the program.
fn sample(table: &str) -> Vec<(String, String)> {
    let sample = text("config/gateway.toml");
    let (_, section) = sample.split_once(&format!("\n{table}\n")).expect(table);
    let section = section.split("\n[").next().unwrap_or_default();
    let keys = section.lines().filter(|line| !line.starts_with("# "));
    keys.filter_map(|line| line.split_once(" = ")).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// The limits of a radio in the sample, where such a transport is shown as a comment.
fn sample_of_a_radio() -> Vec<(String, String)> {
    let sample = text("config/gateway.toml");
    let keys = sample.lines().filter_map(|line| line.strip_prefix("# limits.")?.split_once(" = "));
    keys.map(|(key, value)| (format!("limits.{key}"), value.to_owned())).collect()
}

const TABLES: [&str; 2] = ["`[limits]`", "`[[listener]]`"];
const RADIO: &str = "`[[transport]]` of a radio";

fn all() -> Vec<Row> {
    TABLES.into_iter().chain([RADIO]).flat_map(rows).collect()
}

fn listed(table: &str) -> Vec<(String, String)> {
    rows(table).into_iter().map(|row| (row.key, row.default)).collect()
}

#[test]
fn every_limit_is_there_with_its_default() {
    for table in TABLES {
        let mut keys = sample(table.trim_matches('`'));
        keys.retain(|(key, _)| !["kind", "listen"].contains(&&**key));
        assert_eq!(listed(table), keys, "{table}");
    }
    assert_eq!(listed(RADIO), sample_of_a_radio());
}

#[test]
fn every_counter_exists() {
    let source = [
        "gateway/core/src/stats.rs",
        "gateway/src/mqtt/malformed.rs",
        "gateway/src/mqtt/limits.rs",
        "transports/src/counters.rs",
    ]
    .map(text)
    .concat();
    for Row { key, counters, .. } in all() {
        for counter in counters {
            let found = source.contains(&format!("\"{counter}\"")) || source.contains(&format!("pub {counter}: u64"));
            assert!(found, "{key}: nothing is counted as {counter}");
        }
    }
}

#[test]
fn every_test_exists() {
    for Row { key, test, .. } in all() {
        let (file, name) = match &quoted(&test)[..] {
            [path] => path.split_once("::").map(|(file, name)| (file.to_owned(), name.to_owned())).expect(&key),
            other => panic!("{key}: not one test but {other:?}"),
        };
        let dir = match test.split(' ').next() {
            Some("core") if file == "upstream" => "gateway/core/tests",
            Some("core") => "gateway/core/tests/scenarios",
            Some("daemon") => "gateway/tests",
            Some("lowpan") => "lowpan/tests",
            other => panic!("{key}: tests of {other:?}"),
        };
        let source = text(&format!("{dir}/{file}.rs"));
        assert!(source.contains(&format!("#[test]\nfn {name}()")), "{key}: there is no test {file}::{name}");
    }
}
