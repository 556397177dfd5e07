//! A gateway and a node, and keys for both.

#![allow(dead_code, reason = "each test uses a part")]

use lowpan::{
    Ack, Carriage, Carriages, Config, Eui64, Hub, Keys, Leaf, LeafConfig, Level, Limits, LinkKey, Psdu, Station, Way,
};
use sn_types::Instant;
use std::collections::BTreeMap;

pub(crate) const PAN: u16 = 0xABCD;
pub(crate) const GATEWAY: Eui64 = Eui64([0x02, 0x12, 0x4B, 0, 0, 0, 0, 0x01]);
pub(crate) const NODE: Eui64 = Eui64([0x00, 0x12, 0x4B, 0, 0, 0, 0, 0x07]);
pub(crate) const KEY: LinkKey = LinkKey(*b"0123456789abcdef");
pub(crate) const GATEWAY_SHORT: u16 = 0x0001;
pub(crate) const UDP: Carriage = Carriage::Udp { node: 10_000, gateway: 1883 };

/// The node's side, for packets as long as IPv6 asks for.
pub(crate) type Node = Leaf<TestKeys, 1280>;

/// Keys and counters in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct TestKeys {
    pub(crate) keys: BTreeMap<Eui64, LinkKey>,
    pub(crate) last: BTreeMap<Eui64, u32>,
    /// Counters from here ..
    pub(crate) next: u32,
    /// .. to here may be used.
    pub(crate) reserved: u32,
    /// How nodes were answered before the start.
    pub(crate) ways: BTreeMap<Eui64, Way>,
}

impl TestKeys {
    /// One key, and all counters.
    pub(crate) fn shared_with(peer: Eui64) -> Self {
        Self { keys: [(peer, KEY)].into(), reserved: u32::MAX, ..Self::default() }
    }
}

impl Keys for TestKeys {
    fn key(&self, node: Eui64) -> Option<&LinkKey> {
        self.keys.get(&node)
    }

    fn accept(&mut self, node: Eui64, counter: u32) -> bool {
        let is_new = self.last.get(&node).is_none_or(|last| counter > *last);
        if is_new {
            self.last.insert(node, counter);
        }
        is_new
    }

    fn next_counter(&mut self) -> Option<u32> {
        let counter = self.next;
        (counter < self.reserved).then(|| {
            self.next += 1;
            counter
        })
    }

    fn way(&self, node: Eui64) -> Way {
        self.ways.get(&node).copied().unwrap_or_default()
    }
}

pub(crate) fn config(security: Option<Level>) -> Config {
    Config {
        station: Station { eui64: GATEWAY, pan: PAN, short: Some(GATEWAY_SHORT), security },
        carriages: Carriages::Both(1883),
        fragment: true,
        limits: Limits::DEFAULT,
    }
}

pub(crate) fn hub(security: Option<Level>) -> Hub<TestKeys> {
    Hub::new(config(security), TestKeys::shared_with(NODE), 0x1234_5600).expect("a good configuration")
}

pub(crate) fn leaf_config(carriage: Carriage, security: Option<Level>) -> LeafConfig {
    LeafConfig {
        station: Station { eui64: NODE, pan: PAN, short: None, security },
        gateway: GATEWAY,
        gateway_short: Some(GATEWAY_SHORT),
        carriage,
        fragment: true,
    }
}

pub(crate) fn leaf(carriage: Carriage, security: Option<Level>) -> Node {
    Leaf::new(leaf_config(carriage, security), TestKeys::shared_with(GATEWAY), 77).expect("a good configuration")
}

/// All frames that the hub has now, each of them acknowledged.
pub(crate) fn frames_of_hub<K: Keys>(hub: &mut Hub<K>) -> Vec<Psdu> {
    let mut frames = Vec::new();
    while let Some(transmit) = hub.poll_transmit() {
        hub.handle_transmitted(Instant::ZERO, transmit.id, Ok(Ack::default()));
        frames.push(transmit.psdu);
    }
    frames
}

/// All frames that the leaf has now, each of them acknowledged.
pub(crate) fn frames_of_leaf<K: Keys, const N: usize>(leaf: &mut Leaf<K, N>) -> Vec<Psdu> {
    let mut frames = Vec::new();
    while let Some(transmit) = leaf.poll_transmit() {
        leaf.handle_transmitted(Instant::ZERO, transmit.id, Ok(Ack::default()));
        frames.push(transmit.psdu);
    }
    frames
}

/// A datagram of this length that is no other's beginning.
pub(crate) fn datagram(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 5 + len) as u8).collect()
}
