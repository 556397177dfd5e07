//! A node that sends exactly the packets it is told to.

use crate::{Gateway, PATIENCE};
use sn_codec::{Message, MsgType, decode};
use std::net::{SocketAddr, UdpSocket};

/// A UDP socket that speaks to one gateway.
#[derive(Debug)]
pub struct Node {
    socket: UdpSocket,
    peer: SocketAddr,
}

impl Node {
    /// A node with an address of its own.
    #[must_use]
    pub fn new(gateway: &Gateway) -> Self {
        Self::to(gateway.udp)
    }

    /// A node that sends to `peer`.
    ///
    /// # Panics
    /// If the machine has no loopback.
    #[must_use]
    pub fn to(peer: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout other than zero");
        Self { socket, peer }
    }

    /// The port it sends from.
    ///
    /// # Panics
    /// Never: its socket is bound.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.socket.local_addr().expect("it is bound").port()
    }

    /// Sends a message.
    ///
    /// # Panics
    /// If it does not fit into a datagram.
    pub fn send(&self, message: Message<'_>) {
        self.send_octets(&encode(message));
    }

    /// Sends any octets.
    ///
    /// # Panics
    /// If they cannot be sent.
    pub fn send_octets(&self, octets: &[u8]) {
        self.socket.send_to(octets, self.peer).expect("loopback reaches loopback");
    }

    /// Waits for the next message, which must be of this type, and hands it to `then`.
    ///
    /// # Panics
    /// If there is none, or another.
    pub fn expect<T>(&self, msg_type: MsgType, then: impl FnOnce(Message<'_>) -> T) -> T {
        let mut buffer = [0; 2_048];
        let len = self.socket.recv(&mut buffer).unwrap_or_else(|error| panic!("no {msg_type}: {error}"));
        let message = decode(&buffer[..len]).unwrap_or_else(|error| panic!("{:02X?}: {error}", &buffer[..len]));
        assert_eq!(message.msg_type(), msg_type, "{message:?}");
        then(message)
    }

    /// Sends a message and waits for an answer of this type.
    pub fn ask(&self, message: Message<'_>, answer: MsgType) {
        self.send(message);
        self.expect(answer, |_| ());
    }
}

/// A message's octets.
fn encode(message: Message<'_>) -> Vec<u8> {
    let mut buffer = [0; 2_048];
    let len = message.encode(&mut buffer).expect("tests send short messages");
    buffer[..len].to_vec()
}
