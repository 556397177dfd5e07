//! Publishing: PUBLISH, PUBACK, and the body of QoS 2's PUBREC, PUBREL and PUBCOMP.

use crate::fields::flag;
use crate::layout::Layout;
use crate::reader::Reader;
use crate::{DecodeError, EncodeError, MsgType, Qos, ReturnCode, Topic};
use sn_types::{MsgId, TopicId};

/// PUBLISH (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// A retransmission.
    pub dup: bool,
    /// -1 to 2.
    pub qos: Qos,
    /// To a gateway: keep it for new subscribers. From a gateway: it was kept.
    pub retain: bool,
    /// The topic, in whichever form.
    pub topic: Topic<'a>,
    /// 0000 with QoS 0 and -1.
    pub msg_id: MsgId,
    /// The payload; may be empty.
    pub data: &'a [u8],
}

impl<'a> Publish<'a> {
    #[inline(always)]
    pub(crate) fn parse(mut body: Reader<'a>) -> Result<Self, DecodeError> {
        let flags = body.u8()?;
        let id_field = body.topic_id()?;
        let msg_id = body.msg_id()?;
        let topic = Topic::parse(flags, id_field, &mut body)?;
        Ok(Self {
            dup: flags & flag::DUP != 0,
            qos: Qos::from_flags(flags),
            retain: flags & flag::RETAIN != 0,
            topic,
            msg_id,
            data: body.data(),
        })
    }

    #[inline]
    pub(crate) fn layout(self) -> Result<Layout<'a>, EncodeError> {
        let name = match (self.topic, self.qos) {
            (Topic::Name(""), _) => return Err(EncodeError::EmptyTopicName(MsgType::Publish)),
            (Topic::Name(name), Qos::MinusOne) => name,
            (Topic::Name(_), Qos::Zero | Qos::One | Qos::Two) | (Topic::Normal(_), Qos::MinusOne) => {
                return Err(EncodeError::TopicQosMismatch);
            }
            (Topic::Normal(_) | Topic::Predefined(_) | Topic::Short(_) | Topic::Reserved(_), _) => "",
        };
        let head = Layout::EMPTY.u8(self.flags()).u16(self.topic.id_field().0).u16(self.msg_id.0);
        Ok(head.text(name).data(self.data))
    }

    const fn flags(&self) -> u8 {
        flag::when(self.dup, flag::DUP)
            | self.qos.to_flags()
            | flag::when(self.retain, flag::RETAIN)
            | self.topic.type_bits()
    }
}

/// PUBACK (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PubAck {
    /// The PUBLISH's TopicId octets; some peers send 0000, so match by [`PubAck::msg_id`].
    pub topic_id: TopicId,
    /// The PUBLISH's.
    pub msg_id: MsgId,
    /// Accepted, or why not.
    pub return_code: ReturnCode,
}

impl PubAck {
    #[inline]
    pub(crate) fn parse(mut body: Reader<'_>) -> Result<Self, DecodeError> {
        let puback = Self { topic_id: body.topic_id()?, msg_id: body.msg_id()?, return_code: body.u8()?.into() };
        body.end()?;
        Ok(puback)
    }

    #[inline]
    pub(crate) fn layout(self) -> Layout<'static> {
        Layout::EMPTY.u16(self.topic_id.0).u16(self.msg_id.0).u8(self.return_code.into())
    }
}

/// The body of PUBREC, PUBREL and PUBCOMP, and of UNSUBACK: a MsgId and nothing else.
#[inline]
pub(crate) fn parse_msg_id(mut body: Reader<'_>) -> Result<MsgId, DecodeError> {
    let msg_id = body.msg_id()?;
    body.end()?;
    Ok(msg_id)
}
