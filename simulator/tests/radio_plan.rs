//! A network as a configuration file says it, and a large one.

mod radio_support;

use oorandom::Rand64;
use radio_support::Net;
use simulator::energy::Battery;
use simulator::radio::{DutyCycle, Excess, Loss, Phy, Propagation, Radio, RadioPlan, Site, Station};
use sn_types::Instant;

#[test]
fn a_plan_comes_from_a_configuration_file_and_goes_into_one() {
    let plan: RadioPlan = toml::from_str(
        r#"
        seed = 7
        phy = "sun-fsk50k"
        duty_cycle = { limit_ppm = 10000, excess = "wait" }
        nodes = [{ x_dm = 100 }, { x_dm = 200, channel = 16 }]
        gateways = [{}]
        [mac]
        max_frame_retries = 5
        [loss]
        bad_ppm = 500000
        good_ms = 9000
        bad_ms = 1000
        [supply.battery]
        capacity_mah = 225
        [[propagation.table]]
        a = { node = 0 }
        b = { gateway = 0 }
        rssi_dbm = -80
        "#,
    )
    .expect("it is as documented");
    assert_eq!((plan.phy, plan.mac.max_frame_retries, plan.mac.min_be), (Phy::SunFsk50k, 5, 3));
    assert_eq!(plan.duty_cycle, Some(DutyCycle { limit_ppm: 10_000, excess: Excess::Wait }));
    assert_eq!(plan.loss, Loss { good_ppm: 0, bad_ppm: 500_000, good_ms: 9_000, bad_ms: 1_000 });
    assert_eq!(plan.supply.battery, Battery { capacity_mah: 225, ..Battery::CR2477 });
    assert_eq!((plan.nodes[0], plan.nodes[1].channel), (Site { x_dm: 100, ..Site::default() }, 16));
    let Propagation::Table(links) = &plan.propagation else { panic!("it is a table") };
    assert_eq!((links[0].a, links[0].b, links[0].rssi_dbm), (Station::Node(0), Station::Gateway(0), -80));

    let written = toml::to_string(&plan).expect("it can be written");
    assert_eq!(toml::from_str::<RadioPlan>(&written).expect("it was written"), plan);
    assert!(toml::from_str::<RadioPlan>("sede = 7").is_err());
}

/// 200 nodes and a grid of 16 routers on 280 m by 280 m, the gateway in the middle.
fn town() -> RadioPlan {
    let mut rng = Rand64::new(9);
    let mut anywhere = || Site::at_m(rng.rand_range(0..280) as i32, rng.rand_range(0..280) as i32);
    RadioPlan {
        seed: 4,
        nodes: (0..200).map(|_| anywhere()).collect(),
        routers: (0..16).map(|place| Site::at_m(35 + place % 4 * 70, 35 + place / 4 * 70)).collect(),
        gateways: vec![Site::at_m(140, 140)],
        ..RadioPlan::default()
    }
}

#[test]
fn in_a_town_every_node_has_a_way_over_several_hops_and_is_heard() {
    let mut net = Net::new(&town());
    let hops: Vec<u32> = net.medium.stats(net.now).stations[..200]
        .iter()
        .map(|station| station.routes.first().unwrap_or_else(|| panic!("{} has no way", station.station)).hops)
        .collect();
    assert!(hops.contains(&1) && hops.iter().any(|hops| *hops > 2), "{hops:?}");
    for round in 0..10 {
        for node in 0..200 {
            net.run_until(Instant::from_millis(round * 60_000 + node as u64 * 300));
            net.up(node, b"report");
        }
    }
    net.run_for_ms(10_000);
    let heard = net.at_gateway().len();
    for node in 0..200 {
        net.down(Radio::node_addr(node), b"answer");
        net.run_for_ms(300);
    }
    let answered = (0..200).filter(|node| !net.at_node(*node).is_empty()).count();
    // A report every 300 ms leaves the channel quiet: what gets lost, hidden stations have spoiled four times.
    assert!(heard > 1_980 && answered > 197, "{heard} of 2,000, {answered} of 200: {:?}", net.totals());
}

#[test]
fn in_a_town_a_broadcast_reaches_nearly_everybody_once() {
    let mut net = Net::new(&town());
    net.down_to_all(0, b"advertise");
    net.run_for_ms(5_000);
    let times: Vec<usize> = (0..200).map(|node| net.at_node(node).len()).collect();
    let reached = times.iter().filter(|times| **times == 1).count();
    assert!(times.iter().all(|times| *times <= 1), "{times:?}");
    // It is not acknowledged: where all copies collide, it is lost.
    assert!(reached > 180, "{reached}");
    assert!(net.totals().sent <= 17, "{}", net.totals().sent);
}
