//! The radio: when frames are on the air, who receives them, and what is counted.

mod radio_support;

use radio_support::{Net, chain, linked, losing, star};
use simulator::medium::Medium;
use simulator::radio::{
    Disturbance, DutyCycle, Excess, Loss, MacPlan, OnAir, Phy, Propagation, Radio, RadioPlan, Receiver, Site, Station,
};
use sn_types::{Instant, LinkAddr};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

#[test]
fn a_datagram_arrives_after_backoff_assessment_turnaround_and_airtime() {
    let mut net = Net::new(&star(1));
    net.up(0, b"0123456789");
    net.run_for_ms(1_000);
    assert_eq!(net.at_gateway(), [(Radio::node_addr(0), &b"0123456789"[..])]);
    // MAC header 21, IPHC and UDP 9, datagram 10, check sequence 2; preamble and PHY header 6; 32 us each.
    let fixed_us = 128 + 192 + (21 + 9 + 10 + 2 + 6) * 32;
    let backoff_us = net.arrivals[0].0.as_micros() - fixed_us;
    assert!(backoff_us.is_multiple_of(320) && backoff_us / 320 < 8, "{backoff_us}");
}

#[test]
fn a_frame_is_acknowledged_after_a_turnaround() {
    let (mut net, frames) = tapped(&star(1));
    net.up(0, b"0123456789");
    net.run_for_ms(1_000);
    let frames = frames.borrow();
    let [data, ack] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!((data.from, ack.from), (Station::Node(0), Station::Gateway(0)));
    assert_eq!(ack.at_us, data.at_us + data.airtime_us + 192);
    assert_eq!((ack.psdu.len(), ack.airtime_us), (5, 352));
    let node = net.counters(Station::Node(0));
    assert_eq!((node.sent, node.retries, node.received, node.airtime_us), (1, 0, 1, data.airtime_us));
}

#[test]
fn a_datagram_comes_down_to_the_node_that_has_the_address() {
    let mut net = Net::new(&star(3));
    net.down(Radio::node_addr(2), b"down");
    net.run_for_ms(1_000);
    assert_eq!((net.at_node(0).len(), net.at_node(1).len(), net.at_node(2)), (0, 0, vec![&b"down"[..]]));
    net.down(LinkAddr::Eui64([9; 8]), b"nobody");
    assert_eq!(net.counters(Station::Gateway(0)).no_route, 1);
}

#[test]
fn nothing_arrives_at_a_receiver_that_is_off_until_it_is_on_again() {
    let mut net = Net::new(&star(1));
    net.medium.listen(net.now, 0, false);
    net.down(Radio::node_addr(0), b"lost");
    net.run_for_ms(1_000);
    assert_eq!(net.at_node(0).len(), 0);
    let gateway = net.counters(Station::Gateway(0));
    assert_eq!((gateway.sent, gateway.ack_failures, net.counters(Station::Node(0)).deaf), (4, 1, 4));
    net.medium.listen(net.now, 0, true);
    net.down(Radio::node_addr(0), b"heard");
    net.run_for_ms(1_000);
    assert_eq!(net.at_node(0), [b"heard"]);
}

#[test]
fn a_sleeper_sends_and_hears_the_acknowledgement_without_listening() {
    let mut net = Net::new(&star(1));
    net.medium.listen(net.now, 0, false);
    net.up(0, b"0123456789");
    net.run_for_ms(60_000);
    assert_eq!((net.at_gateway().len(), net.counters(Station::Node(0)).retries), (1, 0));
    let energy = net.medium.stats(net.now).stations[0].energy;
    assert_eq!(energy.transmit_us, 48 * 32);
    // Assessment, turnaround, the acknowledgement's turnaround and airtime.
    assert_eq!(energy.receive_us, 128 + 192 + 192 + 352);
    assert_eq!(energy.transmit_us + energy.receive_us + energy.sleep_us, 60_000_000);
}

/// 60 octets from each of two nodes every 20 ms, within half a millisecond of each other.
fn two_talk(plan: &RadioPlan) -> Net<Radio> {
    let mut net = Net::new(plan);
    for _ in 0..500 {
        net.up(0, &[0; 60]);
        net.up(1, &[1; 60]);
        net.run_for_ms(20);
    }
    net.run_for_ms(1_000);
    net
}

const TO_GATEWAY: [(Station, Station, i16); 2] =
    [(Station::Node(0), Station::Gateway(0), -60), (Station::Node(1), Station::Gateway(0), -60)];

#[test]
fn hidden_nodes_collide_where_nodes_that_hear_each_other_hardly_do() {
    let hidden = two_talk(&linked([2, 0, 1], &TO_GATEWAY)).totals();
    let heard = two_talk(&star(2)).totals();
    assert!(hidden.collided > 5 * heard.collided, "{} and {}", hidden.collided, heard.collided);
    // Those who hear each other still collide: the turnaround is between look and frame.
    assert!(heard.collided > 10, "{}", heard.collided);
    assert!(hidden.retries > 100, "{hidden:?}");
}

#[test]
fn nodes_too_weak_for_each_others_energy_threshold_collide_unless_they_sense_carriers() {
    let collided = |carrier_sense| {
        let mut links = TO_GATEWAY.to_vec();
        links.push((Station::Node(0), Station::Node(1), -85));
        let plan = linked([2, 0, 1], &links);
        let receiver = Receiver { carrier_sense, ..plan.receiver };
        two_talk(&RadioPlan { receiver, ..plan }).totals().collided
    };
    let (energy_only, with_carriers) = (collided(false), collided(true));
    assert!(energy_only > 5 * with_carriers, "{energy_only} and {with_carriers}");
}

#[test]
fn the_stronger_of_two_hidden_nodes_is_captured() {
    let capture = |rssi_dbm| {
        let mut links = TO_GATEWAY;
        links[0].2 = rssi_dbm;
        let plan = linked([2, 0, 1], &links);
        let mac = MacPlan { max_frame_retries: 0, ..plan.mac };
        let net = two_talk(&RadioPlan { mac, ..plan });
        let from = |node| net.at_gateway().iter().filter(|(from, _)| *from == Radio::node_addr(node)).count();
        (from(0), from(1))
    };
    let (equal_0, equal_1) = capture(-60);
    assert!(equal_0 < 300 && equal_1 < 300, "{equal_0} {equal_1}");
    let (strong, weak) = capture(-50);
    // It loses only to a weaker frame that was there first, and whose preamble was over.
    assert!(strong > weak + 150 && weak < 300, "{strong} {weak}");
}

#[test]
fn a_frame_whose_acknowledgement_got_lost_comes_again_and_is_dropped_as_repeated() {
    let run = |drop_repeated| {
        let plan = losing(star(1), 20);
        let mac = MacPlan { drop_repeated, ..plan.mac };
        let mut net = Net::new(&RadioPlan { mac, ..plan });
        for number in 0..1_000_u16 {
            net.up(0, &number.to_be_bytes());
            net.run_for_ms(100);
        }
        let different = net.at_gateway().iter().map(|(_, datagram)| datagram.to_vec()).collect::<BTreeSet<_>>().len();
        (net.at_gateway().len(), different, net.counters(Station::Gateway(0)).repeated)
    };
    let (arrived, different, repeated) = run(true);
    // Of four attempts all get lost once in 625.
    assert!(arrived == different && (985..1_000).contains(&different), "{arrived} {different}");
    // A fifth of the acknowledgements that are followed by another attempt.
    assert!((150..300).contains(&repeated), "{repeated}");
    let (arrived, different, repeated) = run(false);
    assert!(arrived > different + 150 && repeated == 0, "{arrived} {different} {repeated}");
}

#[test]
fn what_the_link_loses_is_counted_where_it_is_missed() {
    let loss = Loss { good_ppm: 0, bad_ppm: 1_000_000, good_ms: 8_000, bad_ms: 2_000 };
    let mut net = Net::new(&RadioPlan { loss, ..star(1) });
    for _ in 0..5_000 {
        net.up(0, b"report");
        net.run_for_ms(1_000);
    }
    let share_percent = net.at_gateway().len() * 100 / 5_000;
    assert!((76..84).contains(&share_percent), "{share_percent} %");
    let lost = net.counters(Station::Gateway(0)).lost;
    let link = net.medium.stats(net.now).links.into_iter().find(|link| link.from == Station::Node(0));
    assert_eq!(link.map(|link| (link.frames, link.failed)), Some((net.counters(Station::Node(0)).sent, lost)));
}

#[test]
fn a_full_queue_drops_and_counts() {
    let mut net = Net::new(&star(1));
    (0..20).for_each(|_| net.up(0, b"report"));
    net.run_for_ms(1_000);
    assert_eq!((net.at_gateway().len(), net.counters(Station::Node(0)).queue_drops), (8, 12));
}

#[test]
fn the_mtu_fits_and_an_octet_more_does_not() {
    for plan in [star(1), chain(2)] {
        let mut net = Net::new(&plan);
        let mtu = usize::from(net.medium.profile().mtu);
        net.up(0, &vec![7; mtu]);
        net.up(0, &vec![7; mtu + 1]);
        net.run_for_ms(1_000);
        assert_eq!((net.at_gateway().len(), net.counters(Station::Node(0)).too_long), (1, 1), "mtu {mtu}");
        net.up_to_all(0, 0, &vec![7; mtu]);
        net.run_for_ms(1_000);
        assert_eq!(net.at_gateway().len(), 2, "mtu {mtu}");
    }
}

#[test]
fn over_routers_the_gateway_sees_the_nodes_own_address() {
    let mut net = Net::new(&chain(3));
    net.up(0, b"up");
    net.run_for_ms(1_000);
    assert_eq!(net.at_gateway(), [(Radio::node_addr(0), &b"up"[..])]);
    net.down(Radio::node_addr(0), b"down");
    net.run_for_ms(1_000);
    assert_eq!(net.at_node(0), [b"down"]);
    assert_eq!(net.totals().sent, 8);
    let route = net.medium.stats(net.now).stations[0].routes[0];
    assert_eq!((route.next_hop, route.hops), (Station::Router(2), 4));
}

#[test]
fn a_broadcast_goes_as_far_as_its_radius_and_to_everybody_once() {
    for (radius, passed_on) in [(1, 0), (2, 1), (3, 2), (0, 3), (9, 3)] {
        let mut net = Net::new(&chain(3));
        net.down_to_all(radius, b"all");
        net.run_for_ms(1_000);
        assert_eq!(net.totals().sent, 1 + passed_on, "radius {radius}");
        assert_eq!(net.at_node(0).len(), usize::from(passed_on == 3), "radius {radius}");
    }
}

#[test]
fn a_nodes_broadcast_reaches_gateways_and_nodes_but_not_itself() {
    let mut net = Net::new(&star(3));
    net.up_to_all(0, 0, b"search");
    net.run_for_ms(1_000);
    assert_eq!(
        (net.at_gateway().len(), net.at_node(0).len(), net.at_node(1).len(), net.at_node(2).len()),
        (1, 0, 1, 1)
    );
}

#[test]
fn routes_avoid_links_that_lose() {
    let mut plan = linked(
        [1, 2, 1],
        &[
            (Station::Node(0), Station::Gateway(0), -90),
            (Station::Node(0), Station::Router(1), -90),
            (Station::Router(1), Station::Gateway(0), -90),
        ],
    );
    let next_hop = |plan: &RadioPlan| Radio::new(plan).stats(Instant::ZERO).stations[0].routes[0].next_hop;
    assert_eq!(next_hop(&plan), Station::Gateway(0));
    let Propagation::Table(links) = &mut plan.propagation else { panic!("it is a table") };
    // 1 / 0.7^2 = 2.04 transmissions instead of 2 over the router.
    links[0].loss = Some(Loss::independent(300_000));
    assert_eq!(next_hop(&plan), Station::Router(1));
}

#[test]
fn channels_do_not_hear_each_other() {
    let mut plan = star(2);
    plan.nodes[1].channel = 20;
    let mut net = Net::new(&plan);
    net.up(0, b"same");
    net.up(1, b"other");
    net.run_for_ms(1_000);
    assert_eq!(net.at_gateway(), [(Radio::node_addr(0), &b"same"[..])]);
    assert_eq!(net.counters(Station::Node(1)).no_route, 1);
    assert_eq!(net.medium.take_airtime().keys().copied().collect::<Vec<_>>(), [15]);
    assert!(net.medium.take_airtime().is_empty());
}

#[test]
fn the_duty_cycle_lets_wait_or_drops() {
    let run = |excess| {
        let plan = star(1);
        let mut net = Net::new(&RadioPlan {
            phy: Phy::SunFsk50k,
            duty_cycle: Some(DutyCycle { limit_ppm: 1_000, excess }),
            mac: MacPlan { queue_frames: 1_000, ..plan.mac },
            ..plan
        });
        // 98 octets and 12 of the PHY take 17.6 ms: 204 of them are 3.6 s.
        for _ in 0..300 {
            net.up(0, &[0; 66]);
            net.run_for_ms(1_000);
        }
        let first_hour = net.at_gateway().len();
        net.run_until(Instant::from_secs(7_500));
        (first_hour, net.at_gateway().len(), net.counters(Station::Node(0)))
    };
    let (first_hour, second_hour, counters) = run(Excess::Wait);
    assert_eq!((first_hour, second_hour, counters.duty_cycle_drops), (204, 300, 0));
    let (first_hour, second_hour, counters) = run(Excess::Drop);
    assert_eq!((first_hour, second_hour, counters.duty_cycle_drops), (204, 204, 96));
}

#[test]
fn a_disturbance_delays_and_repeats() {
    let disturbance = Disturbance { delay_us: 500_000, duplicate_ppm: 200_000 };
    let mut net = Net::new(&RadioPlan { disturbance, ..star(1) });
    for number in 0..200 {
        net.up(0, &[number]);
        net.run_for_ms(100);
    }
    net.run_for_ms(1_000);
    let numbers: Vec<u8> = net.at_gateway().iter().map(|(_, datagram)| datagram[0]).collect();
    assert!((220..260).contains(&numbers.len()), "{}", numbers.len());
    assert!(!numbers.is_sorted());
}

#[test]
fn distance_decides_who_hears_whom() {
    // 40 dB + 30 log10(d): 100 dB at 100 m.
    let mut plan = RadioPlan {
        nodes: vec![Site::at_m(95, 0), Site::at_m(0, 105)],
        gateways: vec![Site::at_m(0, 0)],
        ..RadioPlan::default()
    };
    let Propagation::LogDistance(model) = &mut plan.propagation else { panic!("it is the default") };
    model.shadowing_db = 0;
    let reached = |plan: &RadioPlan| -> Vec<usize> {
        let stats = Radio::new(plan).stats(Instant::ZERO);
        stats.stations[..2].iter().map(|station| station.routes.len()).collect()
    };
    assert_eq!(reached(&plan), [1, 0]);
    plan.receiver = Receiver { sensitivity_dbm: -102, ..plan.receiver };
    assert_eq!(reached(&plan), [1, 1]);
}

#[test]
fn the_same_plan_gives_the_same_run_and_another_seed_another() {
    let run = |seed| {
        let (mut net, frames) = tapped(&RadioPlan { seed, ..losing(star(5), 10) });
        for round in 0..50 {
            (0..5).for_each(|node| net.up(node, &[round]));
            net.run_for_ms(30);
        }
        drop(net);
        Rc::try_unwrap(frames).expect("the tap is gone").into_inner()
    };
    let first = run(1);
    assert!(first.len() > 300, "{}", first.len());
    assert_eq!(first, run(1));
    assert_ne!(first, run(2));
}

#[derive(Debug, PartialEq, Eq)]
struct Frame {
    at_us: u64,
    airtime_us: u64,
    from: Station,
    psdu: Vec<u8>,
}

fn tapped(plan: &RadioPlan) -> (Net<Radio>, Rc<RefCell<Vec<Frame>>>) {
    let mut net = Net::new(plan);
    let frames = Rc::new(RefCell::new(Vec::new()));
    let taken = Rc::clone(&frames);
    net.medium.tap(move |frame: &OnAir<'_>| {
        let OnAir { at, airtime_us, from, psdu, .. } = *frame;
        taken.borrow_mut().push(Frame { at_us: at.as_micros(), airtime_us, from, psdu: psdu.to_vec() });
    });
    (net, frames)
}
