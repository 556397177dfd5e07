//! The task that passes datagrams on.

use crate::config::File;
use crate::links::Links;
use crate::relay::{Down, Relay};
use crate::uplink::Uplink;
use std::future::poll_fn;
use std::io::{self, IsTerminal, Write};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{debug, info};

/// The longest datagram over UDP.
const MAX_DATAGRAM: usize = 65_535;

/// Forwards until a signal ends it.
///
/// # Errors
/// An address or the directory for frame counters cannot be used, or the log's filter is none.
pub fn run(file: &File) -> anyhow::Result<()> {
    // Errors are logged unless it says otherwise.
    let filter = sn_config::log_filter("error", &file.log.filter)?;
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
        links.provide_counters();
        tokio::select! {
            end = signals.next() => {
                report(&relay, &uplink, &mut links);
                if end {
                    return links.close();
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
fn report(relay: &Relay, uplink: &Uplink, links: &mut Links) {
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
    links.report();
}

/// Start-up lines go to standard output, whether somebody reads them or not.
fn announce(file: &File, links: &Links) {
    let mut text = format!("sn-forwarder {}\n", env!("CARGO_PKG_VERSION"));
    links.places().for_each(|place| text += &format!("Nodes on {place}\n"));
    text += &format!("Forwarding to {}\n", file.gateway);
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
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
