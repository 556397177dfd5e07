//! The message header (1.2 §5.2): where a message ends, and what type it is.

use crate::limits::{LONG_HEADER_LEN, MAX_MESSAGE_LEN, MAX_SHORT_LEN, SHORT_HEADER_LEN};
use crate::{DecodeError, MsgType};

/// First octet of the long form; no message is so short that this could be its Length.
pub(crate) const LONG_FORM: u8 = 0x01;

/// A datagram whose header has been checked against its size.
pub(crate) struct Frame<'a> {
    pub(crate) msg_type: MsgType,
    /// What Length counts after the header.
    pub(crate) body: &'a [u8],
    /// What follows; never empty in a FRWDENCAP and always in every other message.
    pub(crate) inner: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Checks that `datagram` is one message.
    #[inline]
    pub(crate) fn check(datagram: &'a [u8]) -> Result<Self, DecodeError> {
        if datagram.len() > MAX_MESSAGE_LEN {
            return Err(DecodeError::TrailingOctets);
        }
        match *datagram {
            [] | [_] => Err(DecodeError::NoHeader),
            [0, ..] => Err(DecodeError::InvalidLength),
            [LONG_FORM, hi, lo, msg_type, ref body @ ..] => {
                Self::long(usize::from(u16::from_be_bytes([hi, lo])), msg_type, body)
            }
            [LONG_FORM, ..] => Err(DecodeError::NoHeader),
            [len, msg_type, ref body @ ..] => Self::short(usize::from(len), msg_type, body),
        }
    }

    #[inline]
    fn short(len: usize, msg_type: u8, after_header: &'a [u8]) -> Result<Self, DecodeError> {
        let body_len = len.checked_sub(SHORT_HEADER_LEN).ok_or(DecodeError::InvalidLength)?;
        let (body, inner) = after_header.split_at_checked(body_len).ok_or(DecodeError::Truncated)?;
        let is_encapsulation = msg_type == u8::from(MsgType::FrwdEncap);
        match (is_encapsulation, inner) {
            (true, []) => Err(DecodeError::NoInnerMessage),
            (false, [_, ..]) => Err(DecodeError::TrailingOctets),
            (true, [_, ..]) | (false, []) => Ok(Self { msg_type: msg_type.try_into()?, body, inner }),
        }
    }

    #[inline]
    fn long(len: usize, msg_type: u8, body: &'a [u8]) -> Result<Self, DecodeError> {
        let body_len = len.checked_sub(LONG_HEADER_LEN).ok_or(DecodeError::InvalidLength)?;
        // The Paho packet library forgets the two octets that the long form adds when a message is just too long for
        // the short form: what it sends is whole, only its Length is 2 too small.
        let is_paho = body_len + 2 == body.len();
        if body_len > body.len() {
            return Err(DecodeError::Truncated);
        }
        if body_len < body.len() && !is_paho {
            return Err(DecodeError::TrailingOctets);
        }
        match MsgType::try_from(msg_type)? {
            MsgType::FrwdEncap => Err(DecodeError::InvalidLength),
            msg_type => Ok(Self { msg_type, body, inner: &[] }),
        }
    }
}

/// The MsgType octet of what may be a message, in either Length form.
pub(crate) const fn peek_msg_type(message: &[u8]) -> Option<u8> {
    match *message {
        [LONG_FORM, _, _, msg_type, ..] => Some(msg_type),
        [LONG_FORM, ..] | [] | [_] => None,
        [_, msg_type, ..] => Some(msg_type),
    }
}

/// Octets of the shortest header for a body of `body_len` octets.
pub(crate) const fn header_len(body_len: usize) -> usize {
    if SHORT_HEADER_LEN + body_len <= MAX_SHORT_LEN { SHORT_HEADER_LEN } else { LONG_HEADER_LEN }
}
