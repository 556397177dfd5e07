//! Very many sleepers with kept sessions and messages, and a gateway that is killed and started again: how soon it
//! answers, what it has in memory, and whether everything is still there.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sn_codec::{Connect, Message, ReturnCode};

use crate::clock::{Deadline, now_ns};
use crate::feeder::feed;
use crate::herd::{Ask, Herd, topic};
use crate::node::DATAGRAM_MAX;
use crate::payload::{Stamp, Tally};
use crate::report::{Goal, Outcome};
use crate::settings::Settings;
use crate::stage::percent;
use crate::target::{Gateway, Limits, Storage};

/// Octets of payload of each message.
const PAYLOAD_LEN: usize = 50;
/// The goals for memory are for so many sleepers; with fewer, what every gateway needs would weigh more.
const SLEEPERS_MIN: u64 = 100_000;
/// How many sleepers wake in the end.
const SAMPLE: u64 = 1_000;
/// How often somebody tries to connect while the gateway starts.
const TRY_EVERY: Duration = Duration::from_millis(5);

/// How many sleepers, and what each has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) sleepers: u64,
    pub(crate) subscriptions: u64,
    pub(crate) messages: u64,
}

/// Runs the scenario. It has no rate, hence no yardstick.
///
/// # Errors
/// When the gateway does not start, stops answering, or refuses a sleeper.
pub(crate) fn run(settings: &Settings, scale: &Scale) -> Result<Outcome> {
    let limits =
        Limits { clients: Some(scale.sleepers + 16), queue_messages: Some(scale.total().max(1)), ..Limits::default() };
    let mut gateway = settings.target.start(Storage::Disk, limits)?;
    let herd = Herd::open(gateway.udp, settings.bounds)?;
    let mut tally = Tally::new(scale.total())?;
    let slept_s = timed(|| scale.put_to_sleep(&herd, &mut tally))?;
    let filled_s = timed(|| scale.publish(settings, &gateway))?;
    let (full, on_disk) = (rss_mb(&gateway)?, gateway.octets_on_disk()?.unwrap_or_default());

    gateway.kill()?;
    let connack_s = timed(|| {
        gateway.start_again()?;
        first_connack(&mut gateway, settings.bounds.limit)
    })?;
    let (restored, connack_cpu_s) = (rss_mb(&gateway)?, gateway.cpu_s());
    let woken = scale.sample().count() as u64;
    herd.all_ask(Ask::Fetch, scale.sample(), &mut tally)?;

    let delivered = percent(tally.delivered, woken * scale.messages);
    let outcome = Outcome::new("scale")
        .goal("restart to first CONNACK", connack_s, "s", Goal::AtMost(3.0 * (scale.sleepers as f64 / 1e5).max(1.0)))
        .goal("RSS after the restart", restored, "MB", scale.rss_goal())
        .goal("RSS before it", full, "MB", scale.rss_goal());
    let outcome = match scale.messages {
        0 => outcome,
        _ => outcome.goal("delivered to a sample", delivered, "%", Goal::AtLeast(100.0)),
    };
    Ok(outcome
        .figure("sleepers", scale.sleepers as f64, "")
        .figure("subscriptions of each", scale.subscriptions as f64, "")
        .figure("messages for each", scale.messages as f64, "")
        .maybe("gateway CPU until CONNACK", connack_cpu_s, "s")
        .figure("RSS per sleeper after the restart", restored * 1e6 / scale.sleepers as f64, "octets")
        .figure("on disk", on_disk as f64 / 1e6, "MB")
        .figure("set up", slept_s, "s")
        .figure("published", filled_s, "s")
        .figure("woken", woken as f64, "")
        .figure("duplicates", tally.duplicates as f64, ""))
}

impl Scale {
    fn total(&self) -> u64 {
        self.sleepers * self.messages
    }

    /// With messages 150 MB for 100,000 sleepers and as much as the payloads; without any 1.2 GB for 1,000,000.
    fn rss_goal(&self) -> Goal {
        let (each, sleepers) = (if self.messages == 0 { 1_200 } else { 1_500 }, self.sleepers.max(SLEEPERS_MIN));
        Goal::AtMost((sleepers * each + self.total() * PAYLOAD_LEN as u64) as f64 / 1e6)
    }

    fn put_to_sleep(&self, herd: &Herd, tally: &mut Tally) -> Result<()> {
        herd.all_ask(Ask::Connect, 0..self.sleepers, tally)?;
        for number in 0..self.subscriptions {
            herd.all_ask(Ask::Subscribe(number), 0..self.sleepers, tally)?;
        }
        herd.all_ask(Ask::Sleep, 0..self.sleepers, tally)
    }

    fn publish(&self, settings: &Settings, gateway: &Gateway) -> Result<()> {
        feed(gateway.mqtt, "scale-feeder", &settings.bounds, self.total(), |seq, name| {
            *name = topic(seq % self.sleepers, seq / self.sleepers % self.subscriptions);
            Stamp { seq, sent_ns: now_ns() }.to_payload::<PAYLOAD_LEN>()
        })
    }

    /// Sleepers from all over.
    fn sample(&self) -> impl Iterator<Item = u64> + use<> {
        (0..self.sleepers).step_by(self.sleepers.div_ceil(SAMPLE).max(1) as usize)
    }
}

/// Knocks until somebody answers with CONNACK.
fn first_connack(gateway: &mut Gateway, limit: Duration) -> Result<()> {
    let (deadline, socket) = (Deadline::after(limit), UdpSocket::bind::<SocketAddr>((Ipv4Addr::LOCALHOST, 0).into())?);
    socket.set_read_timeout(Some(TRY_EVERY))?;
    let (mut datagram, mut buffer) = ([0; DATAGRAM_MAX], [0; DATAGRAM_MAX]);
    let (clean_session, client_id) = (true, "scale-first");
    let connect = Message::Connect(Connect { will: false, clean_session, protocol_id: 1, duration_s: 60, client_id });
    let len = connect.encode(&mut datagram).map_err(|e| anyhow::anyhow!("encoding {connect:?}: {e}"))?;
    loop {
        // Unconnected: a port that nobody has open yet is no error, only silence.
        socket.send_to(&datagram[..len], gateway.udp)?;
        if let Ok(len) = socket.recv(&mut buffer)
            && let Ok(Message::ConnAck(ack)) = sn_codec::decode(&buffer[..len])
        {
            ensure!(ack.return_code == ReturnCode::Accepted, "first CONNECT was refused: {:?}", ack.return_code);
            return Ok(());
        }
        gateway.still_runs()?;
        deadline.check(|| "no CONNACK after the restart".to_owned())?;
    }
}

fn rss_mb(gateway: &Gateway) -> Result<f64> {
    Ok(gateway.rss_octets()?.context("the gateway's process is not known")? / 1e6)
}

/// How many seconds it took.
fn timed(step: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start_ns = now_ns();
    step()?;
    Ok((now_ns() - start_ns) as f64 / 1e9)
}
