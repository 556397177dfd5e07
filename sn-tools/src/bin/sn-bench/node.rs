//! One MQTT-SN client: a UDP socket and what the gateway told it.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context, Result, bail};
use mio::net::UdpSocket;
use sn_codec::{Message, TopicId};

/// The longest datagram that a scenario sends or expects, in octets.
pub(crate) const DATAGRAM_MAX: usize = 1_024;

const SOCKET_BUFFER_OCTETS: usize = 1024 * 1024;

/// A client with a socket of its own.
pub(crate) struct Node {
    pub(crate) socket: UdpSocket,
    /// Unique within the scenario, at most 23 characters.
    pub(crate) client_id: String,
    /// Whether its CONNECT ends what was kept for its id; a session is kept only without.
    pub(crate) clean_session: bool,
    /// The one topic that it registers or subscribes to.
    pub(crate) topic: String,
    /// That topic's id, once the gateway has said it.
    pub(crate) topic_id: TopicId,
}

impl Node {
    /// A client of the gateway at `gateway`, not connected yet.
    ///
    /// # Errors
    /// When the machine has no socket to give.
    pub(crate) fn open(gateway: SocketAddr, client_id: String, topic: String) -> Result<Self> {
        let socket = open_socket(gateway)?;
        Ok(Self { socket, client_id, clean_session: true, topic, topic_id: TopicId::NONE })
    }

    /// Sends one message.
    ///
    /// # Errors
    /// When the gateway's socket has gone.
    pub(crate) fn send(&self, message: &Message<'_>) -> Result<()> {
        let mut datagram = [0; DATAGRAM_MAX];
        let len = message.encode(&mut datagram).map_err(|e| anyhow::anyhow!("encoding {message:?}: {e}"))?;
        self.socket.send(&datagram[..len]).context("the gateway does not take datagrams any more")?;
        Ok(())
    }

    /// The next message that waits, borrowed from `buffer`; `None` when there is none.
    ///
    /// # Errors
    /// When the gateway's socket has gone, or with a message that is not MQTT-SN.
    pub(crate) fn receive<'b>(&self, buffer: &'b mut [u8; DATAGRAM_MAX]) -> Result<Option<Message<'b>>> {
        let len = match self.socket.recv(buffer) {
            Ok(len) => len,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(e) => return Err(e).context("the gateway does not take datagrams any more"),
        };
        match sn_codec::decode(&buffer[..len]) {
            Ok(message) => Ok(Some(message)),
            Err(e) => bail!("the gateway sent what is not MQTT-SN ({e}): {:02x?}", &buffer[..len]),
        }
    }
}

/// A UDP socket that talks to `peer` only.
///
/// # Errors
/// When the machine has no socket to give.
pub(crate) fn open_socket(peer: SocketAddr) -> Result<UdpSocket> {
    let any = if peer.is_ipv4() { (Ipv4Addr::LOCALHOST, 0).into() } else { (Ipv6Addr::LOCALHOST, 0).into() };
    let socket = std::net::UdpSocket::bind::<SocketAddr>(any).context("opening a UDP socket")?;
    socket.connect(peer)?;
    socket.set_nonblocking(true)?;
    // The kernel grants what net.core.rmem_max allows; a scenario's losses then show in its figures.
    socket2::SockRef::from(&socket).set_recv_buffer_size(SOCKET_BUFFER_OCTETS)?;
    Ok(UdpSocket::from_std(socket))
}
