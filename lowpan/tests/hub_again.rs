//! What the gateway does with a frame that did not arrive and that nobody had polled for.

mod support;

use lowpan::{Ack, Carriage, Eui64, Hub, NoKeys, Psdu, Signal, Transmit, TransmitError};
use sn_types::Instant;
use std::time::Duration;
use support::{NODE, config, frames_of_leaf, leaf};

const NOW: Instant = Instant::from_secs(10);
const OTHER: Eui64 = Eui64([0x00, 0x12, 0x4B, 0, 0, 0, 0, 0x32]);
const FAILURES: [TransmitError; 2] = [TransmitError::NoAck, TransmitError::ChannelAccess];

fn hub() -> Hub<NoKeys> {
    Hub::new(config(None), NoKeys, 0).expect("a good configuration")
}

/// The hub's next frame, of which this becomes.
fn send(hub: &mut Hub<NoKeys>, now: Instant, fate: Result<Ack, TransmitError>) -> Option<Psdu> {
    let Transmit { id, psdu, .. } = hub.poll_transmit()?;
    hub.handle_transmitted(now, id, fate);
    Some(psdu)
}

/// The hub's next frame, which arrives: its last octet.
fn arrives(hub: &mut Hub<NoKeys>, now: Instant) -> Option<u8> {
    send(hub, now, Ok(Ack::default())).and_then(|psdu| psdu.as_bytes().last().copied())
}

/// Time passes until something is due.
fn rest(hub: &mut Hub<NoKeys>) -> Instant {
    let at = hub.poll_timeout().expect("it does not rest for ever");
    hub.handle_timeout(at);
    at
}

/// The node asks for what waits.
fn poll(hub: &mut Hub<NoKeys>, now: Instant) {
    let mut leaf = leaf(Carriage::Bare, None);
    leaf.request();
    hub.handle_frame(now, frames_of_leaf(&mut leaf)[0].as_bytes(), Signal::default());
}

#[test]
fn it_is_sent_again_as_the_same_frame_after_a_pause() {
    for why in FAILURES {
        let mut hub = hub();
        hub.send(NOW, NODE, b"\x02\x17").unwrap();
        let first = send(&mut hub, NOW, Err(why)).expect("it goes at once");
        assert_eq!((hub.poll_transmit(), hub.waiting()), (None, 1), "it rests");
        let pause = rest(&mut hub).since(NOW).as_millis();
        assert!((30..60).contains(&pause), "{pause} ms");
        assert_eq!(send(&mut hub, NOW, Ok(Ack::default())), Some(first));
        assert_eq!((hub.stats().datagrams_sent, hub.waiting()), (1, 0));
        assert_eq!((hub.stats().no_ack, hub.stats().channel_access), (0, 0));
    }
}

#[test]
fn after_three_rounds_it_is_given_up_and_counted_once() {
    for why in FAILURES {
        let mut hub = hub();
        hub.send(NOW, NODE, b"\x02\x17").unwrap();
        send(&mut hub, NOW, Err(why)).expect("it goes at once");
        for _ in 0..2 {
            assert_eq!((hub.stats().no_ack, hub.stats().channel_access, hub.waiting()), (0, 0, 1));
            let now = rest(&mut hub);
            send(&mut hub, now, Err(why)).expect("once more");
        }
        let expected = if why == TransmitError::NoAck { (1, 0) } else { (0, 1) };
        assert_eq!((hub.stats().no_ack, hub.stats().channel_access), expected);
        assert_eq!((hub.waiting(), hub.poll_timeout()), (0, None));
    }
}

#[test]
fn nothing_overtakes_it_on_its_way_to_the_node_and_others_do_not_wait_for_it() {
    let mut hub = hub();
    for (to, text) in [(NODE, b"1"), (OTHER, b"2"), (NODE, b"3"), (OTHER, b"4")] {
        hub.send(NOW, to, text).unwrap();
    }
    send(&mut hub, NOW, Err(TransmitError::NoAck)).expect("what came first");
    assert_eq!([(); 3].map(|()| arrives(&mut hub, NOW)), [Some(b'2'), Some(b'4'), None]);
    let now = rest(&mut hub);
    assert_eq!([(); 3].map(|()| arrives(&mut hub, now)), [Some(b'1'), Some(b'3'), None]);
}

#[test]
fn what_goes_to_all_is_tried_again_if_the_channel_was_busy() {
    let mut hub = hub();
    hub.broadcast(NOW, b"\x03\x00\x01").unwrap();
    hub.send(NOW, NODE, b"\x02\x17").unwrap();
    let first = send(&mut hub, NOW, Err(TransmitError::ChannelAccess)).expect("it goes at once");
    // The same in the other form waits behind it.
    assert_eq!([(); 2].map(|()| arrives(&mut hub, NOW)), [Some(0x17), None]);
    let now = rest(&mut hub);
    assert_eq!(send(&mut hub, now, Ok(Ack::default())), Some(first));
}

#[test]
fn each_fragment_has_its_own_rounds() {
    let mut hub = hub();
    hub.send(NOW, NODE, &[7; 300]).unwrap();
    let (mut now, mut fragments) = (NOW, 0);
    while hub.waiting() > 0 {
        for _ in 0..2 {
            send(&mut hub, now, Err(TransmitError::NoAck)).expect("a fragment");
            now = rest(&mut hub);
        }
        send(&mut hub, now, Ok(Ack::default())).expect("the same");
        fragments += 1;
    }
    assert_eq!((fragments, hub.stats().datagrams_sent), (3, 1));
}

#[test]
fn a_node_that_begins_to_poll_meanwhile_gets_it_at_its_next_poll() {
    // The poll is heard while the radio has the frame, or while that rests.
    for is_in_radio in [true, false] {
        let mut hub = hub();
        hub.send(NOW, NODE, b"1").unwrap();
        hub.send(NOW, NODE, b"2").unwrap();
        let transmit = hub.poll_transmit().expect("it goes at once");
        if is_in_radio {
            poll(&mut hub, NOW);
        }
        hub.handle_transmitted(NOW, transmit.id, Err(TransmitError::NoAck));
        let now = NOW + Duration::from_secs(1);
        hub.handle_timeout(now);
        if is_in_radio {
            assert_eq!(hub.poll_transmit(), None, "it sleeps");
            poll(&mut hub, now);
        } else {
            poll(&mut hub, now);
        }
        assert_eq!(send(&mut hub, now, Ok(Ack::default())), Some(transmit.psdu));
        assert_eq!(hub.poll_transmit(), None, "one for each poll");
        assert_eq!(hub.source_match().collect::<Vec<_>>(), [NODE]);
    }
}

#[test]
fn what_rests_is_given_up_with_the_radio_and_what_waits_for_polls_is_not() {
    let mut hub = hub();
    poll(&mut hub, NOW);
    hub.send(NOW, NODE, b"1").unwrap();
    for text in [b"2", b"3"] {
        hub.send(NOW, OTHER, text).unwrap();
    }
    send(&mut hub, NOW, Err(TransmitError::ChannelAccess)).expect("it goes at once");
    assert_eq!((hub.lose_radio(), hub.waiting()), (2, 1));
    hub.handle_timeout(NOW + Duration::from_secs(1));
    assert_eq!(hub.poll_transmit(), None);
}
