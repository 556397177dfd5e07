//! What the tests share: a node with its settings in flash, at a site.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use config_page::{ADDRESS, Settings, encode};
use emulator::{Image, Machine, Message, Plan, Site, Stop, Used};
use sn_types::Instant;
use std::fmt::Write as _;
use std::time::Duration;

/// Each names an image: an ELF file.
const NODE_IMAGE: &str = "NODE_IMAGE";
const NODE_DONGLE_IMAGE: &str = "NODE_DONGLE_IMAGE";
const NODE_UF2_IMAGE: &str = "NODE_UF2_IMAGE";
const NODE_MODULE_IMAGE: &str = "NODE_MODULE_IMAGE";
const ROUTER_IMAGE: &str = "ROUTER_IMAGE";
const RCP_IMAGE: &str = "RCP_IMAGE";
const RCP_UF2_IMAGE: &str = "RCP_UF2_IMAGE";
/// What the node's topics begin with.
pub const BASE: &str = "hall";

/// The node's image, as `cargo xtask test --only firmware` has built it.
pub fn image() -> Image {
    image_of(NODE_IMAGE)
}

/// The node's for the nRF52840 Dongle.
pub fn node_dongle_image() -> Image {
    image_of(NODE_DONGLE_IMAGE)
}

/// The node's for boards with a UF2 bootloader.
pub fn node_uf2_image() -> Image {
    image_of(NODE_UF2_IMAGE)
}

/// The node's for boards of which nothing is known.
pub fn node_module_image() -> Image {
    image_of(NODE_MODULE_IMAGE)
}

/// The router's.
pub fn router_image() -> Image {
    image_of(ROUTER_IMAGE)
}

/// The dongle's.
pub fn rcp_image() -> Image {
    image_of(RCP_IMAGE)
}

/// The dongle's for boards with a UF2 bootloader.
pub fn rcp_uf2_image() -> Image {
    image_of(RCP_UF2_IMAGE)
}

fn image_of(variable: &str) -> Image {
    let path = std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is to name an image's ELF file"));
    let elf = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    Image::from_elf(&elf).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

/// What a node at a site is told.
pub fn settings(plan: &Plan, more: &str) -> Settings {
    let mut text = format!("channel=15\ngateway={}\neui64={}\nclient=hall\nbase={BASE}\n", Site::GATEWAY, Site::NODE);
    let _ = writeln!(text, "pan={:04x}", plan.pan);
    if let Some(short) = plan.short {
        let _ = writeln!(text, "gateway-short={short:04x}");
    }
    if let Some((level, key)) = plan.key {
        let digits: String = key.0.iter().map(|octet| format!("{octet:02x}")).collect();
        let _ = writeln!(text, "key={digits}\nlevel={}", level as u8);
    }
    let mut settings = Settings::new();
    settings.apply(&(text.replace(':', "") + more)).unwrap_or_else(|error| panic!("{error}"));
    settings.check().unwrap_or_else(|error| panic!("{error}"));
    settings
}

/// A node with these settings.
pub fn node_with(plan: &Plan, settings: &Settings) -> Machine<Site> {
    node_of(&image(), plan, settings)
}

/// The same with another image.
pub fn node_of(image: &Image, plan: &Plan, settings: &Settings) -> Machine<Site> {
    let mut machine = Machine::new(image, Site::new(plan), plan.seed).unwrap_or_else(|fault| panic!("{fault}"));
    machine.program(ADDRESS, &encode(settings, 1));
    machine
}

/// A node that knows the site.
pub fn node(plan: &Plan, more: &str) -> Machine<Site> {
    node_with(plan, &settings(plan, more))
}

/// So much time passes.
pub fn pass(machine: &mut Machine<Site>, time: Duration) {
    let until = machine.now() + time;
    let stop = machine.run_until(until).unwrap_or_else(|fault| panic!("{fault} after {:?}", machine.now()));
    assert_eq!(stop, Stop::Time);
}

/// The same, and what was used meanwhile.
pub fn measure(machine: &mut Machine<Site>, time: Duration) -> Used {
    let before = machine.used();
    pass(machine, time);
    machine.used() - before
}

/// Messages on the node's topic of this name, from a time on.
pub fn heard(machine: &Machine<Site>, name: &str, since: Instant) -> Vec<Message> {
    let topic = format!("{BASE}/{name}");
    let site = machine.air();
    site.messages().iter().filter(|message| message.at >= since && message.topic == topic).cloned().collect()
}

/// Hours.
pub const fn hours(number: u64) -> Duration {
    Duration::from_secs(3_600 * number)
}
