//! Subscriptions: SUBSCRIBE, SUBACK, UNSUBSCRIBE. (UNSUBACK is a bare MsgId.)

use crate::layout::Layout;
use crate::reader::Reader;
use crate::{DecodeError, EncodeError, MsgType, Qos, ReturnCode, TopicFilter};
use sn_types::{MsgId, TopicId};

/// SUBSCRIBE (1.2 §5.4). DUP is ignored and sent as 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// The QoS asked for; bits 11 decode to [`Qos::MinusOne`], which the session refuses.
    pub qos: Qos,
    /// Echoed in the SUBACK.
    pub msg_id: MsgId,
    /// To what.
    pub topic: TopicFilter<'a>,
}

impl<'a> Subscribe<'a> {
    #[inline]
    pub(crate) fn parse(mut body: Reader<'a>) -> Result<Self, DecodeError> {
        let flags = body.u8()?;
        let msg_id = body.msg_id()?;
        Ok(Self { qos: Qos::from_flags(flags), msg_id, topic: TopicFilter::parse(flags, body)? })
    }

    #[inline]
    pub(crate) fn layout(self) -> Result<Layout<'a>, EncodeError> {
        let flags = self.qos.to_flags() | self.topic.type_bits();
        self.topic.lay_out(MsgType::Subscribe, Layout::EMPTY.u8(flags).u16(self.msg_id.0))
    }
}

/// SUBACK (1.2 §5.4). All flag bits but QoS are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubAck {
    /// The QoS granted.
    pub qos: Qos,
    /// The id that the gateway will use; 0000 for wildcards.
    pub topic_id: TopicId,
    /// The SUBSCRIBE's.
    pub msg_id: MsgId,
    /// Accepted, or why not.
    pub return_code: ReturnCode,
}

impl SubAck {
    #[inline]
    pub(crate) fn parse(mut body: Reader<'_>) -> Result<Self, DecodeError> {
        let suback = Self {
            qos: Qos::from_flags(body.u8()?),
            topic_id: body.topic_id()?,
            msg_id: body.msg_id()?,
            return_code: body.u8()?.into(),
        };
        body.end()?;
        Ok(suback)
    }

    #[inline]
    pub(crate) fn layout(self) -> Layout<'static> {
        let head = Layout::EMPTY.u8(self.qos.to_flags()).u16(self.topic_id.0).u16(self.msg_id.0);
        head.u8(self.return_code.into())
    }
}

/// UNSUBSCRIBE (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// Echoed in the UNSUBACK.
    pub msg_id: MsgId,
    /// From what.
    pub topic: TopicFilter<'a>,
}

impl<'a> Unsubscribe<'a> {
    #[inline]
    pub(crate) fn parse(mut body: Reader<'a>) -> Result<Self, DecodeError> {
        let flags = body.u8()?;
        let msg_id = body.msg_id()?;
        Ok(Self { msg_id, topic: TopicFilter::parse(flags, body)? })
    }

    #[inline]
    pub(crate) fn layout(self) -> Result<Layout<'a>, EncodeError> {
        let head = Layout::EMPTY.u8(self.topic.type_bits()).u16(self.msg_id.0);
        self.topic.lay_out(MsgType::Unsubscribe, head)
    }
}
