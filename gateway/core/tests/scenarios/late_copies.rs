//! QoS 2 is exactly once on links that repeat and delay datagrams, as far as their profile says.

use crate::common::sn::{publish, pubrel, register, resume};
use crate::common::{Rig, port};
use proptest::prelude::*;
use sn_codec::Qos;
use sn_types::{LateCopies, LinkProfile, PeerAddr};
use std::time::Duration;

const NODE: PeerAddr = port(1);
const UDP: LateCopies = LinkProfile::UDP.late_copies;

/// A node that publishes to topic 1, "t", over a link that promises `late_copies`.
fn rig(late_copies: LateCopies) -> Rig {
    let mut rig = Rig::with(|config| config.limits.mqtt_inflight = 10_000);
    rig.link(LinkProfile { late_copies, ..LinkProfile::UDP });
    rig.watch("t");
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00"]);
    assert_eq!(rig.ask(NODE, register(1, "t")), ["REGACK id=1 mid=1 00"]);
    rig
}

fn exchange(rig: &mut Rig, mid: u16) {
    assert_eq!(rig.ask(NODE, publish(Qos::Two, 1, mid, "on")), [format!("PUBREC mid={mid}")]);
    assert_eq!(rig.ask(NODE, pubrel(mid)), [format!("PUBCOMP mid={mid}")]);
}

/// A copy comes after its exchange: it is answered, and `true` if it was published again.
fn copy_is_published(rig: &mut Rig, mid: u16) -> bool {
    rig.watched();
    assert_eq!(rig.ask(NODE, publish(Qos::Two, 1, mid, "on")), [format!("PUBREC mid={mid}")]);
    !rig.watched().is_empty()
}

#[test]
fn as_many_exchanges_may_end_before_a_copy_comes_as_the_profile_says() {
    for (between, published) in [(UDP.exchanges - 1, false), (UDP.exchanges, true)] {
        let mut rig = rig(UDP);
        (1..=between + 1).for_each(|mid| exchange(&mut rig, mid));
        assert_eq!(copy_is_published(&mut rig, 1), published, "{between} exchanges in between");
    }
}

#[test]
fn the_time_counts_from_the_pubrel_however_long_the_exchange_took() {
    for (late, published) in [(UDP.within - Duration::from_millis(1), false), (UDP.within, true)] {
        let mut rig = rig(UDP);
        assert_eq!(rig.ask(NODE, publish(Qos::Two, 1, 1, "on")), ["PUBREC mid=1"]);
        rig.wait_s(50);
        assert_eq!(rig.ask(NODE, pubrel(1)), ["PUBCOMP mid=1"]);
        rig.wait(late);
        assert_eq!(copy_is_published(&mut rig, 1), published, "{late:?} after the PUBREL");
    }
}

/// A CONNECT ends the memory of what came long ago; but of a message that was repeated just before a copy may be under way.
#[test]
fn a_copy_of_a_repetition_is_known_after_a_connect_however_old_the_message_is() {
    let mut rig = rig(UDP);
    assert_eq!(rig.ask(NODE, publish(Qos::Two, 1, 1, "on")), ["PUBREC mid=1"]);
    rig.wait_s(10);
    assert_eq!(rig.ask(NODE, publish(Qos::Two, 1, 1, "on")), ["PUBREC mid=1"]);
    rig.wait_s(2);
    assert_eq!(rig.ask(NODE, resume("node")), ["CONNACK 00"]);
    assert_eq!(rig.ask(NODE, pubrel(1)), ["PUBCOMP mid=1"]);
    assert!(!copy_is_published(&mut rig, 1));
}

#[test]
fn on_a_link_without_late_copies_every_exchange_is_a_new_message() {
    let mut rig = rig(LateCopies::NONE);
    exchange(&mut rig, 1);
    assert!(copy_is_published(&mut rig, 1));
}

#[test]
fn the_same_under_the_same_id_is_meant_after_the_time_or_with_another_payload() {
    let mut rig = rig(UDP);
    exchange(&mut rig, 1);
    rig.watched();
    assert_eq!(rig.ask(NODE, publish(Qos::Two, 1, 1, "off")), ["PUBREC mid=1"]);
    assert_eq!(rig.watched(), ["q2 t 'off'"]);
}

/// Milliseconds from one PUBLISH of a burst to the next: the PUBREL comes in the middle.
const EXCHANGE_MS: u64 = 40;
/// A copy is so late at most: the exchanges that end meanwhile are one fewer than the memory has.
const LATEST_MS: u64 = EXCHANGE_MS * (UDP.exchanges as u64 - 2);

proptest! {
    /// A round trip takes 20 ms, and each PUBLISH comes twice. All messages say the same, so that only the memory can
    /// tell.
    #[test]
    fn a_burst_with_late_copies_is_published_once(copies_late_ms in prop::collection::vec(0..=LATEST_MS, 1..150)) {
        let mut rig = rig(UDP);
        let mut arrivals = Vec::new();
        for (mid, late_ms) in (1..).zip(&copies_late_ms) {
            let begins_ms = u64::from(mid) * EXCHANGE_MS;
            arrivals.push((begins_ms, publish(Qos::Two, 1, mid, "on")));
            arrivals.push((begins_ms + EXCHANGE_MS / 2, pubrel(mid)));
            arrivals.push((begins_ms + late_ms, publish(Qos::Two, 1, mid, "on")));
        }
        arrivals.sort_by_key(|(at_ms, _)| *at_ms);
        let mut now_ms = 0;
        for (at_ms, message) in arrivals {
            rig.wait_ms(at_ms - now_ms);
            now_ms = at_ms;
            rig.send(NODE, message);
        }
        prop_assert_eq!(rig.watched().len(), copies_late_ms.len());
    }
}
