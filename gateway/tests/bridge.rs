//! A bridge to a real mosquitto, under load: the gateway is killed, mosquitto restarted and the connection cut.

#[path = "common/mod.rs"]
mod common;

use common::durable::Durable;
use common::mosquitto::Mosquitto;
use common::steady::{Account, Publisher, Subscriber};
use common::tap::Tap;
use common::{Mqtt, publish_packet, wait_until_for};
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long what was acknowledged may take to arrive when nothing is killed any more.
const ARRIVAL: Duration = Duration::from_secs(60);

/// A gateway with a bridge, the way to mosquitto and mosquitto itself.
struct Stage {
    mosquitto: Mosquitto,
    tap: Tap,
    /// On the way of who takes what has come to mosquitto.
    readers_tap: Tap,
    gateway: Durable,
    _config: TempDir,
}

impl Stage {
    fn start(version: &str) -> Self {
        let mosquitto = Mosquitto::start();
        let [tap, readers_tap] = [(); 2].map(|()| Tap::start(mosquitto.addr));
        let config = tempfile::tempdir().expect("a directory");
        let path = config.path().join("gateway.toml");
        std::fs::write(&path, bridge_config(tap.addr, version)).expect("a file");
        let gateway = Durable::start_with(&["--config", as_text(&path)]);
        Self { mosquitto, tap, readers_tap, gateway, _config: config }
    }

    fn mqtt(&mut self) -> SocketAddr {
        self.gateway.daemon().mqtt()
    }

    fn joined(&mut self) {
        self.gateway.daemon().wait_for_log("bridge connected");
    }
}

fn bridge_config(broker: SocketAddr, version: &str) -> String {
    format!(
        "[[bridge]]\nname = \"cloud\"\naddress = \"mqtt://{broker}\"\nclient_id = \"gateway-7\"\nversion = \"{version}\"\n\
         reconnect_max_s = 1\ntopics = [\n\
         {{ pattern = \"#\", direction = \"out\", qos = 2, local_prefix = \"up/\", remote_prefix = \"site/up/\" }},\n\
         {{ pattern = \"#\", direction = \"in\", qos = 2, local_prefix = \"down/\", remote_prefix = \"site/down/\" }},\n\
         {{ pattern = \"both/#\", direction = \"both\", qos = 1 }},\n]\n"
    )
}

fn as_text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Publishers of one direction, and who takes what they publish.
struct Load {
    subscriber: Subscriber,
    publishers: Vec<(String, u8, Publisher)>,
}

impl Load {
    fn start(from: SocketAddr, from_prefix: &str, to: SocketAddr, to_prefix: &str) -> Self {
        let subscriber = Subscriber::start(to, &to_prefix.replace('/', "-"), &format!("{to_prefix}#"));
        Self::publish(from, from_prefix, to_prefix, subscriber)
    }

    /// The same with a subscriber whose server may forget it.
    fn start_anew(from: SocketAddr, from_prefix: &str, to: SocketAddr, to_prefix: &str) -> Self {
        let subscriber = Subscriber::start_anew(to, &to_prefix.replace('/', "-"), &format!("{to_prefix}#"));
        Self::publish(from, from_prefix, to_prefix, subscriber)
    }

    fn publish(from: SocketAddr, from_prefix: &str, to_prefix: &str, subscriber: Subscriber) -> Self {
        let publishers = [("a", 2), ("b", 2), ("c", 1)].map(|(name, qos)| {
            let publisher = Publisher::start(from, &format!("{from_prefix}{name}"), qos);
            (format!("{to_prefix}{name}"), qos, publisher)
        });
        Self { subscriber, publishers: publishers.into() }
    }

    /// Every message has arrived that is not excused, and the last one of each topic: nothing is killed any more, and what
    /// was still under way comes before it. Answers with how many there were, and how many of them are missing.
    fn settle_but(self, excused: impl Fn(&str, u32) -> bool) -> (u32, usize) {
        let Self { subscriber, publishers } = self;
        let before = subscriber.account();
        wait_until_for(ARRIVAL, "messages of every topic", || {
            let account = subscriber.account();
            publishers.iter().all(|(topic, ..)| arrived(&account, topic) > arrived(&before, topic))
        });
        let published: Vec<_> = publishers.into_iter().map(|(topic, _, publisher)| (topic, publisher.stop())).collect();
        let absent = || -> Vec<(&String, u32, bool)> {
            let account = subscriber.account();
            let numbers = published.iter().map(|(topic, count)| (topic, *count, missing(&account, topic, *count)));
            numbers.flat_map(|(topic, last, numbers)| numbers.into_iter().map(move |n| (topic, n, n == last))).collect()
        };
        wait_for_all(|| {
            let unexcused = absent().into_iter().filter(|(topic, number, last)| *last || !excused(topic, *number));
            unexcused.map(|missing| format!("{missing:?}")).collect()
        });
        (published.iter().map(|(_, count)| count).sum(), absent().len())
    }

    /// Every message has arrived, those of QoS 2 once, but for whom it is excused. Answers with how many there were.
    fn settle(self, excused: impl Fn(&str, u32) -> bool) -> u32 {
        let Self { subscriber, publishers } = self;
        let published: Vec<_> =
            publishers.into_iter().map(|(topic, qos, publisher)| (topic, qos, publisher.stop())).collect();
        let missing = |account: &Account| -> Vec<String> {
            let missing = published.iter().map(|(topic, _, count)| (topic, missing(account, topic, *count)));
            missing.filter(|(_, missing)| !missing.is_empty()).map(|missing| format!("{missing:?}")).collect()
        };
        wait_for_all(|| missing(&subscriber.account()));
        let account = subscriber.account();
        for (topic, qos, _) in &published {
            let more_than_once: BTreeMap<_, _> =
                account[topic].iter().filter(|(number, times)| **times > 1 && !excused(topic, **number)).collect();
            assert!(*qos == 1 || more_than_once.is_empty(), "{topic}: {more_than_once:?}");
        }
        published.iter().map(|(_, _, count)| count).sum()
    }
}

/// Waits until nothing is missing any more.
fn wait_for_all(missing: impl Fn() -> Vec<String>) {
    let begun = Instant::now();
    while !missing().is_empty() {
        assert!(begun.elapsed() < ARRIVAL, "not arrived: {:?}", missing());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Messages of a topic, numbered up to `count`, that have not arrived.
fn missing(account: &Account, topic: &str, count: u32) -> Vec<u32> {
    let arrived = |number: &u32| account.get(topic).is_some_and(|numbers| numbers.contains_key(number));
    (1..=count).filter(|number| !arrived(number)).collect()
}

/// Different messages of a topic that have arrived.
fn arrived(account: &Account, topic: &str) -> u32 {
    account.get(topic).map_or(0, |numbers| numbers.len() as u32)
}

/// Disturbs the stage twelve times while messages go both ways, and then counts them.
fn under_load(version: &str, mut disturb: impl FnMut(&mut Stage, u32)) {
    let mut stage = Stage::start(version);
    stage.joined();
    let (here, there) = (stage.mqtt(), stage.mosquitto.addr);
    let out = Load::start(here, "up/", stage.readers_tap.addr, "site/up/");
    let inward = Load::start(there, "site/down/", here, "down/");
    let mut random = oorandom::Rand32::new(7);
    for round in 0..12 {
        // The moment is random: there is nothing to wait for.
        thread::sleep(Duration::from_millis(random.rand_range(100..900).into()));
        disturb(&mut stage, round);
    }
    // mosquitto forgets that it has sent PUBREL when it could not send it again on the next connection.
    let out = out.settle(|topic, number| stage.readers_tap.begun_again_there(&(topic.to_owned(), number)));
    let inward = inward.settle(|topic, number| stage.tap.begun_again_there(&(format!("site/{topic}"), number)));
    println!("MQTT {version}: {out} messages out, {inward} in, none lost, none twice at QoS 2");
}

fn kill_and_cut(stage: &mut Stage, round: u32) {
    if round.is_multiple_of(3) { stage.gateway.kill() } else { stage.tap.cut() }
}

#[test]
fn nothing_is_lost_when_the_gateway_is_killed_and_the_connection_cut() {
    under_load("3.1.1", kill_and_cut);
}

#[test]
fn nothing_is_lost_over_mqtt_5_either() {
    under_load("5", kill_and_cut);
}

#[test]
fn nothing_is_lost_when_mosquitto_is_restarted() {
    under_load(
        "3.1.1",
        |stage, round| if round.is_multiple_of(4) { stage.mosquitto.restart() } else { stage.tap.cut() },
    );
}

/// mosquitto acknowledges what it has in memory, and kill -9 makes it forget that. The tap on the line knows what it had
/// acknowledged; everything else has to arrive, and all that the gateway has acknowledged.
#[test]
fn when_mosquitto_is_killed_nothing_is_lost_but_what_it_has_acknowledged() {
    let mut mosquitto = Mosquitto::start_forgetful();
    let tap = Tap::start(mosquitto.addr);
    let config = tempfile::tempdir().expect("a directory");
    let path = config.path().join("gateway.toml");
    std::fs::write(&path, bridge_config(tap.addr, "3.1.1")).expect("a file");
    let mut gateway = Durable::start_with(&["--config", as_text(&path)]);
    gateway.daemon().wait_for_log("bridge connected");
    let (here, there) = (gateway.daemon().mqtt(), mosquitto.addr);
    let out = Load::start_anew(here, "up/", there, "site/up/");
    let inward = Load::start(there, "site/down/", here, "down/");
    let mut random = oorandom::Rand32::new(9);
    for round in 0..12 {
        // The moment is random: there is nothing to wait for.
        thread::sleep(Duration::from_millis(random.rand_range(100..900).into()));
        if round % 4 == 2 { gateway.kill() } else { mosquitto.kill() }
    }
    let (out, forgotten) = out.settle_but(|topic, number| tap.taken_there(&(topic.to_owned(), number)));
    let (inward, not_sent) = inward.settle_but(|topic, number| !tap.taken_here(&(format!("site/{topic}"), number)));
    println!("{out} messages out, of which mosquitto has forgotten {forgotten} that it had acknowledged");
    println!("{inward} messages in, of which it has forgotten {not_sent} before the gateway acknowledged them");
    assert!(out > 200 && inward > 200, "there was a load");
}

#[test]
fn what_is_published_before_mosquitto_is_there_waits_for_it() {
    let mosquitto = Mosquitto::start();
    let config = tempfile::tempdir().expect("a directory");
    let path = config.path().join("gateway.toml");
    // Nobody listens at a port that was free a moment ago.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    std::fs::write(&path, bridge_config(nobody, "5")).expect("a file");
    let mut gateway = Durable::start_with(&["--config", as_text(&path)]);
    gateway.daemon().wait_for_log("bridge not connected");
    let mut publisher = Mqtt::connect(gateway.daemon().mqtt(), "publisher");
    let count = 20;
    for number in 1..=count {
        publisher.send(&publish_packet(0x02, "up/early", Some([0, number]), number.to_string().as_bytes()));
        publisher.expect(&[0x40, 2, 0, number]);
    }

    let subscriber = Subscriber::start(mosquitto.addr, "early", "site/up/#");
    std::fs::write(&path, bridge_config(mosquitto.addr, "5")).expect("a file");
    gateway.kill();
    wait_until_for(ARRIVAL, "all messages", || arrived(&subscriber.account(), "site/up/early") == u32::from(count));
}

#[test]
fn after_a_drop_the_next_session_at_the_other_broker_outlives_its_connection() {
    for version in ["3.1.1", "5"] {
        let mut stage = Stage::start(version);
        stage.joined();
        let subscriber = Subscriber::start(stage.mqtt(), "here", "down/#");
        let list = ["sessions", "list", "--data", stage.gateway.dir()];
        let list = common::sn_gateway().args(list).output().expect("it runs").stdout;
        let list = String::from_utf8(list).expect("text");
        assert!(list.contains("bridge/cloud  active  another broker"), "{list}");
        let drop = ["sessions", "drop", "bridge/cloud", "--data", stage.gateway.dir()];
        assert!(common::sn_gateway().args(drop).status().expect("it runs").success());
        let is_back = |log: String| log.matches("bridge connected").count() == 2;
        wait_until_for(ARRIVAL, "the bridge", || is_back(stage.gateway.daemon().log()));
        // While the gateway is away its session at mosquitto collects what it has subscribed to.
        stage.gateway.daemon().signal(Signal::SIGKILL);
        stage.gateway.daemon().wait();
        let mut publisher = Mqtt::connect(stage.mosquitto.addr, "publisher");
        publisher.send(&publish_packet(0x02, "site/down/late", Some([0, 1]), b"1"));
        publisher.expect(&[0x40, 2, 0, 1]);
        stage.gateway.start_again();
        wait_until_for(ARRIVAL, "the message", || arrived(&subscriber.account(), "down/late") == 1);
    }
}

#[test]
fn a_topic_that_goes_both_ways_makes_no_loop() {
    for version in ["3.1.1", "5"] {
        let mut stage = Stage::start(version);
        stage.joined();
        let (here, there) = (stage.mqtt(), stage.mosquitto.addr);
        let near = Subscriber::start(here, "near", "both/#");
        let far = Subscriber::start(there, "far", "both/#");
        let [from_here, from_there] = [(here, "both/here"), (there, "both/there")].map(|(server, topic)| {
            let publisher = Publisher::start(server, topic, 1);
            (topic, publisher)
        });
        for (topic, publisher) in [from_here, from_there] {
            let count = publisher.stop();
            for subscriber in [&near, &far] {
                wait_until_for(ARRIVAL, "all messages", || arrived(&subscriber.account(), topic) == count);
            }
        }
        for (name, account) in [("near", near.account()), ("far", far.account())] {
            let twice: Vec<_> = account.values().flatten().filter(|(_, times)| **times > 1).collect();
            assert!(twice.is_empty(), "MQTT {version}, {name}: {twice:?}");
        }
    }
}

#[test]
fn subscribers_to_sys_hear_of_the_bridge() {
    let mut stage = Stage::start("5");
    stage.joined();
    let mut monitor = Mqtt::connect(stage.mqtt(), "monitor");
    monitor.subscribe("$SYS/broker/connection/cloud/state", 0);
    let state = |value: &str| ("$SYS/broker/connection/cloud/state".to_owned(), value.to_owned());
    assert_eq!(monitor.receive_publish(), state("1"));
    stage.tap.cut();
    assert_eq!(monitor.receive_publish(), state("0"));
    assert_eq!(monitor.receive_publish(), state("1"));
}
