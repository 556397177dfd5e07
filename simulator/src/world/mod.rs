//! Time, and what happens in it.
//!
//! Each file of this module has one kind of happening: `nodes`, `mqtt_clients`, `gateways`, `faults`; `settle` is about
//! the end, `history` and `account` about the report, `live` about a gateway that is somewhere else.

mod account;
mod faults;
mod gateways;
mod history;
mod live;
mod mqtt_clients;
mod network;
mod nodes;
mod settle;

pub use settle::Outcome;

use crate::agenda::Agenda;
use crate::gateway::Gateway;
use crate::ledger::{Account, ClientNo, Laws};
use crate::link::address;
use crate::medium::Arrival;
use crate::mqtt::MqttClient;
use crate::node::Node;
use crate::radio::{OnAir, RadioStats};
use crate::trace::Trace;
use crate::watch::Watch;
use crate::{Ledger, Plan};
use gateway_core::mqtt::Packet;
use gateway_core::{ConnId, Core, Event};
use history::History;
use live::Elsewhere;
use network::Network;
use oorandom::Rand64;
use sn_types::{Instant, PeerAddr};
use std::hash::Hash as _;
use std::time::Duration;

/// Something that is going to happen.
#[derive(Debug)]
enum Happening {
    /// The medium's time has come.
    Medium,
    /// A node's time has come.
    Node(usize),
    /// An MQTT client's time has come.
    Mqtt(usize),
    /// A gateway's time has come.
    Gateway(usize),
    /// An MQTT packet reaches a gateway.
    PacketUp { gateway: usize, life: u32, conn: ConnId, packet: Packet },
    /// An MQTT packet reaches its client.
    PacketDown { client: usize, conn: ConnId, packet: Packet },
    /// An MQTT client notices the end of its connection.
    Closed { client: usize, conn: ConnId },
    /// The commit under way should be done.
    Committed { gateway: usize, life: u32 },
    /// The power of a gateway fails.
    Crash { gateway: usize, life: u32, commit: crate::plan::Fate, down: Duration },
    /// The sync of a gateway's commit fails.
    DiskFails { gateway: usize, life: u32, commit: crate::plan::Fate, down: Duration },
    /// A gateway is started again.
    Start(usize),
    /// A fault of the plan.
    Fault(usize),
    /// Nothing goes wrong any more.
    Calm,
}

/// What the gateway did upon one datagram.
#[derive(Debug, Default)]
pub struct Effects {
    /// To whom it sent datagrams.
    pub sent_to: Vec<PeerAddr>,
    /// What it reported.
    pub events: Vec<Event>,
}

/// Nodes, gateways and MQTT clients in virtual time.
pub struct World<'p> {
    plan: &'p Plan,
    now: Instant,
    agenda: Agenda<Happening>,
    rng: Rand64,
    medium: Network,
    medium_scheduled: Instant,
    gateways: Vec<Gateway>,
    watches: Vec<Watch>,
    nodes: Vec<Node<'p>>,
    mqtt: Vec<MqttClient<'p>>,
    conns: u64,
    ledger: Ledger,
    history: History,
    trace: Trace,
    happenings: u64,
    recording: Option<Vec<Vec<u8>>>,
    /// `Some`: the gateway is somewhere else.
    elsewhere: Option<Elsewhere>,
}

impl<'p> World<'p> {
    /// A plan's world before anything has happened.
    ///
    /// # Panics
    /// If the plan refers to somebody who is not in it.
    #[must_use]
    pub fn new(plan: &'p Plan) -> Self {
        let mut world = Self::unbegun(plan, plan.laws());
        world.begin();
        world
    }

    fn unbegun(plan: &'p Plan, laws: Laws) -> Self {
        if let Err(error) = plan.check() {
            panic!("{error}");
        }
        let mut rng = Rand64::new(plan.seed.into());
        let medium = Network::new(plan, rng.rand_u64());
        let profile = medium.as_medium().profile();
        let mqtt_from = plan.nodes.len() as ClientNo;
        let node = |(number, node)| Node::new(number as ClientNo, node, rng.rand_u64() as u32);
        let mqtt = |(number, client)| MqttClient::new(mqtt_from + number as ClientNo, client);
        let nodes = plan.nodes.iter().enumerate().map(node).collect();
        let gateway = |gateway: &crate::plan::GatewayPlan| Gateway::new(gateway.clone(), plan.seed, profile);
        Self {
            plan,
            now: Instant::ZERO,
            agenda: Agenda::new(),
            rng,
            medium,
            medium_scheduled: Instant::FAR_FUTURE,
            gateways: plan.gateways.iter().map(gateway).collect(),
            watches: plan.gateways.iter().map(|_| Watch::default()).collect(),
            nodes,
            mqtt: plan.mqtt.iter().enumerate().map(mqtt).collect(),
            conns: 0,
            ledger: Ledger::new(accounts(plan), laws),
            history: History::default(),
            trace: Trace::EMPTY,
            happenings: 0,
            recording: None,
            elsewhere: None,
        }
    }

    fn begin(&mut self) {
        if self.elsewhere.is_none() {
            (0..self.gateways.len()).for_each(|gateway| self.start_gateway(gateway));
        }
        (0..self.nodes.len()).for_each(|node| self.schedule_node(node));
        if self.elsewhere.is_none() {
            (0..self.mqtt.len()).for_each(|client| self.schedule_mqtt(client));
        }
        for (number, fault) in self.plan.faults.iter().enumerate() {
            self.agenda.plan(fault.at, Happening::Fault(number));
        }
        if self.plan.calm_at < Instant::FAR_FUTURE {
            self.agenda.plan(self.plan.calm_at, Happening::Calm);
        }
    }

    /// The address that a node of a plan with links has at the start.
    #[must_use]
    pub const fn node_addr(node: usize) -> PeerAddr {
        PeerAddr::direct(crate::gateway::TRANSPORT, address(node as u64))
    }

    /// The address of somebody who is no node of the plan.
    #[must_use]
    pub const fn stranger_addr(stranger: u32) -> PeerAddr {
        PeerAddr::direct(crate::gateway::TRANSPORT, address((1 << 32) | stranger as u64))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// What was promised and what came.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// A gateway, by its place in the plan; `None` while its power is off.
    #[must_use]
    pub fn gateway(&self, gateway: usize) -> Option<&Core> {
        self.gateways[gateway].core()
    }

    /// The radio's figures, if there is a radio.
    #[must_use]
    pub fn radio_stats(&self) -> Option<RadioStats> {
        self.medium.radio().map(|radio| radio.stats(self.now))
    }

    /// From now on, tells `tap` of every frame that has been on the air. Whether there is a radio.
    pub fn tap(&mut self, tap: impl FnMut(&OnAir<'_>) + 'static) -> bool {
        self.medium.radio_mut().map(|radio| radio.tap(tap)).is_some()
    }

    /// How much has happened.
    #[must_use]
    pub fn happenings(&self) -> u64 {
        self.happenings
    }

    /// A fingerprint of all that has happened: equal for equal plans.
    #[must_use]
    pub fn trace(&self) -> u64 {
        use std::hash::Hasher as _;
        self.trace.finish()
    }

    /// From now on, keeps the datagrams that reach the gateways.
    pub fn record(&mut self) {
        self.recording = Some(Vec::new());
    }

    /// The datagrams kept since [`World::record`].
    #[must_use]
    pub fn recording(&self) -> &[Vec<u8>] {
        self.recording.as_deref().unwrap_or_default()
    }

    /// Lets time pass.
    pub fn run_until(&mut self, until: Instant) {
        while let Some((at, happening)) = self.agenda.next(until) {
            self.sample_until(at);
            self.now = at;
            self.happenings += 1;
            self.happen(happening);
            self.take_arrivals();
        }
        self.sample_until(until);
        self.now = until;
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Medium => self.look_at_medium(),
            Happening::Node(node) => self.look_at_node(node),
            Happening::Mqtt(client) => self.look_at_mqtt(client),
            Happening::Gateway(gateway) => self.look_at_gateway(gateway),
            Happening::PacketUp { gateway, life, conn, packet } => self.packet_up(gateway, life, conn, packet),
            Happening::PacketDown { client, conn, packet } => self.packet_down(client, conn, packet),
            Happening::Closed { client, conn } => self.conn_closed(client, conn),
            Happening::Committed { gateway, life } => self.commit_due(gateway, life),
            Happening::Crash { gateway, life, commit, down } => self.crash(gateway, life, commit, down),
            Happening::DiskFails { gateway, life, commit, down } => self.disk_fails(gateway, life, commit, down),
            Happening::Start(gateway) => self.start_gateway(gateway),
            Happening::Fault(number) => self.fault(number),
            Happening::Calm => self.calm(),
        }
    }

    fn look_at_medium(&mut self) {
        if self.medium_scheduled == self.now {
            self.medium_scheduled = Instant::FAR_FUTURE;
            self.medium.as_medium_mut().handle_timeout(self.now);
        }
    }

    /// Hands over what the medium has brought, and asks it when to look again.
    fn take_arrivals(&mut self) {
        while let Some(arrival) = self.medium.as_medium_mut().poll_arrival() {
            match arrival {
                Arrival::AtGateway { gateway, from, datagram } => {
                    let from = PeerAddr::direct(crate::gateway::TRANSPORT, from);
                    self.hear_at_gateway(gateway, from, &datagram);
                }
                Arrival::AtNode { node, gateway: _, datagram } => self.hear_at_node(node, &datagram),
            }
        }
        if let Some(next) = self.medium.as_medium().poll_timeout()
            && next < self.medium_scheduled
        {
            self.medium_scheduled = next;
            self.agenda.plan(next, Happening::Medium);
        }
    }

    /// A duration between the two, in microseconds.
    fn within(&mut self, (shortest, longest): (u64, u64)) -> Duration {
        Duration::from_micros(self.rng.rand_range(shortest..longest.max(shortest) + 1))
    }

    fn note(&mut self, what: impl std::hash::Hash) {
        (self.now, what).hash(&mut self.trace);
    }
}

/// Nodes first, then MQTT clients.
fn accounts(plan: &Plan) -> Vec<Account> {
    let account = |is_node| {
        move |name: &str, gateway, clean: bool| Account { name: name.to_owned(), is_node, gateway, persistent: !clean }
    };
    let (node_account, mqtt_account) = (account(true), account(false));
    let nodes = plan.nodes.iter().map(|node| node_account(&node.client_id, node.gateway, node.clean_session));
    let mqtt = plan.mqtt.iter().map(|client| mqtt_account(&client.client_id, client.gateway, client.clean_session));
    nodes.chain(mqtt).collect()
}
