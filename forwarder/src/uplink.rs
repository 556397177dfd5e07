//! The socket to the gateway.
//!
//! It is connected: the kernel lets in only what comes from the gateway's address, and says when nobody is there. The gateway's
//! name is looked up again when that happens, and when nothing is heard from the gateway although something was sent: its
//! address may have changed. Lookups go on beside; meanwhile what is sent goes to the last address.

use sn_config::HostPort;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{UdpSocket, lookup_host};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

/// Silence after something was sent, after which the name is looked up again.
const SILENCE: Duration = Duration::from_secs(30);
/// The shortest time between two lookups.
const PAUSE: Duration = Duration::from_secs(5);

/// Datagrams since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Sent to the gateway.
    pub sent: u64,
    /// Not sent: the gateway's address is not known, or the kernel did not take it.
    pub unsent: u64,
    /// From the gateway.
    pub received: u64,
}

/// The way to the gateway.
#[derive(Debug)]
pub struct Uplink {
    gateway: HostPort,
    local: Option<SocketAddr>,
    socket: Option<Connected>,
    lookup: Option<JoinHandle<io::Result<Vec<SocketAddr>>>>,
    looked_up: Option<Instant>,
    /// Since when an answer is missing.
    unanswered: Option<Instant>,
    /// The log says already that the gateway is not there.
    is_missed: bool,
    counters: Counters,
}

#[derive(Debug)]
struct Connected {
    /// To receive.
    socket: UdpSocket,
    /// The same to send: without asking the runtime whether it can be written to, which the kernel says.
    sender: std::net::UdpSocket,
    to: SocketAddr,
}

impl Connected {
    fn new(from: SocketAddr, to: SocketAddr) -> io::Result<Self> {
        let sender = std::net::UdpSocket::bind(from)?;
        sender.set_nonblocking(true)?;
        sender.connect(to)?;
        Ok(Self { socket: UdpSocket::from_std(sender.try_clone()?)?, sender, to })
    }
}

impl Uplink {
    /// A way to `gateway`, from the address `local` if that is given. The name is looked up by the first
    /// [`Uplink::recv`].
    #[must_use]
    pub fn new(gateway: HostPort, local: Option<SocketAddr>) -> Self {
        Self {
            gateway,
            local,
            socket: None,
            lookup: None,
            looked_up: None,
            unanswered: None,
            is_missed: false,
            counters: Counters::default(),
        }
    }

    /// Sends a datagram, without waiting: what the kernel does not take is dropped and counted, as a network might.
    pub fn send(&mut self, datagram: &[u8]) {
        let sent = match &self.socket {
            None => Err(ErrorKind::NotConnected.into()),
            // An error may be an earlier datagram's; this one has not been tried then.
            Some(connected) => connected.sender.send(datagram).or_else(|_| connected.sender.send(datagram)).map(drop),
        };
        self.unanswered.get_or_insert_with(Instant::now);
        match sent {
            Ok(()) => self.counters.sent += 1,
            Err(error) => {
                self.counters.unsent += 1;
                self.miss(&error.to_string());
            }
        }
    }

    /// Waits for a datagram from the gateway and answers how long it is. Looks the gateway's name up when that is to be done.
    /// May be dropped while it waits.
    pub async fn recv(&mut self, buffer: &mut [u8]) -> usize {
        loop {
            let due = self.next_lookup();
            tokio::select! {
                received = receive(self.socket.as_ref(), buffer) => match received {
                    Ok(len) => {
                        self.heard();
                        return len;
                    }
                    Err(error) => self.miss(&error.to_string()),
                },
                found = looked_up(&mut self.lookup) => {
                    self.lookup = None;
                    self.take(found);
                }
                () = sleep_until(due), if self.lookup.is_none() => self.look_up(),
            }
        }
    }

    /// What has passed.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    fn heard(&mut self) {
        self.counters.received += 1;
        self.unanswered = None;
        if std::mem::take(&mut self.is_missed) {
            info!(gateway = %self.gateway, "the gateway is heard again");
        }
    }

    fn miss(&mut self, why: &str) {
        if !std::mem::replace(&mut self.is_missed, true) {
            warn!(gateway = %self.gateway, why, "the gateway is not reached; its name is looked up again");
        }
    }

    /// When to look the name up.
    fn next_lookup(&self) -> Instant {
        let Some(last) = self.looked_up else { return Instant::now() };
        let earliest = last + PAUSE;
        if self.socket.is_none() || self.is_missed {
            return earliest;
        }
        match self.unanswered {
            Some(since) => earliest.max(since + SILENCE),
            // It is asked again before it sleeps longer.
            None => earliest.max(Instant::now() + SILENCE),
        }
    }

    fn look_up(&mut self) {
        self.looked_up = Some(Instant::now());
        if self.unanswered.is_some_and(|since| since.elapsed() >= SILENCE) {
            self.miss("no answer");
        }
        let is_due = self.socket.is_none() || self.is_missed;
        if is_due {
            let (host, port) = (self.gateway.host.clone(), self.gateway.port);
            self.lookup = Some(tokio::spawn(async move { Ok(lookup_host((host, port)).await?.collect()) }));
        }
    }

    fn take(&mut self, found: io::Result<Vec<SocketAddr>>) {
        let found = found.and_then(|found| self.choose(&found));
        let connected = match found {
            Ok(to) => self.connect(to),
            Err(error) => Err(error),
        };
        if let Err(error) = connected {
            self.miss(&error.to_string());
        }
    }

    /// The first address of the family that the local one has.
    fn choose(&self, found: &[SocketAddr]) -> io::Result<SocketAddr> {
        let fits = |to: &&SocketAddr| self.local.is_none_or(|local| local.is_ipv4() == to.is_ipv4());
        found.iter().find(fits).copied().ok_or_else(|| io::Error::other("the name has no address that fits"))
    }

    /// Sends to `to` from now on. The local address stays the same if it can: it is what the gateway knows the nodes by.
    fn connect(&mut self, to: SocketAddr) -> io::Result<()> {
        if let Some(connected) = &mut self.socket
            && connected.to.is_ipv4() == to.is_ipv4()
        {
            if connected.to != to {
                connected.sender.connect(to)?;
                connected.to = to;
                info!(gateway = %self.gateway, %to, "the gateway has another address");
            }
            return Ok(());
        }
        let any = if to.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
        // The old socket may have the local address.
        self.socket = None;
        let connected = Connected::new(self.local.unwrap_or(any), to)?;
        let from = connected.sender.local_addr()?;
        info!(gateway = %self.gateway, %to, %from, "forwarding to the gateway");
        self.socket = Some(connected);
        Ok(())
    }
}

/// Waits for a datagram, for ever if there is no socket.
async fn receive(connected: Option<&Connected>, buffer: &mut [u8]) -> io::Result<usize> {
    match connected {
        Some(connected) => connected.socket.recv(buffer).await,
        None => std::future::pending().await,
    }
}

/// Waits for the end of a lookup, for ever if there is none.
async fn looked_up(lookup: &mut Option<JoinHandle<io::Result<Vec<SocketAddr>>>>) -> io::Result<Vec<SocketAddr>> {
    match lookup {
        Some(lookup) => lookup.await.map_err(io::Error::other)?,
        None => std::future::pending().await,
    }
}
