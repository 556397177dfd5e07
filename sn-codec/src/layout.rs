//! A message laid out for sending. Every body is a few fixed octets, then at most two parts of any length.
//!
//! Here and on the way of a PUBLISH, functions are `inline`: to return a message or a layout through memory, and copy
//! it from there, takes longer than to parse or write it.

use crate::frame::{LONG_FORM, header_len};
use crate::limits::{LONG_HEADER_LEN, MAX_MESSAGE_LEN};
use crate::{EncodeError, MsgType};

/// The parts of a message's body, in the order in which they are sent.
///
/// The fixed octets, six at most (SUBACK's), are kept as one big-endian number: it stays in a register, where an array
/// would be written octet by octet and read back at once, which stalls a processor for longer than all the rest takes.
pub(crate) struct Layout<'a> {
    fixed: u64,
    fixed_len: usize,
    text: &'a [u8],
    data: &'a [u8],
    /// Follows the message: Length does not count it.
    inner: &'a [u8],
}

impl<'a> Layout<'a> {
    /// A body without fields.
    pub(crate) const EMPTY: Self = Self { fixed: 0, fixed_len: 0, text: &[], data: &[], inner: &[] };

    #[inline]
    pub(crate) fn u8(self, octet: u8) -> Self {
        Self { fixed: self.fixed << 8 | u64::from(octet), fixed_len: self.fixed_len + 1, ..self }
    }

    #[inline]
    pub(crate) fn u16(self, value: u16) -> Self {
        Self { fixed: self.fixed << 16 | u64::from(value), fixed_len: self.fixed_len + 2, ..self }
    }

    #[inline]
    pub(crate) fn text(self, text: &'a str) -> Self {
        Self { text: text.as_bytes(), ..self }
    }

    #[inline]
    pub(crate) fn data(self, data: &'a [u8]) -> Self {
        Self { data, ..self }
    }

    #[inline]
    pub(crate) fn inner(self, inner: &'a [u8]) -> Self {
        Self { inner, ..self }
    }

    /// What Length counts after the header.
    fn body_len(&self) -> usize {
        self.fixed_len + self.text.len() + self.data.len()
    }

    /// Octets on the wire.
    #[inline]
    pub(crate) fn total_len(&self) -> Result<usize, EncodeError> {
        let body_len = self.body_len();
        let total_len = header_len(body_len) + body_len + self.inner.len();
        if total_len > MAX_MESSAGE_LEN { Err(EncodeError::MessageTooLong) } else { Ok(total_len) }
    }

    /// Writes header and body to the start of `buf`, and says how long they are.
    #[inline]
    pub(crate) fn write(&self, msg_type: MsgType, buf: &mut [u8]) -> Result<usize, EncodeError> {
        let total_len = self.total_len()?;
        let message = buf.get_mut(..total_len).ok_or(EncodeError::BufferTooSmall(total_len))?;
        let mut writer = Writer { rest: message };
        self.write_header(msg_type, &mut writer);
        writer.number(self.fixed, self.fixed_len);
        writer.octets(self.text);
        writer.octets(self.data);
        writer.octets(self.inner);
        debug_assert!(writer.rest.is_empty(), "{msg_type} is shorter than its length");
        Ok(total_len)
    }

    #[inline]
    fn write_header(&self, msg_type: MsgType, writer: &mut Writer<'_>) {
        let body_len = self.body_len();
        let len = (header_len(body_len) + body_len) as u64;
        if header_len(body_len) == LONG_HEADER_LEN {
            writer.number(LONG_FORM.into(), 1);
            writer.number(len, 2);
        } else {
            writer.number(len, 1);
        }
        writer.number(u8::from(msg_type).into(), 1);
    }
}

/// What is left of the buffer, which is exactly as long as what is written.
struct Writer<'b> {
    rest: &'b mut [u8],
}

impl<'b> Writer<'b> {
    /// The lowest `len` octets of `value`, big-endian.
    #[inline]
    fn number(&mut self, value: u64, len: usize) {
        let slots = self.take(len).iter_mut().rev();
        slots.zip(0..8).for_each(|(slot, place)| *slot = (value >> (8 * place)) as u8);
    }

    /// Not `copy_from_slice`: what nodes say is short, and a call to `memcpy` would take longer.
    #[inline]
    fn octets(&mut self, octets: &[u8]) {
        self.take(octets.len()).iter_mut().zip(octets).for_each(|(slot, octet)| *slot = *octet);
    }

    /// The next `len` octets; they are always there, since the whole buffer's length was computed from the parts.
    #[inline]
    fn take(&mut self, len: usize) -> &'b mut [u8] {
        self.rest.split_off_mut(..len).unwrap_or_default()
    }
}
