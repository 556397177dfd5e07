//! QoS 1 and 2, as fast as the gateway acknowledges: each client has one message under way.

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use sn_codec::Qos;

use crate::clock::{as_ns, now_ns};
use crate::echo;
use crate::fleet::{Fleet, TICK};
use crate::node::{DATAGRAM_MAX, Node};
use crate::payload::{PAYLOAD_LEN, Stamp, Tally, latencies};
use crate::publisher::{Progress, Publisher};
use crate::report::{Goal, Outcome};
use crate::settings::Settings;
use crate::stage::{Stage, collect, cpu_us_each, limit, may_still_arrive, percent};
use crate::subscriber::Subscriber;

/// A scenario never publishes more than this.
pub(crate) const MESSAGES_MAX: u64 = 4_000_000;

/// Which of the two scenarios.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClosedLoop {
    pub(crate) name: &'static str,
    pub(crate) qos: Qos,
    /// The MQTT subscriber's QoS.
    pub(crate) sub_qos: u8,
    pub(crate) clients: usize,
    /// Messages per second as a fraction of the yardstick's round trips per second.
    pub(crate) ratio_goal: f64,
}

/// What was published and acknowledged. Order of calls: `drive`, as often as needed.
pub(crate) struct Traffic {
    publishers: Vec<Publisher>,
    offered_until_ns: u64,
    /// What arrived at the subscriber.
    pub(crate) tally: Tally,
    /// Nanoseconds from each PUBLISH to the end of its exchange.
    pub(crate) acks: Histogram<u64>,
    /// When the last exchange ended.
    pub(crate) acked_until_ns: u64,
    pub(crate) sent: u64,
    pub(crate) refused: u64,
}

/// Runs the scenario beside the yardstick.
///
/// # Errors
/// When the gateway does not start, stops answering, or closes the subscriber.
pub(crate) fn run(settings: &Settings, scenario: &ClosedLoop) -> Result<Outcome> {
    let (echo_hz, (traffic, rate_hz, cpu_us)) = echo::beside(settings, || offer(settings, scenario))?;
    let retries = traffic.retries();
    let Traffic { tally, acks, sent, refused, .. } = traffic;
    Ok(Outcome::new(scenario.name)
        .goal("of the echo rate", rate_hz / echo_hz, "", Goal::AtLeast(scenario.ratio_goal))
        .goal("delivered", percent(tally.delivered, sent), "%", Goal::AtLeast(100.0))
        .figure("messages", rate_hz, "/s")
        .figure("echo round trips", echo_hz, "/s")
        .figure("of its datagrams, both ways counted", rate_hz / (2.0 * echo_hz), "")
        .quantiles(["ack p50", "p99", "p99.9"], &acks)
        .quantiles(["end to end p50", "p99", "p99.9"], &tally.latency)
        .figure("lost", sent.saturating_sub(tally.delivered) as f64, "")
        .figure("refused", refused as f64, "")
        .figure("duplicates", tally.duplicates as f64, "")
        .figure("retransmissions", retries as f64, "")
        .maybe("gateway CPU", cpu_us, "us/message"))
}

/// The load itself: what happened, deliveries per second, processor time per message.
fn offer(settings: &Settings, scenario: &ClosedLoop) -> Result<(Traffic, f64, Option<f64>)> {
    let mut stage = Stage::set(settings, scenario.name, scenario.clients, scenario.sub_qos)?;
    let cpu_before = stage.gateway.cpu_s();
    let mut traffic = Traffic::new(scenario.qos, scenario.clients, PAYLOAD_LEN)?;
    let start_ns = now_ns();
    traffic.drive(settings, settings.load, &mut stage.fleet, Some(&mut stage.subscriber))?;
    let took_s = traffic.tally.last_ns.saturating_sub(start_ns).max(1) as f64 / 1e9;
    let rate_hz = traffic.tally.delivered as f64 / took_s;
    let cpu_us = cpu_us_each(cpu_before, stage.gateway.cpu_s(), traffic.tally.delivered);
    stage.clear()?;
    Ok((traffic, rate_hz, cpu_us))
}

impl Traffic {
    /// Nothing published yet, by `clients` that publish payloads of `payload_len` octets.
    ///
    /// # Errors
    /// When the account of so many messages does not fit into memory.
    pub(crate) fn new(qos: Qos, clients: usize, payload_len: usize) -> Result<Self> {
        Ok(Self {
            publishers: (0..clients).map(|_| Publisher::with_payload(qos, payload_len)).collect(),
            offered_until_ns: 0,
            tally: Tally::new(MESSAGES_MAX)?,
            acks: latencies()?,
            acked_until_ns: 0,
            sent: 0,
            refused: 0,
        })
    }

    /// PUBLISH and PUBREL messages that were sent again.
    pub(crate) fn retries(&self) -> u64 {
        self.publishers.iter().map(|publisher| publisher.retries).sum()
    }

    /// Publishes for `load`, and goes on until everything is acknowledged, and has reached the subscriber if there is
    /// one.
    ///
    /// # Errors
    /// When the gateway stops answering or closes the subscriber.
    pub(crate) fn drive(
        &mut self,
        settings: &Settings,
        load: Duration,
        fleet: &mut Fleet,
        mut subscriber: Option<&mut Subscriber>,
    ) -> Result<()> {
        let (deadline, mut ticked_ns) = (limit(settings), now_ns());
        self.offered_until_ns = now_ns() + as_ns(load);
        for (i, node) in fleet.nodes.iter().enumerate() {
            self.publish_next(i, node)?;
        }
        while self.goes_on(subscriber.is_some()) {
            fleet.poll.poll(&mut fleet.events, Some(TICK))?;
            for event in &fleet.events {
                match (fleet.nodes.get(event.token().0), &mut subscriber) {
                    (Some(node), _) => self.on_readable(event.token().0, node)?,
                    (None, Some(subscriber)) => collect(subscriber, &mut self.tally)?,
                    (None, None) => {}
                }
            }
            if now_ns() - ticked_ns > as_ns(TICK) {
                ticked_ns = now_ns();
                let both = self.publishers.iter_mut().zip(&fleet.nodes);
                both.into_iter().try_for_each(|(publisher, node)| publisher.on_tick(node, &settings.bounds))?;
                deadline.check(|| format!("{} of {} messages delivered", self.tally.delivered, self.sent))?;
            }
        }
        Ok(())
    }

    fn is_offering(&self) -> bool {
        self.sent < MESSAGES_MAX && now_ns() < self.offered_until_ns
    }

    fn goes_on(&self, delivers: bool) -> bool {
        self.is_offering()
            || self.publishers.iter().any(|publisher| !publisher.is_idle())
            || delivers && may_still_arrive(&self.tally, self.sent - self.refused, self.offered_until_ns)
    }

    /// One client has something to read. With one exchange under way one datagram is all there is, so it is read
    /// once; only after something unexpected the socket is emptied.
    fn on_readable(&mut self, i: usize, node: &Node) -> Result<()> {
        let mut buffer = [0; DATAGRAM_MAX];
        while let Some(message) = node.receive(&mut buffer)? {
            match self.publishers[i].on_message(node, &message)? {
                Progress::Acknowledged(took_ns) => {
                    self.acks.saturating_record(took_ns);
                    self.acked_until_ns = now_ns();
                }
                Progress::Refused => self.refused += 1,
                Progress::Advanced => return Ok(()),
                Progress::Unrelated => continue,
            }
            return self.publish_next(i, node);
        }
        Ok(())
    }

    fn publish_next(&mut self, i: usize, node: &Node) -> Result<()> {
        if self.is_offering() {
            let stamp = Stamp { seq: self.sent, sent_ns: now_ns() };
            self.sent += 1;
            self.publishers[i].publish(node, node.topic_id, stamp)?;
        }
        Ok(())
    }
}
