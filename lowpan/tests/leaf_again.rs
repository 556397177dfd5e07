//! What a node does with a frame of its own that did not arrive.

#[path = "support/router.rs"]
mod router;
mod support;

use lowpan::{Ack, Carriage, Level, Psdu, Reason, Received, Signal, Transmit, TransmitError};
use router::{ROUTER, router};
use sn_types::Instant;
use support::{GATEWAY, NODE, Node, datagram, hub, leaf};

const NOW: Instant = Instant::from_secs(10);
const FAILURES: [TransmitError; 2] = [TransmitError::NoAck, TransmitError::ChannelAccess];
const PINGREQ: &[u8] = b"\x02\x16";

fn node() -> Node {
    leaf(Carriage::Bare, None)
}

/// The node's next frame, of which this becomes.
fn send(leaf: &mut Node, now: Instant, fate: Result<Ack, TransmitError>) -> Option<Psdu> {
    let Transmit { id, psdu, .. } = leaf.poll_transmit()?;
    leaf.handle_transmitted(now, id, fate);
    Some(psdu)
}

/// The node sleeps until its frame has rested.
fn rest(leaf: &mut Node) -> Instant {
    let at = leaf.rests_until().expect("it rests");
    assert_eq!(leaf.poll_timeout(), Some(at));
    leaf.handle_timeout(at);
    at
}

#[test]
fn it_is_sent_again_as_the_same_frame_after_a_pause() {
    for (why, security) in FAILURES.iter().flat_map(|why| [None, Some(Level::Mic32)].map(|level| (*why, level))) {
        let mut leaf = leaf(Carriage::Bare, security);
        leaf.send(false, PINGREQ).unwrap();
        let first = send(&mut leaf, NOW, Err(why)).expect("it goes at once");
        assert_eq!((leaf.poll_transmit(), leaf.is_busy()), (None, true), "it rests");
        let pause = rest(&mut leaf).since(NOW).as_millis();
        assert!((30..60).contains(&pause), "{pause} ms");
        assert_eq!(send(&mut leaf, NOW, Ok(Ack::default())), Some(first));
        assert_eq!((leaf.is_busy(), leaf.rests_until(), leaf.unacknowledged()), (false, None, 0));
    }
}

#[test]
fn after_three_rounds_it_is_given_up_and_counts_once() {
    for why in FAILURES {
        let (mut leaf, mut now) = (node(), NOW);
        leaf.send(false, PINGREQ).unwrap();
        for _ in 0..2 {
            send(&mut leaf, now, Err(why)).expect("a round");
            assert_eq!((leaf.is_busy(), leaf.unacknowledged()), (true, 0));
            now = rest(&mut leaf);
        }
        send(&mut leaf, now, Err(why)).expect("the last round");
        assert_eq!((leaf.is_busy(), leaf.poll_timeout()), (false, None));
        assert_eq!(leaf.unacknowledged(), u8::from(why == TransmitError::NoAck));
    }
}

#[test]
fn whom_nobody_hears_spares_its_battery_until_somebody_does() {
    let (mut leaf, mut now) = (node(), NOW);
    let mut rounds = |leaf: &mut Node| {
        leaf.send(false, PINGREQ).unwrap();
        let mut rounds = 0;
        while send(leaf, now, Err(TransmitError::NoAck)).is_some() {
            rounds += 1;
            now = leaf.rests_until().unwrap_or(now);
            leaf.handle_timeout(now);
        }
        rounds
    };
    assert_eq!([(); 3].map(|()| rounds(&mut leaf)), [3, 1, 1]);
    assert!(leaf.needs_parent());
    leaf.request();
    send(&mut leaf, NOW, Ok(Ack::default())).expect("a data request");
    assert_eq!(rounds(&mut leaf), 3);
}

#[test]
fn a_busy_channel_says_nothing_of_who_hears() {
    let (mut leaf, mut now) = (node(), NOW);
    leaf.request();
    send(&mut leaf, NOW, Err(TransmitError::NoAck)).expect("a data request");
    leaf.send(false, PINGREQ).unwrap();
    for _ in 0..2 {
        send(&mut leaf, now, Err(TransmitError::ChannelAccess)).expect("a round");
        now = rest(&mut leaf);
    }
    assert!(send(&mut leaf, now, Ok(Ack::default())).is_some());
}

#[test]
fn the_gateway_takes_it_once_if_only_acknowledgements_were_lost() {
    let security = Some(Level::Mic32);
    let (mut hub, mut leaf, mut now) = (hub(security), leaf(Carriage::Bare, security), NOW);
    leaf.send(false, PINGREQ).unwrap();
    let mut hear = |psdu: Psdu, now| match hub.handle_frame(now, psdu.as_bytes(), Signal::default()) {
        Received::Rejected { reason, .. } => Err(reason),
        Received::Datagram { octets, .. } => Ok(octets.to_vec()),
        other @ (Received::Fragment { .. }
        | Received::DataRequest { .. }
        | Received::Solicitation { .. }
        | Received::Neighbour { .. }) => panic!("{other:?}"),
    };
    let first = send(&mut leaf, now, Err(TransmitError::NoAck)).expect("it goes at once");
    assert_eq!(hear(first, now), Ok(PINGREQ.to_vec()));
    for _ in 0..2 {
        now = rest(&mut leaf);
        let again = send(&mut leaf, now, Err(TransmitError::NoAck)).expect("another round");
        assert_eq!(hear(again, now), Err(Reason::Duplicate));
    }
    // Its counter is above those of the frames before.
    leaf.send(false, b"\x02\x18").unwrap();
    let next = send(&mut leaf, now, Ok(Ack::default())).expect("the next one");
    assert_eq!(hear(next, now), Ok(b"\x02\x18".to_vec()));
}

#[test]
fn a_router_passes_it_on_once() {
    let (mut router, mut leaf) = (router(), node());
    leaf.set_parent(Some(ROUTER));
    leaf.send(false, PINGREQ).unwrap();
    for _ in 0..2 {
        let psdu = send(&mut leaf, NOW, Err(TransmitError::NoAck)).expect("a round");
        router.handle_frame(NOW, psdu.as_bytes(), Signal::default());
        rest(&mut leaf);
    }
    let passed_on = router.poll_transmit().expect("the frame");
    router.handle_transmitted(NOW, passed_on.id, Ok(Ack::default()));
    assert_eq!((passed_on.to, router.poll_transmit(), router.stats().copies), (Some(GATEWAY), None, 1));
}

#[test]
fn a_data_request_does_not_overtake_it() {
    let mut leaf = leaf(Carriage::Bare, Some(Level::Mic32));
    leaf.send(false, PINGREQ).unwrap();
    send(&mut leaf, NOW, Err(TransmitError::NoAck)).expect("it goes at once");
    leaf.request();
    assert_eq!(leaf.poll_transmit(), None, "with a greater counter it would make a replay of the other");
    let now = rest(&mut leaf);
    let kinds = [(); 2].map(|()| send(&mut leaf, now, Ok(Ack::default())).map(|psdu| psdu.as_bytes()[0] & 7));
    assert_eq!(kinds, [Some(1), Some(3)]);
}

#[test]
fn each_fragment_has_its_own_rounds() {
    let (mut hub, mut leaf, mut now) = (hub(None), node(), NOW);
    let long = datagram(300);
    leaf.send(false, &long).unwrap();
    let mut came = None;
    while leaf.is_busy() {
        for _ in 0..2 {
            send(&mut leaf, now, Err(TransmitError::ChannelAccess)).expect("a fragment");
            now = rest(&mut leaf);
        }
        let psdu = send(&mut leaf, now, Ok(Ack::default())).expect("the same");
        if let Received::Datagram { from: NODE, octets, .. } = hub.handle_frame(now, psdu.as_bytes(), Signal::default())
        {
            came = Some(octets.to_vec());
        }
    }
    assert_eq!(came, Some(long));
}

#[test]
fn to_another_parent_it_goes_at_once_and_as_another_frame() {
    let mut leaf = leaf(Carriage::Bare, Some(Level::Mic32));
    leaf.send(false, PINGREQ).unwrap();
    let to_gateway = send(&mut leaf, NOW, Err(TransmitError::NoAck)).expect("it goes at once");
    leaf.set_parent(Some(ROUTER));
    let Transmit { id, psdu, to } = leaf.poll_transmit().expect("it goes at once");
    assert_eq!(to, Some(ROUTER));
    assert_ne!(psdu, to_gateway);
    // The parent is changed while the radio has the frame: nothing was tried on the way to the new one.
    leaf.set_parent(None);
    leaf.handle_transmitted(NOW, id, Err(TransmitError::NoAck));
    assert_eq!((leaf.unacknowledged(), leaf.rests_until()), (0, None));
    assert_eq!(leaf.poll_transmit().expect("it goes at once").to, Some(GATEWAY));
    assert_eq!(leaf.keys_mut().next, 3, "each had a counter of its own");
}
