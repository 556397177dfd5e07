//! What is acknowledged arrives, at QoS 2 exactly once, and in order: whatever is lost, whoever comes back by another protocol,
//! and whenever the process ends, with a commit under way or without.

mod client;
mod links;
#[path = "../common/records.rs"]
mod records;
#[path = "../common/seeds.rs"]
mod seeds;

use client::{Cast, Client, EVERYBODY, Kind, Link, Outgoing, Stage};
use gateway_core::{CommitToken, Config, Core, Input, Output, Qos, Record};
use proptest::prelude::Rng;
use proptest::test_runner::TestRng;
use records::write;
use seeds::{chances, seeds};
use sn_types::{Instant, LinkAddr};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A gateway whose disk takes its time, and its clients.
struct World {
    core: Core,
    store: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The commit that the store has not reported.
    under_way: Option<(CommitToken, Vec<Record>)>,
    now: Instant,
    rng: TestRng,
    clients: Vec<Client>,
    next_conn: u64,
    next_port: u16,
    /// Who has published each message, by its number, and how.
    published: Vec<(usize, Qos)>,
    /// Nothing goes wrong any more.
    calm: bool,
    log: Vec<String>,
}

fn config() -> Config {
    Config { durable: true, session_expiry: None, sys_interval: None, ..Config::default() }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            core: Core::new(config()),
            store: BTreeMap::new(),
            under_way: None,
            now: Instant::from_secs(1),
            rng: chances(seed),
            clients: EVERYBODY.map(Client::new).into(),
            next_conn: 1,
            next_port: 1_000,
            published: Vec::new(),
            calm: false,
            log: vec![format!("seed {seed}")],
        };
        world.core.restore(world.now, &world.store).expect("an empty store is readable");
        world
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.rng.next_u64() % limit
    }

    fn note(&mut self, text: String) {
        self.log.push(format!("{:?} {text}", self.now));
    }

    fn settle(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Commit { token, records } => {
                    self.under_way = Some((token, records));
                    if self.calm || self.below(2) == 0 {
                        self.commit();
                    }
                }
                Output::Send { to, datagram } => {
                    let client = self.clients.iter_mut().find(|client| LinkAddr::Udp(client.addr()) == to.link);
                    client.into_iter().for_each(|client| client.datagrams.push_back(datagram.clone()));
                }
                Output::Mqtt { conn, packet } => {
                    let client = self.clients.iter_mut().find(|client| client.conn() == Some(conn));
                    client.into_iter().for_each(|client| client.packets.push_back(packet.clone()));
                }
                Output::MqttClose { conn, reason } => {
                    self.note(format!("the gateway closes {conn:?}: {reason:?}"));
                    self.clients.iter_mut().filter(|client| client.conn() == Some(conn)).for_each(Client::cut);
                    self.core.handle_input(self.now, Input::MqttClosed { conn });
                }
                Output::Event(event) => self.note(format!("{event:?}")),
                Output::Broadcast { .. } | Output::MqttRead { .. } | Output::Counters { .. } => {}
                Output::Upstream { .. } => panic!("nobody lives elsewhere"),
            }
        }
    }

    /// The store has the commit that is under way, and says so.
    fn commit(&mut self) {
        if let Some((token, records)) = self.under_way.take() {
            write(&mut self.store, records);
            self.core.handle_input(self.now, Input::Committed { token });
        }
    }

    /// The process ends, and another one reads the store, which has the commit that was under way, or has not.
    fn crash(&mut self) {
        let under_way = self.under_way.take();
        let is_kept = self.below(2) == 0;
        self.note(format!("killed, with a commit under way: {}, which is kept: {is_kept}", under_way.is_some()));
        under_way.into_iter().filter(|_| is_kept).for_each(|(_, records)| write(&mut self.store, records));
        self.core = Core::new(config());
        self.core.restore(self.now, &self.store).expect("what was written is readable");
        self.clients.iter_mut().filter(|client| client.conn().is_some()).for_each(Client::cut);
        self.settle();
    }

    /// Something happens, most of the time to one client.
    fn step(&mut self) {
        if self.below(8) == 0 {
            self.commit();
            self.settle();
        }
        let at = self.below(EVERYBODY.len() as u64) as usize;
        match self.below(100) {
            0..=1 => self.crash(),
            2..=9 => {
                let seconds = 1 + self.below(15);
                self.pass(seconds);
            }
            10..=14 => self.leave(at),
            15..=24 => self.come(at),
            25..=29 => self.sleep_or_wake(at),
            30..=39 => self.publish(at),
            _ => drop(self.deliver(at)),
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        self.core.handle_timeout(self.now);
        self.settle();
        (0..EVERYBODY.len()).for_each(|at| self.repeat(at));
    }

    /// Publishes a message, once all that are to get it have subscribed.
    fn publish(&mut self, at: usize) {
        let is_ready = self.clients.iter().all(|client| client.has_subscribed);
        if !EVERYBODY[at].publishes || !is_ready || self.clients[at].outgoing.len() > 5 {
            return;
        }
        let qos = if self.below(2) == 0 { Qos::AtLeastOnce } else { Qos::ExactlyOnce };
        let number = self.published.len() as u32;
        self.published.push((at, qos));
        let id = self.clients[at].next_id();
        self.clients[at].outgoing.push_back(Outgoing { number, qos, id, stage: Stage::Waits });
        self.go_on(at);
    }

    /// Nothing goes wrong any more, and everybody gets what there is.
    fn calm_down(&mut self) {
        self.calm = true;
        self.commit();
        self.settle();
        for round in 0..60 {
            for at in 0..EVERYBODY.len() {
                match self.clients[at].link {
                    Link::SnAsleep if round < 3 => self.sleep_or_wake(at),
                    Link::SnAsleep | Link::Off => self.come(at),
                    Link::SnJoining | Link::Sn | Link::SnAwake | Link::MqttJoining(_) | Link::Mqtt(_) => {}
                }
            }
            while (0..EVERYBODY.len()).any(|at| self.deliver(at)) {}
            self.pass(5);
        }
        while (0..EVERYBODY.len()).any(|at| self.deliver(at)) {}
    }

    fn log(&self) -> String {
        self.log.join("\n")
    }

    fn assert_kept(&self) {
        for client in &self.clients {
            let left = &client.outgoing;
            assert!(left.is_empty(), "{} is not done with {left:?}\n{}", client.cast.name, self.log());
        }
        for (number, published) in (0..).zip(&self.published) {
            for (at, Cast { name, kind, .. }) in EVERYBODY.iter().enumerate() {
                match kind {
                    Kind::Mqtt | Kind::Sn | Kind::Both => {
                        self.assert_times(name, number, *published, self.times(at, number), true);
                    }
                    Kind::Member | Kind::FickleMember => {}
                }
            }
            let members = (0..EVERYBODY.len()).filter(|at| EVERYBODY[*at].kind.is_member());
            let times = members.map(|at| self.times(at, number)).sum();
            // What a member was sent at QoS 2 goes to nobody else when its session ends (MQTT-4.8.2-5).
            self.assert_times("the group", number, *published, times, false);
        }
        (0..EVERYBODY.len()).filter(|at| !EVERYBODY[*at].kind.is_member()).for_each(|at| self.assert_in_order(at));
    }

    fn times(&self, at: usize, number: u32) -> usize {
        self.clients[at].received.iter().filter(|received| **received == number).count()
    }

    fn assert_times(&self, who: &str, number: u32, (from, qos): (usize, Qos), times: usize, at_least_once: bool) {
        let is_kept = match qos {
            Qos::ExactlyOnce if at_least_once => times == 1,
            Qos::ExactlyOnce => times <= 1,
            Qos::AtLeastOnce | Qos::AtMostOnce => times >= 1,
        };
        let from = EVERYBODY[from].name;
        assert!(is_kept, "{who} got number {number} of {from} {times} times, at {qos:?}\n{}", self.log());
    }

    /// Messages of one publisher, one topic and one QoS come in their order (MQTT-4.6.0-6), repetitions aside.
    fn assert_in_order(&self, at: usize) {
        for from in 0..EVERYBODY.len() {
            for qos in [Qos::AtLeastOnce, Qos::ExactlyOnce] {
                let mut seen = BTreeSet::new();
                let is_first = |number: &u32| self.published[*number as usize] == (from, qos) && seen.insert(*number);
                let first: Vec<_> = self.clients[at].received.iter().copied().filter(is_first).collect();
                assert!(first.is_sorted(), "{} got {first:?}, at {qos:?}\n{}", EVERYBODY[at].name, self.log());
            }
        }
    }
}

#[test]
fn what_is_acknowledged_arrives() {
    for seed in seeds(40) {
        let mut world = World::new(seed);
        (0..1_500).for_each(|_| world.step());
        world.calm_down();
        world.assert_kept();
    }
}
