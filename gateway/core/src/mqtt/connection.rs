//! What the core keeps of an MQTT connection, and when it has been silent for too long.

use crate::broker::SessionKey;
use crate::core::TimerKey;
use crate::durable::{Promise, Recipient};
use crate::map::{Map, MapSeed};
use crate::mqtt::{Connect, Packet, ReasonCode, Version};
use crate::{ConnId, Core, LostReason, Output, Qos};
use sn_types::Instant;
use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

/// All that the core keeps of MQTT beside the broker's sessions.
#[derive(Debug)]
pub(crate) struct MqttSide {
    pub(super) conns: Map<ConnId, Conn>,
    /// Those that wait for the store, and perhaps some that are gone.
    pub(super) held_back: Vec<ConnId>,
    /// Those that have been given enough for now, and perhaps some that are gone.
    pub(super) next_round: Vec<ConnId>,
    /// Client ids made up so far.
    pub(super) generated_ids: u64,
}

impl MqttSide {
    pub(crate) fn new(seed: MapSeed) -> Self {
        Self { conns: seed.map(), held_back: Vec::new(), next_round: Vec::new(), generated_ids: 0 }
    }

    pub(super) fn open(&self, conn: ConnId) -> Option<&OpenConn> {
        match self.conns.get(&conn) {
            Some(Conn::Open(open)) => Some(open),
            Some(Conn::Closing) | None => None,
        }
    }

    /// What a connection speaks.
    pub(super) fn version(&self, conn: ConnId) -> Version {
        self.open(conn).map_or(Version::V3, |open| open.version)
    }

    pub(super) fn open_mut(&mut self, conn: ConnId) -> Option<&mut OpenConn> {
        match self.conns.get_mut(&conn) {
            Some(Conn::Open(open)) => Some(open),
            Some(Conn::Closing) | None => None,
        }
    }
}

/// A connection that has carried a packet.
#[derive(Debug)]
pub(super) enum Conn {
    /// CONNECT was accepted.
    Open(OpenConn),
    /// The driver was told to close it; packets that were already on their way are ignored.
    Closing,
}

/// A client's connection.
#[derive(Debug)]
pub(super) struct OpenConn {
    pub(super) session: SessionKey,
    pub(super) version: Version,
    /// QoS 1 and 2 messages that the client takes before it acknowledges one.
    pub(super) receive_maximum: u16,
    /// The longest packet that the client takes, in octets.
    pub(super) maximum_packet_size: u32,
    /// Zero: not supervised.
    pub(super) keep_alive: Duration,
    /// When its last packet came.
    pub(super) heard: Instant,
    /// The driver takes more PUBLISH packets for it.
    pub(super) writable: bool,
    /// Messages in flight since an earlier connection, the last ones, that were not sent again yet.
    pub(super) unresumed: usize,
    /// It is not read from: too much waits for the store.
    pub(super) held_back: bool,
    /// About how many octets of memory PUBLISH packets to it have taken since [`Core::mqtt_next_round`].
    pub(super) round: usize,
}

/// A supervised connection always has one timer entry, which comes due at least this often: it outlives the
/// connection by no more, so that many short connections do not fill the timers.
const LONGEST_LOOK: Duration = Duration::from_secs(60);

impl OpenConn {
    pub(super) fn new(session: SessionKey, connect: &Connect, keep_alive_s: u16, now: Instant) -> Self {
        let properties = &connect.properties;
        Self {
            session,
            version: connect.version,
            receive_maximum: properties.receive_maximum.map_or(u16::MAX, NonZeroU16::get),
            maximum_packet_size: properties.maximum_packet_size.map_or(u32::MAX, NonZeroU32::get),
            keep_alive: Duration::from_secs(keep_alive_s.into()),
            heard: now,
            writable: true,
            unresumed: 0,
            held_back: false,
            round: 0,
        }
    }

    /// When silence ends the connection: after one and a half times the keep-alive (MQTT-3.1.2-24).
    fn silence_ends(&self) -> Instant {
        match self.keep_alive {
            Duration::ZERO => Instant::FAR_FUTURE,
            keep_alive => self.heard + keep_alive * 3 / 2,
        }
    }
}

impl Core {
    /// The timer of a connection is due.
    pub(crate) fn mqtt_due(&mut self, now: Instant, conn: ConnId) {
        let Some(open) = self.mqtt.open_mut(conn) else { return };
        if open.held_back {
            // Nobody listens.
            open.heard = now;
        }
        if open.silence_ends() <= now {
            self.mqtt_lost(now, conn, LostReason::KeepAlive);
        } else {
            self.mqtt_schedule(now, conn);
        }
    }

    pub(super) fn mqtt_schedule(&mut self, now: Instant, conn: ConnId) {
        let Some(deadline) = self.mqtt.open(conn).map(OpenConn::silence_ends) else { return };
        if deadline < Instant::FAR_FUTURE {
            let look = deadline.min(now + LONGEST_LOOK);
            self.timers.schedule(&mut { Instant::FAR_FUTURE }, look, TimerKey::MqttConn(conn));
        }
    }

    pub(super) fn mqtt_send(&mut self, conn: ConnId, packet: Packet) {
        if let Packet::Publish(publish) = &packet {
            self.stats.sent[publish.qos as usize] += 1;
            self.stats.sent_bytes[publish.qos as usize] += publish.payload.len() as u64;
        }
        let promise = promise(&packet);
        self.out.send(Recipient::Conn(conn), Output::Mqtt { conn, packet }, promise, self.barrier());
    }
}

/// Whether a packet promises that something has been noted, or shows an id that must not mean something else later.
fn promise(packet: &Packet) -> Promise {
    match packet {
        Packet::ConnAck(answer) if answer.code == ReasonCode::Success => Promise::Leads,
        Packet::SubAck(_, codes) if !codes.iter().all(|code| code.is_error()) => Promise::Leads,
        Packet::Publish(publish) if publish.qos == Qos::ExactlyOnce => Promise::Waits,
        Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubRel(_) | Packet::PubComp(_) | Packet::UnsubAck(..) => {
            Promise::Waits
        }
        Packet::ConnAck(_) | Packet::SubAck(..) | Packet::Publish(_) => Promise::Nothing,
        Packet::Connect(_)
        | Packet::Subscribe(_)
        | Packet::Unsubscribe(..)
        | Packet::PingReq
        | Packet::PingResp
        | Packet::Disconnect(_)
        | Packet::Auth(_) => Promise::Nothing,
    }
}
