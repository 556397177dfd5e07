//! The borders of the shared types.

use core::time::Duration;
use sn_types::{
    Eui64, Instant, LinkAddr, LinkKey, MsgId, NoEui64, NoLinkKey, NodeId, NodeIdTooLong, PeerAddr, TopicId, TransportId,
};

#[test]
fn msg_ids_skip_zero() {
    assert_eq!(MsgId::NONE.next(), MsgId(1));
    assert_eq!(MsgId(1).next(), MsgId(2));
    assert_eq!(MsgId(0xFFFF).next(), MsgId(1));
}

#[test]
fn reserved_topic_ids() {
    assert_eq!([0, 1, 0xFFFE, 0xFFFF].map(|id| TopicId(id).is_reserved()), [true, false, false, true]);
}

#[test]
fn node_ids_keep_their_octets() {
    for len in [0, 1, NodeId::MAX_LEN] {
        let octets = vec![0xA5; len];
        assert_eq!(NodeId::new(&octets).unwrap().as_bytes(), octets);
    }
    assert_eq!(NodeId::new(&[0; NodeId::MAX_LEN + 1]), Err(NodeIdTooLong));
}

/// A node id that ends in zeros is not the shorter one.
#[test]
fn node_ids_differ_by_length() {
    assert_ne!(NodeId::new(&[7]), NodeId::new(&[7, 0]));
}

#[test]
fn nodes_behind_one_forwarder_are_different_peers() {
    let forwarder = PeerAddr::direct(TransportId(0), LinkAddr::Eui64([0, 0x13, 0xA2, 0, 0x40, 0xA1, 0xB2, 0xC3]));
    let [first, second] = [[1], [2]].map(|id| forwarder.behind(NodeId::new(&id).unwrap()));
    assert_ne!(first, second);
    assert_ne!(first, forwarder);
    assert_eq!(forwarder.to_string(), "00:13:a2:00:40:a1:b2:c3");
    assert_eq!(first.to_string(), "00:13:a2:00:40:a1:b2:c3/01");
}

#[test]
fn time_saturates() {
    let second = Instant::from_secs(1);
    assert_eq!(second, Instant::from_millis(1_000));
    assert_eq!(second + Duration::from_micros(1), Instant::from_micros(1_000_001));
    assert_eq!(second - Instant::ZERO, Duration::from_secs(1));
    assert_eq!(Instant::ZERO.since(second), Duration::ZERO);
    assert_eq!(second + Duration::MAX, Instant::FAR_FUTURE);
    assert_eq!(Instant::from_secs(u64::MAX), Instant::FAR_FUTURE);
    assert_eq!(Instant::from_millis(1_500).to_string(), "1.500000s");
}

#[test]
fn a_radios_address_is_written_in_three_ways() {
    let addr = Eui64([0, 0x12, 0x4B, 0, 1, 2, 3, 0xFF]);
    assert_eq!(addr.to_string(), "00:12:4b:00:01:02:03:ff");
    for text in ["00:12:4b:00:01:02:03:ff", "00-12-4B-00-01-02-03-FF", "00124b00010203FF"] {
        assert_eq!(text.parse(), Ok(addr), "{text}");
    }
    for text in
        ["", "00:12:4b:00:01:02:03", "00:12-4b:00:01:02:03:ff", "00:12:4b:00:01:02:03:ff:", "+0:12:4b:00:01:02:03:ff"]
    {
        assert_eq!(text.parse::<Eui64>(), Err(NoEui64), "{text}");
    }
}

#[test]
fn a_key_is_not_shown() {
    let key: LinkKey = "000102030405060708090a0b0c0d0e0f".parse().unwrap();
    assert_eq!(key.0[15], 15);
    assert_eq!(format!("{key:?}"), "LinkKey");
    assert_eq!("00".parse::<LinkKey>(), Err(NoLinkKey));
}
