//! A cursor over a message's body. It can only shrink, and what is missing is an error: reading cannot panic.

use crate::{DecodeError, MsgType};
use sn_types::{MsgId, TopicId};

/// The octets of a body that have not been read yet.
pub(crate) struct Reader<'a> {
    msg_type: MsgType,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(msg_type: MsgType, body: &'a [u8]) -> Self {
        Self { msg_type, rest: body }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(crate) fn octets<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (octets, rest) = self.rest.split_first_chunk().ok_or(DecodeError::BodyTooShort(self.msg_type))?;
        self.rest = rest;
        Ok(*octets)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.octets().map(|[octet]| octet)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.octets().map(u16::from_be_bytes)
    }

    #[inline]
    pub(crate) fn topic_id(&mut self) -> Result<TopicId, DecodeError> {
        self.u16().map(TopicId)
    }

    #[inline]
    pub(crate) fn msg_id(&mut self) -> Result<MsgId, DecodeError> {
        self.u16().map(MsgId)
    }

    /// The next `len` octets as a topic name; the length came in the message itself.
    #[inline]
    pub(crate) fn sized_topic_name(&mut self, len: u16) -> Result<&'a str, DecodeError> {
        let (name, rest) = self.rest.split_at_checked(usize::from(len)).ok_or(DecodeError::TopicNameLength)?;
        if name.is_empty() {
            return Err(DecodeError::TopicNameLength);
        }
        self.rest = rest;
        Self::new(self.msg_type, name).text()
    }

    /// All that is left, a topic name or filter that must be there.
    #[inline]
    pub(crate) fn topic_name(self) -> Result<&'a str, DecodeError> {
        match self.rest {
            [] => Err(DecodeError::EmptyTopicName(self.msg_type)),
            [..] => self.text(),
        }
    }

    /// All that is left, as text; may be empty.
    #[inline]
    pub(crate) fn text(self) -> Result<&'a str, DecodeError> {
        core::str::from_utf8(self.rest).map_err(|_| DecodeError::NotUtf8(self.msg_type))
    }

    /// All that is left.
    #[inline]
    pub(crate) const fn data(self) -> &'a [u8] {
        self.rest
    }

    /// Nothing may be left.
    #[inline]
    pub(crate) const fn end(self) -> Result<(), DecodeError> {
        match self.rest {
            [] => Ok(()),
            [..] => Err(DecodeError::BodyTooLong(self.msg_type)),
        }
    }

    /// One octet too many may be left: RSMB sends WILLTOPICRESP and WILLMSGRESP so.
    pub(crate) const fn end_or_one_surplus(self) -> Result<(), DecodeError> {
        match self.rest {
            [] | [_] => Ok(()),
            [..] => Err(DecodeError::BodyTooLong(self.msg_type)),
        }
    }
}
