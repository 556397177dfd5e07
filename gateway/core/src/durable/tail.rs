//! What MQTT 5 adds to records. It stands behind what MQTT 3.1.1 and MQTT-SN need, and is missing where there is
//! nothing to say: so most records are as small as without it, and older ones are read as they are.

use super::key::{Key, Record};
use super::record::stored_time;
use crate::broker::{Granted, GroupNumber, Groups, Queued, Session, WillTerms};
use crate::mqtt::MessageProperties;
use crate::{Details, Message, Qos};
use serde::{Deserialize, Serialize};
use serde_bytes::Bytes;
use sn_types::Instant;
use std::num::NonZeroU32;
use std::sync::Arc;

/// Behind a message, retained or waiting.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessageTail<'a> {
    /// In microseconds of the core's time.
    expires: Option<u64>,
    #[serde(borrow)]
    properties: Option<PropertiesValue<'a>>,
    subscription_ids: Vec<u32>,
    /// The number of the group for which a message waits.
    group: Option<u32>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PropertiesValue<'a> {
    payload_is_utf8: bool,
    content_type: Option<&'a str>,
    response_topic: Option<&'a str>,
    #[serde(borrow)]
    correlation_data: Option<&'a Bytes>,
    user_properties: Vec<(&'a str, &'a str)>,
}

impl<'a> MessageTail<'a> {
    /// `None` if there is nothing to say.
    pub(super) fn of(message: &'a Message) -> Option<Self> {
        message.details().map(|details| Self {
            expires: details.expires.and_then(stored_time),
            properties: details.properties.as_deref().map(PropertiesValue::from),
            subscription_ids: details.subscription_ids.iter().map(|id| id.get()).collect(),
            group: None,
        })
    }

    /// The same of a message that waits for a client.
    pub(super) fn of_queued(queued: &'a Queued) -> Option<Self> {
        let group = queued.group.map(GroupNumber::get);
        match Self::of(&queued.message) {
            Some(tail) => Some(Self { group, ..tail }),
            None => group.map(|_| Self { group, ..Self::default() }),
        }
    }

    pub(super) fn group(&self) -> Option<GroupNumber> {
        self.group.and_then(GroupNumber::new)
    }

    /// What is of one subscriber and not of the message as it was published.
    pub(super) fn take_subscription_ids(&mut self) -> Vec<NonZeroU32> {
        std::mem::take(&mut self.subscription_ids).into_iter().filter_map(NonZeroU32::new).collect()
    }

    pub(super) fn details(self) -> Details {
        Details {
            expires: self.expires.map(Instant::from_micros),
            properties: self.properties.map(|properties| Arc::new(properties.properties())),
            subscription_ids: self.subscription_ids.into_iter().filter_map(NonZeroU32::new).collect(),
        }
    }
}

impl<'a> From<&'a MessageProperties> for PropertiesValue<'a> {
    fn from(properties: &'a MessageProperties) -> Self {
        Self {
            payload_is_utf8: properties.payload_is_utf8,
            content_type: properties.content_type.as_deref(),
            response_topic: properties.response_topic.as_deref(),
            correlation_data: properties.correlation_data.as_deref().map(Bytes::new),
            user_properties: properties.user_properties.iter().map(|(name, value)| (&**name, &**value)).collect(),
        }
    }
}

impl PropertiesValue<'_> {
    fn properties(self) -> MessageProperties {
        MessageProperties {
            payload_is_utf8: self.payload_is_utf8,
            content_type: self.content_type.map(Box::from),
            response_topic: self.response_topic.map(Box::from),
            correlation_data: self.correlation_data.map(|data| Box::from(&**data)),
            user_properties: self
                .user_properties
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }
}

/// Behind a session.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SessionTail<'a> {
    expiry_s: Option<u32>,
    /// The will's delay and its message's expiry, in seconds.
    will_terms: Option<(u32, Option<u32>)>,
    #[serde(borrow)]
    pub(super) will: Option<MessageTail<'a>>,
}

impl<'a> SessionTail<'a> {
    /// `None` if there is nothing to say.
    pub(super) fn of(session: &'a Session) -> Option<Self> {
        let terms = |terms: &WillTerms| (terms.delay_s, terms.message_expiry_s);
        let tail = Self {
            expiry_s: session.expiry_s,
            will_terms: session.will_terms.as_deref().map(terms),
            will: session.will.as_ref().and_then(MessageTail::of),
        };
        (tail != Self::default()).then_some(tail)
    }

    /// Gives a session what is not its will's message.
    pub(super) fn restore(&self, session: &mut Session) {
        session.expiry_s = self.expiry_s;
        session.will_terms = self.will_terms.and_then(|(delay_s, expiry_s)| WillTerms::new(delay_s, expiry_s));
    }
}

/// Behind a session's subscriptions, for those that ask for more than a QoS.
pub(super) type SubscriptionsTail = Vec<SubscriptionTail>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SubscriptionTail {
    /// Which of them.
    place: u32,
    options: u8,
    id: Option<u32>,
    /// The number of its group, if it is shared.
    group: Option<u32>,
}

const NO_LOCAL: u8 = 1;
const RETAIN_AS_PUBLISHED: u8 = 2;

/// `None` if there is nothing to say.
pub(super) fn subscriptions_tail(session: &Session, groups: &Groups) -> Option<SubscriptionsTail> {
    let tail = |(place, (filter, granted)): (u32, &(Arc<str>, Granted))| SubscriptionTail {
        place,
        options: u8::from(granted.no_local) * NO_LOCAL + u8::from(granted.retain_as_published) * RETAIN_AS_PUBLISHED,
        id: granted.id.map(NonZeroU32::get),
        group: groups.find(filter).map(GroupNumber::get),
    };
    let says_more = |tail: &SubscriptionTail| tail.options != 0 || tail.id.is_some() || tail.group.is_some();
    let tail: SubscriptionsTail = (0..).zip(&session.subscriptions).map(tail).filter(says_more).collect();
    (!tail.is_empty()).then_some(tail)
}

impl SubscriptionTail {
    /// What is said of the subscription at a place, if anything is.
    pub(super) fn find(tail: &[Self], place: usize) -> Option<Self> {
        tail.iter().find(|tail| tail.place as usize == place).copied()
    }

    pub(super) fn granted(self, qos: Qos) -> Granted {
        Granted {
            qos,
            no_local: self.options & NO_LOCAL != 0,
            retain_as_published: self.options & RETAIN_AS_PUBLISHED != 0,
            id: self.id.and_then(NonZeroU32::new),
        }
    }

    pub(super) fn group(self) -> Option<GroupNumber> {
        self.group.and_then(GroupNumber::new)
    }
}

/// A record that puts a value and what stands behind it.
pub(super) fn put_with_tail(key: Key<'_>, value: &impl Serialize, tail: Option<impl Serialize>) -> Record {
    let mut record = super::record::put(key, value);
    if let (Some(value), Some(tail)) = (&mut record.value, tail) {
        // See `put`: plain values encode.
        value.extend(postcard::to_allocvec(&tail).expect("plain values encode"));
    }
    record
}

/// A value and what stands behind it, nothing less and nothing more.
pub(super) fn read_with_tail<'a, T, Tail>(octets: &'a [u8]) -> Option<(T, Option<Tail>)>
where
    T: Deserialize<'a>,
    Tail: Deserialize<'a>,
{
    match postcard::take_from_bytes(octets).ok()? {
        (value, []) => Some((value, None)),
        (value, tail) => match postcard::take_from_bytes(tail).ok()? {
            (tail, []) => Some((value, Some(tail))),
            (_, [_, ..]) => None,
        },
    }
}
