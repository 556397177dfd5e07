//! What a router keeps, and what it leaves room for.

#[path = "support/router.rs"]
mod router;
mod support;

use lowpan::{Ack, Eui64, Router, Signal, Transmit};
use router::{
    BELOW, NOW, ROUTER, data_request, done, flood, frame, hear, mesh, offer, request, router, router_below, send,
    to_all,
};
use sn_types::Instant;
use std::time::Duration;
use support::{GATEWAY, NODE};

/// Another one with this number.
fn node(number: u8) -> Eui64 {
    Eui64([0, 0x12, 0x4B, 0, 0, 0, 3, number])
}

/// Somebody with this number asks who takes frames.
fn ask(router: &mut Router<3, 16>, number: u8) {
    hear(router, &to_all(node(number), number, &request()));
}

#[test]
fn queues_have_an_end() {
    let mut router = router();
    for number in 0..6 {
        hear(&mut router, &frame(ROUTER, NODE, number, &mesh(14, NODE, GATEWAY, &[number])));
    }
    assert_eq!((router.waiting(), router.stats().full), (4, 2));
}

#[test]
fn those_who_ask_for_a_parent_leave_room_for_frames() {
    let mut router: Router<3, 16> = router_below(GATEWAY, 0);
    (0..30).for_each(|number| ask(&mut router, number));
    assert_eq!((router.waiting(), router.stats().full), (4, 26));
    for number in 0..10 {
        hear(&mut router, &frame(ROUTER, NODE, number, &mesh(14, NODE, GATEWAY, &[number])));
    }
    assert_eq!((router.waiting(), router.stats().full), (14, 26));
}

#[test]
fn what_sleeping_nodes_do_not_fetch_leaves_room_for_others_and_for_what_goes_up() {
    let mut router: Router<3, 16> = router_below(GATEWAY, 0);
    for (node, count) in [(NODE, 10), (BELOW, 12)] {
        hear(&mut router, &data_request(node, 1));
        for number in 0..17 {
            hear(&mut router, &frame(ROUTER, GATEWAY, number, &mesh(14, GATEWAY, node, &[number])));
        }
        assert_eq!(router.waiting(), count);
    }
    for number in 0..4 {
        hear(&mut router, &frame(ROUTER, NODE, number, &mesh(14, NODE, GATEWAY, &[number])));
    }
    assert_eq!(router.waiting(), 14);
}

#[test]
fn a_router_that_is_full_can_still_say_that_it_has_no_way() {
    let mut router: Router<3, 16> = router_below(BELOW, 1);
    (0..30).for_each(|number| ask(&mut router, number));
    for number in 0..20 {
        hear(&mut router, &frame(ROUTER, NODE, number, &mesh(14, NODE, GATEWAY, &[number])));
    }
    (0..30).for_each(|number| ask(&mut router, number));
    hear(&mut router, &to_all(BELOW, 9, &offer(0xFF)));
    router.handle_timeout(NOW + Duration::from_millis(20));
    let sent: Vec<Transmit> = core::iter::from_fn(|| {
        let transmit = router.poll_transmit()?;
        done(&mut router, transmit.id);
        Some(transmit)
    })
    .collect();
    assert!(sent.iter().any(|transmit| transmit.to.is_none() && transmit.psdu.as_bytes().ends_with(&offer(0xFF))));
}

#[test]
fn what_goes_to_all_is_passed_on_once_however_many_search_at_the_same_time() {
    let mut router: Router<3, 16> = router_below(GATEWAY, 0);
    let mut passed = 0;
    let mut hear_all = |now: Instant| {
        for number in 0..100 {
            router.handle_frame(now, &to_all(node(number), 0, &flood(14, node(number), 0)), Signal::default());
            router.handle_timeout(now + Duration::from_millis(20));
            while let Some(transmit) = router.poll_transmit() {
                router.handle_transmitted(now, transmit.id, Ok(Ack::default()));
                // Now and then it says how deep it is.
                passed += usize::from(!transmit.psdu.as_bytes().ends_with(&offer(1)));
            }
        }
        passed
    };
    let at = |secs| NOW + Duration::from_secs(secs);
    assert_eq!([hear_all(at(0)), hear_all(at(2)), hear_all(at(7))], [64; 3], "none twice");
    assert_eq!(hear_all(at(9)), 128, "after 8 s others");
}

#[test]
fn ways_have_an_end_and_the_oldest_makes_room() {
    let mut router = router();
    for number in 0..4 {
        let now = NOW + Duration::from_secs(u64::from(number));
        let up = frame(ROUTER, BELOW, number, &mesh(14, node(number), GATEWAY, b"up"));
        router.handle_frame(now, &up, Signal::default());
        let transmit = router.poll_transmit().unwrap();
        router.handle_transmitted(now, transmit.id, Ok(Ack::default()));
    }
    for (number, to) in [(0, node(0)), (1, BELOW), (3, BELOW)] {
        hear(&mut router, &frame(ROUTER, GATEWAY, number, &mesh(14, GATEWAY, node(number), b"down")));
        let transmit = send(&mut router);
        assert_eq!(transmit.to, Some(to), "whose way is not known may be in reach itself");
        done(&mut router, transmit.id);
    }
}
