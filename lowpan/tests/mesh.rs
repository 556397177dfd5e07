//! Frames over routers, octet by octet: the gateway's side and the node's. What routers do is in `router.rs`.

mod support;

use lowpan::{Ack, Carriage, Eui64, Hub, Level, Psdu, Reason, Received, Relay, Signal, TransmitError, Way};
use sn_types::Instant;
use std::time::Duration;
use support::{GATEWAY, NODE, TestKeys, UDP, datagram, frames_of_hub, frames_of_leaf, hub, leaf};

const NOW: Instant = Instant::ZERO;
const ROUTER: Eui64 = Eui64([0x02, 0x12, 0x4B, 0, 0, 0, 0, 0x21]);
const OTHER: Eui64 = Eui64([0x02, 0x12, 0x4B, 0, 0, 0, 0, 0x22]);
const LEVELS: [Option<Level>; 3] = [None, Some(Level::Mic32), Some(Level::Mic128)];
/// MAC header of 21 octets between extended addresses.
const HOP: usize = 21;

/// A MAC header between two extended addresses.
fn header(to: Eui64, from: Eui64, sequence: u8) -> Vec<u8> {
    let reversed = |address: Eui64| address.0.into_iter().rev();
    [0x61, 0xCC, sequence, 0xCD, 0xAB].into_iter().chain(reversed(to)).chain(reversed(from)).collect()
}

/// What a router makes of a frame: another MAC header, one hop less.
fn passed_on(frame: &Psdu, by: Eui64, to: Eui64, sequence: u8) -> Vec<u8> {
    let (_, len) = lowpan::Header::decode(frame.as_bytes()).unwrap();
    let mut mesh = frame.as_bytes()[len..].to_vec();
    mesh[0] -= 1;
    [header(to, by, sequence), mesh].concat()
}

/// What the node says over a router, as the gateway hears it.
fn said(octets: &[u8], security: Option<Level>, by: Eui64, sequence: u8) -> Vec<u8> {
    let mut leaf = leaf(Carriage::Bare, security);
    leaf.keys_mut().next = sequence.into();
    leaf.set_parent(Some(by));
    leaf.send(false, octets).unwrap();
    passed_on(&frames_of_leaf(&mut leaf)[0], by, GATEWAY, sequence)
}

fn reason(received: &Received<'_>) -> Option<Reason> {
    match received {
        Received::Rejected { reason, .. } => Some(*reason),
        Received::Datagram { .. }
        | Received::Fragment { .. }
        | Received::DataRequest { .. }
        | Received::Solicitation { .. }
        | Received::Neighbour { .. } => None,
    }
}

#[test]
fn a_frame_over_a_router_is_answered_over_it() {
    let mut hub = hub(None);
    // The node's address has 64 bits, the gateway's 16, and 13 hops are left.
    let mesh = b"\x9D\x00\x12\x4B\x00\x00\x00\x00\x07\x00\x01\x33\x02\x16";
    let frame = [&header(GATEWAY, ROUTER, 5)[..], mesh].concat();
    let expected = Received::Datagram { from: NODE, carriage: Carriage::Bare, to_all: false, octets: b"\x02\x16" };
    assert_eq!(hub.handle_frame(NOW, &frame, Signal::default()), expected);
    assert_eq!(hub.node(NODE).unwrap().via, Some(Relay { router: ROUTER, hops: 2 }));
    hub.send(NOW, NODE, b"\x02\x17").unwrap();
    let answer = frames_of_hub(&mut hub).remove(0);
    // From the short address of the gateway to the router; from the gateway to the node, 14 hops left.
    let expected = b"\x61\x8C\x00\xCD\xAB\x21\x00\x00\x00\x00\x4B\x12\x02\x01\x00\
        \xAE\x00\x01\x00\x12\x4B\x00\x00\x00\x00\x07\x33\x02\x17";
    assert_eq!(answer.as_bytes(), expected);
}

#[test]
fn datagrams_of_every_length_go_over_a_router_in_both_directions() {
    for (security, carriage) in LEVELS.iter().flat_map(|level| [Carriage::Bare, UDP].map(|form| (*level, form))) {
        let (mut hub, mut leaf) = (hub(security), leaf(carriage, security));
        leaf.set_parent(Some(ROUTER));
        for (round, len) in [2, 17, 70, 80, 90, 100, 300, 1200].into_iter().enumerate() {
            let (sent, mut arrived) = (datagram(len), None);
            leaf.send(false, &sent).unwrap();
            for (index, frame) in frames_of_leaf(&mut leaf).iter().enumerate() {
                let frame = passed_on(frame, ROUTER, GATEWAY, (round * 32 + index) as u8);
                match hub.handle_frame(NOW, &frame, Signal::default()) {
                    Received::Datagram { octets, .. } => arrived = Some(octets.to_vec()),
                    other => assert_eq!(other, Received::Fragment { from: NODE }),
                }
            }
            assert_eq!(arrived.as_ref(), Some(&sent), "up, {security:?} {carriage:?} {len}");
            hub.send(NOW, NODE, &sent).unwrap();
            arrived = None;
            for (index, frame) in frames_of_hub(&mut hub).iter().enumerate() {
                let frame = passed_on(frame, ROUTER, NODE, (round * 32 + index) as u8);
                assert!(frame.len() <= lowpan::MAX_PSDU, "the longest header is counted from the start");
                match leaf.handle_frame(NOW, &frame) {
                    Received::Datagram { octets, .. } => arrived = Some(octets.to_vec()),
                    other => assert_eq!(other, Received::Fragment { from: GATEWAY }),
                }
            }
            assert_eq!(arrived.as_ref(), Some(&sent), "down, {security:?} {carriage:?} {len}");
        }
    }
}

#[test]
fn a_router_can_change_only_the_hops_of_a_sealed_frame() {
    let security = Some(Level::Mic32);
    let frame = said(b"\x02\x16", security, ROUTER, 1);
    for at in HOP..frame.len() {
        let mut hub = hub(security);
        let mut changed = frame.clone();
        // Not the bits that say how long the header is.
        changed[at] ^= 0x01;
        let received = hub.handle_frame(NOW, &changed, Signal::default());
        match at - HOP {
            0 => assert_eq!(reason(&received), None, "a hop less"),
            _ => assert!(reason(&received).is_some(), "{at}: {received:?}"),
        }
    }
}

#[test]
fn a_sealed_frame_that_comes_again_over_another_router_is_a_replay_and_moves_nothing() {
    let security = Some(Level::Mic32);
    let mut hub = hub(security);
    let frame = said(b"\x02\x16", security, ROUTER, 1);
    assert_eq!(reason(&hub.handle_frame(NOW, &frame, Signal::default())), None);
    assert_eq!(reason(&hub.handle_frame(NOW, &frame, Signal::default())), Some(Reason::Duplicate));
    let again = [&header(GATEWAY, OTHER, 9)[..], &frame[HOP..]].concat();
    assert_eq!(reason(&hub.handle_frame(NOW, &again, Signal::default())), Some(Reason::Replay));
    assert_eq!(hub.node(NODE).unwrap().via.map(|relay| relay.router), Some(ROUTER));
    let direct = said(b"\x02\x16", None, ROUTER, 2);
    assert_eq!(reason(&hub.handle_frame(NOW, &direct, Signal::default())), Some(Reason::Unsecured));
}

/// Whom the hub's next frame goes to on the air.
fn next_hop(hub: &mut Hub<TestKeys>, fate: Result<Ack, TransmitError>) -> Option<lowpan::Address> {
    let transmit = hub.poll_transmit()?;
    hub.handle_transmitted(NOW, transmit.id, fate);
    Some(lowpan::Header::decode(transmit.psdu.as_bytes()).unwrap().0.to)
}

#[test]
fn a_node_that_was_not_heard_since_the_start_is_answered_as_before() {
    for security in LEVELS {
        let mut hub = hub(security);
        hub.keys_mut().ways.insert(NODE, Way { router: Some(ROUTER), udp_port: Some(10_000) });
        hub.send(NOW, NODE, b"\x02\x17").unwrap();
        let transmit = hub.poll_transmit().expect("it goes at once");
        let hop = lowpan::Header::decode(transmit.psdu.as_bytes()).unwrap().0.to;
        assert_eq!(hop, lowpan::Address::Extended(ROUTER));
        let mut leaf = leaf(UDP, security);
        leaf.set_parent(Some(ROUTER));
        let received = leaf.handle_frame(NOW, &passed_on(&transmit.psdu, ROUTER, NODE, 1));
        let expected = Received::Datagram { from: GATEWAY, carriage: UDP, to_all: false, octets: b"\x02\x17" };
        assert_eq!(received, expected);
        hub.handle_transmitted(NOW, transmit.id, Err(TransmitError::NoAck));
        // The node has come nearer meanwhile, and polls: that says nothing of its form.
        leaf.set_parent(None);
        leaf.request();
        hub.handle_frame(NOW, frames_of_leaf(&mut leaf)[0].as_bytes(), Signal::default());
        let again = hub.poll_transmit().expect("it goes another way, and at once");
        assert_eq!(again.to, Some(NODE));
        assert_eq!(lowpan::Header::decode(again.psdu.as_bytes()).unwrap().0.to, lowpan::Address::Extended(NODE));
        hub.handle_transmitted(NOW, again.id, Ok(Ack::default()));
        assert_eq!(hub.node(NODE).unwrap().way(), Way { router: None, udp_port: Some(10_000) });
    }
}

#[test]
fn a_node_that_moves_is_followed_with_what_waits_for_it() {
    for security in LEVELS {
        let mut hub = hub(security);
        let mut leaf = leaf(Carriage::Bare, security);
        leaf.request();
        hub.handle_frame(NOW, frames_of_leaf(&mut leaf)[0].as_bytes(), Signal::default());
        hub.send(NOW, NODE, b"one").unwrap();
        hub.send(NOW, NODE, b"two").unwrap();
        assert_eq!(next_hop(&mut hub, Ok(Ack::default())), None, "it waits for a poll");
        leaf.request();
        hub.handle_frame(NOW, frames_of_leaf(&mut leaf)[0].as_bytes(), Signal::default());
        assert_eq!(next_hop(&mut hub, Err(TransmitError::NoAck)), Some(lowpan::Address::Extended(NODE)));
        for (router, sequence) in [(ROUTER, 101), (OTHER, 102)] {
            let frame = said(b"\x02\x16", security, router, sequence);
            assert_eq!(reason(&hub.handle_frame(NOW, &frame, Signal::default())), None);
            assert_eq!(next_hop(&mut hub, Ok(Ack::default())), Some(lowpan::Address::Extended(router)));
        }
        assert_eq!(hub.source_match().count(), 0, "nothing waits for polls any more");
        leaf.keys_mut().next = 200;
        leaf.send(false, b"\x02\x16").unwrap();
        hub.handle_frame(NOW, frames_of_leaf(&mut leaf)[0].as_bytes(), Signal::default());
        hub.send(NOW, NODE, b"three").unwrap();
        assert_eq!(next_hop(&mut hub, Ok(Ack::default())), Some(lowpan::Address::Extended(NODE)));
    }
}

#[test]
fn what_the_radio_has_when_a_node_moves_goes_out_once() {
    for (security, fate) in
        LEVELS.into_iter().flat_map(|level| [Ok(Ack::default()), Err(TransmitError::NoAck)].map(|fate| (level, fate)))
    {
        let mut hub = hub(security);
        let mut leaf = leaf(Carriage::Bare, security);
        let mut request = |hub: &mut Hub<TestKeys>| {
            leaf.request();
            hub.handle_frame(NOW, frames_of_leaf(&mut leaf)[0].as_bytes(), Signal::default());
        };
        request(&mut hub);
        hub.send(NOW, NODE, b"one").unwrap();
        hub.send(NOW, NODE, b"two").unwrap();
        request(&mut hub);
        let transmit = hub.poll_transmit().expect("it was asked for");
        hub.handle_frame(NOW, &said(b"\x02\x16", security, ROUTER, 101), Signal::default());
        hub.handle_transmitted(NOW, transmit.id, fate);
        let left = if fate.is_ok() { 1 } else { 2 };
        assert_eq!(hub.waiting(), left, "{fate:?}");
        for _ in 0..left {
            assert_eq!(next_hop(&mut hub, Ok(Ack::default())), Some(lowpan::Address::Extended(ROUTER)));
        }
        assert_eq!((hub.stats().datagrams_sent, hub.waiting()), (2, 0));
    }
}

#[test]
fn a_search_that_routers_pass_on_comes_once_and_does_not_move_the_node() {
    for security in LEVELS {
        let (mut hub, mut leaf) = (hub(security), leaf(Carriage::Bare, security));
        let frame = said(b"\x02\x16", security, ROUTER, 1);
        hub.handle_frame(NOW, &frame, Signal::default());
        leaf.keys_mut().next = 2;
        leaf.set_parent(Some(ROUTER));
        leaf.send(true, b"\x03\x01\x00").unwrap();
        let search = frames_of_leaf(&mut leaf).remove(0);
        let by_other = passed_on(&search, OTHER, GATEWAY, 7);
        let expected =
            Received::Datagram { from: NODE, carriage: Carriage::Bare, to_all: true, octets: b"\x03\x01\x00" };
        assert_eq!(hub.handle_frame(NOW, &by_other, Signal::default()), expected);
        for frame in [passed_on(&search, ROUTER, GATEWAY, 8), search.as_bytes().to_vec()] {
            assert_eq!(reason(&hub.handle_frame(NOW, &frame, Signal::default())), Some(Reason::Duplicate));
        }
        assert_eq!(hub.node(NODE).unwrap().via.map(|relay| relay.router), Some(ROUTER));
    }
}

#[test]
fn with_routers_what_goes_to_all_goes_twice() {
    let mut hub = hub(None);
    hub.broadcast(NOW, b"\x05\x00\x01\x03\x84").unwrap();
    assert_eq!(frames_of_hub(&mut hub).len(), 2, "once in each form");
    hub.handle_frame(NOW, &said(b"\x02\x16", None, ROUTER, 1), Signal::default());
    hub.broadcast(NOW, b"\x05\x00\x01\x03\x84").unwrap();
    let frames = frames_of_hub(&mut hub);
    let heard = |carriage| {
        let mut leaf = leaf(carriage, None);
        let is_datagram =
            |frame: &&Psdu| matches!(leaf.handle_frame(NOW, frame.as_bytes()), Received::Datagram { to_all: true, .. });
        frames.iter().filter(is_datagram).count()
    };
    assert_eq!((frames.len(), heard(Carriage::Bare)), (4, 2), "a node near the gateway hears both");
    assert_eq!(heard(Carriage::Udp { node: 1883, gateway: 1883 }), 2);
}

#[test]
fn a_node_asks_its_router_for_what_waits_in_the_clear() {
    let mut leaf = leaf(Carriage::Bare, Some(Level::Mic32));
    leaf.set_parent(Some(ROUTER));
    leaf.request();
    let request = frames_of_leaf(&mut leaf).remove(0);
    let mut expected = header(ROUTER, NODE, request.as_bytes()[2]);
    expected[0] = 0x63;
    expected.push(0x04);
    assert_eq!(request.as_bytes(), expected);
    assert_eq!(leaf.keys_mut().next, 0, "no frame counter is used up");
}

#[test]
fn more_that_waits_at_the_router_is_asked_for() {
    let (mut hub, mut leaf) = (hub(None), leaf(Carriage::Bare, None));
    hub.handle_frame(NOW, &said(b"\x02\x16", None, ROUTER, 1), Signal::default());
    hub.send(NOW, NODE, b"one").unwrap();
    let mut frame = passed_on(&frames_of_hub(&mut hub)[0], ROUTER, NODE, 7);
    // "Frame pending" is the router's.
    frame[0] |= 0x10;
    assert_eq!(reason(&leaf.handle_frame(NOW, &frame)), None);
    assert!(leaf.more_waits());
}

#[test]
fn frames_that_nobody_acknowledges_are_counted_until_there_is_another_parent() {
    let mut leaf = leaf(Carriage::Bare, None);
    leaf.set_parent(Some(ROUTER));
    let fates = [Err(TransmitError::NoAck), Ok(Ack::default()), Err(TransmitError::NoAck), Err(TransmitError::NoAck)];
    let counts = fates.map(|fate| {
        leaf.send(false, b"\x02\x16").unwrap();
        while let Some(transmit) = leaf.poll_transmit() {
            assert_eq!(transmit.to, Some(ROUTER));
            leaf.handle_transmitted(NOW, transmit.id, fate);
            leaf.handle_timeout(NOW + Duration::from_millis(60));
        }
        leaf.unacknowledged()
    });
    assert_eq!(counts, [1, 0, 1, 2]);
    leaf.set_parent(Some(OTHER));
    assert_eq!(leaf.unacknowledged(), 0);
}
