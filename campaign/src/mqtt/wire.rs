//! As much of MQTT 3.1.1 as a client with a persistent session needs.

use anyhow::{Result, bail, ensure};

/// A packet from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// §3.2
    ConnAck { session_present: bool, code: u8 },
    /// §3.3; the packet id is 0 at QoS 0.
    Publish { qos: u8, packet_id: u16, topic: String, payload: Vec<u8> },
    /// §3.4
    PubAck(u16),
    /// §3.5
    PubRec(u16),
    /// §3.6
    PubRel(u16),
    /// §3.7
    PubComp(u16),
    /// §3.9
    SubAck { packet_id: u16, codes: Vec<u8> },
    /// §3.13
    PingResp,
}

/// Cuts the first packet off `input`, if it is there whole.
///
/// # Errors
/// It is not MQTT.
pub(super) fn cut(input: &mut Vec<u8>) -> Result<Option<Packet>> {
    let Some((body_start, body_len)) = remaining_length(input)? else { return Ok(None) };
    if input.len() < body_start + body_len {
        return Ok(None);
    }
    let rest = input.split_off(body_start + body_len);
    let whole = std::mem::replace(input, rest);
    parse(whole[0], &whole[body_start..]).map(Some)
}

/// Where the body starts, and its length (§2.2.3).
fn remaining_length(input: &[u8]) -> Result<Option<(usize, usize)>> {
    let mut len = 0;
    for (i, octet) in input.iter().skip(1).take(4).enumerate() {
        len |= usize::from(octet & 0x7F) << (7 * i);
        if octet & 0x80 == 0 {
            return Ok(Some((i + 2, len)));
        }
    }
    ensure!(input.len() < 5, "a Remaining Length of more than four octets");
    Ok(None)
}

fn parse(first: u8, body: &[u8]) -> Result<Packet> {
    Ok(match (first >> 4, body) {
        (2, [flags, code]) => Packet::ConnAck { session_present: *flags == 1, code: *code },
        (3, body) => return publish(first >> 1 & 3, body),
        (4, [high, low]) => Packet::PubAck(u16::from_be_bytes([*high, *low])),
        (5, [high, low]) => Packet::PubRec(u16::from_be_bytes([*high, *low])),
        (6, [high, low]) => Packet::PubRel(u16::from_be_bytes([*high, *low])),
        (7, [high, low]) => Packet::PubComp(u16::from_be_bytes([*high, *low])),
        (9, [high, low, codes @ ..]) => {
            Packet::SubAck { packet_id: u16::from_be_bytes([*high, *low]), codes: codes.to_vec() }
        }
        (13, []) => Packet::PingResp,
        (kind, body) => bail!("packet type {kind} with {} octets", body.len()),
    })
}

fn publish(qos: u8, body: &[u8]) -> Result<Packet> {
    let cut_off = || anyhow::anyhow!("a PUBLISH that ends too early");
    let (topic_len, rest) = u16_first(body).ok_or_else(cut_off)?;
    let (topic, rest) = rest.split_at_checked(usize::from(topic_len)).ok_or_else(cut_off)?;
    let (packet_id, payload) = if qos == 0 { (0, rest) } else { u16_first(rest).ok_or_else(cut_off)? };
    Ok(Packet::Publish { qos, packet_id, topic: String::from_utf8(topic.to_vec())?, payload: payload.to_vec() })
}

fn u16_first(input: &[u8]) -> Option<(u16, &[u8])> {
    input.split_first_chunk().map(|(head, rest)| (u16::from_be_bytes(*head), rest))
}

/// CONNECT (§3.1) without keep-alive. With a will topic: a session that stays, and a will of QoS 1; without: a clean
/// session.
pub(super) fn connect(client_id: &str, will_topic: Option<&str>) -> Vec<u8> {
    const CLEAN_SESSION: u8 = 0x02;
    const WILL_QOS_1: u8 = 0x0C;
    let mut body = b"\x00\x04MQTT\x04".to_vec();
    body.push(if will_topic.is_some() { WILL_QOS_1 } else { CLEAN_SESSION });
    body.extend([0, 0]);
    push_text(&mut body, client_id);
    if let Some(topic) = will_topic {
        push_text(&mut body, topic);
        push_text(&mut body, "will");
    }
    frame(0x10, &body)
}

/// PUBLISH (§3.3).
pub(super) fn publish_packet(dup: bool, qos: u8, packet_id: u16, topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    push_text(&mut body, topic);
    if qos > 0 {
        body.extend(packet_id.to_be_bytes());
    }
    body.extend(payload);
    frame(0x30 | u8::from(dup) << 3 | qos << 1, &body)
}

/// SUBSCRIBE (§3.8).
pub(super) fn subscribe(packet_id: u16, filters: &[&str], qos: u8) -> Vec<u8> {
    let mut body = packet_id.to_be_bytes().to_vec();
    for filter in filters {
        push_text(&mut body, filter);
        body.push(qos);
    }
    frame(0x82, &body)
}

/// PUBACK 40, PUBREC 50, PUBREL 62, PUBCOMP 70.
pub(super) fn ack(first: u8, packet_id: u16) -> Vec<u8> {
    frame(first, &packet_id.to_be_bytes())
}

pub(super) const PINGREQ: [u8; 2] = [0xC0, 0];
pub(super) const DISCONNECT: [u8; 2] = [0xE0, 0];

fn push_text(body: &mut Vec<u8>, text: &str) {
    // Names here are a few dozen octets.
    body.extend((text.len() as u16).to_be_bytes());
    body.extend(text.as_bytes());
}

fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    let mut left = body.len();
    while left >= 128 {
        packet.push(left as u8 | 0x80);
        left >>= 7;
    }
    packet.push(left as u8);
    packet.extend(body);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_is_cut_off_once_it_is_there() {
        let whole = publish_packet(true, 2, 7, "a/b", &[b'x'; 200]);
        let mut input = Vec::new();
        for (i, octet) in whole.iter().enumerate() {
            input.push(*octet);
            assert_eq!(cut(&mut input).unwrap().is_some(), i + 1 == whole.len());
        }
        input = [whole, ack(0x40, 258)].concat();
        let payload = vec![b'x'; 200];
        let publish = Packet::Publish { qos: 2, packet_id: 7, topic: "a/b".into(), payload };
        assert_eq!(cut(&mut input).unwrap(), Some(publish));
        assert_eq!(cut(&mut input).unwrap(), Some(Packet::PubAck(258)));
        assert_eq!(cut(&mut input).unwrap(), None);
    }

    #[test]
    fn requests_are_framed() {
        assert_eq!(connect("ab", None), b"\x10\x0E\x00\x04MQTT\x04\x02\x00\x00\x00\x02ab");
        let with_will = b"\x10\x19\x00\x04MQTT\x04\x0C\x00\x00\x00\x02ab\x00\x03w/x\x00\x04will";
        assert_eq!(connect("ab", Some("w/x")), with_will);
        assert_eq!(subscribe(1, &["a/#"], 2), b"\x82\x08\x00\x01\x00\x03a/#\x02");
    }
}
