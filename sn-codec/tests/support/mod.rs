//! What several test files need.

#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod invariants;

/// One line of vectors-1.2.csv.
pub(crate) struct Vector {
    pub(crate) id: &'static str,
    pub(crate) octets: Vec<u8>,
}

/// The whole packets of vectors-1.2.csv, in its order.
pub(crate) fn vectors() -> Vec<Vector> {
    include_str!("../vectors-1.2.csv").lines().skip(1).map(vector).collect()
}

fn vector(line: &'static str) -> Vector {
    let mut columns = line.splitn(3, ',');
    let (Some(id), Some(hex)) = (columns.next(), columns.next()) else { panic!("not id,hex,meaning: {line}") };
    Vector { id, octets: octets(hex) }
}

/// Octets written in hexadecimal, with spaces wherever they help.
pub(crate) fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    assert!(digits.len().is_multiple_of(2), "half an octet in {hex}");
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

/// Encodes into a buffer of just the right size.
pub(crate) fn encoded(message: &sn_codec::Message<'_>) -> Vec<u8> {
    let mut buf = vec![0; message.encoded_len().unwrap()];
    assert_eq!(message.encode(&mut buf), Ok(buf.len()));
    buf
}
