//! What goes into the core and what comes out.

use crate::{CommitToken, Event, FromUpstream, NodeReport, Record, ToUpstream, UpstreamId, mqtt};
use sn_types::{PeerAddr, TransportId};
use std::ops::Range;
use std::time::Duration;

/// An MQTT connection's number, chosen by the driver, never reused while the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// Something that happened outside.
#[derive(Debug)]
pub enum Input<'a> {
    /// A datagram arrived.
    Datagram {
        /// Who sent it.
        from: PeerAddr,
        /// The whole datagram.
        bytes: &'a [u8],
    },
    /// A transport says something of a radio node: of the frames that brought datagrams before those datagrams come.
    Node {
        /// Which transport.
        transport: TransportId,
        /// What.
        report: NodeReport,
    },
    /// A radio has been sending for so long since it said so last, with all repetitions, fragments and acknowledgements: for the
    /// budget, see [`Airtime`](crate::Airtime).
    Airtime {
        /// Which transport.
        transport: TransportId,
        /// How long.
        airtime: Duration,
    },
    /// A transport needs more frame counters to send with, see [`Output::Counters`].
    CountersWanted {
        /// Which.
        transport: TransportId,
    },
    /// An MQTT packet arrived. The first of a connection must be CONNECT.
    Mqtt {
        /// On which connection.
        conn: ConnId,
        /// The packet, already checked by the listener's decoder.
        packet: mqtt::Packet,
    },
    /// What an MQTT client has sent is no MQTT, or it keeps to no limit of its listener: the connection is to end.
    MqttMalformed {
        /// On which connection.
        conn: ConnId,
        /// What a client of MQTT 5 is told.
        code: mqtt::ReasonCode,
        /// What was wrong, for the log.
        what: &'static str,
    },
    /// An MQTT connection is gone. The driver sends this once for each connection that carried a packet, also after
    /// [`Output::MqttClose`].
    MqttClosed {
        /// Which.
        conn: ConnId,
    },
    /// The connection's output buffer has passed its high-water mark (`false`) or is empty enough again (`true`).
    /// While it is not writable, the core queues (and drops by policy) what the subscriber does not take.
    MqttWritable {
        /// Which.
        conn: ConnId,
        /// Whether the core may send.
        writable: bool,
    },
    /// Something has come of a connection to the broker where nodes' sessions live.
    Upstream {
        /// Of which.
        id: UpstreamId,
        /// What.
        what: FromUpstream,
    },
    /// A commit is on stable storage.
    Committed {
        /// Which.
        token: CommitToken,
    },
    /// The store's state has changed. Without this it is [`StorageState::Ok`].
    Storage(StorageState),
    /// The daemon is about to stop: DISCONNECT goes to the clients whose session ends with the process.
    Shutdown,
}

/// Whether commits can be carried out. While they cannot, nothing is promised: promises made before wait, new ones are
/// refused with "congestion" wherever the protocol can say that, and QoS 0 goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum StorageState {
    /// They are.
    #[default]
    Ok,
    /// The disk is full: the commit under way will be carried out when there is space.
    Full,
    /// Never again in this process.
    Failed,
}

/// Something for the driver to carry out, in order.
#[derive(Debug)]
pub enum Output {
    /// Send a datagram.
    Send {
        /// To whom; for a node behind a forwarder the datagram is already encapsulated.
        to: PeerAddr,
        /// The whole datagram, never empty.
        datagram: Vec<u8>,
    },
    /// Send a datagram to every node of a transport.
    Broadcast {
        /// On which transport.
        transport: TransportId,
        /// In hops; 0 is the whole network.
        radius: u8,
        /// The whole datagram, never empty.
        datagram: Vec<u8>,
    },
    /// Send an MQTT packet.
    Mqtt {
        /// On which connection.
        conn: ConnId,
        /// The packet.
        packet: mqtt::Packet,
    },
    /// Close an MQTT connection once what was sent before is flushed.
    MqttClose {
        /// Which.
        conn: ConnId,
        /// Why, for the log.
        reason: CloseReason,
    },
    /// Stop reading from an MQTT connection, or go on. What was read before is still taken.
    MqttRead {
        /// Which.
        conn: ConnId,
        /// Whether to read.
        read: bool,
    },
    /// A transport may use these frame counters, which no other has had or will have. There is no answer to
    /// [`Input::CountersWanted`] without a store, or when all counters are used.
    Counters {
        /// Which transport.
        transport: TransportId,
        /// At least one.
        block: Range<u32>,
    },
    /// Do something with a connection to the broker where nodes' sessions live.
    Upstream {
        /// With which.
        id: UpstreamId,
        /// What.
        what: ToUpstream,
    },
    /// Write these records, all or none, and say [`Input::Committed`] when they are on stable storage. There is never
    /// more than one commit under way.
    Commit {
        /// To be said back.
        token: CommitToken,
        /// In an order that does not matter: no key comes twice.
        records: Vec<Record>,
    },
    /// Something an operator may want to read or count.
    Event(Event),
}

/// Why the core closes an MQTT connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The client said DISCONNECT.
    Disconnected,
    /// CONNACK carried a refusal.
    Refused,
    /// Another connection, MQTT or MQTT-SN, took the client id over.
    TakenOver,
    /// Nothing was heard for 1.5 times the keep-alive.
    KeepAlive,
    /// The client broke the protocol.
    Protocol {
        /// What a client of MQTT 5 is told.
        code: mqtt::ReasonCode,
        /// What it did.
        what: &'static str,
    },
    /// The daemon stops.
    Shutdown,
    /// The operator has dropped the session.
    Dropped,
    /// The passwords were changed: the client is to log in again.
    LoggedOut,
}

impl CloseReason {
    /// What a client of MQTT 5 is told, if anything is left to say.
    pub(crate) fn code(self) -> Option<mqtt::ReasonCode> {
        match self {
            Self::Disconnected | Self::Refused => None,
            Self::TakenOver => Some(mqtt::ReasonCode::SessionTakenOver),
            Self::KeepAlive => Some(mqtt::ReasonCode::KeepAliveTimeout),
            Self::Protocol { code, .. } => Some(code),
            Self::LoggedOut => Some(mqtt::ReasonCode::NotAuthorized),
            Self::Shutdown => Some(mqtt::ReasonCode::ServerShuttingDown),
            Self::Dropped => Some(mqtt::ReasonCode::AdministrativeAction),
        }
    }
}
