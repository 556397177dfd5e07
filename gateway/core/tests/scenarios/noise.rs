//! Damaged datagrams and senseless dialogues: nothing breaks, nobody else is hurt, nothing gets stuck.

use crate::common::sn::{
    DISCONNECT, PINGREQ, connect, connect_with_will, hex, keep_alive, octets, pingreq, predefined, puback, puback_with,
    pubcomp, publish, publish_to, pubrec, pubrel, regack, regack_with, register, resume, resume_with_will, short,
    sleep, subscribe, unsubscribe, will_msg, will_msg_upd, will_topic, will_topic_upd,
};
use crate::common::{Rig, port};
use gateway_core::{ClientState, RejectReason};
use sn_codec::{Message, Qos, ReturnCode, Topic, decode};
use sn_types::PeerAddr;

/// xorshift64: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

const CLIENTS: [&str; 3] = ["a", "b", "c"];

/// A message that some client might send in some state.
fn any_message(random: &mut Random) -> Message<'static> {
    let id = *random.pick(&CLIENTS);
    let (mid, tid) = (random.below(6) as u16, random.below(5) as u16);
    let qos = *random.pick(&[Qos::Zero, Qos::One, Qos::Two]);
    let topic = *random.pick(&["t", "u", "w/1"]);
    let code = *random.pick(&[ReturnCode::Congestion, ReturnCode::InvalidTopicId, ReturnCode::NotSupported]);
    match random.below(30) {
        0 => connect(id),
        1 => resume(id),
        2 => connect_with_will(id),
        3 => resume_with_will(id),
        4 => will_topic(topic),
        5 => Message::WillTopic(None),
        6 => will_msg("x"),
        7 => register(mid, topic),
        8..=10 => regack(tid, mid),
        11 => regack_with(tid, mid, code),
        12 => publish(qos, tid, mid, "x"),
        13 => publish_to(qos, short("tt"), mid, "x"),
        14 => publish_to(Qos::MinusOne, Topic::Name("t"), 0, "x"),
        15 => publish_to(Qos::MinusOne, predefined(7), 0, "x"),
        16 | 17 => puback(tid, mid),
        18 => puback_with(tid, mid, code),
        19 => pubrec(mid),
        20 => pubcomp(mid),
        21 => pubrel(mid),
        22 => subscribe(qos, mid, topic),
        23 => subscribe(qos, mid, "#"),
        24 => unsubscribe(mid, "#"),
        25 => *random.pick(&[PINGREQ, pingreq(id)]),
        26 => sleep(1 + random.below(600) as u16),
        27 => DISCONNECT,
        28 => will_topic_upd(topic),
        _ => will_msg_upd("y"),
    }
}

/// Four ports, three client ids, no sense at all.
fn senseless(random: &mut Random, steps: usize) -> Rig {
    // A session that is kept for ever leaves no timer.
    let mut rig = Rig::with(|config| config.session_expiry = None);
    for _ in 0..steps {
        match random.below(10) {
            0 => rig.publish(random.below(3) as u8, "t", "down"),
            1 => rig.wait_ms(random.next() % 20_000),
            _ => {
                // Nobody is lost for being silent: what gets stuck is seen.
                let message = keep_alive(any_message(random), 0);
                rig.send(port(1 + random.below(4) as u16), message);
            }
        }
    }
    rig
}

#[test]
fn senseless_dialogues_leave_nothing_stuck() {
    for seed in 1..=300 {
        let mut rig = senseless(&mut Random(seed * 0x9E37_79B9_7F4A), 300);
        // T_WAIT, and all repetitions of a will dialogue and of a message.
        rig.wait_s(300 + 60 + 60);
        for client in rig.core.clients().filter(|client| &*client.client_id != "mqtt") {
            assert_ne!(client.state, ClientState::Awake, "seed {seed}: {client:?}");
            let stuck = client.state == ClientState::Active && client.waiting > 0;
            assert!(!stuck, "seed {seed}: nobody sends what waits: {client:?}");
        }
        rig.wait_s(660);
        let asleep = rig.core.clients().any(|client| client.state == ClientState::Asleep);
        assert!(!asleep, "seed {seed}: a sleeper is not supervised");
        assert_eq!(rig.core.poll_timeout(), None, "seed {seed}: a timer for nothing");
    }
}

#[test]
fn after_senseless_dialogues_a_client_works_as_ever() {
    for seed in 1..=100 {
        let mut rig = senseless(&mut Random(seed * 0x9E37_79B9_7F4A), 200);
        let at = port(1);
        rig.heard(at);
        assert_eq!(rig.ask(at, connect("a")), ["CONNACK 00"], "seed {seed}");
        assert_eq!(rig.ask(at, subscribe(Qos::One, 1, "mine")), ["SUBACK q1 id=1 mid=1 00"]);
        rig.publish(1, "mine", "x");
        assert_eq!(rig.heard(at), ["PUBLISH q1 id=1 mid=1 'x'"], "seed {seed}");
        assert_eq!(rig.ask(at, puback(1, 1)), [""; 0]);
    }
}

/// Datagrams to damage: those of a node's life, and some that are wrong already.
fn templates() -> Vec<Vec<u8>> {
    let mut random = Random(5);
    let mut templates: Vec<_> = (0..100).map(|_| octets(&any_message(&mut random))).collect();
    let others =
        ["05 00 08 03 84", "03 01 01", "03 02 08", "05 FE 00 AA BB 07 16 6E 6F 64 65 37", "01 00 04 16", "03 05 00"];
    templates.extend(others.map(hex));
    templates
}

fn damage(random: &mut Random, datagram: &mut Vec<u8>) {
    for _ in 0..=random.below(3) {
        match random.below(4) {
            0 => datagram.truncate(random.below(datagram.len() + 1)),
            1 => datagram.push(random.next() as u8),
            _ if datagram.is_empty() => {}
            _ => {
                let at = random.below(datagram.len());
                datagram[at] ^= 1 << random.below(8);
            }
        }
    }
}

fn is_malformed(datagram: &[u8]) -> bool {
    match decode(datagram) {
        // The node id limit comes before the message inside.
        Ok(Message::FrwdEncap(encapsulation)) => {
            encapsulation.node_id.len() <= 24 && decode(encapsulation.inner).is_err()
        }
        Ok(_) => false,
        Err(_) => true,
    }
}

const PUBLISHER: PeerAddr = port(5_001);
const SUBSCRIBER: PeerAddr = port(5_002);

#[test]
fn damaged_datagrams_from_a_hundred_addresses_do_not_disturb_those_who_behave() {
    let mut rig = Rig::new();
    rig.send(PUBLISHER, connect("publisher"));
    rig.send(PUBLISHER, register(1, "good"));
    rig.send(SUBSCRIBER, connect("subscriber"));
    rig.send(SUBSCRIBER, subscribe(Qos::Two, 1, "good"));
    let (templates, mut random, mut malformed) = (templates(), Random(11), 0);
    for n in 0..100_000_u32 {
        let mut datagram = random.pick(&templates).clone();
        damage(&mut random, &mut datagram);
        malformed += u64::from(is_malformed(&datagram));
        rig.send_octets(port(1 + random.below(100) as u16), &datagram);
        if n % 100 == 0 {
            rig.wait_ms(10);
            one_good_message(&mut rig, &n.to_string());
        }
    }
    let counted = rig.core.stats().rejects.iter();
    let counted = counted.filter_map(|(reason, count)| matches!(reason, RejectReason::Malformed(_)).then_some(count));
    assert_eq!(counted.sum::<u64>(), malformed);
    assert!(rig.events().iter().all(|event| !event.contains("er lost")));
}

/// QoS 2 from one end to the other, while the noise goes on.
fn one_good_message(rig: &mut Rig, payload: &str) {
    rig.heard(PUBLISHER);
    rig.heard(SUBSCRIBER);
    assert_eq!(rig.ask(PUBLISHER, publish(Qos::Two, 1, 7, payload)), ["PUBREC mid=7"]);
    assert_eq!(rig.ask(PUBLISHER, pubrel(7)), ["PUBCOMP mid=7"]);
    let heard = rig.heard(SUBSCRIBER);
    let mid = heard[0].strip_prefix("PUBLISH q2 id=1 mid=").and_then(|rest| rest.split(' ').next()).expect("a PUBLISH");
    assert!(heard[0].ends_with(&format!(" '{payload}'")), "{heard:?}");
    let mid = mid.parse().expect("a MsgId");
    assert_eq!(rig.ask(SUBSCRIBER, pubrec(mid)), [format!("PUBREL mid={mid}")]);
    assert_eq!(rig.ask(SUBSCRIBER, pubcomp(mid)), [""; 0]);
}
