//! Two gateways of one broker, and a real node (`sn_client`) that reaches one of them, in virtual time.
//!
//! The broker is a core, too: its MQTT side is what the gateways connect to.

use super::{habits::Habits, records, text, transparent::transparent};
use gateway_core::mqtt::{self, Packet, PacketId, Version};
use gateway_core::{
    CommitToken, Config, ConnId, Core, Ending, FromUpstream, Input, Output, Qos, Record, ToUpstream, UpstreamId,
};
use sn_client::{Client, Event, Topic};
use sn_types::{Instant, LinkAddr, PeerAddr, TransportId};
use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Where the node is, at each gateway.
const NODE: PeerAddr = PeerAddr::direct(TransportId(0), LinkAddr::Line);
/// Who watches and publishes at the broker.
const OBSERVER: ConnId = ConnId(1);

pub(crate) type Node = Client<'static, 128, 256>;

/// A core with its disk.
pub(crate) struct Process {
    pub(crate) core: Core,
    config: Config,
    store: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Process {
    fn new(config: Config) -> Self {
        let mut process = Self { core: Core::new(config.clone()), config, store: BTreeMap::new() };
        process.restart(Instant::ZERO);
        process
    }

    fn write(&mut self, now: Instant, token: CommitToken, records: Vec<Record>) {
        records::write(&mut self.store, records);
        self.core.handle_input(now, Input::Committed { token });
    }

    /// What it is told at its next start.
    pub(crate) fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
    }

    fn restart(&mut self, now: Instant) {
        self.core = Core::new(self.config.clone());
        self.core.restore(now, &self.store).expect("what was written is readable");
    }
}

/// Everything.
pub(crate) struct Cluster {
    pub(crate) now: Instant,
    pub(crate) broker: Process,
    pub(crate) gateways: [Process; 2],
    /// Which gateway the node reaches.
    pub(crate) at: usize,
    pub(crate) node: Node,
    /// Connections of the gateways to the broker.
    lines: BTreeMap<ConnId, (usize, UpstreamId)>,
    last_conn: u64,
    last_id: u16,
    pub(crate) habits: Habits,
    /// Packets on all lines so far, both ways.
    pub(crate) packets: usize,
    /// From this one on the network swallows them, until time passes: then all lines break.
    pub(crate) cut_from: usize,
    /// The broker does not answer.
    pub(crate) broker_is_down: bool,
    /// CONNECTs that reached the broker: when, and for whom.
    pub(crate) connects: Vec<(Instant, String, bool)>,
    down: VecDeque<(usize, Vec<u8>)>,
    /// How many copies arrive of the datagram with this number.
    copies: Box<dyn FnMut(usize) -> usize>,
    crossed: usize,
    /// Nothing arrives at the node or from it.
    pub(crate) is_silent: bool,
    /// Messages that the node was given.
    pub(crate) messages: Vec<String>,
    pub(crate) told: Vec<Event<'static>>,
    /// What the observer was sent.
    pub(crate) watched: Vec<String>,
    pub(crate) events: Vec<String>,
}

impl Cluster {
    pub(crate) fn new(version: Version, node: sn_client::Config<'static>) -> Self {
        Self::with(node, &mut |config| config.transparent = Some(transparent(version)))
    }

    pub(crate) fn with(node: sn_client::Config<'static>, change: &mut dyn FnMut(&mut Config)) -> Self {
        let mut gateway = || {
            let mut config = Config { durable: true, ..Config::default() };
            change(&mut config);
            Process::new(config)
        };
        let gateways = [gateway(), gateway()];
        let mut cluster = Self {
            now: Instant::from_secs(1),
            broker: Process::new(Config { durable: true, ..Config::default() }),
            gateways,
            at: 0,
            node: Client::new(node),
            lines: BTreeMap::new(),
            last_conn: 100,
            last_id: 0,
            habits: Habits::default(),
            packets: 0,
            cut_from: usize::MAX,
            broker_is_down: false,
            connects: Vec::new(),
            down: VecDeque::new(),
            copies: Box::new(|_| 1),
            crossed: 0,
            is_silent: false,
            messages: Vec::new(),
            told: Vec::new(),
            watched: Vec::new(),
            events: Vec::new(),
        };
        cluster.observe();
        cluster
    }

    /// Decides how many copies of each datagram arrive.
    pub(crate) fn lossy(mut self, copies: impl FnMut(usize) -> usize + 'static) -> Self {
        self.copies = Box::new(copies);
        self
    }

    fn observe(&mut self) {
        let connect = mqtt::Connect { clean_start: true, ..mqtt::Connect::new("observer") };
        self.tell_broker(OBSERVER, Packet::Connect(Box::new(connect)));
        let filters = vec![("#".into(), Qos::ExactlyOnce.into())];
        let id = self.packet_id();
        self.tell_broker(OBSERVER, Packet::Subscribe(Box::new(mqtt::Subscribe { id, subscription_id: None, filters })));
    }

    fn packet_id(&mut self) -> PacketId {
        self.last_id += 1;
        PacketId::new(self.last_id).expect("few messages")
    }

    /// Somebody publishes at the broker.
    pub(crate) fn publish(&mut self, qos: Qos, topic: &str, payload: &str, retain: bool) {
        let id = (qos > Qos::AtMostOnce).then(|| self.packet_id());
        let publish = mqtt::Publish::new(topic.into(), payload.to_owned().into(), qos, retain, id);
        self.tell_broker(OBSERVER, Packet::Publish(publish));
        if let Some(id) = id.filter(|_| qos == Qos::ExactlyOnce) {
            self.tell_broker(OBSERVER, Packet::PubRel(id.into()));
        }
        self.settle();
    }

    fn tell_broker(&mut self, conn: ConnId, packet: Packet) {
        self.broker.core.handle_input(self.now, Input::Mqtt { conn, packet });
        self.settle_broker();
    }

    /// Lets time pass until `done`; panics when that takes more than a day.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let give_up = self.now + Duration::from_secs(86_400);
        self.settle();
        while !done(self) {
            let next = self.next_timeout().filter(|next| *next < give_up);
            let Some(next) = next else {
                panic!("{what}: never, after {:?}, {:?}, {:?}", self.told, self.messages, self.events)
            };
            self.advance(next);
        }
    }

    /// Lets time pass until the node has been told of something, and forgets what it was told before.
    #[track_caller]
    pub(crate) fn until_told(&mut self, wanted: &Event<'static>) {
        self.until(&format!("{wanted:?}"), |cluster| cluster.told.contains(wanted));
        self.told.clear();
    }

    /// Lets time pass.
    pub(crate) fn wait_s(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        self.settle();
        while let Some(next) = self.next_timeout().filter(|next| *next <= until) {
            self.advance(next);
        }
        self.now = until;
    }

    fn next_timeout(&self) -> Option<Instant> {
        let cores = [&self.broker, &self.gateways[0], &self.gateways[1]].map(|process| process.core.poll_timeout());
        let next = cores.into_iter().chain([self.node.poll_timeout()]).flatten().min()?;
        Some(next.max(self.now))
    }

    fn advance(&mut self, next: Instant) {
        self.now = next;
        if self.packets > self.cut_from {
            self.break_lines();
        }
        // The driver keeps connections alive.
        let conns: Vec<_> = self.lines.keys().copied().collect();
        conns.into_iter().for_each(|conn| self.tell_broker(conn, Packet::PingReq));
        self.broker.core.handle_timeout(next);
        self.gateways.iter_mut().for_each(|gateway| gateway.core.handle_timeout(next));
        if let Some(event) = self.node.handle_timeout(next) {
            self.told.push(event);
        }
        self.settle();
    }

    /// Datagrams sent so far, both ways.
    pub(crate) fn crossed(&self) -> usize {
        self.crossed
    }

    /// Another node connects to the first gateway.
    pub(crate) fn connect_another(&mut self, number: u16) {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 1_000 + number));
        let from = PeerAddr::direct(TransportId(0), LinkAddr::Udp(addr));
        let client_id = format!("other{number}");
        let connect = [&[6 + client_id.len() as u8, 0x04, 0x00, 0x01, 2, 88], client_id.as_bytes()].concat();
        self.gateways[0].core.handle_input(self.now, Input::Datagram { from, bytes: &connect });
        self.settle();
    }

    /// The node reaches another gateway from now on.
    pub(crate) fn move_to(&mut self, at: usize) {
        self.at = at;
    }

    /// A gateway is killed and starts again.
    pub(crate) fn restart_gateway(&mut self, at: usize) {
        let conns: Vec<_> =
            self.lines.iter().filter(|(_, (gateway, _))| *gateway == at).map(|(conn, _)| *conn).collect();
        for conn in conns {
            self.lines.remove(&conn);
            self.broker.core.handle_input(self.now, Input::MqttClosed { conn });
        }
        let now = self.now;
        self.gateways[at].restart(now);
        self.settle();
    }

    /// All connections to the broker break, and it goes on from its disk or without it.
    pub(crate) fn restart_broker(&mut self, forgets: bool) {
        if forgets {
            self.broker.store.clear();
            self.habits.forget();
        }
        let now = self.now;
        self.broker.restart(now);
        for (_, (gateway, id)) in std::mem::take(&mut self.lines) {
            let what = FromUpstream::Closed(Ending::HungUp);
            self.gateways[gateway].core.handle_input(now, Input::Upstream { id, what });
        }
        self.observe();
        self.settle();
    }

    /// Whether the broker has a client of that id, connected or not.
    pub(crate) fn broker_knows(&self, client_id: &str) -> Option<gateway_core::ClientDetail> {
        self.broker.core.client(client_id)
    }

    /// All lines break, and what was on them is lost.
    pub(crate) fn break_lines(&mut self) {
        self.cut_from = usize::MAX;
        for (conn, (at, id)) in std::mem::take(&mut self.lines) {
            self.broker.core.handle_input(self.now, Input::MqttClosed { conn });
            self.gone(at, id, Ending::Broken);
        }
        self.settle();
    }

    /// Whether the network swallows the next packet.
    fn swallows(&mut self) -> bool {
        self.packets += 1;
        self.packets > self.cut_from
    }

    /// A packet from a gateway.
    fn carry_over(&mut self, conn: ConnId, packet: Packet) {
        if self.swallows() {
            return;
        }
        match self.habits.up(conn, packet) {
            Ok(packet) => self.tell_broker(conn, packet),
            Err(answer) => self.answer(conn, answer),
        }
    }

    /// A packet to a gateway.
    fn answer(&mut self, conn: ConnId, packet: Packet) {
        let Some((at, id)) = self.lines.get(&conn).copied() else { return };
        let packet = self.habits.down(conn, packet);
        if !self.swallows() {
            let what = FromUpstream::Packet(packet);
            self.gateways[at].core.handle_input(self.now, Input::Upstream { id, what });
        }
    }

    /// A datagram of the node that is not its own doing: a late copy.
    pub(crate) fn say_late(&mut self, datagram: &[u8]) {
        let input = Input::Datagram { from: NODE, bytes: datagram };
        self.gateways[self.at].core.handle_input(self.now, input);
        self.settle();
    }

    /// Carries everything until nothing moves any more.
    pub(crate) fn settle(&mut self) {
        loop {
            self.settle_broker();
            let moved = self.settle_gateway(0) | self.settle_gateway(1) | self.carry_up() | self.carry_down();
            if !moved {
                return;
            }
        }
    }

    fn settle_gateway(&mut self, at: usize) -> bool {
        let mut moved = false;
        while let Some(output) = self.gateways[at].core.poll_output() {
            moved = true;
            match output {
                Output::Send { to, .. } if to != NODE => {}
                Output::Send { datagram, .. } => self.down.push_back((at, datagram)),
                Output::Upstream { id, what } => self.line(at, id, what),
                Output::Commit { token, records } => {
                    let now = self.now;
                    self.gateways[at].write(now, token, records);
                }
                Output::Event(event) => self.events.extend(text::event(&event)),
                Output::Broadcast { .. }
                | Output::Mqtt { .. }
                | Output::MqttClose { .. }
                | Output::Counters { .. }
                | Output::MqttRead { .. } => {}
            }
        }
        moved
    }

    fn line(&mut self, at: usize, id: UpstreamId, what: ToUpstream) {
        let conn = self.lines.iter().find(|(_, line)| **line == (at, id)).map(|(conn, _)| *conn);
        match (what, conn) {
            (ToUpstream::Open(_), _) if self.broker_is_down => self.gone(at, id, Ending::Broken),
            (ToUpstream::Open(connect), _) => {
                self.last_conn += 1;
                let conn = ConnId(self.last_conn);
                self.connects.push((self.now, connect.client_id.clone(), connect.clean_start));
                self.lines.insert(conn, (at, id));
                self.carry_over(conn, Packet::Connect(connect));
            }
            (ToUpstream::Packet(packet), Some(conn)) => self.carry_over(conn, packet),
            (ToUpstream::Close(good_bye), Some(conn)) => {
                if let Some(good_bye) = good_bye {
                    self.carry_over(conn, Packet::Disconnect(good_bye));
                }
                self.lines.remove(&conn);
                self.broker.core.handle_input(self.now, Input::MqttClosed { conn });
                self.gone(at, id, Ending::Broken);
            }
            (ToUpstream::Close(_), None) => self.gone(at, id, Ending::Broken),
            (ToUpstream::Packet(_), None) | (ToUpstream::Read(_), _) => {}
        }
    }

    fn gone(&mut self, at: usize, id: UpstreamId, ending: Ending) {
        let what = FromUpstream::Closed(ending);
        self.gateways[at].core.handle_input(self.now, Input::Upstream { id, what });
    }

    fn settle_broker(&mut self) {
        while let Some(output) = self.broker.core.poll_output() {
            match output {
                Output::Mqtt { conn: OBSERVER, packet } => self.observed(packet),
                Output::Mqtt { conn, packet } => self.answer(conn, packet),
                Output::MqttClose { conn, .. } => {
                    self.broker.core.handle_input(self.now, Input::MqttClosed { conn });
                    if let Some((at, id)) = self.lines.remove(&conn) {
                        self.gone(at, id, Ending::HungUp);
                    }
                }
                Output::Commit { token, records } => {
                    let now = self.now;
                    self.broker.write(now, token, records);
                }
                Output::Send { .. }
                | Output::Broadcast { .. }
                | Output::MqttRead { .. }
                | Output::Counters { .. }
                | Output::Upstream { .. }
                | Output::Event(_) => {}
            }
        }
    }

    fn observed(&mut self, packet: Packet) {
        let answer = match &packet {
            Packet::Publish(publish) => {
                self.watched.push(text::mqtt_publish(publish));
                match (publish.qos, publish.id) {
                    (Qos::AtLeastOnce, Some(id)) => Packet::PubAck(id.into()),
                    (Qos::ExactlyOnce, Some(id)) => Packet::PubRec(id.into()),
                    (_, _) => return,
                }
            }
            Packet::PubRel(ack) => Packet::PubComp(ack.id.into()),
            _ => return,
        };
        self.broker.core.handle_input(self.now, Input::Mqtt { conn: OBSERVER, packet: answer });
    }

    fn carry_up(&mut self) -> bool {
        let (mut moved, mut buffer) = (false, [0; 256]);
        while let Some(sent) = self.node.poll_output(self.now, &mut buffer) {
            moved = true;
            let datagram = sent.datagram.to_vec();
            for _ in 0..self.arrivals() {
                let input = Input::Datagram { from: NODE, bytes: &datagram };
                self.gateways[self.at].core.handle_input(self.now, input);
            }
        }
        moved
    }

    fn carry_down(&mut self) -> bool {
        let Some((at, datagram)) = self.down.pop_front() else { return false };
        if at == self.at {
            for _ in 0..self.arrivals() {
                self.hear(&datagram);
                self.carry_up();
            }
        }
        true
    }

    fn hear(&mut self, datagram: &[u8]) {
        match self.node.handle_input(self.now, datagram) {
            Some(Event::Message(received)) => {
                let Topic::Name(name) = received.topic else { panic!("not by name: {received:?}") };
                self.messages.push(format!("{name} '{}'", String::from_utf8_lossy(received.payload)));
            }
            Some(Event::GatewayFound { .. }) | None => {}
            Some(other) => self.told.push(told(other)),
        }
    }

    fn arrivals(&mut self) -> usize {
        if self.is_silent {
            return 0;
        }
        let number = self.crossed;
        self.crossed += 1;
        (self.copies)(number)
    }

    /// How often the node was given a message.
    pub(crate) fn times(&self, message: &str) -> usize {
        self.messages.iter().filter(|known| *known == message).count()
    }

    /// How often the observer was.
    pub(crate) fn seen(&self, message: &str) -> usize {
        self.watched.iter().filter(|known| *known == message).count()
    }
}

/// The event without the buffer that it may borrow from.
fn told(event: Event<'_>) -> Event<'static> {
    match event {
        Event::Connected => Event::Connected,
        Event::Refused(code) => Event::Refused(code),
        Event::Disconnected => Event::Disconnected,
        Event::Lost(cause) => Event::Lost(cause),
        Event::Asleep { drained } => Event::Asleep { drained },
        Event::Published => Event::Published,
        Event::Subscribed { granted } => Event::Subscribed { granted },
        Event::Unsubscribed => Event::Unsubscribed,
        Event::WillUpdated => Event::WillUpdated,
        Event::Rejected(code) => Event::Rejected(code),
        Event::Qos0Rejected(code) => Event::Qos0Rejected(code),
        Event::Congested => Event::Congested,
        Event::Message(_) | Event::GatewayFound { .. } => unreachable!("taken before"),
    }
}
