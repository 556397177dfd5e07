//! A router whose parent hears it weakly, or is heard so, octet by octet.

#[path = "support/router.rs"]
mod router;
mod support;

use lowpan::{Ack, Heard, Signal};
use router::{BELOW, CONFIG, NOW, ROUTER, Small, answer_to, frame, hear, offer, router_below, to_all};
use sn_types::Instant;
use std::time::Duration;
use support::{GATEWAY, NODE};

/// The router asks who does better than its parent, being this deep.
fn better(depth: u8) -> Vec<u8> {
    [b"\x37\x02", &GATEWAY.0[..], &[depth]].concat()
}

#[test]
fn a_parent_that_is_heard_weakly_is_left_for_one_that_is_no_deeper_than_we_are() {
    let mut router = Small::new(CONFIG, 0).unwrap();
    router.handle_timeout(NOW);
    router.handle_frame(NOW, &frame(ROUTER, GATEWAY, 1, &offer(0)), heard(-95));
    router.handle_timeout(NOW + Duration::from_secs(1));
    assert_eq!((router.parent(), router.depth()), (Some(GATEWAY), Some(1)));
    router.handle_frame(NOW, &frame(ROUTER, BELOW, 1, &answer_to(1, -60)), heard(-60));
    assert_eq!(router.parent(), Some(GATEWAY), "it was asked who takes frames, and its own parent may be as weak");
    asks_for_better(&mut router);
    router.handle_frame(NOW, &frame(ROUTER, BELOW, 2, &answer_to(2, -60)), heard(-60));
    assert_eq!(router.parent(), Some(GATEWAY), "it may be below");
    router.handle_frame(NOW, &to_all(BELOW, 3, &offer(1)), heard(-60));
    assert_eq!(router.parent(), Some(GATEWAY), "it tells all how deep it is, and its own parent may be as weak");
    router.handle_frame(NOW, &frame(ROUTER, BELOW, 4, &answer_to(1, -90)), heard(-60));
    assert_eq!(router.parent(), Some(GATEWAY), "it hears the router weakly");
    router.handle_frame(NOW, &frame(ROUTER, BELOW, 5, &answer_to(1, -60)), heard(-60));
    assert_eq!((router.parent(), router.depth()), (Some(BELOW), Some(2)));
}

/// Time passes until the router has asked who does better than its parent; when that was.
fn asks_for_better(router: &mut Small) -> Instant {
    for _ in 0..100 {
        let now = router.poll_timeout().expect("it will ask");
        router.handle_timeout(now);
        while let Some(transmit) = router.poll_transmit() {
            router.handle_transmitted(now, transmit.id, Ok(Ack::default()));
            if transmit.psdu.as_bytes().ends_with(&better(router.depth().expect("it has a parent"))) {
                return now;
            }
        }
    }
    panic!("it does not ask");
}

#[test]
fn a_better_parent_than_a_weak_one_is_asked_for_ever_more_seldom() {
    let mut router = Small::new(CONFIG, 0).unwrap();
    router.handle_timeout(NOW);
    router.handle_frame(NOW, &frame(ROUTER, GATEWAY, 1, &offer(0)), heard(-95));
    let mut asked_at = Vec::new();
    let mut now = NOW;
    while now < NOW + Duration::from_secs(600) {
        now = router.poll_timeout().expect("it goes on");
        router.handle_timeout(now);
        while let Some(transmit) = router.poll_transmit() {
            if transmit.psdu.as_bytes().ends_with(&better(1)) {
                assert_eq!(transmit.to, None);
                asked_at.push(now);
            }
            router.handle_transmitted(now, transmit.id, Ok(Ack::default()));
        }
    }
    let pauses: Vec<_> = asked_at.windows(2).map(|pair| pair[1].since(pair[0]).as_secs()).collect();
    for (pause, shortest) in pauses.iter().zip([12, 24, 48, 48, 48, 48]) {
        assert!((shortest - 1..=2 * shortest).contains(pause), "{pauses:?}");
    }
    assert!((6..12).contains(&pauses.len()), "{pauses:?}");
    router.handle_frame(now, &frame(ROUTER, BELOW, 2, &answer_to(1, -60)), Signal::default());
    assert_eq!(router.parent(), Some(BELOW));
    let announces_at = router.poll_timeout().expect("it says how deep it is");
    assert!(announces_at.since(now) < Duration::from_millis(20), "it asks no more");
}

#[test]
fn who_has_a_weak_parent_is_answered_by_those_with_a_good_one_that_are_no_deeper() {
    for (depth, answers) in [(1, false), (2, true), (3, true)] {
        let mut router: Small = router_below(BELOW, 1);
        assert_eq!(hear(&mut router, &to_all(NODE, 1, &better(depth))), Heard::Neighbour);
        assert_eq!(router.waiting(), usize::from(answers), "{depth}");
        assert_eq!(hear(&mut router, &to_all(BELOW, 2, &better(1))), Heard::Neighbour);
        assert_eq!(router.parent(), Some(BELOW), "that its parent asks does not say that it has no way");
    }
    let mut router = Small::new(CONFIG, 0).unwrap();
    router.handle_timeout(NOW);
    router.handle_frame(NOW, &frame(ROUTER, GATEWAY, 1, &offer(0)), heard(-95));
    router.handle_timeout(NOW + Duration::from_secs(1));
    let waiting = router.waiting();
    router.handle_frame(NOW, &to_all(NODE, 1, &better(1)), Signal::default());
    assert_eq!(router.waiting(), waiting, "its own is not better");
}

#[test]
fn a_parent_that_was_weak_and_is_heard_well_by_now_is_kept() {
    let mut router = Small::new(CONFIG, 0).unwrap();
    router.handle_timeout(NOW);
    router.handle_frame(NOW, &frame(ROUTER, GATEWAY, 1, &answer_to(0, -95)), heard(-50));
    router.handle_timeout(NOW + Duration::from_secs(1));
    // It says to all that it is there, and is heard; whether it hears the router is not known.
    router.handle_frame(NOW, &to_all(GATEWAY, 2, &offer(0)), heard(-50));
    let asked_at = asks_for_better(&mut router);
    router.handle_frame(asked_at, &frame(ROUTER, GATEWAY, 3, &answer_to(0, -50)), heard(-50));
    for sequence in 0..100 {
        let now = router.poll_timeout().expect("it says how deep it is");
        router.handle_timeout(now);
        while let Some(transmit) = router.poll_transmit() {
            assert!(!transmit.psdu.as_bytes().ends_with(&better(1)), "it asks no more");
            router.handle_transmitted(now, transmit.id, Ok(Ack::default()));
        }
        router.handle_frame(now, &frame(ROUTER, BELOW, sequence, &answer_to(1, -50)), heard(-50));
        assert_eq!(router.parent(), Some(GATEWAY), "there is no reason to leave it");
    }
}

/// As one of Linux does not.
#[test]
fn the_answer_of_a_parent_whose_radio_tells_no_signal_is_an_answer() {
    let mut router: Small = router_below(GATEWAY, 0);
    router.handle_frame(NOW, &to_all(GATEWAY, 2, &offer(0)), heard(-95));
    let asked_at = asks_for_better(&mut router);
    router.handle_frame(asked_at, &frame(ROUTER, GATEWAY, 3, &offer(0)), heard(-50));
    router.handle_frame(asked_at, &frame(ROUTER, BELOW, 1, &answer_to(1, -50)), heard(-50));
    assert_eq!(router.parent(), Some(GATEWAY), "there is no reason to leave it");
}

#[test]
fn a_parent_that_has_become_weak_is_left_for_a_better_one() {
    let mut router: Small = router_below(GATEWAY, 0);
    router.handle_frame(NOW, &to_all(GATEWAY, 2, &offer(0)), heard(-95));
    let asked_at = asks_for_better(&mut router);
    assert!((6..12).contains(&asked_at.since(NOW).as_secs()), "{asked_at:?}");
    router.handle_frame(asked_at, &frame(ROUTER, BELOW, 1, &answer_to(1, -50)), heard(-50));
    assert_eq!(router.parent(), Some(BELOW));
}

fn heard(rssi_dbm: i8) -> Signal {
    Signal { rssi_dbm: Some(rssi_dbm), lqi: None }
}
