//! Whatever arrives and whatever the application asks for: no panic, no stuck timer, and in the end it works.

use sn_client::{Client, Config, Event, Qos, ReturnCode, ShortName, State, Topic, TopicId};
use sn_codec::{ConnAck, Message, MsgId, PubAck, Publish, RegAck, Register, SubAck, Topic as WireTopic};
use sn_types::Instant;
use std::time::Duration;

type Node = Client<'static, 48, 64>;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn qos(&mut self) -> Qos {
        [Qos::MinusOne, Qos::Zero, Qos::One, Qos::Two][self.below(4) as usize]
    }

    fn code(&mut self) -> ReturnCode {
        ReturnCode::from([0, 0, 0, 1, 2, 3, 0x80][self.below(7) as usize])
    }
}

/// A message of any type that a gateway sends; ids close to those in use.
fn any_message(random: &mut Random, last_id: MsgId, buffer: &mut [u8]) -> usize {
    let id = TopicId(random.below(6) as u16);
    let msg_id = MsgId(last_id.0.wrapping_sub(random.below(3) as u16));
    let return_code = random.code();
    let name =
        ["a", "b/c", "a-name-that-takes-most-of-the-table-and-a-little-more-than-fits"][random.below(3) as usize];
    let message = match random.below(19) {
        0 => Message::ConnAck(ConnAck { return_code }),
        1 => Message::WillTopicReq,
        2 => Message::WillMsgReq,
        3 => Message::Register(Register { topic_id: id, msg_id, topic_name: name }),
        4 | 5 => Message::RegAck(RegAck { topic_id: id, msg_id, return_code }),
        6 | 7 => {
            let topics = [
                WireTopic::Normal(id),
                WireTopic::Predefined(id),
                WireTopic::Short(ShortName(*b"tt")),
                WireTopic::Reserved(id),
            ];
            let (topic, retain) = (topics[random.below(4) as usize], random.below(2) == 0);
            let qos = [Qos::Zero, Qos::One, Qos::Two][random.below(3) as usize];
            Message::Publish(Publish { dup: random.below(2) == 0, qos, retain, topic, msg_id, data: b"data" })
        }
        8 => {
            Message::PubAck(PubAck { topic_id: id, msg_id: [msg_id, MsgId(0)][random.below(2) as usize], return_code })
        }
        9 => Message::PubRec(msg_id),
        10 => Message::PubRel(msg_id),
        11 => Message::PubComp(msg_id),
        12 => Message::SubAck(SubAck { qos: random.qos(), topic_id: id, msg_id, return_code }),
        13 => Message::UnsubAck(msg_id),
        14 => Message::PingReq(sn_codec::PingReq { client_id: None }),
        15 => Message::PingResp,
        16 if random.below(4) == 0 => Message::Disconnect(sn_codec::Disconnect { duration_s: None }),
        17 => Message::WillTopicResp(return_code),
        _ => Message::WillMsgResp(return_code),
    };
    message.encode(buffer).expect("well formed")
}

/// What a gateway would answer, mostly.
fn right_answer(random: &mut Random, request: &[u8], buffer: &mut [u8]) -> Option<usize> {
    let return_code = if random.below(4) == 0 { random.code() } else { ReturnCode::Accepted };
    let topic_id = TopicId(1 + random.below(4) as u16);
    let answer = match sn_codec::decode(request).ok()? {
        Message::Connect(connect) if connect.will => Message::WillTopicReq,
        Message::Connect(_) | Message::WillMsg(_) => Message::ConnAck(ConnAck { return_code }),
        Message::WillTopic(_) => Message::WillMsgReq,
        Message::Register(Register { msg_id, .. }) => Message::RegAck(RegAck { topic_id, msg_id, return_code }),
        Message::Publish(Publish { qos: Qos::Two, msg_id, .. }) if return_code.is_accepted() => Message::PubRec(msg_id),
        Message::Publish(Publish { msg_id, topic, .. }) => {
            Message::PubAck(PubAck { topic_id: topic.id_field(), msg_id, return_code })
        }
        Message::PubRel(msg_id) => Message::PubComp(msg_id),
        Message::Subscribe(subscribe) => {
            Message::SubAck(SubAck { qos: subscribe.qos, topic_id, msg_id: subscribe.msg_id, return_code })
        }
        Message::Unsubscribe(unsubscribe) => Message::UnsubAck(unsubscribe.msg_id),
        Message::WillTopicUpd(_) => Message::WillTopicResp(return_code),
        Message::WillMsgUpd(_) => Message::WillMsgResp(return_code),
        Message::PingReq(_) => Message::PingResp,
        Message::Disconnect(_) => Message::Disconnect(sn_codec::Disconnect { duration_s: None }),
        _ => return None,
    };
    answer.encode(buffer).ok()
}

fn any_request(random: &mut Random, now: Instant, client: &mut Node) {
    let topics = [
        Topic::Name("a"),
        Topic::Name("b/c"),
        Topic::Name("s/#"),
        Topic::Name(""),
        Topic::Predefined(TopicId(3)),
        Topic::Short(ShortName(*b"tt")),
    ];
    let topic = topics[random.below(6) as usize];
    let payload = &[b'x'; 60][..random.below(60) as usize];
    let is_rare = random.below(8) == 0;
    // Refusals are part of the noise.
    let _ = match random.below(16) {
        0 if is_rare || client.state() == State::Disconnected => {
            client.connect(random.below(2) == 0);
            Ok(())
        }
        1 if is_rare => {
            client.disconnect();
            Ok(())
        }
        2 if is_rare => {
            client.cancel();
            Ok(())
        }
        3 if is_rare => {
            client.search(now, random.below(3) as u8);
            Ok(())
        }
        4 => client.subscribe(topic, random.qos()),
        5 => client.unsubscribe(topic),
        6 => client.update_will_topic("w", random.qos(), true),
        7 => client.update_will_message(payload),
        8 => client.sleep(60.try_into().unwrap()),
        9 | 10 => client.wake(),
        _ => client.publish(topic, payload, random.qos(), random.below(2) == 0),
    };
}

/// Takes what the client sends, keeping the last; asserts that no timer stays behind.
fn drain(client: &mut Node, now: Instant, last: &mut Vec<u8>) {
    let mut buffer = [0; 128];
    for _ in 0..10 {
        let Some(sent) = client.poll_output(now, &mut buffer) else {
            assert!(client.poll_timeout().is_none_or(|due| due > now), "a timer is stuck in {:?}", client.state());
            return;
        };
        sn_codec::decode(sent.datagram).expect("what the client sends is well formed");
        last.clear();
        last.extend_from_slice(sent.datagram);
    }
    panic!("the client does not stop sending");
}

/// The id of a message that has one.
fn msg_id_of(datagram: &[u8]) -> MsgId {
    match sn_codec::decode(datagram) {
        Ok(Message::Register(register)) => register.msg_id,
        Ok(Message::Publish(publish)) => publish.msg_id,
        Ok(Message::Subscribe(subscribe)) => subscribe.msg_id,
        Ok(Message::Unsubscribe(unsubscribe)) => unsubscribe.msg_id,
        Ok(Message::PubRel(msg_id)) => msg_id,
        _ => MsgId::NONE,
    }
}

fn works(client: &mut Node, now: Instant) {
    let mut last = Vec::new();
    client.connect(true);
    drain(client, now, &mut last);
    assert_eq!(client.handle_input(now, &[3, 5, 0]), Some(Event::Connected));
    client.publish(Topic::Predefined(TopicId(1)), b"x", Qos::One, false).unwrap();
    drain(client, now, &mut last);
    let [high, low] = msg_id_of(&last).0.to_be_bytes();
    assert_eq!(client.handle_input(now, &[7, 0x0D, 0, 1, high, low, 0]), Some(Event::Published));
}

#[test]
fn any_order_of_messages_requests_and_time() {
    let mut seen = std::collections::BTreeMap::new();
    for seed in 0..400 {
        let mut random = Random(seed);
        let auto_reconnect = random.below(2) == 0;
        let mut client = Node::new(Config { auto_reconnect, seed: seed as u32, ..Config::new("node7") });
        let (mut now, mut last, mut buffer) = (Instant::ZERO, Vec::new(), [0; 128]);
        for _ in 0..500 {
            let len = match random.below(8) {
                0 | 1 => {
                    any_request(&mut random, now, &mut client);
                    0
                }
                2..=4 => right_answer(&mut random, &last, &mut buffer).unwrap_or_default(),
                5 | 6 => any_message(&mut random, msg_id_of(&last), &mut buffer),
                _ => {
                    let due = client.poll_timeout().unwrap_or(now).max(now);
                    now = [due, now + Duration::from_millis(random.below(20_000))][random.below(2) as usize];
                    0
                }
            };
            if len > 0 && random.below(16) == 0 {
                buffer[random.below(len as u64) as usize] ^= 1 << random.below(8);
            }
            let event = client.handle_input(now, &buffer[..len]).map(|event| format!("{event:?}"));
            let timeout = client.handle_timeout(now).map(|event| format!("{event:?}"));
            drain(&mut client, now, &mut last);
            for event in event.into_iter().chain(timeout) {
                *seen.entry(event.split([' ', '(']).next().unwrap_or_default().to_owned()).or_insert(0) += 1;
            }
        }
        works(&mut client, now);
        assert_eq!(client.state(), State::Active);
    }
    // The noise has reached every corner.
    let expected = [
        "Connected",
        "Refused",
        "Disconnected",
        "Lost",
        "Asleep",
        "Published",
        "Subscribed",
        "Unsubscribed",
        "WillUpdated",
        "Rejected",
        "Qos0Rejected",
        "Congested",
        "Message",
    ];
    for event in expected {
        assert!(seen.get(event).is_some_and(|count| *count > 10), "{event} in {seen:?}");
    }
}

#[test]
fn any_octets_at_all() {
    let mut client = Node::new(Config::new("node7"));
    works(&mut client, Instant::ZERO);
    let mut random = Random(1);
    let mut last = Vec::new();
    for _ in 0..200_000 {
        let len = random.below(24) as usize;
        let octets: Vec<u8> = (0..len)
            .map(|index| match index {
                0 => len as u8,
                1 => random.below(0x20) as u8,
                _ => random.below(256) as u8,
            })
            .collect();
        client.handle_input(Instant::ZERO, &octets);
        drain(&mut client, Instant::ZERO, &mut last);
    }
    works(&mut client, Instant::ZERO);
}
