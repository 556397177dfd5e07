//! What a link promises.

/// What the session layer may assume of a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkProfile {
    /// The longest MQTT-SN message that fits a datagram, in octets, header included.
    pub mtu: u16,
    /// The transport has proven who the peer is (DTLS, link keys): a PINGREQ may move a session to a new address.
    pub authenticated: bool,
    /// A datagram may arrive twice, or after the sender has given it up: QoS 2 needs a memory of released ids.
    pub may_duplicate: bool,
    /// The transport can reach all nodes at once: ADVERTISE and GWINFO are sent there.
    pub broadcast: bool,
}

impl LinkProfile {
    /// Plain UDP: IP fragments what exceeds a path, the network may duplicate and delay.
    pub const UDP: Self = Self { mtu: 8_192, authenticated: false, may_duplicate: true, broadcast: true };
}
