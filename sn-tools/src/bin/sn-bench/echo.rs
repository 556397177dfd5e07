//! The yardstick: how fast this machine, at this moment, carries datagrams to a thread that does nothing but answer.
//!
//! The server is a plain `recvfrom`/`sendto` loop; the clients are a scenario's: one socket each, one epoll loop, one
//! datagram under way per client.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use mio::{Events, Interest, Poll, Token};

use crate::clock::{Deadline, Pace, as_ns, now_ns};
use crate::fleet::TICK;
use crate::payload::{PAYLOAD_LEN, Stamp, latencies};
use crate::report::Outcome;
use crate::settings::Settings;

/// Clients of the yardstick, as of the scenarios that are measured against it.
pub(crate) const CLIENTS: usize = 50;

/// How long the last datagrams may take.
const DRAIN: Duration = Duration::from_secs(1);

/// What the yardstick showed.
pub(crate) struct Echo {
    /// Round trips per second.
    pub(crate) rate_hz: f64,
    /// Nanoseconds per round trip.
    pub(crate) latency: Histogram<u64>,
    lost: u64,
}

impl Echo {
    /// As fast as it goes: each client sends when its last datagram is back.
    ///
    /// # Errors
    /// When sockets fail, or not a single datagram comes back.
    pub(crate) fn saturated(load: Duration) -> Result<Self> {
        Self::closed(CLIENTS, load)
    }

    /// The same with one client.
    ///
    /// # Errors
    /// As [`Echo::saturated`].
    pub(crate) fn lone(load: Duration) -> Result<Self> {
        Self::closed(1, load)
    }

    fn closed(count: usize, load: Duration) -> Result<Self> {
        let mut clients = Clients::open(count)?;
        let start_ns = now_ns();
        (0..count).try_for_each(|client| clients.links.send(client))?;
        // On a busy machine a short load may be over before the server has had its turn.
        let first = Deadline::after(DRAIN);
        while now_ns() - start_ns < as_ns(load) || (clients.links.back == 0 && !first.passed()) {
            clients.poll(TICK, true)?;
        }
        clients.finish(start_ns)
    }

    /// At a rate that is far from the limit, for latencies.
    ///
    /// # Errors
    /// As [`Echo::saturated`].
    pub(crate) fn paced(rate_hz: u64, load: Duration) -> Result<Self> {
        let mut clients = Clients::open(CLIENTS)?;
        let (start_ns, pace, total) = (now_ns(), Pace::start(rate_hz), rate_hz * as_ns(load) / 1_000_000_000);
        while clients.links.sent < total {
            while clients.links.sent < pace.due(now_ns()).min(total) {
                clients.links.send((clients.links.sent % CLIENTS as u64) as usize)?;
            }
            if !clients.poll(Duration::ZERO, false)? {
                thread::yield_now();
            }
        }
        clients.finish(start_ns)
    }

    /// The figures as a scenario of its own.
    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::new("echo")
            .figure("round trips", self.rate_hz, "/s")
            .quantiles(["p50", "p99", "p99.9"], &self.latency)
            .figure("lost", self.lost as f64, "")
    }
}

/// Runs a scenario between two runs of the yardstick: their mean rate, which a drift of the machine's speed during
/// the scenario shifts too, and what the scenario returned.
///
/// # Errors
/// When either fails.
pub(crate) fn beside<T>(settings: &Settings, scenario: impl FnOnce() -> Result<T>) -> Result<(f64, T)> {
    let before = Echo::saturated(settings.yardstick)?;
    let outcome = scenario()?;
    let after = Echo::saturated(settings.yardstick)?;
    Ok((f64::midpoint(before.rate_hz, after.rate_hz), outcome))
}

struct Clients {
    poll: Poll,
    events: Events,
    links: Links,
    server: Server,
}

struct Links {
    sockets: Vec<mio::net::UdpSocket>,
    latency: Histogram<u64>,
    sent: u64,
    back: u64,
}

impl Clients {
    fn open(count: usize) -> Result<Self> {
        let (server, poll) = (Server::start()?, Poll::new()?);
        let mut sockets = Vec::with_capacity(count);
        for i in 0..count {
            let mut socket = crate::node::open_socket(server.addr)?;
            poll.registry().register(&mut socket, Token(i), Interest::READABLE)?;
            sockets.push(socket);
        }
        let links = Links { sockets, latency: latencies()?, sent: 0, back: 0 };
        Ok(Self { poll, events: Events::with_capacity(1_024), links, server })
    }

    /// Takes what came back, and sends the next at once if `again`; whether anything came.
    fn poll(&mut self, timeout: Duration, again: bool) -> Result<bool> {
        self.poll.poll(&mut self.events, Some(timeout))?;
        for event in &self.events {
            self.links.take(event.token().0, again)?;
        }
        Ok(!self.events.is_empty())
    }

    /// Waits for what is under way and closes the account.
    fn finish(mut self, start_ns: u64) -> Result<Echo> {
        let took_s = (now_ns() - start_ns) as f64 / 1e9;
        let (back, deadline) = (self.links.back, Deadline::after(DRAIN));
        while self.links.back < self.links.sent && !deadline.passed() {
            self.poll(TICK, false)?;
        }
        ensure!(back > 0, "the echo server on {} answered nothing", self.server.addr);
        let lost = self.links.sent - self.links.back;
        Ok(Echo { rate_hz: back as f64 / took_s, latency: self.links.latency, lost })
    }
}

impl Links {
    fn send(&mut self, client: usize) -> Result<()> {
        self.sockets[client].send(&Stamp { seq: self.sent, sent_ns: now_ns() }.to_payload::<PAYLOAD_LEN>())?;
        self.sent += 1;
        Ok(())
    }

    fn take(&mut self, client: usize, again: bool) -> Result<()> {
        let mut datagram = [0; PAYLOAD_LEN];
        loop {
            let len = match self.sockets[client].recv(&mut datagram) {
                Ok(len) => len,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e.into()),
            };
            let stamp = Stamp::of(&datagram[..len]).context("the echo server changed a datagram")?;
            self.latency.saturating_record(now_ns() - stamp.sent_ns);
            self.back += 1;
            if again {
                // Nothing else is under way for this client: another look would only cost a system call.
                return self.send(client);
            }
        }
    }
}

/// A thread that sends every datagram back, until it is dropped.
struct Server {
    addr: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start() -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        socket2::SockRef::from(&socket).set_recv_buffer_size(4 * 1024 * 1024)?;
        let (addr, stop) = (socket.local_addr()?, Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || serve(&socket, &stopped));
        Ok(Self { addr, stop, thread: Some(thread) })
    }
}

fn serve(socket: &UdpSocket, stop: &AtomicBool) {
    let mut datagram = [0; 2_048];
    while !stop.load(Ordering::Relaxed) {
        // A time-out looks at `stop`; a datagram that cannot be answered is lost, and counted by its sender.
        if let Ok((len, from)) = socket.recv_from(&mut datagram) {
            let _ = socket.send_to(&datagram[..len], from);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_datagram_comes_back() {
        let paced = Echo::paced(2_000, Duration::from_millis(100)).unwrap();
        assert_eq!((paced.latency.len(), paced.lost), (200, 0));
        let saturated = Echo::saturated(Duration::from_millis(100)).unwrap();
        assert!(saturated.latency.len() > 50);
        assert_eq!(saturated.lost, 0);
    }
}
