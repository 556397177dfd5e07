//! Topic registration: REGISTER, REGACK.

use crate::layout::Layout;
use crate::reader::Reader;
use crate::{DecodeError, EncodeError, MsgType, ReturnCode};
use sn_types::{MsgId, TopicId};

/// REGISTER (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register<'a> {
    /// 0000 from a client, the assigned id from a gateway.
    pub topic_id: TopicId,
    /// Echoed in the REGACK.
    pub msg_id: MsgId,
    /// The topic name; never empty.
    pub topic_name: &'a str,
}

impl<'a> Register<'a> {
    pub(crate) fn parse(mut body: Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { topic_id: body.topic_id()?, msg_id: body.msg_id()?, topic_name: body.topic_name()? })
    }

    pub(crate) fn layout(self) -> Result<Layout<'a>, EncodeError> {
        if self.topic_name.is_empty() {
            return Err(EncodeError::EmptyTopicName(MsgType::Register));
        }
        Ok(Layout::EMPTY.u16(self.topic_id.0).u16(self.msg_id.0).text(self.topic_name))
    }
}

/// REGACK (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegAck {
    /// The id from now on.
    pub topic_id: TopicId,
    /// The REGISTER's.
    pub msg_id: MsgId,
    /// Accepted, or why not.
    pub return_code: ReturnCode,
}

impl RegAck {
    pub(crate) fn parse(mut body: Reader<'_>) -> Result<Self, DecodeError> {
        let regack = Self { topic_id: body.topic_id()?, msg_id: body.msg_id()?, return_code: body.u8()?.into() };
        body.end()?;
        Ok(regack)
    }

    pub(crate) fn layout(self) -> Layout<'static> {
        Layout::EMPTY.u16(self.topic_id.0).u16(self.msg_id.0).u8(self.return_code.into())
    }
}
