//! QoS 0 at a set rate: how much arrives, and how late. Nothing is sent again.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use sn_codec::{Message, MsgId, Qos};

use crate::clock::{Pace, as_ns, now_ns};
use crate::echo::{self, Echo};
use crate::node::{DATAGRAM_MAX, Node};
use crate::payload::{PAYLOAD_LEN, Stamp, Tally};
use crate::publisher::publish;
use crate::report::{Goal, Outcome, quantile_us};
use crate::settings::Settings;
use crate::stage::{Stage, collect, cpu_us_each, limit, may_still_arrive, percent};

/// Messages that leave in one go at most when the generator has fallen behind.
const BURST_MAX: u64 = 32;

/// The rate and who offers it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenLoop {
    pub(crate) rate_hz: u64,
    pub(crate) clients: usize,
}

struct Stream {
    tally: Tally,
    sent: u64,
    refused: u64,
    offered_hz: f64,
    cpu_us: Option<f64>,
}

/// How much of the offered rate arrives.
///
/// # Errors
/// When the gateway does not start, stops answering, or closes the subscriber.
pub(crate) fn run_loss(settings: &Settings, scenario: &OpenLoop) -> Result<Outcome> {
    let (echo_hz, stream) = echo::beside(settings, || offer(settings, scenario, "qos0"))?;
    Ok(Outcome::new("qos0")
        .goal("delivered", percent(stream.tally.delivered, stream.sent), "%", Goal::AtLeast(99.9))
        .goal("offered", stream.offered_hz, "/s", Goal::AtLeast(scenario.rate_hz as f64 * 0.99))
        .figure("lost", stream.sent.saturating_sub(stream.tally.delivered) as f64, "")
        .figure("offered, of the echo rate", stream.offered_hz / echo_hz, "")
        .figure("echo", echo_hz, "/s")
        .quantiles(["end to end p50", "p99", "p99.9"], &stream.tally.latency)
        .figure("refused", stream.refused as f64, "")
        .figure("duplicates", stream.tally.duplicates as f64, "")
        .maybe("gateway CPU", stream.cpu_us, "us/message"))
}

/// How late messages arrive, beside the yardstick's round trips at the same rate.
///
/// # Errors
/// As [`run_loss`].
pub(crate) fn run_latency(settings: &Settings, scenario: &OpenLoop) -> Result<Outcome> {
    // As long as the load itself: a tail says nothing about a time that was not sampled.
    let echo = Echo::paced(scenario.rate_hz, settings.load)?;
    let stream = offer(settings, scenario, "latency")?;
    let goal_us = 150.0 + quantile_us(&echo.latency, 0.99);
    Ok(Outcome::new("latency")
        .goal("end to end p99", quantile_us(&stream.tally.latency, 0.99), "us", Goal::AtMost(goal_us))
        .goal("offered", stream.offered_hz, "/s", Goal::AtLeast(scenario.rate_hz as f64 * 0.99))
        .quantiles(["end to end p50", "p99", "p99.9"], &stream.tally.latency)
        .quantiles(["echo p50", "p99", "p99.9"], &echo.latency)
        .figure("lost", stream.sent.saturating_sub(stream.tally.delivered) as f64, "")
        .maybe("gateway CPU", stream.cpu_us, "us/message"))
}

fn offer(settings: &Settings, scenario: &OpenLoop, name: &'static str) -> Result<Stream> {
    let mut stage = Stage::set(settings, name, scenario.clients, 0)?;
    let total = scenario.rate_hz.saturating_mul(as_ns(settings.load)) / 1_000_000_000;
    let (deadline, cpu_before) = (limit(settings), stage.gateway.cpu_s());
    let (mut stream, start_ns, pace) = (Stream::new(total)?, now_ns(), Pace::start(scenario.rate_hz));
    let mut offered_until_ns = start_ns;
    while stream.sent < total || may_still_arrive(&stream.tally, stream.sent - stream.refused, offered_until_ns) {
        let due = pace.due(now_ns()).min(total).min(stream.sent + BURST_MAX);
        while stream.sent < due {
            stream.send(&stage.fleet.nodes)?;
            offered_until_ns = now_ns();
        }
        // A timer would wake too late for this rate; yielding leaves the processor to a gateway that needs it.
        stage.fleet.poll.poll(&mut stage.fleet.events, Some(Duration::ZERO))?;
        if stage.fleet.events.is_empty() {
            thread::yield_now();
        }
        for event in &stage.fleet.events {
            match stage.fleet.nodes.get(event.token().0) {
                Some(node) => stream.on_readable(node)?,
                None => collect(&mut stage.subscriber, &mut stream.tally)?,
            }
        }
        deadline.check(|| format!("{} of {total} messages sent", stream.sent))?;
    }
    stream.offered_hz = stream.sent as f64 * 1e9 / offered_until_ns.saturating_sub(start_ns).max(1) as f64;
    stream.cpu_us = cpu_us_each(cpu_before, stage.gateway.cpu_s(), stream.sent);
    stage.clear()?;
    Ok(stream)
}

impl Stream {
    fn new(total: u64) -> Result<Self> {
        Ok(Self { tally: Tally::new(total)?, sent: 0, refused: 0, offered_hz: 0.0, cpu_us: None })
    }

    /// The next message, from the next client in turn.
    fn send(&mut self, nodes: &[Node]) -> Result<()> {
        let node = &nodes[(self.sent % nodes.len() as u64) as usize];
        let stamp = Stamp { seq: self.sent, sent_ns: now_ns() };
        self.sent += 1;
        node.send(&publish(Qos::Zero, false, node.topic_id, MsgId::NONE, &stamp.to_payload::<PAYLOAD_LEN>()))
    }

    fn on_readable(&mut self, node: &Node) -> Result<()> {
        let mut buffer = [0; DATAGRAM_MAX];
        while let Some(message) = node.receive(&mut buffer)? {
            // At QoS 0 a PUBACK only comes to refuse (1.2 §6.6).
            self.refused += u64::from(matches!(message, Message::PubAck(_)));
            ensure!(!matches!(message, Message::Disconnect(_)), "the gateway disconnected {}", node.client_id);
        }
        Ok(())
    }
}
