//! Makes a plan that fails as small as it goes.

use super::judge;
use crate::Link;
use crate::plan::{FaultKind, Feed, NodePlan, Plan, Step};

/// Leaves out everything without which the plan still fails in the same way. Answers with the plan as it is if it does not
/// fail.
#[must_use]
pub fn shrink(plan: &Plan) -> Plan {
    let Some(failure) = judge(plan).failure() else { return plan.clone() };
    let mut smallest = plan.clone();
    let still_fails = |plan: &Plan| judge(plan).failure() == Some(failure);
    loop {
        let before = smallest.clone();
        // The simpler the dice, the more can be left out without changing what they show.
        for pass in [
            simpler_link,
            simpler_gateways,
            without_faults,
            without_steps,
            without_feeds,
            without_subscriptions,
            simpler_nodes,
        ] {
            pass(&mut smallest, &still_fails);
        }
        if smallest == before {
            return smallest;
        }
    }
}

type Fails<'f> = &'f dyn Fn(&Plan) -> bool;

/// Takes the change if the plan still fails.
fn attempt(plan: &mut Plan, fails: Fails<'_>, change: impl FnOnce(&mut Plan)) -> bool {
    let mut changed = plan.clone();
    change(&mut changed);
    let takes = changed != *plan && fails(&changed);
    if takes {
        *plan = changed;
    }
    takes
}

/// Leaves out items of a list: halves, quarters, and so on to single ones.
fn thin_out<T>(plan: &mut Plan, fails: Fails<'_>, list: &dyn Fn(&mut Plan) -> Option<&mut Vec<T>>) {
    let len = |plan: &mut Plan| list(plan).map_or(0, |list| list.len());
    let mut chunk = len(plan).next_power_of_two();
    while chunk > 0 {
        let mut from = 0;
        while from < len(plan) {
            let removed = attempt(plan, fails, |plan| {
                if let Some(list) = list(plan) {
                    list.drain(from..list.len().min(from + chunk));
                }
            });
            from += if removed { 0 } else { chunk };
        }
        chunk /= 2;
    }
}

fn without_faults(plan: &mut Plan, fails: Fails<'_>) {
    thin_out(plan, fails, &|plan| Some(&mut plan.faults));
}

fn without_steps(plan: &mut Plan, fails: Fails<'_>) {
    for client in 0..plan.nodes.len() + plan.mqtt.len() {
        thin_out(plan, fails, &move |plan| steps_of(plan, client));
    }
}

fn without_feeds(plan: &mut Plan, fails: Fails<'_>) {
    for client in 0..plan.nodes.len() + plan.mqtt.len() {
        thin_out(plan, fails, &move |plan| feeds_of(plan, client));
        for feed in 0..feeds_of(plan, client).map_or(0, |feeds| feeds.len()) {
            while attempt(plan, fails, |plan| {
                if let Some(feed) = feeds_of(plan, client).and_then(|feeds| feeds.get_mut(feed)) {
                    feed.count = feed.count.saturating_sub(1);
                }
            }) {}
        }
    }
}

fn without_subscriptions(plan: &mut Plan, fails: Fails<'_>) {
    for node in 0..plan.nodes.len() {
        thin_out(plan, fails, &move |plan| plan.nodes.get_mut(node).map(|node| &mut node.subscriptions));
    }
    for client in 0..plan.mqtt.len() {
        thin_out(plan, fails, &move |plan| plan.mqtt.get_mut(client).map(|client| &mut client.subscriptions));
    }
}

fn simpler_nodes(plan: &mut Plan, fails: Fails<'_>) {
    for client in (0..plan.mqtt.len()).rev() {
        attempt(plan, fails, |plan| remove_mqtt(plan, client));
    }
    for node in (0..plan.nodes.len()).rev() {
        if attempt(plan, fails, |plan| remove_node(plan, node)) {
            continue;
        }
        let simpler: [fn(&mut NodePlan); 3] =
            [|node| node.sleep = None, |node| node.will = None, |node| node.auto_reconnect = true];
        for simplify in simpler {
            attempt(plan, fails, |plan| simplify(&mut plan.nodes[node]));
        }
    }
}

/// Takes a node out, and the faults that are about it. Those after it move up.
fn remove_node(plan: &mut Plan, gone: usize) {
    plan.nodes.remove(gone);
    plan.faults.retain(|fault| match fault.what {
        FaultKind::Silence { node, .. } | FaultKind::Reboot { node, .. } | FaultKind::Move { node } => node != gone,
        FaultKind::Swap { node, other } => node != gone && other != gone,
        FaultKind::Crash { .. }
        | FaultKind::DiskFull { .. }
        | FaultKind::DiskFails { .. }
        | FaultKind::Cut { .. }
        | FaultKind::Rude { .. } => true,
    });
    let move_up = |node: &mut usize| *node -= usize::from(*node > gone);
    for fault in &mut plan.faults {
        match &mut fault.what {
            FaultKind::Silence { node, .. } | FaultKind::Reboot { node, .. } | FaultKind::Move { node } => {
                move_up(node)
            }
            FaultKind::Swap { node, other } => [node, other].into_iter().for_each(move_up),
            FaultKind::Crash { .. }
            | FaultKind::DiskFull { .. }
            | FaultKind::DiskFails { .. }
            | FaultKind::Cut { .. }
            | FaultKind::Rude { .. } => {}
        }
    }
}

/// The same for an MQTT client.
fn remove_mqtt(plan: &mut Plan, gone: usize) {
    plan.mqtt.remove(gone);
    plan.faults.retain(|fault| !matches!(fault.what, FaultKind::Cut { mqtt } if mqtt == gone));
    for fault in &mut plan.faults {
        if let FaultKind::Cut { mqtt } = &mut fault.what {
            *mqtt -= usize::from(*mqtt > gone);
        }
    }
}

fn simpler_link(plan: &mut Plan, fails: Fails<'_>) {
    let whole: [fn(&mut Link); 4] = [
        |link| *link = Link { delay_us: 1_000..=1_000, ..Link::LOSSLESS },
        |link| link.loss_ppm = 0,
        |link| link.duplicate_ppm = 0,
        |link| link.delay_us = Link::LOSSLESS.delay_us,
    ];
    for simplify in whole {
        attempt(plan, fails, |plan| plan.link_mut().into_iter().for_each(simplify));
    }
}

fn simpler_gateways(plan: &mut Plan, fails: Fails<'_>) {
    attempt(plan, fails, |plan| plan.gateways.iter_mut().for_each(|gateway| gateway.commit_us = (2_000, 2_000)));
    attempt(plan, fails, |plan| plan.gateways.iter_mut().for_each(|gateway| gateway.durable = false));
}

fn steps_of(plan: &mut Plan, client: usize) -> Option<&mut Vec<Step>> {
    let nodes = plan.nodes.len();
    if client < nodes {
        plan.nodes.get_mut(client).map(|node| &mut node.steps)
    } else {
        plan.mqtt.get_mut(client - nodes).map(|client| &mut client.steps)
    }
}

fn feeds_of(plan: &mut Plan, client: usize) -> Option<&mut Vec<Feed>> {
    let nodes = plan.nodes.len();
    if client < nodes {
        plan.nodes.get_mut(client).map(|node| &mut node.feeds)
    } else {
        plan.mqtt.get_mut(client - nodes).map(|client| &mut client.feeds)
    }
}
