//! A message laid out for sending. Every body is a few fixed octets, then at most two parts of any length.

use crate::frame::{LONG_FORM, header_len};
use crate::limits::{LONG_HEADER_LEN, MAX_MESSAGE_LEN};
use crate::{EncodeError, MsgType};

/// The most fixed octets that a body has: SUBACK's.
const MAX_FIXED_LEN: usize = 6;

/// The parts of a message's body, in the order in which they are sent.
pub(crate) struct Layout<'a> {
    fixed: [u8; MAX_FIXED_LEN],
    fixed_len: usize,
    text: &'a [u8],
    data: &'a [u8],
    /// Follows the message: Length does not count it.
    inner: &'a [u8],
}

impl<'a> Layout<'a> {
    /// A body without fields.
    pub(crate) const EMPTY: Self = Self { fixed: [0; MAX_FIXED_LEN], fixed_len: 0, text: &[], data: &[], inner: &[] };

    pub(crate) fn u8(self, octet: u8) -> Self {
        self.octets([octet])
    }

    pub(crate) fn u16(self, value: u16) -> Self {
        self.octets(value.to_be_bytes())
    }

    /// Adds fixed octets. Their number follows from the message's type alone, so the slice is always in range.
    pub(crate) fn octets<const N: usize>(mut self, octets: [u8; N]) -> Self {
        self.fixed[self.fixed_len..][..N].copy_from_slice(&octets);
        self.fixed_len += N;
        self
    }

    pub(crate) fn text(self, text: &'a str) -> Self {
        Self { text: text.as_bytes(), ..self }
    }

    pub(crate) fn data(self, data: &'a [u8]) -> Self {
        Self { data, ..self }
    }

    pub(crate) fn inner(self, inner: &'a [u8]) -> Self {
        Self { inner, ..self }
    }

    /// What Length counts after the header.
    fn body_len(&self) -> usize {
        self.fixed_len + self.text.len() + self.data.len()
    }

    /// Octets on the wire.
    pub(crate) fn total_len(&self) -> Result<usize, EncodeError> {
        let body_len = self.body_len();
        let total_len = header_len(body_len) + body_len + self.inner.len();
        if total_len > MAX_MESSAGE_LEN { Err(EncodeError::MessageTooLong) } else { Ok(total_len) }
    }

    /// Writes header and body to the start of `buf`, and says how long they are.
    pub(crate) fn write(&self, msg_type: MsgType, buf: &mut [u8]) -> Result<usize, EncodeError> {
        let total_len = self.total_len()?;
        let message = buf.get_mut(..total_len).ok_or(EncodeError::BufferTooSmall(total_len))?;
        let mut writer = Writer { rest: message, total_len };
        self.write_header(msg_type, &mut writer)?;
        for part in [&self.fixed[..self.fixed_len], self.text, self.data, self.inner] {
            writer.put(part)?;
        }
        Ok(total_len)
    }

    fn write_header(&self, msg_type: MsgType, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let body_len = self.body_len();
        let len = header_len(body_len) + body_len;
        if header_len(body_len) == LONG_HEADER_LEN {
            let [hi, lo] = (len as u16).to_be_bytes();
            writer.put(&[LONG_FORM, hi, lo, msg_type.into()])
        } else {
            writer.put(&[len as u8, msg_type.into()])
        }
    }
}

/// What is left of the buffer.
struct Writer<'b> {
    rest: &'b mut [u8],
    total_len: usize,
}

impl Writer<'_> {
    fn put(&mut self, octets: &[u8]) -> Result<(), EncodeError> {
        let rest = core::mem::take(&mut self.rest);
        let (head, tail) =
            rest.split_at_mut_checked(octets.len()).ok_or(EncodeError::BufferTooSmall(self.total_len))?;
        head.copy_from_slice(octets);
        self.rest = tail;
        Ok(())
    }
}
