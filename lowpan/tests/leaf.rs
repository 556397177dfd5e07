//! The node's side: what it takes of what it hears, and in which order it speaks.

mod support;

use lowpan::{
    Ack, Carriage, Config, ConfigError, Eui64, Hub, Leaf, LeafConfig, Level, Reason, Received, SendError, Signal,
    Station, TransmitError,
};
use sn_types::Instant;
use std::time::Duration;
use support::{GATEWAY, NODE, TestKeys, UDP, config, datagram, frames_of_hub, frames_of_leaf, hub, leaf, leaf_config};

const NOW: Instant = Instant::ZERO;

/// What the gateway sends to all, in the bare form and in UDP.
fn advertisements() -> Vec<lowpan::Psdu> {
    let mut hub = hub(None);
    hub.broadcast(NOW, b"\x05\x00\x01\x03\x84").unwrap();
    frames_of_hub(&mut hub)
}

#[test]
fn only_the_own_form_and_port_are_taken() {
    let frames = advertisements();
    let to_1883 = Carriage::Udp { node: 1883, gateway: 1883 };
    let taken = |carriage, index: usize| match leaf(carriage, None).handle_frame(NOW, frames[index].as_bytes()) {
        Received::Rejected { reason, .. } => Some(reason),
        Received::Datagram { .. } => None,
        other @ (Received::Fragment { .. }
        | Received::DataRequest { .. }
        | Received::Solicitation { .. }
        | Received::Neighbour { .. }) => {
            panic!("{other:?}")
        }
    };
    assert_eq!((taken(Carriage::Bare, 0), taken(Carriage::Bare, 1)), (None, Some(Reason::Carriage)));
    assert_eq!((taken(to_1883, 0), taken(to_1883, 1)), (Some(Reason::Carriage), None));
    assert_eq!(taken(UDP, 1), Some(Reason::Port));
}

#[test]
fn what_goes_to_another_port_of_the_node_is_not_taken() {
    let (mut hub, mut sender) = (hub(None), leaf(UDP, None));
    sender.send(false, b"\x02\x16").unwrap();
    hub.handle_frame(NOW, frames_of_leaf(&mut sender)[0].as_bytes(), Signal::default());
    hub.send(NOW, NODE, b"\x02\x17").unwrap();
    let answer = frames_of_hub(&mut hub).remove(0);
    let mut other = leaf(Carriage::Udp { node: 10_001, gateway: 1883 }, None);
    let refused = Received::Rejected { from: Some(GATEWAY), reason: Reason::Port };
    assert_eq!(other.handle_frame(NOW, answer.as_bytes()), refused);
    assert!(matches!(sender.handle_frame(NOW, answer.as_bytes()), Received::Datagram { .. }));
}

#[test]
fn the_same_frame_again_is_a_copy_for_as_long_as_a_gateway_repeats_it() {
    let frame = advertisements().remove(0);
    let mut leaf = leaf(Carriage::Bare, None);
    assert!(matches!(leaf.handle_frame(NOW, frame.as_bytes()), Received::Datagram { .. }));
    let copy = Received::Rejected { from: Some(GATEWAY), reason: Reason::Duplicate };
    assert_eq!(leaf.handle_frame(Instant::from_millis(7_700), frame.as_bytes()), copy);
    assert!(matches!(leaf.handle_frame(Instant::from_secs(9), frame.as_bytes()), Received::Datagram { .. }));
}

const STRANGER: Eui64 = Eui64([0x02, 0x12, 0x4B, 0, 0, 0, 0, 0x66]);

#[test]
fn what_others_send_to_all_is_heard_and_changes_nothing_else() {
    let (mut gateway, mut leaf) = (hub(None), leaf(Carriage::Bare, None));
    leaf.request();
    gateway.handle_frame(NOW, frames_of_leaf(&mut leaf)[0].as_bytes(), Signal::default());
    gateway.send(NOW, NODE, b"\x02\x16").unwrap();
    gateway.send(NOW, NODE, b"\x02\x17").unwrap();
    leaf.request();
    gateway.handle_frame(NOW, frames_of_leaf(&mut leaf)[0].as_bytes(), Signal::default());
    let first = frames_of_hub(&mut gateway).remove(0);
    leaf.handle_frame(NOW, first.as_bytes());
    assert!(leaf.more_waits());

    let station = Station { eui64: STRANGER, ..leaf_config(Carriage::Bare, None).station };
    let config = LeafConfig { station, ..leaf_config(Carriage::Bare, None) };
    let mut stranger = Leaf::<_, 256>::new(config, TestKeys::default(), 0).unwrap();
    stranger.send(true, b"\x03\x01\x00").unwrap();
    let search = frames_of_leaf(&mut stranger).remove(0);
    let heard = Received::Datagram { from: STRANGER, carriage: Carriage::Bare, to_all: true, octets: b"\x03\x01\x00" };
    assert_eq!(leaf.handle_frame(NOW, search.as_bytes()), heard);
    assert!(leaf.more_waits());
    let copy = Received::Rejected { from: Some(GATEWAY), reason: Reason::Duplicate };
    assert_eq!(leaf.handle_frame(NOW, first.as_bytes()), copy);
}

#[test]
fn a_strangers_fragments_do_not_push_the_gateways_aside() {
    let (mut gateway, mut leaf) = (hub(None), leaf(Carriage::Bare, None));
    let station = Station { eui64: STRANGER, ..config(None).station };
    let mut stranger = Hub::new(Config { station, ..config(None) }, TestKeys::default(), 9).unwrap();
    // Without its short address, which is taken for the gateway's.
    stranger.send(NOW, NODE, &datagram(300)).unwrap();
    let mut forged = frames_of_hub(&mut stranger).remove(0).as_bytes().to_vec();
    forged[1] |= 0xC0;
    forged.splice(13..15, STRANGER.0.into_iter().rev());
    forged.truncate(lowpan::MAX_PSDU);
    // And to all: PAN, FFFF, its address, a first fragment.
    let mut to_all = b"\x41\xc8\x07\xcd\xab\xff\xff".to_vec();
    to_all.extend(STRANGER.0.into_iter().rev());
    to_all.extend(b"\xc0\x20\x00\x01\x33\0\0\0\0\0\0\0");

    gateway.send(NOW, NODE, &datagram(300)).unwrap();
    let frames = frames_of_hub(&mut gateway);
    assert_eq!(leaf.handle_frame(NOW, frames[0].as_bytes()), Received::Fragment { from: GATEWAY });
    for (frame, reason) in [(forged, Reason::NotGateway), (to_all, Reason::Fragment)] {
        assert_eq!(leaf.handle_frame(NOW, &frame), Received::Rejected { from: Some(STRANGER), reason });
    }
    leaf.handle_frame(NOW, frames[1].as_bytes());
    let received = leaf.handle_frame(NOW, frames[2].as_bytes());
    assert!(matches!(received, Received::Datagram { octets, .. } if octets == datagram(300)), "{received:?}");
}

#[test]
fn its_own_frames_come_back_in_vain() {
    let security = Some(Level::Mic32);
    let mut leaf = leaf(Carriage::Bare, security);
    leaf.keys_mut().keys.insert(NODE, support::KEY);
    leaf.send(true, b"\x03\x01\x00").unwrap();
    let search = frames_of_leaf(&mut leaf).remove(0);
    let refused = Received::Rejected { from: Some(NODE), reason: Reason::NotGateway };
    assert_eq!(leaf.handle_frame(NOW, search.as_bytes()), refused);
}

#[test]
fn one_datagram_at_a_time_then_the_request() {
    let mut leaf = leaf(Carriage::Bare, None);
    leaf.request();
    leaf.send(false, &datagram(150)).unwrap();
    assert_eq!(leaf.send(false, b"\x02\x16"), Err(SendError::Full));
    let kinds = std::iter::from_fn(|| {
        let transmit = leaf.poll_transmit()?;
        assert_eq!(leaf.poll_transmit(), None, "the radio has one");
        leaf.handle_transmitted(NOW, transmit.id, Ok(Ack::default()));
        // The frame type: 1 is data, 3 is a command.
        Some(transmit.psdu.as_bytes()[0] & 7)
    });
    assert_eq!(kinds.collect::<Vec<_>>(), [1, 1, 3]);
    assert!(!leaf.is_busy());
}

#[test]
fn a_lost_fragment_takes_its_datagram_with_it() {
    let mut leaf = leaf(Carriage::Bare, None);
    leaf.send(false, &datagram(300)).unwrap();
    let rounds = std::iter::from_fn(|| {
        let transmit = leaf.poll_transmit()?;
        leaf.handle_transmitted(NOW, transmit.id, Err(TransmitError::NoAck));
        leaf.handle_timeout(NOW + Duration::from_millis(60));
        Some(transmit.psdu)
    });
    let rounds: Vec<_> = rounds.collect();
    assert!(rounds.len() == 3 && rounds.iter().all(|psdu| *psdu == rounds[0]), "the first fragment only");
    assert!(!leaf.is_busy());
}

#[test]
fn long_payloads_are_frames_of_2006() {
    let mut leaf = leaf(Carriage::Bare, None);
    // With the dispatch 102 octets of payload, what stations of 2003 take, and one more.
    for (len, version) in [(101, 0), (102, 1)] {
        leaf.send(false, &datagram(len)).unwrap();
        let transmit = leaf.poll_transmit().unwrap();
        assert_eq!(transmit.psdu.as_bytes()[1] >> 4 & 3, version, "{len}");
        leaf.handle_transmitted(NOW, transmit.id, Ok(Ack::default()));
    }
}

#[test]
fn what_cannot_be_is_not_configured() {
    let good = leaf_config(UDP, None);
    let wrong = [
        (LeafConfig { carriage: Carriage::Udp { node: 0, gateway: 1883 }, ..good }, ConfigError::Port(0)),
        (LeafConfig { carriage: Carriage::Udp { node: 1883, gateway: 0xF0BF }, ..good }, ConfigError::Port(0xF0BF)),
        (LeafConfig { station: Station { pan: 0xFFFF, ..good.station }, ..good }, ConfigError::Pan),
    ];
    let with_short = |short| LeafConfig { gateway_short: Some(short), ..good };
    let shorts = [0xFFFE, 0xFFFF].map(|short| (with_short(short), ConfigError::ShortAddress(short)));
    for (config, error) in wrong.into_iter().chain(shorts) {
        assert_eq!(Leaf::<_, 256>::new(config, TestKeys::default(), 0).map(|_| ()).unwrap_err(), error);
    }
}
