//! What an operator can set, as plain values. Reading them from a file is the daemon's business.

use crate::{AccessRule, PeerRule, Transparent};
use sn_types::{GwId, TopicId};
use std::time::Duration;

/// How the core behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// This gateway's id in ADVERTISE and GWINFO (1.2 §5.3).
    pub gw_id: GwId,
    /// Timers and counters.
    pub timing: Timing,
    /// Every limit.
    pub limits: Limits,
    /// Predefined topic ids and their names. They are taken as they are: whoever reads them from the operator refuses
    /// ids 0000 and FFFF, and names that are no topic names (see [`crate::validate_topic_name`]).
    pub predefined: Vec<(TopicId, String)>,
    /// Accept PUBLISH with QoS -1, which needs no connection.
    pub qos_minus_one: bool,
    /// Make up a client id for a CONNECT without one, instead of CONNACK 03.
    pub generate_client_ids: bool,
    /// What a PINGREQ with ClientId from a new address does.
    pub address_moves: AddressMoves,
    /// What a full queue drops, where no rule says otherwise.
    pub when_full: WhenFull,
    /// How messages that wait are treated, by topic: the first rule whose filter matches counts.
    pub queue_rules: Vec<QueueRule>,
    /// Who may do what: the first rule that fits decides. Without rules everybody may do everything.
    pub access: Vec<AccessRule>,
    /// Which user an MQTT-SN peer is: the first rule that fits says so.
    pub peers: Vec<PeerRule>,
    /// How long a session is kept after its client has gone; `None`: for ever. MQTT-SN 1.2 and MQTT 3.1.1 have no way to
    /// say so; for MQTT 5 it is the longest that a client may ask for.
    pub session_expiry: Option<Duration>,
    /// The longest keep-alive of an MQTT 5 client, in seconds: one that asks for more, or for none, is told to keep this.
    /// `None`: any. MQTT 3.1.1 has no way to say so.
    pub max_keep_alive_s: Option<u16>,
    /// What the names of response topics begin with, for clients of MQTT 5 that ask; their client id follows. `None`:
    /// they are not told.
    pub response_topics: Option<String>,
    /// Refuse messages that say that they are UTF-8 text and are not.
    pub check_payload_format: bool,
    /// Tell clients of MQTT 5 that a message or a subscription is not authorized; else it is an "unspecified error", which
    /// does not show what is guarded.
    pub say_not_authorized: bool,
    /// How often what has changed below `$SYS/broker` is published; `None`: nothing ever is.
    pub sys_interval: Option<Duration>,
    /// Clients of MQTT-SN live at another broker; `None`: all live here.
    pub transparent: Option<Transparent>,
    /// There is a store: [`crate::Output::Commit`] is carried out, and promises wait for it.
    pub durable: bool,
    /// Seed of the hash maps: random in the daemon, fixed in tests and the simulator.
    pub hash_seed: u64,
    /// A bug that is switched on.
    #[cfg(feature = "planted-bugs")]
    pub planted: Option<crate::PlantedBug>,
}

/// How a transport is spared, see [`crate::Core::set_pacing`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pacing {
    /// How much of the air it may use; `None`: as much as it can.
    pub airtime: Option<Airtime>,
    /// How many clients that have woken are sent their messages at the same time; `None`: any number.
    pub wakes: Option<u16>,
}

/// How much a transport may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Airtime {
    /// The share of each window, in millionths. EN 300 220-2 has 10,000 or 1,000 for most of 863-870 MHz.
    pub limit_ppm: u32,
    /// The window: an hour in EN 300 220-2.
    pub window: Duration,
    /// What the radio puts on the air, in bits per second.
    pub bits_per_s: u32,
    /// What it puts around a datagram, in octets: preamble, headers, checksum, integrity code.
    pub overhead: u16,
}

impl Airtime {
    /// How long a datagram is on the air, in microseconds.
    pub(crate) fn of(&self, octets: usize) -> u64 {
        let bits = (octets as u64 + u64::from(self.overhead)) * 8;
        (bits * 1_000_000).div_ceil(u64::from(self.bits_per_s.max(1)))
    }
}

/// Timers and counters (1.2 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// T_retry: how long an answer may take before a message is sent again. The spec says 10-15 s.
    pub t_retry: Duration,
    /// N_retry: how often a message is sent again before the client is lost. The spec says 3-5.
    pub n_retry: u8,
    /// T_WAIT: the pause after a client said "congestion". The spec says more than 5 min.
    pub t_wait: Duration,
    /// T_ADV: the period of ADVERTISE, at most 65,535 s. The spec says more than 15 min.
    pub t_adv: Duration,
}

/// Every limit. Each is answered or counted when reached, never met with silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions, connected or kept, MQTT-SN and MQTT together. Beyond: CONNACK "congestion" or "server unavailable".
    pub clients: usize,
    /// Nodes behind one forwarder (1.2 §5.5) that have a session, connected or kept: its address and a node id are a peer, and
    /// the ids are whatever it says. Beyond: CONNACK "congestion".
    pub nodes_per_forwarder: usize,
    /// Octets in a client id. Beyond: CONNACK "not supported" or "identifier rejected".
    pub client_id_len: usize,
    /// Octets in a topic name or filter. Beyond: REGACK, SUBACK or PUBACK "not supported".
    pub topic_name_len: usize,
    /// Normal topic ids per client. Beyond: REGACK or SUBACK "congestion".
    pub topic_ids_per_client: usize,
    /// Subscriptions per client. Beyond: SUBACK "congestion" or 0x80.
    pub subscriptions_per_client: usize,
    /// Messages that wait for one client.
    pub queue_messages: usize,
    /// Octets (topics, payloads and properties) that wait for one client, and as many again that it has not acknowledged.
    pub queue_bytes: usize,
    /// Messages that wait for all clients together, or are in flight to them.
    pub total_queue_messages: usize,
    /// Octets (topics, payloads and properties) that wait for all clients together, or are in flight to them.
    pub total_queue_bytes: usize,
    /// Topics with a retained message.
    pub retained_messages: usize,
    /// Octets (topics and payloads) of all retained messages.
    pub retained_bytes: usize,
    /// Unacknowledged QoS 1 and 2 messages to one MQTT client. To an MQTT-SN client it is always one.
    pub mqtt_inflight: usize,
    /// QoS 2 messages from one client that wait for its PUBREL. Beyond: PUBACK "congestion" or the connection closes.
    pub incoming_qos2: usize,
    /// Octets in memory that wait for the store: changes to be written, those being written, answers that wait for them.
    /// Beyond: as on a full disk, "congestion", "server unavailable" or 0x80; datagrams that would have to wait are not
    /// sent, and MQTT connections for which something waits are not read from.
    pub uncommitted_bytes: usize,
    /// Radio nodes on the list. Beyond: no more can be put there.
    pub nodes: usize,
    /// DISCONNECTs per second to one unknown sender.
    pub unknown_sender_answers_per_s: u32,
    /// GWINFOs per second to one sender of SEARCHGW. Beyond: no answer.
    pub search_answers_per_s: u32,
    /// Connections per second to the broker where nodes' sessions live. Beyond: the next waits its turn.
    pub upstream_connects_per_s: u32,
    /// QoS 1 and 2 messages that this broker may send for one node before the node has acknowledged one; MQTT 5 only.
    pub upstream_inflight: u16,
}

/// What a PINGREQ with a ClientId from a new address does to that client's session (1.2 §6.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AddressMoves {
    /// The session moves only on a transport that authenticates its peers; elsewhere the sender is told DISCONNECT.
    #[default]
    Authenticated,
    /// The session moves. Anybody who knows a client id can then take its messages.
    Always,
}

/// What gives way when a client's queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// The message that does not fit any more.
    #[default]
    DropNewest,
    /// The message that has waited longest.
    DropOldest,
}

/// How messages of some topics are treated while they wait for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueRule {
    /// The topics it is about.
    pub filter: String,
    /// Which of them are kept.
    pub keep: Keep,
    /// A message that has waited longer is dropped.
    pub time_to_live: Option<Duration>,
    /// What a full queue drops; `None`: as everywhere.
    pub when_full: Option<WhenFull>,
    /// Messages of a higher priority are fetched first; without a rule it is 0.
    pub priority: u8,
    /// Keep QoS 0 messages for a sleeping client too.
    pub keep_qos0: bool,
}

/// Which of the messages that wait are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Keep {
    /// All, in order.
    #[default]
    All,
    /// Only the latest of each topic. A message of QoS 0 takes the place only of others of QoS 0: it may be lost, and what was
    /// acknowledged to its publisher would be with it.
    Latest,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            gw_id: GwId(1),
            timing: Timing::default(),
            limits: Limits::default(),
            predefined: Vec::new(),
            qos_minus_one: true,
            generate_client_ids: false,
            address_moves: AddressMoves::default(),
            when_full: WhenFull::default(),
            queue_rules: Vec::new(),
            access: Vec::new(),
            peers: Vec::new(),
            session_expiry: Some(Duration::from_secs(30 * 86_400)),
            max_keep_alive_s: None,
            response_topics: None,
            check_payload_format: false,
            say_not_authorized: true,
            sys_interval: Some(Duration::from_secs(10)),
            transparent: None,
            durable: false,
            hash_seed: 0,
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            t_retry: Duration::from_secs(10),
            n_retry: 5,
            t_wait: Duration::from_secs(300),
            t_adv: Duration::from_secs(900),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 100_000,
            nodes_per_forwarder: 1_000,
            client_id_len: 128,
            topic_name_len: 1_024,
            topic_ids_per_client: 1_024,
            subscriptions_per_client: 1_024,
            queue_messages: 10_000,
            queue_bytes: 16 << 20,
            total_queue_messages: 10_000_000,
            total_queue_bytes: 1 << 30,
            retained_messages: 1_000_000,
            retained_bytes: 256 << 20,
            mqtt_inflight: 1_000,
            incoming_qos2: 1_000,
            uncommitted_bytes: 256 << 20,
            nodes: 10_000,
            unknown_sender_answers_per_s: 1,
            search_answers_per_s: 10,
            upstream_connects_per_s: 100,
            upstream_inflight: 20,
        }
    }
}
