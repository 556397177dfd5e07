//! What an MQTT client that is connected and silent costs in memory.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Server, WINDOW};
use crate::clock::{Pace, now_ns};
use crate::report::{Goal, Outcome};
use crate::settings::Settings;
use crate::subscriber::open_session;
use crate::target::allow_sockets;

/// Connects per second: the gateway lets in no more from one listener.
const CONNECTS_HZ: u64 = 900;

/// Connects so many clients to each server, one server after the other.
///
/// # Errors
/// When a server does not start or refuses a client.
pub(crate) fn run_idle(settings: &Settings, mosquitto: &Path, clients: usize) -> Result<Outcome> {
    allow_sockets(clients)?;
    let (ours, theirs) =
        (each(Server::Memory, settings, mosquitto, clients)?, each(Server::Mosquitto, settings, mosquitto, clients)?);
    Ok(Outcome::new("mqtt idle")
        .goal("more RSS per idle client", ours, "octets", Goal::AtMost(6_000.0))
        .figure("mosquitto", theirs, "octets")
        .figure("clients", clients as f64, ""))
}

fn each(server: Server, settings: &Settings, mosquitto: &Path, clients: usize) -> Result<f64> {
    let running = server.start(settings, mosquitto, WINDOW)?;
    let rss = || running.gateway.rss_octets()?.context("the server's process is known");
    let (before, pace, mut streams) = (rss()?, Pace::start(CONNECTS_HZ), Vec::with_capacity(clients));
    for number in 0..clients {
        while pace.due_at_ns(number as u64) > now_ns() {
            thread::sleep(Duration::from_micros(500));
        }
        streams.push(open_session(running.gateway.mqtt, &format!("idle-{number}"), true)?);
    }
    Ok((rss()? - before) / clients as f64)
}
