//! The MQTT client at the other end: reads big chunks, acknowledges in coalesced writes.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::mqtt::{self, Packet};

const INBOX_OCTETS: usize = 512 * 1024;
const SETUP_TIMEOUT: Duration = Duration::from_secs(5);

/// A connected MQTT 3.1.1 subscriber. Order of calls: `connect` or `resume`, `watch`, then `drain` at every event of
/// its token. Dropping it disconnects.
pub(crate) struct Subscriber {
    stream: TcpStream,
    inbox: Box<[u8]>,
    filled: usize,
    outbox: Vec<u8>,
}

impl Subscriber {
    /// Its place in the event loop, beyond any client's.
    pub(crate) const TOKEN: Token = Token(usize::MAX / 2);

    /// Connects and subscribes; blocks up to five seconds. Only without `clean_session` what it misses is kept.
    ///
    /// # Errors
    /// When nobody answers, or with a refusal or a lower QoS than asked for.
    pub(crate) fn connect(
        server: SocketAddr,
        client_id: &str,
        clean_session: bool,
        filter: &str,
        qos: u8,
    ) -> Result<Self> {
        let stream = open_session(server, client_id, clean_session)?;
        let granted = subscribe(&stream, filter, qos)?;
        ensure!(granted == qos, "MQTT server granted QoS {granted} where {qos} was asked for");
        Self::over(stream)
    }

    /// Connects to the session that was kept; blocks up to five seconds.
    ///
    /// # Errors
    /// When nobody answers, or with a refusal.
    pub(crate) fn resume(server: SocketAddr, client_id: &str) -> Result<Self> {
        Self::over(open_session(server, client_id, false)?)
    }

    fn over(stream: std::net::TcpStream) -> Result<Self> {
        stream.set_nonblocking(true)?;
        let inbox = vec![0; INBOX_OCTETS].into_boxed_slice();
        Ok(Self { stream: TcpStream::from_std(stream), inbox, filled: 0, outbox: Vec::with_capacity(64 * 1024) })
    }

    /// Puts the stream into the event loop.
    pub(crate) fn watch(&mut self, registry: &Registry) -> Result<()> {
        Ok(registry.register(&mut self.stream, Self::TOKEN, Interest::READABLE | Interest::WRITABLE)?)
    }

    /// Hands every message that has come to `on_message` and acknowledges it.
    ///
    /// # Errors
    /// When the server closed the connection or sent something else than MQTT, or with what `on_message` returns.
    pub(crate) fn drain(&mut self, mut on_message: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        loop {
            let room = self.inbox.len() - self.filled;
            let got = match self.stream.read(&mut self.inbox[self.filled..]) {
                Ok(0) => bail!("MQTT server closed the subscriber's connection"),
                Ok(got) => got,
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => return Err(e).context("reading from the MQTT server"),
            };
            self.filled += got;
            self.take_packets(&mut on_message)?;
            // A short read has emptied the socket: whatever comes next makes a new event (epoll(7)).
            if got < room {
                break;
            }
        }
        self.flush()
    }

    fn take_packets(&mut self, on_message: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut taken = 0;
        while let Some((packet, len)) = mqtt::parse(&self.inbox[taken..self.filled])? {
            self.outbox.extend(packet.answer().iter().flatten());
            if let Packet::Publish { payload, .. } = packet {
                on_message(payload)?;
            }
            taken += len;
        }
        self.inbox.copy_within(taken..self.filled, 0);
        self.filled -= taken;
        ensure!(self.filled < self.inbox.len(), "MQTT packet of more than {INBOX_OCTETS} octets");
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        while !self.outbox.is_empty() {
            match self.stream.write(&self.outbox) {
                Ok(written) => drop(self.outbox.drain(..written)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => return Err(e).context("acknowledging to the MQTT server"),
            }
        }
        Ok(())
    }
}

/// A connection whose CONNECT has been accepted.
///
/// # Errors
/// When nobody answers, or with a refusal.
pub(crate) fn open_session(server: SocketAddr, client_id: &str, clean_session: bool) -> Result<std::net::TcpStream> {
    let mut stream = std::net::TcpStream::connect_timeout(&server, SETUP_TIMEOUT)
        .with_context(|| format!("no MQTT server at {server}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SETUP_TIMEOUT))?;
    socket2::SockRef::from(&stream).set_recv_buffer_size(4 * 1024 * 1024)?;
    stream.write_all(&mqtt::connect(client_id, clean_session))?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).context("MQTT server did not answer CONNECT")?;
    let accepted = matches!(mqtt::parse(&answer)?, Some((Packet::ConnAck(0), _)));
    ensure!(accepted, "MQTT server answered CONNECT with {answer:02x?}");
    Ok(stream)
}

/// Subscribes to one filter; the granted QoS.
///
/// # Errors
/// When nobody answers, or with something else.
pub(crate) fn subscribe(mut stream: &std::net::TcpStream, filter: &str, qos: u8) -> Result<u8> {
    stream.write_all(&mqtt::subscribe(filter, qos))?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).context("MQTT server did not answer SUBSCRIBE")?;
    match mqtt::parse(&answer)? {
        Some((Packet::SubAck(granted), _)) => Ok(granted),
        _ => bail!("MQTT server answered SUBSCRIBE with {answer:02x?}"),
    }
}

/// How long a server may take to close a connection after DISCONNECT.
const CLOSES_WITHIN: Duration = Duration::from_secs(1);

impl Drop for Subscriber {
    /// Says good-bye, and waits until the server has closed the connection (MQTT-3.14.4-1): from then on the subscriber is
    /// away for certain. Best effort: without it the connection ends anyway.
    fn drop(&mut self) {
        let _ = self.stream.write(&mqtt::DISCONNECT);
        let begun = Instant::now();
        while begun.elapsed() < CLOSES_WITHIN {
            match self.stream.read(&mut self.inbox) {
                Ok(1..) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(1)),
                Ok(0) | Err(_) => return,
            }
        }
    }
}
