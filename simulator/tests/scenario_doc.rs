//! docs/simulator.md tells how a scenario is written: every key, every default, every fault.

use simulator::plan::FaultKind;
use simulator::scenario::{File, Scene};
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../docs/simulator.md");

/// A scenario with every table, in each of which only what must be there is.
const BARE: &str = r#"
name = "bare"
duration = "10h"

[medium.radio]

[[gateway]]

[[router]]
place = [0, 0]

[[wall]]
from = [0, 0]
to = [0, 1]

[[nodes]]
name = "sensor"
place = { grid = [[0, 0], [9, 9]] }

[nodes.sleep]
wake_every = "5min"

[nodes.link]
carriage = "bare"

[[nodes.report]]
topic = "{id}"
every = "1min"
qos = 1

[[client]]
name = "control-room"

[[client.command]]
to = "sensor"
topic = "{id}/set"
every = "1h"
qos = 1
"#;

/// Keys that are tables with a section of their own.
const TABLES: [&str; 12] =
    ["medium", "wall", "gateway", "router", "nodes", "client", "fault", "sleep", "link", "report", "command", "what"];

/// A section about a table: its name, or nothing for the top, and its rows' keys and defaults.
struct Section {
    table: &'static str,
    rows: Vec<(&'static str, Option<&'static str>)>,
}

fn sections() -> Vec<Section> {
    let (_, keys) = PAGE.split_once("\n### At the top\n").expect("the keys");
    let (keys, _) = keys.split_once("\n### `[[fault]]`\n").expect("their end");
    keys.split("\n### ").map(section).collect()
}

fn section(text: &'static str) -> Section {
    let heading = text.lines().next().unwrap_or_default();
    let rows = text.lines().filter(|line| line.starts_with("| `")).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [key, _, default] = cells[..] else { panic!("three cells: {line}") };
        (quoted(key).expect("a key"), quoted(default))
    });
    Section { table: quoted(heading).unwrap_or_default(), rows: rows.collect() }
}

/// What is between backquotes, if that is all.
fn quoted(cell: &str) -> Option<&str> {
    let inner = cell.strip_prefix('`')?.strip_suffix('`')?;
    (!inner.contains('`')).then_some(inner)
}

/// The bare scenario with a line more in a table.
fn with(table: &str, line: &str) -> String {
    if table.is_empty() {
        return format!("{line}\n{BARE}");
    }
    let text = if table.starts_with("[medium.") {
        let text = BARE.replace("[medium.radio]", table);
        let only_radio = ["[[router]]\nplace = [0, 0]\n", "[nodes.link]\ncarriage = \"bare\"\n"];
        let is_radio = table == "[medium.radio]";
        only_radio.iter().fold(text, |text, part| if is_radio { text } else { text.replace(part, "") })
    } else {
        BARE.to_owned()
    };
    assert!(text.contains(&format!("\n{table}\n")), "{table}");
    text.replacen(&format!("\n{table}\n"), &format!("\n{table}\n{line}\n"), 1)
}

fn scene(text: &str) -> Scene {
    let scene = File::parse(text).and_then(|file| file.expand());
    scene.unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn a_default_that_is_written_changes_nothing() {
    let mut written = 0;
    for Section { table, rows } in sections() {
        for (key, default) in rows.into_iter().filter_map(|(key, default)| Some((key, default?))) {
            assert_eq!(scene(&with(table, &format!("{key} = {default}"))), scene(&with(table, "")), "{table} {key}");
            written += 1;
        }
    }
    assert!(written > 25, "{written}");
}

#[test]
fn every_key_is_in_the_page() {
    for Section { table, rows } in sections() {
        let error = File::parse(&with(table, "nonsense = 1")).expect_err("there is no such key").to_string();
        let line = error.lines().next().unwrap_or_default();
        let (_, known) = line.split_once("known are ").unwrap_or_else(|| panic!("{table}: {error}"));
        let known: BTreeSet<&str> = known.split(", ").filter(|key| !TABLES.contains(key)).collect();
        // `gateway` is a table at the top and a key elsewhere.
        let told = rows.iter().map(|(key, _)| *key).filter(|key| !TABLES.contains(key)).collect();
        assert_eq!(known, told, "{table}");
    }
}

#[test]
fn every_fault_is_shown_as_it_is_written() {
    let (_, section) = PAGE.split_once("\n### `[[fault]]`\n").expect("the faults");
    let (_, block) = section.split_once("```toml\n").expect("an example");
    let (block, _) = block.split_once("```").expect("its end");
    let durable = with("[[gateway]]", "durable = true").replace("place = { grid", "count = 100\nplace = { grid");
    let faults = scene(&format!("{durable}\n{block}")).plan.faults;
    let has = |is_such: fn(&FaultKind) -> bool| faults.iter().any(|fault| is_such(&fault.what));
    assert!(has(|what| matches!(what, FaultKind::Crash { .. })));
    assert!(has(|what| matches!(what, FaultKind::DiskFull { .. })));
    assert!(has(|what| matches!(what, FaultKind::Silence { .. })));
    assert!(has(|what| matches!(what, FaultKind::Reboot { .. })));
    assert!(has(|what| matches!(what, FaultKind::Cut { .. })));
    let error = File::parse(&format!("{durable}\n[[fault]]\nwhat = {{ flood = 1 }}")).expect_err("there is none");
    for kind in error.to_string().lines().next().unwrap_or_default().split('`').skip(3).step_by(2) {
        assert!(block.contains(&format!("{{ {kind} = ")), "{kind}");
    }
}

#[test]
fn the_link_of_real_nodes_is_shown_as_it_is_written() {
    let (_, block) = PAGE.split_once("```toml\n[nodes.link]\n").expect("an example");
    let (block, _) = block.split_once("```").expect("its end");
    scene(&BARE.replace("carriage = \"bare\"\n", block));
}
