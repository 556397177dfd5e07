//! What a message to a sleeper costs whose mailbox is long: where only the latest of its topic is kept and thousands of others
//! wait, and where the mailbox is full and what waits expires.
//!
//! `cargo bench -p gateway-core --bench mailbox`. With a store short messages are packed while they wait. The store here takes
//! everything and does nothing.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use bytes::Bytes;
use gateway_core::mqtt::{Connect, Packet, PacketId, Publish};
use gateway_core::{Config, ConnId, Core, Input, Keep, Limits, Output, Qos, QueueRule};
use sn_types::{Instant as CoreInstant, LinkAddr, PeerAddr, TransportId};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

const PUBLISHER: ConnId = ConnId(1);
const MESSAGES: u32 = 5_000;
const TIME_TO_LIVE: Duration = Duration::from_secs(60);

fn main() {
    for (durable, octets) in [(false, 50), (true, 50), (true, 300)] {
        println!("messages of {octets} octets, {}", if durable { "with a store" } else { "in memory" });
        for waiting in [0, 100, 1_000, 9_000] {
            latest(durable, octets, waiting);
        }
        [false, true].into_iter().for_each(|together| expiring(durable, octets, together));
    }
}

/// So many messages wait of topics of which all are kept.
fn latest(durable: bool, octets: usize, waiting: u32) {
    let mut bench = Bench::new(durable, octets, Limits::default());
    (0..waiting).for_each(|number| bench.publish(&format!("log/hall/sensor-{}", number % 50)));
    let start = Instant::now();
    (0..MESSAGES).for_each(|number| bench.publish(&format!("state/hall/sensor-{}", number % 10)));
    let each = micros(start.elapsed() / MESSAGES);
    println!("only the latest, {waiting} others wait: {each} us for each message; {} wait in the end", bench.waiting());
}

/// The first message in the full mailbox never expires; of the others one does with each that comes. Full is the mailbox, or
/// all mailboxes together are.
fn expiring(durable: bool, octets: usize, together: bool) {
    let limits = Limits::default();
    let full = limits.queue_messages as u32;
    let limits = if together {
        Limits { queue_messages: usize::MAX, total_queue_messages: limits.queue_messages, ..limits }
    } else {
        limits
    };
    let mut bench = Bench::new(durable, octets, limits);
    bench.publish("log/hall/sensor-0");
    let mut publish = |number: u32| {
        bench.now = bench.now + TIME_TO_LIVE / (full - 1);
        bench.publish(&format!("report/hall/sensor-{}", number % 50));
    };
    (1..full).for_each(&mut publish);
    let start = Instant::now();
    (0..MESSAGES).for_each(&mut publish);
    let each = micros(start.elapsed() / MESSAGES);
    let drops = &bench.core.stats().drops;
    let whose = if together { "all mailboxes together are" } else { "the mailbox is" };
    println!(
        "{whose} full, one expires with each: {each} us for each message; {} wait in the end, {drops:?}",
        bench.waiting()
    );
}

fn micros(time: Duration) -> f64 {
    (time.as_nanos() as f64 / 100.0).round() / 10.0
}

struct Bench {
    now: CoreInstant,
    core: Core,
    payload: Bytes,
}

impl Bench {
    /// A core with a sleeper that subscribes to everything.
    fn new(durable: bool, octets: usize, limits: Limits) -> Self {
        let rule = |filter: &str, keep, time_to_live| {
            let filter = filter.into();
            QueueRule { filter, keep, time_to_live, when_full: None, priority: 0, keep_qos0: true }
        };
        let queue_rules = [rule("state/#", Keep::Latest, None), rule("report/#", Keep::All, Some(TIME_TO_LIVE))].into();
        let core = Core::new(Config { queue_rules, durable, limits, ..Config::default() });
        let mut bench = Self { now: CoreInstant::from_secs(1), core, payload: vec![b'x'; octets].into() };
        for packet in [&b"\x0A\x04\x00\x01\x00\x3Cnode"[..], b"\x06\x12\x20\x00\x01#", b"\x04\x18\xFF\xFF"] {
            let from = PeerAddr::direct(TransportId(0), LinkAddr::Udp(SocketAddr::from((Ipv4Addr::LOCALHOST, 5_000))));
            bench.handle(Input::Datagram { from, bytes: packet });
        }
        bench.handle_mqtt(Packet::Connect(Box::new(Connect::new("publisher"))));
        bench
    }

    /// How many messages wait for the sleeper.
    fn waiting(&self) -> usize {
        self.core.client("node").expect("it sleeps").info.waiting
    }

    fn publish(&mut self, topic: &str) {
        let publish = Publish::new(topic.into(), self.payload.clone(), Qos::AtLeastOnce, false, PacketId::new(1));
        self.handle_mqtt(Packet::Publish(publish));
    }

    fn handle_mqtt(&mut self, packet: Packet) {
        self.handle(Input::Mqtt { conn: PUBLISHER, packet });
    }

    fn handle(&mut self, input: Input<'_>) {
        self.core.handle_input(self.now, input);
        while let Some(output) = self.core.poll_output() {
            if let Output::Commit { token, .. } = output {
                self.core.handle_input(self.now, Input::Committed { token });
            }
        }
    }
}
