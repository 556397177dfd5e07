//! What is noted of a run for its report, while it runs. Nothing that happens depends on it.

use super::World;
use crate::report::{GatewayFacts, Levels, Outage, Sampler};
use gateway_core::{ClientState, Core, Stats, Via};
use sn_types::Instant;
use std::time::Duration;

/// A run so far.
#[derive(Debug, Default)]
pub(super) struct History {
    watcher: Option<Watcher>,
    /// When each gateway crashed, in order, and which one it was.
    outages: Vec<(usize, Outage)>,
    /// Of gateways that have crashed: they forget what they have counted.
    past: GatewayFacts,
}

/// Samples how things stand.
#[derive(Debug)]
struct Watcher {
    sampler: Sampler,
    /// The radio channels in use.
    channels: Vec<u8>,
}

impl History {
    /// A gateway's power fails.
    pub(super) fn crashed(&mut self, now: Instant, gateway: usize, stats: &Stats) {
        self.outages.push((gateway, Outage { crashed_us: now.as_micros(), restarted_us: None }));
        add(&mut self.past, stats);
    }

    /// A gateway is on, perhaps again.
    pub(super) fn started(&mut self, now: Instant, gateway: usize) {
        let of = self.outages.iter_mut().rev().find(|(of, _)| *of == gateway);
        if let Some((_, outage)) = of {
            outage.restarted_us.get_or_insert(now.as_micros());
        }
    }

    /// When the next sample is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.watcher.as_ref().map(|watcher| Instant::from_micros(watcher.sampler.due_us()))
    }
}

impl World<'_> {
    /// From now on, samples how things stand, as often as that or more rarely; see [`World::report`].
    pub fn observe(&mut self, every: Duration) {
        let channels = self.radio_stats().map_or(Vec::new(), |stats| stats.channels);
        let channels: Vec<u8> = channels.iter().map(|channel| channel.channel).collect();
        let slice_us = u64::try_from(every.as_micros()).unwrap_or(u64::MAX);
        self.history.watcher = Some(Watcher { sampler: Sampler::new(slice_us, channels.len()), channels });
    }

    /// Takes the samples that are due before something happens at `at`.
    pub(super) fn sample_until(&mut self, at: Instant) {
        while let Some(due) = self.history.due().filter(|due| *due <= at) {
            self.sample(due);
        }
    }

    fn sample(&mut self, at: Instant) {
        let levels = self.levels();
        let airtime = self.medium.radio_mut().map(crate::radio::Radio::take_airtime).unwrap_or_default();
        let fresh = self.ledger.figures_mut().take_fresh();
        let Some(Watcher { sampler, channels }) = &mut self.history.watcher else { return };
        for (place, channel) in channels.iter().enumerate() {
            sampler.busy(place, airtime.get(channel).copied().unwrap_or(0));
        }
        for (direction, messages) in fresh {
            (0..messages).for_each(|_| sampler.delivered(direction));
        }
        sampler.sample(at.as_micros(), levels);
    }

    fn levels(&self) -> Levels {
        let mut levels = Levels::default();
        for client in self.gateways.iter().filter_map(|gateway| gateway.core()).flat_map(Core::clients) {
            if matches!(client.via, Some(Via::Mqtt(_))) {
                continue;
            }
            levels.mailbox_messages += client.waiting as u64;
            levels.mailbox_deepest = levels.mailbox_deepest.max(client.waiting as u64);
            match client.state {
                ClientState::Active | ClientState::Awake => levels.nodes_connected += 1,
                ClientState::Asleep => levels.nodes_asleep += 1,
                ClientState::Lost => levels.nodes_lost += 1,
                ClientState::Disconnected => {}
            }
        }
        levels
    }

    /// The samples up to now.
    pub(super) fn series(&self) -> crate::report::Series {
        self.history.watcher.as_ref().map_or_else(Default::default, |watcher| watcher.sampler.clone().into_series())
    }

    /// What all gateways have done up to now.
    pub(super) fn gateway_facts(&self) -> GatewayFacts {
        let outages = self.history.outages.iter().map(|(_, outage)| *outage).collect();
        let due = self.plan.faults.iter().filter(|fault| fault.at < self.now && fault.what.is_crash()).count();
        let crashes_missed = due.saturating_sub(self.history.outages.len()) as u64;
        let mut facts = GatewayFacts { outages, crashes_missed, ..self.history.past.clone() };
        let cores = self.gateways.iter().filter_map(|gateway| gateway.core());
        cores.for_each(|core| add(&mut facts, core.stats()));
        facts
    }
}

fn add(facts: &mut GatewayFacts, stats: &Stats) {
    for (reason, times) in &stats.drops {
        *facts.drops.entry(reason.name().to_owned()).or_default() += times;
    }
    for (reason, times) in &stats.rejects {
        *facts.rejects.entry(reason.name().to_owned()).or_default() += times;
    }
    facts.retransmissions += stats.retransmissions;
}
