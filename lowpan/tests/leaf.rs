//! The node's side: what it takes of what it hears, and in which order it speaks.

mod support;

use lowpan::{Ack, Carriage, ConfigError, Leaf, LeafConfig, Reason, Received, SendError, Station, TransmitError};
use sn_types::Instant;
use support::{GATEWAY, TestKeys, UDP, datagram, frames_of_hub, hub, leaf, leaf_config};

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
        other @ (Received::Fragment { .. } | Received::DataRequest { .. } | Received::Solicitation { .. }) => {
            panic!("{other:?}")
        }
    };
    assert_eq!((taken(Carriage::Bare, 0), taken(Carriage::Bare, 1)), (None, Some(Reason::Carriage)));
    assert_eq!((taken(to_1883, 0), taken(to_1883, 1)), (Some(Reason::Carriage), None));
    assert_eq!(taken(UDP, 1), Some(Reason::Port));
}

#[test]
fn the_same_frame_again_is_a_copy_for_a_second() {
    let frame = advertisements().remove(0);
    let mut leaf = leaf(Carriage::Bare, None);
    assert!(matches!(leaf.handle_frame(NOW, frame.as_bytes()), Received::Datagram { .. }));
    let copy = Received::Rejected { from: Some(GATEWAY), reason: Reason::Duplicate };
    assert_eq!(leaf.handle_frame(Instant::from_millis(40), frame.as_bytes()), copy);
    assert!(matches!(leaf.handle_frame(Instant::from_secs(2), frame.as_bytes()), Received::Datagram { .. }));
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
        leaf.handle_transmitted(transmit.id, Ok(Ack::default()));
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
    let transmit = leaf.poll_transmit().unwrap();
    leaf.handle_transmitted(transmit.id, Err(TransmitError::NoAck));
    assert_eq!((leaf.poll_transmit(), leaf.is_busy()), (None, false));
}

#[test]
fn long_payloads_are_frames_of_2006() {
    let mut leaf = leaf(Carriage::Bare, None);
    // With the dispatch 102 octets of payload, what stations of 2003 take, and one more.
    for (len, version) in [(101, 0), (102, 1)] {
        leaf.send(false, &datagram(len)).unwrap();
        let transmit = leaf.poll_transmit().unwrap();
        assert_eq!(transmit.psdu.as_bytes()[1] >> 4 & 3, version, "{len}");
        leaf.handle_transmitted(transmit.id, Ok(Ack::default()));
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
    for (config, error) in wrong {
        assert_eq!(Leaf::<_, 256>::new(config, TestKeys::default(), 0).map(|_| ()).unwrap_err(), error);
    }
}
