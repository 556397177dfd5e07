//! WILLTOPICUPD and WILLMSGUPD (1.2 §6.4): the will changes while the client is connected.

use crate::access::Action;
use crate::broker::{Part, SessionKey};
use crate::{Core, Message as BrokerMessage, RejectReason};
use sn_codec::{Message, ReturnCode, WillMsg, WillTopic};
use sn_types::{Instant, PeerAddr};

impl Core {
    /// WILLTOPICUPD: another topic, QoS and Retain, the message stays; an empty one deletes the will.
    pub(super) fn update_will_topic(
        &mut self,
        now: Instant,
        from: PeerAddr,
        key: SessionKey,
        will: Option<WillTopic<'_>>,
    ) {
        let return_code = match self.change_will_topic(key, will) {
            Ok(()) => ReturnCode::Accepted,
            Err(reason) => {
                self.sn_reject(from, reason);
                ReturnCode::NotSupported
            }
        };
        self.sn_send(from, &Message::WillTopicResp(return_code));
        if return_code == ReturnCode::Accepted {
            self.upstream_new_will(now, key);
        }
    }

    fn change_will_topic(&mut self, key: SessionKey, will: Option<WillTopic<'_>>) -> Result<(), RejectReason> {
        let will = will.map(|will| self.will_topic(&will)).transpose()?;
        if let Some((topic, ..)) = &will {
            self.may(key, Action::Will, topic)?;
        }
        self.broker.sessions.mark(key, Part::Header);
        let Some(session) = self.broker.sessions.get_mut(key) else { return Ok(()) };
        session.will = will.map(|(topic, qos, retain)| {
            // A client without a will gets one, with an empty message until WILLMSGUPD.
            let old = session.will.take();
            BrokerMessage::new(topic, old.as_ref().map_or(&[], BrokerMessage::payload), qos, retain)
        });
        Ok(())
    }

    /// WILLMSGUPD: another message. Without a will topic there is nothing to update.
    pub(super) fn update_will_msg(&mut self, now: Instant, from: PeerAddr, key: SessionKey, will: WillMsg<'_>) {
        let old = self.broker.sessions.get_mut(key).and_then(|session| session.will.as_mut());
        let return_code = match old {
            Some(old) => {
                *old = BrokerMessage::new(old.topic().clone(), will.message, old.qos(), old.retain());
                self.broker.sessions.mark(key, Part::Header);
                ReturnCode::Accepted
            }
            None => {
                self.sn_reject(from, RejectReason::WrongState);
                ReturnCode::NotSupported
            }
        };
        self.sn_send(from, &Message::WillMsgResp(return_code));
        if return_code == ReturnCode::Accepted {
            self.upstream_new_will(now, key);
        }
    }
}
