//! A gateway and a node talk: every length, both forms, every security level, with frames that are lost or overtake.

mod support;

use lowpan::{Ack, Carriage, Hub, Level, Psdu, Reason, Received, SendError, Signal, TransmitError};
use proptest::prelude::*;
use sn_types::Instant;
use support::{GATEWAY, NODE, Node, TestKeys, UDP, datagram, frames_of_hub, frames_of_leaf, hub, leaf};

const NOW: Instant = Instant::ZERO;
const LEVELS: [Option<Level>; 4] = [None, Some(Level::Mic32), Some(Level::Mic64), Some(Level::Mic128)];
const CARRIAGES: [Carriage; 2] = [Carriage::Bare, UDP];
const LENGTHS: [usize; 14] = [2, 17, 60, 80, 84, 95, 96, 109, 110, 128, 250, 600, 1000, 1200];

#[test]
fn datagrams_of_every_length_arrive_in_both_directions() {
    for (security, carriage) in LEVELS.iter().flat_map(|level| CARRIAGES.map(|carriage| (*level, carriage))) {
        let (mut hub, mut leaf) = (hub(security), leaf(carriage, security));
        for len in LENGTHS {
            let sent = datagram(len);
            leaf.send(false, &sent).unwrap();
            let expected = Received::Datagram { from: NODE, carriage, to_all: false, octets: &sent };
            let up = frames_of_leaf(&mut leaf);
            let (last, parts) = up.split_last().unwrap();
            for part in parts {
                let received = hub.handle_frame(NOW, part.as_bytes(), Signal::default());
                assert_eq!(received, Received::Fragment { from: NODE });
            }
            assert_eq!(hub.handle_frame(NOW, last.as_bytes(), Signal::default()), expected, "{security:?} {len}");

            hub.send(NOW, NODE, &sent).unwrap();
            let expected = Received::Datagram { from: GATEWAY, carriage, to_all: false, octets: &sent };
            let down = frames_of_hub(&mut hub);
            let (last, parts) = down.split_last().unwrap();
            for part in parts {
                assert_eq!(leaf.handle_frame(NOW, part.as_bytes()), Received::Fragment { from: GATEWAY });
            }
            assert_eq!(leaf.handle_frame(NOW, last.as_bytes()), expected, "{security:?} {len}");
        }
    }
}

#[test]
fn the_longest_datagram_is_what_the_mtu_says() {
    for (security, carriage) in LEVELS.iter().flat_map(|level| CARRIAGES.map(|carriage| (*level, carriage))) {
        for fragment in [true, false] {
            let config = lowpan::LeafConfig { fragment, ..support::leaf_config(carriage, security) };
            let mut leaf = lowpan::Leaf::<_, 1280>::new(config, support::TestKeys::shared_with(GATEWAY), 0).unwrap();
            let mtu = leaf.mtu();
            assert_eq!(leaf.send(false, &datagram(mtu + 1)), Err(SendError::TooLong));
            leaf.send(false, &datagram(mtu)).unwrap();
            let frames = frames_of_leaf(&mut leaf);
            assert_eq!(frames.len() == 1, !fragment);
            let sent = datagram(mtu);
            let mut hub = hub(security);
            let whole = frames.iter().any(|frame| {
                let received = hub.handle_frame(NOW, frame.as_bytes(), Signal::default());
                matches!(received, Received::Datagram { octets, .. } if octets == sent)
            });
            assert!(whole, "{security:?} {carriage:?} {mtu}");
        }
    }
}

#[test]
fn a_search_for_a_gateway_goes_to_all() {
    for (security, carriage) in LEVELS.iter().flat_map(|level| CARRIAGES.map(|carriage| (*level, carriage))) {
        let (mut hub, mut leaf) = (hub(security), leaf(carriage, security));
        leaf.send(true, b"\x03\x01\x01").unwrap();
        let frames = frames_of_leaf(&mut leaf);
        let received = hub.handle_frame(NOW, frames[0].as_bytes(), Signal::default());
        // Both are sent to 1883: it is not known who will answer.
        let expected = Received::Datagram { from: NODE, carriage, to_all: true, octets: b"\x03\x01\x01" };
        assert_eq!(received, expected);
    }
}

#[test]
fn what_the_gateway_sends_to_all_is_heard_in_both_forms() {
    let mut hub = hub(None);
    hub.broadcast(NOW, b"\x05\x00\x01\x03\x84").unwrap();
    let frames = frames_of_hub(&mut hub);
    for carriage in [Carriage::Bare, Carriage::Udp { node: 1883, gateway: 1883 }] {
        let mut leaf = leaf(carriage, None);
        let heard: Vec<_> = frames
            .iter()
            .filter(|frame| matches!(leaf.handle_frame(NOW, frame.as_bytes()), Received::Datagram { to_all: true, .. }))
            .collect();
        assert_eq!(heard.len(), 1);
    }
}

#[test]
fn a_polled_frame_whose_acknowledgement_was_lost_is_known_to_the_node() {
    for (security, carriage) in LEVELS.iter().flat_map(|level| CARRIAGES.map(|carriage| (*level, carriage))) {
        let (mut hub, mut leaf) = (hub(security), leaf(carriage, security));
        let fetch = |hub: &mut Hub<TestKeys>, leaf: &mut Node, now| {
            leaf.request();
            for frame in frames_of_leaf(leaf) {
                assert_eq!(
                    hub.handle_frame(now, frame.as_bytes(), Signal::default()),
                    Received::DataRequest { from: NODE }
                );
            }
            hub.poll_transmit()
        };
        leaf.send(false, b"\x02\x16").unwrap();
        hub.handle_frame(NOW, frames_of_leaf(&mut leaf)[0].as_bytes(), Signal::default());
        assert_eq!(fetch(&mut hub, &mut leaf, NOW), None);
        hub.send(NOW, NODE, &datagram(17)).unwrap();
        let first = fetch(&mut hub, &mut leaf, NOW).expect("what waits");
        assert!(matches!(leaf.handle_frame(NOW, first.psdu.as_bytes()), Received::Datagram { .. }));
        hub.handle_transmitted(NOW, first.id, Err(TransmitError::NoAck));

        hub.send(NOW, NODE, &datagram(18)).unwrap();
        let late = Instant::from_millis(7_600);
        let again = fetch(&mut hub, &mut leaf, late).expect("what waits");
        assert_eq!(again.psdu, first.psdu);
        let copy = Received::Rejected { from: Some(GATEWAY), reason: Reason::Duplicate };
        assert_eq!(leaf.handle_frame(late, again.psdu.as_bytes()), copy);
        hub.handle_transmitted(NOW, again.id, Ok(Ack::default()));

        let next = fetch(&mut hub, &mut leaf, late).expect("what waits behind it");
        let received = leaf.handle_frame(late, next.psdu.as_bytes());
        assert!(matches!(received, Received::Datagram { octets, .. } if octets == datagram(18)), "{received:?}");
    }
}

#[test]
fn nothing_goes_to_all_on_a_secured_link() {
    let mut hub = hub(Some(Level::Mic32));
    assert_eq!(hub.broadcast(NOW, b"\x05\x00\x01\x03\x84"), Err(SendError::NoGroupKey));
    assert!(!hub.config().profile().broadcast);
}

#[test]
fn fragments_whose_others_do_not_come_are_given_up() {
    let (mut hub, mut leaf) = (hub(None), leaf(UDP, None));
    leaf.send(false, &datagram(300)).unwrap();
    let frames = frames_of_leaf(&mut leaf);
    hub.handle_frame(NOW, frames[0].as_bytes(), Signal::default());
    let deadline = hub.poll_timeout().unwrap();
    hub.handle_timeout(deadline);
    assert_eq!((hub.stats().incomplete, hub.poll_timeout()), (1, None));
    for frame in &frames[1..] {
        let received = hub.handle_frame(deadline, frame.as_bytes(), Signal::default());
        assert_eq!(received, Received::Fragment { from: NODE }, "the first is missing");
    }
}

#[test]
fn a_leaf_gives_up_fragments_too() {
    let (mut hub, mut leaf) = (hub(None), leaf(UDP, None));
    hub.send(NOW, NODE, &datagram(300)).unwrap();
    leaf.handle_frame(NOW, frames_of_hub(&mut hub)[0].as_bytes());
    let deadline = leaf.poll_timeout().unwrap();
    leaf.handle_timeout(deadline);
    assert_eq!(leaf.poll_timeout(), None);
}

/// Fragments of a datagram that get mixed up, doubled and lost on their way.
fn arrive(frames: &[Psdu], order: &[usize]) -> (usize, Vec<Vec<u8>>) {
    let mut hub = hub(None);
    let mut whole = Vec::new();
    for index in order {
        let frame = frames[index % frames.len()].as_bytes();
        if let Received::Datagram { octets, .. } = hub.handle_frame(NOW, frame, Signal::default()) {
            whole.push(octets.to_vec());
        }
    }
    let missing = (0..frames.len()).filter(|i| !order.iter().any(|index| index % frames.len() == *i)).count();
    (missing, whole)
}

proptest! {
    #[test]
    fn fragments_come_in_any_order_and_any_number(
        len in 2usize..=1200, carriage in 0usize..2, order in prop::collection::vec(0usize..16, 1..64),
    ) {
        let mut leaf = leaf(CARRIAGES[carriage], None);
        let sent = datagram(len);
        leaf.send(false, &sent).unwrap();
        let frames = frames_of_leaf(&mut leaf);
        let (missing, whole) = arrive(&frames, &order);
        prop_assert!(whole.iter().all(|octets| *octets == sent), "never anything else");
        prop_assert_eq!(whole.is_empty(), missing > 0);
    }

    #[test]
    fn a_wrong_bit_on_a_secured_link_is_never_taken(bit in 0usize..46 * 8, carriage in 0usize..2) {
        let security = Some(Level::Mic32);
        let mut leaf = leaf(CARRIAGES[carriage], security);
        leaf.send(false, &datagram(17)).unwrap();
        let frame = frames_of_leaf(&mut leaf)[0].clone();
        let mut damaged = frame.as_bytes().to_vec();
        let bit = bit % (damaged.len() * 8);
        damaged[bit / 8] ^= 1 << (bit % 8);
        let mut hub = hub(security);
        let received = hub.handle_frame(NOW, &damaged, Signal::default());
        prop_assert!(matches!(received, Received::Rejected { .. }), "{:?}", received);
        let received = hub.handle_frame(NOW, frame.as_bytes(), Signal::default());
        prop_assert!(matches!(received, Received::Datagram { .. }), "and has used no counter up");
    }
}

#[test]
fn a_fragment_that_overlaps_throws_the_others_away() {
    let (mut hub, mut leaf) = (hub(None), leaf(Carriage::Bare, None));
    leaf.send(false, &datagram(300)).unwrap();
    let frames = frames_of_leaf(&mut leaf);
    hub.handle_frame(NOW, frames[0].as_bytes(), Signal::default());
    // The second fragment, one unit earlier.
    let mut forged = frames[1].as_bytes().to_vec();
    forged[15 + 4] -= 1;
    let overlap = Received::Rejected { from: Some(NODE), reason: Reason::Overlap };
    assert_eq!(hub.handle_frame(NOW, &forged, Signal::default()), overlap);
    for frame in &frames[1..] {
        assert!(!matches!(hub.handle_frame(NOW, frame.as_bytes(), Signal::default()), Received::Datagram { .. }));
    }
}
