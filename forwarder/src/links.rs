//! The transports with nodes, in the order of their numbers.
//!
//! Owns: the links, how well nodes are heard on them, and that what a secured radio brings waits for its counters
//! ([`Ledger`]). Must not know: the gateway, the encapsulation.
//!
//! Order of calls: [`Links::provide_counters`], then [`Links::poll`] until it is ready, then [`Links::for_each`]; or
//! [`Links::send`] and [`Links::broadcast`], and begin again.

use crate::config::{File, TransportTable};
use crate::ledger::Ledger;
use anyhow::Context as _;
use sn_types::{Eui64, Heard, LinkProfile, PeerAddr, TransportId};
use std::collections::BTreeMap;
use std::task::{Context, Poll};
use tracing::{info, warn};
use transports::nodes::{MAX_STRANGERS, NodeReport};
use transports::{LinkEvent, RadioTransport, SerialTransport, Transport, UdpConfig, UdpTransport};

/// The longest message of a node over UDP that still fits a datagram when it is encapsulated.
const UDP_MTU: u16 = 65_250;

/// A transport with nodes.
struct Link {
    transport: Box<dyn Transport>,
    /// For people.
    place: String,
    /// It has a batch that nobody has looked at.
    is_ready: bool,
    /// If it is a secured radio.
    ledger: Option<Ledger>,
    /// If it is a radio: how well its nodes are heard.
    heard: BTreeMap<Eui64, Heard>,
    /// Messages that were dropped because their frame counters could not be written.
    unkept: u64,
    /// Messages from the gateway that are longer than the link carries.
    too_long: u64,
}

/// All transports with nodes.
pub struct Links(Vec<Link>);

impl Links {
    /// Opens the transports of a configuration. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// An address or the directory for frame counters cannot be used.
    pub fn open(file: &File) -> anyhow::Result<Self> {
        let tables = file.transport.iter().map(|table| table.get_ref());
        let open = |(table, id): (&TransportTable, u8)| open(TransportId(id), table, file);
        tables.zip(0..=u8::MAX).map(open).collect::<anyhow::Result<Vec<_>>>().map(Self)
    }

    /// Where they are, for people.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|link| link.place.as_str())
    }

    /// Gives secured radios frame counters to send with, if they have few left.
    pub fn provide_counters(&mut self) {
        for link in &mut self.0 {
            if let (Some(ledger), Some(table)) = (&mut link.ledger, link.transport.nodes()) {
                ledger.provide(table);
            }
        }
    }

    /// Waits until one of them has something.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for link in &mut self.0 {
            link.poll(cx);
        }
        if self.0.iter().any(|link| link.is_ready) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Hands on what they have.
    pub fn for_each(&mut self, mut each: impl FnMut(PeerAddr, &[u8])) {
        for link in &mut self.0 {
            if std::mem::take(&mut link.is_ready) && link.may_pass() {
                link.transport.received().iter().for_each(|(from, message)| each(from, message));
            }
        }
    }

    /// Sends a message to a node.
    pub fn send(&mut self, peer: &PeerAddr, message: &[u8]) {
        if let Some(link) = self.0.get_mut(usize::from(peer.transport.0)) {
            link.send(peer, message);
        }
    }

    /// Sends a message to every node, `radius` hops far; 0 is the whole network.
    pub fn broadcast(&mut self, radius: u8, message: &[u8]) {
        for link in &mut self.0 {
            link.transport.broadcast(radius, message);
            link.transport.flush();
        }
    }

    /// Logs what they count, and how well nodes are heard.
    pub fn report(&mut self) {
        for (place, link) in self.0.iter_mut().enumerate() {
            link.take_reports();
            let Link { unkept, too_long, .. } = *link;
            info!(transport = place, unkept, too_long, counters = %link.transport.counters(), "transport");
            link.report_nodes();
        }
    }

    /// Writes what is not written yet. To be called at the end.
    pub fn close(mut self) {
        for link in &mut self.0 {
            link.take_reports();
            if let Some(ledger) = &mut link.ledger {
                ledger.save();
            }
        }
    }
}

impl Link {
    fn poll(&mut self, cx: &mut Context<'_>) {
        self.is_ready = match self.transport.poll_recv(cx) {
            Poll::Pending => false,
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(error)) => {
                warn!(on = self.place, %error, "cannot receive");
                // It may go on, and will not say when.
                cx.waker().wake_by_ref();
                false
            }
        };
        while let Some(event) = self.transport.poll_event() {
            match event {
                LinkEvent::Up(profile) => info!(on = self.place, mtu = profile.mtu, "link up"),
                LinkEvent::Note(what) => info!(on = self.place, "{what}"),
                LinkEvent::Down(why) | LinkEvent::TurnedAway(why) => warn!(on = self.place, why, "link down"),
                LinkEvent::NoKey { node, is_listed: _ } if is_news(&self.heard, node) => {
                    warn!(on = self.place, %node, "a radio node was refused: it is not in the file `nodes`");
                }
                LinkEvent::NoKey { .. } => {}
            }
        }
    }

    fn send(&mut self, peer: &PeerAddr, message: &[u8]) {
        let LinkProfile { mtu, .. } = self.transport.profile();
        if message.len() > usize::from(mtu) {
            if self.too_long == 0 {
                let octets = message.len();
                warn!(
                    on = self.place,
                    octets, mtu, "too long for this link: see the gateway's `mtu_behind_forwarders`"
                );
            }
            self.too_long += 1;
            return;
        }
        self.transport.queue(peer, message.to_vec());
        self.transport.flush();
    }

    /// Whether what was received may be passed on: on a secured radio when its frame counters are written.
    fn may_pass(&mut self) -> bool {
        self.take_reports();
        let received = self.transport.received().len();
        let is_kept = received == 0 || self.ledger.as_mut().is_none_or(Ledger::save);
        self.unkept += if is_kept { 0 } else { received as u64 };
        is_kept
    }

    fn take_reports(&mut self) {
        let Some(table) = self.transport.nodes() else { return };
        while let Some(NodeReport { node, counter, heard, spoke: _, way: _ }) = table.poll_report() {
            let is_listed = self.ledger.as_ref().is_some_and(|ledger| ledger.name(node).is_some());
            // The table's strangers change places: here the first stay, since each gets a line in the log.
            if is_listed || self.heard.len() < MAX_STRANGERS || self.heard.contains_key(&node) {
                self.heard.insert(node, heard);
            }
            if let (Some(ledger), Some(counter)) = (&mut self.ledger, counter) {
                ledger.note(node, counter);
            }
        }
    }

    fn report_nodes(&self) {
        for (node, Heard { signal, relay, frames, failures, retries: _ }) in &self.heard {
            let name = self.ledger.as_ref().and_then(|ledger| ledger.name(*node));
            let via = relay.map(|relay| tracing::field::display(relay.router));
            info!(%node, name, via, rssi_dbm = signal.rssi_dbm, lqi = signal.lqi, frames, failures, "node");
        }
    }
}

/// Whether that a node was refused is worth a line. Of each once, since what was heard is looked at afterwards; and who invents
/// addresses does not fill the log.
fn is_news(heard: &BTreeMap<Eui64, Heard>, node: Eui64) -> bool {
    heard.len() < MAX_STRANGERS && !heard.contains_key(&node)
}

fn open(id: TransportId, table: &TransportTable, file: &File) -> anyhow::Result<Link> {
    let mut ledger = None;
    let (transport, place): (Box<dyn Transport>, String) = match table {
        TransportTable::Serial { line, .. } => {
            (Box::new(SerialTransport::new(id, line.clone())), format!("serial:{}", line.device))
        }
        TransportTable::Ieee802154(config) => {
            let place = format!("ieee802154:{}", config.attachment);
            let mut radio = RadioTransport::new(id, config.clone()).with_context(|| place.clone())?;
            ledger = open_ledger(file, &mut radio)?;
            (Box::new(radio), place)
        }
        TransportTable::Udp { listen } => {
            let (mtu, mtu_behind_forwarders) = (UDP_MTU, UDP_MTU);
            let config = UdpConfig { listen: *listen, only_v6: false, mtu, mtu_behind_forwarders, multicast: None };
            let udp = UdpTransport::bind(id, &config).with_context(|| format!("cannot listen on {listen}"))?;
            let place = format!("udp://{}", udp.local_addr());
            (Box::new(udp), place)
        }
    };
    Ok(Link { transport, place, is_ready: false, ledger, heard: BTreeMap::new(), unkept: 0, too_long: 0 })
}

/// The ledger of a radio, if it is a secured one: the configuration then says where it is.
fn open_ledger(file: &File, radio: &mut RadioTransport) -> anyhow::Result<Option<Ledger>> {
    if radio.config().security.is_none() {
        return Ok(None);
    }
    let state = file.state.as_ref().context("a secured radio needs `state`")?.get_ref();
    let table = radio.nodes().context("a radio knows its nodes")?;
    Ledger::open(state, &file.radio_nodes, table).with_context(|| format!("`state`, {}", state.display())).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_refused_nodes_each_is_told_once_and_of_invented_ones_not_all() {
        let mut heard = BTreeMap::new();
        let mut lines = 0;
        for node in (0..2 * MAX_STRANGERS as u64).chain(0..10).map(|number| Eui64(number.to_be_bytes())) {
            lines += usize::from(is_news(&heard, node));
            // As the table of nodes does it.
            if heard.len() < MAX_STRANGERS {
                heard.insert(node, Heard::default());
            }
        }
        assert_eq!(lines, MAX_STRANGERS);
    }
}
