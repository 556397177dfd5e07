//! How much goes to one MQTT connection at once.

#[path = "common/mqtt.rs"]
mod mqtt;

use gateway_core::mqtt::{Connect, Packet};
use gateway_core::{CommitToken, Config, ConnId, Core, Input, Limits, Output, Qos};
use mqtt::{clean, id, qos2, subscribe};
use sn_types::Instant;
use std::time::Duration;

const MIB: usize = 1 << 20;

/// A core whose disk is as quick as the test wants.
struct Slow {
    core: Core,
    now: Instant,
    commit: Option<CommitToken>,
    /// Octets of payload that the subscriber has been sent.
    sent: usize,
}

impl Slow {
    fn new() -> Self {
        let limits = Limits { queue_bytes: 1 << 30, ..Limits::default() };
        let mut core = Core::new(Config { durable: true, limits, ..Config::default() });
        core.restore(Instant::ZERO, Vec::<(Vec<u8>, Vec<u8>)>::new()).expect("nothing is readable");
        let mut slow = Self { core, now: Instant::from_secs(1), commit: None, sent: 0 };
        slow.packet(1, Packet::Connect(Box::new(clean("publisher"))));
        slow.packet(2, Packet::Connect(Box::new(Connect { clean_start: false, ..clean("subscriber") })));
        slow.packet(2, subscribe(1, &[("t", Qos::ExactlyOnce)]));
        slow.commit_all();
        slow
    }

    fn packet(&mut self, conn: u64, packet: Packet) {
        self.core.handle_input(self.now, Input::Mqtt { conn: ConnId(conn), packet });
        self.carry_out();
    }

    /// As the driver: all outputs, then what is due.
    fn carry_out(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Mqtt { conn: ConnId(2), packet: Packet::Publish(publish) } => {
                    self.sent += publish.payload.len()
                }
                Output::Commit { token, .. } => self.commit = Some(token),
                _ => {}
            }
        }
    }

    fn wait(&mut self) {
        self.now = self.now + Duration::from_millis(1);
        self.core.handle_timeout(self.now);
        self.carry_out();
    }

    fn commit_one(&mut self) {
        if let Some(token) = self.commit.take() {
            self.core.handle_input(self.now, Input::Committed { token });
            self.carry_out();
        }
    }

    fn commit_all(&mut self) {
        while self.commit.is_some() {
            self.commit_one();
        }
    }
}

#[test]
fn what_waits_for_the_disk_does_not_come_all_at_once_afterwards() {
    let mut slow = Slow::new();
    let payload = "x".repeat(4 * MIB);
    for packet_id in 1..=20 {
        slow.packet(1, qos2("t", &payload, packet_id));
        slow.packet(1, Packet::PubRel(id(packet_id).into()));
        slow.wait();
    }
    let mut turns = 0;
    while slow.sent < 80 * MIB {
        let before = slow.sent;
        slow.commit_all();
        assert!(slow.sent - before <= 20 * MIB, "{} at once", slow.sent - before);
        slow.wait();
        turns += 1;
        assert!(turns < 100, "{} of {} have come", slow.sent, 80 * MIB);
    }
}
