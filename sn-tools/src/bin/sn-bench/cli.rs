//! The command line, and which scenarios it asks for.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};
use sn_codec::Qos;

use crate::brokers::{self, Load};
use crate::closed_loop::{self, ClosedLoop};
use crate::crowd::{self, Crowd};
use crate::disk::Disk;
use crate::durable;
use crate::echo::{self, Echo};
use crate::fanout::{self, Fanout};
use crate::lone;
use crate::open_loop::{self, OpenLoop};
use crate::report::Outcome;
use crate::scale::{self, Scale};
use crate::settings::{Bounds, Settings};
use crate::sleepers::{self, Sleepers};
use crate::target::{Program, Target, loopback};
use crate::wear;

/// Load for an MQTT-SN gateway on this machine: rates, latencies, losses, beside the machine's own UDP echo.
///
/// Without --gateway or --udp it starts the sn-gateway that lies beside it, a fresh one for every scenario.
/// Ends with 1 when a scenario could not be carried out, and with --check with 2 when a goal was missed.
#[derive(Debug, Parser)]
#[command(name = "sn-bench", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    choice: Choice,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    bounds: BoundArgs,
    /// Runs of each scenario; the table shows medians [default: 1, for `all` 3]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: Option<u32>,
    /// End with status 2 when a goal is missed
    #[arg(long, global = true)]
    pub(crate) check: bool,
}

#[derive(Args, Debug)]
struct TargetArgs {
    /// Start this sn-gateway for each scenario
    #[arg(long, global = true, value_name = "PATH", conflicts_with_all = ["udp", "mqtt", "pid"])]
    gateway: Option<PathBuf>,
    /// One more argument for `sn-gateway run`, may be repeated
    #[arg(long, global = true, value_name = "ARG", allow_hyphen_values = true)]
    gateway_arg: Vec<String>,
    /// Append what the started gateways log to this file
    #[arg(long, global = true, value_name = "FILE")]
    gateway_log: Option<PathBuf>,
    /// Directory on the disk that durable scenarios write to [default: the one for temporary files]
    #[arg(long, global = true, value_name = "DIR")]
    disk: Option<PathBuf>,
    /// MQTT-SN address of a gateway that runs already; loopback only
    #[arg(long, global = true, value_name = "ADDR", value_parser = loopback, requires = "mqtt")]
    udp: Option<SocketAddr>,
    /// MQTT address of that gateway; loopback only
    #[arg(long, global = true, value_name = "ADDR", value_parser = loopback, requires = "udp")]
    mqtt: Option<SocketAddr>,
    /// Process id of that gateway, for its memory and processor time
    #[arg(long, global = true, value_name = "PID", requires = "udp")]
    pid: Option<u32>,
}

#[derive(Args, Debug)]
struct BoundArgs {
    /// How long load is offered
    #[arg(long, global = true, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    load: Duration,
    /// How long the echo is measured before and after a scenario
    #[arg(long, global = true, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    yardstick: Duration,
    /// When any one step of a scenario counts as stuck
    #[arg(long, global = true, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    limit: Duration,
    /// When an unanswered request is sent again (T_retry)
    #[arg(long, global = true, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    t_retry: Duration,
    /// How often an unanswered request is sent again (N_retry)
    #[arg(long, global = true, value_name = "N", default_value_t = 5)]
    n_retry: u32,
}

#[derive(Clone, Debug, Subcommand)]
enum Choice {
    #[command(flatten)]
    One(Scenario),
    /// Everything above with its defaults; on a gateway that runs already, what needs none of its own
    All,
}

#[derive(Clone, Debug, Subcommand)]
enum Scenario {
    /// The yardstick alone: round trips of 32 octets to a UDP echo thread, 50 clients, one datagram each
    Echo,
    /// QoS 1 to one MQTT subscriber, each client with one message under way
    Qos1 {
        #[command(flatten)]
        closed: ClosedArgs,
        /// QoS of the MQTT subscription
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=2))]
        sub_qos: u8,
    },
    /// QoS 2 to one MQTT subscriber, each client with one message under way
    Qos2 {
        #[command(flatten)]
        closed: ClosedArgs,
        /// QoS of the MQTT subscription
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=2))]
        sub_qos: u8,
    },
    /// QoS 0 at a set rate: how much arrives
    Qos0 {
        #[command(flatten)]
        closed: ClosedArgs,
        /// Messages per second
        #[arg(long, default_value_t = 60_000, value_parser = rate())]
        rate: u64,
    },
    /// QoS 0 at a moderate rate: how late messages arrive
    Latency {
        #[command(flatten)]
        closed: ClosedArgs,
        /// Messages per second
        #[arg(long, default_value_t = 10_000, value_parser = rate())]
        rate: u64,
    },
    /// Many clients connect as fast as the gateway answers
    Connect {
        /// Clients
        #[arg(long, default_value_t = 5_000, value_parser = count())]
        clients: u64,
        /// CONNECTs without an answer at any time
        #[arg(long, default_value_t = 128, value_parser = count())]
        window: u64,
    },
    /// One message to many MQTT-SN subscribers at QoS 1
    Fanout {
        /// Subscribers
        #[arg(long, default_value_t = 100, value_parser = count())]
        subscribers: u64,
        /// Messages per second, each to all subscribers
        #[arg(long, default_value_t = 400, value_parser = rate())]
        rate: u64,
    },
    /// Messages for sleeping clients, which then wake and collect them
    Sleepers {
        /// Sleeping clients
        #[arg(long, default_value_t = 100, value_parser = count())]
        sleepers: u64,
        /// Messages for each
        #[arg(long, default_value_t = 30, value_parser = count())]
        messages: u64,
        /// Keep everything on disk, and kill and start the gateway again before anybody wakes
        #[arg(long)]
        restart: bool,
    },
    /// What idle clients cost in memory
    Memory {
        /// Clients
        #[arg(long, default_value_t = 10_000, value_parser = count())]
        clients: u64,
        /// CONNECTs without an answer at any time
        #[arg(long, default_value_t = 128, value_parser = count())]
        window: u64,
    },
    /// What durability costs in rate: QoS 1 to a gateway with a disk, in turns with one without
    Durable {
        #[command(flatten)]
        closed: ClosedArgs,
    },
    /// What durability costs in time: one client's PUBACK beside the UDP echo and a bare commit on the same disk
    Lone,
    /// What a message of 100 octets costs the disk, from 1, 10 and 100 clients
    Wear,
    /// Very many sleepers with kept sessions and messages: restart and memory
    Scale {
        /// Sleepers
        #[arg(long, default_value_t = SCALE.sleepers, value_parser = clap::value_parser!(u64).range(1..=2_000_000))]
        clients: u64,
        /// Subscriptions of each
        #[arg(long, default_value_t = SCALE.subscriptions, value_parser = clap::value_parser!(u64).range(0..=100))]
        subscriptions: u64,
        /// Messages of 50 octets for each
        #[arg(long, default_value_t = SCALE.messages, value_parser = clap::value_parser!(u64).range(0..=1_000))]
        messages: u64,
    },
    /// The gateway as an MQTT server beside mosquitto, by turns: MQTT clients on both sides, each QoS, 1:1 and 1:100
    Mqtt {
        /// What is published [default: each by turns]
        #[arg(value_name = "LOAD")]
        what: Option<MqttLoad>,
        /// Messages of a publisher that are not acknowledged and delivered at any time
        #[arg(long, value_name = "N", default_value_t = brokers::WINDOW, value_parser = clap::value_parser!(u64).range(1..=10_000))]
        window: u64,
        #[command(flatten)]
        beside: BesideArgs,
    },
    /// What idle MQTT clients cost in memory, beside mosquitto
    MqttIdle {
        /// Clients
        #[arg(long, default_value_t = 10_000, value_parser = count())]
        clients: u64,
        #[command(flatten)]
        beside: BesideArgs,
    },
}

const SCALE: Scale = Scale { sleepers: 100_000, subscriptions: 3, messages: 10 };

#[derive(Args, Clone, Copy, Debug)]
struct ClosedArgs {
    /// Publishing clients
    #[arg(long, default_value_t = echo::CLIENTS as u64, value_parser = count())]
    clients: u64,
}

/// The loads of `sn-bench mqtt`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum MqttLoad {
    Qos0,
    Qos1,
    Qos2,
    Fanout,
    FanoutQos1,
}

impl MqttLoad {
    const fn load(self) -> Load {
        match self {
            Self::Qos0 => brokers::QOS_0,
            Self::Qos1 => brokers::QOS_1,
            Self::Qos2 => brokers::QOS_2,
            Self::Fanout => brokers::FANOUT,
            Self::FanoutQos1 => brokers::FANOUT_QOS_1,
        }
    }
}

#[derive(Args, Clone, Debug)]
struct BesideArgs {
    /// The mosquitto to start
    #[arg(long, value_name = "PATH", default_value = "/usr/sbin/mosquitto")]
    mosquitto: PathBuf,
}

impl Cli {
    /// Carries out what was asked for; one outcome per scenario, medians if there are several runs.
    ///
    /// # Errors
    /// When there is no gateway to load. A scenario that fails is an outcome too.
    pub(crate) fn run(&self) -> Result<Vec<Outcome>> {
        let settings = self.settings()?;
        let starts = matches!(settings.target, Target::Start(_));
        let scenarios = self.choice.clone().scenarios(starts);
        let default_runs = if matches!(self.choice, Choice::All) { 3 } else { 1 };
        let mut runs: Vec<Vec<Outcome>> = vec![Vec::new(); scenarios.len()];
        for run in 1..=self.runs.unwrap_or(default_runs) {
            for (scenario, outcomes) in scenarios.iter().zip(&mut runs) {
                eprintln!("sn-bench: {}, run {run}", scenario.name());
                let outcome = scenario.run(&settings);
                outcomes.push(outcome.unwrap_or_else(|e| Outcome::broken(scenario.name(), format!("{e:#}"))));
            }
        }
        Ok(runs.iter().filter_map(|outcomes| Outcome::median(outcomes)).collect())
    }

    fn settings(&self) -> Result<Settings> {
        let BoundArgs { load, yardstick, limit, t_retry, n_retry } = self.bounds;
        let bounds = Bounds { t_retry, n_retry, limit };
        Ok(Settings { target: self.target.target(&self.choice)?, bounds, load, yardstick })
    }
}

impl TargetArgs {
    fn target(&self, choice: &Choice) -> Result<Target> {
        if let (Some(udp), Some(mqtt)) = (self.udp, self.mqtt) {
            return Ok(Target::Running { udp, mqtt, pid: self.pid });
        }
        let program = match &self.gateway {
            Some(program) => program.clone(),
            None => std::env::current_exe()?.with_file_name("sn-gateway"),
        };
        ensure!(
            program.is_file() || matches!(choice, Choice::One(Scenario::Echo)),
            "there is no gateway at {}: build it (cargo build --release), or give --gateway or --udp and --mqtt",
            program.display()
        );
        let disk = self.disk.clone().map_or_else(Disk::default, Disk::at);
        let (args, log) = (self.gateway_arg.clone(), self.gateway_log.clone());
        Ok(Target::Start(Program { path: program, args, log, disk }))
    }
}

impl Choice {
    /// `starts`: whether gateways are started, and so may be killed.
    fn scenarios(self, starts: bool) -> Vec<Scenario> {
        match self {
            Self::One(Scenario::Mqtt { what: None, window, beside }) => {
                let one = |what: &MqttLoad| Scenario::Mqtt { what: Some(*what), window, beside: beside.clone() };
                MqttLoad::value_variants().iter().map(one).collect()
            }
            Self::One(scenario) => vec![scenario],
            Self::All if starts => [Scenario::defaults(), Scenario::durable_defaults()].concat(),
            Self::All => Scenario::defaults(),
        }
    }
}

impl Scenario {
    fn defaults() -> Vec<Self> {
        let closed = ClosedArgs { clients: echo::CLIENTS as u64 };
        vec![
            Self::Echo,
            Self::Qos1 { closed, sub_qos: 1 },
            Self::Qos2 { closed, sub_qos: 2 },
            Self::Qos0 { closed, rate: 60_000 },
            Self::Latency { closed, rate: 10_000 },
            Self::Connect { clients: 5_000, window: 128 },
            Self::Fanout { subscribers: 100, rate: 400 },
            Self::Sleepers { sleepers: 100, messages: 30, restart: false },
            Self::Memory { clients: 10_000, window: 128 },
        ]
    }

    /// Those that keep everything on disk.
    fn durable_defaults() -> Vec<Self> {
        let Scale { sleepers, subscriptions, messages } = SCALE;
        vec![
            Self::Durable { closed: ClosedArgs { clients: echo::CLIENTS as u64 } },
            Self::Lone,
            Self::Wear,
            Self::Sleepers { sleepers: 100, messages: 30, restart: true },
            Self::Sleepers { sleepers: 100, messages: 1_000, restart: true },
            Self::Scale { clients: sleepers, subscriptions, messages },
        ]
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Qos1 { .. } => "qos1",
            Self::Qos2 { .. } => "qos2",
            Self::Qos0 { .. } => "qos0",
            Self::Latency { .. } => "latency",
            Self::Connect { .. } => "connect",
            Self::Fanout { .. } => "fanout",
            Self::Sleepers { restart: false, .. } => "sleepers",
            Self::Sleepers { restart: true, .. } => "sleepers, restart",
            Self::Memory { .. } => "memory",
            Self::Durable { .. } => "durable",
            Self::Lone => "lone",
            Self::Wear => "wear",
            Self::Scale { .. } => "scale",
            Self::Mqtt { what, .. } => what.map_or("mqtt", |what| what.load().name),
            Self::MqttIdle { .. } => "mqtt idle",
        }
    }

    fn run(&self, settings: &Settings) -> Result<Outcome> {
        let closed = |name, qos, sub_qos, closed: ClosedArgs, ratio_goal| {
            let clients = closed.clients as usize;
            closed_loop::run(settings, &ClosedLoop { name, qos, sub_qos, clients, ratio_goal })
        };
        let open = |rate_hz, closed: ClosedArgs| OpenLoop { rate_hz, clients: closed.clients as usize };
        let crowd = |clients, window| Crowd { clients: clients as usize, window: window as usize };
        match self.clone() {
            Self::Echo => Ok(Echo::saturated(settings.yardstick)?.outcome()),
            Self::Qos1 { closed: args, sub_qos } => closed("qos1", Qos::One, sub_qos, args, 0.33),
            Self::Qos2 { closed: args, sub_qos } => closed("qos2", Qos::Two, sub_qos, args, 0.2),
            Self::Qos0 { closed: args, rate } => open_loop::run_loss(settings, &open(rate, args)),
            Self::Latency { closed: args, rate } => open_loop::run_latency(settings, &open(rate, args)),
            Self::Connect { clients, window } => crowd::run_connect(settings, &crowd(clients, window)),
            Self::Memory { clients, window } => crowd::run_memory(settings, &crowd(clients, window)),
            Self::Fanout { subscribers, rate } => {
                fanout::run(settings, &Fanout { subscribers: subscribers as usize, rate_hz: rate })
            }
            Self::Sleepers { sleepers, messages, restart } => {
                let (name, sleepers) = (self.name(), sleepers as usize);
                sleepers::run(settings, &Sleepers { name, sleepers, messages, restart })
            }
            Self::Durable { closed: args } => durable::run(settings, args.clients as usize),
            Self::Lone => lone::run(settings),
            Self::Wear => wear::run(settings),
            Self::Scale { clients, subscriptions, messages } => {
                ensure!(messages == 0 || subscriptions > 0, "without a subscription nobody gets messages");
                scale::run(settings, &Scale { sleepers: clients, subscriptions, messages })
            }
            Self::Mqtt { what, window, beside } => {
                let load = Load { window, ..what.map_or(brokers::QOS_1, MqttLoad::load) };
                brokers::run(settings, &beside.mosquitto, load)
            }
            Self::MqttIdle { clients, beside } => brokers::run_idle(settings, &beside.mosquitto, clients as usize),
        }
    }
}

/// The machine that the figures belong to, in one line.
pub(crate) fn machine() -> String {
    let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu_info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} cores ({}), Linux {}", model.map_or("unknown model", |(_, model)| model), kernel.trim())
}

fn seconds(text: &str) -> Result<Duration> {
    let seconds: f64 = text.parse().context("not a number of seconds")?;
    ensure!((0.01..=600.0).contains(&seconds), "not between 0.01 and 600 seconds");
    Ok(Duration::from_secs_f64(seconds))
}

fn count() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=20_000)
}

fn rate() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=500_000)
}
