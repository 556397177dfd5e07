//! Counters: what was refused, what was dropped, and why.

use sn_codec::DecodeError;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{UpstreamState, Via};

/// Why a packet was refused or ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RejectReason {
    /// Not a well-formed message; the decoder's name for what is wrong.
    Malformed(&'static str),
    /// From an address without a session, and not a message that opens one.
    UnknownSender,
    /// One SEARCHGW more than a sender is answered in a second.
    SearchLimit,
    /// Not expected in the client's state.
    WrongState,
    /// A message that only gateways send.
    WrongDirection,
    /// CONNECT with a ProtocolId other than 01.
    ProtocolId,
    /// A client id that is empty or over the limit.
    ClientId,
    /// The limit of clients is reached.
    ClientLimit,
    /// The limit of nodes behind one forwarder is reached.
    ForwarderLimit,
    /// A topic name that is over the limit, has wildcards, U+0000 or is reserved for the broker.
    TopicName,
    /// A topic filter that is malformed or over the limit.
    TopicFilter,
    /// A topic id that was never assigned, or is reserved.
    TopicId,
    /// The reserved topic id type 11.
    TopicIdType,
    /// The limit of topic ids per client is reached.
    TopicIdLimit,
    /// The limit of subscriptions per client is reached.
    SubscriptionLimit,
    /// QoS 1 or 2 with MsgId 0000, or QoS bits that make no sense here.
    Qos,
    /// The limit of incoming QoS 2 messages is reached; for MQTT 5 it is the receive maximum.
    IncomingQos2Limit,
    /// An acknowledgement of nothing that is in flight.
    UnmatchedAck,
    /// QoS -1, which the configuration forbids.
    QosMinusOne,
    /// A wireless node id over the limit.
    NodeId,
    /// From a radio node that may not come in any more.
    Revoked,
    /// A user that there is not, or another password.
    BadPassword,
    /// It did not say who it is, where that is asked.
    Anonymous,
    /// No rule allows it to do that, or one forbids it.
    NotAllowed,
    /// The session of that client id is another user's.
    OtherUser,
    /// A payload that says that it is UTF-8 text and is not.
    PayloadFormat,
    /// A method of enhanced authentication that there is not.
    AuthenticationMethod,
    /// An MQTT client broke the protocol.
    MqttProtocol,
    /// The disk is full or has failed: nothing can be promised.
    Storage,
    /// The limit of what waits for the store is reached: nothing can be promised now.
    UncommittedLimit,
    /// The other broker, where the client's session lives, is not there now.
    UpstreamAway,
    /// It takes no more from the client before it has answered, or what is asked for has an id that is still in use.
    UpstreamLimit,
    /// It has refused.
    UpstreamRefused,
}

impl RejectReason {
    /// A short stable label for metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed(what) => what,
            Self::UnknownSender => "unknown-sender",
            Self::SearchLimit => "search-limit",
            Self::WrongState => "wrong-state",
            Self::WrongDirection => "wrong-direction",
            Self::ProtocolId => "protocol-id",
            Self::ClientId => "client-id",
            Self::ClientLimit => "client-limit",
            Self::ForwarderLimit => "forwarder-limit",
            Self::TopicName => "topic-name",
            Self::TopicFilter => "topic-filter",
            Self::TopicId => "topic-id",
            Self::TopicIdType => "topic-id-type",
            Self::TopicIdLimit => "topic-id-limit",
            Self::SubscriptionLimit => "subscription-limit",
            Self::Qos => "qos",
            Self::IncomingQos2Limit => "incoming-qos2-limit",
            Self::UnmatchedAck => "unmatched-ack",
            Self::QosMinusOne => "qos-minus-one",
            Self::NodeId => "node-id",
            Self::Revoked => "revoked",
            Self::BadPassword => "bad-password",
            Self::Anonymous => "anonymous",
            Self::NotAllowed => "not-allowed",
            Self::OtherUser => "other-user",
            Self::PayloadFormat => "payload-format",
            Self::AuthenticationMethod => "authentication-method",
            Self::MqttProtocol => "mqtt-protocol",
            Self::Storage => "storage",
            Self::UncommittedLimit => "uncommitted-limit",
            Self::UpstreamAway => "upstream-away",
            Self::UpstreamLimit => "upstream-limit",
            Self::UpstreamRefused => "upstream-refused",
        }
    }
}

impl From<DecodeError> for RejectReason {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error.name())
    }
}

/// Why a message for a client was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The client's queue holds as many messages or octets as it may.
    QueueFull,
    /// All queues together do.
    TotalQueueFull,
    /// It waited longer than the time to live of its queue rule.
    Expired,
    /// A later message of the same topic took its place, as its queue rule says.
    Superseded,
    /// QoS 0, which its queue rule does not keep for clients that sleep.
    Qos0,
    /// There are as many retained messages, or octets of them, as there may be: it was delivered but not kept.
    RetainedLimit,
    /// The message does not fit a datagram of the client's link.
    TooLong,
    /// The client refused it with PUBACK "not supported".
    Refused,
    /// The client refused the topic's REGISTER.
    Unwanted,
    /// No topic id is left for the client.
    TopicIdLimit,
    /// It waited, and the rules were changed: the client may not receive it any more.
    NotAllowed,
    /// The session that was to get it for a shared subscription has ended, and no other member takes it.
    NoMember,
    /// Its session has ended because the client was away for too long, or has not answered.
    SessionExpired,
    /// Its session has been dropped, or its client may not come in any more.
    SessionDropped,
    /// The client has begun a new session in the place of the one that it was for.
    SessionReplaced,
}

impl DropReason {
    /// All there are.
    pub const ALL: [Self; 15] = [
        Self::QueueFull,
        Self::TotalQueueFull,
        Self::Expired,
        Self::Superseded,
        Self::Qos0,
        Self::RetainedLimit,
        Self::TooLong,
        Self::Refused,
        Self::Unwanted,
        Self::TopicIdLimit,
        Self::NotAllowed,
        Self::NoMember,
        Self::SessionExpired,
        Self::SessionDropped,
        Self::SessionReplaced,
    ];

    /// Whether this is what somebody wanted: the operator by a queue rule, or the publisher by an expiry.
    #[must_use]
    pub const fn is_wanted(self) -> bool {
        matches!(self, Self::Expired | Self::Superseded | Self::Qos0)
    }

    /// A short stable label for metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue-full",
            Self::TotalQueueFull => "total-queue-full",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Qos0 => "qos-0",
            Self::RetainedLimit => "retained-limit",
            Self::TooLong => "too-long",
            Self::Refused => "refused",
            Self::Unwanted => "unwanted",
            Self::TopicIdLimit => "topic-id-limit",
            Self::NotAllowed => "not-allowed",
            Self::NoMember => "no-member",
            Self::SessionExpired => "session-expired",
            Self::SessionDropped => "session-dropped",
            Self::SessionReplaced => "session-replaced",
        }
    }
}

/// Counters since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Refused packets by reason, over all senders.
    pub rejects: BTreeMap<RejectReason, u64>,
    /// Dropped messages by reason, over all clients.
    pub drops: BTreeMap<DropReason, u64>,
    /// Messages accepted from clients, and wills, by QoS; -1 counts as 0.
    pub published: [u64; 3],
    /// Octets of their payloads.
    pub published_bytes: [u64; 3],
    /// PUBLISH sent to clients, by QoS, those that were sent again included.
    pub sent: [u64; 3],
    /// Octets of their payloads.
    pub sent_bytes: [u64; 3],
    /// CONNECTs accepted.
    pub connects: u64,
    /// Datagrams taken in.
    pub sn_received: u64,
    /// Datagrams handed to the driver.
    pub sn_sent: u64,
    /// Octets of datagrams taken in.
    pub sn_octets_received: u64,
    /// Octets of datagrams handed to the driver.
    pub sn_octets_sent: u64,
    /// Octets of MQTT connections that were read, as [`Core::set_mqtt_octets`](crate::Core::set_mqtt_octets) has told.
    pub mqtt_octets_received: u64,
    /// Octets of MQTT connections that were written.
    pub mqtt_octets_sent: u64,
    /// MQTT packets taken in.
    pub mqtt_received: u64,
    /// MQTT packets handed to the driver.
    pub mqtt_sent: u64,
    /// Sessions forgotten because their client was away for too long.
    pub expired: u64,
    /// Messages handed to subscribers' queues.
    pub routed: u64,
    /// Messages that a subscription asked for and its client may not receive.
    pub withheld: u64,
    /// Datagrams sent again for want of an answer.
    pub retransmissions: u64,
    /// Datagrams that were not sent because [`Limits::uncommitted_bytes`](crate::Limits) was reached.
    pub unsent: u64,
    /// Datagrams that were not sent because all airtime was used, see [`Airtime`](crate::Airtime).
    pub airtime_unsent: u64,
    /// How often an MQTT connection was not read from for the same reason.
    pub held_back: u64,
    /// Connections that the other broker has accepted for nodes, see [`Transparent`](crate::Transparent).
    pub upstream_connects: u64,
    /// Those that broke.
    pub upstream_losses: u64,
    /// Those that it has refused.
    pub upstream_refusals: u64,
    /// Nodes that have gone to another gateway of the same broker.
    pub upstream_moved: u64,
}

impl Stats {
    /// Datagrams and MQTT packets taken in.
    pub(crate) fn packets_received(&self) -> u64 {
        self.sn_received + self.mqtt_received
    }

    /// Datagrams and MQTT packets handed to the driver.
    pub(crate) fn packets_sent(&self) -> u64 {
        self.sn_sent + self.mqtt_sent
    }

    /// Octets from clients of both kinds.
    pub(crate) fn octets_received(&self) -> u64 {
        self.sn_octets_received + self.mqtt_octets_received
    }

    /// Octets to clients of both kinds.
    pub(crate) fn octets_sent(&self) -> u64 {
        self.sn_octets_sent + self.mqtt_octets_sent
    }

    /// Messages accepted, at every QoS.
    pub(crate) fn messages_published(&self) -> u64 {
        self.published.iter().sum()
    }

    /// PUBLISH sent, at every QoS.
    pub(crate) fn publishes_sent(&self) -> u64 {
        self.sent.iter().sum()
    }

    /// Messages dropped, for all reasons.
    pub(crate) fn messages_dropped(&self) -> u64 {
        self.drops.values().sum()
    }

    /// Refused packets by the reason's name.
    #[must_use]
    pub fn rejects_by_name(&self) -> BTreeMap<&'static str, u64> {
        let mut by_name = BTreeMap::new();
        for (reason, count) in &self.rejects {
            *by_name.entry(reason.name()).or_default() += count;
        }
        by_name
    }
}

/// How much there is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Sessions, connected or kept.
    pub sessions: usize,
    /// Subscriptions, counted once per filter and session.
    pub subscriptions: usize,
    /// Topics with a retained message.
    pub retained: usize,
    /// Messages that wait for clients or are in flight to them.
    pub waiting_messages: usize,
    /// Their octets, topics and payloads.
    pub waiting_bytes: usize,
    /// Outputs that wait for a commit.
    pub held: usize,
    /// Octets in memory that wait for the store.
    pub uncommitted_bytes: usize,
}

/// One client as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// Its id.
    pub client_id: Arc<str>,
    /// Its state.
    pub state: ClientState,
    /// Where it is, if it is anywhere.
    pub via: Option<Via>,
    /// How it is connected to the other broker, if its session lives there and it is connected here.
    pub upstream: Option<UpstreamState>,
    /// Messages that wait for it, those in flight included.
    pub waiting: usize,
    /// Refused packets by reason.
    pub rejects: BTreeMap<RejectReason, u32>,
    /// Dropped messages by reason.
    pub drops: BTreeMap<DropReason, u32>,
}

/// A client's state (1.2 §6.14, Figure 4); an MQTT client is active or disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is the spec's state of that name")]
pub enum ClientState {
    Active,
    Asleep,
    Awake,
    Disconnected,
    Lost,
}

/// What was refused of or dropped for one client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) rejects: BTreeMap<RejectReason, u32>,
    pub(crate) drops: BTreeMap<DropReason, u32>,
}
