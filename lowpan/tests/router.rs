//! A router, octet by octet. What it keeps is in `router_queue.rs`, weak parents are in
//! `router_weak.rs`, many routers in `network.rs`.

#[path = "support/router.rs"]
mod router;
mod support;

use lowpan::{Ack, Address, ConfigError, Header, Heard, RouterConfig, Signal, SourceMatch, TransmitError};
use router::{
    BELOW, CONFIG, NOW, ROUTER, Small, answer, done, flood, frame, hear, mesh, offer, poll, request, router,
    router_below, send, to_all,
};
use sn_types::Instant;
use std::time::Duration;
use support::{GATEWAY, NODE};

/// After that what did not arrive is sent again.
const REST: Duration = Duration::from_millis(60);

#[test]
fn the_first_thing_a_router_does_is_to_ask_for_a_parent() {
    let mut router = Small::new(CONFIG, 7).unwrap();
    assert_eq!(router.poll_timeout(), Some(Instant::ZERO));
    router.handle_timeout(NOW);
    let expected = to_all(ROUTER, 7, &request());
    assert_eq!(router.poll_transmit().unwrap().psdu.as_bytes(), expected);
    let other_gateway = [b"\x37\x01", &[9; 8][..], &[0, 0x7F]].concat();
    hear(&mut router, &frame(ROUTER, GATEWAY, 1, &other_gateway));
    router.handle_timeout(NOW + Duration::from_secs(1));
    assert_eq!(router.parent(), None, "another gateway's offers are nothing to it");
    assert!(router.poll_timeout().unwrap() > NOW + Duration::from_secs(1), "it rests before it asks again");
}

#[test]
fn a_frame_has_one_hop_less_and_a_header_of_its_own_after_a_router() {
    let mut router = router();
    assert_eq!(hear(&mut router, &frame(ROUTER, NODE, 1, &mesh(14, NODE, GATEWAY, b"up"))), Heard::PassedOn);
    let up = send(&mut router);
    let sequence = up.psdu.as_bytes()[2];
    // The gateway's hop is to its short address.
    let header = [&[0x61, 0xC8, sequence, 0xCD, 0xAB, 1, 0][..], &frame(GATEWAY, ROUTER, 0, b"")[13..]].concat();
    assert_eq!(up.psdu.as_bytes(), [header, mesh(13, NODE, GATEWAY, b"up")].concat());
    assert_eq!(up.to, Some(GATEWAY));
    done(&mut router, up.id);
    assert_eq!(hear(&mut router, &frame(ROUTER, GATEWAY, 2, &mesh(14, GATEWAY, NODE, b"down"))), Heard::PassedOn);
    let down = send(&mut router);
    let sequence = sequence.wrapping_add(1);
    assert_eq!(down.psdu.as_bytes(), frame(NODE, ROUTER, sequence, &mesh(13, GATEWAY, NODE, b"down")));
    done(&mut router, down.id);
    assert_eq!((router.stats().up, router.stats().down, router.waiting()), (1, 1, 0));
}

#[test]
fn what_is_for_a_node_below_another_router_goes_there() {
    let mut router = router();
    hear(&mut router, &frame(ROUTER, BELOW, 1, &mesh(13, NODE, GATEWAY, b"up")));
    let up = send(&mut router);
    done(&mut router, up.id);
    hear(&mut router, &frame(ROUTER, GATEWAY, 1, &mesh(14, GATEWAY, NODE, b"down")));
    assert_eq!(send(&mut router).to, Some(BELOW));
}

#[test]
fn what_cannot_go_on_is_counted_by_its_reason() {
    let mut router = router();
    let up = frame(ROUTER, NODE, 1, &mesh(14, NODE, GATEWAY, b"up"));
    assert_eq!([hear(&mut router, &up), hear(&mut router, &up)], [Heard::PassedOn, Heard::Nothing]);
    hear(&mut router, &frame(ROUTER, NODE, 2, &mesh(14, ROUTER, GATEWAY, b"an echo")));
    assert_eq!(router.stats().copies, 2);
    hear(&mut router, &frame(ROUTER, NODE, 3, &mesh(1, NODE, GATEWAY, b"the last hop")));
    assert_eq!(router.stats().no_hops, 1);
    for (number, payload) in [
        mesh(0, NODE, GATEWAY, b"no hop"),
        mesh(14, NODE, GATEWAY, b"")[..12].to_vec(),
        [&b"\x9E"[..], &NODE.0, b"\x00\x09\x33"].concat(),
        [&b"\xBE\x00\x09\x00\x01\x33"[..]].concat(),
        [&b"\x9E"[..], &NODE.0, b"\x80\x01\x50\x01\x33 to all, and to one"].concat(),
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(hear(&mut router, &frame(ROUTER, NODE, number as u8, payload)), Heard::Nothing);
        assert_eq!(router.stats().malformed, 1 + number as u64, "{payload:x?}");
    }
    hear(&mut router, &to_all(NODE, 9, &mesh(14, NODE, GATEWAY, b"to one, and to all")));
    hear(&mut router, b"\x61");
    assert_eq!(router.stats().malformed, 7);
    // Of others, and for others.
    assert_eq!(hear(&mut router, &frame(BELOW, NODE, 1, &mesh(14, NODE, GATEWAY, b""))), Heard::Nothing);
    assert_eq!(router.stats().malformed, 7);
}

#[test]
fn a_way_that_leads_back_is_forgotten() {
    let mut router = router();
    hear(&mut router, &frame(ROUTER, BELOW, 1, &mesh(13, NODE, GATEWAY, b"up")));
    let up = send(&mut router);
    done(&mut router, up.id);
    assert_eq!(hear(&mut router, &frame(ROUTER, BELOW, 2, &mesh(12, GATEWAY, NODE, b"down"))), Heard::Nothing);
    assert_eq!(router.stats().loops, 1);
    hear(&mut router, &frame(ROUTER, BELOW, 3, &mesh(12, GATEWAY, NODE, b"down")));
    assert_eq!(send(&mut router).to, Some(NODE));
}

#[test]
fn a_parent_that_sends_up_is_none() {
    let mut router: Small = router_below(BELOW, 1);
    assert_eq!(hear(&mut router, &frame(ROUTER, BELOW, 2, &mesh(9, NODE, GATEWAY, b"up"))), Heard::Nothing);
    assert_eq!((router.parent(), router.stats().loops, router.stats().parents_lost), (None, 1, 1));
}

#[test]
fn a_node_that_polls_gets_one_frame_for_each_request_and_the_same_if_it_did_not_acknowledge() {
    let mut router = router();
    poll(&mut router, 1);
    for (sequence, text) in [(1, b"one"), (2, b"two")] {
        hear(&mut router, &frame(ROUTER, GATEWAY, sequence, &mesh(14, GATEWAY, NODE, text)));
    }
    assert_eq!(router.poll_source_match(), Some(SourceMatch { node: NODE, pending: true }));
    assert_eq!((router.poll_source_match(), router.poll_transmit()), (None, None));
    poll(&mut router, 2);
    let first = send(&mut router);
    assert!(Header::decode(first.psdu.as_bytes()).unwrap().0.frame_pending);
    router.handle_transmitted(NOW, first.id, Err(TransmitError::NoAck));
    assert_eq!(router.poll_transmit(), None);
    poll(&mut router, 3);
    let again = send(&mut router);
    assert_eq!(again.psdu, first.psdu);
    done(&mut router, again.id);
    poll(&mut router, 4);
    let second = send(&mut router);
    assert!(second.psdu.as_bytes().ends_with(b"two"));
    assert!(!Header::decode(second.psdu.as_bytes()).unwrap().0.frame_pending);
    done(&mut router, second.id);
    assert_eq!(router.poll_source_match(), Some(SourceMatch { node: NODE, pending: false }));
}

#[test]
fn a_frame_that_did_not_arrive_is_the_same_after_a_pause_and_is_not_overtaken() {
    for why in [TransmitError::NoAck, TransmitError::ChannelAccess] {
        let mut router = router();
        for (number, text) in [(1, b"one"), (2, b"two")] {
            hear(&mut router, &frame(ROUTER, NODE, number, &mesh(14, NODE, GATEWAY, text)));
        }
        let first = send(&mut router);
        router.handle_transmitted(NOW, first.id, Err(why));
        assert_eq!(router.poll_transmit(), None, "{why:?}");
        answer(&mut router, 1);
        let down = send(&mut router);
        assert_eq!(down.to, Some(NODE), "another way is another matter");
        done(&mut router, down.id);
        router.handle_timeout(NOW + REST);
        let again = send(&mut router);
        assert_eq!((again.psdu, router.parent()), (first.psdu, Some(GATEWAY)));
        done(&mut router, again.id);
        assert!(send(&mut router).psdu.as_bytes().ends_with(b"two"));
    }
}

#[test]
fn a_frame_for_a_node_is_tried_three_times() {
    for why in [TransmitError::NoAck, TransmitError::ChannelAccess] {
        let mut router = router();
        answer(&mut router, 1);
        for number in 0..3 {
            assert_eq!(router.waiting(), 1);
            let now = NOW + REST * number;
            router.handle_timeout(now);
            let transmit = send(&mut router);
            router.handle_transmitted(now, transmit.id, Err(why));
        }
        let stats = router.stats();
        assert_eq!((router.waiting(), stats.no_ack + stats.channel_access), (0, 1));
    }
}

#[test]
fn a_request_that_the_frame_in_the_radio_answers_does_not_bring_another() {
    let mut router = router();
    poll(&mut router, 1);
    answer(&mut router, 1);
    assert!(router.poll_source_match().is_some());
    poll(&mut router, 2);
    let first = send(&mut router);
    // It heard nothing of it yet, and asks again.
    poll(&mut router, 3);
    done(&mut router, first.id);
    answer(&mut router, 2);
    assert_eq!(router.poll_transmit(), None, "it sleeps, until it asks");
}

#[test]
fn a_node_that_was_not_told_that_something_waits_does_not_listen() {
    let mut router = router();
    poll(&mut router, 1);
    answer(&mut router, 1);
    // The radio does not know of it yet.
    poll(&mut router, 2);
    assert_eq!(router.poll_transmit(), None);
    assert_eq!(router.poll_source_match(), Some(SourceMatch { node: NODE, pending: true }));
    poll(&mut router, 3);
    assert_eq!(send(&mut router).to, Some(NODE));
}

#[test]
fn a_node_does_not_listen_for_ever() {
    for (takes, is_sent) in [(99, true), (100, false)] {
        let mut router = router();
        poll(&mut router, 1);
        answer(&mut router, 1);
        assert!(router.poll_source_match().is_some());
        hear(&mut router, &frame(ROUTER, BELOW, 1, &mesh(13, BELOW, GATEWAY, b"up")));
        let other = send(&mut router);
        poll(&mut router, 2);
        router.handle_transmitted(NOW + Duration::from_millis(takes), other.id, Ok(Ack::default()));
        assert_eq!(router.poll_transmit().is_some(), is_sent, "{takes} ms");
    }
}

#[test]
fn who_polls_no_longer_gets_its_frames_at_once_again() {
    let mut router = router();
    poll(&mut router, 1);
    let later = NOW + Duration::from_secs(1);
    router.handle_frame(later, &frame(ROUTER, GATEWAY, 1, &mesh(14, GATEWAY, NODE, b"one")), Signal::default());
    let expiry = later + Duration::from_millis(7_680);
    // Before, it says to all how deep it is.
    let announced_at = router.poll_timeout().unwrap();
    router.handle_timeout(announced_at);
    router.handle_timeout(announced_at + Duration::from_millis(20));
    let announcement = send(&mut router);
    done(&mut router, announcement.id);
    assert_eq!(router.poll_timeout(), Some(expiry));
    router.handle_timeout(expiry);
    assert_eq!((announcement.to, router.stats().expired, router.waiting()), (None, 1, 0));
    router.handle_frame(expiry, &frame(ROUTER, GATEWAY, 2, &mesh(14, GATEWAY, NODE, b"two")), Signal::default());
    assert!(router.poll_transmit().is_some());
}

#[test]
fn what_is_for_the_station_itself_or_for_all_is_handed_over() {
    let mut router = router();
    let all = [&b"\x9E"[..], &GATEWAY.0, b"\x80\x01\x50\x01\x33\x05\x00"].concat();
    for ours in [
        frame(ROUTER, GATEWAY, 1, &mesh(14, GATEWAY, ROUTER, b"over routers")),
        frame(ROUTER, GATEWAY, 2, b"\x33directly"),
        to_all(GATEWAY, 3, b"\x33directly"),
        to_all(GATEWAY, 4, &all),
    ] {
        assert_eq!(hear(&mut router, &ours), Heard::ForUs);
    }
    assert_eq!(router.waiting(), 1, "what goes to all is passed on besides");
    assert_eq!(hear(&mut router, &to_all(BELOW, 9, &all)), Heard::Nothing, "once");
}

#[test]
fn an_offer_says_how_deep_the_router_is_and_how_the_request_was_heard() {
    let mut router = router();
    let request = to_all(NODE, 1, &request());
    let signal = Signal { rssi_dbm: Some(-70), lqi: None };
    router.handle_frame(NOW, &request, signal);
    router.handle_frame(NOW, &request, signal);
    assert_eq!(router.waiting(), 1);
    router.handle_timeout(NOW + Duration::from_millis(20));
    let answer = send(&mut router);
    let expected = [b"\x37\x01", &GATEWAY.0[..], &[1, 0xBA]].concat();
    assert!(answer.psdu.as_bytes().ends_with(&expected), "{:?}", answer.psdu);
    assert_eq!(Header::decode(answer.psdu.as_bytes()).unwrap().0.to, Address::Extended(NODE));
}

#[test]
fn an_answer_that_comes_late_is_taken_all_the_same() {
    let mut router = Small::new(CONFIG, 0).unwrap();
    router.handle_timeout(NOW);
    let later = NOW + Duration::from_millis(200);
    router.handle_timeout(later);
    assert_eq!(router.parent(), None);
    router.handle_frame(later, &frame(ROUTER, GATEWAY, 1, &offer(0)), Signal::default());
    assert_eq!((router.parent(), router.depth()), (Some(GATEWAY), Some(1)));
}

#[test]
fn a_gateway_that_makes_itself_known_is_not_waited_for() {
    let mut router = Small::new(CONFIG, 0).unwrap();
    router.handle_timeout(NOW);
    let rests_from = NOW + Duration::from_millis(150);
    router.handle_timeout(rests_from);
    assert_eq!(router.parent(), None);
    let mut hub = support::hub(None);
    hub.announce();
    let announcement = support::frames_of_hub(&mut hub).remove(0);
    assert_eq!(Header::decode(announcement.as_bytes()).unwrap().0.to, Address::Short(0xFFFF));
    router.handle_frame(rests_from, announcement.as_bytes(), Signal::default());
    assert_eq!((router.parent(), router.depth()), (Some(GATEWAY), Some(1)));
    assert!(support::frames_of_hub(&mut hub).is_empty(), "once");
}

#[test]
fn a_parent_that_asks_for_one_has_none() {
    let mut router: Small = router_below(BELOW, 1);
    hear(&mut router, &to_all(BELOW, 9, &request()));
    assert_eq!(router.parent(), None);
}

#[test]
fn what_a_gateway_never_says_is_not_believed() {
    let mut router = router();
    for (number, said) in [request(), offer(0xFF), offer(3)].iter().enumerate() {
        hear(&mut router, &to_all(GATEWAY, number as u8, said));
        assert_eq!((router.parent(), router.depth(), router.waiting()), (Some(GATEWAY), Some(1), 0), "{said:x?}");
    }
    hear(&mut router, &frame(ROUTER, GATEWAY, 2, &mesh(9, NODE, GATEWAY, b"up")));
    assert_eq!((router.parent(), router.stats().malformed, router.waiting()), (Some(GATEWAY), 1, 0));
}

#[test]
fn a_parent_that_passes_on_what_goes_to_all_is_not_below() {
    let mut router: Small = router_below(BELOW, 1);
    hear(&mut router, &to_all(BELOW, 8, &flood(14, NODE, 1)));
    hear(&mut router, &to_all(BELOW, 9, &offer(4)));
    assert_eq!(router.depth(), Some(5), "it is one deeper than its parent");
    hear(&mut router, &to_all(BELOW, 10, &offer(0xFF)));
    assert_eq!(router.parent(), None);
    // One that has just been switched on, and has only this to choose.
    let mut router = Small::new(CONFIG, 0).unwrap();
    router.handle_timeout(NOW);
    hear(&mut router, &to_all(BELOW, 11, &flood(14, NODE, 2)));
    hear(&mut router, &frame(ROUTER, BELOW, 12, &offer(1)));
    router.handle_timeout(NOW + Duration::from_millis(150));
    assert_eq!(router.parent(), Some(BELOW));
}

#[test]
fn who_hands_over_frames_for_the_gateway_is_not_taken_as_parent() {
    let mut router: Small = router_below(GATEWAY, 0);
    hear(&mut router, &frame(ROUTER, BELOW, 1, &mesh(13, NODE, GATEWAY, b"up")));
    for number in 0..3 {
        let now = NOW + REST * number;
        router.handle_timeout(now);
        let transmit = send(&mut router);
        router.handle_transmitted(now, transmit.id, Err(TransmitError::NoAck));
    }
    assert_eq!(router.parent(), None);
    let later = NOW + Duration::from_secs(2);
    router.handle_timeout(later);
    router.handle_frame(later, &frame(ROUTER, BELOW, 2, &offer(2)), Signal::default());
    router.handle_timeout(later + Duration::from_millis(150));
    assert_eq!(router.parent(), None);
}

#[test]
fn a_frame_that_says_it_may_take_more_hops_than_there_are_takes_no_more() {
    let mut router = router();
    let endless = [&[0x8F, 0xFF][..], &mesh(0, NODE, GATEWAY, b"up")[1..]].concat();
    assert_eq!(hear(&mut router, &frame(ROUTER, NODE, 1, &endless)), Heard::PassedOn);
    assert!(send(&mut router).psdu.as_bytes().ends_with(&mesh(13, NODE, GATEWAY, b"up")));
}

#[test]
fn what_cannot_be_is_not_configured() {
    let wrong = |config| Small::new(config, 0).map(|_| ()).unwrap_err();
    assert_eq!(wrong(RouterConfig { pan: 0xFFFF, ..CONFIG }), ConfigError::Pan);
    assert_eq!(wrong(RouterConfig { gateway_short: Some(0xFFFE), ..CONFIG }), ConfigError::ShortAddress(0xFFFE));
}

#[test]
fn forged_questions_have_a_router_tell_all_at_most_eight_times_a_second() {
    let mut router = router_below::<16>(GATEWAY, 0);
    let (mut to_one, mut told_at) = (0, Vec::new());
    for tick in 0..1_000_u64 {
        // A hundred questions a second, each from another station that is not there.
        let now = NOW + Duration::from_millis(10 * tick);
        let asker = lowpan::Eui64((1 << 40 | tick).to_be_bytes());
        router.handle_frame(now, &to_all(asker, 1, &request()), Signal::default());
        router.handle_timeout(now);
        while let Some(transmit) = router.poll_transmit() {
            to_one += u32::from(transmit.to.is_some());
            told_at.extend(transmit.to.is_none().then_some(now));
            let fate = transmit.to.map_or(Ok(Ack::default()), |_| Err(TransmitError::NoAck));
            router.handle_transmitted(now, transmit.id, fate);
        }
    }
    // Those that had been lined up when the eighth was lost go out, too.
    assert!((8..=14).contains(&to_one), "{to_one}");
    assert!((60..=85).contains(&told_at.len()), "{} times within 10 s", told_at.len());
    let longest = told_at.windows(2).map(|pair| pair[1].since(pair[0])).max();
    assert!(longest < Some(Duration::from_millis(180)), "{longest:?}: who asks has mostly heard it before it chooses");
    assert!(router.stats().unanswered > 800, "{:?}", router.stats());
    let now = NOW + Duration::from_secs(15);
    for asker in 0..20 {
        router.handle_frame(now, &to_all(lowpan::Eui64([asker; 8]), 1, &request()), Signal::default());
        router.handle_timeout(now + Duration::from_millis(20));
        let answer = send(&mut router);
        assert_eq!(answer.to, Some(lowpan::Eui64([asker; 8])));
        router.handle_transmitted(now, answer.id, Ok(Ack::default()));
    }
}
