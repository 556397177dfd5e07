//! docs/installing.md and the units: their commands are the program's, and files go where they are looked for.

mod common;

use clap::Parser;
use common::durable::Durable;
use common::sn_gateway;
use gateway_core::Record;
use sn_gateway::cli::{Cli, Command, Sessions};
use sn_gateway::config::parse;
use sn_gateway::store::{LoggedStore, Store, backup};
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../docs/installing.md");
const UNIT: &str = include_str!("../../config/sn-gateway.service");
const BACKUP: &str = include_str!("../../config/sn-gateway-backup.service");
const CONFIG: &str = "/etc/sn-gateway/gateway.toml";
const DATA: &str = "/var/lib/sn-gateway";
const PASSWORDS: &str = "/etc/sn-gateway/passwords";

/// The blocks of the page in this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    PAGE.split(&fence[..]).skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

fn commands() -> impl Iterator<Item = &'static str> {
    blocks("sh").into_iter().flat_map(str::lines)
}

fn parsed(words: &str) -> Command {
    Cli::try_parse_from(words.split(' ')).unwrap_or_else(|error| panic!("{words}: {error}")).command
}

#[test]
fn the_first_configuration_lets_in_users_and_nodes_and_nobody_else() {
    let [text] = blocks("toml")[..] else { panic!("one file") };
    let file = parse(Path::new("gateway.toml"), text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((file.listener.len(), file.transport.len(), file.node.len()), (1, 1, 1));
    assert!(!file.listener[0].policy.anonymous);
    assert_eq!(file.security.password_file.as_deref(), Some(Path::new(PASSWORDS)));
}

#[test]
fn every_command_of_the_page_is_one_about_the_files_of_the_unit() {
    let mut kinds = Vec::new();
    for line in commands() {
        let words = line.strip_prefix("sudo ").unwrap_or(line);
        if !words.starts_with("sn-gateway ") {
            continue;
        }
        let (kind, data) = match parsed(words) {
            Command::CheckConfig { file, .. } => ("check-config", file == Path::new(CONFIG)),
            Command::Passwd { file, .. } => ("passwd", file == Path::new(PASSWORDS)),
            Command::Sessions { what: Sessions::List { data, .. } } => {
                ("sessions", data.dir().unwrap() == Path::new(DATA))
            }
            Command::Backup { data, .. } => ("backup", data.dir().unwrap() == Path::new(DATA)),
            Command::Restore { data, force, .. } => ("restore", force && data.dir().unwrap() == Path::new(DATA)),
            other => panic!("{line}: {other:?}"),
        };
        assert!(data, "{line}");
        kinds.push(kind);
    }
    assert_eq!(kinds, ["passwd", "check-config", "sessions", "backup", "check-config", "restore"]);
    assert!(UNIT.contains(&format!("\nExecStart=/usr/local/bin/sn-gateway run --config {CONFIG} --data {DATA}\n")));
}

#[test]
fn what_the_page_installs_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut units = Vec::new();
    for line in commands().filter(|line| line.ends_with(" /etc/systemd/system/")) {
        units.extend(line.split(' ').filter(|word| word.starts_with("config/")));
    }
    assert_eq!(units.len(), 3);
    for unit in units {
        assert!(root.join(unit).is_file(), "{unit}");
    }
    let group = "SupplementaryGroups=sn-gateway-secrets";
    assert!(UNIT.contains(&format!("# {group}")) && blocks("ini").iter().any(|block| block.contains(group)));
}

#[test]
fn each_night_the_data_of_the_unit_are_saved() {
    let command = BACKUP.lines().find_map(|line| line.strip_prefix("ExecStart=/bin/sh -c 'exec /usr/local/bin/"));
    let command = command.and_then(|rest| rest.strip_suffix('\'')).expect("one command");
    // What systemd and the shell make of it on a Monday.
    let Command::Backup { file, data } = parsed(&command.replace("$$(date +%%u)", "1")) else { panic!("{command}") };
    assert_eq!((&*file, &*data.dir().unwrap()), (Path::new("/var/backups/sn-gateway-1.bak"), Path::new(DATA)));
    assert!(PAGE.contains("`/var/backups/sn-gateway-1.bak`"));
}

/// What a program writes whose records have this layout.
fn layout(version: u8) -> Record {
    Record { key: b"!schema".into(), value: Some(vec![version]) }
}

/// The records of a gateway with one session.
fn records(dir: &Path) -> Vec<Record> {
    let mut gateway = Durable::start();
    gateway.mqtt("dashboard", 0).expect(&[0x20, 2, 0, 0]);
    let file = dir.join("gateway.bak");
    let saved = sn_gateway().arg("backup").arg(&file).args(["--data", gateway.dir()]).output().unwrap().status;
    assert!(saved.success());
    backup::decode(&fs::read(file).unwrap()).unwrap()
}

#[test]
fn older_backups_are_read_and_newer_ones_and_newer_data_are_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let records = records(dir.path());
    let ours =
        records.iter().find(|record| record.key == b"!schema").and_then(|record| record.value.clone()).unwrap()[0];
    let [older, newer] = [ours - 1, ours + 1].map(|version| {
        let others = records.iter().filter(|record| record.key != b"!schema").cloned();
        let file = dir.path().join(format!("{version}.bak"));
        fs::write(&file, backup::encode(others.chain([layout(version)]).collect())).unwrap();
        file
    });
    let data = dir.path().join("data");
    let refused = "the data were written by a newer version";
    let error = backup::restore(&newer, &data, false).unwrap_err();
    assert!(format!("{error:#}").contains(refused) && !data.exists(), "{error:#}");
    let (restored, _) = backup::restore(&older, &data, false).unwrap();
    assert!(restored.to_string().starts_with("1 session,"), "{restored}");

    let open = || LoggedStore::open(&data.join("store"), 8 << 20).unwrap();
    let scan = || open().scan().collect::<Result<Vec<_>, _>>().unwrap();
    let mut store = open();
    store.apply(&[layout(ours + 1)]).unwrap();
    store.sync().unwrap();
    drop(store);
    let before = scan();
    let output =
        sn_gateway().args(["run", "--udp", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--data"]).arg(&data).output();
    let error = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(error.contains(refused) && PAGE.contains(refused), "{error}");
    assert_eq!(scan(), before);
}
