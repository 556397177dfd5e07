//! Link security: who gets in, and what is counted of those who do not.

mod support;

use lowpan::{Ack, Carriage, Eui64, Hub, Keys, Level, LinkKey, Reason, Received, SendError, Signal, TransmitError};
use sn_types::Instant;
use support::{GATEWAY, NODE, datagram, frames_of_hub, frames_of_leaf, hub, leaf};

const NOW: Instant = Instant::ZERO;
const SECURITY: Option<Level> = Some(Level::Mic32);

#[test]
fn who_has_no_key_stays_out_and_is_counted() {
    let mut hub = hub(SECURITY);
    let mut unsecured = leaf(Carriage::Bare, None);
    unsecured.send(false, b"\x02\x16").unwrap();
    let mut longer_codes = leaf(Carriage::Bare, Some(Level::Mic64));
    longer_codes.send(false, b"\x02\x16").unwrap();
    let mut wrong_key = leaf(Carriage::Bare, SECURITY);
    wrong_key.keys_mut().keys.insert(GATEWAY, LinkKey([0; 16]));
    wrong_key.send(false, b"\x02\x16").unwrap();
    for (leaf, reason) in [
        (&mut unsecured, Reason::Unsecured),
        (&mut longer_codes, Reason::SecurityLevel),
        (&mut wrong_key, Reason::BadMic),
    ] {
        let frame = frames_of_leaf(leaf).remove(0);
        let received = hub.handle_frame(NOW, frame.as_bytes(), Signal::default());
        assert_eq!(received, Received::Rejected { from: Some(NODE), reason });
        assert_eq!(hub.stats().rejected(reason), 1);
    }
    assert_eq!(hub.nodes().count(), 0, "and nothing is remembered of it");
}

#[test]
fn a_node_without_a_key_is_unknown() {
    let mut hub = hub(SECURITY);
    hub.keys_mut().keys.clear();
    let mut leaf = leaf(Carriage::Bare, SECURITY);
    leaf.send(false, b"\x02\x16").unwrap();
    let frame = frames_of_leaf(&mut leaf).remove(0);
    let received = hub.handle_frame(NOW, frame.as_bytes(), Signal::default());
    assert_eq!(received, Received::Rejected { from: Some(NODE), reason: Reason::UnknownNode });
    assert_eq!(hub.send(NOW, NODE, b"\x02\x17"), Err(SendError::UnknownNode));
}

#[test]
fn a_frame_that_comes_again_is_a_copy_at_first_and_a_replay_later() {
    let (mut hub, mut leaf) = (hub(SECURITY), leaf(Carriage::Bare, SECURITY));
    leaf.send(false, b"\x02\x16").unwrap();
    let frame = frames_of_leaf(&mut leaf).remove(0);
    assert!(matches!(hub.handle_frame(NOW, frame.as_bytes(), Signal::default()), Received::Datagram { .. }));
    for (at, reason) in [(Instant::from_millis(20), Reason::Duplicate), (Instant::from_secs(2), Reason::Replay)] {
        let received = hub.handle_frame(at, frame.as_bytes(), Signal::default());
        assert_eq!(received, Received::Rejected { from: Some(NODE), reason });
    }
}

#[test]
fn nobody_can_use_up_the_counters_of_another() {
    let mut hub = hub(SECURITY);
    let mut forger = leaf(Carriage::Bare, SECURITY);
    forger.keys_mut().keys.insert(GATEWAY, LinkKey([0; 16]));
    forger.keys_mut().next = 1_000_000;
    forger.send(false, b"\x02\x16").unwrap();
    let forged = frames_of_leaf(&mut forger).remove(0);
    hub.handle_frame(NOW, forged.as_bytes(), Signal::default());
    let mut leaf = leaf(Carriage::Bare, SECURITY);
    leaf.send(false, b"\x02\x16").unwrap();
    let frame = frames_of_leaf(&mut leaf).remove(0);
    assert!(matches!(hub.handle_frame(NOW, frame.as_bytes(), Signal::default()), Received::Datagram { .. }));
}

#[test]
fn without_a_counter_a_datagram_waits_and_is_given_up_in_the_end() {
    let mut hub = hub(SECURITY);
    hub.keys_mut().reserved = 0;
    hub.send(NOW, NODE, b"\x02\x17").unwrap();
    assert_eq!(hub.poll_transmit(), None);
    hub.keys_mut().reserved = 1;
    let transmit = hub.poll_transmit().expect("a counter is reserved now");
    hub.handle_transmitted(NOW, transmit.id, Ok(Ack::default()));
    hub.send(NOW, NODE, b"\x02\x17").unwrap();
    assert_eq!(hub.poll_transmit(), None);
    hub.handle_timeout(hub.poll_timeout().expect("it does not wait for ever"));
    assert_eq!((hub.stats().expired, hub.waiting()), (1, 0));
}

/// Keys of somebody who has counted to the end.
struct AtTheEnd;

impl Keys for AtTheEnd {
    fn key(&self, _node: Eui64) -> Option<&LinkKey> {
        Some(&support::KEY)
    }

    fn accept(&mut self, _node: Eui64, _counter: u32) -> bool {
        true
    }

    fn next_counter(&mut self) -> Option<u32> {
        Some(u32::MAX)
    }
}

#[test]
fn the_last_counter_is_not_sent() {
    let mut hub = Hub::new(support::config(SECURITY), AtTheEnd, 0).unwrap();
    hub.send(NOW, NODE, b"\x02\x17").unwrap();
    assert_eq!((hub.poll_transmit(), hub.waiting()), (None, 1));
}

#[test]
fn a_key_that_is_taken_away_stops_what_waits() {
    let mut hub = hub(SECURITY);
    hub.send(NOW, NODE, b"\x02\x17").unwrap();
    hub.keys_mut().keys.clear();
    assert_eq!(hub.poll_transmit(), None);
    assert_eq!((hub.stats().unsealed, hub.waiting()), (1, 0));
}

#[test]
fn what_is_sent_again_after_a_change_of_the_key_has_the_new_one() {
    let (mut hub, mut leaf) = (hub(SECURITY), leaf(Carriage::Bare, SECURITY));
    let poll = |hub: &mut Hub<_>, leaf: &mut support::Node| {
        leaf.request();
        let frame = frames_of_leaf(leaf).remove(0);
        assert_eq!(hub.handle_frame(NOW, frame.as_bytes(), Signal::default()), Received::DataRequest { from: NODE });
    };
    poll(&mut hub, &mut leaf);
    hub.send(NOW, NODE, b"waits").unwrap();
    poll(&mut hub, &mut leaf);
    let transmit = hub.poll_transmit().expect("what waited");
    hub.handle_transmitted(NOW, transmit.id, Err(TransmitError::NoAck));
    let new = LinkKey([7; 16]);
    hub.keys_mut().keys.insert(NODE, new);
    leaf.keys_mut().keys.insert(GATEWAY, new);
    poll(&mut hub, &mut leaf);
    let frame = frames_of_hub(&mut hub).remove(0);
    let received = leaf.handle_frame(NOW, frame.as_bytes());
    assert!(matches!(received, Received::Datagram { octets: b"waits", .. }), "{received:?}");
}

#[test]
fn no_counter_is_used_twice() {
    let (mut hub, mut leaf) = (hub(SECURITY), leaf(Carriage::Bare, SECURITY));
    hub.send(NOW, NODE, &datagram(300)).unwrap();
    hub.send(NOW, NODE, &datagram(10)).unwrap();
    let frames = frames_of_hub(&mut hub);
    // Frame control 2, sequence 1, PAN 2, addresses 8 and 2, security control 1.
    let counters: Vec<_> = frames.iter().map(|frame| frame.as_bytes()[16]).collect();
    assert_eq!(counters, (0..frames.len() as u8).collect::<Vec<_>>());
    assert!(
        frames.iter().all(|frame| { !matches!(leaf.handle_frame(NOW, frame.as_bytes()), Received::Rejected { .. }) })
    );
}

#[test]
fn data_requests_are_secured_too() {
    let (mut hub, mut leaf) = (hub(SECURITY), leaf(Carriage::Bare, SECURITY));
    let mut stranger = support::leaf(Carriage::Bare, None);
    stranger.request();
    let frame = frames_of_leaf(&mut stranger).remove(0);
    let received = hub.handle_frame(NOW, frame.as_bytes(), Signal::default());
    assert_eq!(received, Received::Rejected { from: Some(NODE), reason: Reason::Unsecured });

    leaf.request();
    let frame = frames_of_leaf(&mut leaf).remove(0);
    let received = hub.handle_frame(NOW, frame.as_bytes(), Signal::default());
    assert_eq!(received, Received::DataRequest { from: NODE });
    hub.send(NOW, NODE, b"first").unwrap();
    hub.send(NOW, NODE, b"second").unwrap();
    for (text, more) in [(&b"first"[..], true), (b"second", false)] {
        leaf.request();
        let frame = frames_of_leaf(&mut leaf).remove(0);
        hub.handle_frame(NOW, frame.as_bytes(), Signal::default());
        let down = frames_of_hub(&mut hub);
        assert_eq!(down.len(), 1);
        let received = leaf.handle_frame(NOW, down[0].as_bytes());
        assert!(matches!(received, Received::Datagram { octets, .. } if octets == text));
        assert_eq!(leaf.more_waits(), more);
    }
}

#[test]
fn a_key_says_nothing_in_logs() {
    let keys = support::TestKeys::shared_with(Eui64([1; 8]));
    let key = keys.key(Eui64([1; 8])).unwrap();
    assert_eq!(format!("{key:?}"), "LinkKey");
}
