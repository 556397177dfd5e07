//! What must hold for any datagram at all. The fuzz target runs the same function.

use sn_codec::limits::MAX_SHORT_LEN;
use sn_codec::{DecodeError, EncodeError, Message, MsgType, decode};

/// Decodes `datagram`; whatever that gives must be consistent.
///
/// # Panics
/// If it is not.
pub(crate) fn check(datagram: &[u8]) {
    match decode(datagram) {
        Ok(message) => check_message(datagram, &message),
        Err(error) => assert_eq!(DecodeError::NAMES[error.index()], error.name()),
    }
}

fn check_message(datagram: &[u8], message: &Message<'_>) {
    let len = message.encoded_len().expect("what decodes can be encoded");
    assert!(len <= datagram.len(), "{message:?}: the shortest form is longer than what was received");

    let mut buf = vec![0; len];
    assert_eq!(message.encode(&mut buf), Ok(len));
    assert_eq!(decode(&buf).as_ref(), Ok(message));
    assert_eq!(message.encode(&mut vec![0; len - 1]), Err(EncodeError::BufferTooSmall(len)));
    check_header(message.msg_type(), &buf);

    if let Message::FrwdEncap(encap) = message {
        assert!(!matches!(decode(encap.inner), Ok(Message::FrwdEncap(_))), "an encapsulation inside another");
        check(encap.inner);
    }
}

/// The header is the shortest that is possible.
fn check_header(msg_type: MsgType, encoded: &[u8]) {
    let is_long = encoded[0] == 1;
    assert_eq!(encoded[if is_long { 3 } else { 1 }], u8::from(msg_type));
    if is_long {
        assert!(encoded.len() > MAX_SHORT_LEN + 2, "long form for {} octets", encoded.len());
    }
}
