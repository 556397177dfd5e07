//! Broken promises.

use std::fmt;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields say whom and what it is about")]
pub enum Violation {
    /// A message at QoS 1 or 2 was never acknowledged to its publisher.
    Unconfirmed { message: String },
    /// A subscriber did not get an acknowledged message at QoS 1 or 2.
    Missing { client: String, message: String },
    /// A subscriber got a message more often than its QoS allows.
    Repeated { client: String, message: String },
    /// A subscriber got a message, for the first time, after one that was published later on the same topic.
    OutOfOrder { client: String, message: String },
    /// A message came at another QoS than the lower of its own and the subscription's.
    WrongQos { client: String, message: String },
    /// A client got a message that it had not subscribed to.
    Unasked { client: String, message: String },
    /// A client got a message that nobody had published, or not on that topic.
    Invented { client: String, topic: String },
    /// A waking client was told that nothing is left for it, but something was.
    NotDrained { client: String, message: String },
    /// A message was sent under a topic id that the client had not been told.
    UntoldTopicId { client: String, topic_id: u16 },
    /// A topic id that a client had been told has come to mean another topic.
    TopicIdReused { client: String, topic_id: u16, was: String, is: String },
    /// A client counted as lost, or its will was published, without reason.
    WillWithoutReason { client: String },
    /// A limit was exceeded.
    OverLimit { what: &'static str, limit: usize, found: usize },
    /// Reading the store a second time gave another state than the first time.
    RestoredDifferently,
    /// The disk's contents could not be read.
    NotRestored { why: String },
    /// A stranger's datagram has changed somebody else's state.
    DisturbedByStranger { client: String },
    /// Once nothing went wrong any more, the gateway sent too much again for want of an answer.
    RetransmissionStorm { retransmissions: u64, bound: u64 },
    /// Once nothing went wrong any more, not everything came to its end.
    NotSettled { what: String },
}

impl Violation {
    /// Which kind it is: a short name.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Unconfirmed { .. } => "unconfirmed",
            Self::Missing { .. } => "missing",
            Self::Repeated { .. } => "repeated",
            Self::OutOfOrder { .. } => "out-of-order",
            Self::WrongQos { .. } => "wrong-qos",
            Self::Unasked { .. } => "unasked",
            Self::Invented { .. } => "invented",
            Self::NotDrained { .. } => "not-drained",
            Self::UntoldTopicId { .. } => "untold-topic-id",
            Self::TopicIdReused { .. } => "topic-id-reused",
            Self::WillWithoutReason { .. } => "will-without-reason",
            Self::OverLimit { .. } => "over-limit",
            Self::RestoredDifferently => "restored-differently",
            Self::NotRestored { .. } => "not-restored",
            Self::DisturbedByStranger { .. } => "disturbed-by-stranger",
            Self::RetransmissionStorm { .. } => "retransmission-storm",
            Self::NotSettled { .. } => "not-settled",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unconfirmed { message } => write!(f, "{message} was never acknowledged"),
            Self::Missing { client, message } => write!(f, "{client} did not get {message}"),
            Self::Repeated { client, message } => write!(f, "{client} got {message} again"),
            Self::OutOfOrder { client, message } => write!(f, "{client} got {message} after a later one"),
            Self::WrongQos { client, message } => write!(f, "{client} got {message} at the wrong QoS"),
            Self::Unasked { client, message } => write!(f, "{client} got {message}, but has no subscription to it"),
            Self::Invented { client, topic } => write!(f, "{client} got something on {topic} that nobody published"),
            Self::NotDrained { client, message } => {
                write!(f, "{client} was told that nothing is left for it, but there was {message}")
            }
            Self::UntoldTopicId { client, topic_id } => {
                write!(f, "{client} was sent a message under topic id {topic_id}, which it was not told")
            }
            Self::TopicIdReused { client, topic_id, was, is } => {
                write!(f, "topic id {topic_id} of {client} was {was} and is {is}")
            }
            Self::WillWithoutReason { client } => write!(f, "the will of {client} was published without reason"),
            Self::OverLimit { what, limit, found } => write!(f, "{found} {what}, but the limit is {limit}"),
            Self::RestoredDifferently => f.write_str("the store reads differently the second time"),
            Self::NotRestored { why } => write!(f, "the store could not be read: {why}"),
            Self::DisturbedByStranger { client } => write!(f, "a stranger has changed the state of {client}"),
            Self::RetransmissionStorm { retransmissions, bound } => {
                write!(f, "{retransmissions} retransmissions without a fault, at most {bound} make sense")
            }
            Self::NotSettled { what } => write!(f, "without any more faults, {what}"),
        }
    }
}
