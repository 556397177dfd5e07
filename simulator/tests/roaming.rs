//! Nodes that roam between gateways which are lost, for a while or for ever, over links that lose, delay and repeat.
//!
//! Each gateway is a broker of its own, so what one of them takes with it is lost: only the nodes' side is judged. What a
//! node is told is published was heard by somebody at a gateway; it was heard under its topic; at QoS 2 once for each
//! stay at that gateway; and as long as one gateway lives, everything gets published.

use gateway_core::{Config as GatewayConfig, Core, Input, Output};
use oorandom::Rand64;
use sn_client::{Address, Client, Config, Destination, Event, Qos, Recipient, RoamingClient, State, Topic};
use sn_types::{Instant, LinkAddr, LinkProfile, PeerAddr, TransportId};
use std::collections::BTreeMap;
use std::time::Duration;

const TRANSPORT: TransportId = TransportId(0);
const NODES: u8 = 3;
const GATEWAYS: u8 = 3;
const MESSAGES: u32 = 12;
/// Long enough for the longest pause between attempts, several times.
const PATIENCE: Duration = Duration::from_secs(24 * 3_600);
/// Who listens at each gateway, beside the nodes.
const OBSERVER: u8 = 99;

/// A gateway's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place(u8);

impl Address for Place {
    fn from_gw_add(_: &[u8]) -> Option<Self> {
        None
    }
}

/// A gateway, and a client that is subscribed to everything, at the end of a perfect link.
struct Site {
    core: Core,
    observer: Client<'static, 64, 4_096>,
    /// It comes back then, knowing nothing; never, if that is far.
    off_until: Option<Instant>,
    /// How often each message was heard.
    heard: BTreeMap<String, u32>,
}

struct Node {
    client: RoamingClient<'static, Place, 128, 128, 3>,
    /// The message in progress, and its QoS.
    publishing: Option<(String, Qos)>,
    published: u32,
    next_at: Instant,
    /// Connections to each gateway while the message in progress was in progress.
    stays: BTreeMap<u8, u32>,
}

/// A datagram under way.
struct Flight {
    at: Instant,
    up: bool,
    node: u8,
    gateway: u8,
    datagram: Vec<u8>,
}

struct World {
    now: Instant,
    rng: Rand64,
    sites: Vec<Site>,
    nodes: Vec<Node>,
    flights: Vec<Flight>,
    loss_percent: u64,
    /// When which gateway is lost, and for how long.
    faults: Vec<(Instant, u8, Duration)>,
    moves: u32,
}

fn peer(node: u8) -> PeerAddr {
    PeerAddr::direct(TRANSPORT, LinkAddr::Eui64([0, 0, 0, 0, 0, 0, 0, node]))
}

impl Site {
    fn new(now: Instant) -> Self {
        let mut core = Core::new(GatewayConfig::default());
        core.add_transport(now, TRANSPORT, LinkProfile::UDP);
        let observer = Client::new(Config { keep_alive_s: 0, ..Config::new("observer") });
        let mut site = Self { core, observer, off_until: None, heard: BTreeMap::new() };
        site.observer.connect(true);
        site.observe(now);
        site.observer.subscribe(Topic::Name("#"), Qos::Two).expect("connected at once");
        site.observe(now);
        site
    }

    /// The observer says what it has to say. What the gateway sends to others.
    fn observe(&mut self, now: Instant) -> Vec<(PeerAddr, Vec<u8>)> {
        let mut to_others = Vec::new();
        let mut buffer = [0; 256];
        loop {
            while let Some(sent) = self.observer.poll_output(now, &mut buffer) {
                assert_eq!(sent.to, Destination::Gateway);
                self.core.handle_input(now, Input::Datagram { from: peer(OBSERVER), bytes: sent.datagram });
            }
            let Some(output) = self.core.poll_output() else { return to_others };
            let Output::Send { to, datagram } = output else { continue };
            if to != peer(OBSERVER) {
                to_others.push((to, datagram.to_vec()));
                continue;
            }
            if let Some(Event::Message(message)) = self.observer.handle_input(now, &datagram) {
                let payload = String::from_utf8(message.payload.to_vec()).expect("nodes publish text");
                let topic = message.topic.name().expect("all topics are named");
                assert!(payload.starts_with(&format!("{topic} ")), "{payload:?} under {topic}");
                *self.heard.entry(payload).or_default() += 1;
            }
        }
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rand64::new(seed.into());
        let sites = (0..GATEWAYS).map(|_| Site::new(Instant::ZERO)).collect();
        let nodes = (0..NODES).map(|number| Node::new(number, &mut rng)).collect();
        // The last gateway stays.
        let fault = |rng: &mut Rand64, gateway| {
            let at = Instant::from_secs(rng.rand_range(1..300));
            let is_for_ever = rng.rand_range(0..2) == 0;
            let lasts = if is_for_ever { PATIENCE * 2 } else { Duration::from_secs(rng.rand_range(1..600)) };
            (at, gateway, lasts)
        };
        let faults = (0..GATEWAYS - 1).map(|gateway| fault(&mut rng, gateway)).collect();
        let loss_percent = rng.rand_range(0..25);
        Self { now: Instant::ZERO, rng, sites, nodes, flights: Vec::new(), loss_percent, faults, moves: 0 }
    }

    fn run(&mut self) {
        while self.nodes.iter().any(|node| node.published < MESSAGES) {
            let next =
                [self.faults.iter().map(|fault| fault.0).min(), self.flights.iter().map(|flight| flight.at).min()];
            let nodes = self.nodes.iter().filter_map(Node::next_look);
            let sites = self.sites.iter().filter_map(Site::next_look);
            let next = next.into_iter().flatten().chain(nodes).chain(sites).min().expect("something is to come");
            self.now = next.max(self.now);
            assert!(self.now - Instant::ZERO < PATIENCE, "messages wait for ever");
            self.turn();
        }
    }

    fn turn(&mut self) {
        let now = self.now;
        while let Some(due) = self.faults.iter().position(|fault| fault.0 <= now) {
            let (_, gateway, lasts) = self.faults.swap_remove(due);
            self.sites[usize::from(gateway)].off_until = Some(now + lasts);
        }
        for gateway in 0..GATEWAYS {
            self.look_at_gateway(gateway);
        }
        while let Some(due) = self.flights.iter().position(|flight| flight.at <= now) {
            let flight = self.flights.swap_remove(due);
            self.arrive(&flight);
        }
        for node in 0..NODES {
            self.look_at_node(node);
        }
    }

    fn look_at_gateway(&mut self, gateway: u8) {
        let (now, site) = (self.now, &mut self.sites[usize::from(gateway)]);
        if site.off_until.is_some_and(|until| until <= now) {
            let heard = std::mem::take(&mut site.heard);
            *site = Site { heard, ..Site::new(now) };
        }
        if site.off_until.is_none() {
            site.core.handle_timeout(now);
            let sent = site.observe(now);
            self.send_down(gateway, sent);
        }
    }

    fn send_down(&mut self, gateway: u8, sent: Vec<(PeerAddr, Vec<u8>)>) {
        for (to, datagram) in sent {
            let LinkAddr::Eui64([.., node]) = to.link else { panic!("an address of this world") };
            self.send(Flight { at: self.now, up: false, node, gateway, datagram });
        }
    }

    /// Lost, delayed, or repeated.
    fn send(&mut self, flight: Flight) {
        let copies = if self.rng.rand_range(0..20) == 0 { 2 } else { 1 };
        for _ in 0..copies {
            if self.rng.rand_range(0..100) >= self.loss_percent {
                let at = self.now + Duration::from_millis(self.rng.rand_range(5..500));
                self.flights.push(Flight { at, datagram: flight.datagram.clone(), ..flight });
            }
        }
    }

    fn arrive(&mut self, flight: &Flight) {
        let (now, gateway) = (self.now, flight.gateway);
        if !flight.up {
            let node = &mut self.nodes[usize::from(flight.node)];
            let event = node.client.handle_input(now, Place(gateway), &flight.datagram).map(|event| is_done(&event));
            self.note(flight.node, event);
            return;
        }
        let site = &mut self.sites[usize::from(gateway)];
        if site.off_until.is_none() {
            site.core.handle_input(now, Input::Datagram { from: peer(flight.node), bytes: &flight.datagram });
            let sent = site.observe(now);
            self.send_down(gateway, sent);
        }
    }

    fn look_at_node(&mut self, number: u8) {
        let now = self.now;
        let event = self.nodes[usize::from(number)].client.handle_timeout(now).map(|event| is_done(&event));
        self.note(number, event);
        let node = &mut self.nodes[usize::from(number)];
        node.publish(now, number, &mut self.rng);
        let mut buffer = [0; 256];
        let mut sent = Vec::new();
        while let Some(transmit) = node.client.poll_output(now, &mut buffer) {
            let Recipient::Gateway(Place(gateway)) = transmit.to else { panic!("nobody searches here") };
            sent.push((gateway, transmit.datagram.to_vec()));
        }
        for (gateway, datagram) in sent {
            self.send(Flight { at: now, up: true, node: number, gateway, datagram });
        }
    }

    fn note(&mut self, number: u8, event: Option<What>) {
        let node = &mut self.nodes[usize::from(number)];
        match event {
            Some(What::Connected) => {
                let Place(gateway) = node.client.gateway().expect("it is connected to one").address;
                *node.stays.entry(gateway).or_default() += 1;
                self.moves += 1;
            }
            Some(What::Published) => {
                let (payload, qos) = node.publishing.take().expect("it has published something");
                node.published += 1;
                let heard = |site: &Site| site.heard.get(&payload).copied().unwrap_or_default();
                assert!(
                    self.sites.iter().any(|site| heard(site) > 0),
                    "{payload} is published, and nobody has heard it"
                );
                for (gateway, site) in self.sites.iter().enumerate().filter(|_| qos == Qos::Two) {
                    let stays = node.stays.get(&(gateway as u8)).copied().unwrap_or_default();
                    assert!(heard(site) <= stays, "{payload}: {} times in {stays} stays", heard(site));
                }
            }
            Some(What::Other) | None => {}
        }
    }
}

/// What matters of an event.
enum What {
    Connected,
    Published,
    Other,
}

fn is_done(event: &Event<'_>) -> What {
    match event {
        Event::Connected => What::Connected,
        Event::Published => What::Published,
        Event::Rejected(code) => panic!("a gateway has rejected a message: {code}"),
        _ => What::Other,
    }
}

impl Site {
    fn next_look(&self) -> Option<Instant> {
        self.off_until.or_else(|| self.core.poll_timeout())
    }
}

impl Node {
    fn new(number: u8, rng: &mut Rand64) -> Self {
        let id = ["node0", "node1", "node2"][usize::from(number)];
        let mut client = RoamingClient::new(Config { seed: rng.rand_u64() as u32, ..Config::new(id) }, None);
        // Each prefers another one; the one that stays is the last choice of most.
        for step in 0..GATEWAYS {
            assert!(client.add_gateway(Place((number + step) % GATEWAYS)));
        }
        client.connect(true);
        let (publishing, stays) = (None, BTreeMap::new());
        Self { client, publishing, published: 0, next_at: Instant::ZERO, stays }
    }

    fn next_look(&self) -> Option<Instant> {
        let is_idle = self.publishing.is_none() && self.client.client().state() == State::Active;
        let publish = (is_idle && self.published < MESSAGES).then_some(self.next_at);
        publish.into_iter().chain(self.client.poll_timeout()).min()
    }

    fn publish(&mut self, now: Instant, number: u8, rng: &mut Rand64) {
        let is_ready = self.client.client().state() == State::Active && now >= self.next_at;
        if !is_ready || self.publishing.is_some() || self.published == MESSAGES {
            return;
        }
        let topic = format!("topic/{}", rng.rand_range(0..3));
        let payload = format!("{topic} {number}/{}", self.published);
        let qos = if rng.rand_range(0..2) == 0 { Qos::One } else { Qos::Two };
        self.client.client_mut().publish(Topic::Name(&topic), payload.as_bytes(), qos, false).expect("it is idle");
        self.publishing = Some((payload, qos));
        self.next_at = now + Duration::from_secs(rng.rand_range(0..60));
        let Place(gateway) = self.client.gateway().expect("it is connected to one").address;
        self.stays = BTreeMap::from([(gateway, 1)]);
    }
}

#[test]
fn what_a_roaming_node_is_told_is_true() {
    let mut moves = 0;
    for seed in 0..300 {
        let mut world = World::new(seed);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.run()));
        assert!(outcome.is_ok(), "seed {seed}");
        moves += world.moves;
    }
    // Each node connects once in any case.
    assert!(moves > 300 * u32::from(NODES) * 3 / 2, "only {moves} connections: nobody has roamed");
}
