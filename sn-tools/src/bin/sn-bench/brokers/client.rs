//! An MQTT connection under load: large reads, one write for everything that a read has brought up.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::mqtt::{self, Packet};
use crate::subscriber::{open_session, subscribe};

/// Octets taken in with one read.
const INBOX: usize = 64 * 1024;

/// A connection in the event loop.
pub(super) struct Client {
    stream: TcpStream,
    inbox: Box<[u8]>,
    filled: usize,
    outbox: Vec<u8>,
}

impl Client {
    /// Connects, subscribes if there is a filter, and joins the event loop; blocks up to five seconds.
    ///
    /// # Errors
    /// When nobody answers, or with a refusal.
    pub(super) fn open(
        server: SocketAddr,
        id: &str,
        filter: Option<(&str, u8)>,
        to: &Registry,
        token: Token,
    ) -> Result<Self> {
        // Without a clean session what is for a subscriber must be kept, and with a disk on that.
        let stream = open_session(server, id, filter.is_none())?;
        if let Some((filter, qos)) = filter {
            subscribe(&stream, filter, qos)?;
        }
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        to.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { stream, inbox: vec![0; INBOX].into(), filled: 0, outbox: Vec::new() })
    }

    /// Appends a PUBLISH to what [`Client::flush`] writes.
    pub(super) fn publish(&mut self, qos: u8, topic: &str, packet_id: u16, payload: &[u8]) {
        mqtt::push_publish(&mut self.outbox, qos, topic, packet_id, payload);
    }

    /// Hands over every message that has come, acknowledges it, answers PUBREC, and says how many exchanges of its own
    /// have ended. What there is to say is written by [`Client::flush`].
    ///
    /// # Errors
    /// When the server closed the connection or sent something else than MQTT, or with what `on_message` returns.
    pub(super) fn drain(&mut self, mut on_message: impl FnMut(&[u8]) -> Result<()>) -> Result<u64> {
        let mut ended = 0;
        loop {
            let room = self.inbox.len() - self.filled;
            let got = match self.stream.read(&mut self.inbox[self.filled..]) {
                Ok(0) => bail!("the server closed a connection"),
                Ok(got) => got,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(ended),
                Err(error) => return Err(error).context("reading from the server"),
            };
            self.filled += got;
            ended += self.take_packets(&mut on_message)?;
            // A short read has emptied the socket: whatever comes next makes a new event (epoll(7)).
            if got < room {
                return Ok(ended);
            }
        }
    }

    fn take_packets(&mut self, on_message: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<u64> {
        let (mut taken, mut ended) = (0, 0);
        while let Some((packet, len)) = mqtt::parse(&self.inbox[taken..self.filled])? {
            self.outbox.extend(packet.answer().iter().flatten());
            match packet {
                Packet::Publish { payload, .. } => on_message(payload)?,
                Packet::PubAck(_) | Packet::PubComp(_) => ended += 1,
                Packet::ConnAck(_) | Packet::SubAck(_) | Packet::PubRec(_) | Packet::PubRel(_) | Packet::Other => {}
            }
            taken += len;
        }
        self.inbox.copy_within(taken..self.filled, 0);
        self.filled -= taken;
        Ok(ended)
    }

    /// Writes what the socket takes; the rest follows when it takes more.
    ///
    /// # Errors
    /// When the server has closed the connection.
    pub(super) fn flush(&mut self) -> Result<()> {
        while !self.outbox.is_empty() {
            match self.stream.write(&self.outbox) {
                Ok(written) => drop(self.outbox.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("writing to the server"),
            }
        }
        Ok(())
    }
}
