//! `sn-sim run`: from a scenario to a report.

use crate::Verdict;
use anyhow::{Context, anyhow, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use simulator::pcap::PcapWriter;
use simulator::report::Report;
use simulator::scenario::{File, Scene, Time, Use};
use simulator::{Outcome, World};
use sn_types::Instant;
use std::cell::RefCell;
use std::fs;
use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// Run a scenario, judge it and write a report
///
/// The summary goes to standard output; the page, which any browser shows, goes to report.html in the working directory
/// unless --html says otherwise.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The scenario, in TOML; simulator/scenarios has some
    #[arg(value_name = "SCENARIO")]
    file: PathBuf,
    /// Draw all chances from this seed rather than the file's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Publish for so long rather than as the file says, for example 30d; faults beyond do not happen
    #[arg(long, value_name = "TIME", value_parser = above_zero)]
    duration: Option<Time>,
    /// Write the page there
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    html: PathBuf,
    /// Write everything as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write stations.csv and series.csv into this directory, too
    #[arg(long, value_name = "DIR")]
    csv_dir: Option<PathBuf>,
    /// Write every frame on the air, for Wireshark
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// No progress, no summary: only files and the exit status
    #[arg(short, long)]
    quiet: bool,
}

/// A plot has room for so many slices.
const SLICES: u32 = 240;

/// A duration in which something can happen.
pub(crate) fn above_zero(text: &str) -> Result<Time, String> {
    let time: Time = text.parse()?;
    if time.0.is_zero() { Err("it has to be above 0".to_owned()) } else { Ok(time) }
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Verdict> {
    let scene = scene(options)?;
    let (outcome, report) = simulate(options, &scene)?;
    write_files(options, &report)?;
    if !options.quiet {
        // Whoever reads it may have read enough.
        let _ = write!(io::stdout(), "{}\nThe whole report: {}\n", report.to_text(), options.html.display());
    }
    Ok(if outcome.violations.is_empty() { Verdict::Kept } else { Verdict::Broken })
}

fn scene(options: &Options) -> anyhow::Result<Scene> {
    let name = options.file.display();
    let text = fs::read_to_string(&options.file).with_context(|| format!("cannot read {name}"))?;
    let mut file = File::parse(&text).map_err(|error| anyhow!("{name}: {error}"))?;
    file.check_use(Use::Run).map_err(|error| anyhow!("{name}: {error}"))?;
    file.seed = options.seed.unwrap_or(file.seed);
    file.duration = options.duration.unwrap_or(file.duration);
    file.expand().map_err(|error| anyhow!("{name}: {error}"))
}

fn simulate(options: &Options, scene: &Scene) -> anyhow::Result<(Outcome, Report)> {
    let mut world = World::new(&scene.plan);
    let pcap = options.pcap.as_deref().map(|path| record(&mut world, path)).transpose()?;
    let slice = (scene.plan.calm_at - Instant::ZERO) / SLICES;
    world.observe(slice.max(Duration::from_secs(1)));
    let progress = progress(options, scene);
    for number in 1..=SLICES {
        world.run_until((Instant::ZERO + slice * number).min(scene.plan.calm_at));
        progress.set_position(number.into());
    }
    world.run_until(scene.plan.calm_at);
    progress.set_message("waiting for what is under way");
    let outcome = world.finish(scene.bound);
    progress.finish_and_clear();
    if let Some(failed) = pcap {
        failed.borrow_mut().take().map_or(Ok(()), Err).context("cannot write the frames")?;
    }
    let mut report = world.report(&scene.floor);
    report.violations = outcome.violations.iter().map(ToString::to_string).collect();
    Ok((outcome, report))
}

fn progress(options: &Options, scene: &Scene) -> ProgressBar {
    if options.quiet || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent} %, {eta} left");
    let progress = ProgressBar::new(SLICES.into()).with_message(scene.floor.name.clone());
    match style {
        Ok(style) => progress.with_style(style),
        Err(_) => progress,
    }
}

/// Writes frames from now on, and says where to find the error that ended that, if one did.
fn record(world: &mut World<'_>, path: &Path) -> anyhow::Result<Rc<RefCell<Option<io::Error>>>> {
    ensure!(world.radio_stats().is_some(), "there are no frames to write: this scenario has no radio");
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).open(path);
    let file = file.with_context(|| format!("cannot write {}", path.display()))?;
    let mut writer = PcapWriter::new(BufWriter::new(file))?;
    let failed = Rc::new(RefCell::new(None));
    let error = Rc::clone(&failed);
    world.tap(move |frame| {
        let mut error = error.borrow_mut();
        if error.is_none() {
            *error = writer.frame(frame).err();
        }
    });
    Ok(failed)
}

fn write_files(options: &Options, report: &Report) -> anyhow::Result<()> {
    write(&options.html, &report.to_html())?;
    if let Some(path) = &options.json {
        write(path, &report.to_json())?;
    }
    if let Some(dir) = &options.csv_dir {
        fs::create_dir_all(dir).with_context(|| format!("cannot make the directory {}", dir.display()))?;
        write(&dir.join("stations.csv"), &report.stations_csv())?;
        write(&dir.join("series.csv"), &report.series_csv())?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
