//! What the core writes is what it has: after any traffic the store equals the state in memory, and reading it back
//! gives the same state again.

mod operator;
#[path = "../common/records.rs"]
mod records;
#[path = "../common/seeds.rs"]
mod seeds;
mod traffic;
#[path = "../common/transparent.rs"]
mod transparent;
mod world;

use gateway_core::Input;
use seeds::seeds;
use std::time::Duration;
use world::{Store, World};

impl World {
    /// One random thing happens.
    fn step(&mut self) {
        self.let_commit();
        match self.below(12) {
            0 => self.pass_time(),
            1..=6 => self.sn_step(),
            7 => self.operator_step(),
            8 => self.upstream_step(),
            _ => self.mqtt_step(),
        }
    }

    fn pass_time(&mut self) {
        let seconds = self.pick(&[1, 11, 30, 100]);
        self.now = self.now + Duration::from_secs(seconds);
        self.core.handle_timeout(self.now);
        self.settle();
    }

    fn assert_stored(&self, what: &str) {
        if !self.is_written() {
            return;
        }
        let memory: Store =
            self.core.snapshot().into_iter().filter_map(|record| Some((record.key, record.value?))).collect();
        // An accepted frame counter may wait for a commit of its own.
        let missing = memory.iter().filter(|(key, value)| self.store.get(*key) != Some(value) && key[0] != b'c');
        let missing: Vec<_> = missing.collect();
        let extra: Vec<_> = self.store.keys().filter(|key| !memory.contains_key(*key)).collect();
        assert!(missing.is_empty(), "{what}: not stored as it is: {}", printable(missing.iter().map(|(key, _)| *key)));
        assert!(extra.is_empty(), "{what}: stored but gone: {}", printable(extra.into_iter()));
    }

    /// What is counted is what is there.
    fn assert_counted(&self, what: &str) {
        let gauges = self.core.gauges();
        let clients: Vec<_> = self.core.clients().collect();
        assert_eq!(gauges.sessions, clients.len(), "{what}");
        assert_eq!(self.core.census().total(), clients.len(), "{what}");
        let details: Vec<_> = clients.iter().filter_map(|client| self.core.client(&client.client_id)).collect();
        let here = details.iter().filter(|client| client.info.upstream.is_none());
        if self.config.transparent.is_none() {
            let waiting: usize = here.clone().map(|client| client.info.waiting).sum();
            assert_eq!(gauges.waiting_messages, waiting, "{what}");
            let subscriptions: usize = here.map(|client| client.subscriptions.len()).sum();
            assert_eq!(gauges.subscriptions, subscriptions, "{what}");
        }
        if self.is_written() {
            assert_eq!((gauges.held, gauges.uncommitted_bytes), (0, 0), "{what}");
        }
    }
}

fn printable<'a>(keys: impl Iterator<Item = &'a Vec<u8>>) -> String {
    keys.map(|key| key.escape_ascii().to_string()).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_store_equals_the_state_after_any_traffic_and_any_restart() {
    for seed in seeds(100) {
        let mut world = World::new(seed);
        for round in 0..4 {
            for step in 0..60 {
                world.step();
                let what = format!("seed {seed}, round {round}, step {step}");
                world.assert_stored(&what);
                world.assert_counted(&what);
            }
            if world.below(2) == 0 {
                world.handle(Input::Shutdown);
                world.finish();
                world.assert_stored(&format!("seed {seed}, round {round}, shut down"));
            }
            world.restart();
            let what = format!("seed {seed}, round {round}, restarted");
            world.assert_stored(&what);
            world.assert_counted(&what);
        }
    }
}
