//! Damaged datagrams by the ten thousands while well-behaved clients work.

mod common;

use common::{Daemon, Mqtt, Sn};
use nix::sys::signal::Signal;
use std::net::UdpSocket;

const DATAGRAMS: usize = 100_000;
const ADDRESSES: usize = 100;

/// One good datagram of each kind that a client sends, to be damaged.
const SEEDS: [&[u8]; 16] = [
    b"\x0a\x04\x04\x01\x00\x3cnode",
    b"\x0a\x04\x0c\x01\x00\x3cnode",
    b"\x09\x07\x00topic!",
    b"\x07\x09gone!",
    b"\x0b\x0a\x00\x00\x00\x01topic",
    b"\x0c\x0c\x20\x00\x01\x00\x02hello",
    b"\x0c\x0c\x62\x61\x62\x00\x00hello",
    b"\x01\x00\x0e\x0c\x40\x00\x01\x00\x02hello",
    b"\x07\x0d\x00\x01\x00\x02\x00",
    b"\x04\x0f\x00\x02",
    b"\x04\x10\x00\x02",
    b"\x0a\x12\x40\x00\x03a/+/b",
    b"\x07\x14\x01\x00\x04\x00\x01",
    b"\x06\x16node",
    b"\x04\x18\x00\x0a",
    b"\x05\xfe\x01\x01\x02\x02\x16",
];

/// Xorshift: the same damage in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    /// A seed with a few octets changed, and sometimes cut or continued.
    fn damaged(&mut self) -> Vec<u8> {
        let mut datagram = SEEDS[self.roll(SEEDS.len())].to_vec();
        for _ in 0..=self.roll(3) {
            let at = self.roll(datagram.len());
            datagram[at] = self.roll(256) as u8;
        }
        match self.roll(8) {
            0 => datagram.truncate(self.roll(datagram.len() + 1)),
            1 => datagram.extend((0..self.roll(20)).map(|n| n as u8)),
            _ => {}
        }
        datagram
    }
}

/// A client that publishes at QoS 1 and waits for each PUBACK, interleaved with the damaged datagrams.
#[test]
fn a_hundred_thousand_damaged_datagrams_lose_nobody_s_message() {
    let mut gateway = Daemon::start(&["--log", "info"]);
    let mut subscriber = Mqtt::connect(gateway.mqtt(), "subscriber");
    subscriber.subscribe("good/topic", 0);
    let node = Sn::connect(gateway.udp(), "well-behaved", 60);
    let [hi, lo] = node.register("good/topic");

    let bad: Vec<UdpSocket> = (0..ADDRESSES).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for n in 0..DATAGRAMS {
        bad[n % ADDRESSES].send_to(&dice.damaged(), gateway.udp()).unwrap();
        if n % 100 == 99 {
            let number = (n / 100) as u16 + 1;
            let [high, low] = number.to_be_bytes();
            node.send(&[9, 0x0C, 0x20, hi, lo, high, low, high, low]);
            node.expect(&[7, 0x0D, hi, lo, high, low, 0]);
            subscriber.expect(&[&b"\x30\x0e\x00\x0agood/topic"[..], &[high, low]].concat());
        }
    }
    node.send(&[2, 0x16]);
    node.expect(&[2, 0x17]);
    gateway.signal(Signal::SIGTERM);
    assert_eq!(gateway.wait().code(), Some(0));
    gateway.wait_for_log("refused packets");
}
