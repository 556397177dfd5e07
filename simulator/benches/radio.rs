//! What the radio costs: 1,000 nodes with 20 neighbours each, a report up and an answer down every minute.
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
    let mut radio = Radio::new(&plan());
    let links = radio.stats(Instant::ZERO).links.len();
    #[allow(clippy::disallowed_methods, reason = "a bench is about real time")]
    let start = std::time::Instant::now();
    let arrived = (0..MINUTES).map(|minute| run_minute(&mut radio, minute)).sum::<u64>();
    let took = start.elapsed();
    let datagrams = 2 * NODES as u64 * MINUTES;
    let per_datagram = took / datagrams as u32;
    let times_real = Duration::from_secs(60 * MINUTES).as_secs_f64() / took.as_secs_f64();
    println!("{NODES} nodes, {} neighbours each, {datagrams} datagrams, {arrived} arrived", links / (NODES + CELLS));
    println!("{took:?}: {per_datagram:?} per datagram, {times_real:.0} times real time");
}

/// Cells of 20 m, 2 km apart.
fn plan() -> RadioPlan {
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

/// Every node reports once, and is answered: how many datagrams arrived.
fn run_minute(radio: &mut Radio, minute: u64) -> u64 {
    let mut arrived = 0;
    for node in 0..NODES {
        let now = Instant::from_micros(minute * 60_000_000 + node as u64 * 60_000);
        arrived += run_until(radio, now);
        radio.send_up(now, node, Uplink::Gateway(node / CELL), b"\x12\x0c\x20\x00\x01\x00\x010123456789X");
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
