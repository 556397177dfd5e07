//! The steps of `cargo xtask test`, in the order in which they run.

use crate::campaign;
use crate::conformance;
use crate::exec::{cargo, run};
use crate::firmware;
use crate::tidy;
use crate::tools::Tool;
use anyhow::Result;
use clap::ValueEnum;

/// What chips the no_std crates are checked for: a Cortex-M4F, the core of an nRF52840.
pub(crate) const CHIP: &str = "thumbv7em-none-eabihf";

/// One step of the check.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// Cheap rules about the tree
    Tidy,
    /// Every numbered statement of the MQTT standards has a test, a place in the code or a reason
    Conformance,
    /// cargo fmt --check
    Fmt,
    /// cargo clippy, warnings are errors
    Clippy,
    /// cargo build --release
    Build,
    /// cargo test of every crate but the interop and kernel tests
    Test,
    /// The no_std crates compile for a chip without std or alloc
    NoStd,
    /// The kernel's 6LoWPAN and radios, in an emulated machine, against ours
    Kernel,
    /// The firmware's checks, its images for every board, what they take of a chip's memory, and all three on
    /// emulated chips
    Firmware,
    /// Real MQTT and MQTT-SN clients, an emulated node, a protocol analyser and the README's tour against the release
    /// binaries; a browser shows a simulation's report
    Interop,
    /// The scenarios that ship, at their full length: every promise is kept
    Scenarios,
    /// Many small random worlds, and bugs planted in the gateway, which they must find
    Swarm,
    /// The gateway is killed at random moments, and its disk loses what was not synced, tears and fails
    Campaign,
}

impl Step {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tidy => "tidy",
            Self::Conformance => "conformance",
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Build => "build",
            Self::Test => "test",
            Self::NoStd => "no-std",
            Self::Kernel => "kernel",
            Self::Firmware => "firmware",
            Self::Interop => "interop",
            Self::Scenarios => "scenarios",
            Self::Swarm => "swarm",
            Self::Campaign => "campaign",
        }
    }

    pub(crate) fn purpose(self) -> &'static str {
        match self {
            Self::Tidy => "rules about the tree that no compiler checks",
            Self::Conformance => "every numbered statement of the MQTT standards is accounted for",
            Self::Fmt => "one code style",
            Self::Clippy => "no warnings",
            Self::Build => "the binaries that ship",
            Self::Test => "unit, property, scenario and socket tests",
            Self::NoStd => "what a node runs needs neither std nor alloc",
            Self::Kernel => "Linux's own 6LoWPAN understands ours, and the daemon its radios, in an emulated machine",
            Self::Firmware => {
                "the firmware's own tests, and every image within its budget and at work on emulated chips, the node's for days"
            }
            Self::Interop => {
                "mosquitto, Paho, Node's mqtt, rumqttc, mqtt-sn-12, tshark, an emulated node, the tours, browsers"
            }
            Self::Scenarios => "a greenhouse, a city, a bad day and a month in the wild keep every promise",
            Self::Swarm => "20,000 random worlds, and planted bugs that they must find",
            Self::Campaign => "kill -9 (200 times), power losses (200), disks that lie and fail",
        }
    }

    /// What the long form needs besides.
    pub(crate) fn needs_at_nightly_size(self) -> &'static [Tool] {
        if self == Self::Interop { &[Tool::NodeRed] } else { &[] }
    }

    pub(crate) fn needs(self) -> &'static [Tool] {
        match self {
            Self::Tidy => &[Tool::Git],
            Self::Fmt => &[Tool::Rustfmt],
            Self::Clippy => &[Tool::Clippy],
            Self::Test => &[Tool::Mosquitto],
            Self::Conformance | Self::Build | Self::Scenarios | Self::Swarm | Self::Campaign => &[],
            Self::NoStd => &[Tool::ChipTarget],
            Self::Kernel => &[Tool::QemuPc, Tool::Busybox, Tool::Cpio, Tool::WpanTools, Tool::MosquittoClients],
            Self::Firmware => &[Tool::Rustfmt, Tool::Clippy, Tool::ChipTarget, Tool::Cmake, Tool::Libclang],
            Self::Interop => &[
                Tool::MosquittoClients,
                Tool::NodeMqtt,
                Tool::Tshark,
                Tool::Chromium,
                Tool::Python,
                Tool::PythonClients,
                Tool::Npm,
                Tool::PageClients,
                Tool::ChipTarget,
                Tool::Qemu,
            ],
        }
    }

    pub(crate) fn run(self, nightly_size: bool) -> Result<()> {
        match self {
            Self::Tidy => tidy::run(),
            Self::Conformance => conformance::run(),
            Self::Fmt => run(cargo(&["fmt", "--all", "--check"])?),
            Self::Clippy => run(cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?),
            Self::Build => run(cargo(&["build", "--release"])?),
            Self::Test => cargo_test(nightly_size),
            Self::NoStd => no_std(),
            Self::Kernel => run(cargo(&["test", "--package", "vm", "--", "--show-output"])?),
            Self::Firmware => firmware::check(),
            Self::Interop => interop(nightly_size),
            Self::Scenarios => scenarios(),
            Self::Swarm => swarm(nightly_size),
            Self::Campaign => campaign::run_all(&campaign::SHORT),
        }
    }
}

fn no_std() -> Result<()> {
    run(cargo(&["check", "--target", CHIP, "-p", "sn-codec", "-p", "sn-client"])?)?;
    // Without the gateway's side, which needs alloc.
    run(cargo(&["check", "--target", CHIP, "-p", "lowpan", "--no-default-features"])?)?;
    run(cargo(&["check", "--target", CHIP, "-p", "spinel-device"])?)?;
    run(cargo(&["check", "--target", CHIP, "-p", "sn-client-net", "--features", "nal,embassy-net,lowpan"])?)
}

fn cargo_test(nightly_size: bool) -> Result<()> {
    let mut test = cargo(&[
        "test",
        "--workspace",
        "--exclude",
        "interop",
        "--exclude",
        "vm",
        "--no-fail-fast",
        "--",
        "--show-output",
    ])?;
    if nightly_size {
        test.args(["--", "--include-ignored"]).env("PROPTEST_CASES", (50 * 256).to_string());
    }
    run(test)
}

fn interop(nightly_size: bool) -> Result<()> {
    run(cargo(&["test", "--package", "interop", "--no-fail-fast", "--", "--show-output"])?)?;
    if nightly_size {
        run(cargo(&["test", "--package", "interop", "--test", "node_red", "--", "--ignored", "--show-output"])?)?;
    }
    Ok(())
}

fn scenarios() -> Result<()> {
    let page = std::env::temp_dir().join(format!("sn-sim-{}.html", std::process::id()));
    for name in ["greenhouse", "city-nbiot", "bad-day", "wildlife"] {
        let file = format!("simulator/scenarios/{name}.toml");
        let mut sim = cargo(&["run", "--release", "--bin", "sn-sim", "--", "run", &file])?;
        sim.arg("--html").arg(&page);
        run(sim)?;
    }
    Ok(std::fs::remove_file(page)?)
}

fn swarm(nightly_size: bool) -> Result<()> {
    let seeds = if nightly_size { "1000000" } else { "20000" };
    run(cargo(&["run", "--release", "--bin", "sn-sim", "--", "swarm", "--seeds", seeds])?)?;
    // A build of its own: nothing that ships may have the feature.
    let mut hunt = cargo(&["test", "--package", "simulator", "--features", "planted-bugs", "--test", "planted_bugs"])?;
    hunt.args(["--", "--show-output"]);
    run(hunt)
}
