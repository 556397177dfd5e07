//! The task that passes datagrams on.

use crate::config::{File, TransportTable};
use crate::relay::{Down, Relay};
use crate::uplink::Uplink;
use anyhow::Context as _;
use sn_types::{PeerAddr, TransportId};
use std::future::poll_fn;
use std::io::{self, IsTerminal, Write};
use std::task::{Context, Poll};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{debug, info, warn};
use tracing_subscriber::EnvFilter;
use transports::{LinkEvent, SerialTransport, Transport, UdpConfig, UdpTransport};

/// The longest datagram over UDP.
const MAX_DATAGRAM: usize = 65_535;
/// The longest message of a node over UDP that still fits a datagram when it is encapsulated.
const UDP_MTU: u16 = 65_250;

/// Forwards until a signal ends it.
///
/// # Errors
/// An address cannot be used, or the log's filter is none.
pub fn run(file: &File) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&file.log.filter).context("the log's filter; write a level such as info")?;
    let is_terminal = io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(is_terminal)
        .with_target(false)
        .init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let signals = Signals::new()?;
        let links = Links::open(file)?;
        announce(file, &links);
        forward(file, links, signals).await;
        Ok(())
    })
}

async fn forward(file: &File, mut links: Links, mut signals: Signals) {
    let mut relay = Relay::new(file.namings());
    let mut uplink = Uplink::new(file.gateway.clone(), file.local);
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        tokio::select! {
            end = signals.next() => {
                report(&relay, &uplink, &links);
                if end {
                    return;
                }
            }
            () = poll_fn(|cx| links.poll(cx)) => links.for_each(|from, message| {
                if let Some(datagram) = relay.up(from, message) {
                    uplink.send(&datagram);
                }
            }),
            len = uplink.recv(&mut buffer) => match relay.down(&buffer[..len]) {
                Some(Down::To(peer, message)) => links.send(&peer, message),
                Some(Down::All(radius, message)) => links.broadcast(radius, message),
                None => debug!("the gateway has sent something for nobody here"),
            },
        }
    }
}

/// Says what has passed.
fn report(relay: &Relay, uplink: &Uplink, links: &Links) {
    let (relayed, sent) = (relay.counters(), uplink.counters());
    info!(
        up = relayed.up,
        down = relayed.down,
        broadcast = relayed.broadcast,
        refused = relayed.refused,
        malformed = relayed.malformed,
        unknown_node = relayed.unknown_node,
        unsent = sent.unsent,
        "forwarded"
    );
    for (place, link) in links.0.iter().enumerate() {
        info!(transport = place, counters = ?link.transport.counters(), "transport");
    }
}

/// Start-up lines go to standard output, whether somebody reads them or not.
fn announce(file: &File, links: &Links) {
    let mut text = format!("sn-forwarder {}\n", env!("CARGO_PKG_VERSION"));
    links.0.iter().for_each(|link| text += &format!("Nodes on {}\n", link.place));
    text += &format!("Forwarding to {}\n", file.gateway);
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A transport with nodes.
struct Link {
    transport: Box<dyn Transport>,
    /// For people.
    place: String,
    /// It has a batch that nobody has looked at.
    is_ready: bool,
}

/// All transports with nodes, in the order of their numbers.
struct Links(Vec<Link>);

impl Links {
    fn open(file: &File) -> anyhow::Result<Self> {
        let tables = file.transport.iter().map(|table| table.get_ref());
        let open = |(table, id): (&TransportTable, u8)| open(TransportId(id), table);
        tables.zip(0..=u8::MAX).map(open).collect::<anyhow::Result<Vec<_>>>().map(Self)
    }

    /// Waits until one of them has something.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for link in &mut self.0 {
            link.is_ready = match link.transport.poll_recv(cx) {
                Poll::Pending => false,
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(error)) => {
                    warn!(on = link.place, %error, "cannot receive");
                    // It may go on, and will not say when.
                    cx.waker().wake_by_ref();
                    false
                }
            };
            while let Some(event) = link.transport.poll_event() {
                match event {
                    LinkEvent::Up(profile) => info!(on = link.place, mtu = profile.mtu, "link up"),
                    LinkEvent::Note(what) => info!(on = link.place, "{what}"),
                    LinkEvent::Down(why) | LinkEvent::TurnedAway(why) => warn!(on = link.place, why, "link down"),
                }
            }
        }
        if self.0.iter().any(|link| link.is_ready) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Hands on what they have.
    fn for_each(&mut self, mut each: impl FnMut(PeerAddr, &[u8])) {
        for link in &mut self.0 {
            if std::mem::take(&mut link.is_ready) {
                link.transport.received().iter().for_each(|(from, message)| each(from, message));
            }
        }
    }

    fn send(&mut self, peer: &PeerAddr, message: &[u8]) {
        if let Some(link) = self.0.get_mut(usize::from(peer.transport.0)) {
            link.transport.queue(peer, message.to_vec());
            link.transport.flush();
        }
    }

    fn broadcast(&mut self, radius: u8, message: &[u8]) {
        for link in &mut self.0 {
            link.transport.broadcast(radius, message);
            link.transport.flush();
        }
    }
}

fn open(id: TransportId, table: &TransportTable) -> anyhow::Result<Link> {
    let (transport, place): (Box<dyn Transport>, String) = match table {
        TransportTable::Serial { line, .. } => {
            (Box::new(SerialTransport::new(id, line.clone())), format!("serial:{}", line.device))
        }
        TransportTable::Udp { listen } => {
            let config = UdpConfig { listen: *listen, only_v6: false, mtu: UDP_MTU, multicast: None };
            let udp = UdpTransport::bind(id, &config).with_context(|| format!("cannot listen on {listen}"))?;
            let place = format!("udp://{}", udp.local_addr());
            (Box::new(udp), place)
        }
    };
    Ok(Link { transport, place, is_ready: false })
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    report: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            report: signal(SignalKind::user_defined1())?,
        })
    }

    /// Waits for one, and says whether it is the end.
    async fn next(&mut self) -> bool {
        tokio::select! {
            _ = self.terminate.recv() => true,
            _ = self.interrupt.recv() => true,
            _ = self.report.recv() => false,
        }
    }
}
