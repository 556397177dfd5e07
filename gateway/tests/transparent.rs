//! Transparent mode with a real mosquitto: it has a session for every node, and gateways come and go.

#[path = "common/mod.rs"]
mod common;

use common::durable::Durable;
use common::mosquitto::Mosquitto;
use common::steady::Subscriber;
use common::{Mqtt, PATIENCE, Sn, publish_packet, wait_until, wait_until_for};
use sn_codec::{
    Connect, Disconnect, Message, MsgId, PingReq, PubAck, Publish, Qos, RegAck, Register, ReturnCode, Subscribe, Topic,
    TopicFilter, TopicId, WillMsg, WillTopic, decode,
};
use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const VERSIONS: [&str; 2] = ["3.1.1", "5"];
const FIRST_CONNECT: Message<'static> =
    Message::Connect(Connect { will: false, clean_session: true, protocol_id: 1, duration_s: 60, client_id: "node" });

/// A gateway whose nodes live at mosquitto.
struct Gateway {
    daemon: Durable,
    _config: TempDir,
}

impl Gateway {
    fn start(broker: SocketAddr, version: &str) -> Self {
        let config = tempfile::tempdir().expect("a directory");
        let path = config.path().join("gateway.toml");
        let text = format!(
            "[timing]\nt_retry_s = 1\n[transparent]\naddress = \"mqtt://{broker}\"\nversion = \"{version}\"\n\
             will_delay_s = 1\nreconnect_max_s = 1\n"
        );
        std::fs::write(&path, text).expect("a file");
        let daemon = Durable::start_with(&["--config", path.to_str().expect("a path in UTF-8")]);
        Self { daemon, _config: config }
    }

    fn node(&mut self, client_id: &'static str) -> Node {
        Node::new(self.daemon.sn(), client_id)
    }
}

/// A node that answers as it should, and counts what it is given.
struct Node {
    sn: Sn,
    client_id: &'static str,
    names: BTreeMap<u16, String>,
    /// QoS 2 messages that are not released.
    unreleased: BTreeMap<u16, String>,
    /// How often it was given which message.
    given: BTreeMap<String, u32>,
}

impl Node {
    fn new(sn: Sn, client_id: &'static str) -> Self {
        Self { sn, client_id, names: BTreeMap::new(), unreleased: BTreeMap::new(), given: BTreeMap::new() }
    }

    /// It reaches another gateway now, with all that it knows of its messages.
    fn moves_to(self, gateway: &mut Gateway) -> Self {
        Self { sn: gateway.daemon.sn(), ..self }
    }

    fn say(&self, message: &Message<'_>) {
        let mut datagram = vec![0; message.encoded_len().expect("a message")];
        message.encode(&mut datagram).expect("room");
        self.sn.send(&datagram);
    }

    fn connect(&mut self, clean_session: bool, duration_s: u16) {
        let connect = Connect { will: false, clean_session, protocol_id: 1, duration_s, client_id: self.client_id };
        self.say(&Message::Connect(connect));
        self.until("CONNACK", |message| matches!(message, Message::ConnAck(ack) if accepts(ack.return_code)));
    }

    fn connect_with_will(&mut self, duration_s: u16, topic: &str, message: &str) {
        let client_id = self.client_id;
        self.say(&Message::Connect(Connect {
            will: true,
            clean_session: false,
            protocol_id: 1,
            duration_s,
            client_id,
        }));
        self.until("WILLTOPICREQ", |message| matches!(message, Message::WillTopicReq));
        self.say(&Message::WillTopic(Some(WillTopic { qos: Qos::One, retain: false, topic })));
        self.until("WILLMSGREQ", |message| matches!(message, Message::WillMsgReq));
        self.say(&Message::WillMsg(WillMsg { message: message.as_bytes() }));
        self.until("CONNACK", |message| matches!(message, Message::ConnAck(ack) if accepts(ack.return_code)));
    }

    fn subscribe(&mut self, filter: &str, qos: Qos) {
        let topic = TopicFilter::Name(filter);
        self.say(&Message::Subscribe(Subscribe { qos, msg_id: MsgId(7), topic }));
        self.until("SUBACK", |message| matches!(message, Message::SubAck(ack) if accepts(ack.return_code)));
    }

    fn sleep(&mut self) {
        self.say(&Message::Disconnect(Disconnect { duration_s: Some(3_600) }));
        self.until("DISCONNECT", |message| matches!(message, Message::Disconnect(_)));
    }

    /// Takes what waits, until PINGRESP.
    fn wake(&mut self) {
        self.say(&Message::PingReq(PingReq { client_id: Some(self.client_id) }));
        self.until("PINGRESP", |message| matches!(message, Message::PingResp));
    }

    /// Wakes until it has so many different messages.
    fn wake_until_given(&mut self, count: usize) {
        wait_until("all messages", || {
            self.wake();
            self.given.len() >= count
        });
    }

    /// Publishes at QoS 1 under a predefined way: the name's id comes from REGISTER. Repeats itself until that is done.
    fn publish(&mut self, topic: &str, msg_id: u16, data: &str) {
        let register = Register { topic_id: TopicId::NONE, msg_id: MsgId(1), topic_name: topic };
        self.say(&Message::Register(register));
        let mut id = TopicId::NONE;
        self.until("REGACK", |message| {
            if let Message::RegAck(ack) = message {
                id = ack.topic_id;
            }
            id != TopicId::NONE
        });
        let (begun, msg_id) = (Instant::now(), MsgId(msg_id));
        loop {
            let (topic, data) = (Topic::Normal(id), data.as_bytes());
            let dup = begun.elapsed() > Duration::ZERO;
            self.say(&Message::Publish(Publish { dup, qos: Qos::One, retain: false, topic, msg_id, data }));
            if self.hears_puback(msg_id) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "no PUBACK that accepts");
        }
    }

    /// Whether a PUBACK of this message comes soon, and accepts.
    fn hears_puback(&mut self, msg_id: MsgId) -> bool {
        while let Some(datagram) = self.sn.receive_soon() {
            let message = decode(&datagram).expect("well-formed");
            // What was repeated is acknowledged more than once, perhaps late.
            let Message::PubAck(ack @ PubAck { msg_id: id, .. }) = message else {
                self.answer(&message);
                continue;
            };
            if id != msg_id {
                continue;
            }
            if ack.return_code == ReturnCode::Accepted {
                return true;
            }
            assert_eq!(ack.return_code, ReturnCode::Congestion);
        }
        false
    }

    /// Receives and answers until a message comes that is waited for.
    #[track_caller]
    fn until(&mut self, what: &str, mut wanted: impl FnMut(&Message<'_>) -> bool) {
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < PATIENCE, "no {what}");
            let datagram = self.sn.receive();
            let message = decode(&datagram).expect("well-formed");
            if wanted(&message) {
                return;
            }
            self.answer(&message);
        }
    }

    fn answer(&mut self, message: &Message<'_>) {
        match message {
            Message::Register(register) => {
                self.names.insert(register.topic_id.0, register.topic_name.into());
                let Register { topic_id, msg_id, .. } = *register;
                self.say(&Message::RegAck(RegAck { topic_id, msg_id, return_code: ReturnCode::Accepted }));
            }
            Message::Publish(publish) => self.take(publish),
            Message::PubRel(id) => {
                if let Some(message) = self.unreleased.remove(&id.0) {
                    *self.given.entry(message).or_default() += 1;
                }
                self.say(&Message::PubComp(*id));
            }
            _ => {}
        }
    }

    fn take(&mut self, publish: &Publish<'_>) {
        let Topic::Normal(topic_id) = publish.topic else { panic!("{publish:?}") };
        let message = format!("{} {}", self.names[&topic_id.0], String::from_utf8_lossy(publish.data));
        match publish.qos {
            Qos::Two => {
                self.unreleased.insert(publish.msg_id.0, message);
                self.say(&Message::PubRec(publish.msg_id));
            }
            Qos::Zero | Qos::One | Qos::MinusOne => {
                *self.given.entry(message).or_default() += 1;
                if publish.qos == Qos::One {
                    let (msg_id, return_code) = (publish.msg_id, ReturnCode::Accepted);
                    self.say(&Message::PubAck(PubAck { topic_id, msg_id, return_code }));
                }
            }
        }
    }
}

fn accepts(code: ReturnCode) -> bool {
    code == ReturnCode::Accepted
}

/// Publishes at mosquitto, each message at QoS 1 and 2, and waits for the acknowledgements.
fn publish_at(broker: SocketAddr, client_id: &str, numbers: std::ops::Range<u8>) {
    let mut publisher = Mqtt::connect(broker, client_id);
    for number in numbers {
        publisher.send(&publish_packet(0x02, "down/1", Some([1, number]), number.to_string().as_bytes()));
        publisher.expect(&[0x40, 2, 1, number]);
        publisher.send(&publish_packet(0x04, "down/2", Some([2, number]), number.to_string().as_bytes()));
        publisher.expect(&[0x50, 2, 2, number]);
        publisher.send(&[0x62, 2, 2, number]);
        publisher.expect(&[0x70, 2, 2, number]);
    }
}

#[track_caller]
fn given_once(node: &Node, numbers: std::ops::Range<u8>) {
    for number in numbers {
        assert!(node.given.get(&format!("down/1 {number}")).is_some_and(|times| *times >= 1), "QoS 1, {number}");
        assert_eq!(node.given.get(&format!("down/2 {number}")), Some(&1), "QoS 2, {number}");
    }
}

#[test]
fn a_retained_message_comes_when_a_node_subscribes() {
    for version in VERSIONS {
        let mosquitto = Mosquitto::start();
        let mut publisher = Mqtt::connect(mosquitto.addr, "publisher");
        publisher.send(&publish_packet(0x03, "kept/1", Some([0, 1]), b"x"));
        publisher.expect(&[0x40, 2, 0, 1]);
        let mut gateway = Gateway::start(mosquitto.addr, version);
        let mut node = gateway.node("node");
        node.connect(true, 60);
        node.subscribe("kept/+", Qos::One);
        node.sleep();
        node.wake_until_given(1);
        assert_eq!(node.given["kept/1 x"], 1, "MQTT {version}");
    }
}

#[test]
fn mosquitto_publishes_the_will_of_a_lost_node_and_of_no_other() {
    for version in VERSIONS {
        let mosquitto = Mosquitto::start();
        let mut gateway = Gateway::start(mosquitto.addr, version);
        let mut watcher = Mqtt::connect(mosquitto.addr, "watcher");
        watcher.subscribe("wills/#", 0);
        let mut polite = gateway.node("polite");
        polite.connect_with_will(3, "wills/polite", "gone");
        polite.say(&Message::Disconnect(Disconnect { duration_s: None }));
        polite.until("DISCONNECT", |message| matches!(message, Message::Disconnect(_)));
        let mut lost = gateway.node("lost");
        lost.connect_with_will(3, "wills/lost", "gone");
        // Keep-alive 3 s and its tolerance, and a second's delay of MQTT 5; the other node's will would be earlier.
        assert_eq!(watcher.receive_publish(), ("wills/lost".into(), "gone".into()), "MQTT {version}");
    }
}

#[test]
fn mosquitto_keeps_what_comes_for_a_node_that_is_away() {
    for version in VERSIONS {
        let mosquitto = Mosquitto::start();
        let mut gateway = Gateway::start(mosquitto.addr, version);
        let mut node = gateway.node("node");
        node.connect(false, 60);
        node.subscribe("down/+", Qos::Two);
        node.say(&Message::Disconnect(Disconnect { duration_s: None }));
        node.until("DISCONNECT", |message| matches!(message, Message::Disconnect(_)));
        publish_at(mosquitto.addr, "publisher", 1..40);
        node.connect(false, 60);
        node.sleep();
        node.wake_until_given(2 * 39);
        given_once(&node, 1..40);
    }
}

#[test]
fn case_13_a_sleeper_wakes_at_another_gateway() {
    for version in VERSIONS {
        let mosquitto = Mosquitto::start();
        let (mut one, mut other) = (Gateway::start(mosquitto.addr, version), Gateway::start(mosquitto.addr, version));
        let mut node = one.node("node");
        node.connect(false, 60);
        node.subscribe("down/+", Qos::Two);
        node.sleep();
        publish_at(mosquitto.addr, "publisher", 1..40);
        let mut node = node.moves_to(&mut other);
        node.connect(false, 60);
        node.sleep();
        node.wake_until_given(2 * 39);
        given_once(&node, 1..40);
        publish_at(mosquitto.addr, "later", 40..60);
        // mosquitto 2.0.11 does not say that the session was taken over; who calls back would take it from the other.
        // It would call back after a pause of a second.
        std::thread::sleep(Duration::from_secs(3));
        let calls = one.daemon.daemon().log().matches("connected to the broker of the sessions").count();
        assert_eq!(calls, 1, "the first gateway lets the node go");
        // And back, where the first gateway must have nothing left.
        let mut node = node.moves_to(&mut one);
        node.connect(false, 60);
        node.sleep();
        node.wake_until_given(2 * 59);
        given_once(&node, 1..60);
        assert_eq!(node.given.len(), 2 * 59);
    }
}

#[test]
fn nothing_is_lost_when_the_gateway_is_killed() {
    for version in VERSIONS {
        let mosquitto = Mosquitto::start();
        let uplink = Subscriber::start(mosquitto.addr, "uplink", "up/#");
        let mut gateway = Gateway::start(mosquitto.addr, version);
        let mut node = gateway.node("node");
        node.connect(false, 0);
        node.subscribe("down/+", Qos::Two);
        for round in 0..5_u8 {
            node.publish("up/a", 100 + u16::from(round), &(round + 1).to_string());
            node.sleep();
            publish_at(mosquitto.addr, "publisher", round * 10 + 1..round * 10 + 11);
            gateway.daemon.kill();
            node.wake_until_given(2 * (usize::from(round) * 10 + 10));
            node.connect(false, 0);
        }
        given_once(&node, 1..51);
        wait_until_for(PATIENCE, "what went up", || uplink.account().get("up/a").is_some_and(|all| all.len() == 5));
    }
}

#[test]
fn nothing_is_lost_when_mosquitto_is_restarted() {
    for version in VERSIONS {
        let mut mosquitto = Mosquitto::start();
        let mut gateway = Gateway::start(mosquitto.addr, version);
        let mut node = gateway.node("node");
        node.connect(false, 0);
        node.subscribe("down/+", Qos::Two);
        for round in 0..3_u8 {
            node.sleep();
            publish_at(mosquitto.addr, "publisher", round * 10 + 1..round * 10 + 11);
            mosquitto.restart();
            node.wake_until_given(2 * (usize::from(round) * 10 + 10));
            node.connect(false, 0);
            mosquitto.restart();
            node.publish("up/a", 100 + u16::from(round), "x");
        }
        given_once(&node, 1..31);
    }
}

#[test]
fn a_node_hears_congestion_while_mosquitto_is_not_there() {
    // Nobody listens at a port that was free a moment ago.
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let mut gateway = Gateway::start(nobody, "5");
    let node = gateway.node("node");
    node.say(&FIRST_CONNECT);
    node.sn.expect(&[3, 0x05, 1]);
    gateway.daemon.daemon().wait_for_log("Connection refused");
}

#[test]
fn the_log_says_once_why_mosquitto_is_not_reached_and_when_it_is_again() {
    let broker = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut gateway = Gateway::start(broker.local_addr().expect("it is bound"), "5");
    let node = gateway.node("node");
    for _ in 0..2 {
        node.say(&FIRST_CONNECT);
        // It speaks TLS, say, and takes no CONNECT in the clear.
        drop(broker.accept().expect("the node's connection"));
        node.sn.expect(&[3, 0x05, 1]);
    }
    node.say(&FIRST_CONNECT);
    let (mut connection, _) = broker.accept().expect("the node's connection");
    connection.write_all(&[0x20, 3, 0, 0, 0]).expect("the gateway reads");
    node.sn.expect(&[3, 0x05, 0]);
    gateway.daemon.daemon().wait_for_log("the broker of the sessions is reached ");
    let log = gateway.daemon.daemon().log();
    assert_eq!(log.matches("it has closed the connection instead of answering CONNECT").count(), 1, "{log}");
}

#[test]
fn a_gateway_that_is_stopped_says_good_bye_for_its_nodes() {
    let mosquitto = Mosquitto::start();
    let mut gateway = Gateway::start(mosquitto.addr, "3.1.1");
    let mut watcher = Mqtt::connect(mosquitto.addr, "watcher");
    watcher.subscribe("wills/#", 0);
    let mut node = gateway.node("node");
    node.connect_with_will(0, "wills/node", "gone");
    gateway.daemon.restart(nix::sys::signal::Signal::SIGTERM);
    // Its connection is made again, and cut: the only will.
    node.publish("up/a", 1, "x");
    gateway.daemon.daemon().signal(nix::sys::signal::Signal::SIGKILL);
    assert_eq!(watcher.receive_publish(), ("wills/node".into(), "gone".into()));
    watcher.send(&[0xC0, 0]);
    assert_eq!(watcher.publish_before_pingresp(), None);
}
