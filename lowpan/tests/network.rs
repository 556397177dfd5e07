//! Several hops in virtual time: lines of routers, loss, moves, circles, restarts.

#[path = "support/network.rs"]
mod network;
mod support;

use lowpan::{Ack, Carriage, Eui64, Level, Psdu, Reason, Signal};
use network::{AT_GATEWAY, Network, new_router, node_address, router_address};
use sn_types::Instant;
use std::time::Duration;
use support::{GATEWAY, UDP, datagram};

const LEVELS: [Option<Level>; 2] = [None, Some(Level::Mic32)];

#[test]
fn datagrams_of_every_length_go_over_four_routers_in_both_directions() {
    for (security, carriage) in LEVELS.iter().flat_map(|level| [Carriage::Bare, UDP].map(|form| (*level, form))) {
        let mut network = Network::line(4, carriage, security);
        network.settle();
        assert_eq!(network.routers.iter().map(|router| router.depth()).collect::<Vec<_>>(), [1, 2, 3, 4].map(Some));
        network.seek(0);
        assert_eq!(network.nodes[0].leaf.parent(), Some(router_address(3)));
        for len in [2, 17, 90, 300] {
            let sent = datagram(len);
            network.say(0, &sent);
            assert_eq!(network.came.pop(), Some((node_address(0), sent.clone())), "{security:?} {carriage:?} {len}");
            network.answer(0, &sent);
            assert_eq!(network.nodes[0].got.pop(), Some(sent), "{security:?} {carriage:?} {len}");
        }
        assert!(network.came.is_empty() && network.nodes[0].got.is_empty(), "each once");
    }
}

#[test]
fn frames_take_at_most_fourteen_hops() {
    let mut network = Network::line(14, Carriage::Bare, None);
    network.run_for(Duration::from_secs(120));
    assert_eq!((network.routers[12].depth(), network.routers[13].depth()), (Some(13), None));
    network.nodes[0].leaf.set_parent(Some(router_address(12)));
    network.link(Network::router(12), network.node(0));
    network.say(0, b"\x02\x16");
    assert_eq!(network.came.len(), 1);
    network.answer(0, b"\x02\x17");
    assert_eq!(network.nodes[0].got.len(), 1);
}

#[test]
fn where_a_third_of_all_frames_is_lost_nothing_comes_twice() {
    for security in LEVELS {
        let mut network = Network::line(3, Carriage::Bare, security);
        network.loss_percent = 33;
        network.run_for(Duration::from_secs(120));
        while network.nodes[0].leaf.parent().is_none() {
            network.seek(0);
        }
        network.came.clear();
        for number in 0..100_u8 {
            network.say(0, &[3, 0x16, number]);
            network.answer(0, &[3, 0x17, number]);
        }
        let is_increasing = |numbers: &[u8]| numbers.windows(2).all(|pair| pair[0] < pair[1]);
        let up: Vec<u8> = network.came.iter().map(|(_, octets)| octets[2]).collect();
        let down: Vec<u8> = network.nodes[0].got.iter().map(|octets| octets[2]).collect();
        assert!(is_increasing(&up) && is_increasing(&down), "{up:?} {down:?}");
        assert!(up.len() > 70 && down.len() > 60, "{} up, {} down", up.len(), down.len());
        let copies: u64 = network.routers.iter().map(|router| router.stats().copies).sum();
        assert!(copies + network.hub.stats().rejected(Reason::Duplicate) > 20, "acknowledgements are lost, too");
    }
}

/// Two ways from a node to the gateway: over router 0, and over router 1.
fn two_ways(security: Option<Level>) -> Network {
    let mut network = Network::new(2, 1, Carriage::Bare, security);
    for router in [0, 1] {
        network.link(AT_GATEWAY, Network::router(router));
    }
    network.link(Network::router(0), network.node(0));
    network.settle();
    network.seek(0);
    assert_eq!(network.nodes[0].leaf.parent(), Some(router_address(0)));
    network.say(0, b"\x02\x16");
    network
}

#[test]
fn a_node_that_moves_finds_another_parent_and_is_followed() {
    for security in LEVELS {
        let mut network = two_ways(security);
        let place = network.node(0);
        network.unlink(Network::router(0), place);
        network.link(Network::router(1), place);
        network.came.clear();
        while network.nodes[0].leaf.unacknowledged() < 3 {
            network.say(0, b"\x02\x16");
        }
        network.seek(0);
        assert_eq!(network.nodes[0].leaf.parent(), Some(router_address(1)));
        network.say(0, b"\x02\x16");
        network.answer(0, b"\x02\x17");
        assert_eq!((network.came.len(), network.nodes[0].got.len()), (1, 1));
        network.unlink(Network::router(1), place);
        network.link(AT_GATEWAY, place);
        network.seek(0);
        assert_eq!(network.nodes[0].leaf.parent(), None, "the gateway itself is in reach");
        network.say(0, b"\x02\x16");
        network.answer(0, b"\x02\x17");
        assert_eq!((network.came.len(), network.nodes[0].got.len()), (2, 2));
    }
}

#[test]
fn a_router_whose_parent_is_gone_finds_another_and_takes_what_waits_there() {
    let mut network = Network::new(3, 1, Carriage::Bare, Some(Level::Mic32));
    for router in [0, 1] {
        network.link(AT_GATEWAY, Network::router(router));
        network.link(Network::router(router), Network::router(2));
    }
    network.link(Network::router(2), network.node(0));
    network.settle();
    network.seek(0);
    let before = network.routers[2].parent().expect("a parent");
    let (gone, other) = if before == router_address(0) { (0, 1) } else { (1, 0) };
    network.switch_off(Network::router(gone));
    network.nodes[0].leaf.send(false, b"\x02\x16").unwrap();
    network.run_for(Duration::from_secs(5));
    assert_eq!(network.routers[2].parent(), Some(router_address(other)));
    assert_eq!(network.came.len(), 1, "it waited, and was not lost");
    assert_eq!(network.routers[2].stats().parents_lost, 1);
    network.answer(0, b"\x02\x17");
    assert_eq!(network.nodes[0].got.len(), 1);
}

#[test]
fn those_below_a_lost_way_do_not_offer_it_back() {
    let mut network = Network::line(4, Carriage::Bare, None);
    // All four routers hear each other, but only the first hears the gateway.
    for (a, b) in [(0, 2), (0, 3), (1, 3)] {
        network.link(Network::router(a), Network::router(b));
    }
    network.settle();
    network.nodes[0].leaf.set_parent(Some(router_address(3)));
    network.say(0, b"\x02\x16");
    network.switch_off(AT_GATEWAY);
    for _ in 0..3 {
        network.say(0, b"\x02\x16");
    }
    network.run_for(Duration::from_secs(60));
    assert!(network.routers.iter().all(|router| router.depth().is_none()), "nobody has a way");
    network.switch_on(AT_GATEWAY);
    network.run_for(Duration::from_secs(90));
    assert!(network.routers.iter().all(|router| router.depth().is_some()));
    network.came.clear();
    network.say(0, b"\x02\x16");
    assert_eq!(network.came.len(), 1);
}

#[test]
fn a_router_that_starts_anew_carries_again() {
    let mut network = Network::line(2, Carriage::Bare, Some(Level::Mic32));
    network.settle();
    network.seek(0);
    network.say(0, b"\x02\x16");
    network.routers[1] = new_router(1, 1234);
    network.run_for(Duration::from_secs(3));
    network.answer(0, b"\x02\x17");
    assert_eq!(network.nodes[0].got.len(), 1, "the node is in reach of it, which it tries");
    network.routers[0] = new_router(0, 1235);
    network.run_for(Duration::from_secs(10));
    network.answer(0, b"\x02\x18");
    assert_eq!(network.nodes[0].got.len(), 1, "the first router does not know the way now");
    network.say(0, b"\x02\x16");
    network.answer(0, b"\x02\x18");
    assert_eq!(network.nodes[0].got.len(), 2, "and has learned it");
}

#[test]
fn a_shorter_way_is_taken_when_it_is_there() {
    let mut network = Network::line(3, Carriage::Bare, None);
    network.settle();
    assert_eq!(network.routers[2].depth(), Some(3));
    network.link(Network::router(2), Network::router(0));
    network.run_for(Duration::from_secs(70));
    assert_eq!((network.routers[2].depth(), network.routers[2].parent()), (Some(2), Some(router_address(0))));
    network.seek(0);
    network.say(0, b"\x02\x16");
    assert_eq!(network.came.len(), 1);
}

#[test]
fn what_goes_to_all_comes_to_each_node_once_and_is_sent_by_each_router_once() {
    let mut network = Network::new(6, 2, Carriage::Bare, None);
    let last = Network::router(5);
    for a in 0..6 {
        for b in 0..a {
            network.link(Network::router(a), Network::router(b));
        }
    }
    network.link(AT_GATEWAY, Network::router(0));
    network.link(network.node(0), last);
    network.link(network.node(1), Network::router(1));
    network.link(network.node(1), last);
    network.settle();
    for node in [0, 1] {
        network.seek(node);
    }
    network.nodes[0].leaf.send(true, b"\x03\x01\x00").unwrap();
    network.run_for(Duration::from_secs(1));
    assert_eq!(network.came, [(node_address(0), b"\x03\x01\x00".to_vec())], "a search comes once");
    assert!(!network.nodes[1].got.is_empty(), "other nodes may answer it");
    network.sent.clear();
    network.nodes[1].got.clear();
    network.hub.broadcast(network.now, b"\x05\x00\x01\x03\x84").unwrap();
    network.run_for(Duration::from_secs(1));
    for node in &network.nodes {
        assert_eq!(node.got, [b"\x05\x00\x01\x03\x84".to_vec()]);
    }
    // In two forms each.
    assert_eq!(network.sent.iter().filter(|(place, _)| *place != AT_GATEWAY).count(), 2 * 6);
}

#[test]
fn a_node_that_sleeps_fetches_what_waits_at_its_router() {
    for security in LEVELS {
        let mut network = Network::line(2, Carriage::Bare, security);
        network.settle();
        network.seek(0);
        network.say(0, b"\x02\x16");
        network.nodes[0].leaf.request();
        network.run_for(Duration::from_secs(1));
        network.nodes[0].listens = false;
        for text in [b"one", b"two"] {
            network.answer(0, text);
        }
        assert!(network.nodes[0].got.is_empty());
        assert_eq!((network.routers[1].waiting(), network.routers[0].waiting()), (2, 0));
        for (text, more) in [(b"one", true), (b"two", false)] {
            network.nodes[0].leaf.request();
            network.nodes[0].listens = true;
            network.run_for(Duration::from_millis(100));
            network.nodes[0].listens = false;
            assert_eq!(network.nodes[0].got.pop().as_deref(), Some(&text[..]));
            assert_eq!(network.nodes[0].leaf.more_waits(), more);
        }
        network.answer(0, b"too late");
        network.run_for(Duration::from_secs(8));
        assert_eq!((network.routers[1].waiting(), network.routers[1].stats().expired), (0, 1));
    }
}

/// An offer to all, five hops from the gateway.
fn offer(from: Eui64) -> Vec<u8> {
    let from: Vec<u8> = from.0.into_iter().rev().collect();
    [&b"\x41\xC8\x07\xCD\xAB\xFF\xFF"[..], &from, b"\x37\x01", &GATEWAY.0, b"\x05\x7F"].concat()
}

#[test]
fn routers_that_were_led_in_a_circle_leave_it() {
    let mut network = Network::new(3, 1, Carriage::Bare, None);
    for router in 0..3 {
        network.link(Network::router(router), Network::router((router + 1) % 3));
        network.routers[router].handle_timeout(network.now);
        let request = network.routers[router].poll_transmit().expect("a request, which nobody hears");
        network.routers[router].handle_transmitted(network.now, request.id, Ok(Ack::default()));
        let next = offer(router_address((router + 1) % 3));
        network.routers[router].handle_frame(network.now, &next, Signal::default());
        network.routers[router].handle_timeout(Instant::from_millis(150));
        assert_eq!(network.routers[router].parent(), Some(router_address((router + 1) % 3)));
    }
    network.link(Network::router(0), network.node(0));
    network.now = Instant::from_millis(150);
    network.nodes[0].leaf.set_parent(Some(router_address(0)));
    network.nodes[0].leaf.send(false, b"\x02\x16").unwrap();
    network.run_for(Duration::from_secs(2));
    assert!(network.routers.iter().all(|router| router.parent().is_none()), "each is deeper than the next");
    let of_node = |psdu: &Psdu| psdu.as_bytes().ends_with(b"\x33\x02\x16");
    let passed = network.sent.iter().filter(|(_, psdu)| of_node(psdu)).count();
    assert!((2..=14).contains(&passed), "{passed} times");
    assert!(network.sent.len() < 100, "{} frames", network.sent.len());
}

#[test]
fn a_router_with_a_weak_parent_asks_for_a_better_one_and_those_below_stay() {
    // The other router says each minute that it is there: nobody waits for that.
    for seconds in 0..6 {
        let mut network = Network::new(3, 0, Carriage::Bare, None);
        network.link(AT_GATEWAY, Network::router(0));
        network.link_weakly(AT_GATEWAY, Network::router(1));
        network.link(Network::router(1), Network::router(2));
        network.run_for(Duration::from_secs(120 + 10 * seconds));
        network.routers[1] = new_router(1, seconds);
        network.run_for(Duration::from_secs(3));
        assert_eq!(network.routers[1].parent(), Some(GATEWAY), "there is nobody else");
        network.link(Network::router(0), Network::router(1));
        let lost_before = network.routers[2].stats().parents_lost;
        network.run_for(Duration::from_secs(10));
        let parents = network.routers.iter().map(|router| router.parent()).collect::<Vec<_>>();
        assert_eq!(parents, [Some(GATEWAY), Some(router_address(0)), Some(router_address(1))], "{seconds}");
        assert_eq!(network.routers[2].stats().parents_lost, lost_before);
    }
}

#[test]
fn routers_that_hear_the_gateway_equally_weakly_stay_there() {
    for routers in [2, 10] {
        let mut network = Network::new(routers, 0, Carriage::Bare, None);
        for router in 0..routers {
            network.link_weakly(AT_GATEWAY, Network::router(router));
            (0..router).for_each(|other| network.link(Network::router(other), Network::router(router)));
        }
        for minute in 0..3 {
            network.run_for(Duration::from_secs(60));
            let parents: Vec<_> = network.routers.iter().map(|router| router.parent()).collect();
            assert_eq!(parents, vec![Some(GATEWAY); routers], "after {minute} minutes, and {routers} of them");
        }
    }
}
