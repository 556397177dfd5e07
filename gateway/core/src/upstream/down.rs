//! What upstream sends a node, and the node's answers.
//!
//! A message waits in the node's queue of messages in flight until the node has acknowledged it, under upstream's packet
//! id, and is never stored: upstream has it. Exactly once is between upstream and the node, who know the id. So after the
//! node's PUBREC the message is forgotten here, and upstream's PUBREL is passed on whoever had passed on the PUBLISH.

use super::remote::Wait;
use super::{ToUpstream, UpstreamState};
use crate::broker::SessionKey;
use crate::mqtt::{Ack, Packet, PacketId, Publish};
use crate::{Core, Details, Message as BrokerMessage, Output, Qos};
use sn_types::Instant;
use std::time::Duration;

/// How long upstream may take to answer PINGREQ while a node is awake and waits for PINGRESP.
const LAST_CALL: Duration = Duration::from_secs(2);

impl Core {
    /// PUBLISH of upstream.
    pub(super) fn upstream_publish(&mut self, now: Instant, key: SessionKey, publish: Publish) {
        let (qos, retain, dup, id) = (publish.qos, publish.retain, publish.dup, publish.id);
        let message = incoming(now, publish);
        let how = self.handling(now, message.topic());
        let queued = self.queued_at(&message, qos, retain, how);
        let Some(id) = id else {
            self.deliver(now, key, queued, how);
            return self.pump(now, key);
        };
        if !self.may_receive(key, message.topic()) {
            self.stats.withheld += 1;
            return self.discard_up(key, id, qos);
        }
        self.stats.routed += 1;
        if let Some(outbound) = self.broker.sessions.outbound_mut(key) {
            outbound.receive(now, id.get(), queued, dup);
        }
        self.hear_as_much_as_may_wait(key);
        self.pump(now, key);
    }

    /// PUBREL of upstream: the node's turn, whoever has sent it the PUBLISH.
    pub(super) fn upstream_pubrel(&mut self, now: Instant, key: SessionKey, id: PacketId) {
        let Some(remote) = self.upstream.get_mut(key) else { return };
        if let Some(at) = remote.discarded.iter().position(|discarded| *discarded == id.get()) {
            remote.discarded.swap_remove(at);
            self.send_up(key, Packet::PubComp(id.into()));
            return;
        }
        if remote.awaits_release() {
            remote.wait = None;
        }
        let how = self.handling(now, "");
        let nothing = BrokerMessage::new("".into(), b"", Qos::ExactlyOnce, false);
        let queued = self.queued_at(&nothing, Qos::ExactlyOnce, false, how);
        if let Some(outbound) = self.broker.sessions.outbound_mut(key) {
            outbound.receive_release(now, id.get(), queued);
        }
        self.pump(now, key);
    }

    /// The node has acknowledged a message for good, and it is not in flight any more.
    pub(crate) fn acknowledge_up(&mut self, key: SessionKey, id: u16, qos: Qos) {
        let Some(id) = PacketId::new(id) else { return };
        let packet = match qos {
            Qos::AtMostOnce => return,
            Qos::AtLeastOnce => Packet::PubAck(id.into()),
            Qos::ExactlyOnce => Packet::PubComp(id.into()),
        };
        self.pass_up(key, packet);
    }

    /// The node has a QoS 2 message: what comes next upstream says, and the node is sent nothing else before.
    pub(crate) fn received_up(&mut self, now: Instant, key: SessionKey, id: u16) {
        let Some(id) = PacketId::new(id) else { return };
        if !self.pass_up(key, Packet::PubRec(id.into())) {
            return;
        }
        if let Some(remote) = self.upstream.get_mut(key) {
            remote.wait = Some((Wait::Release, now + self.config.timing.t_retry));
        }
        self.upstream_schedule(key);
    }

    /// The node does not get a message: as far as upstream is concerned it is done.
    pub(crate) fn give_up_upstream(&mut self, key: SessionKey, id: u16, qos: Qos) {
        if let Some(id) = PacketId::new(id) {
            self.discard_up(key, id, qos);
        }
    }

    fn discard_up(&mut self, key: SessionKey, id: PacketId, qos: Qos) {
        let ack = Ack::from(id);
        match qos {
            Qos::AtMostOnce => {}
            Qos::AtLeastOnce => drop(self.pass_up(key, Packet::PubAck(ack))),
            Qos::ExactlyOnce => {
                if let Some(remote) = self.upstream.get_mut(key) {
                    remote.discarded.push(id.get());
                }
                self.pass_up(key, Packet::PubRec(ack));
            }
        }
    }

    /// Sends an acknowledgement, after which upstream may have more.
    fn pass_up(&mut self, key: SessionKey, packet: Packet) -> bool {
        let Some(remote) = self.upstream.get_mut(key) else { return false };
        remote.is_settled = false;
        self.hear_as_much_as_may_wait(key);
        self.send_up(key, packet)
    }

    /// Upstream has sent as much as may wait for one client: it is not read from until some of that is done.
    fn hear_as_much_as_may_wait(&mut self, key: SessionKey) {
        let Some(session) = self.broker.sessions.get(key) else { return };
        let deaf = session.outbound.is_full_of_flights(&self.config.limits);
        let Some(remote) = self.upstream.get_mut(key).filter(|remote| remote.is_deaf != deaf) else { return };
        let Some(id) = remote.up() else { return };
        remote.is_deaf = deaf;
        self.out.push(Output::Upstream { id, what: ToUpstream::Read(!deaf) });
    }

    /// An awake node has begun to fetch.
    pub(crate) fn upstream_woken(&mut self, key: SessionKey) {
        if let Some(remote) = self.upstream.get_mut(key) {
            remote.is_settled = false;
        }
    }

    /// Nothing is left here for an awake node. `true`: upstream is asked first whether it has more, with PINGREQ, which it
    /// answers behind what it had.
    pub(crate) fn upstream_has_more(&mut self, now: Instant, key: SessionKey) -> bool {
        let Some(remote) = self.upstream.get_mut(key) else { return false };
        if remote.wait.is_some() {
            return true;
        }
        let may_have_more = match remote.state() {
            UpstreamState::Connected | UpstreamState::Connecting => !remote.is_settled,
            UpstreamState::BackingOff | UpstreamState::Parted => false,
        };
        if may_have_more {
            remote.wait = Some((Wait::Ping, now + LAST_CALL));
            self.upstream_schedule(key);
            // While the connection is made there is nobody to ask.
            self.send_up(key, Packet::PingReq);
        }
        may_have_more
    }

    /// PINGRESP of upstream.
    pub(super) fn upstream_pingresp(&mut self, now: Instant, key: SessionKey) {
        let Some(remote) = self.upstream.get_mut(key) else { return };
        if let Some((Wait::Ping, _)) = remote.wait {
            (remote.wait, remote.is_settled) = (None, true);
            self.pump(now, key);
        }
    }

    /// Upstream has taken too long: the node is not kept waiting.
    pub(super) fn upstream_wait_due(&mut self, now: Instant, key: SessionKey) {
        let Some(remote) = self.upstream.get_mut(key) else { return };
        if remote.wait.is_some_and(|(_, until)| until <= now) {
            (remote.wait, remote.is_settled) = (None, true);
            self.pump(now, key);
        }
    }
}

/// The message of a PUBLISH from upstream.
fn incoming(now: Instant, publish: Publish) -> BrokerMessage {
    let expires = publish.message_expiry_s.map(|expiry_s| now + Duration::from_secs(expiry_s.into()));
    let details = Details { expires, properties: publish.properties, ..Details::default() };
    BrokerMessage::detailed(publish.topic, &publish.payload, publish.qos, publish.retain, details)
}
