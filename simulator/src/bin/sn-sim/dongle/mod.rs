//! `sn-sim dongle`: simulated nodes behind an emulated dongle, in real time.
//!
//! The sibling of `sn-sim live` at the level of frames: a gateway opens a device and finds an OpenThread RCP there, whose air
//! is the scenario's. The time is the clock's, as there.

mod pty;

use crate::Verdict;
use crate::live::scenario;
use anyhow::Context as _;
use clap::Args;
use pty::Device;
use simulator::dongle::{Dongle, ToAir};
use simulator::plan::MediumPlan;
use simulator::radio::Radio;
use simulator::scenario::Use;
use simulator::{Message, Plan, World};
use sn_types::Instant;
use spinel_device::Status;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant as Real, sleep_until};

/// What is simulated at once before the host is listened to again.
const SLICE: Duration = Duration::from_millis(20);
/// The world is late when it is so far behind the clock: half of the time for which a node listens after a data request.
const LATE: Duration = Duration::from_millis(50);
/// How often the status is printed.
const STATUS: Duration = Duration::from_secs(5);
/// When octets that the host did not take are offered again.
const AGAIN: Duration = Duration::from_millis(5);
/// Octets read at once.
const READ: usize = 4_096;

/// Put an emulated radio dongle with a scenario's nodes before a running gateway
///
/// The dongle speaks Spinel as OpenThread's `ot-rcp` does; give its path to the gateway as `device` of a transport of kind
/// "ieee802154", with the scenario's channel, the PAN id 0x5300 + channel, security "none" and carriage "6lowpan" or "both".
/// The scenario has one gateway; its routers run the code that ships. Commands on the standard input: `reset` (the firmware crashes), `unplug`,
/// `plug`. It ends with Ctrl-C, or at the end of the input.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The scenario, in TOML
    #[arg(value_name = "SCENARIO")]
    file: PathBuf,
    /// Where the device is to be: a link to a pseudo-terminal
    #[arg(long, value_name = "PATH")]
    device: PathBuf,
    /// Draw all chances from this seed rather than the file's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Print each message that comes to a node, and each acknowledgement that a node gets
    #[arg(long)]
    messages: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Verdict> {
    let plan = scenario(&options.file, options.seed, None, Use::Dongle)?;
    let name = options.file.display().to_string();
    let MediumPlan::Radio(radio) = &plan.medium else { anyhow::bail!("{name}: the medium is no radio") };
    let channel = radio.gateways.first().map_or(0, |site| site.channel);
    let world = World::for_dongle(&plan).with_context(|| name)?;
    // One thread: the world has only one.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut plugged = Live {
            plan: &plan,
            world,
            dongle: Dongle::new(Radio::gateway_address(0), channel),
            device: Device::new(&options.device)?,
            unwritten: Vec::new(),
            start: Real::now(),
            late: Duration::ZERO,
            next_status: Real::now() + STATUS,
            prints_messages: options.messages,
        };
        println!("a dongle with {} nodes around it is at {}", plan.nodes.len(), options.device.display());
        let ended = tokio::select! {
            ended = plugged.go_on() => ended,
            _ = interrupt.recv() => Ok(()),
        };
        plugged.print_status();
        ended
    })?;
    Ok(Verdict::Kept)
}

/// A world that keeps pace with the clock, and the dongle in it.
struct Live<'p> {
    plan: &'p Plan,
    world: World<'p>,
    dongle: Dongle,
    device: Device,
    /// For the host, which has not taken it yet.
    unwritten: Vec<u8>,
    start: Real,
    /// By how much something that happened was late by the clock, at most, since the last status line.
    late: Duration,
    next_status: Real,
    prints_messages: bool,
}

impl Live<'_> {
    async fn go_on(&mut self) -> anyhow::Result<()> {
        let mut commands = BufReader::new(tokio::io::stdin()).lines();
        let mut octets = [0; READ];
        loop {
            self.proceed()?;
            if Real::now() >= self.next_status {
                self.print_status();
            }
            let until = self.next_at();
            tokio::select! {
                read = self.device.read(&mut octets) => {
                    let len = read.context("the pseudo-terminal fails")?;
                    // They come now, and not when something has last happened.
                    self.catch_up();
                    self.dongle.handle_octets(&octets[..len]);
                }
                command = next(&mut commands) => match command? {
                    Some(command) => self.obey(&command)?,
                    None => return Ok(()),
                },
                () = sleep_until(until) => {}
            }
        }
    }

    /// Lets the world and the dongle do what is due by the clock, and carries over what passes between them and the host.
    fn proceed(&mut self) -> anyhow::Result<()> {
        self.catch_up();
        let now = self.world.now();
        while let Some(news) = self.world.take_from_air() {
            self.dongle.handle_air(now, news);
        }
        self.dongle.handle_timeout(now);
        while let Some(wish) = self.dongle.poll_air(now) {
            match wish {
                ToAir::Listen(on) => self.world.listen_at_gateway(on),
                ToAir::Match(pending) => self.world.match_at_gateway(pending),
                ToAir::Send(psdu) => self.world.send_frame(&psdu),
            }
        }
        self.unwritten.extend(self.dongle.take_output());
        let written = self.device.write(&self.unwritten).context("the pseudo-terminal fails")?;
        self.unwritten.drain(..written);
        self.tell();
        Ok(())
    }

    fn catch_up(&mut self) {
        let clock = Instant::ZERO + self.start.elapsed();
        let due = self.world.next_at().unwrap_or(clock);
        self.late = self.late.max(clock.since(due));
        self.world.run_until(clock.min(due.max(self.world.now()) + SLICE));
    }

    /// Prints what has come to nodes.
    fn tell(&mut self) {
        while let Some(message) = self.world.take_message() {
            if self.prints_messages {
                let Message { node, topic, payload, qos, .. } = message;
                let payload = String::from_utf8_lossy(&payload);
                println!("{} got {topic} {payload:?} at QoS {qos}", self.plan.nodes[node].client_id);
            }
        }
        while let Some((node, topic, number)) = self.world.take_acknowledgement() {
            if self.prints_messages {
                println!("{} has the acknowledgement of {topic} {number}", self.plan.nodes[node].client_id);
            }
        }
    }

    fn obey(&mut self, command: &str) -> anyhow::Result<()> {
        match command.trim() {
            "reset" => self.dongle.reset(Status::RESET_CRASH),
            "unplug" => {
                self.device.unplug();
                self.dongle.unplugged();
                self.unwritten.clear();
            }
            "plug" => self.device.plug()?,
            other => anyhow::bail!("{other:?} is no command; there are reset, unplug and plug"),
        }
        println!("{} done", command.trim());
        Ok(())
    }

    /// When there is something to do, if nobody says anything.
    fn next_at(&self) -> Real {
        let due = self.world.next_at().into_iter().chain(self.dongle.poll_timeout()).min();
        let due = due.map(|at| self.start + (at - Instant::ZERO));
        let again = (!self.unwritten.is_empty()).then(|| Real::now() + AGAIN);
        due.into_iter().chain(again).chain([self.next_status]).min().unwrap_or(self.next_status)
    }

    fn print_status(&mut self) {
        self.next_status = Real::now() + STATUS;
        let (summary, ledger) = (self.world.ledger().summary(), self.world.ledger());
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = write!(text, "{:.1} s: {} of ", self.start.elapsed().as_secs_f64(), self.world.connected());
        let _ = write!(text, "{} nodes connected, {} messages published, ", self.plan.nodes.len(), summary.offered);
        let _ = write!(text, "{} acknowledged; connections lost: {}", summary.confirmed, ledger.losses());
        if let Some(stats) = self.world.radio_stats() {
            let total = |of: fn(&simulator::radio::Counters) -> u64| -> u64 {
                stats.channels.iter().map(|channel| of(&channel.counters)).sum()
            };
            let _ = write!(text, "; {} frames sent, ", total(|counters| counters.sent));
            let _ = write!(
                text,
                "{} lost, {} collided",
                total(|counters| counters.lost),
                total(|counters| counters.collided)
            );
        }
        let late = std::mem::take(&mut self.late);
        if late > LATE {
            let _ = write!(text, "; cannot keep up with real time: up to {} ms late", late.as_millis());
        }
        println!("{text}");
    }
}

async fn next(commands: &mut Lines<BufReader<Stdin>>) -> anyhow::Result<Option<String>> {
    commands.next_line().await.context("the standard input fails")
}
