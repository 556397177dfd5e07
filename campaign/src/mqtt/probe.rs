//! What a gateway still does when its disk does not.

use super::connection::{Connection, Result, Stop};
use super::wire::{self, Packet};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const TOPIC: &str = "probe";

/// A clean session that sends messages to itself at QoS 0, which needs no promise.
pub struct Probe {
    connection: Connection,
    sent: u64,
}

impl Probe {
    /// Connects and subscribes; `None` if the gateway does not let it within `at_most`.
    #[must_use]
    pub fn connect(gateway: SocketAddr, at_most: Duration) -> Option<Self> {
        let mut probe = Self { connection: Connection::open(gateway).ok()?, sent: 0 };
        probe.connection.send(&wire::connect("probe", None)).ok()?;
        probe.connection.send(&wire::subscribe(1, &[TOPIC], 0)).ok()?;
        let suback = probe.wait(at_most, |packet| matches!(packet, Packet::SubAck { .. }).then_some(()));
        suback.map(|()| probe)
    }

    /// Whether a message comes back within `at_most`.
    pub fn echo(&mut self, at_most: Duration) -> bool {
        self.sent += 1;
        let text = self.sent.to_string().into_bytes();
        let sent = self.connection.send(&wire::publish_packet(false, 0, 0, TOPIC, &text));
        let is_it = |packet| matches!(packet, Packet::Publish { payload, .. } if payload == text).then_some(());
        sent.is_ok() && self.wait(at_most, is_it).is_some()
    }

    fn wait<T>(&mut self, at_most: Duration, wanted: impl Fn(Packet) -> Option<T>) -> Option<T> {
        wait(&mut self.connection, at_most, wanted).ok()
    }
}

/// What the gateway answers to a CONNECT that asks for a session that stays; `None` if nothing.
#[must_use]
pub fn connack_code(gateway: SocketAddr, client_id: &str, at_most: Duration) -> Option<u8> {
    let mut connection = Connection::open(gateway).ok()?;
    connection.send(&wire::connect(client_id, Some("will/newcomer"))).ok()?;
    let code = wait(&mut connection, at_most, |packet| match packet {
        Packet::ConnAck { code, .. } => Some(code),
        _ => None,
    });
    let _ = connection.send(&wire::DISCONNECT);
    code.ok()
}

/// The retained messages that match `filter`: waits until there are as many as `count`, or for `at_most`.
#[must_use]
pub fn retained(gateway: SocketAddr, filter: &str, count: usize, at_most: Duration) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let Ok(mut connection) = Connection::open(gateway) else { return found };
    let requests = [wire::connect("late-comer", None), wire::subscribe(1, &[filter], 0)].concat();
    if connection.send(&requests).is_err() {
        return found;
    }
    let end = Instant::now() + at_most;
    while found.len() < count {
        let left = end.saturating_duration_since(Instant::now());
        let message = wait(&mut connection, left, |packet| match packet {
            Packet::Publish { topic, payload, .. } => Some((topic, payload)),
            _ => None,
        });
        let Ok((topic, payload)) = message else { break };
        found.insert(topic, payload);
    }
    found
}

fn wait<T>(connection: &mut Connection, at_most: Duration, wanted: impl Fn(Packet) -> Option<T>) -> Result<T> {
    let end = Instant::now() + at_most;
    while Instant::now() < end {
        if let Some(found) = connection.receive()?.and_then(&wanted) {
            return Ok(found);
        }
    }
    Err(Stop::Over)
}
