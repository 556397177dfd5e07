//! From a file to a plan.

use super::error::{ScenarioError, Wrong};
use super::fault::Names;
use super::file::{
    BandKey, BatteryKey, ClientTable, CommandTable, ExcessKey, File, GatewayTable, GroupTable, LinkTable, MediumTable,
    RadioTable, ReportTable, SleepTable, UdpTable,
};
use super::values::{Qos, Time};
use crate::energy::{Battery, Supply};
use crate::plan::{Feed, GatewayPlan, MediumPlan, MqttPlan, NodePlan, Plan, Sleep, WillPlan};
use crate::radio::{DutyCycle, Excess, LeafGroup, LogDistance, Loss, Phy, Propagation, RadioPlan, Receiver, Site};
use crate::report::{Position, Wall};
use crate::udp_net::UdpPlan;
use crate::{Floor, Link};
use oorandom::Rand64;
use sn_types::Instant;
use std::num::NonZeroU16;
use std::ops::Range;
use std::time::Duration;

/// A scenario, spelled out.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// What everybody does. The calm begins when the file's duration is over.
    pub plan: Plan,
    /// Where everybody is.
    pub floor: Floor,
    /// After the calm, everything should have come to its end within this time.
    pub bound: Duration,
}

/// A group's nodes in the plan.
struct Group<'f> {
    /// In the file.
    path: String,
    table: &'f GroupTable,
    nodes: Range<usize>,
    places: Vec<Position>,
}

/// Nobody needs longer after the calm: some pauses of T_WAIT, and whoever sleeps wakes up some times.
const BOUND: Duration = Duration::from_secs(6 * 3_600);

impl File {
    /// The plan: the same for the same file and seed.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn expand(&self) -> Result<Scene, ScenarioError> {
        self.scene().map_err(|wrong| self.error(&wrong))
    }

    fn scene(&self) -> Result<Scene, Wrong> {
        // The plan's own generators draw from other sources.
        let mut rng = Rand64::new((u128::from(self.seed) << 64) | 0x5CE7_A210);
        let groups = self.groups(&mut rng)?;
        let mut nodes = Vec::new();
        for group in &groups {
            for number in 0..group.table.count {
                nodes.push(self.node(group, number, &mut rng)?);
            }
        }
        let plan = Plan {
            seed: self.seed,
            calm_at: Instant::ZERO + self.duration.0,
            medium: self.medium(&groups)?,
            gateways: self.gateways.iter().map(GatewayTable::plan).collect(),
            nodes,
            mqtt: self.clients.iter().map(|client| self.client(client, &groups, &mut rng)).collect(),
            faults: self.faults(&groups, &mut rng),
        };
        plan.check().map_err(|what| Wrong::at("", what))?;
        self.check_client_ids()?;
        let longest_sleep = plan.nodes.iter().filter_map(|node| node.sleep).map(|sleep| sleep.wake_every).max();
        let bound = BOUND + 4 * longest_sleep.unwrap_or_default();
        Ok(Scene { floor: self.floor(&groups), bound, plan })
    }

    fn groups(&self, rng: &mut Rand64) -> Result<Vec<Group<'_>>, Wrong> {
        let mut first = 0;
        let mut groups = Vec::new();
        for (number, table) in self.groups.iter().enumerate() {
            let path = format!("nodes.{number}");
            let nodes = first..first + table.count;
            first = nodes.end;
            groups.push(Group { places: self.places(&path, table, rng)?, path, table, nodes });
        }
        Ok(groups)
    }

    fn places(&self, path: &str, group: &GroupTable, rng: &mut Rand64) -> Result<Vec<Position>, Wrong> {
        let Some(place) = &group.place else {
            return match &self.medium {
                MediumTable::Radio(_) => {
                    let message =
                        format!("the group {:?} has no `place`, and over a radio everybody is somewhere", group.name);
                    Err(Wrong::at(path, message))
                }
                MediumTable::Udp(_) | MediumTable::Link(_) => Ok(Vec::new()),
            };
        };
        place.places(group.count, rng).map_err(|places| {
            let (name, count) = (&group.name, group.count);
            let message =
                format!("the group {name:?} has {places} places for {count} nodes: `count` and `place` have to agree");
            Wrong::at(format!("{path}.place"), message)
        })
    }

    fn node(&self, group: &Group<'_>, number: usize, rng: &mut Rand64) -> Result<NodePlan, Wrong> {
        let Group { path, table, .. } = group;
        let name = |pattern: &str| table.fill(pattern, number);
        let start = Instant::from_micros(up_to(table.start_within, rng));
        let feeds =
            table.reports.iter().map(|report| self.feed(name(&report.topic), report.beat(), start, rng)).collect();
        Ok(NodePlan {
            gateway: table.gateway,
            start,
            keep_alive_s: table.keep_alive.0.as_secs().try_into().unwrap_or(u16::MAX),
            will: table.will.as_ref().map(|will| WillPlan { topic: name(&will.topic), qos: will.qos.0 }),
            payload_len: table.payload_octets,
            sleep: table.sleep.map(|sleep| sleep.plan(&format!("{path}.sleep"))).transpose()?,
            subscriptions: table.subscribe.iter().map(|to| (name(&to.filter), to.qos.0)).collect(),
            feeds,
            ..NodePlan::new(table.client_id(number))
        })
    }

    fn client(&self, client: &ClientTable, groups: &[Group<'_>], rng: &mut Rand64) -> MqttPlan {
        let mut feeds = Vec::new();
        for command in &client.commands {
            let Some(group) = groups.iter().find(|group| group.table.name == command.to) else { continue };
            let start = Instant::ZERO + group.table.commands_begin().0;
            for number in 0..group.table.count {
                let topic = group.table.fill(&command.topic, number);
                feeds.push(self.feed(topic, command.beat(), start, rng));
            }
        }
        let subscriptions = client.subscribe.iter().map(|to| (to.filter.clone(), to.qos.0)).collect();
        MqttPlan { gateway: client.gateway, subscriptions, feeds, ..MqttPlan::new(client.name.clone()) }
    }

    /// Messages from `start` on, the first within a period, until the end of the scenario.
    fn feed(&self, topic: String, beat: Beat, start: Instant, rng: &mut Rand64) -> Feed {
        let Beat { every, jitter, qos } = beat;
        let start = start + Duration::from_micros(up_to(every, rng));
        let left_us = self.duration.as_micros().saturating_sub(start.as_micros()).saturating_sub(jitter.as_micros());
        let count = u32::try_from(left_us.div_ceil(every.as_micros())).unwrap_or(u32::MAX);
        Feed { topic, qos: qos.0, count, start, period: every.0, jitter: jitter.0 }
    }

    fn faults(&self, groups: &[Group<'_>], rng: &mut Rand64) -> Vec<crate::plan::Fault> {
        let group = |name: &str| groups.iter().find(|group| group.table.name == name).map(|group| group.nodes.clone());
        let client = |name: &str| self.clients.iter().position(|client| client.name == name);
        let names = Names { group: &group, client: &client };
        let mut faults = Vec::new();
        for fault in &self.faults {
            faults.extend(fault.expand(self.duration, &names, rng));
        }
        faults.sort_by_key(|fault| fault.at);
        faults
    }

    fn medium(&self, groups: &[Group<'_>]) -> Result<MediumPlan, Wrong> {
        let with_link = groups.iter().filter_map(|group| Some((group, group.table.link.as_ref()?)));
        let leaves = with_link.clone().map(|(group, link)| link.plan(&format!("{}.link", group.path), &group.nodes));
        let leaves: Vec<LeafGroup> = leaves.collect::<Result<_, _>>()?;
        if let (MediumTable::Udp(_) | MediumTable::Link(_), Some((group, _))) = (&self.medium, with_link.clone().next())
        {
            return Err(Wrong::at(format!("{}.link", group.path), "a group's `link` is for nodes over a radio"));
        }
        Ok(match &self.medium {
            MediumTable::Radio(radio) => MediumPlan::Radio(Box::new(RadioPlan { leaves, ..self.radio(radio, groups) })),
            MediumTable::Udp(udp) => {
                MediumPlan::Udp(udp.plan(self.seed, groups.iter().map(|group| group.table.count).sum()))
            }
            MediumTable::Link(link) => MediumPlan::Link(link.plan()),
        })
    }

    fn radio(&self, radio: &RadioTable, groups: &[Group<'_>]) -> RadioPlan {
        let phy = radio.band.phy();
        let reference_db = match phy {
            Phy::Oqpsk250k => 40,
            Phy::SunFsk50k => 31,
        };
        let excess = match radio.excess {
            ExcessKey::Wait => Excess::Wait,
            ExcessKey::Drop => Excess::Drop,
        };
        let nodes =
            groups.iter().flat_map(|group| group.places.iter().map(|place| site(*place, group.table.tx_power_dbm)));
        RadioPlan {
            seed: self.seed,
            phy,
            propagation: Propagation::LogDistance(LogDistance {
                exponent_tenths: (radio.path_loss_exponent * 10.0).round() as u16,
                reference_db,
                shadowing_db: radio.shadowing_db,
            }),
            receiver: Receiver { carrier_sense: radio.carrier_sense, ..Receiver::default() },
            loss: Loss::independent(radio.loss_percent.ppm()),
            duty_cycle: radio.duty_cycle_percent.map(|limit| DutyCycle { limit_ppm: limit.ppm(), excess }),
            supply: Supply { battery: radio.battery.battery(), ..Supply::default() },
            nodes: nodes.collect(),
            routers: self.routers.iter().map(|router| site(router.place.position(), router.tx_power_dbm)).collect(),
            gateways: self
                .gateways
                .iter()
                .map(|gateway| site(gateway.place.position(), gateway.tx_power_dbm))
                .collect(),
            ..RadioPlan::default()
        }
    }

    /// Whether no two clients have the same.
    fn check_client_ids(&self) -> Result<(), Wrong> {
        let mut seen = std::collections::BTreeSet::new();
        let of_groups = self.groups.iter().enumerate().flat_map(|(place, group)| {
            let key = if group.client_id.is_some() { "client_id" } else { "name" };
            (0..group.count).map(move |number| (format!("nodes.{place}.{key}"), group.client_id(number)))
        });
        let of_clients = self.clients.iter().enumerate();
        let of_clients = of_clients.map(|(place, client)| (format!("client.{place}.name"), client.name.clone()));
        for (path, id) in of_groups.chain(of_clients) {
            if seen.contains(&id) {
                let help = "put {n} into `client_id`, or give groups other names";
                return Err(Wrong::at(path, format!("two clients have the id {id:?}: {help}")));
            }
            seen.insert(id);
        }
        Ok(())
    }

    fn floor(&self, groups: &[Group<'_>]) -> Floor {
        let has_places = groups.iter().all(|group| group.places.len() == group.table.count);
        let places = groups.iter().filter(|_| has_places).flat_map(|group| group.places.iter().copied());
        Floor {
            name: self.name.clone(),
            description: self.description.clone(),
            walls: self.walls.iter().map(|wall| Wall { from: wall.from.position(), to: wall.to.position() }).collect(),
            nodes: places.collect(),
            routers: self.routers.iter().map(|router| router.place.position()).collect(),
            gateways: self.gateways.iter().filter(|_| has_places).map(|gateway| gateway.place.position()).collect(),
        }
    }
}

impl GroupTable {
    /// When they have subscribed, if all goes well.
    pub(super) fn commands_begin(&self) -> Time {
        Time(self.start_within.0 + Duration::from_secs(60))
    }

    pub(super) fn client_id(&self, number: usize) -> String {
        let pattern = self.client_id.clone().unwrap_or_else(|| format!("{}-{{n}}", self.name));
        pattern.replace("{n}", &self.digits(number))
    }

    pub(super) fn fill(&self, pattern: &str, number: usize) -> String {
        pattern.replace("{id}", &self.client_id(number)).replace("{n}", &self.digits(number))
    }

    /// As many as the last of the group needs.
    fn digits(&self, number: usize) -> String {
        let width = self.count.saturating_sub(1).to_string().len();
        format!("{number:0width$}")
    }
}

impl SleepTable {
    /// `path`: that of the table.
    fn plan(self, path: &str) -> Result<Sleep, Wrong> {
        let longest = Time::from_secs(u16::MAX.into());
        let lost_after = self.lost_after.unwrap_or_else(|| Time(self.wake_every.0 * 3).min(longest));
        if self.wake_every.0.is_zero() || self.wake_every >= lost_after {
            let message = "`wake_every` has to be above 0 and below `lost_after`, at most 65,535 s";
            return Err(Wrong::at(format!("{path}.wake_every"), message));
        }
        let is_whole = self.lost_after.is_none_or(|lost_after| lost_after.0.subsec_nanos() == 0);
        let duration_s = u16::try_from(lost_after.0.as_secs()).ok().and_then(NonZeroU16::new);
        let duration_s = duration_s.filter(|_| is_whole).ok_or_else(|| {
            let message = "`lost_after` is in whole seconds from 1 to 65,535, which is what MQTT-SN can say";
            Wrong::at(format!("{path}.lost_after"), message)
        })?;
        Ok(Sleep { duration_s, wake_every: self.wake_every.0 })
    }
}

/// How often messages are due.
#[derive(Clone, Copy)]
struct Beat {
    every: Time,
    jitter: Time,
    qos: Qos,
}

impl Beat {
    fn new(every: Time, jitter: Option<Time>, qos: Qos) -> Self {
        Self { every, jitter: jitter.unwrap_or(Time(every.0 / 10)), qos }
    }
}

impl ReportTable {
    fn beat(&self) -> Beat {
        Beat::new(self.every, self.jitter, self.qos)
    }
}

impl CommandTable {
    fn beat(&self) -> Beat {
        Beat::new(self.every, self.jitter, self.qos)
    }
}

impl GatewayTable {
    fn plan(&self) -> GatewayPlan {
        let usual = GatewayPlan::default();
        GatewayPlan {
            durable: self.durable,
            commit_us: self.commit.map_or(usual.commit_us, |[short, long]| (short.as_micros(), long.as_micros())),
            t_retry: self.t_retry.map_or(usual.t_retry, |t_retry| t_retry.0),
            n_retry: self.n_retry.unwrap_or(usual.n_retry),
            clients: self.max_clients.unwrap_or(usual.clients),
            queue_messages: self.max_queue_messages.unwrap_or(usual.queue_messages),
            ..usual
        }
    }
}

impl UdpTable {
    fn plan(&self, seed: u64, nodes: usize) -> UdpPlan {
        let millis = |time: Time| u32::try_from(time.0.as_millis()).unwrap_or(u32::MAX);
        UdpPlan {
            seed,
            nodes,
            loss_ppm: self.loss_percent.ppm(),
            duplicate_ppm: self.duplicate_percent.ppm(),
            min_delay_ms: millis(self.delay[0]),
            max_delay_ms: millis(self.delay[1]),
            nat_idle_s: u32::try_from(self.nat_idle.0.as_secs()).unwrap_or(u32::MAX),
            downlink_keeps_mapping: self.nat_kept_by_downlink,
            ..UdpPlan::default()
        }
    }
}

impl LinkTable {
    fn plan(&self) -> Link {
        let delay_us = self.delay[0].as_micros()..=self.delay[1].as_micros().max(self.delay[0].as_micros());
        Link {
            loss_ppm: self.loss_percent.ppm(),
            duplicate_ppm: self.duplicate_percent.ppm(),
            duplicate_delay_us: delay_us.clone(),
            delay_us,
            outlasts_calm: true,
        }
    }
}

impl BandKey {
    pub(super) const fn phy(self) -> Phy {
        match self {
            Self::Ghz24 => Phy::Oqpsk250k,
            Self::Mhz868 => Phy::SunFsk50k,
        }
    }
}

impl BatteryKey {
    const fn battery(self) -> Battery {
        match self {
            Self::Cr2477 => Battery::CR2477,
            Self::Cr2032 => Battery::CR2032,
            Self::TwoAa => Battery::TWO_AA,
            Self::Ls14500 => Battery::LS14500,
        }
    }
}

fn site(place: Position, tx_power_dbm: i8) -> Site {
    Site { x_dm: place.x_dm, y_dm: place.y_dm, tx_power_dbm, ..Site::default() }
}

/// A time at random, in microseconds.
fn up_to(longest: Time, rng: &mut Rand64) -> u64 {
    rng.rand_range(0..longest.as_micros().saturating_add(1))
}
