//! A world whose gateway is somewhere else: here a core that the test drives, in the world's time.

use gateway_core::{Config, Core, Input, Output};
use simulator::medium::Downlink;
use simulator::plan::{Fate, Fault, FaultKind, Feed, GatewayPlan, NodePlan, Sleep};
use simulator::{Link, Plan, World};
use sn_client::Qos;
use sn_types::{Instant, PeerAddr, TransportId};
use std::num::NonZeroU16;
use std::time::Duration;

const TRANSPORT: TransportId = TransportId(4);

fn plan() -> Plan {
    let node = |name: &str, sleep| NodePlan {
        sleep,
        feeds: vec![Feed {
            topic: format!("report/{name}"),
            qos: Qos::One,
            count: 5,
            start: Instant::from_secs(1),
            period: Duration::from_secs(10),
            jitter: Duration::ZERO,
        }],
        subscriptions: vec![("report/#".to_owned(), Qos::One)],
        ..NodePlan::new(name)
    };
    let sleep = NonZeroU16::new(60).map(|duration_s| Sleep { duration_s, wake_every: Duration::from_secs(7) });
    Plan { nodes: vec![node("a", None), node("b", None), node("c", sleep)], ..Plan::new(1, Link::losing(10)) }
}

/// Lets both run, each thing at its time.
fn run(world: &mut World<'_>, core: &mut Core, until: Instant) {
    while world.now() < until {
        let next = [world.next_at(), core.poll_timeout(), Some(until)].into_iter().flatten().min();
        let now = next.unwrap_or(until).max(world.now());
        world.run_until(now);
        core.handle_timeout(now);
        while let Some((from, datagram)) = world.take_for_gateway() {
            let from = PeerAddr::direct(TRANSPORT, from);
            core.handle_input(now, Input::Datagram { from, bytes: &datagram });
        }
        carry_out(world, core);
    }
}

fn carry_out(world: &mut World<'_>, core: &mut Core) {
    while let Some(output) = core.poll_output() {
        match output {
            Output::Send { to, datagram } => world.from_gateway(Downlink::Peer(to.link), &datagram),
            Output::Broadcast { radius, datagram, .. } => world.from_gateway(Downlink::Everyone { radius }, &datagram),
            _ => {}
        }
    }
}

#[test]
fn nodes_publish_to_each_other_through_a_gateway_that_is_somewhere_else() {
    let plan = plan();
    let mut world = World::without_gateway(&plan).unwrap();
    let mut core = Core::new(Config::default());
    core.add_transport(Instant::ZERO, TRANSPORT, world.profile());
    run(&mut world, &mut core, Instant::from_secs(600));
    assert_eq!((world.connected(), world.ever_connected()), (3, 3));
    let summary = world.ledger().summary();
    assert_eq!((summary.offered, summary.confirmed), (15, 15));
    assert_eq!(world.ledger().verdict().map(|summary| summary.owed > 15), Ok(true));
}

#[test]
fn nobody_answers_where_there_is_no_gateway() {
    let plan = plan();
    let mut world = World::without_gateway(&plan).unwrap();
    world.run_until(Instant::from_secs(60));
    assert_eq!((world.connected(), world.ledger().summary().offered), (0, 0));
    assert!(world.take_for_gateway().is_some(), "they try");
}

#[test]
fn what_only_a_simulated_gateway_can_do_is_refused() {
    let crash = FaultKind::Crash { gateway: 0, armed: false, commit: Fate::Kept, down: Duration::from_secs(1) };
    let silence = FaultKind::Silence { node: 0, lasts: Duration::from_secs(1) };
    let with = |what| Plan { faults: vec![Fault { at: Instant::from_secs(3), what }], ..plan() };
    assert!(World::without_gateway(&with(silence)).is_ok());
    let refusal = |plan: &Plan| World::without_gateway(plan).err().unwrap().to_string();
    assert_eq!(refusal(&with(crash)), "the fault at 3.000000s is for a simulated gateway or MQTT client");
    let two = Plan { gateways: vec![GatewayPlan::default(); 2], ..plan() };
    assert_eq!(refusal(&two), "there is one real gateway, but 2 in this plan");
}
