//! Serial lines: one node at the other end, or an XBee radio with many.
//!
//! [`port`] opens the device, again and again if it must; [`framing`] makes datagrams of octets. Between them is what
//! a slow line needs: a short queue, since what waits for long is sent again by those who wait for its answer, and, for a
//! radio that says what became of each datagram, a window.

mod config;
pub mod framing;
pub(crate) mod port;

pub use config::{Device, FlowControl, Framing, Line, NoDevice, Parity, SerialConfig};
pub use framing::Family;

use crate::nodes::{NodeTable, Sent};
use crate::tap::{Layer, TapPoint};
use crate::{Counters, LinkEvent, RecvBatch, Transport};
use framing::{Incoming, Recipient};
use port::{Port, PortEvent};
use sn_types::{Instant, LateCopies, LinkProfile, PeerAddr, TransportId, Way};
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// Octets read at once, and how many datagrams they may hold: the shortest has two.
const READ: usize = 256;
const PER_READ: usize = READ / 2;
/// Datagrams taken in at once.
const BATCH: usize = 2 * PER_READ;
/// What may wait for the line: as much as it carries in this time, and always one datagram.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Datagrams that a radio has at the same time.
const WINDOW: usize = 4;
/// How long a radio may take to say what became of a datagram.
const STATUS: Duration = Duration::from_secs(5);

/// A serial line.
#[derive(Debug)]
pub struct SerialTransport {
    id: TransportId,
    profile: LinkProfile,
    port: Port,
    framing: Box<dyn framing::Framing>,
    outgoing: Outgoing,
    /// The start of the framing's time.
    began: tokio::time::Instant,
    batch: RecvBatch,
    events: VecDeque<LinkEvent>,
    counters: Counters,
    /// The nodes that an XBee radio hears.
    nodes: NodeTable,
    tap: TapPoint,
}

/// What is to be written.
#[derive(Debug)]
struct Outgoing {
    /// Datagrams without a frame.
    waiting: VecDeque<(Recipient, Vec<u8>)>,
    /// Their octets.
    waiting_octets: usize,
    limit: usize,
    /// Frames.
    line: Vec<u8>,
    /// The datagrams that the radio has: their numbers, and to whom they go.
    in_radio: Vec<(u8, Recipient)>,
    /// When it must have said something.
    status_due: Option<Pin<Box<Sleep>>>,
}

impl SerialTransport {
    /// The line of a configuration, which is opened when it is polled. Must be called within a tokio runtime that has its
    /// I/O and time drivers enabled.
    #[must_use]
    pub fn new(id: TransportId, config: SerialConfig) -> Self {
        // An octet takes ten bits.
        let in_time = config.baud as usize / 10 * LONGEST_WAIT.as_secs() as usize;
        let mtu = usize::from(config.mtu);
        Self {
            id,
            profile: profile(&config),
            framing: config.framing.build(config.mtu, config.gap),
            port: Port::new(config.line()),
            outgoing: Outgoing::new(in_time.max(mtu)),
            began: tokio::time::Instant::now(),
            batch: RecvBatch::new(BATCH, mtu),
            events: VecDeque::new(),
            counters: Counters::default(),
            nodes: NodeTable::new(),
            tap: TapPoint::new(Layer::Datagram),
        }
    }

    fn poll_port(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(event) = self.port.poll_event(cx) {
            self.happened(event);
        }
    }

    fn happened(&mut self, event: PortEvent) {
        self.counters.send_unlinked += self.outgoing.forget();
        self.framing.reset();
        self.events.push_back(match event {
            PortEvent::Opened => LinkEvent::Up(self.profile),
            PortEvent::Closed(why) => LinkEvent::Down(why),
        });
    }

    /// Reads until there is nothing more, or the batch may not take what else comes.
    fn poll_read(&mut self, cx: &mut Context<'_>) {
        let mut octets = [0; READ];
        while self.batch.len() + PER_READ <= BATCH {
            match self.port.poll_read(cx, &mut octets) {
                Poll::Ready(Ok(len)) => self.take(&octets[..len]),
                Poll::Ready(Err(event)) => return self.happened(event),
                Poll::Pending => return,
            }
        }
        // There may be more.
        cx.waker().wake_by_ref();
    }

    fn take(&mut self, octets: &[u8]) {
        let now = Instant::ZERO + self.began.elapsed();
        let Self { id, framing, outgoing, batch, counters, nodes, .. } = self;
        framing.take(now, octets, &mut |incoming| match incoming {
            Incoming::Datagram { from, signal, octets } if batch.put(PeerAddr::direct(*id, from), octets) => {
                counters.received += 1;
                from.eui64().into_iter().for_each(|node| nodes.heard(node, signal, None, Way::default()));
            }
            Incoming::Datagram { .. } | Incoming::Oversize => counters.oversize += 1,
            Incoming::Malformed => counters.malformed += 1,
            Incoming::Status { number, delivered, retries } => {
                let Some(to) = outgoing.done(number) else { return };
                counters.undelivered += u64::from(!delivered);
                to.node().into_iter().for_each(|node| nodes.sent(node, Sent { retries, delivered }));
            }
            Incoming::Reset => counters.undelivered += outgoing.all_done(),
        });
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) {
        loop {
            if self.outgoing.is_overdue(cx) {
                self.counters.undelivered += self.outgoing.all_done();
            }
            self.outgoing.fill(&mut *self.framing, &mut self.counters);
            if self.outgoing.line.is_empty() {
                return;
            }
            match self.port.poll_write(cx, &self.outgoing.line) {
                Poll::Ready(Ok(len)) => drop(self.outgoing.line.drain(..len)),
                Poll::Ready(Err(event)) => return self.happened(event),
                Poll::Pending => return,
            }
        }
    }

    fn send(&mut self, to: Recipient, datagram: &[u8]) {
        if !self.port.is_open() {
            self.counters.send_unlinked += 1;
        } else if !self.outgoing.push(to, datagram) {
            self.counters.send_full += 1;
        } else {
            let peer = match to {
                Recipient::One(peer) => Some(peer),
                Recipient::All { .. } => None,
            };
            self.tap.tell_sent(peer, datagram);
        }
    }
}

fn profile(config: &SerialConfig) -> LinkProfile {
    let late_copies = if config.framing.is_radio() {
        // The radio sends again what it has no acknowledgement of.
        LateCopies { within: STATUS, exchanges: 16 }
    } else {
        LateCopies::NONE
    };
    LinkProfile {
        mtu: config.mtu,
        mtu_behind_forwarders: config.mtu,
        authenticated: false,
        late_copies,
        broadcast: true,
    }
}

impl Outgoing {
    fn new(limit: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            waiting_octets: 0,
            limit,
            line: Vec::new(),
            in_radio: Vec::new(),
            status_due: None,
        }
    }

    /// `false`: too much waits.
    fn push(&mut self, to: Recipient, datagram: &[u8]) -> bool {
        let octets = self.waiting_octets + self.line.len() + datagram.len();
        if octets > self.limit {
            return false;
        }
        self.waiting_octets += datagram.len();
        self.waiting.push_back((to, datagram.to_vec()));
        true
    }

    /// Makes frames of what waits, as far as the radio takes them.
    fn fill(&mut self, framing: &mut dyn framing::Framing, counters: &mut Counters) {
        while self.in_radio.len() < WINDOW {
            let Some((to, datagram)) = self.waiting.pop_front() else { return };
            self.waiting_octets -= datagram.len();
            match framing.put(to, &datagram, &mut self.line) {
                Ok(number) => {
                    counters.sent += 1;
                    self.in_radio.extend(number.map(|number| (number, to)));
                    if number.is_some() {
                        self.status_due = Some(Box::pin(sleep(STATUS)));
                    }
                }
                Err(framing::Unsendable) => counters.send_refused += 1,
            }
        }
    }

    /// The radio has said what became of a datagram. To whom that goes, if it had that one.
    fn done(&mut self, number: u8) -> Option<Recipient> {
        let place = self.in_radio.iter().position(|(in_radio, _)| *in_radio == number)?;
        let (_, to) = self.in_radio.remove(place);
        if self.in_radio.is_empty() {
            self.status_due = None;
        }
        Some(to)
    }

    /// The radio knows nothing any more of what it had. How many that were.
    fn all_done(&mut self) -> u64 {
        self.status_due = None;
        self.in_radio.drain(..).count() as u64
    }

    fn is_overdue(&mut self, cx: &mut Context<'_>) -> bool {
        self.status_due.as_mut().is_some_and(|due| due.as_mut().poll(cx).is_ready())
    }

    /// Nobody is there to take it. How many datagrams that were.
    fn forget(&mut self) -> u64 {
        self.line.clear();
        self.waiting_octets = 0;
        self.waiting.drain(..).count() as u64 + self.all_done()
    }
}

impl Transport for SerialTransport {
    fn profile(&self) -> LinkProfile {
        self.profile
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.batch.clear();
        self.poll_port(cx);
        self.poll_read(cx);
        self.tap.tell_received(&self.batch);
        self.poll_write(cx);
        // A device that was lost is waited for from now on.
        self.poll_port(cx);
        if self.events.is_empty() && self.batch.is_empty() { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn poll_event(&mut self) -> Option<LinkEvent> {
        self.events.pop_front()
    }

    fn nodes(&mut self) -> Option<&mut NodeTable> {
        Some(&mut self.nodes)
    }

    fn received(&self) -> &RecvBatch {
        &self.batch
    }

    fn queue(&mut self, to: &PeerAddr, datagram: Vec<u8>) {
        self.send(Recipient::One(to.link), &datagram);
    }

    /// What the device does not take now is written when it does: [`Transport::poll_recv`] waits for that, too.
    fn flush(&mut self) {
        self.outgoing.fill(&mut *self.framing, &mut self.counters);
        let written = self.port.try_write(&self.outgoing.line);
        self.outgoing.line.drain(..written);
    }

    fn broadcast(&mut self, radius: u8, datagram: &[u8]) {
        self.send(Recipient::All { radius }, datagram);
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    fn tap_point(&mut self) -> &mut TapPoint {
        &mut self.tap
    }
}
