//! `sn-sim live --duration` ends when it is said, whatever the gateway does, and its exit status says how it was.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

const SCENARIO: &str = r#"
name = "two"
duration = "1h"
[medium.link]
[[gateway]]
[[nodes]]
name = "node"
count = 2
start_within = "1s"
[[nodes.report]]
topic = "report/{id}"
every = "1s"
qos = 1
"#;

/// A frame of one octet: its kind.
const WELCOME: [u8; 3] = [0, 1, 2];

/// Two nodes at a gateway that has a socket in `dir`, for five seconds: it must have come by then.
fn live(dir: &Path, scenario: &str) -> Output {
    let file = dir.join("two.toml");
    fs::write(&file, scenario).expect("the directory is ours");
    let mut command = Command::new(env!("CARGO_BIN_EXE_sn-sim"));
    command.arg("live").arg(file).arg("--gateway").arg(dir.join("sock")).args(["--duration", "5s"]);
    command.arg("--json").arg(dir.join("out.json")).output().expect("it runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn without_a_gateway_it_ends_with_2() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = live(dir.path(), SCENARIO);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("within --duration there was no gateway at"), "{error}");
}

#[test]
fn at_a_socket_where_nobody_answers_it_ends_with_2() {
    let dir = tempfile::tempdir().expect("a directory");
    let _listener = UnixListener::bind(dir.path().join("sock")).expect("a socket");
    assert_eq!(live(dir.path(), SCENARIO).status.code(), Some(2));
}

/// Takes the hello, says welcome (see `transports/src/sim/frame.rs`) and does with the connection what is wanted.
#[allow(clippy::disallowed_methods, reason = "it is beside the program under test, and in real time")]
fn welcoming(dir: &Path, then: fn(UnixStream)) -> thread::JoinHandle<()> {
    let listener = UnixListener::bind(dir.join("sock")).expect("a socket");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody comes");
        let mut len = [0; 2];
        stream.read_exact(&mut len).expect("a hello");
        stream.read_exact(&mut vec![0; u16::from_be_bytes(len).into()]).expect("the rest of it");
        stream.write_all(&WELCOME).expect("it listens");
        then(stream);
    })
}

#[test]
fn at_a_gateway_that_answers_no_node_it_ends_with_1_and_says_why() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = welcoming(dir.path(), |mut stream| drop(stream.read_to_end(&mut Vec::new())));
    let output = live(dir.path(), SCENARIO);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    // Somebody has come to it, or this would wait for ever.
    gateway.join().expect("it has ended");
    assert!(text.contains("failed: 2 of 2 nodes have never been connected"), "{text}");
    assert!(text.contains("failed: no message was published"), "{text}");
    let json = fs::read_to_string(dir.path().join("out.json")).expect("it is written");
    let counts: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&counts["nodes"], &counts["ever_connected"]), (&2.into(), &0.into()), "{json}");
}

#[test]
fn a_gateway_that_has_gone_at_the_end_fails() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = welcoming(dir.path(), drop);
    let output = live(dir.path(), SCENARIO);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    // Somebody has come to it, or this would wait for ever.
    gateway.join().expect("it has ended");
    assert!(text.contains("failed: the gateway was gone at the end"), "{text}");
}

#[test]
fn what_only_a_simulated_gateway_can_do_is_refused_with_its_place() {
    let dir = tempfile::tempdir().expect("a directory");
    for (more, says) in [
        (
            "[[fault]]\nat = \"1min\"\nwhat = { crash = { down = \"1s\" } }\n",
            "line 16, column 8: this can only happen to a",
        ),
        ("[[gateway]]\n", "line 14, column 1: there is one real gateway"),
    ] {
        let scenario = SCENARIO.replace("[[gateway]]", "[[gateway]]\ndurable = true").trim_start().to_owned() + more;
        let output = live(dir.path(), &scenario);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(says) && !error.contains("Crash"), "{error}");
        assert_eq!(output.status.code(), Some(2));
    }
}
