//! What a message costs of whose topic only the latest is kept, when thousands of others wait.
//!
//! `cargo bench -p gateway-core --bench latest`; one sleeper, whose mailbox is filled first with messages on topics of which
//! all are kept. With a store short ones are packed while they wait. The store here takes everything and does nothing.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use bytes::Bytes;
use gateway_core::mqtt::{Connect, Packet, PacketId, Publish};
use gateway_core::{Config, ConnId, Core, Input, Keep, Output, Qos, QueueRule};
use sn_types::{Instant as CoreInstant, LinkAddr, PeerAddr, TransportId};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

const PUBLISHER: ConnId = ConnId(1);
const MESSAGES: u32 = 5_000;

fn main() {
    for (durable, octets) in [(false, 50), (true, 50), (true, 300)] {
        println!("messages of {octets} octets, {}", if durable { "with a store" } else { "in memory" });
        for waiting in [0, 100, 1_000, 9_000] {
            let mut bench = Bench::new(durable, octets);
            (0..waiting).for_each(|number| bench.publish(&format!("log/hall/sensor-{}", number % 50)));
            let start = Instant::now();
            (0..MESSAGES).for_each(|number| bench.publish(&format!("state/hall/sensor-{}", number % 10)));
            let each = start.elapsed() / MESSAGES;
            let info = bench.core.client("node").expect("it sleeps").info;
            println!("{waiting} others wait: {} us for each message; {} wait in the end", micros(each), info.waiting);
        }
    }
}

fn micros(time: std::time::Duration) -> f64 {
    (time.as_nanos() as f64 / 100.0).round() / 10.0
}

struct Bench {
    core: Core,
    payload: Bytes,
}

impl Bench {
    /// A core with a sleeper that subscribes to everything.
    fn new(durable: bool, octets: usize) -> Self {
        let latest = QueueRule {
            filter: "state/#".into(),
            keep: Keep::Latest,
            time_to_live: None,
            when_full: None,
            priority: 0,
            keep_qos0: true,
        };
        let core = Core::new(Config { queue_rules: [latest].into(), durable, ..Config::default() });
        let mut bench = Self { core, payload: vec![b'x'; octets].into() };
        for packet in [&b"\x0A\x04\x00\x01\x00\x3Cnode"[..], b"\x06\x12\x20\x00\x01#", b"\x04\x18\xFF\xFF"] {
            let from = PeerAddr::direct(TransportId(0), LinkAddr::Udp(SocketAddr::from((Ipv4Addr::LOCALHOST, 5_000))));
            bench.handle(Input::Datagram { from, bytes: packet });
        }
        bench.handle_mqtt(Packet::Connect(Box::new(Connect::new("publisher"))));
        bench
    }

    fn publish(&mut self, topic: &str) {
        let publish = Publish::new(topic.into(), self.payload.clone(), Qos::AtLeastOnce, false, PacketId::new(1));
        self.handle_mqtt(Packet::Publish(publish));
    }

    fn handle_mqtt(&mut self, packet: Packet) {
        self.handle(Input::Mqtt { conn: PUBLISHER, packet });
    }

    fn handle(&mut self, input: Input<'_>) {
        self.core.handle_input(CoreInstant::ZERO, input);
        while let Some(output) = self.core.poll_output() {
            if let Output::Commit { token, .. } = output {
                self.core.handle_input(CoreInstant::ZERO, Input::Committed { token });
            }
        }
    }
}
