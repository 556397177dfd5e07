//! All that a run depends on, spelled out: what everybody does and when, and what goes wrong.
//!
//! A plan can be kept in a file (see [`Plan::to_toml`]) and made smaller by leaving out items.

mod client;
mod fault;
mod file;
mod gateway;
mod seconds;

pub use client::{Do, Feed, MqttPlan, NodePlan, Sleep, Step, WillPlan};
pub(crate) use fault::SWAP_TAKES;
pub use fault::{Fate, Fault, FaultKind};
pub use file::PlanError;
pub use gateway::GatewayPlan;

use crate::Link;
use crate::ledger::Laws;
use crate::radio::RadioPlan;
use crate::udp_net::UdpPlan;
use serde::{Deserialize, Serialize};
use sn_types::Instant;

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Of the medium's, the nodes' and the disks' randomness.
    pub seed: u64,
    /// From then on nothing goes wrong any more: links are lossless, unless they say otherwise, and everybody is connected.
    /// Late enough to be after all faults; never, if the run is to end as it goes.
    #[serde(default = "never", with = "seconds::instant", skip_serializing_if = "is_never")]
    pub calm_at: Instant,
    /// What carries datagrams.
    pub medium: MediumPlan,
    /// The gateways. Each is an MQTT broker of its own; messages do not pass between them.
    pub gateways: Vec<GatewayPlan>,
    /// The nodes; their places here are their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodePlan>,
    /// The MQTT clients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mqtt: Vec<MqttPlan>,
    /// What goes wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

/// What carries datagrams between nodes and gateways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum MediumPlan {
    /// A link of its own for each node, all of the same kind.
    Link(Link),
    /// An IEEE 802.15.4 network; its nodes and gateways are the plan's, in their order.
    Radio(Box<RadioPlan>),
    /// UDP behind address translation; its nodes are the plan's.
    Udp(UdpPlan),
}

impl MediumPlan {
    /// Whether a datagram may come twice, and whether it may come so late that both ends have forgotten what it belongs
    /// to: then QoS 2 is not exactly once.
    fn repeats(&self) -> (bool, bool) {
        match self {
            Self::Link(link) => link.repeats(),
            Self::Radio(radio) => radio.repeats(),
            Self::Udp(udp) => udp.repeats(),
        }
    }

    /// Whether it is made for so many nodes and gateways.
    fn check(&self, nodes: usize, gateways: usize) -> Result<(), String> {
        let (of_nodes, of_gateways) = match self {
            Self::Link(_) => return Ok(()),
            Self::Radio(radio) => (radio.nodes.len(), radio.gateways.len()),
            Self::Udp(udp) => (udp.nodes, gateways),
        };
        if (of_nodes, of_gateways) == (nodes, gateways) {
            return Ok(());
        }
        let medium = format!("{of_nodes} nodes and {of_gateways} gateways");
        Err(format!("the medium is for {medium}, but the plan has {nodes} and {gateways}"))
    }
}

impl Plan {
    /// One gateway that keeps everything in memory, and nobody who talks to it.
    #[must_use]
    pub fn new(seed: u64, link: Link) -> Self {
        Self {
            seed,
            calm_at: Instant::FAR_FUTURE,
            medium: MediumPlan::Link(link),
            gateways: vec![GatewayPlan::default()],
            nodes: Vec::new(),
            mqtt: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// How many things there are in it: clients, subscriptions, messages of feeds, steps and faults.
    #[must_use]
    pub fn size(&self) -> usize {
        let fed = |feeds: &[Feed]| feeds.iter().map(|feed| feed.count as usize).sum::<usize>();
        let nodes = self.nodes.iter();
        let nodes = nodes.map(|node| 1 + node.subscriptions.len() + fed(&node.feeds) + node.steps.len());
        let mqtt = self.mqtt.iter();
        let mqtt = mqtt.map(|client| 1 + client.subscriptions.len() + fed(&client.feeds) + client.steps.len());
        nodes.chain(mqtt).sum::<usize>() + self.faults.len()
    }

    /// What may happen without a promise being broken.
    pub(crate) fn laws(&self) -> Laws {
        let has = |is_such: fn(&FaultKind) -> bool| self.faults.iter().any(|fault| is_such(&fault.what));
        let (repeats, is_late) = self.medium.repeats();
        Laws {
            repeats,
            is_late,
            forgets: has(|what| matches!(what, FaultKind::Crash { .. } | FaultKind::DiskFails { .. })),
            strangers_publish: has(|what| matches!(what, FaultKind::Rude { .. })),
        }
    }
}

const fn never() -> Instant {
    Instant::FAR_FUTURE
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_never(at: &Instant) -> bool {
    *at == Instant::FAR_FUTURE
}
