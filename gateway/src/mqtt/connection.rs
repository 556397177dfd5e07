//! One MQTT connection: a task that reads for the driver and writes what the driver has left for it.
//!
//! It does not know what carries the octets: TCP, TLS or WebSocket.

use super::Malformed;
use super::authentication::{Authentication, Desk, Taken};
use super::door::Door;
use super::gate::Key;
use super::limits::TurnedAway;
use super::outbox::{Closing, Outbox};
use super::policy::Identity;
use super::reader::{Reader, Refusal};
use super::writer::Writer;
use crate::bridge::Port;
use bytes::{Buf, BytesMut};
use gateway_core::ConnId;
use gateway_core::mqtt::{Packet, Version};
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tracing::debug;

/// Octets that a connection which is being closed may still send.
const LAST_READ: usize = 1 << 20;
/// Octets read at once.
const READ: usize = 16 << 10;
/// Packets handed to the driver at once: a packet of two octets is many times larger when it has been read.
const BATCH: usize = 128;
/// CONNACK 3, server unavailable (MQTT 3.1.1 §3.2.2.3).
const CONNACK_UNAVAILABLE: &[u8] = &[0x20, 2, 0, 3];
/// CONNACK 0x89, server busy (MQTT 5 §3.2.2.2).
const CONNACK_BUSY: &[u8] = &[0x20, 3, 0, 0x89, 0];
/// How long a connection that is being closed may take to read what was sent before.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What connections tell the driver.
#[derive(Debug)]
pub(crate) enum FromMqtt {
    /// A CONNECT has come; the packets that follow are this connection's.
    Opened {
        /// Which.
        conn: ConnId,
        /// By which listener it came, in the order of the configuration.
        listener: usize,
        /// Who it is.
        peer: SocketAddr,
        /// Where its output goes.
        outbox: Arc<Outbox>,
    },
    /// A bridge begins a connection to the core.
    Bridged {
        /// Which.
        conn: ConnId,
        /// Where its output goes.
        port: Arc<Port>,
    },
    /// Packets, in their order.
    Packets {
        /// On which connection.
        conn: ConnId,
        /// At least one.
        packets: Vec<Packet>,
    },
    /// The outbox has room again.
    Writable {
        /// Which.
        conn: ConnId,
    },
    /// It is gone. Sent once, if [`FromMqtt::Opened`] was.
    Closed {
        /// Which.
        conn: ConnId,
    },
    /// The client has sent what is no MQTT. Nothing more is read from it; the driver is to end the connection.
    Malformed {
        /// On which connection.
        conn: ConnId,
        /// What.
        reason: Malformed,
    },
    /// The client does not read, and the operator does not want to wait for it.
    Slow {
        /// On which connection.
        conn: ConnId,
    },
    /// It is gone, and never sent a CONNECT that could be read.
    Refused {
        /// Why.
        malformed: Malformed,
    },
    /// A connection has met a limit of its listener.
    TurnedAway {
        /// The listener's number, in the order of the configuration.
        listener: usize,
        /// Who it is.
        peer: SocketAddr,
        /// Which limit.
        why: TurnedAway,
        /// What else there is to say; may be empty.
        detail: String,
    },
}

/// Why a connection is over.
enum End {
    /// The client closed it, or the network broke.
    Lost,
    /// The driver closes it, once all is written.
    Closed,
    /// The client asks and does not read what it asked for.
    Overflow,
    /// The client took too long to say CONNECT.
    Silent,
    /// The client broke the rules.
    Refused(Refusal),
    /// The driver is gone: the daemon stops.
    Stopped,
}

impl From<io::Error> for End {
    /// Below MQTT there are rules, too, that a client can break.
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inside| inside.downcast_ref::<Malformed>()) {
            Some(reason) => Self::Refused((*reason).into()),
            None => Self::Lost,
        }
    }
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<T> From<mpsc::error::SendError<T>> for End {
    fn from(_: mpsc::error::SendError<T>) -> Self {
        Self::Stopped
    }
}

/// What the stream has done.
enum Done {
    /// So many octets have come; none is the end.
    Read(usize),
    /// So many have left our hands.
    Wrote(usize),
}

/// A connection and what its task holds.
pub(super) struct Connection<S> {
    id: ConnId,
    peer: SocketAddr,
    stream: S,
    reader: Reader,
    outbox: Arc<Outbox>,
    /// What is being written.
    hand: BytesMut,
    /// What was written may still be in the stream's own buffers.
    unflushed: bool,
    opened: bool,
    /// Who the client is, by its certificate.
    identity: Identity,
    authentication: Authentication,
    gate: Key,
    /// What it still sends is not heard: it is no MQTT, or the client has been given up.
    deaf: bool,
    door: Arc<Door>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(id: ConnId, peer: SocketAddr, stream: S, identity: Identity, gate: Key, door: Arc<Door>) -> Self {
        let limits = door.limits();
        let (reader, outbox) = (Reader::new(limits.max_packet, limits.topic_aliases), Arc::default());
        let (hand, unflushed, opened, deaf) = (BytesMut::new(), false, false, false);
        let authentication = Authentication::default();
        Self { id, peer, stream, reader, outbox, hand, unflushed, opened, deaf, identity, authentication, gate, door }
    }

    /// Serves the client until the connection is over, then tells the driver.
    pub(super) async fn serve(mut self, connect_by: Instant) {
        let end = self.converse(connect_by).await.err();
        let (mut malformed, mut turned_away) = (None, None);
        let polite = match end {
            Some(End::Refused(refusal)) => {
                debug!(peer = %self.peer, reason = refusal.reason.name(), "MQTT connection closed: malformed");
                malformed = Some(refusal.reason);
                self.hand.extend_from_slice(refusal.answer);
                self.say_goodbye().await
            }
            Some(End::Closed) => self.say_goodbye().await,
            Some(End::Silent) => {
                turned_away = Some(TurnedAway::ConnectTimeout);
                false
            }
            Some(End::Lost | End::Overflow | End::Stopped) | None => false,
        };
        if let Some(why) = turned_away {
            self.door.turned_away(self.peer, why, String::new()).await;
        }
        self.tell_driver(malformed).await;
        if polite {
            let _ = timeout(LAST_WORDS, drain(&mut self.stream)).await;
        }
    }

    /// Waits for the CONNECT, and says that there is no room.
    pub(super) async fn refuse(mut self) {
        let answer = loop {
            match self.reader.next_packet() {
                Ok(Some(Packet::Connect(connect))) if connect.version == Version::V5 => break CONNACK_BUSY,
                Ok(Some(_)) => break CONNACK_UNAVAILABLE,
                Ok(None) => {}
                Err(refusal) => break refusal.answer,
            }
            if !matches!(poll_fn(|cx| self.poll_read(cx)).await, Ok(1..)) {
                return;
            }
        };
        self.hand.extend_from_slice(answer);
        if self.say_goodbye().await {
            let _ = drain(&mut self.stream).await;
        }
    }

    async fn tell_driver(&mut self, malformed: Option<Malformed>) {
        let (conn, driver) = (self.id, self.door.driver());
        let _ = match (self.opened, malformed) {
            (true, malformed) => {
                if let Some(reason) = malformed {
                    let _ = driver.send(FromMqtt::Malformed { conn, reason }).await;
                }
                driver.send(FromMqtt::Closed { conn }).await
            }
            (false, Some(malformed)) => driver.send(FromMqtt::Refused { malformed }).await,
            (false, None) => Ok(()),
        };
    }

    async fn converse(&mut self, connect_by: Instant) -> Result<(), End> {
        let outbox = self.outbox.clone();
        let alarm = sleep_until(connect_by);
        tokio::pin!(alarm);
        let mut stuck = false;
        loop {
            let writing = !self.hand.is_empty() || self.unflushed;
            let waits = outbox.waits();
            let reading = waits.may_read && !self.deaf;
            self.watch(waits.held_back, &mut stuck, alarm.as_mut());
            tokio::select! {
                () = outbox.changed() => self.write().await?,
                done = poll_fn(|cx| self.poll_stream(cx, reading, writing)) => match done? {
                    Done::Read(0) => return Err(End::Lost),
                    Done::Read(_) => self.take_in().await?,
                    Done::Wrote(len) => {
                        self.written(len).await?;
                        self.write().await?;
                    }
                },
                () = &mut alarm, if !self.opened || stuck => self.overdue().await?,
            }
        }
    }

    /// The alarm has rung: for the CONNECT, or for a client that leaves things unread. That one ends by way of the core,
    /// which tells it why, if it reads so far in its last moments.
    async fn overdue(&mut self) -> Result<(), End> {
        if !self.opened {
            return Err(End::Silent);
        }
        self.deaf = true;
        self.door.turned_away(self.peer, TurnedAway::SlowConsumer, String::new()).await;
        Ok(self.door.driver().send(FromMqtt::Slow { conn: self.id }).await?)
    }

    /// Sets the alarm when the client begins to leave things unread.
    fn watch(&self, held_back: bool, stuck: &mut bool, alarm: Pin<&mut Sleep>) {
        let Some(patience) = self.door.limits().slow_consumer else { return };
        if held_back && !*stuck {
            alarm.reset(Instant::now() + patience);
        }
        // Who is not heard any more is being closed.
        *stuck = held_back && !self.deaf;
    }

    /// Reads or writes, whatever comes first.
    fn poll_stream(&mut self, cx: &mut Context<'_>, reading: bool, writing: bool) -> Poll<io::Result<Done>> {
        if writing && let Poll::Ready(result) = self.poll_write(cx) {
            return Poll::Ready(result.map(Done::Wrote));
        }
        if reading && let Poll::Ready(result) = self.poll_read(cx) {
            return Poll::Ready(result.map(Done::Read));
        }
        Poll::Pending
    }

    /// Takes in what is there. It comes by way of the stack, because ten thousand idle clients must not hold ten
    /// thousand buffers, nor a short message that waits a long one.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut scrap = [MaybeUninit::uninit(); READ];
        let mut scrap = ReadBuf::uninit(&mut scrap);
        Pin::new(&mut self.stream).poll_read(cx, &mut scrap).map_ok(|()| {
            self.reader.buffer.extend_from_slice(scrap.filled());
            self.door.octets().count_received(scrap.filled().len());
            scrap.filled().len()
        })
    }

    /// Writes what is in our hands, or sees it off if nothing is.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        if self.hand.is_empty() {
            return stream.poll_flush(cx).map_ok(|()| {
                self.unflushed = false;
                0
            });
        }
        self.unflushed = true;
        match stream.poll_write(cx, &self.hand) {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            result => result,
        }
    }

    /// Hands over what has come. An open connection ends by way of the core, so that its client is told why after all
    /// that it was told before.
    async fn take_in(&mut self) -> Result<(), End> {
        match self.hand_over_all().await {
            Err(End::Refused(Refusal { reason, .. })) if self.opened => {
                debug!(peer = %self.peer, reason = reason.name(), "MQTT connection closed: malformed");
                self.deaf = true;
                Ok(self.door.driver().send(FromMqtt::Malformed { conn: self.id, reason }).await?)
            }
            result => result,
        }
    }

    /// Hands the complete packets to the driver, in batches, and waits while the driver is busy.
    async fn hand_over_all(&mut self) -> Result<(), End> {
        loop {
            let mut packets = Vec::new();
            let full = self.fill(&mut packets);
            self.log_in(&mut packets).await?;
            self.hand_over(packets).await?;
            if !full? {
                break;
            }
        }
        if self.reader.buffer.is_empty() {
            self.reader.buffer = BytesMut::new();
        }
        Ok(())
    }

    /// Takes packets until the batch is full, or answers that more octets are needed first.
    fn fill(&mut self, batch: &mut Vec<Packet>) -> Result<bool, End> {
        while batch.len() < BATCH {
            match self.reader.next_packet()? {
                Some(packet) => {
                    if let Packet::Connect(connect) = &packet {
                        let limits = self.door.limits();
                        self.outbox.speak(Writer::new(connect, limits.max_packet, limits.topic_aliases));
                    }
                    batch.extend(self.authenticate(packet)?);
                }
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Keeps what is for an enhanced authentication, and gives back what is for the driver.
    fn authenticate(&mut self, packet: Packet) -> Result<Option<Packet>, End> {
        let (policy, passwords, identity) = (self.door.policy(), self.door.passwords(), &self.identity);
        let taken = self.authentication.take(packet, Desk { policy, passwords, identity });
        self.reader.is_unknown = self.authentication.is_waiting();
        match taken {
            Taken::Pass(packet) => Ok(Some(packet)),
            Taken::Challenge(packet) => {
                // The core does not know of this client yet.
                self.outbox.push(&packet).map_err(|_| End::Lost)?;
                self.outbox.flush();
                Ok(None)
            }
            Taken::Left => Err(End::Lost),
        }
    }

    /// Finds out who it is, if it says CONNECT: that is the first packet or none.
    async fn log_in(&self, packets: &mut [Packet]) -> Result<(), End> {
        let Some(Packet::Connect(connect)) = packets.first_mut() else { return Ok(()) };
        let (policy, passwords) = (self.door.policy(), self.door.passwords());
        let login = policy.introduce(connect, self.peer.ip(), &self.identity, passwords);
        timeout(self.door.limits().connect_timeout, login).await.map_err(|_| End::Silent)
    }

    async fn hand_over(&mut self, packets: Vec<Packet>) -> Result<(), End> {
        if packets.is_empty() {
            return Ok(());
        }
        let (conn, driver) = (self.id, self.door.driver());
        if !self.opened {
            let (listener, peer, outbox) = (self.door.number(), self.peer, self.outbox.clone());
            driver.send(FromMqtt::Opened { conn, listener, peer, outbox }).await?;
            self.opened = true;
            self.gate.open();
        }
        Ok(driver.send(FromMqtt::Packets { conn, packets }).await?)
    }

    /// Writes what the client takes now.
    async fn write(&mut self) -> Result<(), End> {
        loop {
            match self.outbox.take(&mut self.hand) {
                Some(Closing::Now) => return Err(End::Overflow),
                Some(Closing::Flushed) => return Err(End::Closed),
                None if self.hand.is_empty() && !self.unflushed => return Ok(()),
                None => {}
            }
            match poll_fn(|cx| Poll::Ready(self.poll_write(cx))).await {
                Poll::Ready(len) => self.written(len?).await?,
                Poll::Pending => return Ok(()),
            }
        }
    }

    async fn written(&mut self, len: usize) -> Result<(), End> {
        self.door.octets().count_sent(len);
        self.hand.advance(len);
        if self.outbox.written(len) {
            self.door.driver().send(FromMqtt::Writable { conn: self.id }).await?;
        }
        Ok(())
    }

    /// Writes what is left and says that no more will come. Answers whether the client has got it.
    async fn say_goodbye(&mut self) -> bool {
        matches!(timeout(LAST_WORDS, self.write_out()).await, Ok(Ok(())))
    }

    async fn write_out(&mut self) -> io::Result<()> {
        loop {
            self.stream.write_all(&self.hand).await?;
            self.door.octets().count_sent(self.hand.len());
            self.hand.clear();
            self.outbox.take(&mut self.hand);
            if self.hand.is_empty() {
                self.stream.flush().await?;
                return self.stream.shutdown().await;
            }
        }
    }
}

/// Reads and forgets until the client has closed too, or has sent a lot: what it has still sent would otherwise make the
/// operating system discard our last words.
async fn drain(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut scrap = [0; 1_024];
    let mut left = LAST_READ;
    while left > 0 {
        match stream.read(&mut scrap).await? {
            0 => return Ok(()),
            len => left = left.saturating_sub(len),
        }
    }
    Ok(())
}
