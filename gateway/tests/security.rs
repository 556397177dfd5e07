//! Who comes in, and what they may do then, over real sockets.

mod common;

use common::{Daemon, Mqtt, Sn, connect_packet, publish_packet};
use nix::sys::signal::Signal;
use sn_gateway::auth::PasswordHash;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A directory with a configuration and a password file: alice has the password "secret", bob "hidden".
struct House {
    dir: TempDir,
}

impl House {
    /// `config` follows the table with the password file.
    fn new(config: &str) -> Self {
        let house = Self { dir: tempfile::tempdir().expect("a directory") };
        house.set_passwords(&[("alice", "secret"), ("bob", "hidden")]);
        house.configure(config);
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn configure(&self, config: &str) {
        let text = format!("[security]\npassword_file = {:?}\n{config}", self.path("users"));
        fs::write(self.path("gw.toml"), text).expect("it is ours");
    }

    fn set_passwords(&self, users: &[(&str, &str)]) {
        let line = |(user, password): &(&str, &str)| {
            format!("{user}:{}\n", PasswordHash::make(password.as_bytes()).expect("randomness"))
        };
        fs::write(self.path("users"), users.iter().map(line).collect::<String>()).expect("it is ours");
    }

    fn start(&self) -> Daemon {
        let config = self.path("gw.toml");
        Daemon::start_as_told(&["--config", config.to_str().expect("a path in UTF-8")])
    }
}

/// Listeners on loopback that ask who it is.
const ASKING: &str = "
[[listener]]
kind = \"tcp\"
listen = \"127.0.0.1:0\"
anonymous = false
[[transport]]
kind = \"udp\"
listen = \"127.0.0.1:0\"
anonymous = false
";

/// The same for who is nobody.
fn asking_nobody() -> String {
    ASKING.replace("false", "true")
}

/// CONNECT with a user name and a password, for a clean session.
fn login_packet(client_id: &str, user: &str, password: &str) -> Vec<u8> {
    let field = |text: &str| [&[0, text.len() as u8], text.as_bytes()].concat();
    connect_packet(client_id, 0xC2, &[field(user), field(password)].concat())
}

/// The return code of the CONNACK.
#[track_caller]
fn log_in(gateway: &Daemon, user: &str, password: &str) -> (Mqtt, u8) {
    let mut client = Mqtt::new(gateway.mqtt());
    client.send(&login_packet(user, user, password));
    let mut answer = [0; 4];
    std::io::Read::read_exact(&mut client.0, &mut answer).expect("a CONNACK");
    assert_eq!(answer[..3], [0x20, 2, 0]);
    (client, answer[3])
}

fn connected(gateway: &Daemon, user: &str, password: &str) -> Mqtt {
    let (client, code) = log_in(gateway, user, password);
    assert_eq!(code, 0, "{user} comes in");
    client
}

#[test]
fn a_user_comes_in_with_the_password_and_nobody_else_does() {
    let house = House::new(ASKING);
    let gateway = house.start();
    connected(&gateway, "alice", "secret");
    for (user, password) in [("alice", "hidden"), ("alice", ""), ("carol", "secret"), ("", "")] {
        let (mut client, code) = log_in(&gateway, user, password);
        assert_eq!(code, 4, "{user} with {password}");
        client.expect_close();
    }
    let mut nobody = Mqtt::new(gateway.mqtt());
    nobody.send(&connect_packet("nobody", 0x02, &[]));
    nobody.expect(&[0x20, 2, 0, 5]);
    nobody.expect_close();
    gateway.wait_for_log("refused: there is no such user, or it is another password");
}

#[test]
fn on_loopback_nobody_is_asked_but_a_name_that_is_given_is_checked() {
    let house = House::new(&asking_nobody().replace("anonymous = true\n", ""));
    let gateway = house.start();
    Mqtt::connect(gateway.mqtt(), "nobody");
    Sn::connect(gateway.udp(), "node", 60);
    assert_eq!(log_in(&gateway, "alice", "wrong").1, 4);
    connected(&gateway, "alice", "secret");
}

#[test]
fn beyond_loopback_everybody_is_asked_unless_the_operator_says_otherwise() {
    let wide = ["--udp", "0.0.0.0:0", "--mqtt", "0.0.0.0:0"];
    let gateway = Daemon::start_as_told(&wide);
    assert!(gateway.lines.iter().any(|line| line.contains("anonymous = true, or --anonymous")), "{:?}", gateway.lines);
    let mut nobody = Mqtt::new(reachable(gateway.mqtt()));
    nobody.send(&connect_packet("nobody", 0x02, &[]));
    nobody.expect(&[0x20, 2, 0, 5]);
    gateway.wait_for_log("[[listener]] does not have anonymous = true");
    let node = Sn::new(reachable(gateway.udp()));
    node.send(b"\x0A\x04\x04\x01\x00\x3Cnode");
    node.expect(&[3, 0x05, 3]);

    let gateway = Daemon::start_as_told(&[&wide[..], &["--anonymous"]].concat());
    assert!(gateway.lines.iter().any(|line| line.contains("WITHOUT AUTHENTICATION")), "{:?}", gateway.lines);
    Mqtt::connect(reachable(gateway.mqtt()), "nobody");
    Sn::connect(reachable(gateway.udp()), "node", 60);
}

fn reachable(addr: std::net::SocketAddr) -> std::net::SocketAddr {
    ([127, 0, 0, 1], addr.port()).into()
}

#[test]
fn a_node_is_a_user_by_its_client_id_or_its_address() {
    let house = House::new(&format!(
        "{ASKING}
[[node]]
client = \"pump-*\"
from = \"127.0.0.0/8\"
user = \"pumps\"
"
    ));
    let gateway = house.start();
    Sn::connect(gateway.udp(), "pump-1", 60);
    let stranger = Sn::new(gateway.udp());
    stranger.send(b"\x0A\x04\x04\x01\x00\x3Cnode");
    stranger.expect(&[3, 0x05, 3]);
    gateway.wait_for_log("no table [[node]] says who it is");
    house.configure(&format!("{ASKING}[[node]]\nfrom = \"127.0.0.1\"\nuser = \"everybody-here\"\n"));
    gateway.signal(Signal::SIGHUP);
    gateway.wait_for_log("configuration read again");
    stranger.send(b"\x0A\x04\x04\x01\x00\x3Cnode");
    stranger.expect(&[3, 0x05, 0]);
}

#[test]
fn rules_hold_over_mqtt_and_mqtt_sn_and_change_at_sighup() {
    let rules = "
[[node]]
user = \"nodes\"
[[access]]
user = \"nodes\"
allow = [\"publish\", \"qos-minus-one\"]
topics = [\"up/%c\", \"ab\"]
[[access]]
user = \"alice\"
allow = \"read\"
topics = \"#\"
";
    let house = House::new(&format!("{ASKING}{rules}"));
    let gateway = house.start();
    let mut alice = connected(&gateway, "alice", "secret");
    alice.subscribe("#", 0);
    let node = Sn::connect(gateway.udp(), "n1", 60);
    let id = node.register("up/n1");
    node.send(&[&[8, 0x0C, 0], &id[..], &[0, 0, b'x']].concat());
    assert_eq!(alice.receive_publish(), ("up/n1".into(), "x".into()));
    node.send(b"\x0B\x0A\x00\x00\x77\x02up/n2");
    node.expect(&[7, 0x0B, 0, 0, 0x77, 2, 3]);

    let mut bob = connected(&gateway, "bob", "hidden");
    bob.send(&[0x82, 6, 0, 1, 0, 1, b'a', 0]);
    bob.expect(&[0x90, 3, 0, 1, 0x80]);
    bob.send(&publish_packet(2, "up/n1", Some([0, 2]), b"forged"));
    bob.expect(&[0x40, 2, 0, 2]);
    gateway
        .wait_for_log("no table [[access]] allows it client=\"n1\" user=\"nodes\" action=\"publish\" topic=\"up/n2\"");

    house.configure(&format!("{ASKING}{}", rules.replace("\"#\"", "\"up/n2\"")));
    gateway.signal(Signal::SIGHUP);
    gateway.wait_for_log("configuration read again");
    node.send(&[&[8, 0x0C, 0], &id[..], &[0, 0, b'y']].concat());
    alice.send(&[0xC0, 0]);
    assert_eq!(alice.publish_before_pingresp(), None, "of bob's forgery and of what she may not receive any more");
}

#[test]
fn another_password_file_counts_after_sighup_and_a_broken_one_does_not() {
    let house = House::new(ASKING);
    let gateway = house.start();
    let (mut alice, mut bob) = (connected(&gateway, "alice", "secret"), connected(&gateway, "bob", "hidden"));
    house.set_passwords(&[("alice", "new"), ("bob", "other")]);
    let of_bob = fs::read_to_string(house.path("users")).expect("it is ours");
    fs::write(house.path("users"), "bob\n").expect("it is ours");
    gateway.signal(Signal::SIGHUP);
    gateway.wait_for_log("users:1: write USER:HASH");
    connected(&gateway, "alice", "secret");
    alice.expect_close();

    fs::write(house.path("users"), of_bob).expect("it is ours");
    gateway.signal(Signal::SIGHUP);
    gateway.wait_for_log("passwords read again");
    bob.expect_close();
    assert_eq!(log_in(&gateway, "alice", "secret").1, 4);
    connected(&gateway, "alice", "new");
}

#[test]
fn a_password_file_that_cannot_be_used_is_told_before_anything_listens() {
    let house = House::new(ASKING);
    let config = house.path("gw.toml");
    let complaint = |expected: &str| {
        for command in ["check-config", "run"] {
            let mut program = common::sn_gateway();
            program.arg(command);
            if command == "run" {
                program.args(["--in-memory", "--config"]);
            }
            let output = program.arg(&config).output().expect("it runs");
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && error.contains(expected), "{command}: {error}");
        }
    };
    fs::write(house.path("users"), "alice:secret\n").expect("it is ours");
    complaint("users:1: what follows `alice:` is no hash that is known here");
    fs::remove_file(house.path("users")).expect("it is there");
    complaint("users: cannot be read");
}
