//! An MQTT client with a persistent session: it connects again whenever the connection is gone, and sends again what
//! was not acknowledged, in its order (MQTT 3.1.1 §4.4).
//!
//! Owns: the client's part of the session. Must not know: that the gateway is killed.

mod connection;
mod probe;
mod wire;

pub use probe::{Probe, connack_code, retained};

use crate::cast::{self, TopicPlan};
use crate::ledger::{Ledger, Phase, ReaderNo, TopicNo};
use crate::payload::payload;
use connection::{Connection, Result, Stop};
use oorandom::Rand32;
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use wire::Packet;

/// Unacknowledged messages of one publisher.
const WINDOW: usize = 8;
/// What a client does.
#[derive(Clone, Copy, Debug)]
pub enum Role {
    /// Publishes on one topic.
    Publish(TopicNo, TopicPlan),
    /// Reads everything; `leaves` now and then, to come back to a full queue.
    Read {
        /// Its account.
        reader: ReaderNo,
        /// Of its subscriptions.
        qos: u8,
        /// Whether it is away now and then.
        leaves: bool,
    },
}

/// A message on its way out.
struct Outgoing {
    n: u64,
    packet_id: u16,
    /// PUBREC was there: PUBREL is on its way.
    released: bool,
}

/// The client.
pub struct Client {
    id: String,
    gateway: SocketAddr,
    role: Role,
    ledger: Arc<Ledger>,
    rng: Rand32,
    /// The gateway has acknowledged a session of ours: it must have one from now on.
    has_session: bool,
    subscribed: bool,
    outgoing: VecDeque<Outgoing>,
    next_packet_id: u16,
    /// QoS 2 messages that wait for their PUBREL.
    unreleased: BTreeSet<u16>,
}

impl Client {
    /// A client that has never connected; `seed` is for its pauses.
    #[must_use]
    pub fn new(id: &str, gateway: SocketAddr, role: Role, ledger: Arc<Ledger>, seed: u64) -> Self {
        Self {
            id: id.to_owned(),
            gateway,
            role,
            ledger,
            rng: Rand32::new(seed),
            has_session: false,
            subscribed: false,
            outgoing: VecDeque::new(),
            next_packet_id: 1,
            unreleased: BTreeSet::new(),
        }
    }

    /// Goes on until the run is over.
    pub fn run(mut self) {
        while self.ledger.phase() != Phase::Over {
            match self.connect_and_work() {
                Ok(()) => {}
                Err(Stop::Gone) => thread::sleep(Duration::from_millis(5)),
                Err(Stop::Over) => break,
                Err(Stop::Breach(what)) => self.breach(what),
            }
        }
    }

    fn connect_and_work(&mut self) -> Result<()> {
        let mut connection = Connection::open(self.gateway)?;
        let end = self.work_over(&mut connection);
        if end == Err(Stop::Over) {
            // Whoever goes without a word is mourned: its will is published.
            connection.send(&wire::DISCONNECT)?;
        }
        end
    }

    fn work_over(&mut self, connection: &mut Connection) -> Result<()> {
        connection.send(&wire::connect(&self.id, Some(&format!("will/{}", self.id))))?;
        self.await_connack(connection)?;
        self.send_again(connection)?;
        if let Role::Read { qos, .. } = self.role
            && !self.subscribed
        {
            connection.send(&wire::subscribe(1, &[&cast::FILTERS[..], &[cast::WILLS]].concat(), qos))?;
        }
        self.work(connection)
    }

    fn await_connack(&mut self, connection: &mut Connection) -> Result<()> {
        loop {
            match connection.receive()? {
                Some(Packet::ConnAck { code: 0, session_present }) => {
                    if self.has_session && !session_present {
                        self.breach("its session is gone".into());
                    }
                    self.has_session = true;
                    self.ledger.promised();
                    return Ok(());
                }
                Some(Packet::ConnAck { code, .. }) => return self.refused(code),
                Some(other) => return Err(Stop::Breach(format!("got {other:?} before CONNACK"))),
                None if self.ledger.phase() == Phase::Over => return Err(Stop::Over),
                None => {}
            }
        }
    }

    /// "Server unavailable" is what a gateway says that cannot keep its promises for now.
    fn refused(&self, code: u8) -> Result<()> {
        const SERVER_UNAVAILABLE: u8 = 3;
        if code != SERVER_UNAVAILABLE {
            return Err(Stop::Breach(format!("CONNECT was refused with {code}")));
        }
        thread::sleep(Duration::from_millis(50));
        Err(Stop::Gone)
    }

    /// What was not acknowledged goes out again, in its order.
    fn send_again(&mut self, connection: &mut Connection) -> Result<()> {
        let Role::Publish(topic, plan) = self.role else { return Ok(()) };
        for Outgoing { n, packet_id, released } in &self.outgoing {
            if *released {
                connection.send(&wire::ack(0x62, *packet_id))?;
            } else {
                self.ledger.repeated(topic, *n);
                let payload = payload(plan.name, *n);
                connection.send(&wire::publish_packet(true, plan.qos, *packet_id, plan.name, &payload))?;
            }
        }
        Ok(())
    }

    fn work(&mut self, connection: &mut Connection) -> Result<()> {
        let leave_at = self.leave_at();
        while self.ledger.phase() != Phase::Over {
            self.publish_more(connection)?;
            if let Some(packet) = connection.receive()? {
                self.take(connection, packet)?;
            }
            if leave_at.is_some_and(|at| at < Instant::now()) {
                connection.send(&wire::DISCONNECT)?;
                thread::sleep(Duration::from_millis(u64::from(self.rng.rand_range(50..600))));
                return Ok(());
            }
        }
        Err(Stop::Over)
    }

    fn leave_at(&mut self) -> Option<Instant> {
        let Role::Read { leaves: true, .. } = self.role else { return None };
        Some(Instant::now() + Duration::from_millis(u64::from(self.rng.rand_range(100..1_500))))
    }

    fn publish_more(&mut self, connection: &mut Connection) -> Result<()> {
        let Role::Publish(topic, plan) = self.role else { return Ok(()) };
        if self.outgoing.len() >= WINDOW {
            return Ok(());
        }
        let Some(n) = self.ledger.next(topic) else { return Ok(()) };
        let packet_id = self.next_packet_id;
        self.next_packet_id = packet_id.checked_add(1).unwrap_or(1);
        self.outgoing.push_back(Outgoing { n, packet_id, released: false });
        connection.send(&wire::publish_packet(false, plan.qos, packet_id, plan.name, &payload(plan.name, n)))
    }

    fn take(&mut self, connection: &mut Connection, packet: Packet) -> Result<()> {
        match packet {
            Packet::Publish { qos, packet_id, topic, payload } => {
                self.take_publish(connection, qos, packet_id, &topic, &payload)
            }
            Packet::PubRel(id) => {
                self.unreleased.remove(&id);
                connection.send(&wire::ack(0x70, id))
            }
            Packet::PubRec(id) => {
                self.ledger.promised();
                if let Some(outgoing) = self.outgoing.iter_mut().find(|outgoing| outgoing.packet_id == id) {
                    outgoing.released = true;
                }
                connection.send(&wire::ack(0x62, id))
            }
            Packet::PubAck(id) | Packet::PubComp(id) => {
                self.acknowledged(id);
                Ok(())
            }
            Packet::SubAck { codes, .. } => {
                self.take_suback(&codes);
                Ok(())
            }
            Packet::PingResp => Ok(()),
            Packet::ConnAck { .. } => Err(Stop::Breach("got a second CONNACK".into())),
        }
    }

    fn take_publish(
        &mut self,
        connection: &mut Connection,
        qos: u8,
        packet_id: u16,
        topic: &str,
        payload: &[u8],
    ) -> Result<()> {
        let Role::Read { reader, .. } = self.role else {
            self.breach(format!("got a message on {topic} without a subscription"));
            return Ok(());
        };
        if qos != 2 || self.unreleased.insert(packet_id) {
            self.ledger.arrived(reader, topic, payload, qos);
        }
        match qos {
            1 => connection.send(&wire::ack(0x40, packet_id)),
            2 => connection.send(&wire::ack(0x50, packet_id)),
            _ => Ok(()),
        }
    }

    fn acknowledged(&mut self, packet_id: u16) {
        let Role::Publish(topic, _) = self.role else { return };
        if let Some(place) = self.outgoing.iter().position(|outgoing| outgoing.packet_id == packet_id)
            && let Some(outgoing) = self.outgoing.remove(place)
        {
            self.ledger.acknowledged(topic, outgoing.n);
        }
    }

    fn take_suback(&mut self, codes: &[u8]) {
        let Role::Read { reader, qos, .. } = self.role else { return };
        if codes.iter().any(|code| *code != qos) {
            self.breach(format!("SUBSCRIBE was answered with {codes:?}"));
        }
        self.subscribed = true;
        self.ledger.promised();
        self.ledger.ready(reader);
    }

    fn breach(&self, what: String) {
        self.ledger.breach(format!("{}: {what}", self.id));
    }
}
