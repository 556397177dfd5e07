//! `sn-sim live`: simulated nodes at a real gateway, in real time.
//!
//! The world's time is the time since the start, one to one: a gateway's timers would mean something else at any other
//! speed. The loop lets the world catch up with the clock, carries datagrams over, and sleeps until something happens.

mod gateway;
mod outcome;

use crate::Verdict;
use crate::run::above_zero;
use anyhow::{Context, anyhow, bail};
use clap::Args;
use gateway::{FromGateway, Gateway};
use outcome::Outcome;
use simulator::scenario::{File, Time, Use};
use simulator::{Message, Plan, World};
use sn_client::Qos;
use sn_types::Instant;
use std::fs;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant as Real, sleep_until};

/// What is simulated at once before the gateway is listened to again.
const SLICE: Duration = Duration::from_millis(20);
/// The world is late when it is so far behind the clock: a tenth of the shortest T_retry that can be configured.
const LATE: Duration = Duration::from_millis(100);
/// How often the status is printed.
const STATUS: Duration = Duration::from_secs(5);

/// Join a scenario's nodes, in real time, to a running gateway
///
/// Start the gateway with `sn-gateway run --sim PATH`. The scenario's own gateway and MQTT clients stay out: those that you
/// want to test take their places. The nodes publish for as long as the file says; it ends with Ctrl-C, or after
/// --duration, whatever the gateway does. The exit status then says whether the gateway was there for all nodes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The scenario, in TOML, with one gateway; simulator/scenarios has some
    #[arg(value_name = "SCENARIO")]
    file: PathBuf,
    /// The Unix socket at which the gateway waits for a simulator
    #[arg(long, value_name = "PATH")]
    gateway: PathBuf,
    /// Draw all chances from this seed rather than the file's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// End so long after the start, and publish until then rather than as the file says
    #[arg(long, value_name = "TIME", value_parser = above_zero)]
    duration: Option<Time>,
    /// Write the counts as JSON, too, at the end
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Print each message that comes to a node
    #[arg(long)]
    messages: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Verdict> {
    let plan = scenario(&options.file, options.seed, options.duration, Use::Live)?;
    let world = World::without_gateway(&plan).with_context(|| options.file.display().to_string())?;
    // One thread: the world has only one.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(join(options, &plan, world))
}

/// Joins the world to the gateway until it is time to end.
async fn join(options: &Options, plan: &Plan, world: World<'_>) -> anyhow::Result<Verdict> {
    let end = options.duration.map(|Time(duration)| Real::now() + duration);
    // From now on Ctrl-C ends the run as --duration does, but nothing is judged.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let path = options.gateway.display();
    println!("looking for a gateway at {path}");
    let gateway = tokio::select! {
        gateway = Gateway::find(&options.gateway, world.profile()) => gateway?,
        _ = interrupt.recv() => return Ok(Verdict::Kept),
        () = until(end) => bail!("within --duration there was no gateway at {path}: is it running with --sim {path}?"),
    };
    println!("{} nodes have joined it", plan.nodes.len());
    let mut live = Live::new(plan, world, gateway, end, options.messages);
    let is_over = tokio::select! {
        ended = live.go_on() => ended.map(|()| true),
        _ = interrupt.recv() => Ok(false),
    };
    let outcome = live.outcome();
    println!("{}\n{outcome}", live.status());
    if let Some(path) = &options.json {
        let json = serde_json::to_string_pretty(&outcome)?;
        fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if !is_over? {
        return Ok(Verdict::Kept);
    }
    let problems = outcome.problems();
    problems.iter().for_each(|problem| println!("failed: {problem}"));
    Ok(if problems.is_empty() { Verdict::Kept } else { Verdict::Broken })
}

/// Waits for that moment, or for ever.
async fn until(end: Option<Real>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => pending().await,
    }
}

/// A scenario's plan for real time.
pub(crate) fn scenario(path: &Path, seed: Option<u64>, duration: Option<Time>, of: Use) -> anyhow::Result<Plan> {
    let name = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    let mut file = File::parse(&text).map_err(|error| anyhow!("{name}: {error}"))?;
    file.check_use(of).map_err(|error| anyhow!("{name}: {error}"))?;
    file.seed = seed.unwrap_or(file.seed);
    file.duration = duration.unwrap_or(file.duration);
    let plan = file.expand().map_err(|error| anyhow!("{name}: {error}"))?.plan;
    // A real network has no end at which nothing gets lost any more.
    Ok(Plan { calm_at: Instant::FAR_FUTURE, ..plan })
}

/// A world that keeps pace with the clock.
struct Live<'p> {
    plan: &'p Plan,
    world: World<'p>,
    gateway: Gateway,
    start: Real,
    end: Option<Real>,
    next_status: Real,
    /// By how much something that happened was late by the clock, at most: since the last status line, and ever.
    behind: (Duration, Duration),
    prints_messages: bool,
    /// Messages from outside that have come to nodes.
    messages: u64,
    /// How often the gateway has gone.
    gone: u64,
}

impl<'p> Live<'p> {
    fn new(plan: &'p Plan, world: World<'p>, gateway: Gateway, end: Option<Real>, prints_messages: bool) -> Self {
        let start = Real::now();
        Self {
            plan,
            world,
            gateway,
            start,
            end,
            next_status: start + STATUS,
            behind: (Duration::ZERO, Duration::ZERO),
            prints_messages,
            messages: 0,
            gone: 0,
        }
    }

    /// Goes on until the end.
    ///
    /// # Errors
    /// The gateway, having been away, does not let us in again.
    async fn go_on(&mut self) -> anyhow::Result<()> {
        while self.end.is_none_or(|end| Real::now() < end) {
            self.catch_up();
            self.carry_over();
            if Real::now() >= self.next_status {
                self.print_status();
            }
            let until = self.next_at();
            tokio::select! {
                brought = self.gateway.next() => self.take_in(brought?),
                () = sleep_until(until) => {}
            }
        }
        Ok(())
    }

    /// Lets the world do what is due by the clock, but not too much at once.
    fn catch_up(&mut self) {
        let clock = Instant::ZERO + self.start.elapsed();
        let due = self.world.next_at().unwrap_or(clock);
        self.world.run_until(clock.min(due.max(self.world.now()) + SLICE));
        let behind = clock.since(due);
        self.behind = (self.behind.0.max(behind), self.behind.1.max(behind));
    }

    /// Hands over what has come to the gateway, and prints what has come to nodes.
    fn carry_over(&mut self) {
        while let Some((from, datagram)) = self.world.take_for_gateway() {
            self.gateway.send(from, &datagram);
        }
        self.gateway.flush();
        while let Some(message) = self.world.take_message() {
            self.messages += 1;
            if self.prints_messages {
                self.print_message(&message);
            }
        }
    }

    fn take_in(&mut self, brought: FromGateway) {
        match brought {
            FromGateway::Datagram(to, datagram) => {
                // It comes now, and not when something has last happened.
                self.catch_up();
                self.world.from_gateway(to, &datagram);
            }
            FromGateway::Gone => {
                self.gone += 1;
                println!("{:.1} s: the gateway has gone; its nodes go on", self.seconds());
            }
            FromGateway::Back => println!("{:.1} s: the gateway is back", self.seconds()),
        }
    }

    /// When there is something to do, if the gateway says nothing.
    fn next_at(&self) -> Real {
        let world = self.world.next_at().map(|at| self.start + (at - Instant::ZERO));
        world.into_iter().chain(self.end).chain([self.next_status]).min().unwrap_or(self.next_status)
    }

    fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn print_message(&self, Message { node, topic, payload, qos, .. }: &Message) {
        let node = &self.plan.nodes[*node].client_id;
        let payload = String::from_utf8_lossy(payload);
        println!("{:.1} s: {node} got {topic} {payload:?} at QoS {qos}", self.seconds());
    }

    fn print_status(&mut self) {
        self.next_status = Real::now() + STATUS;
        println!("{}", self.status());
        let behind = std::mem::take(&mut self.behind.0);
        if behind > LATE {
            println!(
                "{:.1} s: cannot keep up with real time: up to {} ms behind; what the nodes do is late by as much",
                self.seconds(),
                behind.as_millis()
            );
        }
    }

    fn status(&self) -> String {
        let summary = self.world.ledger().summary();
        let (connected, nodes) = (self.world.connected(), self.plan.nodes.len());
        let (seconds, published, acknowledged) = (self.seconds(), summary.offered, summary.confirmed);
        let messages = self.messages + summary.delivered as u64;
        format!(
            "{seconds:.1} s: {connected} of {nodes} nodes connected, {published} messages published, {acknowledged} \
             acknowledged, {messages} came to nodes"
        )
    }

    fn outcome(&self) -> Outcome {
        let (ledger, plan) = (self.world.ledger(), self.plan);
        let summary = ledger.summary();
        let mut feeds = plan.nodes.iter().flat_map(|node| &node.feeds);
        Outcome {
            seconds: self.seconds(),
            nodes: plan.nodes.len(),
            connected: self.world.connected(),
            ever_connected: self.world.ever_connected(),
            published: summary.offered,
            acknowledged: summary.confirmed,
            received: self.messages + summary.delivered as u64,
            connections_lost: ledger.losses(),
            requests_refused: ledger.refusals(),
            gateway_gone: self.gone,
            gateway_is_there: self.gateway.is_here(),
            datagrams_lost: self.gateway.lost,
            behind_ms: self.behind.1.as_millis().try_into().unwrap_or(u64::MAX),
            has_promises: feeds.any(|feed| matches!(feed.qos, Qos::One | Qos::Two)),
        }
    }
}
