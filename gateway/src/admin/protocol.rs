//! The lines on the socket. A connection carries one request and its answer.

pub use super::nodes::{AddNode, KeyText, NodeRow};
pub use super::radio::{Loudness, RadioInfo, RadioScan};

use gateway_core::{ClientDetail, ClientInfo, ClientState, Qos, UpstreamState, Via};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A request: `"sessions"`, `{"session":"ID"}`, `{"drop":"ID"}`, `"backup"`, `"nodes"`, `{"revoke-node":"NAME"}`,
/// `{"capture":{"transport":"NAME","count":null}}`, `{"radio-info":"NAME"}`,
/// `{"radio-scan":{"transport":"NAME","period_ms":500}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Lists all sessions.
    Sessions,
    /// Shows one.
    Session(String),
    /// Ends one and forgets everything of it.
    Drop(String),
    /// A backup of everything.
    Backup,
    /// What passes a transport, from now on.
    Capture {
        /// Its name.
        transport: String,
        /// It ends after so many frames.
        count: Option<u64>,
    },
    /// Lists all radio nodes.
    Nodes,
    /// Puts one onto the list.
    AddNode(AddNode),
    /// Gives one another name.
    RenameNode {
        /// Its name or address.
        which: String,
        /// The new name.
        name: String,
    },
    /// Lets nothing in any more that comes from the node of this name or address.
    RevokeNode(String),
    /// Takes it off the list.
    RemoveNode(String),
    /// What the radio of this transport is.
    RadioInfo(String),
    /// How loud the channels are. Meanwhile the radio hears no node.
    RadioScan {
        /// Its transport.
        transport: String,
        /// On each channel, in milliseconds, see [`SCAN_MS`](super::radio::SCAN_MS).
        period_ms: u16,
    },
}

impl Request {
    /// Whether it changes what is kept: then the answer waits for the disk.
    pub(crate) fn waits_for_disk(&self) -> bool {
        match self {
            Self::Drop(_) | Self::AddNode(_) | Self::RenameNode { .. } | Self::RevokeNode(_) | Self::RemoveNode(_) => {
                true
            }
            Self::Sessions
            | Self::Session(_)
            | Self::Backup
            | Self::Capture { .. }
            | Self::Nodes
            | Self::RadioInfo(_)
            | Self::RadioScan { .. } => false,
        }
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// All sessions, by client id.
    Sessions(Vec<SessionRow>),
    /// One session, if there is one of that id.
    Session(Option<Box<SessionDetail>>),
    /// Whether there was one.
    Dropped(bool),
    /// So many octets of a backup file follow the line.
    Backup(u64),
    /// All radio nodes, by address.
    Nodes(Vec<NodeRow>),
    /// The list has changed: the address of the node that it is about.
    Node(String),
    /// A pcapng file follows the line, until the end of the connection. Closing the other half of it ends the capture.
    Capture,
    /// What is known of a radio.
    RadioInfo(Box<RadioInfo>),
    /// What a scan has found.
    RadioScan(RadioScan),
    /// The request cannot be read or carried out.
    Error(String),
}

/// A session in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// The client's id.
    pub client_id: String,
    /// "active", "asleep", "awake", "disconnected" or "lost".
    pub state: String,
    /// Over what and from where it is connected, if it is.
    pub address: Option<String>,
    /// Messages that wait for it, those in flight included.
    pub waiting: usize,
    /// Messages to it that were dropped.
    pub drops: u64,
    /// Packets from it that were refused.
    pub rejects: u64,
}

/// A session looked at closely.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionDetail {
    /// What the list has of it.
    #[serde(flatten)]
    pub row: SessionRow,
    /// How it is connected to the broker where it lives, if it lives elsewhere.
    #[serde(default)]
    pub upstream: Option<String>,
    /// It ends with its connection.
    pub clean: bool,
    /// Whose it is, if anybody has said so.
    pub user: Option<String>,
    /// It survives the gateway.
    pub durable: bool,
    /// What it subscribes to.
    pub subscriptions: Vec<Subscription>,
    /// The topic of its will.
    pub will_topic: Option<String>,
    /// Octets of the messages that wait, without those in flight.
    pub waiting_bytes: usize,
    /// Messages that were sent and are not acknowledged.
    pub in_flight: usize,
    /// The topic ids of an MQTT-SN client.
    pub topic_ids: Vec<TopicIdRow>,
    /// Messages dropped, by reason.
    pub drops_by_reason: BTreeMap<String, u32>,
    /// Packets refused, by reason.
    pub rejects_by_reason: BTreeMap<String, u32>,
}

/// A subscription of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The topic filter.
    pub filter: String,
    /// The granted QoS, 0 to 2.
    pub qos: u8,
}

/// A topic id that an MQTT-SN client knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicIdRow {
    /// The id.
    pub id: u16,
    /// The name of the topic.
    pub topic: String,
}

impl SessionRow {
    /// `address` names where an MQTT or MQTT-SN client is.
    pub(crate) fn new(info: &ClientInfo, address: impl Fn(Via) -> String) -> Self {
        Self {
            client_id: (*info.client_id).into(),
            state: match info.upstream {
                None | Some(UpstreamState::Connected) => state(info.state).into(),
                Some(upstream) => format!("{}, {}", state(info.state), upstream.name()),
            },
            address: info.via.map(address),
            waiting: info.waiting,
            drops: info.drops.values().copied().map(u64::from).sum(),
            rejects: info.rejects.values().copied().map(u64::from).sum(),
        }
    }
}

impl SessionDetail {
    /// `address` as for [`SessionRow::new`].
    pub(crate) fn new(client: ClientDetail, address: impl Fn(Via) -> String) -> Self {
        Self {
            row: SessionRow::new(&client.info, address),
            upstream: client.info.upstream.map(|upstream| upstream.name().into()),
            clean: client.clean,
            user: client.user.map(|user| user.to_string()),
            durable: client.durable,
            subscriptions: client.subscriptions.iter().map(|(filter, qos)| Subscription::new(filter, *qos)).collect(),
            will_topic: client.will_topic.map(|topic| (*topic).into()),
            waiting_bytes: client.waiting_bytes,
            in_flight: client.in_flight,
            topic_ids: client
                .topic_ids
                .iter()
                .map(|(id, topic)| TopicIdRow { id: *id, topic: (**topic).into() })
                .collect(),
            drops_by_reason: client.info.drops.iter().map(|(why, count)| (why.name().into(), *count)).collect(),
            rejects_by_reason: client.info.rejects.iter().map(|(why, count)| (why.name().into(), *count)).collect(),
        }
    }
}

impl Subscription {
    fn new(filter: &str, qos: Qos) -> Self {
        Self { filter: filter.into(), qos: qos as u8 }
    }
}

pub(super) const fn state(state: ClientState) -> &'static str {
    match state {
        ClientState::Active => "active",
        ClientState::Asleep => "asleep",
        ClientState::Awake => "awake",
        ClientState::Disconnected => "disconnected",
        ClientState::Lost => "lost",
    }
}
