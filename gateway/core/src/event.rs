//! What an operator may want to read in the log.

use crate::access::Action;
use crate::mqtt::ReasonCode;
use crate::{ConnId, DropReason, RejectReason};
use sn_types::{PeerAddr, TopicId, TransportId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Over what a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// MQTT-SN, from this address.
    Sn(PeerAddr),
    /// MQTT, on this connection.
    Mqtt(ConnId),
}

/// Something that happened, mostly to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A client connected.
    Connected {
        /// Its id.
        client_id: Arc<str>,
        /// How.
        via: Via,
        /// Who it is, if it has said so.
        user: Option<Arc<str>>,
        /// Whether it went on with a session that was kept.
        session_present: bool,
        /// It was asleep, or awake, where it is now: a sleeper that wants to publish connects (1.2 §6.14).
        from_sleep: bool,
    },
    /// A client said good-bye.
    Disconnected {
        /// Its id.
        client_id: Arc<str>,
    },
    /// A client has gone to sleep.
    Asleep {
        /// Its id.
        client_id: Arc<str>,
        /// For how long, in seconds, it said.
        duration_s: u16,
    },
    /// A sleeping client has woken to collect its messages.
    Awake {
        /// Its id.
        client_id: Arc<str>,
        /// Messages that wait for it.
        waiting: usize,
    },
    /// An awake client has been sent all there was: PINGRESP ends its wake.
    Drained {
        /// Its id.
        client_id: Arc<str>,
        /// How long that took, from its PINGREQ.
        took: Duration,
    },
    /// A client has been silent for too long, did not acknowledge, or went without a word: its will is published.
    Lost {
        /// Its id.
        client_id: Arc<str>,
        /// Why.
        why: LostReason,
    },
    /// A session was forgotten: its client has been away for too long.
    Expired {
        /// Its id.
        client_id: Arc<str>,
    },
    /// Another connection uses the client id now.
    TakenOver {
        /// The id.
        client_id: Arc<str>,
        /// The new one.
        by: Via,
    },
    /// A client has gone to another gateway of the broker where its session lives: here it is forgotten.
    MovedAway {
        /// Its id.
        client_id: Arc<str>,
    },
    /// The broker where a client's session lives has refused its CONNECT.
    UpstreamRefused {
        /// The client's id here.
        client_id: Arc<str>,
        /// Why.
        code: ReasonCode,
    },
    /// A predefined topic id means another topic than before the restart or the reload.
    PredefinedChanged {
        /// The id.
        id: TopicId,
        /// What it meant.
        was: Arc<str>,
        /// What it means now, if anything.
        is: Option<Arc<str>>,
    },
    /// All frame counters are used: what the transport sends cannot be secured any more.
    CountersUsedUp {
        /// Which transport.
        transport: TransportId,
    },
    /// A message for a client was dropped.
    Dropped {
        /// The client's id.
        client_id: Arc<str>,
        /// The message's topic.
        topic: Arc<str>,
        /// Why.
        reason: DropReason,
    },
    /// The rules do not allow something. The packet that wanted it is [`Event::Rejected`], too.
    Denied {
        /// Who wanted it; empty: a sender without a session.
        client_id: Arc<str>,
        /// Who that is, if it has said so.
        user: Option<Arc<str>>,
        /// What it wanted to do.
        action: Action,
        /// To which topic, or for a subscription, to which filter; empty for [`Action::Connect`].
        topic: Arc<str>,
    },
    /// Messages that a session still had when it ended were dropped. There may be very many: they are one event for each reason.
    LeftOver {
        /// The client's id.
        client_id: Arc<str>,
        /// Why.
        reason: DropReason,
        /// How many of each topic.
        messages: BTreeMap<Arc<str>, u64>,
    },
    /// A packet was refused or ignored.
    Rejected {
        /// Who sent it.
        from: Via,
        /// Why.
        reason: RejectReason,
    },
}

/// Why a client is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostReason {
    /// Nothing was heard for the keep-alive and its tolerance.
    KeepAlive,
    /// A sleeping client did not wake within its duration and its tolerance.
    Sleep,
    /// A message was sent N_retry times again without an answer.
    Retries,
    /// The connection broke.
    Connection,
    /// The gateway has closed the connection.
    Closed {
        /// Which it was.
        conn: ConnId,
        /// What the client did.
        what: &'static str,
    },
    /// Another client uses its address now.
    Replaced,
    /// The configuration or the passwords were changed, and do not let it in any more.
    LoggedOut,
    /// Its node is on the list as one that may not come in any more.
    Revoked,
}
