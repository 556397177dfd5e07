//! What a message costs of whose topic only the latest is kept, when thousands of others wait.
//!
//! `cargo bench -p gateway-core --bench latest`; one sleeper, whose mailbox is filled first with messages of 50 octets on
//! topics of which all are kept.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use bytes::Bytes;
use gateway_core::mqtt::{Connect, Packet, PacketId, Publish};
use gateway_core::{Config, ConnId, Core, Input, Keep, Qos, QueueRule};
use sn_types::{Instant as CoreInstant, LinkAddr, PeerAddr, TransportId};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

const PUBLISHER: ConnId = ConnId(1);
const PAYLOAD: [u8; 50] = [b'x'; 50];
const MESSAGES: u32 = 5_000;

fn main() {
    for waiting in [0, 100, 1_000, 9_000] {
        let mut core = sleeper();
        (0..waiting).for_each(|number| publish(&mut core, &format!("log/hall/sensor-{}", number % 50)));
        let start = Instant::now();
        (0..MESSAGES).for_each(|number| publish(&mut core, &format!("state/hall/sensor-{}", number % 10)));
        let each = start.elapsed() / MESSAGES;
        let info = core.client("node").expect("it sleeps").info;
        println!("{waiting} others wait: {} us for each message; {} wait in the end", micros(each), info.waiting);
    }
}

fn micros(time: std::time::Duration) -> f64 {
    (time.as_nanos() as f64 / 100.0).round() / 10.0
}

/// A core with a sleeper that subscribes to everything.
fn sleeper() -> Core {
    let latest = QueueRule {
        filter: "state/#".into(),
        keep: Keep::Latest,
        time_to_live: None,
        when_full: None,
        priority: 0,
        keep_qos0: true,
    };
    let mut core = Core::new(Config { queue_rules: [latest].into(), ..Config::default() });
    for packet in [&b"\x0A\x04\x00\x01\x00\x3Cnode"[..], b"\x06\x12\x20\x00\x01#", b"\x04\x18\xFF\xFF"] {
        let from = PeerAddr::direct(TransportId(0), LinkAddr::Udp(SocketAddr::from((Ipv4Addr::LOCALHOST, 5_000))));
        core.handle_input(CoreInstant::ZERO, Input::Datagram { from, bytes: packet });
        settle(&mut core);
    }
    core.handle_input(
        CoreInstant::ZERO,
        Input::Mqtt { conn: PUBLISHER, packet: Packet::Connect(Box::new(Connect::new("publisher"))) },
    );
    settle(&mut core);
    core
}

fn publish(core: &mut Core, topic: &str) {
    let publish = Publish::new(topic.into(), Bytes::from_static(&PAYLOAD), Qos::AtLeastOnce, false, PacketId::new(1));
    core.handle_input(CoreInstant::ZERO, Input::Mqtt { conn: PUBLISHER, packet: Packet::Publish(publish) });
    settle(core);
}

fn settle(core: &mut Core) {
    while core.poll_output().is_some() {}
}
