//! The core's door.

use crate::access::Access;
use crate::broker::{Broker, SessionKey};
use crate::durable::{Journal, Outbox};
use crate::map::MapSeed;
use crate::mqtt::MqttSide;
use crate::nodes::Nodes;
use crate::sn::SnSide;
use crate::timers::Timers;
use crate::upstream::UpstreamSide;
use crate::{Config, ConnId, Event, Gauges, Input, Output, RejectReason, Stats, StorageState};
use sn_types::{Instant, LinkProfile, TransportId};

/// The gateway's state and its rules.
///
/// Call [`handle_input`](Core::handle_input) for everything that happens and
/// [`handle_timeout`](Core::handle_timeout) when [`poll_timeout`](Core::poll_timeout)'s time has come; after each (or
/// after a batch of inputs) call [`poll_output`](Core::poll_output) until it returns `None` and carry the outputs out
/// in order. `now` never goes back.
#[derive(Debug)]
pub struct Core {
    pub(crate) config: Config,
    pub(crate) access: Access,
    pub(crate) broker: Broker,
    pub(crate) sn: SnSide,
    pub(crate) mqtt: MqttSide,
    pub(crate) nodes: Nodes,
    pub(crate) upstream: UpstreamSide,
    pub(crate) timers: Timers<TimerKey>,
    pub(crate) journal: Journal,
    pub(crate) out: Outbox,
    pub(crate) stats: Stats,
    pub(crate) storage: StorageState,
}

/// What a timer looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerKey {
    /// An MQTT-SN client: retransmission, keep-alive, sleep.
    SnClient(SessionKey),
    /// A will dialogue before CONNACK.
    Connecting(u32),
    /// An MQTT connection's keep-alive.
    MqttConn(ConnId),
    /// MQTT connections that may go on.
    MqttHeldBack,
    /// MQTT connections that have been given enough for a moment.
    MqttRound,
    /// A client's connection to upstream.
    Upstream(SessionKey),
    /// The next connection to upstream may be made.
    UpstreamDial,
    /// A session whose client has gone.
    Session(SessionKey),
    /// The next ADVERTISE.
    Advertise,
    /// Retained messages that expire.
    Retained,
    /// What is published below `$SYS`.
    Sys,
    /// Clients for which there was no airtime.
    Airtime(TransportId),
    /// Frame counters that were accepted and are not on the disk.
    Counters,
}

impl Core {
    /// A gateway without clients.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let seed = MapSeed::new(config.hash_seed);
        Self {
            access: Access::new(seed, &config.access),
            broker: Broker::new(seed, config.durable),
            journal: Journal::new(config.durable),
            sn: SnSide::new(seed, &config),
            mqtt: MqttSide::new(seed),
            nodes: Nodes::new(),
            upstream: UpstreamSide::new(seed),
            timers: Timers::new(),
            out: Outbox::new(seed),
            stats: Stats::default(),
            storage: StorageState::Ok,
            config,
        }
    }

    /// Makes a transport known, and advertises there at `now` if it can broadcast. Datagrams from an unknown transport
    /// are taken as [`LinkProfile::UDP`] without broadcast.
    pub fn add_transport(&mut self, now: Instant, id: TransportId, profile: LinkProfile) {
        self.sn_add_transport(now, id, profile);
    }

    /// Takes in what happened at `now`.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        self.sn.set_time(now);
        match input {
            Input::Datagram { from, bytes } => {
                self.stats.sn_received += 1;
                self.stats.sn_octets_received += bytes.len() as u64;
                self.sn_datagram(now, from, bytes);
            }
            Input::Node { transport, report } => self.node_reported(now, transport, &report),
            Input::Airtime { transport, airtime } => self.sn.airtime_told(transport, airtime),
            Input::CountersWanted { transport } => self.counters_wanted(transport),
            Input::Mqtt { conn, packet } => {
                self.stats.mqtt_received += 1;
                self.mqtt_packet(now, conn, packet);
            }
            Input::MqttMalformed { conn, code, what } => self.mqtt_malformed(now, conn, code, what),
            Input::MqttClosed { conn } => self.mqtt_closed(now, conn),
            Input::MqttWritable { conn, writable } => self.mqtt_writable(now, conn, writable),
            Input::Upstream { id, what } => self.upstream_input(now, id, what),
            Input::Committed { token } => {
                self.committed(token);
                self.mqtt_schedule_round(now);
            }
            Input::Storage(state) => {
                self.storage = state;
                self.sys_storage_changed(now);
            }
            Input::Shutdown => {
                self.sn_shutdown();
                self.upstream_shutdown();
                self.mqtt_shutdown(now);
            }
        }
        self.give_turns(now);
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.sn.set_time(now);
        while let Some((due, key)) = self.timers.pop_due(now) {
            match key {
                TimerKey::SnClient(key) => self.sn_client_due(now, due, key),
                TimerKey::Connecting(dialogue) => self.sn_connecting_due(now, due, dialogue),
                TimerKey::MqttConn(conn) => self.mqtt_due(now, conn),
                TimerKey::MqttHeldBack => self.mqtt_go_on(now),
                TimerKey::MqttRound => self.mqtt_next_round(now),
                TimerKey::Upstream(key) => self.upstream_due(now, due, key),
                TimerKey::UpstreamDial => self.upstream_dial_due(now, due),
                TimerKey::Session(key) => self.session_due(now, due, key),
                TimerKey::Advertise => self.sn_advertise(now, due),
                TimerKey::Retained => self.retained_due(now, due),
                TimerKey::Sys => self.sys_due(now, due),
                TimerKey::Airtime(transport) => self.airtime_due(now, due, transport),
                TimerKey::Counters => self.counters_due(due),
            }
        }
        self.give_turns(now);
    }

    /// The next thing to carry out.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.out.pop().or_else(|| self.next_commit());
        match &output {
            Some(Output::Send { datagram, .. } | Output::Broadcast { datagram, .. }) => {
                self.stats.sn_sent += 1;
                self.stats.sn_octets_sent += datagram.len() as u64;
            }
            Some(Output::Mqtt { .. }) => self.stats.mqtt_sent += 1,
            Some(
                Output::MqttClose { .. }
                | Output::MqttRead { .. }
                | Output::Counters { .. }
                | Output::Upstream { .. }
                | Output::Commit { .. }
                | Output::Event(_),
            )
            | None => {}
        }
        output
    }

    /// When to call [`Core::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Counters since the start.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The store's state, as [`Input::Storage`] has told it.
    #[must_use]
    pub fn storage(&self) -> StorageState {
        self.storage
    }

    /// Says how many octets MQTT clients have sent and been sent since the start: the driver sees the streams.
    pub fn set_mqtt_octets(&mut self, received: u64, sent: u64) {
        (self.stats.mqtt_octets_received, self.stats.mqtt_octets_sent) = (received, sent);
    }

    /// Counts what the driver has refused itself: octets that are no MQTT packet. `what` names the fault.
    pub fn count_malformed(&mut self, what: &'static str) {
        *self.stats.rejects.entry(RejectReason::Malformed(what)).or_default() += 1;
    }

    /// How much there is now.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        let uncommitted_bytes = self.uncommitted_bytes();
        Gauges { held: self.out.held(), uncommitted_bytes, ..self.broker.gauges() }
    }

    /// Takes over a new configuration. Answers with the names of what needs a restart to change.
    pub fn reconfigure(&mut self, now: Instant, config: Config) -> Vec<&'static str> {
        self.set_predefined(&config.predefined);
        let rules_differ = (&config.access, &config.peers) != (&self.config.access, &self.config.peers);
        // Clients and other gateways know this gateway by its id.
        let Config { gw_id, hash_seed, durable, .. } = self.config;
        // Where a session lives is settled by its CONNECT.
        let transparent = self.config.transparent.take();
        let kept = Config { gw_id, hash_seed, durable, transparent, ..config.clone() };
        self.config = kept;
        if rules_differ {
            self.access_changed(now);
        }
        if config.gw_id == self.config.gw_id { Vec::new() } else { vec!["gw_id"] }
    }

    /// Refuses what would need a promise that cannot be kept.
    pub(crate) fn can_promise(&self) -> Result<(), RejectReason> {
        match self.storage {
            StorageState::Ok if self.is_backlogged() => Err(RejectReason::UncommittedLimit),
            StorageState::Ok => Ok(()),
            StorageState::Full | StorageState::Failed => Err(RejectReason::Storage),
        }
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.stats.connects += u64::from(matches!(event, Event::Connected { .. }));
        self.out.push(Output::Event(event));
    }
}
