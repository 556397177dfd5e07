//! What the other broker takes: how long a packet, which QoS, and whether it keeps retained messages (MQTT 5 §3.2.2.3). What
//! is too much for it is made less, as mosquitto's bridges do, or refused.
//!
//! The core goes on with the QoS that it has given a message. So what a broker of a lower QoS does not say is said here: it
//! has no PUBREC and no PUBCOMP for a message that it got at QoS 1, and nothing at all for one at QoS 0.

use gateway_core::Qos;
use gateway_core::mqtt::{Ack, ConnAck, Packet, PacketId, Publish, ReasonCode};
use std::collections::BTreeSet;
use std::num::NonZeroU32;

/// One connection's terms.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// The longest packet, in octets; `None` is any.
    longest: Option<NonZeroU32>,
    /// `None`: all of them.
    max_qos: Option<Qos>,
    no_retain: bool,
    /// Messages of QoS 2 that went at QoS 1: for the core PUBREC is missing.
    lowered: BTreeSet<PacketId>,
}

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It goes like this.
    Send(Publish),
    /// It goes like this, and nobody will acknowledge it: the core gets that instead.
    SendAndAnswer(Publish, Packet),
    /// It is longer than the other broker takes; the core gets a refusal, unless it waits for nothing.
    TooLong(Option<Packet>),
}

impl Taken {
    /// What the other broker has said when it accepted.
    pub(super) fn new(answer: &ConnAck) -> Self {
        let properties = &answer.properties;
        Self {
            longest: properties.maximum_packet_size,
            max_qos: properties.maximum_qos,
            no_retain: properties.retain_unavailable,
            lowered: BTreeSet::new(),
        }
    }

    /// A message of the core, with the topic that it has at the other broker.
    pub(super) fn fit(&mut self, mut publish: Publish) -> Fit {
        if self.longest.is_some_and(|longest| publish.wire_len() > longest.get() as usize) {
            return Fit::TooLong(acknowledgement(&publish, ReasonCode::PacketTooLarge));
        }
        publish.retain &= !self.no_retain;
        let answer = acknowledgement(&publish, ReasonCode::Success);
        match (publish.qos, self.max_qos.unwrap_or(Qos::ExactlyOnce)) {
            (Qos::AtLeastOnce | Qos::ExactlyOnce, Qos::AtMostOnce) => {
                let publish = Publish { qos: Qos::AtMostOnce, id: None, dup: false, ..publish };
                match answer {
                    Some(answer) => Fit::SendAndAnswer(publish, answer),
                    None => Fit::Send(publish),
                }
            }
            (Qos::ExactlyOnce, Qos::AtLeastOnce) => {
                self.lowered.extend(publish.id);
                Fit::Send(Publish { qos: Qos::AtLeastOnce, ..publish })
            }
            (Qos::AtMostOnce, _) | (Qos::AtLeastOnce, Qos::AtLeastOnce | Qos::ExactlyOnce) => Fit::Send(publish),
            (Qos::ExactlyOnce, Qos::ExactlyOnce) => Fit::Send(publish),
        }
    }

    /// What the core is told when the other broker has acknowledged a message.
    pub(super) fn acknowledged(&mut self, ack: Ack) -> Packet {
        if self.lowered.remove(&ack.id) { Packet::PubRec(ack) } else { Packet::PubAck(ack) }
    }

    /// What the core is told instead of asking the other broker, which knows no PUBREL.
    pub(super) fn released(&self, ack: Ack) -> Option<Packet> {
        let knows_qos_2 = self.max_qos.is_none_or(|qos| qos == Qos::ExactlyOnce);
        (!knows_qos_2).then(|| Packet::PubComp(ack.id.into()))
    }
}

/// What a receiver says to a PUBLISH first, if anything.
fn acknowledgement(publish: &Publish, code: ReasonCode) -> Option<Packet> {
    let ack = publish.id.map(|id| Ack { id, code })?;
    match publish.qos {
        Qos::AtMostOnce => None,
        Qos::AtLeastOnce => Some(Packet::PubAck(ack)),
        Qos::ExactlyOnce => Some(Packet::PubRec(ack)),
    }
}
