//! What a link promises.

use core::time::Duration;

/// What the session layer may assume of a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkProfile {
    /// The longest MQTT-SN message that fits a datagram, in octets, header included.
    pub mtu: u16,
    /// The same for nodes behind a forwarder, the encapsulation not counted: the forwarder may reach them over a link that
    /// carries less.
    pub mtu_behind_forwarders: u16,
    /// The transport has proven who the peer is (DTLS, link keys): a PINGREQ may move a session to a new address.
    pub authenticated: bool,
    /// A datagram may arrive twice, or after the sender has given it up: QoS 2 needs a memory of released ids.
    pub late_copies: LateCopies,
    /// The transport can reach all nodes at once: ADVERTISE and GWINFO are sent there.
    pub broadcast: bool,
}

/// Which copies of a QoS 2 PUBLISH a link may deliver after its exchange has ended, when the MsgId alone would make them
/// new messages (1.2 §6.6). They are told by what they say, from a memory of each client's last exchanges.
///
/// A sender repeats a PUBLISH until it has the PUBREC, and only then sends the PUBREL. So the last copy has left before
/// the PUBREL came, and arrives within the longest time that a datagram is under way after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateCopies {
    /// The longest time that a datagram is under way. Zero: the link neither repeats nor delays.
    pub within: Duration,
    /// How many exchanges of one client may end within that time. Each takes a client at least two round trips, and the
    /// gateway 16 octets.
    pub exchanges: u16,
}

impl LateCopies {
    /// The link delivers each datagram once, and in time: no memory is needed.
    pub const NONE: Self = Self { within: Duration::ZERO, exchanges: 0 };
}

impl LinkProfile {
    /// Plain UDP: IP fragments what exceeds a path, the network may duplicate and delay. No datagram that is under way
    /// for more than 30 s is expected; a burst of 32 exchanges takes 1.3 s where a round trip takes 20 ms, longer than
    /// networks keep what they repeat. What nodes behind forwarders are sent fits IEEE 802.15.4 and a serial line, as both
    /// are without further settings.
    pub const UDP: Self = Self {
        mtu: 8_192,
        mtu_behind_forwarders: 1_024,
        authenticated: false,
        late_copies: LateCopies { within: Duration::from_secs(30), exchanges: 32 },
        broadcast: true,
    };
}
