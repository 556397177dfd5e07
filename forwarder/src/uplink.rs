//! The socket to the gateway.
//!
//! It is connected: the kernel lets in only what comes from the gateway's address, and says when nobody is there. The gateway's
//! name is looked up again when that happens, and when nothing is heard from the gateway although something was sent: its
//! address may have changed, or this machine's own. Lookups go on beside; meanwhile what is sent goes to the last address.
//! Then the socket is made anew, and of several addresses the next one is tried.

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
    /// The address of the gateway that was tried last.
    tried: Option<SocketAddr>,
    /// The local address that was used last.
    from: Option<SocketAddr>,
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
            tried: None,
            from: None,
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

    /// An address of the family that the local one has: the first, and after one that was tried in vain the next.
    fn choose(&self, found: &[SocketAddr]) -> io::Result<SocketAddr> {
        let fits = |to: &&SocketAddr| self.local.is_none_or(|local| local.is_ipv4() == to.is_ipv4());
        let fitting = || found.iter().filter(fits).copied();
        let place = fitting().position(|to| Some(to) == self.tried);
        let chosen = match place {
            Some(place) if self.is_missed => fitting().cycle().nth(place + 1),
            Some(_) => self.tried,
            None => fitting().next(),
        };
        chosen.ok_or_else(|| io::Error::other("the name has no address that fits"))
    }

    /// Sends to `to` from now on, over a new socket: the kernel keeps the local address that it chose for the first datagram's
    /// way, also when this machine has another one by now. When `to` cannot be reached there is none until the next lookup.
    fn connect(&mut self, to: SocketAddr) -> io::Result<()> {
        if !self.is_missed && self.socket.as_ref().is_some_and(|connected| connected.to == to) {
            return Ok(());
        }
        let before = (self.from, self.tried.replace(to));
        // The old socket has the local port.
        self.socket = None;
        let connected = match Connected::new(self.local_for(to), to) {
            Ok(connected) => connected,
            Err(error) => {
                if error.kind() == ErrorKind::AddrInUse {
                    self.from = None;
                }
                return Err(error);
            }
        };
        let from = connected.sender.local_addr()?;
        self.from = Some(from);
        if before != (self.from, self.tried) {
            info!(gateway = %self.gateway, %to, %from, "forwarding to the gateway");
        }
        self.socket = Some(connected);
        Ok(())
    }

    /// Where to send from. The port stays the same if it can: it is what the gateway knows the nodes by.
    fn local_for(&self, to: SocketAddr) -> SocketAddr {
        let any = if to.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
        let mut local = self.local.unwrap_or(any);
        if let Some(from) = self.from.filter(|_| local.port() == 0) {
            local.set_port(from.port());
        }
        local
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

#[cfg(test)]
mod tests {
    use super::*;

    fn place(port: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, port).into()
    }

    fn to(uplink: &Uplink) -> Option<SocketAddr> {
        uplink.socket.as_ref().map(|connected| connected.to)
    }

    #[tokio::test]
    async fn of_several_addresses_the_next_is_tried_after_a_miss() {
        let (first, second, third) = (place(2), place(3), SocketAddr::from((Ipv6Addr::LOCALHOST, 2)));
        let mut uplink = Uplink::new("gateway.local:1883".parse().expect("a name"), Some(place(0)));
        let found = || Ok(vec![first, third, second]);
        for expected in [first, second, first] {
            uplink.take(found());
            assert_eq!(to(&uplink), Some(expected));
            uplink.miss("nobody there");
        }
        uplink.is_missed = false;
        uplink.take(found());
        assert_eq!(to(&uplink), Some(first), "it is heard");
    }
}
