//! MQTT 3.1.1 octets, well-formed and not.

use bytes::Bytes;
use gateway_core::Qos;
use gateway_core::mqtt::{ConnAck, Connect, Disconnect, Packet, PacketId, Publish, ReasonCode, Subscribe, Will};
use sn_gateway::mqtt::{Malformed, Reader, Refusal, Writer};

const MAX_PACKET: usize = 1_000;
/// Client id "a", clean session, keep-alive 60 s.
const CONNECT: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a";

/// Reads everything that `bytes` hold.
fn read(bytes: &[u8]) -> Result<Vec<Packet>, Refusal> {
    read_with(&mut Reader::new(MAX_PACKET, 0), bytes)
}

fn read_with(reader: &mut Reader, bytes: &[u8]) -> Result<Vec<Packet>, Refusal> {
    reader.buffer.extend_from_slice(bytes);
    std::iter::from_fn(|| reader.next_packet().transpose()).collect()
}

/// Reads `bytes` on a connection that has said CONNECT.
fn read_connected(bytes: &[u8]) -> Result<Vec<Packet>, Refusal> {
    let mut reader = Reader::new(MAX_PACKET, 0);
    read_with(&mut reader, CONNECT).expect("a good CONNECT");
    read_with(&mut reader, bytes)
}

fn id(id: u16) -> PacketId {
    PacketId::new(id).expect("not zero")
}

#[test]
fn a_connect_with_everything_is_understood() {
    let bytes =
        b"\x10\x25\x00\x04MQTT\x04\xee\x00\x0a\x00\x02me\x00\x04will\x00\x03\x00\xff\x00\x00\x04user\x00\x04pass";
    let connect = Connect {
        keep_alive_s: 10,
        will: Some(Will::new("will", Bytes::from_static(b"\0\xff\0"), Qos::AtLeastOnce, true)),
        username: Some("user".into()),
        password: Some(Bytes::from_static(b"pass")),
        ..Connect::new("me")
    };
    assert_eq!(read(bytes), Ok(vec![Packet::Connect(Box::new(connect))]));
}

#[test]
fn mqtt_3_1_is_taken_as_3_1_1() {
    let packets = read(b"\x10\x0f\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x01a").unwrap();
    assert!(matches!(&packets[..], [Packet::Connect(connect)] if connect.client_id == "a" && connect.will.is_none()));
}

#[test]
fn every_packet_of_a_client_is_understood() {
    let publish = Publish::new("a/b".into(), Bytes::from_static(b"hi"), Qos::ExactlyOnce, true, Some(id(258)));
    let publish = Publish { dup: true, ..publish };
    let quiet = Publish::new("t".into(), Bytes::new(), Qos::AtMostOnce, false, None);
    let filters = vec![("#".into(), Qos::ExactlyOnce.into()), ("+".into(), Qos::AtMostOnce.into())];
    let cases = [
        (&b"\x3d\x09\x00\x03a/b\x01\x02hi"[..], Packet::Publish(publish)),
        (b"\x30\x03\x00\x01t", Packet::Publish(quiet)),
        (b"\x40\x02\x00\x01", Packet::PubAck(id(1).into())),
        (b"\x50\x02\x00\x02", Packet::PubRec(id(2).into())),
        (b"\x62\x02\x00\x03", Packet::PubRel(id(3).into())),
        (b"\x70\x02\xff\xff", Packet::PubComp(id(65_535).into())),
        (
            b"\x82\x0a\x00\x01\x00\x01#\x02\x00\x01+\x00",
            Packet::Subscribe(Box::new(Subscribe { id: id(1), subscription_id: None, filters })),
        ),
        (b"\xa2\x05\x00\x07\x00\x01#", Packet::Unsubscribe(id(7), vec!["#".into()])),
        (b"\xc0\x00", Packet::PingReq),
        (b"\xe0\x00", Packet::Disconnect(Disconnect::default())),
    ];
    let all: Vec<u8> = cases.iter().flat_map(|(bytes, _)| bytes.to_vec()).collect();
    let packets: Vec<Packet> = cases.into_iter().map(|(_, packet)| packet).collect();
    assert_eq!(read_connected(&all), Ok(packets.clone()));

    // And it makes no difference how the network cuts the stream.
    let mut reader = Reader::new(MAX_PACKET, 0);
    read_with(&mut reader, CONNECT).unwrap();
    let one_by_one: Vec<Packet> = all.iter().flat_map(|octet| read_with(&mut reader, &[*octet]).unwrap()).collect();
    assert_eq!(one_by_one, packets);
}

#[test]
fn what_is_malformed_ends_the_connection_with_its_reason() {
    use Malformed as M;
    let after_connect: &[(&[u8], M)] = &[
        (b"\x00\x00", M::ReservedType),
        (b"\xf0\x00", M::ReservedType),
        (b"\x20\x02\x00\x00", M::ServerPacket),
        (b"\x90\x03\x00\x01\x00", M::ServerPacket),
        (b"\xb0\x02\x00\x01", M::ServerPacket),
        (b"\xd0\x00", M::ServerPacket),
        (CONNECT, M::SecondConnect),
        (b"\x41\x02\x00\x01", M::Flags),
        (b"\x52\x02\x00\x01", M::Flags),
        (b"\x60\x02\x00\x01", M::Flags),
        (b"\x78\x02\x00\x01", M::Flags),
        (b"\x80\x06\x00\x01\x00\x01#\x00", M::Flags),
        (b"\xa0\x05\x00\x01\x00\x01#", M::Flags),
        (b"\xc1\x00", M::Flags),
        (b"\xe4\x00", M::Flags),
        (b"\x30\xff\xff\xff\xff\x01", M::RemainingLength),
        (b"\x30\x80\x80\x80\x80\x01", M::RemainingLength),
        (b"\x30\xe9\x07", M::TooLong),
        (b"\x30\xff\xff\xff\x7f", M::TooLong),
        (b"\x36\x06\x00\x01t\x00\x01x", M::Qos),
        (b"\x38\x04\x00\x01tx", M::Qos),
        (b"\x30\x00", M::Length),
        (b"\x30\x02\x00\x01", M::Length),
        (b"\x30\x02\x00\x00", M::NoTopic),
        (b"\x32\x03\x00\x01t", M::Length),
        (b"\x32\x05\x00\x01t\x00\x00", M::PacketId),
        (b"\x30\x04\x00\x02\xc3\x28", M::Utf8),
        (b"\x30\x05\x00\x03\xed\xa0\x80", M::Utf8),
        (b"\x30\x05\x00\x03a\x00b", M::Nul),
        (b"\x40\x01\x00", M::Length),
        (b"\x40\x03\x00\x01\x00", M::Length),
        (b"\x62\x02\x00\x00", M::PacketId),
        (b"\x82\x02\x00\x01", M::NoTopic),
        (b"\x82\x05\x00\x01\x00\x00\x00", M::NoTopic),
        (b"\x82\x06\x00\x00\x00\x01#\x00", M::PacketId),
        (b"\x82\x05\x00\x01\x00\x01#", M::Length),
        (b"\x82\x06\x00\x01\x00\x01#\x03", M::OptionValue),
        (b"\x82\x06\x00\x01\x00\x01#\x40", M::SubscribeOptions),
        (b"\x82\x06\x00\x01\x00\x01\x00\x00", M::Nul),
        (b"\x82\x07\x00\x01\x00\x09abc", M::Length),
        (b"\xa2\x02\x00\x01", M::NoTopic),
        (b"\xa2\x04\x00\x01\x00\x00", M::NoTopic),
        (b"\xa2\x05\x00\x01\x00\x01\xff", M::Utf8),
        (b"\xc0\x01\x00", M::Length),
        (b"\xe0\x01\x00", M::Length),
    ];
    for (bytes, reason) in after_connect {
        assert_eq!(read_connected(bytes), Err(Refusal { reason: *reason, answer: &[] }), "{bytes:02x?}");
    }
}

#[test]
fn a_malformed_connect_is_refused_and_answered_where_mqtt_has_an_answer() {
    use Malformed as M;
    let cases: &[(&[u8], M, &[u8])] = &[
        (b"\xc0\x00", M::NotConnect, b""),
        (b"\x30\x03\x00\x01t", M::NotConnect, b""),
        (b"\x11\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a", M::Flags, b""),
        (b"GET / HTTP/1.1\r\n\r\n", M::Flags, b""),
        (b"\x16\x03\x01\x02\x00\x01\x00", M::Flags, b""),
        (b"\x10\x00", M::Length, b""),
        (b"\x10\x06\x00\x04MQTT", M::Length, b""),
        (b"\x10\x0d\x00\x04mqtt\x04\x02\x00\x3c\x00\x01a", M::ProtocolName, b""),
        (b"\x10\x0d\x00\x04MQTT\x03\x02\x00\x3c\x00\x01a", M::ProtocolLevel, b"\x20\x02\x00\x01"),
        (b"\x10\x0d\x00\x04MQTT\x06\x02\x00\x3c\x00\x01a", M::ProtocolLevel, b"\x20\x02\x00\x01"),
        (b"\x10\x0d\x00\x04MQTT\x84\x02\x00\x3c\x00\x01a", M::ProtocolLevel, b"\x20\x02\x00\x01"),
        (b"\x10\x0f\x00\x06MQIsdp\x04\x02\x00\x3c\x00\x01a", M::ProtocolLevel, b"\x20\x02\x00\x01"),
        (b"\x10\x0d\x00\x04MQTT\x04\x03\x00\x3c\x00\x01a", M::ConnectFlags, b""),
        (b"\x10\x0d\x00\x04MQTT\x04\x0a\x00\x3c\x00\x01a", M::ConnectFlags, b""),
        (b"\x10\x0d\x00\x04MQTT\x04\x22\x00\x3c\x00\x01a", M::ConnectFlags, b""),
        (b"\x10\x13\x00\x04MQTT\x04\x1e\x00\x3c\x00\x01a\x00\x01w\x00\x01x", M::ConnectFlags, b""),
        (b"\x10\x10\x00\x04MQTT\x04\x42\x00\x3c\x00\x01a\x00\x01p", M::ConnectFlags, b""),
        (b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01\xff", M::Utf8, b""),
        (b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01\x00", M::Nul, b""),
        (b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a!", M::Length, b""),
        (b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x02a", M::Length, b""),
        (b"\x10\x0d\x00\x04MQTT\x04\x82\x00\x3c\x00\x01a", M::Length, b""),
        (b"\x10\x13\x00\x04MQTT\x04\x06\x00\x3c\x00\x01a\x00\x01\x00\x00\x01x", M::Nul, b""),
    ];
    for (bytes, reason, answer) in cases {
        assert_eq!(read(bytes), Err(Refusal { reason: *reason, answer }), "{bytes:02x?}");
    }
}

#[test]
fn topic_names_and_filters_are_left_to_the_core() {
    assert!(read_connected(b"\x30\x03\x00\x01#").is_ok());
    assert!(read_connected(b"\x82\x07\x00\x01\x00\x02a#\x00").is_ok());
}

#[test]
fn what_comes_before_the_malformed_packet_is_still_read() {
    let mut reader = Reader::new(MAX_PACKET, 0);
    reader.buffer.extend_from_slice(CONNECT);
    reader.buffer.extend_from_slice(b"\xc0\x00\xf0\x00");
    assert!(matches!(reader.next_packet(), Ok(Some(Packet::Connect(_)))));
    assert_eq!(reader.next_packet(), Ok(Some(Packet::PingReq)));
    assert_eq!(reader.next_packet(), Err(Malformed::ReservedType.into()));
}

/// Every truncation waits or is refused, every flipped bit is read or refused, and nothing panics.
#[test]
fn damaged_packets_never_panic() {
    let packets: [&[u8]; 4] = [
        b"\x10\x25\x00\x04MQTT\x04\xee\x00\x0a\x00\x02me\x00\x04will\x00\x03\x00\xff\x00\x00\x04user\x00\x04pass",
        b"\x3d\x09\x00\x03a/b\x01\x02hi",
        b"\x82\x0a\x00\x01\x00\x01#\x02\x00\x01+\x00",
        b"\xa2\x05\x00\x07\x00\x01#",
    ];
    for packet in packets {
        let read = if packet[0] == 0x10 { read } else { read_connected };
        assert_eq!(read(packet).map(|packets| packets.len()), Ok(1));
        for len in 0..packet.len() {
            assert_eq!(read(&packet[..len]), Ok(vec![]), "a part of a packet is none yet");
        }
        for bit in 0..packet.len() * 8 {
            let mut damaged = packet.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let _ = read(&damaged);
        }
    }
}

#[test]
fn answers_are_written_as_mqtt_has_them() {
    let publish = Publish::new("a/b".into(), Bytes::from_static(b"hi"), Qos::AtLeastOnce, true, Some(id(258)));
    let publish = Publish { dup: true, ..publish };
    let refused = ConnAck { code: ReasonCode::NotAuthorized, ..ConnAck::default() };
    let codes = vec![ReasonCode::GrantedQos2, ReasonCode::TopicFilterInvalid];
    let cases = [
        (Packet::ConnAck(Box::new(ConnAck { session_present: true, ..ConnAck::default() })), &b"\x20\x02\x01\x00"[..]),
        (Packet::ConnAck(Box::new(refused)), b"\x20\x02\x00\x05"),
        (Packet::Publish(publish), b"\x3b\x09\x00\x03a/b\x01\x02hi"),
        (Packet::PubAck(id(1).into()), b"\x40\x02\x00\x01"),
        (Packet::PubRec(id(2).into()), b"\x50\x02\x00\x02"),
        (Packet::PubRel(id(3).into()), b"\x62\x02\x00\x03"),
        (Packet::PubComp(id(65_535).into()), b"\x70\x02\xff\xff"),
        (Packet::SubAck(id(1), codes), b"\x90\x04\x00\x01\x02\x80"),
        (Packet::UnsubAck(id(7), vec![ReasonCode::Success]), b"\xb0\x02\x00\x07"),
        (Packet::PingResp, b"\xd0\x00"),
    ];
    for (packet, bytes) in cases {
        let mut out = bytes::BytesMut::new();
        Writer::default().encode(&packet, &mut out).unwrap();
        assert_eq!(&out[..], bytes);
    }
}

#[test]
fn what_a_server_never_sends_is_refused() {
    for packet in [Packet::PingReq, Packet::Disconnect(Disconnect::default()), Packet::Unsubscribe(id(1), vec![])] {
        assert!(Writer::default().encode(&packet, &mut bytes::BytesMut::new()).is_err());
    }
}
