//! What the application learns.

use sn_codec::{GwId, Qos, ReturnCode, ShortName, TopicId};

/// Something the application should know. Most calls bring none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The gateway accepted the connection; an interrupted request goes on by itself.
    Connected,
    /// The gateway refused the connection. With congestion and `auto_reconnect` the client tries again after T_WAIT,
    /// otherwise it is disconnected.
    Refused(ReturnCode),
    /// The gateway confirmed the DISCONNECT.
    Disconnected,
    /// The connection is gone. With `auto_reconnect` the client is connecting again, otherwise it is disconnected.
    /// An interrupted request is kept: [`crate::Client::connect`] without CleanSession goes on with it.
    Lost(Cause),
    /// The radio may be switched off until the next [`crate::Client::wake`].
    Asleep {
        /// The gateway said that nothing is left for the client; false when it stopped answering.
        drained: bool,
    },
    /// The PUBLISH at QoS 1 or 2 is acknowledged.
    Published,
    /// The SUBSCRIBE is acknowledged.
    Subscribed {
        /// At most the QoS asked for.
        granted: Qos,
    },
    /// The UNSUBSCRIBE is acknowledged.
    Unsubscribed,
    /// The will topic or will message is replaced.
    WillUpdated,
    /// The gateway refused the request in progress, which is thereby over.
    Rejected(ReturnCode),
    /// The gateway refused an earlier PUBLISH at QoS 0.
    Qos0Rejected(ReturnCode),
    /// The gateway is congested: the request in progress goes on after T_WAIT.
    Congested,
    /// A message arrived. At QoS 2 it is reported once.
    Message(Received<'a>),
    /// A gateway made itself known; a search is over.
    GatewayFound {
        /// Which.
        gw_id: GwId,
        /// Its address if another client answered for it; empty: the sender of this datagram.
        gw_add: &'a [u8],
        /// Seconds to its next ADVERTISE, if this was one.
        next_advertise_s: Option<u16>,
    },
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing came back after all retransmissions.
    NoAnswer,
    /// The gateway sent DISCONNECT: it shut down or does not know the client (any more).
    ByGateway,
}

/// An arrived message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// Its topic, in the form it came in.
    pub topic: Topic<'a>,
    /// Possibly empty.
    pub payload: &'a [u8],
    /// 0 to 2.
    pub qos: Qos,
    /// It was stored at the broker before the subscription.
    pub retain: bool,
}

/// A topic in one of the three forms an application knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic<'a> {
    /// A topic name, or a filter in a subscription. The client takes care of its topic id.
    Name(&'a str),
    /// An id that the application and the gateway know in advance.
    Predefined(TopicId),
    /// A name of two octets, which needs no registration.
    Short(ShortName),
}

impl Topic<'_> {
    /// The name, if the topic carries one.
    ///
    /// Some gateways deliver topics of one or two characters in the short form even to those who subscribed by name,
    /// a single character followed by a zero octet: both read like the name here.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Predefined(_) => None,
            Self::Short(ShortName(octets)) => {
                let name = core::str::from_utf8(octets).ok()?;
                Some(name.strip_suffix('\0').unwrap_or(name))
            }
        }
    }
}
