//! Bugs that can be switched on, to see whether the tests find them.
//!
//! They are those that have been made in such programs, ours among them. Without the feature `planted-bugs`, which no shipped
//! program has, none can be switched on, and the compiler leaves them out.

use crate::Core;

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "for tests of this project alone")]
pub enum PlantedBug {
    /// Acknowledgements do not wait for the commit.
    AckBeforeSync,
    /// A QoS 1 message leaves the mailbox when it is sent, not when it is acknowledged.
    PopOnSend,
    /// After a restart MsgIds begin again.
    MsgIdsNotStored,
    /// After a restart topic ids are given out anew.
    TopicIdsNotStored,
    /// Messages that wait are not written.
    MailboxNotStored,
    /// Subscriptions are not written.
    SubscriptionsNotStored,
    /// PINGRESP comes before the messages.
    PingRespTooEarly,
    /// DISCONNECT publishes the will.
    WillOnDisconnect,
    /// A restart publishes the wills.
    WillOnRestart,
    /// The MsgId of a QoS 2 PUBLISH is not remembered.
    Qos2NotRemembered,
    /// Nothing is sent again.
    NoRetransmission,
    /// UNSUBSCRIBE is acknowledged and forgotten.
    UnsubscribeIgnored,
    /// A message that is dropped is not reported.
    SilentDrop,
    /// Messages are delivered at the QoS they were published with.
    GrantedQosIgnored,
    /// A PUBACK acknowledges whatever is in flight.
    AnyPubAck,
    /// Who loses an address to another client goes on using it.
    AddressShared,
    /// The limit of a client's queue is not kept.
    QueueUnlimited,
}

impl PlantedBug {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::AckBeforeSync,
        Self::PopOnSend,
        Self::MsgIdsNotStored,
        Self::TopicIdsNotStored,
        Self::MailboxNotStored,
        Self::SubscriptionsNotStored,
        Self::PingRespTooEarly,
        Self::WillOnDisconnect,
        Self::WillOnRestart,
        Self::Qos2NotRemembered,
        Self::NoRetransmission,
        Self::UnsubscribeIgnored,
        Self::SilentDrop,
        Self::GrantedQosIgnored,
        Self::AnyPubAck,
        Self::AddressShared,
        Self::QueueUnlimited,
    ];
}

impl Core {
    /// Whether a bug is switched on.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn has(&self, bug: PlantedBug) -> bool {
        self.config.planted == Some(bug)
    }

    /// Whether a bug is switched on: none can be.
    #[cfg(not(feature = "planted-bugs"))]
    #[allow(clippy::unused_self, reason = "as with the feature")]
    pub(crate) const fn has(&self, _bug: PlantedBug) -> bool {
        false
    }
}
