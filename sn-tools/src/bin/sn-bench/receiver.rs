//! A client's receiving side: what a subscriber answers.

use anyhow::{Result, bail};
use sn_codec::{Message, PubAck, Publish, Qos, RegAck, Register, ReturnCode};

use crate::node::Node;
use crate::payload::Stamp;

/// What a subscriber learns from a message.
pub(crate) enum Received {
    /// One of the scenario's messages; it has been acknowledged.
    Published(Stamp),
    /// The gateway has nothing more for this sleeping client.
    PingResp,
    /// Part of the protocol, answered where an answer is due.
    Other,
}

/// Answers a message as a subscriber does, at once.
///
/// # Errors
/// When the gateway ended the connection, or as [`Node::send`].
pub(crate) fn respond(node: &Node, message: &Message<'_>) -> Result<Received> {
    let answer = match message {
        Message::Publish(publish) => return published(node, publish),
        Message::PingResp => return Ok(Received::PingResp),
        Message::Disconnect(_) => bail!("the gateway disconnected {}", node.client_id),
        Message::PubRel(id) => Message::PubComp(*id),
        Message::PingReq(_) => Message::PingResp,
        Message::Register(Register { topic_id, msg_id, .. }) => {
            Message::RegAck(RegAck { topic_id: *topic_id, msg_id: *msg_id, return_code: ReturnCode::Accepted })
        }
        // Repeated answers to set-up requests that were sent twice.
        Message::ConnAck(_) | Message::RegAck(_) | Message::SubAck(_) => return Ok(Received::Other),
        other => bail!("the gateway sent {} a {other:?} out of place", node.client_id),
    };
    node.send(&answer)?;
    Ok(Received::Other)
}

fn published(node: &Node, publish: &Publish<'_>) -> Result<Received> {
    match publish.qos {
        Qos::One => node.send(&Message::PubAck(PubAck {
            topic_id: publish.topic.id_field(),
            msg_id: publish.msg_id,
            return_code: ReturnCode::Accepted,
        }))?,
        Qos::Two => node.send(&Message::PubRec(publish.msg_id))?,
        Qos::Zero | Qos::MinusOne => {}
    }
    Ok(Stamp::of(publish.data).map_or(Received::Other, Received::Published))
}
