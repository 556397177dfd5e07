//! The keys of a scenario file, and what they are when they are not given.

use super::error::{ScenarioError, Wrong};
use super::fault::FaultTable;
use super::node_link::NodeLinkTable;
use super::place::PlaceKey;
use super::values::{Metres, Percent, Qos, Time, two, two_or_none};
use serde::Deserialize;

/// A scenario. `docs/simulator.md` has every key with its default.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// A short name.
    pub name: String,
    /// One or two sentences.
    #[serde(default)]
    pub description: String,
    /// How long messages are published and faults happen. The run ends when all that was published has come, or should
    /// have.
    pub duration: Time,
    /// Of all that is left to chance.
    #[serde(default)]
    pub seed: u64,
    /// What carries datagrams.
    pub medium: MediumTable,
    /// Walls of the floor plan. They are drawn, and dampen nothing.
    #[serde(default, rename = "wall")]
    pub walls: Vec<WallTable>,
    /// The gateways.
    #[serde(default, rename = "gateway")]
    pub gateways: Vec<GatewayTable>,
    /// Stations that pass on frames of others.
    #[serde(default, rename = "router")]
    pub routers: Vec<RouterTable>,
    /// The nodes, in groups that are alike.
    #[serde(default, rename = "nodes")]
    pub groups: Vec<GroupTable>,
    /// The MQTT clients.
    #[serde(default, rename = "client")]
    pub clients: Vec<ClientTable>,
    /// What goes wrong.
    #[serde(default, rename = "fault")]
    pub faults: Vec<FaultTable>,
    /// What it was read from, for the places of errors.
    #[serde(skip)]
    text: String,
}

impl File {
    /// Reads a scenario.
    ///
    /// # Errors
    /// What is wrong, where, and what would be right.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let mut file: Self = toml::from_str(text).map_err(|error| ScenarioError::of_toml(text, &error))?;
        text.clone_into(&mut file.text);
        file.check().map_err(|wrong| file.error(&wrong))?;
        Ok(file)
    }

    /// What is wrong, with its place.
    pub(super) fn error(&self, wrong: &Wrong) -> ScenarioError {
        ScenarioError::of(&self.text, wrong)
    }
}

/// `[medium.radio]`, `[medium.udp]` or `[medium.link]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MediumTable {
    /// IEEE 802.15.4, with 6LoWPAN and routers.
    Radio(RadioTable),
    /// UDP behind address translation.
    Udp(UdpTable),
    /// A link of its own for each node, without any network: for trying out sessions.
    Link(LinkTable),
}

/// `[medium.radio]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RadioTable {
    /// Default: `"2.4GHz"`.
    pub band: BandKey,
    /// How fast power falls with distance: 2 in the open, 3 in buildings.
    pub path_loss_exponent: f64,
    /// How much places at the same distance differ, in dB.
    pub shadowing_db: u8,
    /// Frames that get lost on the way, beside collisions. Default: 0.
    pub loss_percent: Percent,
    /// A station does not begin to send while it could receive a frame of another, however weak (CCA mode 3). Default: no,
    /// only power counts (CCA mode 1).
    pub carrier_sense: bool,
    /// Time on the air that a station may use in an hour. Default: no limit.
    pub duty_cycle_percent: Option<Percent>,
    /// What becomes of frames beyond. Default: `"wait"`.
    pub excess: ExcessKey,
    /// What the nodes live on. Default: `"CR2477"`.
    pub battery: BatteryKey,
}

impl Default for RadioTable {
    fn default() -> Self {
        Self {
            band: BandKey::Ghz24,
            path_loss_exponent: 3.0,
            shadowing_db: 4,
            loss_percent: Percent::default(),
            carrier_sense: false,
            duty_cycle_percent: None,
            excess: ExcessKey::Wait,
            battery: BatteryKey::Cr2477,
        }
    }
}

/// The values of a radio's `band`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum BandKey {
    /// O-QPSK at 250 kb/s.
    #[serde(rename = "2.4GHz")]
    Ghz24,
    /// SUN FSK at 50 kb/s.
    #[serde(rename = "868MHz")]
    Mhz868,
}

/// The values of a radio's `excess`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExcessKey {
    /// They wait until there is time again.
    Wait,
    /// They are dropped.
    Drop,
}

/// The values of a radio's `battery`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum BatteryKey {
    /// A button cell of 1,000 mAh.
    #[serde(rename = "CR2477")]
    Cr2477,
    /// A button cell of 225 mAh.
    #[serde(rename = "CR2032")]
    Cr2032,
    /// Two alkaline AA cells, 2,500 mAh.
    #[serde(rename = "2xAA")]
    TwoAa,
    /// A lithium AA cell, 2,400 mAh.
    #[serde(rename = "LS14500")]
    Ls14500,
}

/// `[medium.udp]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UdpTable {
    /// Datagrams lost, either way.
    pub loss_percent: Percent,
    /// Datagrams that come twice.
    pub duplicate_percent: Percent,
    /// Shortest and longest time under way. Default: 500 ms to 10 s, as on NB-IoT in bad coverage.
    #[serde(deserialize_with = "two")]
    pub delay: [Time; 2],
    /// An address translation that nothing has passed for so long is forgotten. Default: 2 min.
    pub nat_idle: Time,
    /// Datagrams to the node keep it as well. Default: no.
    pub nat_kept_by_downlink: bool,
}

impl Default for UdpTable {
    fn default() -> Self {
        Self {
            loss_percent: Percent::default(),
            duplicate_percent: Percent::default(),
            delay: [Time(std::time::Duration::from_millis(500)), Time::from_secs(10)],
            nat_idle: Time::from_secs(120),
            nat_kept_by_downlink: false,
        }
    }
}

/// `[medium.link]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkTable {
    /// Datagrams lost, either way.
    pub loss_percent: Percent,
    /// Datagrams that come twice.
    pub duplicate_percent: Percent,
    /// Shortest and longest time under way. Default: 5 to 30 ms.
    #[serde(deserialize_with = "two")]
    pub delay: [Time; 2],
}

impl Default for LinkTable {
    fn default() -> Self {
        let [shortest, longest] = [5, 30].map(|ms| Time(std::time::Duration::from_millis(ms)));
        Self { loss_percent: Percent::default(), duplicate_percent: Percent::default(), delay: [shortest, longest] }
    }
}

/// `[[wall]]`
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WallTable {
    /// One end.
    pub from: Metres,
    /// The other.
    pub to: Metres,
}

/// `[[gateway]]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayTable {
    /// Where it is.
    pub place: Metres,
    /// It has a disk: what it acknowledges survives its crash. Default: no.
    pub durable: bool,
    /// How long a commit takes: shortest and longest. Default: 2 to 10 ms.
    #[serde(deserialize_with = "two_or_none")]
    pub commit: Option<[Time; 2]>,
    /// After so long without answer it sends again. Default: as the daemon.
    pub t_retry: Option<Time>,
    /// So often it sends again. Default: as the daemon.
    pub n_retry: Option<u8>,
    /// Sessions. Default: as the daemon.
    pub max_clients: Option<usize>,
    /// Messages that wait for one client. Default: as the daemon.
    pub max_queue_messages: Option<usize>,
    /// Default: 0.
    pub tx_power_dbm: i8,
}

/// `[[router]]`
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouterTable {
    /// Where it is.
    pub place: Metres,
    /// Default: 0.
    #[serde(default)]
    pub tx_power_dbm: i8,
}

/// `[[nodes]]`. In client ids, topics and filters `{n}` is the node's number in its group, with leading zeros; in topics
/// and filters `{id}` is its client id.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupTable {
    /// What other tables call it.
    pub name: String,
    /// Default: 1.
    #[serde(default = "one")]
    pub count: usize,
    /// Default: the group's name, a hyphen and `{n}`.
    #[serde(default)]
    pub client_id: Option<String>,
    /// Where they are. Over a radio there is no default.
    #[serde(default)]
    pub place: Option<PlaceKey>,
    /// Default: 0.
    #[serde(default)]
    pub tx_power_dbm: i8,
    /// The gateway's place in the file, from 0.
    #[serde(default)]
    pub gateway: usize,
    /// They are switched on within that time. Default: 1 min.
    #[serde(default = "one_minute")]
    pub start_within: Time,
    /// How long the gateway lets a node be silent, in whole seconds; `"0s"`: for ever. Default: 5 min.
    #[serde(default = "five_minutes")]
    pub keep_alive: Time,
    /// Only for `sn-sim dongle`: the frames of real nodes. Without it they speak open 6LoWPAN.
    #[serde(default)]
    pub link: Option<NodeLinkTable>,
    /// Without it they are always on.
    #[serde(default)]
    pub sleep: Option<SleepTable>,
    /// Octets of a message: at least the 20 by which the simulator knows it. Default: 20.
    #[serde(default = "twenty")]
    pub payload_octets: u16,
    /// What they publish.
    #[serde(default, rename = "report")]
    pub reports: Vec<ReportTable>,
    /// What they subscribe to.
    #[serde(default)]
    pub subscribe: Vec<SubscribeTable>,
    /// What is published when one is lost.
    #[serde(default)]
    pub will: Option<WillTable>,
}

/// `nodes.sleep`
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SleepTable {
    /// How often a node asks for its messages.
    pub wake_every: Time,
    /// What it tells the gateway: without a word for so long it is lost. Default: three times `wake_every`. In whole seconds,
    /// at most 65,535, for that is what a DISCONNECT can say.
    #[serde(default)]
    pub lost_after: Option<Time>,
}

/// `[[nodes.report]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportTable {
    /// Where to.
    pub topic: String,
    /// From one to the next.
    pub every: Time,
    /// Later by up to so much, so that nodes do not march in step. Default: a tenth of `every`.
    #[serde(default)]
    pub jitter: Option<Time>,
    /// 0 to 2.
    pub qos: Qos,
}

/// An entry of `subscribe`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscribeTable {
    /// To what.
    pub filter: String,
    /// 0 to 2.
    pub qos: Qos,
}

/// `nodes.will`. Its payload is the client id.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WillTable {
    /// Where to.
    pub topic: String,
    /// 0 to 2.
    pub qos: Qos,
}

/// `[[client]]`: an MQTT client.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientTable {
    /// Its client id.
    pub name: String,
    /// The gateway's place in the file, from 0.
    #[serde(default)]
    pub gateway: usize,
    /// What it subscribes to.
    #[serde(default)]
    pub subscribe: Vec<SubscribeTable>,
    /// What it sends.
    #[serde(default, rename = "command")]
    pub commands: Vec<CommandTable>,
}

/// `[[client.command]]`: messages to every node of a group, each at its own moment.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandTable {
    /// The group's name.
    pub to: String,
    /// With `{id}` and `{n}` of each node.
    pub topic: String,
    /// From one to the next for the same node.
    pub every: Time,
    /// Later by up to so much. Default: a tenth of `every`.
    #[serde(default)]
    pub jitter: Option<Time>,
    /// 0 to 2.
    pub qos: Qos,
}

const fn one() -> usize {
    1
}

const fn one_minute() -> Time {
    Time::from_secs(60)
}

const fn five_minutes() -> Time {
    Time::from_secs(300)
}

const fn twenty() -> u16 {
    20
}
