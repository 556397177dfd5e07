//! Messages for clients that sleep; then they wake and collect them. In between the gateway may be killed and started
//! again.

use std::time::Duration;

use anyhow::{Result, bail};
use hdrhistogram::Histogram;
use sn_codec::{Message, PingReq, PubAck, Qos, ReturnCode};

use crate::clock::{Deadline, as_ns, now_ns};
use crate::fleet::{Fleet, TICK};
use crate::node::{DATAGRAM_MAX, Node};
use crate::payload::{Stamp, Tally, latencies};
use crate::publisher::{Progress, Publisher};
use crate::receiver::{Received, respond};
use crate::report::{Goal, Outcome};
use crate::settings::Settings;
use crate::stage::{QUIET, percent};
use crate::target::{Limits, Storage};

const SLEEP_S: u16 = 600;

/// How long a sleeper thinks before it acknowledges its last message, to see whether PINGRESP waits for that.
const HOLD: Duration = Duration::from_millis(100);

/// How many sleepers, how many messages each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sleepers {
    pub(crate) name: &'static str,
    pub(crate) sleepers: usize,
    pub(crate) messages: u64,
    /// Whether the gateway is killed, and started again on its data, while everybody sleeps.
    pub(crate) restart: bool,
}

/// Where a woken client stands.
#[derive(Clone, Copy)]
enum Wake {
    Draining {
        asked_ns: u64,
        heard_ns: u64,
        tries: u32,
    },
    /// It has its last message and has not acknowledged it.
    Holding {
        asked_ns: u64,
        since_ns: u64,
        ack: PubAck,
    },
    /// Its PINGRESP has come.
    Asleep,
}

struct Morning {
    wakes: Vec<Wake>,
    /// Messages that each sleeper still has to get.
    missing: Vec<u64>,
    tally: Tally,
    drains: Histogram<u64>,
    /// PUBLISH messages that came after their client's PINGRESP.
    late: u64,
    /// PINGRESP messages that came before their client's last PUBACK.
    early: u64,
    pings_again: u64,
}

/// Runs the scenario. It has no rate, hence no yardstick.
///
/// # Errors
/// When the gateway does not start, stops answering, or a client's PINGREQ gets no PINGRESP.
pub(crate) fn run(settings: &Settings, scenario: &Sleepers) -> Result<Outcome> {
    let mut gateway = match scenario.restart {
        true => settings.target.start(Storage::Disk, Limits::default())?,
        false => settings.target.open()?,
    };
    let n = scenario.sleepers;
    // The first half publishes, each to its counterpart in the second.
    let mut fleet = Fleet::open(gateway.udp, "sleepers", 2 * n, settings.bounds)?;
    for i in 0..n {
        fleet.nodes[n + i].topic = fleet.nodes[i].topic.clone();
        fleet.nodes[n + i].clean_session = !scenario.restart;
    }
    fleet.connect_all()?;
    fleet.register(0..n)?;
    fleet.subscribe(n..2 * n)?;
    fleet.disconnect(n..2 * n, Some(SLEEP_S))?;

    let accepted = fill_mailboxes(settings, &mut fleet, scenario)?;
    let total = n as u64 * scenario.messages;
    if scenario.restart {
        gateway.kill()?;
        gateway.start_again()?;
        gateway.wait_until_it_listens(settings.bounds.limit)?;
    }
    let mut morning = Morning::begin(&fleet, n, scenario.messages)?;
    morning.drain(settings, &mut fleet)?;
    if !scenario.restart {
        // So that a gateway that runs on is left as it was.
        fleet.disconnect(fleet.all(), None)?;
    }
    Ok(Outcome::new(scenario.name)
        .goal("delivered", percent(morning.tally.delivered, total), "%", Goal::AtLeast(100.0))
        .goal("PUBLISH after PINGRESP", morning.late as f64, "", Goal::AtMost(0.0))
        .goal("PINGRESP before the last PUBACK", morning.early as f64, "", Goal::AtMost(0.0))
        .figure("messages for each", scenario.messages as f64, "")
        .figure("accepted", accepted as f64, "")
        .figure("lost", total.saturating_sub(morning.tally.delivered) as f64, "")
        .figure("duplicates", morning.tally.duplicates as f64, "")
        .quantiles(["PINGREQ to PINGRESP, 100 ms of hesitation included, p50", "p99", "p99.9"], &morning.drains)
        .figure("PINGREQ sent again", morning.pings_again as f64, ""))
}

/// Publishes every sleeper's messages at QoS 1; returns how many were accepted.
fn fill_mailboxes(settings: &Settings, fleet: &mut Fleet, scenario: &Sleepers) -> Result<u64> {
    let deadline = Deadline::after(settings.bounds.limit);
    let mut publishers: Vec<_> = (0..scenario.sleepers).map(|_| (Publisher::new(Qos::One), 0)).collect();
    let (mut accepted, mut buffer, n) = (0, [0; DATAGRAM_MAX], scenario.sleepers as u64);
    while publishers.iter().any(|(publisher, sent)| !publisher.is_idle() || *sent < scenario.messages) {
        for (i, (publisher, sent)) in publishers.iter_mut().enumerate() {
            let node = &fleet.nodes[i];
            while let Some(message) = node.receive(&mut buffer)? {
                accepted += u64::from(matches!(publisher.on_message(node, &message)?, Progress::Acknowledged(_)));
            }
            if publisher.is_idle() && *sent < scenario.messages {
                let stamp = Stamp { seq: *sent * n + i as u64, sent_ns: now_ns() };
                *sent += 1;
                publisher.publish(node, node.topic_id, stamp)?;
            }
            publisher.on_tick(node, &settings.bounds)?;
        }
        fleet.poll.poll(&mut fleet.events, Some(TICK))?;
        deadline.check(|| format!("{accepted} messages for sleepers accepted"))?;
    }
    Ok(accepted)
}

impl Morning {
    /// Wakes everybody.
    fn begin(fleet: &Fleet, n: usize, messages: u64) -> Result<Self> {
        let mut wakes = Vec::with_capacity(n);
        for node in &fleet.nodes[n..] {
            ping(node)?;
            wakes.push(Wake::Draining { asked_ns: now_ns(), heard_ns: now_ns(), tries: 0 });
        }
        let (missing, tally) = (vec![messages; n], Tally::new(n as u64 * messages)?);
        Ok(Self { wakes, missing, tally, drains: latencies()?, late: 0, early: 0, pings_again: 0 })
    }

    /// Collects until everybody has its PINGRESP, and a moment longer for what comes too late.
    fn drain(&mut self, settings: &Settings, fleet: &mut Fleet) -> Result<()> {
        let (deadline, n) = (Deadline::after(settings.bounds.limit), self.wakes.len());
        let mut quiet_since_ns = now_ns();
        while self.is_draining() || now_ns() - quiet_since_ns < as_ns(QUIET) {
            fleet.poll.poll(&mut fleet.events, Some(TICK))?;
            for event in &fleet.events {
                quiet_since_ns = now_ns();
                let i = event.token().0;
                if i >= n {
                    self.on_readable(i - n, &fleet.nodes[i])?;
                }
            }
            self.acknowledge_last(&fleet.nodes[n..])?;
            self.ping_again(settings, &fleet.nodes[n..])?;
            deadline.check(|| format!("{} messages collected", self.tally.delivered))?;
        }
        Ok(())
    }

    fn is_draining(&self) -> bool {
        !self.wakes.iter().all(|wake| matches!(wake, Wake::Asleep))
    }

    fn on_readable(&mut self, sleeper: usize, node: &Node) -> Result<()> {
        let mut buffer = [0; DATAGRAM_MAX];
        while let Some(message) = node.receive(&mut buffer)? {
            if self.hesitates(sleeper, &message)? {
                continue;
            }
            let received = respond(node, &message)?;
            match (&mut self.wakes[sleeper], received) {
                (Wake::Draining { heard_ns, .. }, Received::Published(stamp)) => {
                    *heard_ns = now_ns();
                    self.arrived(sleeper, stamp)?;
                }
                (Wake::Holding { .. }, Received::Published(stamp)) => self.arrived(sleeper, stamp)?,
                (Wake::Asleep, Received::Published(stamp)) => {
                    self.late += 1;
                    self.arrived(sleeper, stamp)?;
                }
                (Wake::Holding { asked_ns, .. }, Received::PingResp) => {
                    self.early += 1;
                    self.drains.saturating_record(now_ns() - *asked_ns);
                    self.wakes[sleeper] = Wake::Asleep;
                }
                (Wake::Draining { asked_ns, .. }, Received::PingResp) => {
                    self.drains.saturating_record(now_ns() - *asked_ns);
                    self.wakes[sleeper] = Wake::Asleep;
                }
                (Wake::Draining { heard_ns, .. }, Received::Other) => *heard_ns = now_ns(),
                (Wake::Holding { .. }, Received::Other) | (Wake::Asleep, Received::PingResp | Received::Other) => {}
            }
        }
        Ok(())
    }

    fn arrived(&mut self, sleeper: usize, stamp: Stamp) -> Result<()> {
        let before = self.tally.delivered;
        self.tally.arrived(stamp.seq, stamp.sent_ns, now_ns())?;
        self.missing[sleeper] -= self.tally.delivered - before;
        Ok(())
    }

    /// Takes a sleeper's last message without acknowledging it yet; whether this was it.
    fn hesitates(&mut self, sleeper: usize, message: &Message<'_>) -> Result<bool> {
        let Wake::Draining { asked_ns, .. } = self.wakes[sleeper] else { return Ok(false) };
        let Message::Publish(publish) = message else { return Ok(false) };
        let is_last = |stamp: &Stamp| self.missing[sleeper] == 1 && !self.tally.has(stamp.seq);
        let Some(stamp) = Stamp::of(publish.data).filter(is_last) else { return Ok(false) };
        self.arrived(sleeper, stamp)?;
        let (topic_id, msg_id) = (publish.topic.id_field(), publish.msg_id);
        let ack = PubAck { topic_id, msg_id, return_code: ReturnCode::Accepted };
        self.wakes[sleeper] = Wake::Holding { asked_ns, since_ns: now_ns(), ack };
        Ok(true)
    }

    /// Sends the PUBACKs that have been held long enough.
    fn acknowledge_last(&mut self, nodes: &[Node]) -> Result<()> {
        for (wake, node) in self.wakes.iter_mut().zip(nodes) {
            let Wake::Holding { asked_ns, since_ns, ack } = *wake else { continue };
            if now_ns() - since_ns >= as_ns(HOLD) {
                node.send(&Message::PubAck(ack))?;
                *wake = Wake::Draining { asked_ns, heard_ns: now_ns(), tries: 0 };
            }
        }
        Ok(())
    }

    /// Every message restarts T_retry (1.2 §6.14); after it the PINGREQ is repeated.
    fn ping_again(&mut self, settings: &Settings, nodes: &[Node]) -> Result<()> {
        for (wake, node) in self.wakes.iter_mut().zip(nodes) {
            let Wake::Draining { heard_ns, tries, .. } = wake else { continue };
            if now_ns() - *heard_ns < as_ns(settings.bounds.t_retry) {
                continue;
            }
            if *tries == settings.bounds.n_retry {
                bail!("{} had no PINGRESP after {tries} retransmissions", node.client_id);
            }
            (*heard_ns, *tries) = (now_ns(), *tries + 1);
            self.pings_again += 1;
            ping(node)?;
        }
        Ok(())
    }
}

fn ping(node: &Node) -> Result<()> {
    node.send(&Message::PingReq(PingReq { client_id: Some(&node.client_id) }))
}
