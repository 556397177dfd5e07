//! `cargo xtask conformance`: the tables of the standard's numbered statements, and what stands behind each.
//!
//! A table is a CSV file: id, side (who is bound: server, client, both), what is asked for, status, evidence. Says what is
//! wrong with a line, counts, and compares the counts with `docs/conformance.md`. Must not know: MQTT.

use crate::workspace;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

/// The page that explains the tables and repeats their counts.
const PAGE: &str = "docs/conformance.md";

/// A table, and how many statements the standard's appendix B numbers.
struct Table {
    version: &'static str,
    path: &'static str,
    statements: usize,
}

const TABLES: [Table; 2] = [
    Table { version: "3.1.1", path: "gateway/conformance/mqtt-3.1.1.csv", statements: 141 },
    Table { version: "5.0", path: "gateway/conformance/mqtt-5.0.csv", statements: 251 },
];

/// Reads a file of the tree; `None` if there is none.
type Read<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Checks all tables and prints every finding and the counts; an error if there is a finding.
pub(crate) fn run() -> Result<()> {
    let root = workspace::root()?;
    let read = |path: &str| fs::read_to_string(root.join(path)).ok();
    let page = read(PAGE).with_context(|| format!("reading {PAGE}"))?;
    let mut findings = Vec::new();
    for table in &TABLES {
        let (counts, found) = check_table(table, &rows(&root.join(table.path))?, &read);
        let line = format!("MQTT {}: {counts}", table.version);
        println!("{line}");
        findings.extend(found);
        if !page.contains(&line) {
            findings.push(format!("{PAGE}: does not say: {line}"));
        }
    }
    findings.iter().for_each(|finding| println!("{finding}"));
    match findings.len() {
        0 => Ok(()),
        n => bail!("{n} statements or counts without what they say"),
    }
}

fn rows(path: &Path) -> Result<Vec<Vec<String>>> {
    let mut reader = csv::Reader::from_path(path).with_context(|| format!("reading {}", path.display()))?;
    let rows = reader.records().map(|row| Ok(row?.iter().map(str::to_owned).collect()));
    rows.collect()
}

/// How many statements have which status.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    tested: usize,
    cited: usize,
    excepted: usize,
    client: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tested, cited, excepted, client } = self;
        let all = tested + cited + excepted + client;
        write!(f, "{all} statements, {tested} tested, {cited} cited, {excepted} excepted, {client} of clients")
    }
}

/// Counts, and everything that is wrong with a table.
fn check_table(table: &Table, rows: &[Vec<String>], read: Read<'_>) -> (Counts, Vec<String>) {
    let mut counts = Counts::default();
    let mut findings = Vec::new();
    let mut known = BTreeSet::new();
    for row in rows {
        let [id, side, summary, status, evidence] = &row[..] else {
            findings.push(format!("{row:?}: not five fields"));
            continue;
        };
        let count = match &**status {
            "tested" => &mut counts.tested,
            "cited" => &mut counts.cited,
            "excepted" => &mut counts.excepted,
            _ => &mut counts.client,
        };
        *count += 1;
        let mut wrong: Vec<String> = check_statement(id, side, summary).map(str::to_owned).into_iter().collect();
        wrong.extend(check_status(side, status, evidence, read));
        if !known.insert(id) {
            wrong.push("a second time".to_owned());
        }
        findings.extend(wrong.iter().map(|what| format!("{}: {id}: {what}", table.path)));
    }
    if known.len() != table.statements {
        findings.push(format!("{}: {} statements, the standard has {}", table.path, known.len(), table.statements));
    }
    (counts, findings)
}

fn check_statement(id: &str, side: &str, summary: &str) -> Option<&'static str> {
    if !is_statement_id(id) {
        return Some("no id as in MQTT-3.1.0-1");
    }
    if !["server", "client", "both"].contains(&side) {
        return Some("the side is none of server, client, both");
    }
    summary.is_empty().then_some("says nothing")
}

/// `MQTT-`, a section of two or three numbers, `-`, a number.
fn is_statement_id(id: &str) -> bool {
    let Some((section, number)) = id.strip_prefix("MQTT-").and_then(|id| id.split_once('-')) else { return false };
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    is_number(number) && section.split('.').all(is_number) && matches!(section.split('.').count(), 2 | 3)
}

/// What is wrong with a status and its evidence.
fn check_status(side: &str, status: &str, evidence: &str, read: Read<'_>) -> Vec<String> {
    let places = |holds: fn(&str, &str) -> bool, kind: &str| {
        let missing = evidence.split_whitespace().filter(|place| !exists(place, holds, read));
        let mut wrong: Vec<String> = missing.map(|place| format!("there is no {kind} {place}")).collect();
        if evidence.trim().is_empty() {
            wrong.push(format!("names no {kind}"));
        }
        wrong
    };
    match status {
        "tested" => places(has_test, "test"),
        "cited" => places(has_item, "item"),
        "excepted" if evidence.trim().is_empty() => vec!["no reason".to_owned()],
        "excepted" => Vec::new(),
        "client" if side != "client" => vec!["a statement about servers has no evidence".to_owned()],
        "client" => Vec::new(),
        other => vec![format!("unknown status {other:?}")],
    }
}

/// Whether `path::name` is in the tree.
fn exists(place: &str, holds: fn(&str, &str) -> bool, read: Read<'_>) -> bool {
    let Some((path, name)) = place.split_once("::") else { return false };
    read(path).is_some_and(|text| holds(&text, name))
}

/// A function of this name with `#[test]` or its like among the attributes before it.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let declaration = format!("fn {name}(");
    let at = lines
        .iter()
        .position(|line| line.starts_with(&declaration) || line.starts_with(&format!("async {declaration}")));
    let attributes =
        at.map(|at| lines[..at].iter().rev().take_while(|line| line.starts_with('#') || line.starts_with("//")));
    attributes
        .is_some_and(|mut attributes| attributes.any(|line| *line == "#[test]" || line.starts_with("#[tokio::test")))
}

/// A function, type or constant of this name.
fn has_item(text: &str, name: &str) -> bool {
    let keywords = ["fn", "struct", "enum", "const", "static", "trait", "mod", "type"];
    let mut words = text.lines().filter(|line| !line.trim().starts_with("//")).flat_map(|line| {
        let words: Vec<&str> =
            line.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty()).collect();
        words.windows(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect::<Vec<_>>()
    });
    words.any(|(keyword, word)| keywords.contains(&&*keyword) && word == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table = Table { version: "0", path: "table.csv", statements: 1 };

    fn read(path: &str) -> Option<String> {
        let text =
            "/// What it shows.\n#[test]\nfn shown() {}\n\nfn helper() {}\n// fn gone() {}\nconst LIMIT: u8 = 1;\n";
        (path == "a.rs").then(|| text.to_owned())
    }

    fn findings(rows: &[[&str; 5]]) -> Vec<String> {
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
        check_table(&TABLE, &rows, &read).1
    }

    fn is_fine(side: &str, status: &str, evidence: &str) -> bool {
        findings(&[["MQTT-1.2.3-4", side, "Something.", status, evidence]]).is_empty()
    }

    #[test]
    fn a_test_must_exist_and_be_one() {
        assert!(is_fine("server", "tested", "a.rs::shown"));
        for evidence in ["", "a.rs", "a.rs::helper", "a.rs::gone", "a.rs::show", "b.rs::shown", "a.rs::shown a.rs::not"]
        {
            assert!(!is_fine("server", "tested", evidence), "{evidence}");
        }
    }

    #[test]
    fn a_cited_item_must_exist() {
        assert!(is_fine("both", "cited", "a.rs::helper"));
        assert!(is_fine("both", "cited", "a.rs::LIMIT"));
        for evidence in ["", "a.rs", "a.rs::gone", "a.rs::LIMI", "b.rs::helper"] {
            assert!(!is_fine("both", "cited", evidence), "{evidence}");
        }
    }

    #[test]
    fn an_exception_has_a_reason() {
        assert!(is_fine("server", "excepted", "It is not there."));
        assert!(!is_fine("server", "excepted", " "));
    }

    #[test]
    fn only_statements_about_clients_need_nothing() {
        assert!(is_fine("client", "client", ""));
        assert!(!is_fine("server", "client", ""));
        assert!(!is_fine("both", "client", ""));
        assert!(!is_fine("server", "planned", ""));
    }

    #[test]
    fn ids_are_the_standards_and_come_once() {
        let row = |id| [id, "client", "Something.", "client", ""];
        assert_eq!(findings(&[row("MQTT-3.1.0-1")]), [""; 0]);
        assert_eq!(findings(&[row("MQTT-4.2-1")]), [""; 0]);
        for id in ["3.1.0-1", "MQTT-3.1.0", "MQTT-3-1", "MQTT-3.1.a-1", "MQTT-3.1.0-"] {
            assert_eq!(findings(&[row(id)]).len(), 1, "{id}");
        }
        assert_eq!(findings(&[row("MQTT-3.1.0-1"), row("MQTT-3.1.0-1")]).len(), 1);
        assert_eq!(findings(&[row("MQTT-3.1.0-1"), row("MQTT-3.1.0-2")]).len(), 1, "more than the standard has");
        assert_eq!(findings(&[]).len(), 1, "fewer");
    }

    #[test]
    fn statuses_are_counted() {
        let row = |status: &str| ["MQTT-1.1.1-1", "client", "Something.", status, "x"].map(str::to_owned).to_vec();
        let rows: Vec<_> = ["tested", "cited", "cited", "excepted", "client"].map(row).into();
        let (counts, _) = check_table(&TABLE, &rows, &read);
        assert_eq!(counts, Counts { tested: 1, cited: 2, excepted: 1, client: 1 });
        assert_eq!(counts.to_string(), "5 statements, 1 tested, 2 cited, 1 excepted, 1 of clients");
    }
}
