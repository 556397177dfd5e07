//! What a client is told when it is refused.

use crate::RejectReason;
use sn_codec::ReturnCode;

/// The ReturnCode (1.2 §5.3.10) in a CONNACK, REGACK, SUBACK or PUBACK that refuses.
pub(crate) const fn return_code(reason: RejectReason) -> ReturnCode {
    match reason {
        RejectReason::TopicId => ReturnCode::InvalidTopicId,
        // It may work later.
        RejectReason::ClientLimit
        | RejectReason::ForwarderLimit
        | RejectReason::TopicIdLimit
        | RejectReason::SubscriptionLimit
        | RejectReason::IncomingQos2Limit
        | RejectReason::UpstreamAway
        | RejectReason::UpstreamLimit
        | RejectReason::Storage
        | RejectReason::UncommittedLimit => ReturnCode::Congestion,
        RejectReason::Malformed(_)
        | RejectReason::UnknownSender
        | RejectReason::SearchLimit
        | RejectReason::WrongState
        | RejectReason::WrongDirection
        | RejectReason::ProtocolId
        | RejectReason::ClientId
        | RejectReason::TopicName
        | RejectReason::TopicFilter
        | RejectReason::TopicIdType
        | RejectReason::Qos
        | RejectReason::UnmatchedAck
        | RejectReason::QosMinusOne
        | RejectReason::NodeId
        | RejectReason::Revoked
        | RejectReason::BadPassword
        | RejectReason::Anonymous
        | RejectReason::NotAllowed
        | RejectReason::OtherUser
        | RejectReason::PayloadFormat
        | RejectReason::AuthenticationMethod
        | RejectReason::UpstreamRefused
        | RejectReason::MqttProtocol => ReturnCode::NotSupported,
    }
}
