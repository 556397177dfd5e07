//! The will: WILLTOPIC, WILLMSG and their later updates, which have the same bodies.

use crate::fields::flag;
use crate::layout::Layout;
use crate::reader::Reader;
use crate::{DecodeError, EncodeError, MsgType, Qos, ReturnCode};

/// WILLTOPIC and WILLTOPICUPD with a body (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WillTopic<'a> {
    /// The will's QoS; bits 11 decode to [`Qos::MinusOne`], which the session refuses.
    pub qos: Qos,
    /// Whether the will is retained.
    pub retain: bool,
    /// The will topic; never empty.
    pub topic: &'a str,
}

impl<'a> WillTopic<'a> {
    /// `None` for the form without a body.
    pub(crate) fn parse(mut body: Reader<'a>) -> Result<Option<Self>, DecodeError> {
        if body.is_empty() {
            return Ok(None);
        }
        let flags = body.u8()?;
        let (qos, retain) = (Qos::from_flags(flags), flags & flag::RETAIN != 0);
        Ok(Some(Self { qos, retain, topic: body.topic_name()? }))
    }

    pub(crate) fn layout(self, msg_type: MsgType) -> Result<Layout<'a>, EncodeError> {
        if self.topic.is_empty() {
            return Err(EncodeError::EmptyTopicName(msg_type));
        }
        let flags = self.qos.to_flags() | flag::when(self.retain, flag::RETAIN);
        Ok(Layout::EMPTY.u8(flags).text(self.topic))
    }
}

/// WILLMSG and WILLMSGUPD (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WillMsg<'a> {
    /// The will's payload; may be empty.
    pub message: &'a [u8],
}

impl<'a> WillMsg<'a> {
    pub(crate) const fn parse(body: Reader<'a>) -> Self {
        Self { message: body.data() }
    }

    pub(crate) fn layout(self) -> Layout<'a> {
        Layout::EMPTY.data(self.message)
    }
}

/// The body of WILLTOPICRESP and WILLMSGRESP.
pub(crate) fn parse_response(mut body: Reader<'_>) -> Result<ReturnCode, DecodeError> {
    let return_code = body.u8()?.into();
    body.end_or_one_surplus()?;
    Ok(return_code)
}
