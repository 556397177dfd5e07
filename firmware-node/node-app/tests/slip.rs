//! The serial framing.

use node_app::slip::{Decoder, encode};

fn encoded(datagram: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    encode(datagram, |octet| octets.push(octet));
    octets
}

fn decoded(octets: &[u8]) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::<256>::new();
    octets.iter().filter_map(|octet| decoder.push(*octet).map(<[u8]>::to_vec)).collect()
}

#[test]
fn end_and_escape_are_escaped_as_rfc_1055_says() {
    assert_eq!(encoded(&[1, 0xC0, 2, 0xDB, 3]), [0xC0, 1, 0xDB, 0xDC, 2, 0xDB, 0xDD, 3, 0xC0]);
}

#[test]
fn every_octet_survives() {
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(decoded(&encoded(&all)), [all]);
}

#[test]
fn a_lost_octet_costs_at_most_its_own_datagram() {
    let datagrams = [&b"one"[..], &[0xC0, 0xDB], b"three", b"four"];
    let line: Vec<u8> = datagrams.iter().flat_map(|datagram| encoded(datagram)).collect();
    for lost in 0..line.len() {
        let mut received = line.clone();
        received.remove(lost);
        let whole = decoded(&received).iter().filter(|datagram| datagrams.contains(&datagram.as_slice())).count();
        assert!(whole >= datagrams.len() - 1, "octet {lost} lost: {whole} of {} arrived", datagrams.len());
    }
}

#[test]
fn what_is_too_long_or_malformed_is_skipped() {
    let longest = vec![7; 256];
    let cases = [encoded(&[0; 257]), vec![0xC0, 1, 0xDB, 1, 0xC0], vec![0xC0, 1, 0xDB, 0xC0], encoded(&longest)];
    assert_eq!(decoded(&cases.concat()), [longest]);
}
