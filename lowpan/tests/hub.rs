//! The gateway's side, octet by octet.

use core::time::Duration;
use lowpan::{
    Ack, Carriage, Carriages, Config, Eui64, Hub, Limits, NoKeys, Reason, Received, SendError, Signal, SourceMatch,
    Station, TransmitError,
};
use sn_types::Instant;

const GATEWAY: Eui64 = Eui64([0x02, 0, 0, 0, 0, 0, 0, 0x01]);
const NODE: Eui64 = Eui64([0x02, 0, 0, 0, 0, 0, 0, 0x07]);
const CONFIG: Config = Config {
    station: Station { eui64: GATEWAY, pan: 0xABCD, short: Some(0x0001), security: None },
    carriages: Carriages::Both(1883),
    fragment: true,
    limits: Limits::DEFAULT,
};
/// Frame control, sequence, PAN, gateway's short address, node's extended address, dispatch, datagram.
const FROM_NODE: &[u8] = b"\x61\xc8\x2a\xcd\xab\x01\x00\x07\x00\x00\x00\x00\x00\x00\x02\x33\x02\x16";
/// The same with a data request as command.
const POLL: &[u8] = b"\x63\xc8\x2b\xcd\xab\x01\x00\x07\x00\x00\x00\x00\x00\x00\x02\x04";

fn hub() -> Hub<NoKeys> {
    Hub::new(CONFIG, NoKeys, 0x0102_0300).expect("a good configuration")
}

/// The node asks for what waits, with a frame that is not the one before.
fn poll(hub: &mut Hub<NoKeys>, now: Instant, sequence: u8) {
    let mut poll = POLL.to_vec();
    poll[2] += sequence;
    assert_eq!(hub.handle_frame(now, &poll, Signal::default()), Received::DataRequest { from: NODE });
}

#[test]
fn a_bare_datagram_is_taken_and_answered_bare() {
    let mut hub = hub();
    let received = hub.handle_frame(Instant::ZERO, FROM_NODE, Signal::default());
    let expected = Received::Datagram { from: NODE, carriage: Carriage::Bare, to_all: false, octets: b"\x02\x16" };
    assert_eq!(received, expected);
    hub.send(Instant::ZERO, NODE, b"\x02\x17").unwrap();
    let transmit = hub.poll_transmit().expect("an answer");
    assert_eq!(transmit.to, Some(NODE));
    let frame = b"\x61\x8c\x00\xcd\xab\x07\x00\x00\x00\x00\x00\x00\x02\x01\x00\x33\x02\x17";
    assert_eq!(transmit.psdu.as_bytes(), frame);
    assert_eq!(hub.poll_transmit(), None, "one frame at a time");
    hub.handle_transmitted(Instant::ZERO, transmit.id, Ok(Ack::default()));
    assert_eq!((hub.stats().datagrams_sent, hub.waiting()), (1, 0));
}

#[test]
fn what_is_for_a_node_that_polls_waits_for_its_poll() {
    let mut hub = hub();
    let now = Instant::ZERO;
    assert_eq!(hub.handle_frame(now, POLL, Signal::default()), Received::DataRequest { from: NODE });
    hub.send(now, NODE, b"one").unwrap();
    hub.send(now, NODE, b"two").unwrap();
    assert_eq!(hub.poll_source_match(), Some(SourceMatch { node: NODE, pending: true }));
    assert_eq!(hub.poll_source_match(), None);
    assert_eq!(hub.poll_transmit(), None);
    let mut poll = POLL.to_vec();
    for (text, pending) in [(b"one", true), (b"two", false)] {
        poll[2] += 1;
        assert_eq!(hub.handle_frame(now, &poll, Signal::default()), Received::DataRequest { from: NODE });
        let transmit = hub.poll_transmit().expect("what waited");
        let frame = transmit.psdu.as_bytes();
        assert_eq!(frame[0] & 0x10 != 0, pending, "frame pending");
        assert!(frame.ends_with(text));
        hub.handle_transmitted(Instant::ZERO, transmit.id, Ok(Ack::default()));
        assert_eq!(hub.poll_transmit(), None, "one frame for each poll");
    }
    assert_eq!(hub.poll_source_match(), Some(SourceMatch { node: NODE, pending: false }));
}

#[test]
fn who_polled_long_ago_listens_no_longer() {
    let mut hub = hub();
    let now = Instant::ZERO;
    poll(&mut hub, now, 0);
    hub.send(now, NODE, b"one").unwrap();
    poll(&mut hub, now, 1);
    let too_late = hub.poll_timeout().expect("it does not listen for ever");
    assert_eq!(too_late, Instant::from_millis(100));
    hub.handle_timeout(too_late);
    assert_eq!((hub.poll_transmit(), hub.waiting()), (None, 1));
    poll(&mut hub, too_late, 2);
    let transmit = hub.poll_transmit().expect("what waited");
    assert!(transmit.psdu.as_bytes().ends_with(b"one"));
}

#[test]
fn who_was_told_that_nothing_waits_is_sent_nothing_until_it_polls_again() {
    let mut hub = hub();
    let now = Instant::ZERO;
    poll(&mut hub, now, 0);
    hub.send(now, NODE, b"one").unwrap();
    poll(&mut hub, now, 1);
    hub.sleeps_on(NODE);
    assert_eq!((hub.poll_transmit(), hub.waiting()), (None, 1));
    poll(&mut hub, now, 2);
    assert!(hub.poll_transmit().is_some());
}

#[test]
fn what_was_queued_before_a_nodes_first_poll_is_not_overtaken() {
    let mut hub = hub();
    let now = Instant::ZERO;
    hub.send(now, NODE, b"one").unwrap();
    hub.send(now, NODE, b"two").unwrap();
    let transmit = hub.poll_transmit().expect("it goes at once");
    assert!(transmit.psdu.as_bytes().ends_with(b"one"));
    poll(&mut hub, now, 0);
    hub.send(now, NODE, b"three").unwrap();
    hub.handle_transmitted(Instant::ZERO, transmit.id, Ok(Ack::default()));
    for (sequence, text) in [(1, &b"two"[..]), (2, b"three")] {
        assert_eq!(hub.poll_transmit(), None, "it listens no longer");
        poll(&mut hub, now, sequence);
        let transmit = hub.poll_transmit().expect("what waited");
        assert!(transmit.psdu.as_bytes().ends_with(text), "{text:?}");
        hub.handle_transmitted(Instant::ZERO, transmit.id, Ok(Ack::default()));
    }
    assert_eq!(hub.waiting(), 0);
}

#[test]
fn what_is_not_polled_for_in_time_is_given_up() {
    let mut hub = hub();
    hub.handle_frame(Instant::ZERO, POLL, Signal::default());
    hub.send(Instant::ZERO, NODE, b"one").unwrap();
    let deadline = hub.poll_timeout().expect("a deadline");
    assert_eq!(deadline, Instant::ZERO + CONFIG.limits.waiting_for);
    hub.handle_timeout(deadline);
    assert_eq!((hub.stats().expired, hub.waiting(), hub.poll_timeout()), (1, 0, None));
    // It seems not to poll any more.
    hub.send(deadline, NODE, b"two").unwrap();
    assert!(hub.poll_transmit().is_some());
}

#[test]
fn what_the_radio_has_at_its_deadline_is_not_given_up() {
    let mut hub = hub();
    hub.handle_frame(Instant::ZERO, POLL, Signal::default());
    hub.send(Instant::ZERO, NODE, b"one").unwrap();
    let deadline = hub.poll_timeout().expect("a deadline");
    poll(&mut hub, deadline, 1);
    let transmit = hub.poll_transmit().expect("what waited");
    hub.handle_timeout(deadline);
    assert_eq!((hub.stats().expired, hub.waiting(), hub.poll_timeout()), (0, 1, None));
    hub.handle_transmitted(Instant::ZERO, transmit.id, Ok(Ack::default()));
    assert_eq!((hub.stats().datagrams_sent, hub.waiting()), (1, 0));
    hub.send(deadline, NODE, b"two").unwrap();
    assert_eq!(hub.poll_transmit(), None, "it polls");
}

#[test]
fn a_node_that_has_polled_still_polls_whatever_became_of_its_datagram() {
    let mut hub = hub();
    hub.handle_frame(Instant::ZERO, POLL, Signal::default());
    hub.send(Instant::ZERO, NODE, b"one").unwrap();
    poll(&mut hub, Instant::from_secs(1), 1);
    let transmit = hub.poll_transmit().expect("what waited");
    hub.handle_transmitted(Instant::ZERO, transmit.id, Err(TransmitError::NoAck));
    let deadline = hub.poll_timeout().expect("a deadline");
    hub.handle_timeout(deadline);
    assert_eq!(hub.stats().expired, 1);
    hub.send(deadline, NODE, b"two").unwrap();
    assert_eq!(hub.poll_transmit(), None, "it would not hear that");
}

#[test]
fn nothing_overtakes_what_waited_for_a_node_that_does_not_poll_any_more() {
    let mut hub = hub();
    hub.handle_frame(Instant::ZERO, POLL, Signal::default());
    hub.send(Instant::ZERO, NODE, b"one").unwrap();
    hub.send(Instant::from_secs(1), NODE, b"two").unwrap();
    assert_eq!(hub.poll_source_match(), Some(SourceMatch { node: NODE, pending: true }));
    let deadline = hub.poll_timeout().expect("a deadline");
    hub.handle_timeout(deadline);
    hub.send(deadline, NODE, b"three").unwrap();
    assert_eq!(hub.poll_source_match(), Some(SourceMatch { node: NODE, pending: false }));
    for text in [&b"two"[..], b"three"] {
        let transmit = hub.poll_transmit().expect("it goes at once");
        assert!(transmit.psdu.as_bytes().ends_with(text), "{text:?}");
        hub.handle_transmitted(Instant::ZERO, transmit.id, Ok(Ack::default()));
    }
}

#[test]
fn a_frame_that_is_not_acknowledged_waits_for_the_next_poll_of_who_polls() {
    let mut hub = hub();
    hub.handle_frame(Instant::ZERO, POLL, Signal::default());
    hub.send(Instant::ZERO, NODE, b"polled").unwrap();
    for (sequence, result) in [(1, Err(TransmitError::NoAck)), (2, Ok(Ack::default()))] {
        poll(&mut hub, Instant::ZERO, sequence);
        let transmit = hub.poll_transmit().unwrap();
        hub.handle_transmitted(Instant::ZERO, transmit.id, result);
    }
    assert_eq!((hub.stats().no_ack, hub.stats().datagrams_sent, hub.waiting()), (0, 1, 0));
}

#[test]
fn the_same_frame_again_is_a_copy_for_a_second() {
    let mut hub = hub();
    assert!(matches!(hub.handle_frame(Instant::ZERO, FROM_NODE, Signal::default()), Received::Datagram { .. }));
    let copy = Received::Rejected { from: Some(NODE), reason: Reason::Duplicate };
    assert_eq!(hub.handle_frame(Instant::from_millis(30), FROM_NODE, Signal::default()), copy);
    assert_eq!(hub.stats().rejected(Reason::Duplicate), 1);
    assert!(matches!(hub.handle_frame(Instant::from_secs(2), FROM_NODE, Signal::default()), Received::Datagram { .. }));
}

#[test]
fn queues_have_an_end() {
    let limits = Limits { waiting: 3, waiting_per_node: 2, ..Limits::DEFAULT };
    let mut hub = Hub::new(Config { limits, ..CONFIG }, NoKeys, 0).unwrap();
    let other = Eui64([9; 8]);
    assert_eq!(hub.send(Instant::ZERO, NODE, b"1"), Ok(()));
    assert_eq!(hub.send(Instant::ZERO, NODE, b"2"), Ok(()));
    assert_eq!(hub.send(Instant::ZERO, NODE, b"3"), Err(SendError::Full));
    assert_eq!(hub.send(Instant::ZERO, other, b"4"), Ok(()));
    assert_eq!(hub.send(Instant::ZERO, other, b"5"), Err(SendError::Full));
    assert_eq!((hub.stats().full, hub.waiting()), (2, 3));
}

#[test]
fn nodes_that_were_not_heard_for_longest_are_forgotten() {
    let limits = Limits { nodes: 2, ..Limits::DEFAULT };
    let mut hub = Hub::new(Config { limits, ..CONFIG }, NoKeys, 0).unwrap();
    let mut frame = FROM_NODE.to_vec();
    for (seconds, last_octet) in [(0, 1), (1, 2), (2, 1), (3, 3)] {
        frame[7] = last_octet;
        hub.handle_frame(Instant::ZERO + Duration::from_secs(seconds), &frame, Signal::default());
    }
    let known: Vec<_> = hub.nodes().map(|(eui64, _)| eui64.0[7]).collect();
    assert_eq!(known, [1, 3]);
}

#[test]
fn without_fragments_the_mtu_is_what_a_frame_holds() {
    let mut config = Config { fragment: false, ..CONFIG };
    // 127 - check sequence 2 - header 21 - IPHC and NHC 9
    assert_eq!(config.mtu(), 95);
    config.carriages = Carriages::Bare;
    // 127 - 2 - header 15 - dispatch 1
    assert_eq!(config.mtu(), 109);
    let mut hub = Hub::new(config, NoKeys, 0).unwrap();
    assert_eq!(hub.send(Instant::ZERO, NODE, &[0; 109]), Ok(()));
    assert_eq!(hub.send(Instant::ZERO, NODE, &[0; 110]), Err(SendError::TooLong));
    assert_eq!(hub.poll_transmit().unwrap().psdu.as_bytes().len(), lowpan::MAX_PSDU);
    config.fragment = true;
    assert_eq!(config.mtu(), 1279);
}

#[test]
fn a_node_may_have_a_port_that_compression_shortens() {
    // Frame control, sequence, PAN, both extended addresses, IPHC 7e 33, NHC f2: the sender's port is F0 and B1.
    let mut frame = b"\x61\xcc\x2a\xcd\xab\x01\x00\x00\x00\x00\x00\x00\x02\x07\x00\x00\x00\x00\x00\x00\x02".to_vec();
    frame.extend(b"\x7e\x33\xf2\xb1\x07\x5b");
    // fe80::7, fe80::1, length 10 twice, protocol 17, ports, datagram.
    let words = [0xFE80, 0x0007, 0xFE80, 0x0001, 10, 17, 0xF0B1, 0x075B, 10, 0x0216_u32];
    let sum: u32 = words.iter().sum();
    frame.extend((!((sum >> 16) + (sum & 0xFFFF)) as u16).to_be_bytes());
    frame.extend(b"\x02\x16");
    let mut hub = hub();
    let carriage = Carriage::Udp { node: 0xF0B1, gateway: 1883 };
    let expected = Received::Datagram { from: NODE, carriage, to_all: false, octets: b"\x02\x16" };
    assert_eq!(hub.handle_frame(Instant::ZERO, &frame, Signal::default()), expected);
    hub.send(Instant::ZERO, NODE, b"\x02\x17").unwrap();
    let answer = hub.poll_transmit().unwrap();
    // NHC f0: both ports are whole, which everybody reads (RFC 6282 §4.3.3).
    assert_eq!(answer.psdu.as_bytes()[21..28], *b"\x7e\x33\xf0\x07\x5b\xf0\xb1");
}

#[test]
fn each_fragment_is_polled_for_and_all_but_the_last_say_so() {
    let mut hub = hub();
    hub.handle_frame(Instant::ZERO, POLL, Signal::default());
    hub.send(Instant::ZERO, NODE, &[1; 300]).unwrap();
    let mut poll = POLL.to_vec();
    let mut pending = Vec::new();
    while hub.waiting() > 0 {
        poll[2] += 1;
        hub.handle_frame(Instant::ZERO, &poll, Signal::default());
        let transmit = hub.poll_transmit().expect("a fragment");
        pending.push(transmit.psdu.as_bytes()[0] & 0x10 != 0);
        hub.handle_transmitted(Instant::ZERO, transmit.id, Ok(Ack::default()));
    }
    assert_eq!(pending, [true, true, false]);
}

#[test]
fn who_asks_for_a_parent_does_not_keep_datagrams_waiting() {
    let (mut hub, now) = (hub(), Instant::ZERO);
    for number in 0..3 {
        hub.send(now, NODE, &[3, 0x16, number]).unwrap();
    }
    let mut kinds = Vec::new();
    for number in 0..6 {
        // Before each frame somebody else asks.
        let request = [&b"\x41\xC8\x01\xCD\xAB\xFF\xFF"[..], &[number; 8], b"\x37\x00", &GATEWAY.0].concat();
        assert!(matches!(hub.handle_frame(now, &request, Signal::default()), Received::Neighbour { .. }));
        let transmit = hub.poll_transmit().expect("a frame");
        kinds.push(transmit.to == Some(NODE));
        hub.handle_transmitted(now, transmit.id, Ok(Ack::default()));
    }
    assert_eq!(kinds, [false, true].repeat(3));
    while let Some(transmit) = hub.poll_transmit() {
        assert_ne!(transmit.to, Some(NODE));
        hub.handle_transmitted(Instant::ZERO, transmit.id, Ok(Ack::default()));
    }
    assert_eq!(hub.stats().frames_sent, 9, "the others are answered, too");
}

/// A question for a parent.
fn request(asker: u64) -> Vec<u8> {
    [&b"\x41\xC8\x01\xCD\xAB\xFF\xFF"[..], &asker.to_le_bytes(), b"\x37\x00", &GATEWAY.0].concat()
}

/// All frames that the hub has, of which those to stations that are not there are not acknowledged; to whom they go.
fn carry_answers(hub: &mut Hub<NoKeys>, now: Instant) -> Vec<Option<Eui64>> {
    let mut answered = Vec::new();
    while let Some(transmit) = hub.poll_transmit() {
        let fate = transmit.to.map_or(Ok(Ack::default()), |_| Err(TransmitError::NoAck));
        hub.handle_transmitted(now, transmit.id, fate);
        answered.push(transmit.to);
    }
    answered
}

#[test]
fn forged_questions_have_the_gateway_tell_all_at_most_eight_times_a_second() {
    let mut hub = hub();
    let mut answered = Vec::new();
    for tick in 0..1_000 {
        // A hundred questions a second, each from another station that is not there.
        let now = Instant::from_millis(10 * tick);
        hub.handle_frame(now, &request(1 << 40 | tick), Signal::default());
        answered.extend(carry_answers(&mut hub, now));
    }
    let to_one = answered.iter().flatten().count();
    assert_eq!(to_one, 8);
    assert!((60..=81).contains(&(answered.len() - to_one)), "{} within 10 s", answered.len());
    assert_eq!(hub.stats().unanswered, 1_000 - answered.len() as u64);
}

#[test]
fn who_really_looks_for_a_parent_finds_one_while_others_are_made_up() {
    const SEARCH: u64 = 150;
    let mut hub = hub();
    let (mut asked_at, mut found) = (0, Vec::new());
    for tick in 0..60_000 {
        let now = Instant::from_millis(tick);
        if tick % 50 == 0 {
            hub.handle_frame(now, &request(1 << 40 | tick), Signal::default());
        }
        if tick % 1_987 == 1_000 {
            hub.handle_frame(now, &request(7), Signal::default());
            asked_at = tick;
            found.push(false);
        }
        let is_for_it = |to: &Option<Eui64>| to.is_none_or(|to| to == Eui64(7_u64.to_be_bytes()));
        if carry_answers(&mut hub, now).iter().any(is_for_it) && tick <= asked_at + SEARCH {
            found.iter_mut().last().into_iter().for_each(|found| *found = true);
        }
    }
    assert_eq!(found, [true; 30], "each time that it asks");
}
