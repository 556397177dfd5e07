//! Several gateways: which one is taken, and what goes on when one is lost (1.2 §6.1, §6.12).

use sn_client::{Address, Cause, Config, Event, Qos, Recipient, ReturnCode, RoamingClient, State, Topic, TopicId};
use sn_codec::{
    Advertise, ConnAck, Disconnect, GwId, GwInfo, Message, MsgId, MsgType, PubAck, Publish, RegAck, SubAck,
    Topic as WireTopic, decode,
};
use sn_types::Instant;
use std::time::Duration;

/// One octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place(u8);

impl Address for Place {
    fn from_gw_add(gw_add: &[u8]) -> Option<Self> {
        matches!(gw_add, [_]).then(|| Self(gw_add[0]))
    }
}

const A: Place = Place(b'A');
const B: Place = Place(b'B');
const ALL: Recipient<Place> = Recipient::Everyone { radius: 1 };
const ACCEPTED: Message<'static> = Message::ConnAck(ConnAck { return_code: ReturnCode::Accepted });
const DISCONNECT: Message<'static> = Message::Disconnect(Disconnect { duration_s: None });
const FIRST_GATEWAY_ID: GwId = GwId(1);

struct Node {
    client: RoamingClient<'static, Place, 64, 64, 3>,
    now: Instant,
}

impl Node {
    fn new(gateways: &[Place], radius: Option<u8>) -> Self {
        let config = Config { seed: 7, ..Config::new("node7") };
        let mut client = RoamingClient::new(config, radius);
        assert!(gateways.iter().all(|gateway| client.add_gateway(*gateway)));
        Self { client, now: Instant::ZERO }
    }

    /// Connected to the first of these, with a session.
    fn connected(gateways: &[Place]) -> Self {
        let mut node = Self::new(gateways, None);
        node.client.connect(false);
        node.is_taken_on(gateways[0]);
        node
    }

    /// The next datagram, after waiting for it if need be.
    #[track_caller]
    fn sends(&mut self) -> (Recipient<Place>, Vec<u8>) {
        let mut buffer = [0; 128];
        for _ in 0..3 {
            if let Some(sent) = self.client.poll_output(self.now, &mut buffer) {
                return (sent.to, sent.datagram.to_vec());
            }
            self.waits();
        }
        panic!("the client sends something");
    }

    /// The next datagram's type, which must go to this gateway.
    #[track_caller]
    fn sends_to(&mut self, gateway: Place) -> (MsgType, Vec<u8>) {
        let (to, datagram) = self.sends();
        assert_eq!(to, Recipient::Gateway(gateway));
        (decode(&datagram).expect("it is well formed").msg_type(), datagram)
    }

    fn is_silent(&mut self) -> bool {
        self.client.poll_output(self.now, &mut [0; 128]).is_none()
    }

    fn hears(&mut self, from: Place, message: Message<'_>) -> Option<String> {
        let mut buffer = [0; 128];
        let len = message.encode(&mut buffer).expect("the test's message is well formed");
        self.client.handle_input(self.now, from, &buffer[..len]).map(|event| format!("{event:?}"))
    }

    #[track_caller]
    fn is_taken_on(&mut self, gateway: Place) {
        assert_eq!(self.sends_to(gateway).0, MsgType::Connect);
        assert_eq!(self.hears(gateway, ACCEPTED).as_deref(), Some("Connected"));
    }

    /// Time passes until the client wants to be called.
    fn waits(&mut self) -> Option<Event<'static>> {
        self.now = self.client.poll_timeout().expect("the client waits for something").max(self.now);
        self.client.handle_timeout(self.now)
    }

    /// What is sent is lost until the client gives the gateway up.
    fn loses_the_gateway(&mut self) {
        for _ in 0..20 {
            while !self.is_silent() {}
            if self.waits() == Some(Event::Lost(Cause::NoAnswer)) {
                return;
            }
        }
        panic!("the client does not give up");
    }

    #[track_caller]
    fn is_refused(&mut self, gateway: Place) {
        assert_eq!(self.sends_to(gateway).0, MsgType::Connect);
        self.hears(gateway, Message::ConnAck(ConnAck { return_code: ReturnCode::NotSupported }));
    }

    /// Connects to this gateway, gets a message that is new, and loses it.
    #[track_caller]
    fn visits(&mut self, gateway: Place, message: Message<'_>) {
        self.is_taken_on(gateway);
        assert!(self.hears(gateway, message).is_some(), "a message that it has not had from {gateway:?}");
        self.loses_the_gateway();
    }

    /// Registers what it publishes to under this id.
    #[track_caller]
    fn registers(&mut self, gateway: Place, id: u16) {
        let (_, datagram) = self.sends_to(gateway);
        let Ok(Message::Register(register)) = decode(&datagram) else { panic!("a REGISTER is due") };
        let ack = RegAck { topic_id: TopicId(id), msg_id: register.msg_id, return_code: ReturnCode::Accepted };
        assert_eq!(self.hears(gateway, Message::RegAck(ack)), None);
    }

    /// The message id of the PUBLISH that is due.
    #[track_caller]
    fn publishes(&mut self, gateway: Place, id: u16, dup: bool) -> MsgId {
        let (_, datagram) = self.sends_to(gateway);
        let Ok(Message::Publish(publish)) = decode(&datagram) else { panic!("a PUBLISH is due") };
        assert_eq!((publish.topic, publish.dup, publish.data), (WireTopic::Normal(TopicId(id)), dup, &b"21.5"[..]));
        publish.msg_id
    }
}

#[test]
fn the_first_configured_gateway_is_taken() {
    let mut node = Node::new(&[A, B], Some(1));
    node.client.connect(true);
    node.is_taken_on(A);
    assert_eq!(node.client.gateway().map(|known| known.address), Some(A));
}

#[test]
fn a_publish_that_a_lost_gateway_has_not_acknowledged_goes_to_the_next_one_as_a_new_message() {
    for qos in [Qos::One, Qos::Two] {
        let mut node = Node::connected(&[A, B]);
        node.client.client_mut().publish(Topic::Name("a/b"), b"21.5", qos, false).unwrap();
        node.registers(A, 5);
        let at_a = node.publishes(A, 5, false);
        node.loses_the_gateway();
        let (connect, datagram) = node.sends_to(B);
        assert_eq!((connect, datagram[2]), (MsgType::Connect, 0), "without CleanSession");
        node.hears(B, ACCEPTED);
        node.registers(B, 9);
        let at_b = node.publishes(B, 9, false);
        assert_ne!(at_a, at_b);
    }
}

#[test]
fn a_publish_that_a_lost_gateway_has_taken_is_not_sent_twice() {
    let mut node = Node::connected(&[A, B]);
    node.client.client_mut().publish(Topic::Name("a/b"), b"21.5", Qos::Two, false).unwrap();
    node.registers(A, 5);
    let msg_id = node.publishes(A, 5, false);
    node.hears(A, Message::PubRec(msg_id));
    assert_eq!(node.sends_to(A).0, MsgType::PubRel);
    node.loses_the_gateway();
    assert_eq!(node.sends_to(B).0, MsgType::Connect);
    assert_eq!(node.waits(), Some(Event::Published));
    node.hears(B, ACCEPTED);
    assert!(node.is_silent() && !node.client.client().is_busy());
}

#[test]
fn ids_of_the_old_gateway_mean_nothing_at_the_new_one() {
    let mut node = Node::connected(&[A, B]);
    node.client.client_mut().subscribe(Topic::Name("down"), Qos::One).unwrap();
    let (_, subscribe) = node.sends_to(A);
    let msg_id = MsgId(u16::from_be_bytes([subscribe[3], subscribe[4]]));
    let (qos, topic_id, return_code) = (Qos::One, TopicId(5), ReturnCode::Accepted);
    node.hears(A, Message::SubAck(SubAck { qos, topic_id, msg_id, return_code }));
    node.client.client_mut().publish(Topic::Name("up"), b"21.5", Qos::Zero, false).unwrap();
    node.registers(A, 6);
    assert_eq!(node.publishes(A, 6, false), MsgId(0));
    node.loses_the_gateway();
    node.is_taken_on(B);
    let old_id = Publish { dup: false, qos, retain: false, topic: WireTopic::Normal(topic_id), msg_id, data: b"x" };
    assert_eq!(node.hears(B, Message::Publish(old_id)), None);
    let refusal = [7, 0x0D, 0, 5, subscribe[3], subscribe[4], 2];
    assert_eq!(node.sends(), (Recipient::Gateway(B), refusal.to_vec()), "invalid topic id");
    node.client.client_mut().publish(Topic::Name("up"), b"21.5", Qos::Zero, false).unwrap();
    node.registers(B, 1);
    node.publishes(B, 1, false);
}

#[test]
fn message_ids_of_arrived_messages_are_each_gateways_own_and_outlast_a_visit_elsewhere() {
    let mut node = Node::connected(&[A, B]);
    let message = Message::Publish(Publish {
        dup: false,
        qos: Qos::Two,
        retain: false,
        topic: WireTopic::Predefined(TopicId(3)),
        msg_id: MsgId(1),
        data: b"on",
    });
    assert!(node.hears(A, message).is_some());
    node.loses_the_gateway();
    node.is_taken_on(B);
    assert!(node.hears(B, message).is_some(), "another gateway's message");
    node.loses_the_gateway();
    node.is_taken_on(A);
    assert_eq!(node.hears(A, message), None, "its repetition");
}

#[test]
fn datagrams_from_others_than_the_gateway_have_no_effect() {
    let mut node = Node::connected(&[A, B]);
    assert_eq!(node.hears(B, DISCONNECT), None);
    assert_eq!(node.client.client().state(), State::Active);
}

#[test]
fn a_gateway_that_says_disconnect_is_asked_twice_more_before_the_next() {
    let mut node = Node::connected(&[A, B]);
    for _ in 0..2 {
        assert_eq!(node.hears(A, DISCONNECT).as_deref(), Some("Lost(ByGateway)"));
        node.waits();
        node.is_taken_on(A);
    }
    node.hears(A, DISCONNECT);
    node.is_taken_on(B);
}

#[test]
fn a_gateway_that_refuses_is_left_for_the_next() {
    for code in [ReturnCode::Congestion, ReturnCode::NotSupported] {
        let mut node = Node::new(&[A, B], None);
        node.client.connect(true);
        let (_, connect) = node.sends_to(A);
        node.hears(A, Message::ConnAck(ConnAck { return_code: code }));
        let (_, again) = node.sends_to(B);
        assert_eq!(connect, again, "clean as before");
    }
}

#[test]
fn one_congested_gateway_is_asked_again_after_t_wait() {
    let mut node = Node::new(&[A], None);
    node.client.connect(true);
    node.sends_to(A);
    node.hears(A, Message::ConnAck(ConnAck { return_code: ReturnCode::Congestion }));
    assert!(node.is_silent());
    node.waits();
    node.waits();
    assert!((300..=375).contains(&(node.now - Instant::ZERO).as_secs()));
    assert_eq!(node.sends_to(A).0, MsgType::Connect);
}

#[test]
fn a_sleeper_whose_gateway_does_not_answer_at_a_wake_goes_on_elsewhere() {
    let mut node = Node::connected(&[A, B]);
    node.client.client_mut().sleep(600.try_into().unwrap()).unwrap();
    assert_eq!(node.sends_to(A).0, MsgType::Disconnect);
    node.hears(A, DISCONNECT);
    node.client.client_mut().wake().unwrap();
    let mut event = None;
    while event.is_none() {
        while !node.is_silent() {}
        event = node.waits();
    }
    assert_eq!(event, Some(Event::Asleep { drained: false }));
    node.is_taken_on(B);
}

#[test]
fn without_a_gateway_one_is_searched_and_taken() {
    let mut node = Node::new(&[], Some(1));
    node.client.connect(true);
    assert!(node.is_silent());
    node.waits();
    assert_eq!(node.sends(), (ALL, vec![3, 1, 1]));
    let info = Message::GwInfo(GwInfo { gw_id: FIRST_GATEWAY_ID, gw_add: &[] });
    assert!(node.hears(B, info).is_some());
    let heard = node.now;
    node.is_taken_on(B);
    assert!(node.now - heard <= Duration::from_secs(5));
    let known: Vec<_> = node.client.gateways().map(|known| (known.address, known.gw_id)).collect();
    assert_eq!(known, [(B, Some(FIRST_GATEWAY_ID))]);
}

#[test]
fn another_clients_answer_tells_where_a_gateway_is() {
    let mut node = Node::new(&[], Some(1));
    node.client.connect(true);
    node.waits();
    node.sends();
    node.hears(Place(b'x'), Message::GwInfo(GwInfo { gw_id: FIRST_GATEWAY_ID, gw_add: b"B" }));
    node.hears(Place(b'x'), Message::GwInfo(GwInfo { gw_id: GwId(2), gw_add: b"what?" }));
    let known: Vec<_> = node.client.gateways().map(|known| known.address).collect();
    assert_eq!(known, [B], "and what cannot be understood is left out");
}

#[test]
fn a_gateway_that_misses_three_advertises_is_not_taken_unless_configured() {
    let advertise = Message::Advertise(Advertise { gw_id: FIRST_GATEWAY_ID, duration_s: 900 });
    for (waited_s, taken) in [(2_699, B), (2_701, A)] {
        let mut node = Node::connected(&[A]);
        node.hears(B, advertise);
        node.now = Instant::from_secs(waited_s);
        assert_eq!(node.hears(A, Message::PingReq(sn_codec::PingReq { client_id: None })), None);
        node.sends();
        node.client.connect(false);
        node.sends_to(A);
        node.hears(A, Message::ConnAck(ConnAck { return_code: ReturnCode::NotSupported }));
        assert_eq!(node.sends_to(taken).0, MsgType::Connect);
    }
}

#[test]
fn a_week_without_any_gateway_costs_a_bounded_number_of_datagrams() {
    let mut node = Node::connected(&[A, B]);
    let week = node.now + Duration::from_secs(7 * 86_400);
    let mut sent = 0;
    while node.now < week {
        while !node.is_silent() {
            sent += 1;
        }
        node.waits();
    }
    // Two gateways, six CONNECTs to each in a round, and a round in a little more than an hour.
    assert!((1_500..2_000).contains(&sent), "{sent} datagrams");
}

#[test]
fn acknowledgements_of_the_old_gateway_come_too_late() {
    let mut node = Node::connected(&[A, B]);
    node.client.client_mut().publish(Topic::Name("a/b"), b"21.5", Qos::One, false).unwrap();
    node.registers(A, 5);
    let msg_id = node.publishes(A, 5, false);
    node.loses_the_gateway();
    node.is_taken_on(B);
    let ack = PubAck { topic_id: TopicId(5), msg_id, return_code: ReturnCode::Accepted };
    assert_eq!(node.hears(A, Message::PubAck(ack)), None);
    assert!(node.client.client().is_busy());
}

const fn advertise(gw_id: u8) -> Message<'static> {
    Message::Advertise(Advertise { gw_id: GwId(gw_id), duration_s: 900 })
}

#[test]
fn the_gateway_in_use_keeps_its_place_though_its_advertises_are_lost() {
    let mut node = Node::new(&[], Some(1));
    node.client.connect(true);
    node.waits();
    node.sends();
    node.hears(A, advertise(1));
    node.is_taken_on(A);
    node.now = node.now + Duration::from_secs(2_000);
    node.hears(B, advertise(2));
    node.hears(Place(b'C'), advertise(3));
    node.now = node.now + Duration::from_secs(701);
    node.hears(Place(b'D'), advertise(4));
    assert_eq!(node.client.gateway().map(|known| known.address), Some(A));
}

#[test]
fn message_ids_of_a_gateway_mean_nothing_at_one_that_has_its_place() {
    let mut node = Node::connected(&[A]);
    let message = Message::Publish(Publish {
        dup: false,
        qos: Qos::Two,
        retain: false,
        topic: WireTopic::Predefined(TopicId(3)),
        msg_id: MsgId(1),
        data: b"on",
    });
    let others = [B, Place(b'C'), Place(b'D'), Place(b'E')];
    node.hears(others[0], advertise(2));
    node.hears(others[1], advertise(3));
    node.loses_the_gateway();
    node.visits(others[0], message);
    node.is_refused(A);
    node.visits(others[1], message);
    node.is_taken_on(A);
    node.now = node.now + Duration::from_secs(2_701);
    // Both are heard before the client has done anything about the first.
    node.hears(others[2], advertise(4));
    node.hears(others[3], advertise(5));
    node.loses_the_gateway();
    node.visits(others[2], message);
    node.is_refused(A);
    node.visits(others[3], message);
}
