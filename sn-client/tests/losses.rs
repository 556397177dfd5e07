//! A node's day against a small gateway over a link that loses datagrams: every single one in turn, then many at
//! random. Whatever is lost, the day ends the same.

use sn_client::{Client, Config, Event, Qos, ReturnCode, ShortName, State, Topic, TopicId, Will};
use sn_codec::{Message, MsgId, PubAck, Publish, RegAck, Register, SubAck, Topic as WireTopic};
use sn_types::Instant;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

type Node = Client<'static, 64, 128>;

const LATENCY: Duration = Duration::from_millis(20);
const GATEWAY_RETRY: Duration = Duration::from_secs(7);

/// A correct gateway with one client, and just enough of it for the day below.
#[derive(Default)]
struct Gateway {
    names: Vec<String>,
    unreleased: BTreeSet<MsgId>,
    published: Vec<Vec<u8>>,
    /// QoS 2 messages to the node; the first one is under way, by PUBLISH or (true) by PUBREL.
    queue: VecDeque<Vec<u8>>,
    released: bool,
    down_id: u16,
    retry: Option<Instant>,
    wills: Vec<String>,
    draining: bool,
    asleep: bool,
    /// The node does not know the topic id of the message under way (any more).
    untold: bool,
}

impl Gateway {
    fn id_of(&mut self, name: &str) -> TopicId {
        let known = self.names.iter().position(|known| known == name);
        let index = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        TopicId(index as u16 + 1)
    }

    fn on_datagram(&mut self, now: Instant, datagram: &[u8]) -> Vec<Vec<u8>> {
        let code = ReturnCode::Accepted;
        let mut out = Vec::new();
        match sn_codec::decode(datagram).expect("the client sends well-formed messages") {
            Message::Connect(connect) => {
                self.asleep = false;
                out.push(if connect.will { Message::WillTopicReq } else { connack() });
            }
            Message::WillTopic(_) => out.push(Message::WillMsgReq),
            Message::WillMsg(_) => out.push(connack()),
            Message::Register(Register { msg_id, topic_name, .. }) => {
                let topic_id = self.id_of(topic_name);
                out.push(Message::RegAck(RegAck { topic_id, msg_id, return_code: code }));
            }
            Message::Publish(publish) => out.extend(self.on_publish(publish)),
            Message::PubRel(msg_id) => {
                self.unreleased.remove(&msg_id);
                out.push(Message::PubComp(msg_id));
            }
            Message::Subscribe(subscribe) => {
                let topic_id = self.id_of("down");
                out.push(Message::SubAck(SubAck {
                    qos: Qos::Two,
                    topic_id,
                    msg_id: subscribe.msg_id,
                    return_code: code,
                }));
            }
            Message::Unsubscribe(unsubscribe) => out.push(Message::UnsubAck(unsubscribe.msg_id)),
            Message::WillTopicUpd(Some(will)) => {
                self.wills.push(will.topic.to_owned());
                out.push(Message::WillTopicResp(code));
            }
            Message::WillMsgUpd(_) => out.push(Message::WillMsgResp(code)),
            Message::PingReq(ping) => self.draining = ping.client_id.is_some(),
            Message::Disconnect(disconnect) => {
                self.asleep = disconnect.duration_s.is_some();
                out.push(Message::Disconnect(sn_codec::Disconnect { duration_s: None }));
            }
            Message::PubRec(msg_id) if msg_id.0 == self.down_id => {
                self.released = true;
                self.retry = Some(now);
            }
            Message::PubComp(msg_id) if msg_id.0 == self.down_id && self.released => {
                self.queue.pop_front();
                self.released = false;
                self.retry = None;
            }
            Message::PubAck(PubAck { return_code: ReturnCode::InvalidTopicId, .. }) => {
                self.untold = true;
                self.retry = Some(now);
            }
            Message::RegAck(_) => {
                self.untold = false;
                self.retry = Some(now);
            }
            Message::PubRec(_) | Message::PubComp(_) => {}
            other => panic!("the gateway did not expect {other:?}"),
        }
        let pinged = matches!(sn_codec::decode(datagram), Ok(Message::PingReq(_)));
        let mut out: Vec<Vec<u8>> = out.into_iter().map(octets).collect();
        if self.queue.is_empty() && (pinged || self.draining) {
            self.draining = false;
            out.push(octets(Message::PingResp));
        }
        out
    }

    fn on_publish(&mut self, publish: Publish<'_>) -> Option<Message<'static>> {
        let Publish { qos, msg_id, topic, data, .. } = publish;
        if qos != Qos::Two || self.unreleased.insert(msg_id) {
            self.published.push(data.to_vec());
        }
        match qos {
            Qos::MinusOne | Qos::Zero => None,
            Qos::One => {
                let (topic_id, return_code) = (topic.id_field(), ReturnCode::Accepted);
                Some(Message::PubAck(PubAck { topic_id, msg_id, return_code }))
            }
            Qos::Two => Some(Message::PubRec(msg_id)),
        }
    }

    /// The message to the node that is due.
    fn poll(&mut self, now: Instant) -> Option<Vec<u8>> {
        let data = self.queue.front()?.clone();
        if (self.asleep && !self.draining) || self.retry.is_some_and(|retry| now < retry) {
            return None;
        }
        if self.retry.is_none() {
            self.down_id += 1;
        }
        self.retry = Some(now + GATEWAY_RETRY);
        let topic_id = self.id_of("down");
        if self.untold {
            return Some(octets(Message::Register(Register { topic_id, msg_id: MsgId(9_999), topic_name: "down" })));
        }
        let (msg_id, topic) = (MsgId(self.down_id), WireTopic::Normal(topic_id));
        let publish = Publish { dup: false, qos: Qos::Two, retain: false, topic, msg_id, data: &data };
        Some(octets(if self.released { Message::PubRel(msg_id) } else { Message::Publish(publish) }))
    }
}

fn connack() -> Message<'static> {
    Message::ConnAck(sn_codec::ConnAck { return_code: ReturnCode::Accepted })
}

fn octets(message: Message<'_>) -> Vec<u8> {
    let mut buffer = [0; 128];
    let len = message.encode(&mut buffer).expect("the gateway's messages are well formed");
    buffer[..len].to_vec()
}

/// Both ends, the time, and a link with its losses.
struct World<'l> {
    node: Node,
    gateway: Gateway,
    now: Instant,
    sent: usize,
    is_lost: &'l mut dyn FnMut(usize) -> bool,
    link: VecDeque<(Instant, bool, Vec<u8>)>,
    delivered: Vec<Vec<u8>>,
    events: Vec<String>,
}

impl World<'_> {
    fn send(&mut self, to_gateway: bool, datagram: Vec<u8>) {
        self.sent += 1;
        if !(self.is_lost)(self.sent) {
            self.link.push_back((self.now + LATENCY, to_gateway, datagram));
        }
    }

    /// Everything that happens at this moment.
    fn settle(&mut self) {
        let event = self.node.handle_timeout(self.now);
        note(&mut self.delivered, &mut self.events, event);
        while self.link.front().is_some_and(|(arrival, ..)| *arrival <= self.now) {
            let Some((_, to_gateway, datagram)) = self.link.pop_front() else { break };
            if to_gateway {
                for answer in self.gateway.on_datagram(self.now, &datagram) {
                    self.send(false, answer);
                }
            } else {
                let event = self.node.handle_input(self.now, &datagram);
                note(&mut self.delivered, &mut self.events, event);
                self.flush();
            }
        }
        self.flush();
        while let Some(datagram) = self.gateway.poll(self.now) {
            self.send(false, datagram);
        }
    }

    fn flush(&mut self) {
        let mut buffer = [0; 128];
        while let Some(sent) = self.node.poll_output(self.now, &mut buffer) {
            let datagram = sent.datagram.to_vec();
            self.send(true, datagram);
        }
    }

    fn run_until(&mut self, is_done: impl Fn(&Self) -> bool) {
        let deadline = self.now + Duration::from_secs(86_400);
        loop {
            self.settle();
            if is_done(self) {
                return;
            }
            let link = self.link.front().map(|(arrival, ..)| *arrival);
            let gateway_is_free = !self.gateway.asleep || self.gateway.draining;
            let gateway = self.gateway.retry.filter(|_| gateway_is_free && !self.gateway.queue.is_empty());
            let next = [link, gateway, self.node.poll_timeout()].into_iter().flatten().min();
            self.now = next.unwrap_or_else(|| panic!("stuck after {:?}", self.events)).max(self.now);
            assert!(self.now < deadline, "not done in a day: {:?}", self.events);
        }
    }

    fn until_idle(&mut self, state: State) {
        self.run_until(|world| !world.node.is_busy() && world.node.state() == state);
    }
}

fn note(delivered: &mut Vec<Vec<u8>>, events: &mut Vec<String>, event: Option<Event<'_>>) {
    match event {
        Some(Event::Message(message)) => delivered.push(message.payload.to_vec()),
        Some(event) => events.push(format!("{event:?}")),
        None => {}
    }
}

/// Lives through a day of requests of every kind; the number of datagrams it took.
fn day(is_lost: &mut dyn FnMut(usize) -> bool) -> usize {
    let will = Will { topic: "will", message: b"gone", qos: Qos::One, retain: false };
    let config = Config { will: Some(will), auto_reconnect: true, ..Config::new("node7") };
    let (node, gateway) = (Client::new(config), Gateway::default());
    let (link, delivered, events) = (VecDeque::new(), Vec::new(), Vec::new());
    let mut world = World { node, gateway, now: Instant::ZERO, sent: 0, is_lost, link, delivered, events };

    world.node.connect(true);
    world.until_idle(State::Active);
    world.node.subscribe(Topic::Name("down"), Qos::Two).unwrap();
    world.until_idle(State::Active);
    world.gateway.queue.extend([b"d1".to_vec(), b"d2".to_vec()]);
    world.node.publish(Topic::Name("up"), b"u1", Qos::One, false).unwrap();
    world.until_idle(State::Active);
    world.node.publish(Topic::Name("up"), b"u2", Qos::Two, false).unwrap();
    world.until_idle(State::Active);
    world.node.publish(Topic::Short(ShortName(*b"up")), b"u3", Qos::Two, false).unwrap();
    world.until_idle(State::Active);
    world.node.update_will_topic("other", Qos::Zero, false).unwrap();
    world.until_idle(State::Active);
    world.node.update_will_message(b"bye").unwrap();
    world.until_idle(State::Active);
    world.run_until(|world| world.gateway.queue.is_empty());
    world.node.sleep(600.try_into().unwrap()).unwrap();
    world.until_idle(State::Asleep);
    world.gateway.queue.extend([b"d3".to_vec(), b"d4".to_vec()]);
    while !world.gateway.queue.is_empty() {
        world.now = world.now + Duration::from_secs(500);
        world.node.wake().unwrap();
        world.until_idle(State::Asleep);
    }
    world.node.connect(false);
    world.until_idle(State::Active);
    world.node.unsubscribe(Topic::Name("down")).unwrap();
    world.until_idle(State::Active);
    world.node.disconnect();
    world.until_idle(State::Disconnected);

    assert_eq!(world.delivered, [b"d1", b"d2", b"d3", b"d4"], "{:?}", world.events);
    world.gateway.published.dedup_by(|later, earlier| later == b"u1" && earlier == b"u1");
    assert_eq!(world.gateway.published, [b"u1", b"u2", b"u3"], "{:?}", world.events);
    assert_eq!(world.gateway.wills.last().map(String::as_str), Some("other"));
    world.sent
}

#[test]
fn every_single_datagram_can_be_lost() {
    let total = day(&mut |_| false);
    assert!(total > 50, "{total} datagrams");
    for victim in 1..=total {
        day(&mut |nth| nth == victim);
    }
}

#[test]
fn every_datagram_can_be_lost_three_times_in_a_row() {
    let total = day(&mut |_| false);
    for victim in 1..=total {
        day(&mut |nth| (victim..victim + 3).contains(&nth));
    }
}

#[test]
fn a_fifth_of_all_datagrams_can_be_lost() {
    for seed in 1..=300_u64 {
        let mut random = seed;
        day(&mut |_| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % 5 == 0
        });
    }
}
