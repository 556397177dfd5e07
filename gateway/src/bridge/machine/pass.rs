//! What passes between the two ends while both are connected.

use super::super::events::{Effect, News, name};
use super::super::taken::Fit;
use super::{Machine, State};
use gateway_core::Qos;
use gateway_core::mqtt::{Ack, Disconnect, Packet, Publish, ReasonCode};
use sn_types::Instant;

impl Machine {
    /// A packet of the other broker goes to the core.
    pub(super) fn pass_in(&mut self, now: Instant, packet: Packet) {
        match packet {
            Packet::Publish(publish) => self.publish_in(publish),
            Packet::PubAck(ack) => {
                let State::Joined(joined) = &mut self.state else { return };
                let told = joined.taken.acknowledged(ack);
                self.acknowledged(ack, told);
            }
            Packet::PubRec(ack) => self.acknowledged(ack, packet),
            Packet::PubRel(_) | Packet::PubComp(_) => self.effects.push_back(Effect::ToCore(packet)),
            Packet::SubAck(id, codes) => self.answered(now, id, &codes),
            Packet::PingResp => {}
            Packet::Disconnect(Disconnect { code, .. }) => self.lose(now, format!("DISCONNECT: {code:?}")),
            Packet::Connect(_)
            | Packet::ConnAck(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(..)
            | Packet::UnsubAck(..)
            | Packet::PingReq
            | Packet::Auth(_) => self.lose(now, format!("{} out of place", name(&packet))),
        }
    }

    /// The other broker has taken a message, or refuses it.
    fn acknowledged(&mut self, ack: Ack, told: Packet) {
        if ack.code.is_error() {
            self.refuse(ack.code);
        }
        self.effects.push_back(Effect::ToCore(told));
    }

    fn refuse(&mut self, code: ReasonCode) {
        self.counts.refused += 1;
        self.effects.push_back(Effect::Tell(News::MessageRefused { code }));
    }

    fn publish_in(&mut self, publish: Publish) {
        match self.inward.rename(&publish.topic) {
            Some(topic) => {
                self.counts.inward += 1;
                let publish = Publish { topic, subscription_ids: Vec::new(), ..publish };
                self.effects.push_back(Effect::ToCore(Packet::Publish(publish)));
            }
            // Of an earlier configuration: the other broker still has the subscription.
            None => self.discard(publish, Effect::ToBroker),
        }
    }

    /// A packet of the core goes to the other broker.
    pub(super) fn pass_out(&mut self, now: Instant, packet: Packet) {
        match packet {
            Packet::ConnAck(answer) if answer.code.is_error() => {
                self.lose(now, format!("the gateway itself cannot take messages now: {:?}", answer.code));
            }
            Packet::ConnAck(answer) => self.entered(now, answer.session_present),
            Packet::Publish(publish) => self.publish_out(now, publish),
            Packet::PubRel(ack) => {
                let State::Joined(joined) = &self.state else { return };
                match joined.taken.released(ack) {
                    Some(complete) => self.effects.push_back(Effect::ToCore(complete)),
                    None => self.tell_broker(now, packet),
                }
            }
            Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubComp(_) => self.tell_broker(now, packet),
            Packet::SubAck(..) | Packet::UnsubAck(..) | Packet::PingResp | Packet::Disconnect(_) => {}
            Packet::Connect(_) | Packet::Subscribe(_) | Packet::Unsubscribe(..) | Packet::PingReq | Packet::Auth(_) => {
            }
        }
    }

    fn publish_out(&mut self, now: Instant, publish: Publish) {
        match self.out.rename(&publish.topic) {
            Some(topic) => self.fit_out(now, Publish { topic, subscription_ids: Vec::new(), ..publish }),
            None => self.discard(publish, Effect::ToCore),
        }
    }

    /// The message goes as the other broker takes it.
    fn fit_out(&mut self, now: Instant, publish: Publish) {
        let State::Joined(joined) = &mut self.state else { return };
        let (publish, answer) = match joined.taken.fit(publish) {
            Fit::Send(publish) => (publish, None),
            Fit::SendAndAnswer(publish, answer) => (publish, Some(answer)),
            Fit::TooLong(answer) => {
                self.refuse(ReasonCode::PacketTooLarge);
                return self.effects.extend(answer.map(Effect::ToCore));
            }
        };
        self.counts.out += 1;
        self.tell_broker(now, Packet::Publish(publish));
        self.effects.extend(answer.map(Effect::ToCore));
    }

    fn tell_broker(&mut self, now: Instant, packet: Packet) {
        if let State::Joined(joined) = &mut self.state {
            joined.keep_alive.sent(now);
            self.effects.push_back(Effect::ToBroker(packet));
        }
    }

    /// Acknowledges a message that goes nowhere. The PUBREL of a QoS 2 message takes its usual way: either end answers
    /// it for an id that it does not know.
    fn discard(&mut self, publish: Publish, answer: fn(Packet) -> Effect) {
        let ack = match (publish.qos, publish.id) {
            (Qos::AtLeastOnce, Some(id)) => Some(Packet::PubAck(id.into())),
            (Qos::ExactlyOnce, Some(id)) => Some(Packet::PubRec(id.into())),
            (Qos::AtMostOnce, _) | (_, None) => None,
        };
        self.effects.extend(ack.map(answer));
        self.counts.unmapped += 1;
        self.effects.push_back(Effect::Tell(News::Unmapped { topic: publish.topic }));
    }
}
