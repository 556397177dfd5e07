//! Passwords and rules: mosquitto's clients, our own, and docs/security.md.

use interop::{Gateway, Process, mosquitto_sub, release_dir, root, tour};
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;

#[test]
fn the_steps_of_the_page_show_what_it_says() {
    let page = fs::read_to_string(root().join("docs/security.md")).expect("the page");
    let steps = tour::parse(&page).unwrap_or_else(|error| panic!("docs/security.md: {error}"));
    let dir = tempfile::tempdir().expect("there is room in the temporary directory");
    let tables = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    fs::write(dir.path().join("gateway.toml"), tables.collect::<String>()).expect("it is ours");
    // The page uses the default ports.
    TcpListener::bind("127.0.0.1:1883").expect("no other broker may listen on TCP port 1883");
    UdpSocket::bind("127.0.0.1:1883").expect("no other gateway may listen on UDP port 1883");
    tour::take(&steps, dir.path());
}

/// A gateway with a password file that was filled by `fill`, and rules.
fn gateway(dir: &Path, fill: impl Fn(&str)) -> Gateway {
    let users = dir.join("users");
    fill(users.to_str().expect("a path in UTF-8"));
    let config = dir.join("gateway.toml");
    let listen = "listen = \"127.0.0.1:0\"\nanonymous = false\n";
    let text = format!(
        "[security]\npassword_file = {users:?}\n[[listener]]\nkind = \"tcp\"\n{listen}[[transport]]\nkind = \"udp\"\n{listen}
        [[node]]\nuser = \"nodes\"\n
        [[access]]\nuser = \"alice\"\nallow = \"all\"\ntopics = \"a/#\"\n
        [[access]]\nuser = \"nodes\"\nallow = \"all\"\ntopics = \"a/nodes/#\"\n"
    );
    fs::write(&config, text).expect("it is ours");
    Gateway::start_configured(&config)
}

fn by_us(users: &str) {
    let mut passwd = Command::new("sh");
    passwd.args(["-c", "echo secret | \"$0\" passwd \"$1\" alice --stdin"]);
    Process::start({
        passwd.arg(release_dir().join("sn-gateway")).arg(users);
        passwd
    })
    .succeed();
}

fn mosquitto_pub(gateway: &Gateway, args: &[&str]) -> Process {
    let mut command = Command::new("mosquitto_pub");
    command.args(["-h", "127.0.0.1", "-p", &gateway.mqtt.port().to_string()]).args(args);
    Process::start(command)
}

#[test]
fn mosquittos_clients_log_in_and_are_told_when_they_may_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = gateway(dir.path(), by_us);
    let alice = ["-u", "alice", "-P", "secret"];
    let mut subscriber = mosquitto_sub(&gateway, &[&alice[..], &["-t", "#", "-q", "1"]].concat());
    subscriber.expect("Subscribed");
    for (topic, payload) in [("b/x", "dropped"), ("a/x", "arrives")] {
        mosquitto_pub(&gateway, &[&alice[..], &["-t", topic, "-m", payload, "-q", "1"]].concat()).succeed();
    }
    assert_eq!(subscriber.expect("got "), "got a/x 1 0 arrives");

    let mut refused = mosquitto_sub(&gateway, &[&alice[..], &["-t", "b/#"]].concat());
    refused.expect("All subscription requests were denied");
    for (login, told) in [
        (&["-u", "alice", "-P", "guess"][..], "bad user name or password"),
        (&["-u", "carol", "-P", "secret"], "bad user name or password"),
        (&[], "not authorised"),
    ] {
        let mut stranger = mosquitto_pub(&gateway, &[login, &["-t", "a/x", "-m", "no"]].concat());
        stranger.expect(told);
        assert!(!stranger.wait().success());
    }
}

#[test]
fn nodes_are_told_when_they_may_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = gateway(dir.path(), by_us);
    let mut subscriber = mosquitto_sub(&gateway, &["-u", "alice", "-P", "secret", "-t", "a/#", "-q", "1"]);
    subscriber.expect("Subscribed");
    let sn = |program: &str, args: &[&str]| {
        let mut command = Command::new(release_dir().join(program));
        command.args(["-h", "127.0.0.1", "-p", &gateway.udp.port().to_string()]).args(args);
        Process::start(command)
    };
    let mut denied = sn("sn-pub", &["-t", "a/x", "-m", "no", "-q", "1"]);
    denied.expect("not supported");
    assert!(!denied.wait().success());
    let mut denied = sn("sn-sub", &["-t", "b/#"]);
    denied.expect("not supported");
    assert!(!denied.wait().success());
    sn("sn-pub", &["-t", "a/nodes/1", "-m", "yes", "-q", "1"]).succeed();
    assert_eq!(subscriber.expect("got "), "got a/nodes/1 1 0 yes");
}
