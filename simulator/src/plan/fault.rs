//! What goes wrong.

use super::seconds;
use serde::{Deserialize, Serialize};
use sn_types::Instant;
use std::time::Duration;

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When, or from when on.
    #[serde(with = "seconds::instant")]
    pub at: Instant,
    /// What.
    pub what: FaultKind,
}

/// How long nodes that swap their addresses are off.
pub(crate) const SWAP_TAKES: Duration = Duration::from_secs(120);

/// What becomes of the commit that a crash interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// None of it is on the disk.
    Lost,
    /// A part of it is: so many thousandths of its octets, less than all.
    Torn(u16),
    /// All of it is, but nobody was told.
    Kept,
}

/// What can go wrong. Nodes, MQTT clients and gateways by their places in the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FaultKind {
    /// The gateway's power fails.
    Crash {
        /// Which.
        gateway: usize,
        /// In the middle of the next commit rather than at once.
        armed: bool,
        /// What becomes of a commit under way.
        commit: Fate,
        /// Until it is started again.
        #[serde(with = "seconds::duration")]
        down: Duration,
    },
    /// The gateway's disk is full.
    DiskFull {
        /// Which.
        gateway: usize,
        /// For how long.
        #[serde(with = "seconds::duration")]
        lasts: Duration,
    },
    /// The sync of the next commit fails. The gateway's process ends a moment later, and is started again.
    DiskFails {
        /// Which.
        gateway: usize,
        /// What is on the disk.
        commit: Fate,
        /// Until it is started again.
        #[serde(with = "seconds::duration")]
        down: Duration,
    },
    /// Nothing gets through to or from a node.
    Silence {
        /// Which.
        node: usize,
        /// For how long.
        #[serde(with = "seconds::duration")]
        lasts: Duration,
    },
    /// A node's power fails: it forgets everything, and starts again.
    Reboot {
        /// Which.
        node: usize,
        /// Until then.
        #[serde(with = "seconds::duration")]
        down: Duration,
    },
    /// A node has another address from now on, one that nobody had before.
    Move {
        /// Which.
        node: usize,
    },
    /// Two nodes' power fails, and each starts again, two minutes later, with the other's address. Without its CONNECT nobody
    /// could tell a node at a known address from the one that was there before; and nothing in a CONNACK says whom it is
    /// for, so what was under way to the other must have come to its end.
    Swap {
        /// One.
        node: usize,
        /// The other.
        other: usize,
    },
    /// An MQTT client's connection breaks.
    Cut {
        /// Whose.
        mqtt: usize,
    },
    /// Somebody who is no node of the plan sends a datagram to the gateway.
    Rude {
        /// To which.
        gateway: usize,
        /// Who: everyone has an own address.
        stranger: u32,
        /// The datagram.
        #[serde(with = "hex")]
        datagram: Vec<u8>,
    },
}

impl FaultKind {
    /// Whether it ends a gateway's process.
    pub(crate) const fn is_crash(&self) -> bool {
        match self {
            Self::Crash { .. } | Self::DiskFails { .. } => true,
            Self::DiskFull { .. }
            | Self::Silence { .. }
            | Self::Reboot { .. }
            | Self::Move { .. }
            | Self::Swap { .. }
            | Self::Cut { .. }
            | Self::Rude { .. } => false,
        }
    }
}

impl Fault {
    /// When it has passed. What waits for a commit passes soon after it was armed, for there is always something to write.
    pub(crate) fn passed_at(&self) -> Instant {
        match self.what {
            FaultKind::Crash { down, .. } | FaultKind::DiskFails { down, .. } | FaultKind::Reboot { down, .. } => {
                self.at + down
            }
            FaultKind::DiskFull { lasts, .. } | FaultKind::Silence { lasts, .. } => self.at + lasts,
            FaultKind::Swap { .. } => self.at + SWAP_TAKES,
            FaultKind::Move { .. } | FaultKind::Cut { .. } | FaultKind::Rude { .. } => self.at,
        }
    }
}

/// Octets as hexadecimal digits.
mod hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(octets: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        let digits: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        serializer.serialize_str(&digits)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let digits = String::deserialize(deserializer)?;
        let pairs = digits.as_bytes().chunks(2);
        let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let octets: Option<Vec<u8>> = pairs.map(octet).collect();
        octets
            .filter(|_| digits.len().is_multiple_of(2))
            .ok_or_else(|| D::Error::custom("no pairs of hexadecimal digits"))
    }
}
