//! A connection to the gateway: packets in, octets out.

use super::wire::{self, Packet};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A gateway that is there answers within this, on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a read waits before there may be something to publish.
const TICK: Duration = Duration::from_millis(3);

/// Why a connection has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// As connections end when a process is killed.
    Gone,
    /// The run is over.
    Over,
    /// The gateway does something that it must not.
    Breach(String),
}

pub(super) type Result<T> = std::result::Result<T, Stop>;

/// A connection, and what has come over it and is not a whole packet yet.
pub(super) struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    heard: Instant,
    asked: bool,
}

impl Connection {
    pub(super) fn open(gateway: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(gateway)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TICK))?;
        Ok(Self { stream, input: Vec::new(), heard: Instant::now(), asked: false })
    }

    pub(super) fn send(&mut self, packet: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(packet)?)
    }

    /// The next packet; `None` if none comes for a moment.
    pub(super) fn receive(&mut self) -> Result<Option<Packet>> {
        if let Some(packet) = self.cut()? {
            return Ok(Some(packet));
        }
        let mut buffer = [0; 4_096];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(Stop::Gone),
            Ok(len) => {
                self.input.extend(&buffer[..len]);
                self.heard = Instant::now();
                self.asked = false;
                self.cut()
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => self.wait_on(),
            Err(error) => Err(error.into()),
        }
    }

    fn cut(&mut self) -> Result<Option<Packet>> {
        wire::cut(&mut self.input).map_err(|error| Stop::Breach(format!("got something that is not MQTT: {error}")))
    }

    /// Nothing came: after half of the patience the gateway is asked whether it lives.
    fn wait_on(&mut self) -> Result<Option<Packet>> {
        let silence = self.heard.elapsed();
        if silence > PATIENCE {
            return Err(Stop::Breach("got no answer to its PINGREQ".into()));
        }
        if silence > PATIENCE / 2 && !self.asked {
            self.asked = true;
            self.send(&wire::PINGREQ)?;
        }
        Ok(None)
    }
}

impl From<std::io::Error> for Stop {
    fn from(_: std::io::Error) -> Self {
        Self::Gone
    }
}
