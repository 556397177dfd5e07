//! Delivery guarantees while connections break anywhere: QoS 1 at least once, QoS 2 exactly once, both in order.

#[path = "common/mqtt.rs"]
mod mqtt;

use gateway_core::mqtt::{Ack, Packet, PacketId, Publish};
use gateway_core::{Config, Limits, Qos};
use mqtt::{Gateway, dup, id, persistent, qos1, qos2};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeSet, VecDeque};

/// A client that keeps its session, and whose connection may break with packets on their way.
struct Client {
    name: &'static str,
    conn: u64,
    to_client: VecDeque<Packet>,
    /// PUBLISHes and PUBRELs that are not done, in order: sent again after a reconnect.
    unfinished: Vec<Packet>,
    /// QoS 2 ids that came and are not released.
    unreleased: BTreeSet<PacketId>,
    got: Vec<(Qos, String)>,
}

impl Client {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            conn: 0,
            to_client: VecDeque::new(),
            unfinished: Vec::new(),
            unreleased: BTreeSet::new(),
            got: Vec::new(),
        }
    }

    fn reconnect(&mut self, gateway: &mut Gateway, conn: u64) {
        if self.conn != 0 {
            gateway.lose(self.conn);
        }
        self.conn = conn;
        self.to_client.clear();
        gateway.connect(conn, persistent(self.name));
        for packet in self.unfinished.clone() {
            gateway.send(conn, if matches!(packet, Packet::Publish(_)) { dup(packet) } else { packet });
        }
    }

    /// Starts the way of a message to the gateway; unless it is lost at once.
    fn publish(&mut self, gateway: &mut Gateway, packet: Packet, arrives: bool) {
        self.unfinished.push(packet.clone());
        if arrives {
            gateway.send(self.conn, packet);
        }
    }

    /// The next packet arrives and is answered.
    fn step(&mut self, gateway: &mut Gateway) -> bool {
        self.to_client.extend(gateway.received(self.conn));
        let Some(packet) = self.to_client.pop_front() else { return false };
        if let Some(answer) = self.take(packet) {
            gateway.send(self.conn, answer);
        }
        true
    }

    fn take(&mut self, packet: Packet) -> Option<Packet> {
        match packet {
            Packet::Publish(publish) => self.take_publish(publish),
            Packet::PubRel(Ack { id, .. }) => {
                self.unreleased.remove(&id);
                Some(Packet::PubComp(id.into()))
            }
            Packet::PubRec(Ack { id, .. }) => {
                let unfinished = self.unfinished.iter_mut().find(|packet| packet_id(packet) == Some(id));
                unfinished.into_iter().for_each(|packet| *packet = Packet::PubRel(id.into()));
                Some(Packet::PubRel(id.into()))
            }
            Packet::PubAck(Ack { id, .. }) | Packet::PubComp(Ack { id, .. }) => {
                self.unfinished.retain(|packet| packet_id(packet) != Some(id));
                None
            }
            other => panic!("unexpected {other:?}"),
        }
    }

    fn take_publish(&mut self, publish: Publish) -> Option<Packet> {
        let is_new = publish.qos != Qos::ExactlyOnce || self.unreleased.insert(publish.id?);
        if is_new {
            let payload = String::from_utf8(publish.payload.to_vec()).expect("the test's payloads are numbers");
            self.got.push((publish.qos, payload));
        }
        match publish.qos {
            Qos::AtMostOnce => None,
            Qos::AtLeastOnce => publish.id.map(|id| Packet::PubAck(id.into())),
            Qos::ExactlyOnce => publish.id.map(|id| Packet::PubRec(id.into())),
        }
    }

    fn got(&self, qos: Qos) -> Vec<String> {
        self.got.iter().filter(|(got, _)| *got == qos).map(|(_, payload)| payload.clone()).collect()
    }
}

fn packet_id(packet: &Packet) -> Option<PacketId> {
    match packet {
        Packet::Publish(publish) => publish.id,
        Packet::PubRel(Ack { id, .. }) => Some(*id),
        other => panic!("unexpected {other:?}"),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Publish { qos2: bool, arrives: bool },
    PublisherTakes,
    SubscriberTakes,
    PublisherReconnects,
    SubscriberReconnects,
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), any::<bool>()).prop_map(|(qos2, arrives)| Step::Publish { qos2, arrives }),
        4 => Just(Step::PublisherTakes),
        4 => Just(Step::SubscriberTakes),
        1 => Just(Step::PublisherReconnects),
        1 => Just(Step::SubscriberReconnects),
    ]
}

/// Both clients, connected, the second one subscribed to `t`.
fn start(window: usize) -> (Gateway, Client, Client) {
    let limits = Limits { mqtt_inflight: window, ..Limits::default() };
    let mut gateway = Gateway::new(Config { limits, ..Config::default() });
    let (mut publisher, mut subscriber) = (Client::new("publisher"), Client::new("subscriber"));
    publisher.reconnect(&mut gateway, 1);
    subscriber.reconnect(&mut gateway, 2);
    gateway.subscribe(2, "t", Qos::ExactlyOnce);
    (gateway, publisher, subscriber)
}

proptest! {
    #[test]
    fn guarantees_hold(steps in vec(a_step(), 0..150), window in 1..5_usize) {
        let (mut gateway, mut publisher, mut subscriber) = start(window);
        let (mut conn, mut published) = (2, 0);
        let mut sent: [Vec<String>; 2] = Default::default();
        for step in steps {
            conn += 1;
            match step {
                Step::Publish { qos2: is_qos2, arrives } => {
                    published += 1;
                    let payload = published.to_string();
                    let packet = if is_qos2 { qos2("t", &payload, published) } else { qos1("t", &payload, published) };
                    sent[usize::from(is_qos2)].push(payload);
                    publisher.publish(&mut gateway, packet, arrives);
                    if !arrives {
                        publisher.reconnect(&mut gateway, conn);
                    }
                }
                Step::PublisherTakes => { publisher.step(&mut gateway); }
                Step::SubscriberTakes => { subscriber.step(&mut gateway); }
                Step::PublisherReconnects => publisher.reconnect(&mut gateway, conn),
                Step::SubscriberReconnects => subscriber.reconnect(&mut gateway, conn),
            }
        }
        while publisher.step(&mut gateway) || subscriber.step(&mut gateway) {}

        let [sent_qos1, sent_qos2] = sent;
        prop_assert_eq!(subscriber.got(Qos::ExactlyOnce), sent_qos2);
        let mut seen = BTreeSet::new();
        let mut first_arrivals = subscriber.got(Qos::AtLeastOnce);
        first_arrivals.retain(|payload| seen.insert(payload.clone()));
        prop_assert_eq!(first_arrivals, sent_qos1);
        prop_assert!(publisher.unfinished.is_empty());
        prop_assert_eq!(gateway.core.clients().map(|client| client.waiting).sum::<usize>(), 0);
    }
}

#[test]
fn the_model_notices_a_lost_message() {
    let (mut gateway, mut publisher, mut subscriber) = start(1);
    publisher.publish(&mut gateway, qos2("t", "1", 1), false);
    while publisher.step(&mut gateway) || subscriber.step(&mut gateway) {}
    assert_eq!(subscriber.got(Qos::ExactlyOnce), [""; 0]);
    assert_eq!(publisher.unfinished, [qos2("t", "1", 1)]);
    assert_eq!(packet_id(&publisher.unfinished[0]), Some(id(1)));
}
