//! What happens to a bridge, what it does, and what it has to tell.

use gateway_core::mqtt::{Packet, ReasonCode};
use std::sync::Arc;
use std::time::Duration;

/// Something that happened.
#[derive(Debug)]
pub(super) enum Input {
    /// There is a stream to the other broker.
    Dialed,
    /// A packet came from the other broker.
    FromBroker(Packet),
    /// The stream to the other broker broke, or could not be opened.
    BrokerGone(String),
    /// A packet came from the core.
    FromCore(Packet),
    /// The core has closed the session's connection. `stopping`: because the gateway stops.
    CoreGone { stopping: bool },
    /// The stream to the other broker is read from again, or not for now.
    Listens(bool),
}

/// Something to do, in order.
#[derive(Debug, PartialEq)]
pub(super) enum Effect {
    /// Open a stream to the other broker; `as_bridge`: see [`crate::upstream::Wire::as_bridge`].
    Dial {
        as_bridge: bool,
    },
    ToBroker(Packet),
    /// Close the stream once what was sent before is written.
    HangUp,
    /// A new connection to the core begins.
    Enter,
    ToCore(Packet),
    /// It is over.
    Leave,
    Tell(News),
    /// Nothing more will happen.
    End,
}

/// What an operator may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Both ends are connected and have all subscriptions; whether the other broker had the bridge's session still.
    Joined { session_present: bool },
    /// The other broker was not reached, refused or went; what comes next after the pause.
    Lost { why: String, pause: Duration },
    /// The other broker refused a filter.
    SubscriptionRefused { filter: Arc<str>, code: ReasonCode },
    /// The other broker refused a message, which is lost.
    MessageRefused { code: ReasonCode },
    /// A message came that no topic of the configuration is about; it was acknowledged and goes nowhere.
    Unmapped { topic: Arc<str> },
}

/// What a bridge has done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Both ends are connected now.
    pub(crate) joined: bool,
    /// Connections that the other broker has accepted.
    pub(crate) joins: u64,
    /// PUBLISH to the other broker, repeated ones included.
    pub(crate) out: u64,
    /// PUBLISH from the other broker, repeated ones included.
    pub(crate) inward: u64,
    /// Messages that the other broker has refused.
    pub(crate) refused: u64,
    /// Messages that no topic of the configuration is about.
    pub(crate) unmapped: u64,
}

/// What a packet is called.
pub(super) fn name(packet: &Packet) -> &'static str {
    match packet {
        Packet::Connect(_) => "CONNECT",
        Packet::ConnAck(_) => "CONNACK",
        Packet::Publish(_) => "PUBLISH",
        Packet::PubAck(_) => "PUBACK",
        Packet::PubRec(_) => "PUBREC",
        Packet::PubRel(_) => "PUBREL",
        Packet::PubComp(_) => "PUBCOMP",
        Packet::Subscribe(_) => "SUBSCRIBE",
        Packet::SubAck(..) => "SUBACK",
        Packet::Unsubscribe(..) => "UNSUBSCRIBE",
        Packet::UnsubAck(..) => "UNSUBACK",
        Packet::PingReq => "PINGREQ",
        Packet::PingResp => "PINGRESP",
        Packet::Disconnect(_) => "DISCONNECT",
        Packet::Auth(_) => "AUTH",
    }
}
