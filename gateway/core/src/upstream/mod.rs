//! Transparent mode: clients of MQTT-SN whose sessions live at another broker, each over a connection of its own.
//!
//! The node's side is the same as for a session that lives here (`sn`): will dialogue, topic ids, sleep, one exchange at
//! a time. Only what a session is for lies elsewhere: CONNACK, PUBACK, PUBREC, PUBCOMP, SUBACK and UNSUBACK go to the node
//! when upstream has said them, and upstream hears PUBACK, PUBREC and PUBCOMP when the node has said them. MsgIds are the
//! packet ids there, both ways. So nothing is promised here, nothing of a message is stored, and a node may go on at any
//! other gateway of the same broker.
//!
//! `line` makes and loses connections, `up` passes on what a node asks for, `down` what upstream sends.

mod down;
mod line;
mod remote;
mod up;

pub(crate) use remote::Remote;

use remote::Line;

use crate::Core;
use crate::broker::SessionKey;
use crate::map::{Map, MapSeed};
use crate::mqtt::{Connect, Disconnect, Packet, Version};
use sn_types::{Instant, TransportId};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// How nodes are seen at the other broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transparent {
    /// The transports whose clients live there; `None`: all.
    pub transports: Option<Vec<TransportId>>,
    /// What to speak there.
    pub version: Version,
    /// What client ids begin with there; the node's own id follows.
    pub client_id_prefix: String,
    /// The longest keep-alive, in seconds: a node's own if that is shorter. The driver keeps it, whatever the node does.
    pub keep_alive_s: u16,
    /// How long the broker is to keep the session of a node that is away, in seconds; MQTT 5 only.
    pub session_expiry_s: u32,
    /// How long a will waits for its node to come back, perhaps to another gateway, in seconds; MQTT 5 only.
    pub will_delay_s: u32,
    /// The longest pause between two attempts to connect for a node.
    pub reconnect_max: Duration,
}

impl Transparent {
    /// Whether clients of a transport live upstream.
    fn covers(&self, transport: TransportId) -> bool {
        self.transports.as_ref().is_none_or(|transports| transports.contains(&transport))
    }
}

/// A connection to upstream, numbered by the core, never used again while the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UpstreamId(pub u64);

/// What the driver is to do with a connection to upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToUpstream {
    /// Make it, and send this first, with the user and password that the driver knows. Its keep-alive is the driver's to
    /// keep. However it goes on, [`FromUpstream::Closed`] ends it.
    Open(Box<Connect>),
    /// Send a packet.
    Packet(Packet),
    /// Read from it, or leave what comes to wait.
    Read(bool),
    /// Close it: with this packet, or at once and without a word, so that the will is published.
    Close(Option<Disconnect>),
}

/// What has come of a connection to upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromUpstream {
    /// A packet.
    Packet(Packet),
    /// It is gone, or was never made: once for each [`ToUpstream::Open`], and the last thing about it.
    Closed(Ending),
}

/// How a connection to upstream has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The other broker has closed it, after CONNACK: it may have the client elsewhere.
    HungUp,
    /// It is dead, was never made, or was to end.
    Broken,
    /// The other broker has sent what cannot be taken in, and is likely to send it again.
    Unreadable,
}

impl Core {
    /// Clients of this transport live upstream, too, if not all do.
    pub fn make_transparent(&mut self, id: TransportId) {
        let transports = self.config.transparent.as_mut().and_then(|settings| settings.transports.as_mut());
        transports.into_iter().for_each(|transports| transports.push(id));
    }

    /// How many clients that live at another broker are how connected there. Takes time in proportion to their number.
    pub fn upstream_census(&self) -> impl Iterator<Item = (UpstreamState, usize)> {
        UpstreamState::ALL.into_iter().zip(self.upstream.census())
    }
}

/// How a client's connection to upstream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UpstreamState {
    /// It is made, or waits its turn.
    Connecting,
    /// The other broker has accepted it.
    Connected,
    /// The last attempt has failed: another follows after a pause.
    BackingOff,
    /// The other broker has closed it, perhaps because the client is elsewhere: it is made again when the client is heard.
    Parted,
}

impl UpstreamState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Connecting, Self::Connected, Self::BackingOff, Self::Parted];

    /// A short stable label for topics and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::BackingOff => "backing-off",
            Self::Parted => "parted",
        }
    }
}

/// Whose connection it is.
#[derive(Clone, Debug)]
enum Whose {
    Client(SessionKey),
    /// Nobody's any more: it was told to close.
    Leaving(Arc<str>),
}

/// All connections to upstream.
#[derive(Debug)]
pub(crate) struct UpstreamSide {
    /// Of connected clients only: who is disconnected or lost has none.
    remotes: Map<SessionKey, Box<Remote>>,
    by_id: Map<UpstreamId, Whose>,
    /// Clients whose connection was told to close and is not gone yet, and who waits for that: two connections of one
    /// client would drive each other out.
    leaving: Map<Arc<str>, Option<SessionKey>>,
    /// Who has said CONNECT and waits for a connection. Who has left meanwhile is still there.
    joiners: VecDeque<SessionKey>,
    /// Who else waits for one.
    queue: VecDeque<SessionKey>,
    /// No connection is made before.
    next_dial: Instant,
    scheduled: Instant,
    last_id: u64,
}

impl UpstreamSide {
    pub(crate) fn new(seed: MapSeed) -> Self {
        Self {
            remotes: seed.map(),
            by_id: seed.map(),
            leaving: seed.map(),
            joiners: VecDeque::new(),
            queue: VecDeque::new(),
            next_dial: Instant::ZERO,
            scheduled: Instant::FAR_FUTURE,
            last_id: 0,
        }
    }

    fn get_mut(&mut self, key: SessionKey) -> Option<&mut Remote> {
        self.remotes.get_mut(&key).map(Box::as_mut)
    }

    /// Whose turn it is: nodes that say CONNECT come first. Who does not wait any more is passed over.
    fn next_in_line(&mut self) -> Option<SessionKey> {
        let Self { joiners, queue, remotes, .. } = self;
        [joiners, queue].into_iter().find_map(|line| {
            let waits = |key: &SessionKey| remotes.get(key).is_some_and(|remote| remote.line == Line::Queued);
            let gone = line.iter().take_while(|key| !waits(key)).count();
            line.drain(..gone);
            line.front().copied()
        })
    }

    /// The one whose turn it is waits no more.
    fn leave_queue(&mut self) {
        if self.joiners.pop_front().is_none() {
            self.queue.pop_front();
        }
    }

    /// How a session's client is connected to upstream, if that is where it lives.
    pub(crate) fn state(&self, key: SessionKey) -> Option<UpstreamState> {
        self.remotes.get(&key).map(|remote| remote.state())
    }

    fn census(&self) -> [usize; UpstreamState::ALL.len()] {
        let mut counts = [0; UpstreamState::ALL.len()];
        self.remotes.values().for_each(|remote| counts[remote.state() as usize] += 1);
        counts
    }

    /// Whether a QoS 2 exchange with the node is upstream's turn: nothing else is sent to it meanwhile.
    pub(crate) fn awaits_release(&self, key: SessionKey) -> bool {
        self.remotes.get(&key).is_some_and(|remote| remote.awaits_release())
    }
}
