//! UDP behind address translation: which addresses gateways see, and what gets through.

mod radio_support;

use radio_support::Net;
use simulator::medium::{Arrival, Medium as _};
use simulator::udp_net::{UdpNet, UdpPlan};
use sn_types::LinkAddr;
use std::collections::BTreeSet;

fn net(plan: UdpPlan) -> Net<UdpNet> {
    Net::over(UdpNet::new(&plan))
}

const QUICK: UdpPlan = UdpPlan {
    seed: 1,
    nodes: 3,
    loss_ppm: 0,
    duplicate_ppm: 0,
    min_delay_ms: 10,
    max_delay_ms: 20,
    nat_idle_s: 120,
    downlink_keeps_mapping: false,
    nodes_per_address: 256,
};

/// Where gateway 0 saw the latest datagram come from.
fn seen(net: &Net<UdpNet>) -> LinkAddr {
    net.at_gateway().last().expect("one has arrived").0
}

#[test]
fn an_answer_finds_the_node_while_its_mapping_lives() {
    let mut net = net(QUICK);
    net.up(1, b"report");
    net.run_for_ms(1_000);
    net.down(seen(&net), b"answer");
    net.run_for_ms(118_000);
    net.down(seen(&net), b"late");
    net.run_for_ms(100);
    assert_eq!(net.at_node(1), [&b"answer"[..], b"late"]);
    assert_eq!((net.at_node(0).len(), net.at_node(2).len()), (0, 0));
}

#[test]
fn an_idle_mapping_is_forgotten_and_the_next_datagram_has_another_port() {
    let mut net = net(QUICK);
    net.up(1, b"report");
    net.run_for_ms(121_000);
    let old = seen(&net);
    net.down(old, b"lost");
    net.run_for_ms(100);
    net.up(1, b"report");
    net.run_for_ms(100);
    let new = seen(&net);
    net.down(old, b"lost");
    net.down(new, b"found");
    net.run_for_ms(100);
    let (LinkAddr::Udp(old), LinkAddr::Udp(new)) = (old, new) else { panic!("they are UDP's") };
    assert_eq!((old.ip(), old.port() == new.port()), (new.ip(), false));
    assert_eq!(net.at_node(1), [b"found"]);
    assert_eq!((net.medium.stats().unmapped, net.medium.stats().mappings), (2, 2));
}

#[test]
fn a_downlink_keeps_the_mapping_only_if_the_plan_says_so() {
    let heard = |downlink_keeps_mapping| {
        let mut net = net(UdpPlan { downlink_keeps_mapping, ..QUICK });
        net.up(0, b"report");
        net.run_for_ms(100_000);
        net.down(seen(&net), b"first");
        net.run_for_ms(100_000);
        net.down(seen(&net), b"second");
        net.run_for_ms(100);
        net.at_node(0).len()
    };
    assert_eq!((heard(false), heard(true)), (1, 2));
}

#[test]
fn datagrams_get_lost_repeated_and_overtaken_within_the_range_of_delays() {
    let plan = UdpPlan { loss_ppm: 100_000, duplicate_ppm: 50_000, min_delay_ms: 500, max_delay_ms: 10_000, ..QUICK };
    let mut net = net(plan);
    for number in 0..10_000_u16 {
        net.up(0, &number.to_be_bytes());
        net.run_for_ms(100);
    }
    net.run_for_ms(10_000);
    let arrivals = net.arrivals.iter().map(|(at, arrival)| match arrival {
        Arrival::AtGateway { datagram, .. } => (at.as_micros() / 1_000, u16::from_be_bytes([datagram[0], datagram[1]])),
        Arrival::AtNode { .. } => panic!("nothing was sent down"),
    });
    let arrivals: Vec<(u64, u16)> = arrivals.collect();
    assert!((9_350..9_650).contains(&arrivals.len()), "{}", arrivals.len());
    assert!(!arrivals.is_sorted_by_key(|(_, number)| *number));
    let delays_ms = arrivals.iter().map(|(at_ms, number)| at_ms - u64::from(*number) * 100);
    assert!(delays_ms.clone().all(|delay_ms| (500..=10_000).contains(&delay_ms)));
    assert!(delays_ms.clone().min() < Some(600) && delays_ms.max() > Some(9_900));
}

#[test]
fn nobody_is_reached_by_broadcast_or_while_off() {
    let mut net = net(QUICK);
    net.up_to_all(0, 0, b"search");
    net.up(0, b"report");
    net.run_for_ms(100);
    net.medium.listen(net.now, 0, false);
    net.down(seen(&net), b"lost");
    net.run_for_ms(100);
    assert_eq!((net.at_gateway().len(), net.at_node(0).len()), (1, 0));
    assert_eq!((net.medium.stats().broadcasts_refused, net.medium.stats().deaf), (1, 1));
}

#[test]
fn ten_thousand_nodes_have_ten_thousand_addresses_and_keep_getting_new_ones() {
    let mut net = net(UdpPlan { nodes: 10_000, ..QUICK });
    for _ in 0..20 {
        (0..10_000).for_each(|node| net.up(node, b"report"));
        net.run_for_ms(200_000);
    }
    let last: BTreeSet<LinkAddr> = net.at_gateway().iter().rev().take(10_000).map(|(from, _)| *from).collect();
    assert_eq!(last.len(), 10_000);
    assert_eq!(net.medium.stats().mappings, 200_000);
}
