//! `sn-sim run`: flags with which a run would prove nothing are refused.

use std::fs;
use std::process::Command;
use tempfile::TempDir;

const SCENARIO: &str = r##"
name = "one"
duration = "1min"
[medium.link]
[[gateway]]
[[nodes]]
name = "node"
"##;

/// Runs the scenario with these flags, in a directory of its own. The exit status, and what it says of errors.
fn run(dir: &TempDir, flags: &[&str]) -> (Option<i32>, String) {
    fs::write(dir.path().join("one.toml"), SCENARIO).expect("a file can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_sn-sim"));
    let output = command.args(["run", "one.toml"]).args(flags).current_dir(dir).output().expect("it can be started");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn no_time_at_all_is_refused() {
    let dir = TempDir::new().expect("a directory");
    let (status, error) = run(&dir, &["--duration", "0s"]);
    assert_eq!(status, Some(2), "{error}");
    assert!(error.contains("it has to be above 0"), "{error}");
    assert_eq!(run(&dir, &["--duration", "2min"]), (Some(0), String::new()));
}

#[test]
fn frames_that_there_cannot_be_leave_no_file() {
    let dir = TempDir::new().expect("a directory");
    let (status, error) = run(&dir, &["--pcap", "air.pcap"]);
    assert_eq!(status, Some(2), "{error}");
    assert!(error.contains("this scenario has no radio"), "{error}");
    assert!(!dir.path().join("air.pcap").exists());
}
