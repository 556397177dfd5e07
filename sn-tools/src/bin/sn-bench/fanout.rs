//! One message to many MQTT-SN subscribers at QoS 1, at a set rate.

use std::ops::Range;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use sn_codec::Qos;

use crate::clock::{Pace, as_ns, now_ns};
use crate::echo;
use crate::fleet::{Fleet, TICK};
use crate::node::{DATAGRAM_MAX, Node};
use crate::payload::{Stamp, Tally};
use crate::publisher::{Progress, Publisher};
use crate::receiver::{Received, respond};
use crate::report::{Goal, Outcome, quantile_us};
use crate::settings::Settings;
use crate::stage::{cpu_us_each, limit, may_still_arrive, percent};

/// Publishers take turns, so that one slow PUBACK does not hold up the schedule.
const PUBLISHERS: usize = 8;

/// How many subscribers, how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fanout {
    pub(crate) subscribers: usize,
    /// Publishes per second.
    pub(crate) rate_hz: u64,
}

struct Spread {
    publishers: Vec<Publisher>,
    tally: Tally,
    subscribers: u64,
    total: u64,
    sent: u64,
    refused: u64,
    sent_until_ns: u64,
}

/// Runs the scenario beside the yardstick.
///
/// # Errors
/// When the gateway does not start, stops answering, or disconnects a client.
pub(crate) fn run(settings: &Settings, scenario: &Fanout) -> Result<Outcome> {
    let (echo_hz, (spread, start_ns, cpu_us)) = echo::beside(settings, || offer(settings, scenario))?;
    let took_s = |until_ns: u64| until_ns.saturating_sub(start_ns).max(1) as f64 / 1e9;
    let deliveries_hz = spread.tally.delivered as f64 / took_s(spread.tally.last_ns);
    let retries: u64 = spread.publishers.iter().map(|publisher| publisher.retries).sum();
    Ok(Outcome::new("fanout")
        .goal(
            "delivered",
            percent(spread.tally.delivered, spread.total * spread.subscribers),
            "%",
            Goal::AtLeast(100.0),
        )
        .goal(
            "offered",
            spread.sent as f64 / took_s(spread.sent_until_ns),
            "/s",
            Goal::AtLeast(scenario.rate_hz as f64 * 0.99),
        )
        .figure("deliveries", deliveries_hz, "/s")
        .figure("deliveries, of the echo rate", deliveries_hz / echo_hz, "")
        .quantiles(["behind schedule p50", "p99", "p99.9"], &spread.tally.latency)
        .figure("most", quantile_us(&spread.tally.latency, 1.0), "us")
        .figure("lost", (spread.total * spread.subscribers).saturating_sub(spread.tally.delivered) as f64, "")
        .figure("refused", spread.refused as f64, "")
        .figure("duplicates", spread.tally.duplicates as f64, "")
        .figure("retransmissions", retries as f64, "")
        .maybe("gateway CPU", cpu_us, "us/delivery"))
}

fn offer(settings: &Settings, scenario: &Fanout) -> Result<(Spread, u64, Option<f64>)> {
    let gateway = settings.target.open()?;
    let mut fleet = Fleet::open(gateway.udp, "fanout", PUBLISHERS + scenario.subscribers, settings.bounds)?;
    fleet.nodes.iter_mut().for_each(|node| node.topic = "bench/fanout/all".to_owned());
    fleet.connect_all()?;
    fleet.register(0..PUBLISHERS)?;
    fleet.subscribe(PUBLISHERS..fleet.nodes.len())?;

    let mut spread = Spread::new(settings, scenario)?;
    let (cpu_before, start_ns) = (gateway.cpu_s(), now_ns());
    spread.drive(settings, &mut fleet, Pace::start(scenario.rate_hz))?;
    let cpu_us = cpu_us_each(cpu_before, gateway.cpu_s(), spread.tally.delivered);
    fleet.disconnect(fleet.all(), None)?;
    Ok((spread, start_ns, cpu_us))
}

impl Spread {
    fn new(settings: &Settings, scenario: &Fanout) -> Result<Self> {
        let total = scenario.rate_hz.saturating_mul(as_ns(settings.load)) / 1_000_000_000;
        Ok(Self {
            publishers: (0..PUBLISHERS).map(|_| Publisher::new(Qos::One)).collect(),
            tally: Tally::new(total.saturating_mul(scenario.subscribers as u64))?,
            subscribers: scenario.subscribers as u64,
            total,
            sent: 0,
            refused: 0,
            sent_until_ns: 0,
        })
    }

    fn drive(&mut self, settings: &Settings, fleet: &mut Fleet, pace: Pace) -> Result<()> {
        let (deadline, mut ticked_ns) = (limit(settings), now_ns());
        while self.goes_on() {
            self.publish_due(&fleet.nodes[..PUBLISHERS], pace)?;
            // A timer's milliseconds would show up as the gateway's lag.
            fleet.poll.poll(&mut fleet.events, Some(Duration::ZERO))?;
            if fleet.events.is_empty() {
                thread::yield_now();
            }
            for event in &fleet.events {
                let i = event.token().0;
                self.on_readable(i, &fleet.nodes[i])?;
            }
            if now_ns() - ticked_ns > as_ns(TICK) {
                ticked_ns = now_ns();
                let both: Range<usize> = 0..PUBLISHERS;
                both.into_iter().try_for_each(|i| self.publishers[i].on_tick(&fleet.nodes[i], &settings.bounds))?;
                deadline.check(|| format!("{} deliveries of {} messages", self.tally.delivered, self.sent))?;
            }
        }
        Ok(())
    }

    fn goes_on(&self) -> bool {
        self.sent < self.total
            || self.publishers.iter().any(|publisher| !publisher.is_idle())
            || may_still_arrive(&self.tally, (self.sent - self.refused) * self.subscribers, self.sent_until_ns)
    }

    /// Publishes what is due; its stamp says when it was due, so that waiting for a free publisher counts as lag.
    fn publish_due(&mut self, nodes: &[Node], pace: Pace) -> Result<()> {
        let due = pace.due(now_ns()).min(self.total);
        for (publisher, node) in self.publishers.iter_mut().zip(nodes) {
            if self.sent < due && publisher.is_idle() {
                let stamp = Stamp { seq: self.sent, sent_ns: pace.due_at_ns(self.sent) };
                self.sent += 1;
                self.sent_until_ns = now_ns();
                publisher.publish(node, node.topic_id, stamp)?;
            }
        }
        Ok(())
    }

    fn on_readable(&mut self, i: usize, node: &Node) -> Result<()> {
        let mut buffer = [0; DATAGRAM_MAX];
        while let Some(message) = node.receive(&mut buffer)? {
            if let Some(publisher) = self.publishers.get_mut(i) {
                self.refused += u64::from(publisher.on_message(node, &message)? == Progress::Refused);
            } else if let Received::Published(stamp) = respond(node, &message)? {
                let subscriber = (i - PUBLISHERS) as u64;
                self.tally.arrived(stamp.seq * self.subscribers + subscriber, stamp.sent_ns, now_ns())?;
            }
        }
        Ok(())
    }
}
