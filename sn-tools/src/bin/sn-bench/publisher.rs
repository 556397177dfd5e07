//! A client's publishing side: one QoS 1 or 2 exchange at a time (1.2 §6.6), retransmitted with DUP.

use anyhow::{Result, bail};
use sn_codec::{Message, MsgId, PubAck, Publish, Qos, ReturnCode, Topic, TopicId};

use crate::clock::{as_ns, now_ns};
use crate::node::Node;
use crate::payload::{PAYLOAD_LEN, PAYLOAD_MAX, Stamp};
use crate::settings::Bounds;

/// The exchange of one client. Order of calls: `publish` while `is_idle`, `on_message` with what comes, `on_tick`
/// about every T_retry / 10.
pub(crate) struct Publisher {
    qos: Qos,
    payload_len: usize,
    msg_id: MsgId,
    flight: Flight,
    /// PUBLISH and PUBREL messages that were sent again.
    pub(crate) retries: u64,
}

enum Flight {
    Idle,
    /// Waits for PUBACK or PUBREC.
    Published {
        since_ns: u64,
        sent_ns: u64,
        tries: u32,
        topic_id: TopicId,
        stamp: Stamp,
    },
    /// Waits for PUBCOMP.
    Released {
        since_ns: u64,
        sent_ns: u64,
        tries: u32,
    },
}

/// What a message did to the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It ended, this many nanoseconds after it began.
    Acknowledged(u64),
    /// The gateway turned the message down.
    Refused,
    /// It goes on.
    Advanced,
    /// The message is about something else, or came twice.
    Unrelated,
}

impl Publisher {
    /// Publishes at QoS 1 or 2.
    pub(crate) fn new(qos: Qos) -> Self {
        Self::with_payload(qos, PAYLOAD_LEN)
    }

    /// Publishes payloads of so many octets, at most [`PAYLOAD_MAX`].
    pub(crate) fn with_payload(qos: Qos, payload_len: usize) -> Self {
        Self { qos, payload_len: payload_len.min(PAYLOAD_MAX), msg_id: MsgId(1), flight: Flight::Idle, retries: 0 }
    }

    /// Whether the next message may be published.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.flight, Flight::Idle)
    }

    /// Begins an exchange.
    ///
    /// # Errors
    /// As [`Node::send`].
    pub(crate) fn publish(&mut self, node: &Node, topic_id: TopicId, stamp: Stamp) -> Result<()> {
        let now_ns = now_ns();
        self.msg_id = self.msg_id.next();
        self.flight = Flight::Published { since_ns: now_ns, sent_ns: now_ns, tries: 0, topic_id, stamp };
        let payload = stamp.to_payload::<PAYLOAD_MAX>();
        node.send(&publish(self.qos, false, topic_id, self.msg_id, &payload[..self.payload_len]))
    }

    /// Takes one message from the gateway; answers PUBREC.
    ///
    /// # Errors
    /// As [`Node::send`].
    pub(crate) fn on_message(&mut self, node: &Node, message: &Message<'_>) -> Result<Progress> {
        Ok(match (&self.flight, message) {
            (Flight::Published { since_ns, .. }, Message::PubAck(ack)) if ack.msg_id == self.msg_id => {
                let since_ns = *since_ns;
                self.flight = Flight::Idle;
                self.acknowledged(ack, since_ns)
            }
            (Flight::Published { since_ns, .. }, Message::PubRec(id)) if *id == self.msg_id => {
                self.flight = Flight::Released { since_ns: *since_ns, sent_ns: now_ns(), tries: 0 };
                node.send(&Message::PubRel(*id))?;
                Progress::Advanced
            }
            (Flight::Released { since_ns, .. }, Message::PubComp(id)) if *id == self.msg_id => {
                let took_ns = now_ns() - since_ns;
                self.flight = Flight::Idle;
                Progress::Acknowledged(took_ns)
            }
            (Flight::Idle | Flight::Published { .. } | Flight::Released { .. }, _) => Progress::Unrelated,
        })
    }

    fn acknowledged(&self, ack: &PubAck, since_ns: u64) -> Progress {
        // A PUBACK ends a QoS 2 exchange only by refusing it (1.2 §6.6).
        if ack.return_code == ReturnCode::Accepted && self.qos == Qos::One {
            Progress::Acknowledged(now_ns() - since_ns)
        } else {
            Progress::Refused
        }
    }

    /// Sends again what has waited for T_retry.
    ///
    /// # Errors
    /// After N_retry times.
    pub(crate) fn on_tick(&mut self, node: &Node, bounds: &Bounds) -> Result<()> {
        let msg_id = self.msg_id;
        let payload: [u8; PAYLOAD_MAX];
        let (sent_ns, tries, message) = match &mut self.flight {
            Flight::Idle => return Ok(()),
            Flight::Published { sent_ns, tries, topic_id, stamp, .. } => {
                payload = stamp.to_payload();
                (sent_ns, tries, publish(self.qos, true, *topic_id, msg_id, &payload[..self.payload_len]))
            }
            Flight::Released { sent_ns, tries, .. } => (sent_ns, tries, Message::PubRel(msg_id)),
        };
        if now_ns() - *sent_ns < as_ns(bounds.t_retry) {
            return Ok(());
        }
        if *tries == bounds.n_retry {
            bail!("{} had no answer to its PUBLISH or PUBREL after {tries} retransmissions", node.client_id);
        }
        (*sent_ns, *tries) = (now_ns(), *tries + 1);
        self.retries += 1;
        node.send(&message)
    }
}

/// A PUBLISH to a registered topic.
pub(crate) fn publish(qos: Qos, dup: bool, topic_id: TopicId, msg_id: MsgId, data: &[u8]) -> Message<'_> {
    Message::Publish(Publish { dup, qos, retain: false, topic: Topic::Normal(topic_id), msg_id, data })
}
