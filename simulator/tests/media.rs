//! The same world over each medium that a plan can have.

mod support;

use simulator::plan::MediumPlan;
use simulator::radio::{RadioPlan, Site};
use simulator::udp_net::UdpPlan;
use simulator::{Link, Plan, World};
use sn_client::Qos;
use sn_types::Instant;
use support::{fleet, owed};

const NODES: usize = 8;

fn over(medium: MediumPlan) -> Plan {
    Plan { medium, ..fleet(1, Link::LOSSLESS, NODES, 10, &[Qos::One, Qos::Two]) }
}

fn radio() -> Plan {
    let nodes = (0..NODES as i32).map(|node| Site::at_m(node * 2, 5)).collect();
    let gateways = vec![Site::at_m(8, 0)];
    over(MediumPlan::Radio(Box::new(RadioPlan { seed: 1, nodes, gateways, ..RadioPlan::default() })))
}

fn check(plan: &Plan) {
    let mut world = World::new(plan);
    assert!(world.run_until_settled(Instant::from_secs(24 * 3_600)), "{:?}", world.ledger().violations());
    assert_eq!(world.ledger().verdict().map(|summary| summary.owed), Ok(owed(plan)));
}

#[test]
fn everything_comes_over_a_radio() {
    let plan = radio();
    check(&plan);
    let mut world = World::new(&plan);
    world.run_until(Instant::from_secs(3_600));
    let stats = world.radio_stats().expect("there is a radio");
    assert!(stats.channels[0].counters.sent > 500, "{stats:?}");
}

#[test]
fn everything_comes_over_a_network_behind_address_translation() {
    let udp =
        UdpPlan { seed: 1, nodes: NODES, loss_ppm: 20_000, min_delay_ms: 20, max_delay_ms: 300, ..UdpPlan::default() };
    check(&over(MediumPlan::Udp(udp)));
}

#[test]
fn a_medium_for_others_is_refused() {
    let plan = over(MediumPlan::Udp(UdpPlan { nodes: NODES + 1, ..UdpPlan::default() }));
    let error = Plan::from_toml(&plan.to_toml()).expect_err("one node too many").to_string();
    assert!(error.contains("the medium is for 9 nodes"), "{error}");
    assert_eq!(Plan::from_toml(&radio().to_toml()), Ok(radio()));
}
