//! Other people's clients within TLS and over WebSocket: mosquitto, Paho, Node's mqtt, and MQTT.js in a browser.
//!
//! The mosquitto clients of Debian 12 (2.0.11) have no WebSocket.

use interop::{
    Gateway, Library, PahoClient, Process, ScriptedClient, mosquitto_pub, mosquitto_pub_at, mosquitto_sub,
    mosquitto_sub_at, node_modules, root, sn_pub, sn_sub, tour,
};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use test_pki::{Pair, Pki};

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Both subscribe, and each gets what the other publishes, at each QoS.
fn talk(mut one: PahoClient, mut two: PahoClient) {
    for (client, filter) in [(&mut one, "to/one"), (&mut two, "to/two")] {
        client.expect_connected();
        client.subscribe(filter, 2);
    }
    let long = "0123456789".repeat(10_000);
    for qos in 0..=2 {
        one.publish("to/two", qos, false, "ping");
        two.expect_message("to/two", qos, false, "ping");
        two.publish("to/one", qos, false, &long);
        one.expect_message("to/one", qos, false, &long);
    }
    one.disconnect();
    two.disconnect();
}

#[test]
fn mosquitto_clients_talk_within_tls() {
    let pki = Pki::new();
    let gateway = Gateway::start_secured(&pki);
    let tls = gateway.listeners("mqtts")[0];
    let (ca, strangers) = (pki.ca(), Pki::new());
    let mut within = mosquitto_sub_at(tls, &["--cafile", text(&ca), "-t", "hall/temp", "-q", "1"]);
    let mut bare = mosquitto_sub(&gateway, &["-t", "hall/temp", "-q", "1"]);
    within.expect("Subscribed");
    bare.expect("Subscribed");
    mosquitto_pub_at(tls, &["--cafile", text(&ca), "-t", "hall/temp", "-q", "1", "-m", "21.5"]).succeed();
    mosquitto_pub(&gateway, &["-t", "hall/temp", "-q", "1", "-m", "22"]);
    for subscriber in [&mut within, &mut bare] {
        assert_eq!(subscriber.expect("got "), "got hall/temp 1 0 21.5");
        assert_eq!(subscriber.expect("got "), "got hall/temp 1 0 22");
    }
    let mut deceived = mosquitto_pub_at(tls, &["--cafile", text(&strangers.ca()), "-t", "hall/temp", "-m", "no"]);
    assert!(!deceived.wait().success(), "the gateway's certificate is not of that authority");
}

#[test]
fn mosquitto_clients_show_their_certificates() {
    let pki = Pki::new();
    let mut gateway = Gateway::start_secured(&pki);
    let guarded = gateway.listeners("mqtts")[1];
    let mut watcher = mosquitto_sub(&gateway, &["-t", "t"]);
    watcher.expect("Subscribed");
    let (ca, strangers) = (pki.ca(), Pki::new());
    let publish = |own: Option<&Pair>, payload| {
        let own = own.map(|own| ["--cert", text(&own.certificate), "--key", text(&own.key)]);
        let own = own.as_ref().map(<[_; 4]>::as_slice).unwrap_or_default();
        let args = [&["--cafile", text(&ca), "-t", "t", "-q", "1", "-m", payload], own].concat();
        mosquitto_pub_at(guarded, &args).wait().success()
    };
    assert!(!publish(None, "without"));
    assert!(!publish(Some(&strangers.client("kitchen")), "a stranger"));
    assert!(publish(Some(&pki.client("kitchen")), "good"));
    assert_eq!(watcher.expect("got "), "got t 0 0 good");
    gateway.process().expect("identity=user \"kitchen\"");
}

#[test]
fn paho_talks_by_every_way_in() {
    let pki = Pki::new();
    let gateway = Gateway::start_secured(&pki);
    let (ca, own) = (pki.ca(), pki.client("kitchen"));
    let (ca, certificate, key) = (text(&ca), text(&own.certificate), text(&own.key));
    let [mqtts, guarded] = gateway.listeners("mqtts")[..] else { panic!("two listeners") };
    let (ws, wss) = (gateway.listeners("ws")[0], gateway.listeners("wss")[0]);
    let tls = PahoClient::connect_at(mqtts, "tls", &["--cafile", ca]);
    let known = PahoClient::connect_at(guarded, "known", &["--cafile", ca, "--cert", certificate, "--key", key]);
    talk(tls, known);
    let plain = PahoClient::connect_at(ws, "ws", &["--transport", "websockets"]);
    let secure = PahoClient::connect_at(wss, "wss", &["--transport", "websockets", "--cafile", ca]);
    talk(plain, secure);
}

#[test]
fn node_s_mqtt_talks_by_every_way_in() {
    let pki = Pki::new();
    let gateway = Gateway::start_secured(&pki);
    let client = |scheme: &str, id: &str| {
        let connect = json!({"version": 4, "protocol": scheme, "ca": pki.ca()});
        ScriptedClient::connect_at(Library::Node, gateway.listeners(scheme)[0], id, &connect).0
    };
    let long = "0123456789".repeat(10_000);
    let mut publisher = client("wss", "publisher");
    for scheme in ["mqtts", "ws", "wss"] {
        let mut subscriber = client(scheme, scheme);
        for qos in 0..=2 {
            subscriber.subscribe("t", &json!({"qos": qos}), &json!({}));
            publisher.publish("t", qos, &long, &json!({}));
            subscriber.expect_message("t", qos, false, &long);
        }
    }
}

/// A page that says on `page/up` that it is there, and says again there what it gets on `page/down`.
fn page(url: &str) -> TempDir {
    let dir = tempfile::tempdir().expect("there is room in the temporary directory");
    let library = fs::read_to_string(node_modules().join("mqtt/dist/mqtt.min.js")).expect("it is in the package");
    fs::write(dir.path().join("mqtt.min.js"), library).expect("there is room");
    let html = format!(
        r#"<!DOCTYPE html><meta charset="utf-8"><script src="mqtt.min.js"></script><script>
const client = mqtt.connect("{url}");
client.on("connect", () => client.subscribe("page/down", {{ qos: 1 }}, () =>
  client.publish("page/up", "here", {{ qos: 1 }})));
client.on("message", (topic, payload) => client.publish("page/up", `got ${{payload}}`, {{ qos: 1 }}));
</script>"#
    );
    fs::write(dir.path().join("page.html"), html).expect("there is room");
    dir
}

/// A browser that looks at the page until it is dropped.
fn browser(page: &TempDir) -> Process {
    let mut chromium = Command::new("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"]);
    chromium.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    // It does not know the test's authority.
    chromium.arg("--ignore-certificate-errors");
    chromium.arg(format!("--user-data-dir={}", page.path().join("profile").display()));
    chromium.arg(format!("file://{}", page.path().join("page.html").display()));
    Process::start(chromium)
}

#[test]
fn a_page_in_a_browser_publishes_and_receives() {
    let pki = Pki::new();
    let gateway = Gateway::start_secured(&pki);
    for scheme in ["ws", "wss"] {
        let mut node = sn_sub(&gateway, &["-t", "page/up", "-q", "1"]);
        node.expect("SUBACK");
        let page = page(&format!("{scheme}://{}/mqtt", gateway.listeners(scheme)[0]));
        let _browser = browser(&page);
        assert_eq!(node.expect("page/up "), "page/up here");
        sn_pub(&gateway, &["-t", "page/down", "-q", "1", "-m", "21.5"]);
        assert_eq!(node.expect("page/up "), "page/up got 21.5");
    }
}

#[test]
fn the_steps_of_docs_listeners_show_what_they_say() {
    let page = fs::read_to_string(root().join("docs/listeners.md")).expect("there is a docs/listeners.md");
    let tables = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    // Nobody else may get in meanwhile, and port 1883 is the README's.
    let config = tables.collect::<String>().replace("0.0.0.0", "127.0.0.1").replace("127.0.0.1:1883", "127.0.0.1:0");
    let dir = tempfile::tempdir().expect("there is room in the temporary directory");
    let config = format!("{config}[[transport]]\nkind = \"udp\"\nlisten = \"127.0.0.1:0\"\n");
    fs::write(dir.path().join("gateway.toml"), config).expect("there is room");
    let steps = tour::parse(&page).unwrap_or_else(|error| panic!("docs/listeners.md: {error}"));
    tour::take(&steps, dir.path());
}
