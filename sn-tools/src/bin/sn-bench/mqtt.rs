//! The little of MQTT 3.1.1 that a subscriber and a publisher need, in buffers that are allocated once.
//!
//! Must not know: sockets, scenarios.

use anyhow::{Result, bail, ensure};

/// A packet from the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// With its return code (MQTT 3.1.1 §3.2).
    ConnAck(u8),
    /// With the return code of the one filter (§3.9).
    SubAck(u8),
    /// A message; `packet_id` is there from QoS 1 on.
    Publish { qos: u8, packet_id: Option<u16>, payload: &'a [u8] },
    /// The second half of QoS 2, to be answered with PUBCOMP.
    PubRel(u16),
    /// A message of QoS 1 was taken over.
    PubAck(u16),
    /// A message of QoS 2 was taken over, to be answered with PUBREL.
    PubRec(u16),
    /// An exchange of QoS 2 is at its end.
    PubComp(u16),
    /// Known, and of no interest here.
    Other,
}

/// Cuts the first packet off `input`: the packet and its length, or `None` while it is incomplete.
///
/// # Errors
/// When the octets are not MQTT.
pub(crate) fn parse(input: &[u8]) -> Result<Option<(Packet<'_>, usize)>> {
    let Some((&first, rest)) = input.split_first() else { return Ok(None) };
    let Some((body_len, length_octets)) = remaining_length(rest)? else { return Ok(None) };
    let Some(body) = rest.get(length_octets..length_octets + body_len) else { return Ok(None) };
    Ok(Some((packet(first, body)?, 1 + length_octets + body_len)))
}

fn packet(first: u8, body: &[u8]) -> Result<Packet<'_>> {
    Ok(match (first >> 4, body) {
        (2, [_, code]) => Packet::ConnAck(*code),
        (3, body) => publish((first >> 1) & 3, body)?,
        (4, [high, low]) => Packet::PubAck(u16::from_be_bytes([*high, *low])),
        (5, [high, low]) => Packet::PubRec(u16::from_be_bytes([*high, *low])),
        (7, [high, low]) => Packet::PubComp(u16::from_be_bytes([*high, *low])),
        (6, [high, low]) => Packet::PubRel(u16::from_be_bytes([*high, *low])),
        (9, [_, _, code]) => Packet::SubAck(*code),
        (11 | 13, _) => Packet::Other,
        (kind, body) => bail!("MQTT packet type {kind} with {} octets is not for a client", body.len()),
    })
}

fn publish(qos: u8, body: &[u8]) -> Result<Packet<'_>> {
    let split = |body: &'_ [u8]| body.split_first_chunk::<2>().map(|(head, _)| u16::from_be_bytes(*head));
    let Some(after_topic) = split(body).and_then(|len| body.get(2 + usize::from(len)..)) else {
        bail!("MQTT PUBLISH ends inside its topic")
    };
    if qos == 0 {
        return Ok(Packet::Publish { qos, packet_id: None, payload: after_topic });
    }
    let packet_id = split(after_topic);
    ensure!(packet_id.is_some(), "MQTT PUBLISH of QoS {qos} without a packet id");
    Ok(Packet::Publish { qos, packet_id, payload: &after_topic[2..] })
}

/// The Remaining Length (§2.2.3) and how many octets it took.
fn remaining_length(input: &[u8]) -> Result<Option<(usize, usize)>> {
    let mut length = 0;
    for (i, &octet) in input.iter().take(4).enumerate() {
        length |= usize::from(octet & 0x7F) << (7 * i);
        if octet & 0x80 == 0 {
            return Ok(Some((length, i + 1)));
        }
    }
    ensure!(input.len() < 4, "MQTT Remaining Length of more than four octets");
    Ok(None)
}

impl Packet<'_> {
    /// What its receiver must answer (§4.3).
    pub(crate) fn answer(&self) -> Option<[u8; 4]> {
        match *self {
            Packet::Publish { qos, packet_id, .. } => packet_id.map(|id| ack(if qos == 1 { 0x40 } else { 0x50 }, id)),
            Packet::PubRec(id) => Some(ack(0x62, id)),
            Packet::PubRel(id) => Some(ack(0x70, id)),
            Packet::ConnAck(_) | Packet::SubAck(_) | Packet::PubAck(_) | Packet::PubComp(_) | Packet::Other => None,
        }
    }
}

/// CONNECT without keep-alive.
pub(crate) fn connect(client_id: &str, clean_session: bool) -> Vec<u8> {
    let mut body = b"\x00\x04MQTT\x04\x00\x00\x00".to_vec();
    body[7] = u8::from(clean_session) << 1;
    push_text(&mut body, client_id);
    frame(0x10, &body)
}

/// SUBSCRIBE to one filter.
pub(crate) fn subscribe(filter: &str, qos: u8) -> Vec<u8> {
    let mut body = vec![0, 1];
    push_text(&mut body, filter);
    body.push(qos);
    frame(0x82, &body)
}

/// PUBLISH, appended to `outbox`. Only QoS 0 has no packet id.
pub(crate) fn push_publish(outbox: &mut Vec<u8>, qos: u8, topic: &str, packet_id: u16, payload: &[u8]) {
    let id = packet_id.to_be_bytes();
    let id = if qos == 0 { &[][..] } else { &id };
    push_header(outbox, 0x30 | qos << 1, 2 + topic.len() + id.len() + payload.len());
    push_text(outbox, topic);
    outbox.extend_from_slice(id);
    outbox.extend_from_slice(payload);
}

/// DISCONNECT.
pub(crate) const DISCONNECT: [u8; 2] = [0xE0, 0];

/// An acknowledgement that carries only a packet id: PUBACK 40, PUBREC 50, PUBREL 62, PUBCOMP 70.
pub(crate) fn ack(kind: u8, packet_id: u16) -> [u8; 4] {
    let [high, low] = packet_id.to_be_bytes();
    [kind, 2, high, low]
}

fn push_text(body: &mut Vec<u8>, text: &str) {
    // Client ids and filters here are a few dozen octets.
    body.extend_from_slice(&(text.len() as u16).to_be_bytes());
    body.extend_from_slice(text.as_bytes());
}

fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(3 + body.len());
    push_header(&mut packet, first, body.len());
    packet.extend_from_slice(body);
    packet
}

/// The fixed header (§2.2).
fn push_header(outbox: &mut Vec<u8>, first: u8, body_len: usize) {
    outbox.push(first);
    // Packets here are far from the 16,383 octets that two octets of Remaining Length can say.
    debug_assert!(body_len < 16_384);
    match body_len {
        0..128 => outbox.push(body_len as u8),
        _ => outbox.extend_from_slice(&[(body_len % 128) as u8 | 0x80, (body_len / 128) as u8]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_is_cut_from_the_stream_once_complete() {
        let bytes = [0x32, 9, 0, 3, b'a', b'/', b'b', 0, 7, b'h', b'i', 0x40];
        for cut in 0..11 {
            assert_eq!(parse(&bytes[..cut]).unwrap(), None, "{cut} octets");
        }
        let publish = Packet::Publish { qos: 1, packet_id: Some(7), payload: b"hi" };
        assert_eq!(parse(&bytes).unwrap(), Some((publish, 11)));
    }

    #[test]
    fn acknowledgements_and_long_lengths_are_read() {
        assert_eq!(parse(&[0x20, 2, 0, 5]).unwrap(), Some((Packet::ConnAck(5), 4)));
        assert_eq!(parse(&[0x90, 3, 0, 1, 2]).unwrap(), Some((Packet::SubAck(2), 5)));
        assert_eq!(parse(&[0x62, 2, 1, 2]).unwrap(), Some((Packet::PubRel(0x0102), 4)));
        assert_eq!(parse(&[0x40, 2, 1, 3]).unwrap(), Some((Packet::PubAck(0x0103), 4)));
        let long = [&[0x30, 0xC8, 0x01, 0, 1, b't'][..], &[b'x'; 197]].concat();
        let publish = Packet::Publish { qos: 0, packet_id: None, payload: &[b'x'; 197] };
        assert_eq!(parse(&long).unwrap(), Some((publish, 203)));
    }

    #[test]
    fn what_is_not_mqtt_is_an_error() {
        for bytes in [&[0x30, 0xFF, 0xFF, 0xFF, 0xFF][..], &[0x30, 3, 0, 9, b'a'], &[0x32, 3, 0, 1, b'a'], &[0xF0, 0]] {
            assert!(parse(bytes).is_err(), "{bytes:02x?}");
        }
    }

    #[test]
    fn requests_are_framed() {
        assert_eq!(connect("ab", false)[9], 0);
        assert_eq!(connect("ab", true), b"\x10\x0E\x00\x04MQTT\x04\x02\x00\x00\x00\x02ab");
        assert_eq!(subscribe("a/#", 1), b"\x82\x08\x00\x01\x00\x03a/#\x01");
        assert_eq!(ack(0x40, 258), [0x40, 2, 1, 2]);
        let mut outbox = vec![];
        push_publish(&mut outbox, 1, "t", 7, &[b'x'; 200]);
        let publish = Packet::Publish { qos: 1, packet_id: Some(7), payload: &[b'x'; 200] };
        assert_eq!(parse(&outbox).unwrap(), Some((publish, 3 + 205)));
    }
}
