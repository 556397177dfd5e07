//! Time, and who hears whom.

use crate::agenda::Agenda;
use crate::ledger::Ledger;
use crate::node::{Node, Sent};
use crate::trace::Trace;
use crate::{Link, Plan};
use gateway_core::{ClientInfo, Core, Event, Input, Output};
use oorandom::Rand64;
use sn_client::Destination;
use sn_types::{Instant, LinkAddr, LinkProfile, PeerAddr, TransportId};
use std::hash::{Hash as _, Hasher as _};
use std::time::Duration;

/// The radio that nodes, strangers and gateway share.
const TRANSPORT: TransportId = TransportId(0);

/// How often [`World::run_until_settled`] looks whether it is.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Something that is going to happen.
#[derive(Debug)]
enum Happening {
    /// A datagram reaches the gateway.
    Up { from: PeerAddr, datagram: Vec<u8> },
    /// A datagram reaches a node.
    Down { node: usize, datagram: Vec<u8> },
    /// A node's time has come.
    Look { node: usize },
    /// The gateway's time has come.
    LookAtGateway,
}

/// What the gateway did upon one input.
#[derive(Debug, Default)]
pub struct Effects {
    /// To whom it sent datagrams.
    pub sent_to: Vec<PeerAddr>,
    /// What it reported.
    pub events: Vec<Event>,
}

/// Nodes and a gateway in virtual time.
pub struct World<'p> {
    now: Instant,
    agenda: Agenda<Happening>,
    rng: Rand64,
    link: Link,
    gateway: Core,
    gateway_scheduled: Instant,
    nodes: Vec<Node<'p>>,
    ledger: Ledger,
    trace: Trace,
    happenings: u64,
    recording: Option<Vec<Vec<u8>>>,
}

impl<'p> World<'p> {
    /// A plan's world before anything has happened.
    #[must_use]
    pub fn new(plan: &'p Plan) -> Self {
        let mut rng = Rand64::new(plan.seed.into());
        let node = |(number, node)| Node::new(number, node, rng.rand_u64() as u32);
        let nodes = plan.nodes.iter().enumerate().map(node).collect();
        let mut world = Self {
            now: Instant::ZERO,
            agenda: Agenda::new(),
            rng,
            link: plan.link.clone(),
            gateway: Core::new(plan.gateway.clone()),
            gateway_scheduled: Instant::FAR_FUTURE,
            nodes,
            ledger: Ledger::default(),
            trace: Trace::EMPTY,
            happenings: 0,
            recording: None,
        };
        world.gateway.add_transport(Instant::ZERO, TRANSPORT, LinkProfile::UDP);
        world.carry_out();
        (0..world.nodes.len()).for_each(|node| world.schedule(node));
        world
    }

    /// The address of a node.
    #[must_use]
    pub const fn node_addr(node: usize) -> PeerAddr {
        PeerAddr::direct(TRANSPORT, LinkAddr::Eui64((node as u64).to_be_bytes()))
    }

    /// The address of somebody who is no node of the plan.
    #[must_use]
    pub const fn stranger_addr(stranger: u32) -> PeerAddr {
        PeerAddr::direct(TRANSPORT, LinkAddr::Eui64(((1 << 32) | stranger as u64).to_be_bytes()))
    }

    fn node_at(&self, addr: PeerAddr) -> Option<usize> {
        let LinkAddr::Eui64(octets) = addr.link else { return None };
        let number = usize::try_from(u64::from_be_bytes(octets)).ok()?;
        (number < self.nodes.len() && addr.node.is_none()).then_some(number)
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

    /// The gateway.
    #[must_use]
    pub fn gateway(&self) -> &Core {
        &self.gateway
    }

    /// How much has happened.
    #[must_use]
    pub fn happenings(&self) -> u64 {
        self.happenings
    }

    /// A fingerprint of all that has happened: equal for equal plans.
    #[must_use]
    pub fn trace(&self) -> u64 {
        self.trace.finish()
    }

    /// From now on, keeps the datagrams that reach the gateway.
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
            self.now = at;
            self.happenings += 1;
            self.happen(happening);
        }
        self.now = until;
    }

    /// Lets time pass until all nodes have done what they planned and nothing waits for any of them, but not beyond
    /// `deadline`. Whether that came about.
    pub fn run_until_settled(&mut self, deadline: Instant) -> bool {
        while !self.is_settled() {
            if self.now >= deadline {
                return false;
            }
            self.run_until(deadline.min(self.now + LOOK_EVERY));
        }
        true
    }

    fn is_settled(&self) -> bool {
        let is_node = |client: &ClientInfo| self.nodes.iter().any(|node| node.client_id() == &*client.client_id);
        self.nodes.iter().all(Node::is_settled)
            && self.gateway.clients().filter(is_node).all(|client| client.waiting == 0)
    }

    /// A datagram from anybody reaches the gateway now.
    pub fn inject(&mut self, from: PeerAddr, datagram: &[u8]) -> Effects {
        (self.now, from, datagram).hash(&mut self.trace);
        if let Some(recording) = &mut self.recording {
            recording.push(datagram.to_vec());
        }
        self.gateway.handle_input(self.now, Input::Datagram { from, bytes: datagram });
        self.carry_out()
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Up { from, datagram } => drop(self.inject(from, &datagram)),
            Happening::Down { node, datagram } => {
                (self.now, node, &datagram).hash(&mut self.trace);
                let sent = self.nodes[node].hear(self.now, &datagram, &mut self.ledger);
                self.transmit(node, sent);
            }
            Happening::Look { node } if self.nodes[node].scheduled == self.now => {
                (self.now, node).hash(&mut self.trace);
                let sent = self.nodes[node].look(self.now, &mut self.ledger);
                let next = self.nodes[node].next_look();
                assert!(next.is_none_or(|next| next > self.now), "node {node} wants to be looked at for ever");
                self.transmit(node, sent);
            }
            Happening::LookAtGateway if self.gateway_scheduled == self.now => {
                self.gateway_scheduled = Instant::FAR_FUTURE;
                self.gateway.handle_timeout(self.now);
                let next = self.gateway.poll_timeout();
                assert!(next.is_none_or(|next| next > self.now), "the gateway wants to be looked at for ever");
                self.carry_out();
            }
            // An earlier look has taken its place.
            Happening::Look { .. } | Happening::LookAtGateway => {}
        }
    }

    fn transmit(&mut self, node: usize, sent: Vec<Sent>) {
        for Sent { datagram, to } in sent {
            match to {
                Destination::Gateway => self.send_up(node, &datagram),
                Destination::Everyone { .. } => {
                    self.send_up(node, &datagram);
                    self.send_to_all(Some(node), &datagram);
                }
            }
        }
        self.schedule(node);
    }

    /// Carries out what the gateway wants.
    fn carry_out(&mut self) -> Effects {
        let mut effects = Effects::default();
        while let Some(output) = self.gateway.poll_output() {
            match output {
                Output::Send { to, datagram } => {
                    effects.sent_to.push(to);
                    if let Some(node) = self.node_at(to) {
                        self.send_down(node, &datagram);
                    }
                }
                Output::Broadcast { datagram, .. } => self.send_to_all(None, &datagram),
                Output::Commit { .. } => unreachable!("the gateway has no store"),
                Output::Event(event) => {
                    self.trace.print(&event);
                    effects.events.push(event);
                }
                Output::Mqtt { .. } | Output::MqttClose { .. } | Output::MqttRead { .. } => {
                    unreachable!("the gateway answers to an MQTT connection, and this world has none")
                }
            }
        }
        self.schedule_gateway();
        effects
    }

    fn send_up(&mut self, node: usize, datagram: &[u8]) {
        for after_us in self.link.arrivals_us(&mut self.rng) {
            let happening = Happening::Up { from: Self::node_addr(node), datagram: datagram.to_vec() };
            self.agenda.plan(self.now + Duration::from_micros(after_us), happening);
        }
    }

    fn send_down(&mut self, node: usize, datagram: &[u8]) {
        for after_us in self.link.arrivals_us(&mut self.rng) {
            let happening = Happening::Down { node, datagram: datagram.to_vec() };
            self.agenda.plan(self.now + Duration::from_micros(after_us), happening);
        }
    }

    fn send_to_all(&mut self, but: Option<usize>, datagram: &[u8]) {
        for node in (0..self.nodes.len()).filter(|node| Some(*node) != but) {
            self.send_down(node, datagram);
        }
    }

    fn schedule(&mut self, node: usize) {
        let Some(next) = self.nodes[node].next_look() else { return };
        if next < self.nodes[node].scheduled {
            self.nodes[node].scheduled = next;
            self.agenda.plan(next, Happening::Look { node });
        }
    }

    fn schedule_gateway(&mut self) {
        let Some(next) = self.gateway.poll_timeout() else { return };
        if next < self.gateway_scheduled {
            self.gateway_scheduled = next;
            self.agenda.plan(next, Happening::LookAtGateway);
        }
    }
}
