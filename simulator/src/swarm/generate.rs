//! From a seed to a plan.

use super::dice::Dice;
use super::rude;
use crate::Link;
use crate::plan::{
    Do, Fate, Fault, FaultKind, Feed, GatewayPlan, MediumPlan, MqttPlan, NodePlan, Plan, Sleep, Step, WillPlan,
};
use sn_client::Qos;
use sn_types::Instant;
use std::num::NonZeroU16;
use std::time::Duration;

const TOPICS: [&str; 6] = ["a/b", "a/c", "d", "ss", "e/f/g", "tt"];
const FILTERS: [&str; 9] = ["a/b", "a/c", "d", "ss", "e/f/g", "tt", "a/+", "#", "e/#"];

/// Everybody is switched on by then.
const STEPS_START: Instant = Instant::from_secs(20);
/// After the last fault has passed, the world goes on as it is for so long, before it is calm.
const PAUSE: Duration = Duration::from_secs(60);

/// Which kinds of things happen in a world.
struct Kinds {
    durable: bool,
    sleep: bool,
    wildcards: bool,
    unsubscribe: bool,
    retain: bool,
    disconnect: bool,
    wills: bool,
    clean_sessions: bool,
    narrow_limits: bool,
    crash: bool,
    armed_crash: bool,
    disk_full: bool,
    disk_fails: bool,
    silence: bool,
    reboot: bool,
    moves: bool,
    swaps: bool,
    cuts: bool,
    rude: bool,
    one_qos_per_filter: bool,
    qos: Vec<Qos>,
}

impl Kinds {
    fn new(dice: &mut Dice) -> Self {
        let durable = !dice.one_in(4);
        let qos = [Qos::Zero, Qos::One, Qos::Two].into_iter().filter(|_| !dice.one_in(3)).collect::<Vec<_>>();
        Self {
            durable,
            sleep: dice.one_in(2),
            wildcards: dice.one_in(2),
            unsubscribe: dice.one_in(3),
            retain: dice.one_in(3),
            disconnect: dice.one_in(3),
            wills: dice.one_in(3),
            clean_sessions: dice.one_in(4),
            narrow_limits: dice.one_in(6),
            crash: durable && dice.one_in(3),
            armed_crash: durable && dice.one_in(2),
            disk_full: durable && dice.one_in(5),
            disk_fails: durable && dice.one_in(6),
            silence: dice.one_in(3),
            reboot: dice.one_in(5),
            moves: dice.one_in(5),
            swaps: dice.one_in(6),
            cuts: dice.one_in(3),
            rude: dice.one_in(4),
            one_qos_per_filter: false,
            qos: if qos.is_empty() { vec![Qos::One, Qos::Two] } else { qos },
        }
    }
}

/// The plan of a seed. The same seed always gives the same plan, as long as this function stays as it is: what must be
/// kept is the plan.
#[must_use]
pub fn generate(seed: u64) -> Plan {
    // The generator and the world draw from different sources.
    let mut dice = Dice::new(seed ^ 0x5EED_0F5E_ED00);
    let mut kinds = Kinds::new(&mut dice);
    let link = link(&mut dice);
    let is_late = *link.delay_us.end() > 2_000_000;
    // A copy of a CONNECT with CleanSession wipes the session out behind its client's back, and one that is late has moved to
    // another address: nothing in MQTT-SN 1.2 tells it from a new one.
    kinds.clean_sessions &= !is_late && link.duplicate_ppm == 0;
    kinds.swaps &= !is_late;
    // A gateway that has forgotten a CONNECT sends to the address that it remembers, whoever is there.
    kinds.swaps &= !(kinds.crash || kinds.armed_crash || kinds.disk_fails);
    // Likewise a copy of a SUBSCRIBE takes back what was asked for after it.
    kinds.one_qos_per_filter = is_late || link.duplicate_ppm > 0;
    kinds.unsubscribe &= !kinds.one_qos_per_filter;
    let end = Instant::from_secs(dice.pick(&[60, 180, 600, 1_800]));
    let mut plan = Plan { gateways: vec![gateway(&mut dice, &kinds)], ..Plan::new(seed, link) };
    plan.nodes = (0..dice.between(1, 4)).map(|number| node(&mut dice, &kinds, number, end)).collect();
    plan.mqtt = (0..dice.between(0, 2)).map(|number| mqtt(&mut dice, &kinds, number, end)).collect();
    plan.faults = faults(&mut dice, &kinds, &plan, end);
    plan.faults.sort_by_key(|fault| fault.at);
    plan.calm_at = plan.faults.iter().map(Fault::passed_at).fold(end, Instant::max) + PAUSE;
    plan
}

fn link(dice: &mut Dice) -> Link {
    let loss_ppm = dice.pick(&[0, 0, 10_000, 50_000, 200_000]);
    match dice.below(6) {
        0 => Link { delay_us: 1_000..=1_000, loss_ppm, ..Link::LOSSLESS },
        1 | 2 => Link { loss_ppm, ..Link::LOSSLESS },
        3 => Link { loss_ppm, delay_us: 5_000..=1_000_000, ..Link::LOSSLESS },
        4 => Link { loss_ppm, duplicate_ppm: 50_000, duplicate_delay_us: 5_000..=400_000, ..Link::LOSSLESS },
        _ => Link {
            loss_ppm,
            duplicate_ppm: 20_000,
            delay_us: 5_000..=12_000_000,
            duplicate_delay_us: 5_000..=12_000_000,
            outlasts_calm: false,
        },
    }
}

fn gateway(dice: &mut Dice, kinds: &Kinds) -> GatewayPlan {
    let commit_us = dice.pick(&[(100, 500), (2_000, 10_000), (50_000, 800_000)]);
    let wide = GatewayPlan { durable: kinds.durable, commit_us, ..GatewayPlan::default() };
    if !kinds.narrow_limits {
        return wide;
    }
    GatewayPlan {
        // The limits of ids and subscriptions are answered with "congestion": whoever reaches them tries for ever.
        queue_messages: dice.between(1, 6) as usize,
        mqtt_inflight: dice.between(1, 3) as usize,
        ..wide
    }
}

fn node(dice: &mut Dice, kinds: &Kinds, number: u64, end: Instant) -> NodePlan {
    let sleeps = kinds.sleep && dice.one_in(2);
    let duration_s = NonZeroU16::MIN.saturating_add(dice.between(60, 300) as u16);
    let sleep = Sleep { duration_s, wake_every: dice.seconds(10, 60) };
    let topic = dice.pick(&TOPICS).to_owned();
    NodePlan {
        start: Instant::from_millis(dice.below(10_000)),
        clean_session: kinds.clean_sessions && dice.one_in(2),
        auto_reconnect: !kinds.disconnect || !dice.one_in(4),
        keep_alive_s: dice.pick(&[20, 60, 300]),
        will: (kinds.wills && dice.one_in(2))
            .then(|| WillPlan { topic: format!("will/{number}"), qos: dice.pick(&kinds.qos) }),
        sleep: sleeps.then_some(sleep),
        subscriptions: subscriptions(dice, kinds),
        feeds: dice.one_in(2).then(|| feed(dice, kinds, topic)).into_iter().collect(),
        steps: steps(dice, kinds, end),
        ..NodePlan::new(format!("node-{number}"))
    }
}

fn mqtt(dice: &mut Dice, kinds: &Kinds, number: u64, end: Instant) -> MqttPlan {
    let topic = dice.pick(&TOPICS).to_owned();
    MqttPlan {
        start: Instant::from_millis(dice.below(10_000)),
        clean_session: kinds.clean_sessions && dice.one_in(2),
        subscriptions: subscriptions(dice, kinds),
        feeds: dice.one_in(2).then(|| feed(dice, kinds, topic)).into_iter().collect(),
        steps: steps(dice, kinds, end),
        ..MqttPlan::new(format!("mqtt-{number}"))
    }
}

fn subscription(dice: &mut Dice, kinds: &Kinds) -> (String, Qos) {
    let filter = filter(dice, kinds);
    let qos = if kinds.one_qos_per_filter { kinds.qos[filter.len() % kinds.qos.len()] } else { dice.pick(&kinds.qos) };
    (filter, qos)
}

fn filter(dice: &mut Dice, kinds: &Kinds) -> String {
    let filters = if kinds.wildcards { &FILTERS[..] } else { &FILTERS[..TOPICS.len()] };
    dice.pick(filters).to_owned()
}

fn subscriptions(dice: &mut Dice, kinds: &Kinds) -> Vec<(String, Qos)> {
    (0..dice.below(4)).map(|_| subscription(dice, kinds)).collect()
}

fn feed(dice: &mut Dice, kinds: &Kinds, topic: String) -> Feed {
    Feed {
        topic,
        qos: dice.pick(&kinds.qos),
        count: dice.between(1, 12) as u32,
        start: STEPS_START,
        period: dice.seconds(1, 20),
        jitter: Duration::ZERO,
    }
}

fn steps(dice: &mut Dice, kinds: &Kinds, end: Instant) -> Vec<Step> {
    let count = dice.below(10);
    let mut steps: Vec<Step> =
        (0..count).map(|_| Step { at: dice.moment(STEPS_START, end), what: step(dice, kinds) }).collect();
    steps.sort_by_key(|step| step.at);
    steps
}

fn step(dice: &mut Dice, kinds: &Kinds) -> Do {
    match dice.below(10) {
        0 | 1 => {
            let (filter, qos) = subscription(dice, kinds);
            Do::Subscribe { filter, qos }
        }
        2 if kinds.unsubscribe => Do::Unsubscribe { filter: filter(dice, kinds) },
        3 if kinds.disconnect => Do::Disconnect,
        4 | 5 if kinds.disconnect => Do::Connect,
        _ => Do::Publish {
            topic: dice.pick(&TOPICS).to_owned(),
            qos: dice.pick(&kinds.qos),
            retain: kinds.retain && dice.one_in(2),
        },
    }
}

fn faults(dice: &mut Dice, kinds: &Kinds, plan: &Plan, end: Instant) -> Vec<Fault> {
    let (nodes, clients) = (plan.nodes.len() as u64, plan.mqtt.len() as u64);
    let mut all = Vec::new();
    let mut add = |dice: &mut Dice, is_on: bool, most: u64, what: &dyn Fn(&mut Dice) -> FaultKind| {
        for _ in 0..if is_on { dice.between(1, most) } else { 0 } {
            let what = what(dice);
            all.push(Fault { at: dice.moment(Instant::from_secs(5), end), what });
        }
    };
    let node = |dice: &mut Dice| dice.below(nodes) as usize;
    let crash =
        |dice: &mut Dice, armed| FaultKind::Crash { gateway: 0, armed, commit: fate(dice), down: dice.seconds(1, 100) };
    add(dice, kinds.crash, 3, &|dice| crash(dice, false));
    add(dice, kinds.armed_crash, 4, &|dice| crash(dice, true));
    add(dice, kinds.disk_full, 2, &|dice| FaultKind::DiskFull { gateway: 0, lasts: dice.seconds(1, 60) });
    add(dice, kinds.disk_fails, 2, &|dice| FaultKind::DiskFails {
        gateway: 0,
        commit: fate(dice),
        down: dice.seconds(1, 60),
    });
    add(dice, kinds.silence, 4, &|dice| FaultKind::Silence { node: node(dice), lasts: dice.seconds(1, 200) });
    add(dice, kinds.reboot, 3, &|dice| FaultKind::Reboot { node: node(dice), down: dice.seconds(0, 60) });
    add(dice, kinds.moves, 3, &|dice| FaultKind::Move { node: node(dice) });
    add(dice, kinds.swaps && nodes > 1, 3, &|dice| {
        let one = node(dice);
        FaultKind::Swap { node: one, other: (one + 1) % nodes as usize }
    });
    add(dice, kinds.cuts && clients > 0, 4, &|dice| FaultKind::Cut { mqtt: dice.below(clients) as usize });
    add(dice, kinds.rude, 20, &|dice| FaultKind::Rude {
        gateway: 0,
        stranger: dice.below(3) as u32,
        datagram: rude::datagram(dice),
    });
    all
}

fn fate(dice: &mut Dice) -> Fate {
    match dice.below(3) {
        0 => Fate::Lost,
        1 => Fate::Torn(dice.below(1_000) as u16),
        _ => Fate::Kept,
    }
}

impl Plan {
    /// The link, if the medium is one.
    pub(super) fn link_mut(&mut self) -> Option<&mut Link> {
        match &mut self.medium {
            MediumPlan::Link(link) => Some(link),
            MediumPlan::Radio(_) | MediumPlan::Udp(_) => None,
        }
    }
}
