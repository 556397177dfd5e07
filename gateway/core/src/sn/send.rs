//! From a message to a datagram.

use crate::broker::SessionKey;
use crate::durable::{Promise, Recipient};
use crate::{Core, Output};
use sn_codec::{
    ConnAck, Disconnect, FrwdEncap, Message, MsgId, PubAck, Publish, Qos, RegAck, ReturnCode, SubAck, Topic, TopicId,
};
use sn_types::PeerAddr;

impl Core {
    /// Sends a message to a peer, through its forwarder if it is behind one.
    pub(crate) fn sn_send(&mut self, to: PeerAddr, message: &Message<'_>) {
        let Some(datagram) = datagram(to, message) else { return };
        let goes = self.send_datagram(Recipient::Peer(to), Output::Send { to, datagram }, promise(message));
        if let Message::Publish(publish) = message
            && goes
        {
            let qos = super::publish_in::broker_qos(publish.qos).unwrap_or_default();
            self.stats.sent[qos as usize] += 1;
            self.stats.sent_bytes[qos as usize] += publish.data.len() as u64;
        }
    }

    /// Whether a connected client of MQTT-SN can be sent a message where it is now: one that cannot need not wait for it. Of
    /// others that is not known.
    pub(crate) fn sn_fits_ever(&self, key: SessionKey, message: &crate::Message) -> bool {
        let Some(client) = self.sn.clients.get(key).filter(|client| client.is_connected()) else { return true };
        let Some(to) = client.addr else { return true };
        let publish = Publish {
            dup: false,
            qos: Qos::Zero,
            retain: false,
            topic: Topic::Normal(TopicId(1)),
            msg_id: MsgId::NONE,
            data: message.payload(),
        };
        self.sn_fits(to, &Message::Publish(publish))
    }

    /// Whether a message fits a datagram of the peer's link, and of its forwarder's link if it is behind one.
    pub(super) fn sn_fits(&self, to: PeerAddr, message: &Message<'_>) -> bool {
        /// Length, MsgType and Ctrl of the encapsulation.
        const ENCAPSULATION: usize = 3;
        let profile = self.sn.profile(to.transport);
        let room = to.node.map_or(usize::from(profile.mtu), |node| {
            let inside = usize::from(profile.mtu).saturating_sub(ENCAPSULATION + node.as_bytes().len());
            inside.min(profile.mtu_behind_forwarders.into())
        });
        message.encoded_len().is_ok_and(|len| len <= room)
    }
}

/// Whether a message promises that something has been noted, or shows an id that must not mean something else later.
const fn promise(message: &Message<'_>) -> Promise {
    match message {
        Message::ConnAck(ConnAck { return_code })
        | Message::RegAck(RegAck { return_code, .. })
        | Message::SubAck(SubAck { return_code, .. }) => if_accepted(*return_code, Promise::Leads),
        Message::PubAck(PubAck { return_code, .. })
        | Message::WillTopicResp(return_code)
        | Message::WillMsgResp(return_code) => if_accepted(*return_code, Promise::Waits),
        Message::Publish(publish) if matches!(publish.qos, Qos::Two) => Promise::Waits,
        Message::PubRec(_) | Message::PubRel(_) | Message::PubComp(_) | Message::UnsubAck(_) => Promise::Waits,
        Message::Register(_) | Message::Disconnect(Disconnect { .. }) => Promise::Leads,
        Message::Advertise(_)
        | Message::SearchGw(_)
        | Message::GwInfo(_)
        | Message::Connect(_)
        | Message::Publish(_)
        | Message::WillTopicReq
        | Message::WillTopic(_)
        | Message::WillMsgReq
        | Message::WillMsg(_)
        | Message::Subscribe(_)
        | Message::Unsubscribe(_)
        | Message::PingReq(_)
        | Message::PingResp
        | Message::WillTopicUpd(_)
        | Message::WillMsgUpd(_)
        | Message::FrwdEncap(_) => Promise::Nothing,
    }
}

const fn if_accepted(return_code: ReturnCode, promise: Promise) -> Promise {
    if matches!(return_code, ReturnCode::Accepted) { promise } else { Promise::Nothing }
}

/// `None` only for what no datagram can hold: a topic name or payload of 64 KiB, which [`Core::sn_fits`] refuses first.
fn datagram(to: PeerAddr, message: &Message<'_>) -> Option<Vec<u8>> {
    let inner = encode(message)?;
    match to.node {
        None => Some(inner),
        Some(node) => encode(&Message::FrwdEncap(FrwdEncap { radius: 0, node_id: node.as_bytes(), inner: &inner })),
    }
}

/// Encodes a message into a buffer of its own.
pub(super) fn encode(message: &Message<'_>) -> Option<Vec<u8>> {
    let mut datagram = vec![0; message.encoded_len().ok()?];
    message.encode(&mut datagram).ok()?;
    Some(datagram)
}
