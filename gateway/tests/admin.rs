//! What an operator asks: sessions, backups.

mod common;

use common::durable::{Durable, PINGRESP, fall_asleep, resume, wake};
use common::{Daemon, publish_packet, sn_gateway};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};
use sn_gateway::store::backup;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A user that nobody is.
const OWNER: u32 = 60_123;

fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = sn_gateway().args(args).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Runs what must work.
#[track_caller]
fn told(args: &[&str]) -> String {
    let (code, out, error) = run(args);
    assert_eq!((code, &error[..]), (Some(0), ""));
    out
}

/// A gateway with the sleeper "kitchen", for which two messages wait.
fn with_sleeper() -> (Durable, common::Sn) {
    let mut gateway = Durable::start();
    let node = gateway.sn();
    resume(&node, "kitchen");
    node.subscribe("lamp/1", 1);
    node.register("temp");
    fall_asleep(&node);
    let mut publisher = gateway.mqtt("publisher", 2);
    publisher.expect(&[0x20, 2, 0, 0]);
    for number in 1..=2 {
        publisher.send(&publish_packet(3, "lamp/1", Some([0, number]), b"12345"));
        publisher.expect(&[0x40, 2, 0, number]);
    }
    (gateway, node)
}

#[test]
fn sessions_are_listed_shown_and_dropped() {
    let (mut gateway, node) = with_sleeper();
    let dir = gateway.dir().to_owned();
    let mut watcher = gateway.mqtt("watcher", 2);
    watcher.expect(&[0x20, 2, 0, 0]);
    let list = told(&["sessions", "list", "--data", &dir]);
    let lines: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["CLIENT", "STATE", "ADDRESS", "WAITING", "DROPPED", "REFUSED"]);
    assert_eq!(lines[1][..3], ["kitchen", "asleep", "mqtt-sn"]);
    assert_eq!(lines[1][4..], ["2", "0", "0"]);
    assert_eq!(lines[2][..3], ["watcher", "active", "mqtt"]);

    let rows: Vec<Value> = serde_json::from_str(&told(&["sessions", "list", "--json", "--data", &dir])).unwrap();
    let kitchen = &rows[0];
    assert_eq!((rows.len(), &kitchen["client_id"], &kitchen["state"]), (2, &"kitchen".into(), &"asleep".into()));
    assert_eq!((&kitchen["waiting"], &kitchen["drops"], &kitchen["rejects"]), (&2.into(), &0.into(), &0.into()));
    assert!(kitchen["address"].as_str().is_some_and(|address| address.starts_with("mqtt-sn ")), "{kitchen}");

    let shown = told(&["sessions", "show", "kitchen", "--data", &dir]);
    for part in ["asleep", "lamp/1 at QoS 1", "22 octets", "2 messages, of which 0 in flight", "temp"] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
    let shown: Value = serde_json::from_str(&told(&["sessions", "show", "kitchen", "--json", "--data", &dir])).unwrap();
    assert_eq!(shown["subscriptions"], json!([{ "filter": "lamp/1", "qos": 1 }]));
    assert_eq!(shown["topic_ids"].as_array().unwrap().last().unwrap()["topic"], "temp");
    assert_eq!((&shown["waiting"], &shown["waiting_bytes"], &shown["drops"]), (&2.into(), &22.into(), &0.into()));
    assert_eq!((&shown["drops_by_reason"], &shown["client_id"]), (&json!({}), &"kitchen".into()));

    let socket = fs::metadata(gateway_socket(&dir)).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    told(&["sessions", "drop", "kitchen", "--data", &dir]);
    gateway.daemon().wait_for_log(r#"session over: dropped client="kitchen" messages=2 reason="session-dropped""#);
    for command in ["show", "drop"] {
        let (code, _, error) = run(&["sessions", command, "kitchen", "--data", &dir]);
        assert_eq!((code, &error[..]), (Some(1), "sn-gateway: there is no session of \"kitchen\"\n"));
    }
    wake(&node, "kitchen");
    node.expect(&[2, 0x18]);
    gateway.kill();
    assert!(
        gateway.data_line().contains("restored: 0 sessions, 0 messages to them, 1 retained"),
        "{}",
        gateway.data_line()
    );
}

/// Asks for an end of the sleeper's session while the disk is full. The gateway has done it when this returns, as far as it can.
fn ask_while_the_disk_is_full(gateway: &mut Durable) -> UnixStream {
    gateway.disk("full");
    let mut asked = UnixStream::connect(gateway_socket(gateway.dir())).unwrap();
    asked.write_all(b"{\"drop\":\"kitchen\"}\n").unwrap();
    gateway.daemon().wait_for_log("nothing is acknowledged until there is space");
    let list = told(&["sessions", "list", "--data", gateway.dir()]);
    assert!(!list.contains("kitchen"), "what changes nothing is answered, and knows of it:\n{list}");
    asked
}

fn answer(mut asked: UnixStream) -> String {
    let mut answer = String::new();
    asked.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_session_is_gone_from_the_disk_when_that_is_said() {
    let (mut gateway, _node) = with_sleeper();
    let asked = ask_while_the_disk_is_full(&mut gateway);
    gateway.disk("");
    assert_eq!(answer(asked), "{\"dropped\":true}\n");
    gateway.kill();
    assert!(gateway.data_line().contains("0 sessions, 0 messages"), "{}", gateway.data_line());
}

#[test]
fn a_session_that_is_not_yet_gone_from_the_disk_is_not_said_to_be() {
    let (mut gateway, node) = with_sleeper();
    let asked = ask_while_the_disk_is_full(&mut gateway);
    gateway.daemon().signal(Signal::SIGKILL);
    gateway.daemon().wait();
    assert_eq!(answer(asked), "");
    gateway.disk("");
    gateway.start_again();
    assert!(gateway.data_line().contains("1 session, 2 messages"), "{}", gateway.data_line());
    wake(&node, "kitchen");
    assert_eq!(node.receive()[7..], *b"12345");
}

#[test]
fn who_asks_a_gateway_whose_disk_fails_is_told_that_it_is_not_done() {
    let (mut gateway, _node) = with_sleeper();
    gateway.disk("sync");
    let (code, out, error) = run(&["sessions", "drop", "kitchen", "--data", gateway.dir()]);
    assert_eq!((code, &out[..]), (Some(1), ""));
    assert!(error.contains("ended before it answered"), "{error}");
}

fn gateway_socket(dir: &str) -> String {
    format!("{dir}/control.sock")
}

#[test]
fn without_a_gateway_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let (code, _, error) = run(&["sessions", "list", "--data", path]);
    assert_eq!(code, Some(1));
    assert!(error.contains(&format!("no gateway that I may ask runs on {path}; name its directory with --data DIR")));
}

#[test]
fn nonsense_on_the_socket_is_answered_and_harmless() {
    let (gateway, _node) = with_sleeper();
    for nonsense in [&b"\n"[..], b"{}\n", b"\"sessions\n", b"\xff\xff\n", b"{\"drop\":[]}\n"] {
        let mut stream = UnixStream::connect(gateway_socket(gateway.dir())).unwrap();
        stream.write_all(nonsense).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer.is_empty() || answer.starts_with(b"{\"error\":"), "{answer:?}");
    }
    // One that says nothing is not waited for forever, and one that goes at once is nothing.
    drop(UnixStream::connect(gateway_socket(gateway.dir())).unwrap());
    assert!(told(&["sessions", "list", "--data", gateway.dir()]).contains("kitchen"));
}

#[test]
fn who_does_not_read_a_backup_keeps_nobody_waiting() {
    let mut gateway = Durable::start();
    let mut publisher = gateway.mqtt("publisher", 2);
    publisher.expect(&[0x20, 2, 0, 0]);
    // More than the kernel takes in for a reader.
    for number in 1..=20 {
        publisher.send(&publish_packet(3, &format!("big/{number}"), Some([0, number]), &[7; 100_000]));
        publisher.expect(&[0x40, 2, 0, number]);
    }
    let mut stuck = UnixStream::connect(gateway_socket(gateway.dir())).unwrap();
    stuck.write_all(b"\"backup\"\n").unwrap();
    let mut begun = [0; 12];
    stuck.read_exact(&mut begun).unwrap();
    assert_eq!(begun, *b"{\"backup\":20");
    assert!(told(&["sessions", "list", "--data", gateway.dir()]).contains("publisher"));
}

#[test]
fn a_backup_made_while_running_becomes_a_gateway_elsewhere() {
    let (mut gateway, node) = with_sleeper();
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("gateway.bak");
    let file = file.to_str().unwrap();
    let said = backed_up(file, gateway.dir());
    assert!(said.starts_with(file) && said.contains("records"), "{said}");
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);

    // What happens later is not in it.
    told(&["sessions", "drop", "kitchen", "--data", gateway.dir()]);
    let dir = gateway.dir().to_owned();
    let (code, _, error) = run(&["restore", file, "--data", &dir, "--force"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("a gateway runs on "), "{error}");

    gateway.daemon().signal(Signal::SIGTERM);
    gateway.daemon().wait();
    let (code, _, error) = run(&["restore", file, "--data", &dir]);
    assert_eq!(code, Some(1));
    assert!(error.contains("there are data") && error.contains("--force"), "{error}");
    // What cannot be written leaves the old data where they are.
    let in_the_way = Path::new(&dir).join("store.restoring");
    fs::write(&in_the_way, "").unwrap();
    assert_eq!(run(&["restore", file, "--data", &dir, "--force"]).0, Some(1));
    assert!(Path::new(&dir).join("store").is_dir());
    fs::remove_file(&in_the_way).unwrap();
    let said = told(&["restore", file, "--data", &dir, "--force"]);
    assert!(said.contains("1 session, 2 messages to them, 1 retained message"), "{said}");
    assert!(said.contains("store.before-restore-1"), "{said}");

    gateway.start_again();
    wake(&node, "kitchen");
    for number in 0..2 {
        let publish = node.receive();
        assert_eq!((publish[1], &publish[7..]), (0x0C, &b"12345"[..]), "{number}: {publish:02x?}");
        node.send(&[7, 0x0D, publish[3], publish[4], publish[5], publish[6], 0]);
    }
    node.expect(&PINGRESP);
    let shown = told(&["sessions", "show", "kitchen", "--data", &dir]);
    assert!(shown.contains("topic id       2 temp"), "{shown}");
}

/// Makes a backup, of which nothing is said where the backup itself may go. Answers with what is said.
#[track_caller]
fn backed_up(file: &str, dir: &str) -> String {
    let (code, out, said) = run(&["backup", file, "--data", dir]);
    assert_eq!((code, &out[..]), (Some(0), ""), "{said}");
    said
}

fn is_backup(octets: &[u8]) -> bool {
    backup::decode(octets).is_ok()
}

#[test]
fn a_backup_goes_to_where_links_lead() {
    let (gateway, _node) = with_sleeper();
    let files = tempfile::tempdir().unwrap();
    let [link, target] = ["link", "target"].map(|name| files.path().join(name));
    symlink("target", &link).unwrap();
    // First the target is not there, then it is.
    for _ in 0..2 {
        backed_up(link.to_str().unwrap(), gateway.dir());
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(is_backup(&fs::read(&target).unwrap()));
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_backup_goes_into_what_is_no_file_and_leaves_it_as_it_is() {
    let (gateway, _node) = with_sleeper();
    let files = tempfile::tempdir().unwrap();
    let [fifo, full] = ["fifo", "full"].map(|name| files.path().join(name));
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    // It waits for somebody who writes; to read and write waits for nobody.
    let _open = OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    let mut reader = fs::File::open(&fifo).unwrap();
    backed_up(fifo.to_str().unwrap(), gateway.dir());
    assert!(fs::metadata(&fifo).unwrap().file_type().is_fifo());
    let mut octets = vec![0; 1 << 16];
    let len = reader.read(&mut octets).unwrap();
    assert!(is_backup(&octets[..len]));

    symlink("/dev/full", &full).unwrap();
    let (code, _, error) = run(&["backup", full.to_str().unwrap(), "--data", gateway.dir()]);
    assert_eq!(code, Some(1));
    assert!(error.contains("cannot write") && error.contains("No space left"), "{error}");
    assert!(fs::metadata(&full).unwrap().file_type().is_char_device());
}

#[test]
fn a_backup_to_standard_output_is_nothing_but_the_backup() {
    let (gateway, _node) = with_sleeper();
    let here = tempfile::tempdir().unwrap();
    let backup = sn_gateway().args(["backup", "-", "--data", gateway.dir()]).current_dir(here.path()).output().unwrap();
    assert!(backup.status.success());
    assert!(is_backup(&backup.stdout));
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 0, "no file is called so");
}

/// Only root can find out. The program goes to where every user can run it.
#[test]
fn what_root_restores_is_for_the_user_who_owns_the_directory() {
    let files = tempfile::tempdir().unwrap();
    if fs::metadata(files.path()).unwrap().uid() != 0 {
        return;
    }
    let (gateway, _node) = with_sleeper();
    fs::set_permissions(files.path(), Permissions::from_mode(0o755)).unwrap();
    let [file, data, program] = ["gateway.bak", "data", "sn-gateway"].map(|name| files.path().join(name));
    let (file, dir) = (file.to_str().unwrap(), data.to_str().unwrap());
    backed_up(file, gateway.dir());
    fs::create_dir(&data).unwrap();
    chown(&data, Some(OWNER), Some(OWNER)).unwrap();
    told(&["restore", file, "--data", dir]);
    told(&["restore", file, "--data", dir, "--force"]);

    // A copy that this process had open to write could still be so in a child of another test, and would not start.
    assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_sn-gateway")).arg(&program).status().unwrap().success());
    let mut owner = Command::new(program);
    owner.uid(OWNER).gid(OWNER).args(["run", "--udp", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--data", dir]);
    let mut owners = owner.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(owners.stdout.take().unwrap()).lines().map(Result::unwrap);
    let started: Vec<String> = lines.take_while(|line| line != "Ready.").collect();
    owners.kill().unwrap();
    owners.wait().unwrap();
    assert!(started.iter().any(|line| line.contains("restored: 1 session, 2 messages")), "{started:?}");
}

#[test]
fn a_damaged_backup_changes_nothing() {
    let (gateway, _node) = with_sleeper();
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("gateway.bak");
    let target = files.path().join("data");
    let (file, target) = (file.to_str().unwrap(), target.to_str().unwrap());
    backed_up(file, gateway.dir());
    let mut octets = fs::read(file).unwrap();
    octets[100] ^= 1;
    fs::write(file, octets).unwrap();
    let (code, _, error) = run(&["restore", file, "--data", target]);
    assert_eq!(code, Some(1));
    assert!(error.contains(&format!("cannot use {file}: it is damaged or cut off")), "{error}");
    assert!(!fs::exists(target).unwrap());
}

#[test]
fn in_memory_there_is_nothing_to_ask() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gw.toml");
    fs::write(&path, "[store]\nin_memory = true\n").unwrap();
    let path = path.to_str().unwrap();
    let _gateway =
        Daemon::start_as_told(&["--config", path, "--udp", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--in-memory"]);
    let (code, _, error) = run(&["backup", "nowhere.bak", "--config", path]);
    assert_eq!((code, &error[..]), (Some(1), "sn-gateway: the configuration says that all is in memory\n"));
}
