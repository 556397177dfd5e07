//! `sn-gateway passwd`.

mod common;

use common::sn_gateway;
use nix::pty::{OpenptyResult, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};
use sn_gateway::auth::PasswordFile;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn passwd(args: &[&str], stdin: &str) -> (Option<i32>, String, String) {
    let mut command = sn_gateway();
    command.arg("passwd").args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Who does not want a password has closed the pipe already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn accepts(path: &Path, user: &str, password: &str) -> bool {
    PasswordFile::load(path).unwrap().find(user).unwrap().1.verify(password.as_bytes())
}

#[test]
fn users_are_added_changed_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("users");
    let file = path.to_str().unwrap();
    let (code, told, _) = passwd(&[file, "alice", "--stdin"], "first\n");
    assert_eq!((code, told.contains("alice added")), (Some(0), true), "{told}");
    assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600, "for its owner only");
    passwd(&[file, "bob", "--stdin"], "secret");
    assert!(accepts(&path, "alice", "first") && accepts(&path, "bob", "secret"));

    let (_, told, _) = passwd(&[file, "alice", "--stdin"], "second\n");
    assert!(told.contains("alice changed"), "{told}");
    assert!(accepts(&path, "alice", "second") && !accepts(&path, "alice", "first"));

    assert_eq!(passwd(&[file, "alice", "-D"], "").0, Some(0));
    assert_eq!(PasswordFile::load(&path).unwrap().len(), 1);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside the file");
}

#[test]
fn a_password_for_scram_is_one_that_can_be_said_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("users");
    let file = path.to_str().unwrap();
    passwd(&[file, "alice", "--stdin"], "first\n");
    let (code, told, _) = passwd(&[file, "alice", "--scram", "--stdin"], "second\n");
    assert_eq!((code, told.contains("alice changed")), (Some(0), true), "{told}");
    assert!(fs::read_to_string(&path).unwrap().starts_with("alice:SCRAM-SHA-256$32768:"));
    assert!(accepts(&path, "alice", "second") && !accepts(&path, "alice", "first"));
    let (code, _, complaint) = passwd(&[file, "alice", "--scram", "--stdin"], "a\u{7}b\n");
    assert_eq!((code, complaint.contains("characters that no password for SCRAM can have")), (Some(1), true));
}

/// mosquitto's own program makes the file, ours changes it, and mosquitto's goes on with it.
#[test]
fn a_file_of_mosquitto_is_read_and_goes_on_being_mosquittos() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("users");
    let file = path.to_str().unwrap();
    let mosquitto_passwd =
        |args: &[&str]| assert!(Command::new("mosquitto_passwd").args(args).status().unwrap().success());
    mosquitto_passwd(&["-c", "-b", file, "alice", "first"]);
    mosquitto_passwd(&["-H", "sha512", "-b", file, "bob", "second"]);
    assert!(accepts(&path, "alice", "first") && !accepts(&path, "alice", "second"));
    assert!(accepts(&path, "bob", "second") && !accepts(&path, "bob", "first"));
    passwd(&[file, "alice", "--stdin"], "third");
    mosquitto_passwd(&["-b", file, "carol", "fourth"]);
    assert!(accepts(&path, "alice", "third") && accepts(&path, "bob", "second") && accepts(&path, "carol", "fourth"));
}

#[test]
fn what_else_is_in_the_file_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (path, link) = (dir.path().join("users"), dir.path().join("link"));
    let other =
        "bob:$6$c2FsdA==$YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYQ==";
    fs::write(&path, format!("# people\n{other}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&path, &link).unwrap();
    passwd(&[link.to_str().unwrap(), "alice", "--stdin"], "x");
    assert!(fs::read_to_string(&path).unwrap().starts_with(&format!("# people\n{other}\nalice:$argon2id$")));
    assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o640, "the gateway's group may read it still");
    assert!(link.symlink_metadata().unwrap().is_symlink());
}

#[test]
fn a_file_that_is_open_to_others_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("users");
    fs::write(&path, "").unwrap();
    for (mode, is_open) in [(0o600, false), (0o640, false), (0o660, true), (0o644, true), (0o602, true)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(PasswordFile::load(&path).unwrap().is_open(), is_open, "{mode:o}");
    }
}

#[test]
fn what_cannot_be_done_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("users");
    let file = path.to_str().unwrap();
    for (args, stdin, expected) in [
        (&[file, "a:b", "--stdin"][..], "x", "`a:b` is no name of a user"),
        (&[file, "", "--stdin"], "x", "at least one character"),
        (&[file, "alice", "--stdin"], "\n", "the password is empty"),
        (&[file, "alice", "-D"], "", "there is no such file"),
        (&["/no/such/directory/users", "alice", "--stdin"], "x", "/no/such/directory/users: cannot be written"),
    ] {
        let (code, out, error) = passwd(args, stdin);
        assert_eq!((code, &out[..]), (Some(1), ""), "{args:?}");
        assert!(error.starts_with("sn-gateway: ") && error.contains(expected), "{error}");
    }
    fs::write(&path, "").unwrap();
    assert!(passwd(&[file, "alice", "-D"], "").2.contains("there is no user `alice`"));
}

/// On a terminal of its own, which shows what is typed unless it is told not to.
#[test]
fn on_a_terminal_it_asks_twice_and_does_not_show_the_password() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("users");
    for (answers, fits) in [(["secret", "secret"], true), (["secret", "secert"], false)] {
        let shown = on_a_terminal(&path, answers);
        assert!(shown.contains("Password of alice: ") && shown.contains("again"), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
        assert_eq!(shown.contains("alice added"), fits, "{shown}");
        assert_eq!(path.exists(), fits);
        let _ = fs::remove_file(&path);
    }
}

/// What the terminal shows when `answers` are typed at the prompts, each as soon as nothing typed would be shown.
fn on_a_terminal(path: &Path, answers: [&str; 2]) -> String {
    let OpenptyResult { master, slave } = openpty(None, None).unwrap();
    // Makes its standard input the controlling terminal, which is where passwords are asked for.
    let mut command = Command::new("setsid");
    command.args(["--ctty", "--wait", env!("CARGO_BIN_EXE_sn-gateway"), "passwd"]).arg(path).arg("alice");
    command.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave);
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut terminal = File::from(master);
    let mut shown = String::new();
    for (answer, prompt) in answers.into_iter().zip(["Password of alice: ", "Password of alice, again: "]) {
        read_until(&mut terminal, &mut shown, prompt);
        while shows_what_is_typed(&terminal) {
            std::thread::yield_now();
        }
        writeln!(terminal, "{answer}").unwrap();
    }
    child.wait().unwrap();
    // The end of a terminal that nobody has open any more is an error.
    let mut rest = Vec::new();
    let _ = terminal.read_to_end(&mut rest);
    shown + &String::from_utf8(rest).unwrap()
}

fn read_until(terminal: &mut File, shown: &mut String, expected: &str) {
    let mut octets = [0; 256];
    while !shown.ends_with(expected) {
        let len = terminal.read(&mut octets).unwrap();
        shown.push_str(std::str::from_utf8(&octets[..len]).unwrap());
    }
}

fn shows_what_is_typed(terminal: &File) -> bool {
    tcgetattr(terminal).unwrap().local_flags.contains(LocalFlags::ECHO)
}
