//! A small MQTT client: keeps its session, sends again what was not acknowledged, delivers QoS 2 once.

use crate::Ledger;
use crate::ledger::{ClientNo, MessageId};
use crate::plan::MqttPlan;
use crate::script::{Script, Wish};
use bytes::Bytes;
use gateway_core::mqtt::{Ack, Connect, Disconnect, Packet, PacketId, Publish, ReasonCode, Subscribe};
use gateway_core::{ConnId, Qos};
use sn_types::Instant;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How long it waits before it connects again.
const PAUSE: Duration = Duration::from_secs(1);
/// Messages that it sends without waiting for the acknowledgement of the first.
const WINDOW: usize = 10;

/// An MQTT client in the world.
pub(crate) struct MqttClient<'p> {
    number: ClientNo,
    plan: &'p MqttPlan,
    script: Script<'p>,
    link: MqttLink,
    last_id: u16,
    /// Subscriptions of the plan that were asked for.
    asked: usize,
    requests: VecDeque<Request<'p>>,
    /// Sent and not acknowledged, in order.
    unacknowledged: VecDeque<Outgoing>,
    /// QoS 2 ids received and not released.
    unreleased: BTreeSet<PacketId>,
    /// It connects whenever it is not.
    stays_connected: bool,
    pub(crate) scheduled: Instant,
}

/// Where its connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MqttLink {
    /// It connects at that time.
    Off(Instant),
    /// It connects when the script says so.
    Idle,
    Connecting(ConnId),
    On(ConnId),
}

/// SUBSCRIBE or UNSUBSCRIBE on its way.
struct Request<'p> {
    id: PacketId,
    filter: &'p str,
    /// `None`: UNSUBSCRIBE.
    qos: Option<Qos>,
}

struct Outgoing {
    id: PacketId,
    message: MessageId,
    /// `None`: PUBREC has come, PUBREL is sent.
    publish: Option<Publish>,
}

impl<'p> MqttClient<'p> {
    pub(crate) fn new(number: ClientNo, plan: &'p MqttPlan) -> Self {
        Self {
            number,
            plan,
            script: Script::new(&plan.feeds, &plan.steps, number.into()),
            link: MqttLink::Off(plan.start),
            last_id: 0,
            asked: 0,
            requests: VecDeque::new(),
            unacknowledged: VecDeque::new(),
            unreleased: BTreeSet::new(),
            stays_connected: false,
            scheduled: Instant::FAR_FUTURE,
        }
    }

    pub(crate) fn plan(&self) -> &'p MqttPlan {
        self.plan
    }

    pub(crate) fn link(&self) -> MqttLink {
        self.link
    }

    /// The connection that it has, or tries to make.
    pub(crate) fn conn(&self) -> Option<ConnId> {
        match self.link {
            MqttLink::Connecting(conn) | MqttLink::On(conn) => Some(conn),
            MqttLink::Off(_) | MqttLink::Idle => None,
        }
    }

    /// Connects.
    pub(crate) fn connect(&mut self, conn: ConnId) -> Packet {
        self.link = MqttLink::Connecting(conn);
        let clean_start = self.plan.clean_session;
        Packet::Connect(Box::new(Connect { clean_start, ..Connect::new(self.plan.client_id.clone()) }))
    }

    /// The connection is gone.
    pub(crate) fn closed(&mut self, now: Instant) {
        if self.conn().is_some() {
            self.link = MqttLink::Off(now + PAUSE);
        }
    }

    /// From now on it is connected, whatever its plan says.
    pub(crate) fn come_back(&mut self, now: Instant) {
        self.stays_connected = true;
        if self.link == MqttLink::Idle {
            self.link = MqttLink::Off(now + PAUSE);
        }
    }

    /// A packet arrives. What it answers.
    pub(crate) fn hear(&mut self, now: Instant, packet: Packet, ledger: &mut Ledger) -> Vec<Packet> {
        match packet {
            Packet::ConnAck(answer) if answer.code == ReasonCode::Success => self.connected(ledger),
            Packet::ConnAck(_) => {
                self.link = MqttLink::Off(now + PAUSE);
                Vec::new()
            }
            Packet::Publish(publish) => self.take(now, publish, ledger).into_iter().collect(),
            Packet::PubAck(Ack { id, .. }) | Packet::PubComp(Ack { id, .. }) => {
                self.acknowledged(now, id, ledger);
                Vec::new()
            }
            Packet::PubRec(Ack { id, .. }) => {
                if let Some(outgoing) = self.unacknowledged.iter_mut().find(|outgoing| outgoing.id == id) {
                    outgoing.publish = None;
                }
                vec![Packet::PubRel(id.into())]
            }
            Packet::PubRel(Ack { id, .. }) => {
                self.unreleased.remove(&id);
                vec![Packet::PubComp(id.into())]
            }
            Packet::SubAck(id, codes) => {
                self.subscribed(now, id, codes.first().copied().and_then(granted), ledger);
                Vec::new()
            }
            Packet::UnsubAck(id, _) => {
                self.unsubscribed(now, id, ledger);
                Vec::new()
            }
            Packet::PingResp
            | Packet::Connect(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(..)
            | Packet::PingReq
            | Packet::Disconnect(_)
            | Packet::Auth(_) => Vec::new(),
        }
    }

    /// Sends again what was not acknowledged, in order (MQTT 3.1.1 §4.4), and asks again what was not answered.
    fn connected(&mut self, ledger: &mut Ledger) -> Vec<Packet> {
        let MqttLink::Connecting(conn) = self.link else { return Vec::new() };
        self.link = MqttLink::On(conn);
        if self.plan.clean_session {
            self.begin_anew(ledger);
        }
        let again = self.unacknowledged.iter().map(|outgoing| match &outgoing.publish {
            Some(publish) => Packet::Publish(Publish { dup: true, ..publish.clone() }),
            None => Packet::PubRel(outgoing.id.into()),
        });
        again.chain(self.requests.iter().map(Request::packet)).collect()
    }

    /// The session before has ended with its connection, and all that was under way with it.
    fn begin_anew(&mut self, ledger: &mut Ledger) {
        self.unacknowledged.drain(..).for_each(|outgoing| ledger.abandoned(outgoing.message));
        self.unreleased.clear();
        self.requests.clear();
        self.asked = 0;
    }

    fn take(&mut self, now: Instant, publish: Publish, ledger: &mut Ledger) -> Option<Packet> {
        match (publish.qos, publish.id) {
            (Qos::AtMostOnce, _) | (Qos::AtLeastOnce | Qos::ExactlyOnce, None) => {
                self.deliver(now, &publish, ledger);
                None
            }
            (Qos::AtLeastOnce, Some(id)) => {
                self.deliver(now, &publish, ledger);
                Some(Packet::PubAck(id.into()))
            }
            (Qos::ExactlyOnce, Some(id)) => {
                if self.unreleased.insert(id) {
                    self.deliver(now, &publish, ledger);
                }
                Some(Packet::PubRec(id.into()))
            }
        }
    }

    fn deliver(&self, now: Instant, publish: &Publish, ledger: &mut Ledger) {
        let qos = sn_qos(publish.qos);
        ledger.delivered(now, self.number, &publish.topic, &publish.payload, qos, publish.retain);
    }

    fn acknowledged(&mut self, now: Instant, id: PacketId, ledger: &mut Ledger) {
        if let Some(at) = self.unacknowledged.iter().position(|outgoing| outgoing.id == id)
            && let Some(outgoing) = self.unacknowledged.remove(at)
        {
            ledger.confirmed(now, outgoing.message);
        }
    }

    fn subscribed(&mut self, now: Instant, id: PacketId, granted: Option<Qos>, ledger: &mut Ledger) {
        let Some(request) = self.answered(id) else { return };
        match (granted, request.qos) {
            (Some(granted), Some(asked)) => {
                ledger.granted(now, self.number, request.filter, sn_qos(asked), sn_qos(granted));
            }
            (None, _) | (Some(_), None) => ledger.refused(),
        }
    }

    fn unsubscribed(&mut self, now: Instant, id: PacketId, ledger: &mut Ledger) {
        if let Some(request) = self.answered(id) {
            ledger.unsubscribed(now, self.number, request.filter);
        }
    }

    fn answered(&mut self, id: PacketId) -> Option<Request<'p>> {
        let at = self.requests.iter().position(|request| request.id == id)?;
        self.requests.remove(at)
    }

    /// What is due: packets to send.
    pub(crate) fn look(&mut self, now: Instant, ledger: &mut Ledger) -> Vec<Packet> {
        let mut packets = Vec::new();
        while self.next_look().is_some_and(|due| due <= now) {
            match self.link {
                MqttLink::Off(_) | MqttLink::Connecting(_) => break,
                MqttLink::Idle => self.wait_for_connect(now),
                MqttLink::On(_) => packets.extend(self.fulfil(now, ledger)),
            }
        }
        packets
    }

    /// Without a connection all falls flat but to connect.
    fn wait_for_connect(&mut self, now: Instant) {
        if self.script.peek() == Some(Wish::Connect) {
            self.link = MqttLink::Off(now);
        }
        self.script.advance();
    }

    fn fulfil(&mut self, now: Instant, ledger: &mut Ledger) -> Option<Packet> {
        if let Some((filter, qos)) = self.plan.subscriptions.get(self.asked) {
            self.asked += 1;
            return Some(self.subscribe(now, filter, *qos, ledger));
        }
        let (due, wish) = (self.script.due()?, self.script.peek()?);
        self.script.advance();
        match wish {
            Wish::Publish { topic, qos, retain } => Some(self.publish((now, due), topic, qos, retain, ledger)),
            Wish::Subscribe { filter, qos } => Some(self.subscribe(now, filter, qos, ledger)),
            Wish::Unsubscribe { filter } => {
                ledger.unsubscribing(now, self.number, filter);
                Some(self.ask(filter, None))
            }
            Wish::Disconnect if self.stays_connected => None,
            Wish::Disconnect => {
                self.link = MqttLink::Idle;
                Some(Packet::Disconnect(Disconnect::default()))
            }
            Wish::Connect => None,
        }
    }

    fn publish(
        &mut self,
        (now, due): (Instant, Instant),
        topic: &str,
        qos: sn_client::Qos,
        retain: bool,
        ledger: &mut Ledger,
    ) -> Packet {
        let stamp = ledger.offer(now, due, self.number, topic, qos);
        let qos = mqtt_qos(qos);
        let id = (qos != Qos::AtMostOnce).then(|| self.next_id());
        let payload = Bytes::from(stamp.payload(0));
        let publish = Publish::new(topic.into(), payload, qos, retain, id);
        if let Some(id) = id {
            self.unacknowledged.push_back(Outgoing { id, message: stamp.id, publish: Some(publish.clone()) });
        }
        Packet::Publish(publish)
    }

    fn subscribe(&mut self, now: Instant, filter: &'p str, qos: sn_client::Qos, ledger: &mut Ledger) -> Packet {
        ledger.asked(now, self.number, filter, qos);
        self.ask(filter, Some(mqtt_qos(qos)))
    }

    fn ask(&mut self, filter: &'p str, qos: Option<Qos>) -> Packet {
        let request = Request { id: self.next_id(), filter, qos };
        let packet = request.packet();
        self.requests.push_back(request);
        packet
    }

    fn next_id(&mut self) -> PacketId {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            let Some(id) = PacketId::new(self.last_id) else { continue };
            let is_used = self.unacknowledged.iter().any(|outgoing| outgoing.id == id);
            if !is_used && self.requests.iter().all(|request| request.id != id) {
                return id;
            }
        }
    }

    /// When to look at the client next. While it waits for acknowledgements of many messages, not before they come.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        match self.link {
            MqttLink::Off(at) => Some(at),
            MqttLink::Connecting(_) => None,
            MqttLink::Idle => self.script.due(),
            MqttLink::On(_) if self.asked < self.plan.subscriptions.len() => Some(Instant::ZERO),
            MqttLink::On(_) => self.script.due().filter(|_| self.unacknowledged.len() < WINDOW),
        }
    }

    /// Whether it has nothing left to do but to stay connected.
    pub(crate) fn is_settled(&self) -> bool {
        let is_at_rest = match self.link {
            MqttLink::On(_) | MqttLink::Idle => true,
            MqttLink::Off(_) | MqttLink::Connecting(_) => false,
        };
        is_at_rest
            && self.script.due().is_none()
            && self.asked == self.plan.subscriptions.len()
            && self.requests.is_empty()
            && (self.unacknowledged.is_empty() || self.link == MqttLink::Idle)
    }
}

impl Request<'_> {
    fn packet(&self) -> Packet {
        let filter: Arc<str> = self.filter.into();
        match self.qos {
            Some(qos) => {
                let filters = vec![(filter, qos.into())];
                Packet::Subscribe(Box::new(Subscribe { id: self.id, subscription_id: None, filters }))
            }
            None => Packet::Unsubscribe(self.id, vec![filter]),
        }
    }
}

/// The QoS that a SUBACK grants.
fn granted(code: ReasonCode) -> Option<Qos> {
    [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce].into_iter().find(|qos| ReasonCode::from(*qos) == code)
}

const fn mqtt_qos(qos: sn_client::Qos) -> Qos {
    match qos {
        sn_client::Qos::MinusOne | sn_client::Qos::Zero => Qos::AtMostOnce,
        sn_client::Qos::One => Qos::AtLeastOnce,
        sn_client::Qos::Two => Qos::ExactlyOnce,
    }
}

const fn sn_qos(qos: Qos) -> sn_client::Qos {
    match qos {
        Qos::AtMostOnce => sn_client::Qos::Zero,
        Qos::AtLeastOnce => sn_client::Qos::One,
        Qos::ExactlyOnce => sn_client::Qos::Two,
    }
}
