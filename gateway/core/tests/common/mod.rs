//! A gateway in virtual time, with MQTT-SN nodes on numbered ports and one ordinary MQTT client around it.
//!
//! A test reads like the dialogue it shows:
//!
//! ```ignore
//! let mut rig = Rig::new();
//! assert_eq!(rig.ask(NODE, connect("node")), ["CONNACK 00"]);
//! rig.publish(1, "a/b", "x");
//! assert_eq!(rig.heard(NODE), ["REGISTER id=1 mid=1 'a/b'"]);
//! rig.wait_s(10);
//! assert_eq!(rig.heard(NODE), ["REGISTER id=1 mid=1 'a/b'"]);
//! ```

pub(crate) mod access;
pub(crate) mod node;
mod records;
pub(crate) mod sn;
mod text;

use gateway_core::mqtt::{self, Packet, PacketId};
use gateway_core::{
    ClientInfo, ClientState, CommitToken, Config, ConnId, Core, DropReason, Event, Input, Output, Qos, Record,
    RejectReason, StorageState,
};
use sn_codec::{FrwdEncap, Message, decode};
use sn_types::{Instant, LinkAddr, LinkProfile, PeerAddr, TransportId};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::ops::Range;
use std::time::Duration;

/// The transport that all ports are on.
pub(crate) const TRANSPORT: TransportId = TransportId(0);

/// Where the MQTT client is.
pub(crate) const MQTT: ConnId = ConnId(1);

/// The node at this UDP port.
pub(crate) const fn port(port: u16) -> PeerAddr {
    host(1, port)
}

/// The node at this UDP port of the host 192.0.2.`host`; [`port`] is of host 1.
pub(crate) const fn host(host: u8, port: u16) -> PeerAddr {
    let addr = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, host), port);
    PeerAddr::direct(TRANSPORT, LinkAddr::Udp(SocketAddr::V4(addr)))
}

/// A datagram that the gateway sent.
struct Sent {
    at: Instant,
    to: PeerAddr,
    datagram: Vec<u8>,
}

/// The gateway, the time, and everything that came out and was not looked at yet.
pub(crate) struct Rig {
    pub(crate) core: Core,
    pub(crate) now: Instant,
    sent: Vec<Sent>,
    broadcasts: Vec<(u8, Vec<u8>)>,
    events: Vec<Event>,
    watched: Vec<mqtt::Publish>,
    closed: Vec<ConnId>,
    unread: Vec<ConnId>,
    /// Frame counters that the transports may use.
    pub(crate) counters: Vec<Range<u32>>,
    /// Commits written so far.
    pub(crate) commits: usize,
    disk: StorageState,
    /// What waits for space on the disk.
    unwritten: Option<(CommitToken, Vec<Record>)>,
    /// What is on the disk.
    pub(crate) store: BTreeMap<Vec<u8>, Vec<u8>>,
    last_packet_id: u16,
    config: Config,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A gateway whose configuration differs from the default.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { durable: has_store(), ..Config::default() };
        change(&mut config);
        Self {
            core: Core::new(config.clone()),
            now: Instant::ZERO,
            sent: Vec::new(),
            broadcasts: Vec::new(),
            events: Vec::new(),
            watched: Vec::new(),
            closed: Vec::new(),
            unread: Vec::new(),
            counters: Vec::new(),
            commits: 0,
            disk: StorageState::Ok,
            unwritten: None,
            store: BTreeMap::new(),
            last_packet_id: 0,
            config,
        }
    }

    /// Says what the link of all ports promises.
    pub(crate) fn link(&mut self, profile: LinkProfile) {
        self.core.add_transport(self.now, TRANSPORT, profile);
        self.settle();
    }

    // MQTT-SN nodes

    /// A node sends a message.
    pub(crate) fn send(&mut self, from: PeerAddr, message: Message<'_>) {
        let mut datagram = sn::octets(&message);
        if let Some(node) = from.node {
            let encapsulation = FrwdEncap { radius: 0, node_id: node.as_bytes(), inner: &datagram };
            datagram = sn::octets(&Message::FrwdEncap(encapsulation));
        }
        self.send_octets(from, &datagram);
    }

    /// A node, or its forwarder, sends a datagram.
    pub(crate) fn send_octets(&mut self, from: PeerAddr, datagram: &[u8]) {
        let from = PeerAddr { node: None, ..from };
        self.core.handle_input(self.now, Input::Datagram { from, bytes: datagram });
        self.settle();
    }

    /// Something else happens outside.
    pub(crate) fn input(&mut self, input: Input<'_>) {
        self.core.handle_input(self.now, input);
        self.settle();
    }

    /// What a node was sent since it was looked at last.
    pub(crate) fn heard(&mut self, by: PeerAddr) -> Vec<String> {
        self.take_sent(by).iter().map(|sent| text::message(&sent.datagram)).collect()
    }

    /// The same with the second in which it was sent.
    pub(crate) fn heard_at(&mut self, by: PeerAddr) -> Vec<(u64, String)> {
        let seconds = |at: Instant| at.as_micros() / 1_000_000;
        self.take_sent(by).iter().map(|sent| (seconds(sent.at), text::message(&sent.datagram))).collect()
    }

    /// The same as octets.
    pub(crate) fn heard_octets(&mut self, by: PeerAddr) -> Vec<Vec<u8>> {
        self.take_sent(by).into_iter().map(|sent| sent.datagram).collect()
    }

    /// A node sends a message: what it is sent at once.
    pub(crate) fn ask(&mut self, from: PeerAddr, message: Message<'_>) -> Vec<String> {
        self.send(from, message);
        self.heard(from)
    }

    /// A node sends octets: what it is sent at once.
    pub(crate) fn ask_octets(&mut self, from: PeerAddr, datagram: &[u8]) -> Vec<Vec<u8>> {
        self.send_octets(from, datagram);
        self.heard_octets(from)
    }

    /// What was broadcast, with its radius.
    pub(crate) fn broadcasts(&mut self) -> Vec<(u8, String)> {
        self.broadcasts.drain(..).map(|(radius, datagram)| (radius, text::message(&datagram))).collect()
    }

    fn take_sent(&mut self, to: PeerAddr) -> Vec<Sent> {
        self.sent.extract_if(.., |sent| sent.to == to).collect()
    }

    // The MQTT client: publishes and watches

    /// The MQTT client publishes.
    pub(crate) fn publish(&mut self, qos: u8, topic: &str, payload: &str) {
        self.mqtt_publish(qos, false, topic, payload);
    }

    /// The MQTT client publishes a message that is kept.
    pub(crate) fn publish_retained(&mut self, qos: u8, topic: &str, payload: &str) {
        self.mqtt_publish(qos, true, topic, payload);
    }

    fn mqtt_publish(&mut self, qos: u8, retain: bool, topic: &str, payload: &str) {
        let publish = mqtt::Publish { retain, ..self.message(qos, topic, payload) };
        let (qos, id) = (publish.qos, publish.id);
        self.mqtt(Packet::Publish(publish));
        if let Some(id) = id.filter(|_| qos == Qos::ExactlyOnce) {
            self.mqtt(Packet::PubRel(id.into()));
        }
    }

    /// A PUBLISH for [`Rig::mqtt_from`].
    pub(crate) fn message(&mut self, qos: u8, topic: &str, payload: &str) -> mqtt::Publish {
        let qos = broker_qos(qos);
        let id = (qos > Qos::AtMostOnce).then(|| self.packet_id());
        let (topic, payload) = (topic.into(), payload.to_owned().into());
        mqtt::Publish::new(topic, payload, qos, false, id)
    }

    /// The MQTT client subscribes, at QoS 2. It never acknowledges, and gets no more than [`Limits::mqtt_inflight`].
    ///
    /// [`Limits::mqtt_inflight`]: gateway_core::Limits
    pub(crate) fn watch(&mut self, filter: &str) {
        let id = self.packet_id();
        let filters = vec![(filter.into(), Qos::ExactlyOnce.into())];
        self.mqtt(Packet::Subscribe(Box::new(mqtt::Subscribe { id, subscription_id: None, filters })));
    }

    /// What the MQTT client received since it was looked at last.
    pub(crate) fn watched(&mut self) -> Vec<String> {
        self.watched.drain(..).map(|publish| text::mqtt_publish(&publish)).collect()
    }

    /// The MQTT client sends a packet; it connects first.
    fn mqtt(&mut self, packet: Packet) {
        if self.client("mqtt").is_none() {
            self.mqtt_connect(MQTT, "mqtt");
        }
        self.mqtt_from(MQTT, packet);
    }

    /// An MQTT client connects, with a session that is kept.
    pub(crate) fn mqtt_connect(&mut self, conn: ConnId, client_id: &str) {
        self.mqtt_connect_alive(conn, client_id, 0);
    }

    /// The same with a keep-alive.
    pub(crate) fn mqtt_connect_alive(&mut self, conn: ConnId, client_id: &str, keep_alive_s: u16) {
        let connect = mqtt::Connect { clean_start: false, keep_alive_s, ..mqtt::Connect::new(client_id) };
        self.mqtt_from(conn, Packet::Connect(Box::new(connect)));
    }

    /// An MQTT client of a user connects, beside the one that publishes and watches, with a session that is kept.
    pub(crate) fn mqtt_connect_as(&mut self, user: &str, client_id: &str) {
        let login = mqtt::Login::As(user.into());
        let connect = mqtt::Connect { clean_start: false, login, ..mqtt::Connect::new(client_id) };
        self.mqtt_from(ConnId(2), Packet::Connect(Box::new(connect)));
    }

    /// Any MQTT client sends a packet.
    pub(crate) fn mqtt_from(&mut self, conn: ConnId, packet: Packet) {
        self.core.handle_input(self.now, Input::Mqtt { conn, packet });
        self.settle();
    }

    /// Whether the core has closed an MQTT connection.
    pub(crate) fn is_closed(&self, conn: ConnId) -> bool {
        self.closed.contains(&conn)
    }

    /// Whether the core wants an MQTT connection to be read from.
    pub(crate) fn is_read(&self, conn: ConnId) -> bool {
        !self.unread.contains(&conn)
    }

    fn packet_id(&mut self) -> PacketId {
        self.last_packet_id += 1;
        PacketId::new(self.last_packet_id).expect("a test sends fewer than 65,536 packets")
    }

    // Time

    /// Time passes; what is due meanwhile, or at the end, is done.
    pub(crate) fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.core.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.core.handle_timeout(self.now);
            self.settle();
        }
        self.now = until;
    }

    pub(crate) fn wait_s(&mut self, seconds: u64) {
        self.wait(Duration::from_secs(seconds));
    }

    pub(crate) fn wait_ms(&mut self, milliseconds: u64) {
        self.wait(Duration::from_millis(milliseconds));
    }

    /// The disk takes its time, until [`Rig::disk`].
    pub(crate) fn disk_hangs(&mut self) {
        self.disk = StorageState::Full;
    }

    /// The disk becomes full, fails, or has space again.
    pub(crate) fn disk(&mut self, state: StorageState) {
        self.disk = state;
        self.core.handle_input(self.now, Input::Storage(state));
        if state == StorageState::Ok
            && let Some((token, records)) = self.unwritten.take()
        {
            self.write(token, records);
        }
        self.settle();
    }

    /// The process ends, and another one goes on with another configuration and what is on the disk.
    pub(crate) fn restart(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        self.core = Core::new(self.config.clone());
        self.core.restore(self.now, &self.store).expect("what was written is readable");
        self.settle();
    }

    /// The operator does something while the gateway runs.
    pub(crate) fn operate<T>(&mut self, act: impl FnOnce(Instant, &mut Core) -> T) -> T {
        let done = act(self.now, &mut self.core);
        self.settle();
        done
    }

    /// What was not written is lost with the process.
    pub(crate) fn forget_unwritten(&mut self) {
        self.unwritten = None;
        self.disk = StorageState::Ok;
    }

    /// The daemon is about to stop.
    pub(crate) fn shut_down(&mut self) {
        self.core.handle_input(self.now, Input::Shutdown);
        self.settle();
    }

    // What an operator sees

    /// What happened to clients; rejects and drops are in the counters.
    pub(crate) fn events(&mut self) -> Vec<String> {
        self.events.drain(..).filter_map(|event| text::event(&event)).collect()
    }

    /// Messages that were dropped; what else happened is forgotten.
    pub(crate) fn drop_events(&mut self) -> Vec<Event> {
        let is_drop = |event: &Event| matches!(event, Event::Dropped { .. } | Event::LeftOver { .. });
        self.events.drain(..).filter(is_drop).collect()
    }

    pub(crate) fn client(&self, client_id: &str) -> Option<ClientInfo> {
        self.core.clients().find(|client| &*client.client_id == client_id)
    }

    /// A client's state; panics if there is no session.
    #[track_caller]
    pub(crate) fn state(&self, client_id: &str) -> ClientState {
        self.client(client_id).expect("a session").state
    }

    /// Messages that wait for a client or are in flight to it.
    pub(crate) fn waiting(&self, client_id: &str) -> usize {
        self.client(client_id).map_or(0, |client| client.waiting)
    }

    pub(crate) fn gauges(&self) -> gateway_core::Gauges {
        self.core.gauges()
    }

    /// Changes the configuration while running.
    pub(crate) fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        self.core.reconfigure(self.now, self.config.clone());
        self.settle();
    }

    pub(crate) fn rejects(&self, reason: RejectReason) -> u64 {
        self.core.stats().rejects.get(&reason).copied().unwrap_or(0)
    }

    pub(crate) fn drops(&self, reason: DropReason) -> u64 {
        self.core.stats().drops.get(&reason).copied().unwrap_or(0)
    }

    // Everything the core puts out

    fn settle(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send { to, datagram } => self.keep(to, datagram),
                Output::Broadcast { radius, datagram, .. } => self.broadcasts.push((radius, datagram)),
                Output::Mqtt { packet: Packet::Publish(publish), .. } => self.watched.push(publish),
                Output::Mqtt { .. } => {}
                Output::MqttClose { conn, .. } => self.closed.push(conn),
                Output::MqttRead { conn, read } => {
                    self.unread.retain(|unread| *unread != conn);
                    self.unread.extend((!read).then_some(conn));
                }
                Output::Counters { block, .. } => self.counters.push(block),
                Output::Upstream { .. } => unreachable!("all sessions live here"),
                Output::Commit { token, records } if self.disk == StorageState::Ok => self.write(token, records),
                Output::Commit { token, records } => self.unwritten = Some((token, records)),
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    /// A store that needs no time.
    fn write(&mut self, token: CommitToken, records: Vec<Record>) {
        self.commits += 1;
        records::write(&mut self.store, records);
        self.core.handle_input(self.now, Input::Committed { token });
    }

    /// Unpacks what goes through a forwarder, as the forwarder does.
    fn keep(&mut self, to: PeerAddr, mut datagram: Vec<u8>) {
        assert!(!datagram.is_empty(), "an empty datagram to {to}");
        if let Some(node) = to.node {
            let Ok(Message::FrwdEncap(encapsulation)) = decode(&datagram) else {
                panic!("to a node behind a forwarder without encapsulation: {datagram:02X?}");
            };
            assert_eq!(encapsulation.node_id, node.as_bytes());
            datagram = encapsulation.inner.to_vec();
        }
        self.sent.push(Sent { at: self.now, to, datagram });
    }
}

/// The dialogues are compiled twice, see `scenarios_with_a_store.rs`.
pub(crate) fn has_store() -> bool {
    env!("CARGO_CRATE_NAME") == "scenarios_with_a_store"
}

fn broker_qos(qos: u8) -> Qos {
    [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce][usize::from(qos)]
}
