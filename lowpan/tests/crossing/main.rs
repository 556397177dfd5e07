//! Everybody speaks at any time. Elsewhere a frame is over before anything else happens; here a radio has it for a while, in
//! which others come in, nodes ask for theirs, datagrams are handed over, and time passes.

mod judge;
#[path = "../support/mod.rs"]
mod support;
mod world;

use lowpan::{Carriage, Level};
use std::time::Duration;
use support::UDP;
use world::{NODES, World, router_address};

/// What a story is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plot {
    pub(crate) seed: u64,
    pub(crate) routers: usize,
    pub(crate) security: Option<Level>,
    pub(crate) carriage: Carriage,
    pub(crate) loss_percent: u64,
}

fn story(plot: Plot) {
    let mut world = World::new(plot);
    world.is_calm = true;
    world.run(Duration::from_secs(15));
    for number in 0..NODES {
        if plot.routers > 0 && number != 1 {
            world.set_parent(number, router_address(plot.routers - 1));
        }
        world.say(number);
        world.run(Duration::from_secs(1));
    }
    world.is_calm = false;
    world.run(Duration::from_secs(20));
    world.calm();
    world.account();
}

fn stories(loss_percent: u64) {
    for seed in 0..12 {
        let security = (seed % 2 == 0).then_some(Level::Mic32);
        let carriage = if seed / 6 == 0 { Carriage::Bare } else { UDP };
        story(Plot { seed, routers: (seed % 3) as usize, security, carriage, loss_percent });
    }
}

#[test]
fn nothing_overtakes_and_nothing_is_lost_uncounted() {
    stories(0);
}

#[test]
fn nothing_overtakes_with_some_loss() {
    stories(10);
}

#[test]
fn nothing_waits_for_ever_after_much_loss() {
    stories(40);
}
