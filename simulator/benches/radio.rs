//! What the radio costs: 1,000 nodes, a report up and an answer down every minute; each with 20 neighbours and its gateway
//! nearby, or in a town whose routers carry everything to one gateway.
//!
//! `cargo bench -p simulator --bench radio`

use simulator::medium::{Arrival, Downlink, Medium as _, Uplink};
use simulator::radio::{Radio, RadioPlan, Site};
use sn_types::Instant;
use std::time::Duration;

const NODES: usize = 1_000;
/// Of one cell: 20 nodes and a gateway that all hear each other.
const CELL: usize = 20;
const CELLS: usize = NODES / CELL;
const MINUTES: u64 = 60;

fn main() {
    measure("cells", &cells(), |node| node / CELL);
    measure("a town over routers", &town(NODES), |_| 0);
    let start = processor_time();
    let radio = Radio::new(&town(10_000));
    println!("10,000 nodes in a town: made in {:?}", processor_time() - start);
    println!("  {} links", radio.stats(Instant::ZERO).links.len());
}

fn measure(name: &str, plan: &RadioPlan, gateway: impl Fn(usize) -> usize) {
    let mut radio = Radio::new(plan);
    let neighbours = radio.stats(Instant::ZERO).links.len() / (NODES + plan.routers.len() + plan.gateways.len());
    let start = processor_time();
    let arrived = (0..MINUTES).map(|minute| run_minute(&mut radio, minute, &gateway)).sum::<u64>();
    let took = processor_time() - start;
    let sent: u64 = radio.stats(Instant::from_secs(60 * MINUTES)).channels.iter().map(|c| c.counters.sent).sum();
    let per_datagram = took / (2 * NODES as u64 * MINUTES) as u32;
    let times_real = Duration::from_secs(60 * MINUTES).as_secs_f64() / took.as_secs_f64();
    println!("{name}: {NODES} nodes, {neighbours} neighbours each, {arrived} datagrams in {sent} frames");
    println!("  {took:?}: {per_datagram:?} per datagram, {times_real:.0} times real time");
}

/// What this process has had of the processor, so that others on the machine do not count.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/schedstat").expect("the bench runs on Linux");
    let nanoseconds = stat.split(' ').next().and_then(|field| field.parse().ok());
    Duration::from_nanos(nanoseconds.expect("the first field is a number"))
}

/// Cells of 20 m, 2 km apart.
fn cells() -> RadioPlan {
    let site = |cell: usize, place: usize| {
        Site::at_m((cell % 10 * 2_000 + place % 5 * 4) as i32, (cell / 10 * 2_000 + place / 5 * 4) as i32)
    };
    RadioPlan {
        seed: 1,
        nodes: (0..NODES).map(|node| site(node / CELL, node % CELL)).collect(),
        gateways: (0..CELLS).map(|cell| site(cell, CELL)).collect(),
        ..RadioPlan::default()
    }
}

/// A grid of 100 routers 80 m apart, nodes anywhere among them, the gateway in the middle.
fn town(nodes: usize) -> RadioPlan {
    let mut rng = oorandom::Rand64::new(1);
    let mut anywhere = || rng.rand_range(0..800) as i32;
    RadioPlan {
        seed: 1,
        nodes: (0..nodes).map(|_| Site::at_m(anywhere(), anywhere())).collect(),
        routers: (0..100).map(|place| Site::at_m(40 + place % 10 * 80, 40 + place / 10 * 80)).collect(),
        gateways: vec![Site::at_m(400, 400)],
        ..RadioPlan::default()
    }
}

/// Every node reports once, and is answered: how many datagrams arrived.
fn run_minute(radio: &mut Radio, minute: u64, gateway: impl Fn(usize) -> usize) -> u64 {
    let mut arrived = 0;
    for node in 0..NODES {
        let now = Instant::from_micros(minute * 60_000_000 + node as u64 * 60_000);
        arrived += run_until(radio, now);
        radio.send_up(now, node, Uplink::Gateway(gateway(node)), b"\x12\x0c\x20\x00\x01\x00\x010123456789X");
    }
    arrived + run_until(radio, Instant::from_secs((minute + 1) * 60))
}

fn run_until(radio: &mut Radio, until: Instant) -> u64 {
    let mut arrived = 0;
    while let Some(now) = radio.poll_timeout().filter(|now| *now <= until) {
        radio.handle_timeout(now);
        while let Some(arrival) = radio.poll_arrival() {
            arrived += 1;
            match arrival {
                Arrival::AtGateway { gateway, from, .. } => {
                    radio.send_down(now, gateway, Downlink::Peer(from), b"\x07\x0d\x00\x01\x00\x01\x00");
                }
                Arrival::AtNode { .. } => {}
            }
        }
    }
    arrived
}
