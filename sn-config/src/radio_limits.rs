//! The keys `limits.*` of a radio: what is kept of its nodes, and for how long.

use crate::number::within;
use serde::Deserialize;
use std::time::Duration;
use transports::ieee802154::Limits;

/// The keys, as they are in the file; each has a default.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "keys `limits.*`")]
pub struct RadioLimitsKeys {
    #[serde(deserialize_with = "within::<1, 1_000_000, _, _>")]
    nodes: usize,
    #[serde(deserialize_with = "within::<1, 10_000, _, _>")]
    waiting_per_node: usize,
    #[serde(deserialize_with = "within::<1, 1_000_000, _, _>")]
    waiting: usize,
    #[serde(deserialize_with = "within::<100, 3_600_000, _, _>")]
    waiting_ms: u64,
    #[serde(deserialize_with = "within::<1, 10_000, _, _>")]
    assemblies: usize,
    #[serde(deserialize_with = "within::<100, 60_000, _, _>")]
    assembly_ms: u64,
    #[serde(deserialize_with = "within::<256, 2_047, _, _>")]
    packet_bytes: u16,
}

impl Default for RadioLimitsKeys {
    fn default() -> Self {
        let Limits { nodes, waiting_per_node, waiting, waiting_for, assemblies, assembly_for, packet } =
            Limits::DEFAULT;
        Self {
            nodes,
            waiting_per_node,
            waiting,
            waiting_ms: waiting_for.as_millis() as u64,
            assemblies,
            assembly_ms: assembly_for.as_millis() as u64,
            packet_bytes: packet,
        }
    }
}

impl From<RadioLimitsKeys> for Limits {
    fn from(keys: RadioLimitsKeys) -> Self {
        let RadioLimitsKeys { nodes, waiting_per_node, waiting, waiting_ms, assemblies, assembly_ms, packet_bytes } =
            keys;
        Self {
            nodes,
            waiting_per_node,
            waiting,
            waiting_for: Duration::from_millis(waiting_ms),
            assemblies,
            assembly_for: Duration::from_millis(assembly_ms),
            packet: packet_bytes,
        }
    }
}
