//! The node's round, in virtual time, against a gateway that each test spells out.

use node_app::{Config, Instant, Link, MAX_COMMANDS, Node, Settings};
use sn_client::State;
use sn_codec::{
    ConnAck, Disconnect, Message, MsgId, MsgType, PubAck, Publish, Qos, RegAck, ReturnCode, SubAck, Topic, TopicId,
    decode,
};
use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::time::Duration;

/// A link that keeps what is sent.
#[derive(Default)]
struct Wire {
    to_node: VecDeque<Vec<u8>>,
    from_node: VecDeque<Vec<u8>>,
}

impl Link for Wire {
    fn send(&mut self, datagram: &[u8]) {
        self.from_node.push_back(datagram.to_vec());
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let datagram = self.to_node.pop_front()?;
        buffer[..datagram.len()].copy_from_slice(&datagram);
        Some(datagram.len())
    }
}

/// A node, its wire, the time and what it has to be told.
struct World<'a> {
    node: Node<'a>,
    wire: Wire,
    now: Instant,
    due: Option<Instant>,
}

fn settings() -> Settings<'static> {
    Settings {
        client: Config { t_retry_ms: 1_000, n_retry: 1, ..Config::new("n") },
        report_topic: "report",
        command_topic: "command",
        echo_topic: "echo",
        sleep_s: NonZeroU16::new(60).expect("not 0"),
        wakes_per_report: NonZeroU16::new(3).expect("not 0"),
    }
}

const REPORT: TopicId = TopicId(1);
const COMMAND: TopicId = TopicId(2);
const ECHO: TopicId = TopicId(3);

impl<'a> World<'a> {
    fn new(settings: Settings<'a>) -> Self {
        let mut world = Self { node: Node::new(settings), wire: Wire::default(), now: Instant::ZERO, due: None };
        world.turn();
        world
    }

    fn turn(&mut self) {
        self.due = self.node.turn(self.now, &mut self.wire);
    }

    /// Lets the time come that the node waits for.
    fn skip(&mut self) {
        self.now = self.due.expect("it waits for something").max(self.now);
        self.turn();
    }

    /// The next message from the node, which must be this.
    #[track_caller]
    fn expect(&mut self, wanted: &str) -> MsgId {
        let datagram = self.wire.from_node.pop_front().unwrap_or_else(|| panic!("nothing, not {wanted}"));
        let message = decode(&datagram).expect("the node sends what can be read");
        assert_eq!(describe(&message), wanted);
        msg_id(&message)
    }

    #[track_caller]
    fn expect_nothing(&self) {
        assert!(self.wire.from_node.is_empty(), "{:02X?}", self.wire.from_node);
    }

    fn answer(&mut self, message: Message<'_>) {
        let mut buffer = [0; 512];
        let len = message.encode(&mut buffer).expect("it fits");
        self.wire.to_node.push_back(buffer[..len].to_vec());
        self.turn();
    }

    #[track_caller]
    fn connect(&mut self) {
        self.expect("CONNECT");
        self.answer(Message::ConnAck(ConnAck { return_code: ReturnCode::Accepted }));
    }

    #[track_caller]
    fn subscribe(&mut self) {
        let msg_id = self.expect("SUBSCRIBE command");
        let return_code = ReturnCode::Accepted;
        self.answer(Message::SubAck(SubAck { qos: Qos::Two, topic_id: COMMAND, msg_id, return_code }));
    }

    #[track_caller]
    fn register(&mut self, name: &str, topic_id: TopicId) {
        let msg_id = self.expect(&format!("REGISTER {name}"));
        self.answer(Message::RegAck(RegAck { topic_id, msg_id, return_code: ReturnCode::Accepted }));
    }

    #[track_caller]
    fn publish(&mut self, topic_id: TopicId, payload: &str) {
        let msg_id = self.expect(&format!("PUBLISH {topic_id:?} {payload}"));
        self.answer(Message::PubAck(PubAck { topic_id, msg_id, return_code: ReturnCode::Accepted }));
    }

    #[track_caller]
    fn fall_asleep(&mut self) {
        // 60 s, and time for two PINGREQs.
        self.expect("DISCONNECT Some(62)");
        self.answer(Message::Disconnect(Disconnect { duration_s: None }));
        assert_eq!(self.node.state(), State::Asleep);
        self.expect_nothing();
    }

    /// Falls asleep, and asks at once what the new subscription has brought.
    #[track_caller]
    fn collect(&mut self) {
        self.expect("DISCONNECT Some(62)");
        self.answer(Message::Disconnect(Disconnect { duration_s: None }));
        self.expect("PINGREQ");
    }

    /// From the start into the first sleep.
    #[track_caller]
    fn start(settings: Settings<'a>) -> Self {
        let mut world = Self::new(settings);
        world.connect();
        world.subscribe();
        world.register("report", REPORT);
        world.publish(REPORT, r#"{"count":1,"commands":0,"dropped":0}"#);
        world.collect();
        world.answer(Message::PingResp);
        world
    }

    #[track_caller]
    fn wake(&mut self) {
        let asleep_since = self.now;
        self.skip();
        assert_eq!(self.now.since(asleep_since), Duration::from_secs(60));
        self.expect("PINGREQ");
    }

    #[track_caller]
    fn command(&mut self, number: u16, data: &[u8]) {
        let (topic, msg_id) = (Topic::Normal(COMMAND), MsgId(number));
        let publish = Publish { dup: false, qos: Qos::One, retain: false, topic, msg_id, data };
        self.answer(Message::Publish(publish));
        self.expect("PUBACK");
    }
}

fn describe(message: &Message<'_>) -> String {
    match message {
        Message::Connect(_) => "CONNECT".to_owned(),
        Message::Subscribe(subscribe) => match subscribe.topic {
            sn_codec::TopicFilter::Name(name) => format!("SUBSCRIBE {name}"),
            other => format!("SUBSCRIBE {other:?}"),
        },
        Message::Register(register) => format!("REGISTER {}", register.topic_name),
        Message::Publish(publish) => {
            format!("PUBLISH {:?} {}", publish.topic.id_field(), String::from_utf8_lossy(publish.data))
        }
        Message::Disconnect(disconnect) => format!("DISCONNECT {:?}", disconnect.duration_s),
        other => match other.msg_type() {
            MsgType::PubAck => "PUBACK".to_owned(),
            MsgType::PingReq => "PINGREQ".to_owned(),
            other => format!("{other}"),
        },
    }
}

fn msg_id(message: &Message<'_>) -> MsgId {
    match message {
        Message::Subscribe(subscribe) => subscribe.msg_id,
        Message::Register(register) => register.msg_id,
        Message::Publish(publish) => publish.msg_id,
        _ => MsgId::NONE,
    }
}

#[test]
fn asleep_the_node_sends_nothing_but_a_pingreq_at_each_wake() {
    let mut world = World::start(settings());
    for _ in 0..2 {
        world.wake();
        world.answer(Message::PingResp);
        assert_eq!(world.node.state(), State::Asleep);
        world.expect_nothing();
    }
}

#[test]
fn every_third_wake_ends_in_a_report() {
    let mut world = World::start(settings());
    for _ in 0..3 {
        world.expect_nothing();
        world.wake();
        world.answer(Message::PingResp);
    }
    world.connect();
    world.publish(REPORT, r#"{"count":2,"commands":0,"dropped":0}"#);
    world.fall_asleep();
}

#[test]
fn a_command_from_the_mailbox_is_echoed_and_the_connection_carries_a_report() {
    let mut world = World::start(settings());
    world.wake();
    world.command(7, b"on");
    world.answer(Message::PingResp);
    world.connect();
    world.register("echo", ECHO);
    world.publish(ECHO, "on");
    world.publish(REPORT, r#"{"count":2,"commands":1,"dropped":0}"#);
    world.fall_asleep();
}

#[test]
fn commands_that_are_too_many_or_too_long_are_counted() {
    let mut world = World::start(settings());
    world.wake();
    world.command(1, &[b'x'; 65]);
    for number in 0..MAX_COMMANDS + 1 {
        world.command(2 + number as u16, number.to_string().as_bytes());
    }
    world.answer(Message::PingResp);
    world.connect();
    world.register("echo", ECHO);
    for number in 0..MAX_COMMANDS {
        world.publish(ECHO, &number.to_string());
    }
    world.publish(REPORT, r#"{"count":2,"commands":6,"dropped":2}"#);
    world.fall_asleep();
}

#[test]
fn a_gateway_that_is_silent_at_a_wake_gets_the_subscription_again() {
    let mut world = World::start(settings());
    world.wake();
    world.skip();
    world.expect("PINGREQ");
    world.skip();
    world.connect();
    world.subscribe();
    world.register("report", REPORT);
}

#[test]
fn a_restarted_gateway_that_says_disconnect_gets_the_subscription_again() {
    let mut world = World::start(settings());
    world.wake();
    world.answer(Message::Disconnect(Disconnect { duration_s: None }));
    world.connect();
    world.subscribe();
    world.register("report", REPORT);
}

#[test]
fn a_node_that_is_refused_tries_again_after_t_wait() {
    let mut world = World::new(settings());
    world.expect("CONNECT");
    world.answer(Message::ConnAck(ConnAck { return_code: ReturnCode::NotSupported }));
    world.expect_nothing();
    world.skip();
    assert_eq!(world.now, Instant::from_secs(300));
    world.connect();
    world.subscribe();
}

#[test]
fn an_echo_that_does_not_fit_is_dropped_and_the_round_goes_on() {
    let echo_topic = "e".repeat(180);
    let mut world = World::start(Settings { echo_topic: &echo_topic, ..settings() });
    world.wake();
    world.command(1, b"longer than there is room for");
    world.answer(Message::PingResp);
    world.connect();
    world.skip();
    world.publish(REPORT, r#"{"count":2,"commands":1,"dropped":1}"#);
    world.fall_asleep();
}

#[test]
fn a_rejected_subscription_waits_for_a_wake() {
    let mut world = World::new(settings());
    world.connect();
    let msg_id = world.expect("SUBSCRIBE command");
    let return_code = ReturnCode::NotSupported;
    world.answer(Message::SubAck(SubAck { qos: Qos::Two, topic_id: TopicId::NONE, msg_id, return_code }));
    world.register("report", REPORT);
    world.publish(REPORT, r#"{"count":1,"commands":0,"dropped":0}"#);
    world.collect();
    world.answer(Message::PingResp);
    world.skip();
    world.connect();
    world.subscribe();
}

#[test]
fn what_comes_up_with_a_new_subscription_does_not_wait_for_a_wake() {
    let mut world = World::start(settings());
    world.wake();
    world.answer(Message::Disconnect(Disconnect { duration_s: None }));
    world.connect();
    world.subscribe();
    world.register("report", REPORT);
    world.publish(REPORT, r#"{"count":2,"commands":0,"dropped":0}"#);
    world.collect();
    world.command(1, b"on");
    world.answer(Message::PingResp);
    world.connect();
    world.register("echo", ECHO);
    world.publish(ECHO, "on");
}
