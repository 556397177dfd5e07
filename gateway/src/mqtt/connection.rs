//! One MQTT connection: a task that reads for the driver and writes what the driver has left for it.

use super::check::Malformed;
use super::outbox::{Closing, Outbox};
use super::reader::{Reader, Refusal};
use bytes::{Buf, BytesMut};
use gateway_core::ConnId;
use gateway_core::mqtt::Packet;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tracing::debug;

/// Octets read at once.
const READ: usize = 16 << 10;
/// Packets handed to the driver at once: a packet of two octets is many times larger when it has been read.
const BATCH: usize = 128;
/// How long a connection that is being closed may take to read what was sent before.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What connections tell the driver.
#[derive(Debug)]
pub(crate) enum FromMqtt {
    /// A CONNECT has come; the packets that follow are this connection's.
    Opened {
        /// Which.
        conn: ConnId,
        /// Who it is.
        peer: SocketAddr,
        /// Where its output goes.
        outbox: Arc<Outbox>,
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
        /// Why, if the client broke the rules.
        malformed: Option<Malformed>,
    },
    /// It is gone, and never sent a CONNECT that could be read.
    Refused {
        /// Why.
        malformed: Malformed,
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
    fn from(_: io::Error) -> Self {
        Self::Lost
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

/// A connection and what its task holds.
pub(super) struct Connection {
    id: ConnId,
    peer: SocketAddr,
    stream: TcpStream,
    reader: Reader,
    outbox: Arc<Outbox>,
    /// What is being written.
    hand: BytesMut,
    opened: bool,
    driver: mpsc::Sender<FromMqtt>,
}

impl Connection {
    pub(super) fn new(
        id: ConnId,
        peer: SocketAddr,
        stream: TcpStream,
        max_packet: usize,
        driver: mpsc::Sender<FromMqtt>,
    ) -> Self {
        let (reader, outbox) = (Reader::new(max_packet), Arc::default());
        Self { id, peer, stream, reader, outbox, hand: BytesMut::new(), opened: false, driver }
    }

    /// Serves the client until the connection is over, then tells the driver.
    pub(super) async fn serve(mut self, connect_timeout: Duration) {
        let end = self.converse(connect_timeout).await.err();
        let malformed = match &end {
            Some(End::Refused(refusal)) => Some(refusal.reason),
            Some(End::Lost | End::Overflow | End::Closed | End::Silent | End::Stopped) | None => None,
        };
        if let Some(reason) = malformed {
            debug!(peer = %self.peer, reason = reason.name(), "MQTT connection closed: malformed");
        }
        let polite = match end {
            Some(End::Refused(refusal)) => {
                self.hand.extend_from_slice(refusal.answer);
                self.say_goodbye().await
            }
            Some(End::Closed) => self.say_goodbye().await,
            Some(End::Lost | End::Overflow | End::Silent | End::Stopped) | None => false,
        };
        self.tell_driver(malformed).await;
        if polite {
            let _ = timeout(LAST_WORDS, drain(&self.stream)).await;
        }
    }

    async fn tell_driver(&mut self, malformed: Option<Malformed>) {
        let conn = self.id;
        let _ = match (self.opened, malformed) {
            (true, malformed) => self.driver.send(FromMqtt::Closed { conn, malformed }).await,
            (false, Some(malformed)) => self.driver.send(FromMqtt::Refused { malformed }).await,
            (false, None) => Ok(()),
        };
    }

    async fn converse(&mut self, connect_timeout: Duration) -> Result<(), End> {
        let too_late = sleep(connect_timeout);
        tokio::pin!(too_late);
        loop {
            let (reading, writing) = (self.outbox.may_read(), !self.hand.is_empty());
            tokio::select! {
                () = self.outbox.changed() => self.write().await?,
                ready = self.stream.writable(), if writing => { ready?; self.write().await? }
                ready = self.stream.readable(), if reading => { ready?; self.read().await? }
                () = &mut too_late, if !self.opened => return Err(End::Silent),
            }
        }
    }

    /// Takes in what is there and hands the packets to the driver, waiting while the driver is busy.
    async fn read(&mut self) -> Result<(), End> {
        self.reader.buffer.reserve(READ);
        match self.stream.try_read_buf(&mut self.reader.buffer) {
            Ok(0) => return Err(End::Lost),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let result = self.hand_over_all().await;
        if self.reader.buffer.is_empty() {
            // Ten thousand idle clients must not hold ten thousand buffers.
            self.reader.buffer = BytesMut::new();
        }
        result
    }

    /// Hands the complete packets to the driver, in batches.
    async fn hand_over_all(&mut self) -> Result<(), End> {
        loop {
            let mut packets = Vec::new();
            let full = self.fill(&mut packets);
            self.hand_over(packets).await?;
            if !full? {
                return Ok(());
            }
        }
    }

    /// Takes packets until the batch is full, or answers that more octets are needed first.
    fn fill(&mut self, batch: &mut Vec<Packet>) -> Result<bool, Refusal> {
        while batch.len() < BATCH {
            match self.reader.next_packet()? {
                Some(packet) => batch.push(packet),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    async fn hand_over(&mut self, packets: Vec<Packet>) -> Result<(), End> {
        if packets.is_empty() {
            return Ok(());
        }
        let conn = self.id;
        if !self.opened {
            let outbox = self.outbox.clone();
            self.driver.send(FromMqtt::Opened { conn, peer: self.peer, outbox }).await?;
            self.opened = true;
        }
        Ok(self.driver.send(FromMqtt::Packets { conn, packets }).await?)
    }

    /// Writes what the client takes now.
    async fn write(&mut self) -> Result<(), End> {
        loop {
            match self.outbox.take(&mut self.hand) {
                Some(Closing::Now) => return Err(End::Overflow),
                Some(Closing::Flushed) => return Err(End::Closed),
                None if self.hand.is_empty() => return Ok(()),
                None => {}
            }
            match self.stream.try_write(&self.hand) {
                Ok(len) => self.written(len).await?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn written(&mut self, len: usize) -> Result<(), End> {
        self.hand.advance(len);
        if self.outbox.written(len) {
            self.driver.send(FromMqtt::Writable { conn: self.id }).await?;
        }
        Ok(())
    }

    /// Writes what is left and says that no more will come. Answers whether the client has got it.
    async fn say_goodbye(&mut self) -> bool {
        matches!(timeout(LAST_WORDS, self.write_out()).await, Ok(Ok(())))
            && socket2::SockRef::from(&self.stream).shutdown(Shutdown::Write).is_ok()
    }

    async fn write_out(&mut self) -> io::Result<()> {
        loop {
            while !self.hand.is_empty() {
                self.stream.writable().await?;
                match self.stream.try_write(&self.hand) {
                    Ok(len) => self.hand.advance(len),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            self.outbox.take(&mut self.hand);
            if self.hand.is_empty() {
                return Ok(());
            }
        }
    }
}

/// Reads and forgets until the client has closed too: what it has still sent would otherwise make the operating system
/// discard our last words.
async fn drain(stream: &TcpStream) -> io::Result<()> {
    let mut scrap = [0; 1_024];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut scrap) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
