//! Passwords and rules: mosquitto's clients, our own, and docs/security.md.

use interop::{Gateway, Process, mosquitto_sub, node_program, python_program, release_dir, root, tour};
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

/// The packets are those of Node's mqtt, and what is in them that of Python's scramp.
#[test]
fn others_log_in_by_scram_and_see_that_the_gateway_knows_the_password() {
    let dir = tempfile::tempdir().expect("a directory");
    let users = dir.path().join("users");
    let mut passwd = Command::new("sh");
    passwd.args(["-c", "echo 'süß, = salty' | \"$0\" passwd \"$1\" 'älice, =' --scram --stdin"]);
    passwd.arg(release_dir().join("sn-gateway")).arg(&users);
    Process::start(passwd).succeed();
    let config = dir.path().join("gateway.toml");
    let listener = "kind = \"tcp\"\nlisten = \"127.0.0.1:0\"\nanonymous = false\nauth_methods = [\"SCRAM-SHA-256\"]\n";
    let udp = "[[transport]]\nkind = \"udp\"\nlisten = \"127.0.0.1:0\"\n";
    let text = format!("[security]\npassword_file = {users:?}\n[[listener]]\n{listener}{udp}");
    fs::write(&config, text).expect("it is ours");
    let gateway = Gateway::start_configured(&config);
    let log_in = |password: &str| {
        let mut node = node_program("node_auth_client.js");
        node.args([gateway.mqtt.ip().to_string(), gateway.mqtt.port().to_string(), "SCRAM-SHA-256".into()]);
        let scram = python_program("scram_client.py");
        node.arg(scram.get_program()).args(scram.get_args()).args(["älice, =", password]);
        Process::start(node)
    };
    let mut client = log_in("süß, = salty");
    client.expect("challenged 24 SCRAM-SHA-256");
    client.expect("connected SCRAM-SHA-256 proved");
    client.succeed();
    let mut stranger = log_in("guess");
    stranger.expect("refused 134");
    assert!(!stranger.wait().success());
}
