//! Who takes part: the topics, and the clients that publish and read them.

use crate::ledger::{Ledger, ReaderNo, TopicNo};
use crate::mqtt::{Client, Role};
use crate::node::{self, Node, Subscriptions};
use anyhow::Result;
use sn_codec::{Qos, TopicId};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// A topic of the campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicPlan {
    /// Its name.
    pub name: &'static str,
    /// The QoS of its messages.
    pub qos: u8,
}

/// Published and read by a predefined id, which the gateway is told on its command line.
pub const PREDEFINED: &str = "campaign/predefined";
/// The id of [`PREDEFINED`].
pub const PREDEFINED_ID: TopicId = TopicId(7);
/// Where no will may ever be published.
pub const WILLS: &str = "will/#";
/// Where nodes publish retained messages: this, then their client id.
pub const KEPT: &str = "kept/";
/// What matches every topic and will, for those who read all.
pub const FILTERS: [&str; 3] = ["campaign/#", "ca", WILLS];

/// All topics. Each has one publisher.
pub const TOPICS: [TopicPlan; 8] = [
    TopicPlan { name: "campaign/node/1", qos: 1 },
    TopicPlan { name: "campaign/node/2", qos: 2 },
    TopicPlan { name: PREDEFINED, qos: 2 },
    TopicPlan { name: "ca", qos: 1 },
    TopicPlan { name: "campaign/sleeper/1", qos: 1 },
    TopicPlan { name: "campaign/sleeper/2", qos: 2 },
    TopicPlan { name: "campaign/mqtt/1", qos: 1 },
    TopicPlan { name: "campaign/mqtt/2", qos: 2 },
];

/// What a reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Node(Subscriptions),
    Sleeper,
    Mqtt { leaves: bool },
}

/// All readers: client id, QoS of the subscriptions, kind.
const READERS: [(&str, u8, Kind); 7] = [
    ("node-wildcard", 2, Kind::Node(Subscriptions::Wildcard)),
    ("node-each", 2, Kind::Node(Subscriptions::Each)),
    ("sleeper-2", 2, Kind::Sleeper),
    ("sleeper-1", 1, Kind::Sleeper),
    ("mqtt-stays", 2, Kind::Mqtt { leaves: false }),
    ("mqtt-leaves-2", 2, Kind::Mqtt { leaves: true }),
    ("mqtt-leaves-1", 1, Kind::Mqtt { leaves: true }),
];

/// MQTT-SN publishers: client id, whether the gateway takes it for asleep, the places of its topics in [`TOPICS`].
const NODE_PUBLISHERS: [(&str, bool, &[usize]); 3] =
    [("node-pub-a", false, &[0, 1]), ("node-pub-b", false, &[2, 3]), ("sleeper-pub", true, &[4, 5])];
/// MQTT publishers: client id and place of the topic.
const MQTT_PUBLISHERS: [(&str, usize); 2] = [("mqtt-pub-1", 6), ("mqtt-pub-2", 7)];

/// Empty books for them all.
#[must_use]
pub fn ledger() -> Ledger {
    let topics: Vec<_> = TOPICS.iter().map(|plan| (plan.name.to_owned(), plan.qos)).collect();
    let readers: Vec<_> = READERS.iter().map(|(name, qos, _)| ((*name).to_owned(), *qos)).collect();
    Ledger::new(&topics, &readers)
}

/// The addresses of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// MQTT-SN.
    pub udp: SocketAddr,
    /// MQTT.
    pub mqtt: SocketAddr,
}

/// Starts everybody, a thread each, with pauses by `seed`. They end when the ledger says that the run is over.
///
/// # Errors
/// There are no sockets to be had.
pub fn start(gateway: Addresses, ledger: &Arc<Ledger>, seed: u64) -> Result<Vec<JoinHandle<()>>> {
    let mut seeds = seed.wrapping_mul(1_000)..;
    let mut next_seed = move || seeds.next().unwrap_or_default();
    let mut threads = Vec::new();
    for (number, (name, qos, kind)) in READERS.iter().enumerate() {
        threads.push(reader(gateway, ledger, (name, *qos, *kind), ReaderNo(number), next_seed())?);
    }
    for (name, asleep, places) in NODE_PUBLISHERS {
        let node = Node::new(name, gateway.udp, ledger.clone(), None, next_seed())?;
        let topics: Vec<_> = places.iter().map(|place| (TopicNo(*place), TOPICS[*place])).collect();
        threads.push(thread::spawn(move || node::publish(node, &topics, asleep)));
    }
    for (name, place) in MQTT_PUBLISHERS {
        let role = Role::Publish(TopicNo(place), TOPICS[place]);
        let client = Client::new(name, gateway.mqtt, role, ledger.clone(), next_seed());
        threads.push(thread::spawn(move || client.run()));
    }
    Ok(threads)
}

fn reader(
    gateway: Addresses,
    ledger: &Arc<Ledger>,
    (name, qos, kind): (&str, u8, Kind),
    reader: ReaderNo,
    seed: u64,
) -> Result<JoinHandle<()>> {
    let ledger = ledger.clone();
    let sn_qos = if qos == 2 { Qos::Two } else { Qos::One };
    Ok(match kind {
        Kind::Node(subscriptions) => {
            let node = Node::new(name, gateway.udp, ledger, Some(reader), seed)?;
            thread::spawn(move || node::read(node, reader, sn_qos, subscriptions))
        }
        Kind::Sleeper => {
            let node = Node::new(name, gateway.udp, ledger, Some(reader), seed)?;
            thread::spawn(move || node::sleep_and_read(node, reader, sn_qos))
        }
        Kind::Mqtt { leaves } => {
            let role = Role::Read { reader, qos, leaves };
            let client = Client::new(name, gateway.mqtt, role, ledger, seed);
            thread::spawn(move || client.run())
        }
    })
}
