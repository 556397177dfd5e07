//! What a hub is told once.

use crate::Reason;
use crate::carriage::Carriage;
use crate::fragment;
use crate::mac::Address;
use crate::mesh::Route;
use crate::sixlowpan;
use crate::station::{ConfigError, Station};
use core::time::Duration;
use sn_types::{LateCopies, LinkProfile};

/// What a hub is told once. [`Config::check`] says whether it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Who the gateway is.
    pub station: Station,
    /// In which forms datagrams are taken and sent.
    pub carriages: Carriages,
    /// Whether datagrams that do not fit a frame are cut. If not, [`Config::mtu`] is what fits one.
    pub fragment: bool,
    /// What is kept at most, and for how long.
    pub limits: Limits,
}

/// In which forms datagrams are taken and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carriages {
    /// Bare only.
    Bare,
    /// UDP over 6LoWPAN only, at this port of ours.
    Udp(u16),
    /// Both, with UDP at this port. Each node is answered as it was last heard, see [`crate::Keys::way`]; one that never was
    /// gets it bare.
    Both(u16),
}

impl Carriages {
    pub(crate) const fn bare(self) -> Option<Carriage> {
        match self {
            Self::Bare | Self::Both(_) => Some(Carriage::Bare),
            Self::Udp(_) => None,
        }
    }

    /// To nodes whose port is not known: our own.
    pub(crate) const fn udp(self) -> Option<Carriage> {
        match self {
            Self::Udp(port) | Self::Both(port) => Some(Carriage::Udp { node: port, gateway: port }),
            Self::Bare => None,
        }
    }

    /// For a node that is known to be, or not known to be, at this UDP port.
    pub(crate) const fn to(self, udp_port: Option<u16>) -> Carriage {
        match (self, udp_port) {
            (Self::Udp(gateway) | Self::Both(gateway), Some(node)) => Carriage::Udp { node, gateway },
            (Self::Udp(port), None) => Carriage::Udp { node: port, gateway: port },
            (Self::Bare, _) | (Self::Both(_), None) => Carriage::Bare,
        }
    }

    /// Whether a datagram that came in this form is taken.
    pub(crate) const fn check(self, carriage: Carriage) -> Result<(), Reason> {
        match (self, carriage) {
            (Self::Bare | Self::Both(_), Carriage::Bare) => Ok(()),
            (Self::Udp(port) | Self::Both(port), Carriage::Udp { gateway, .. }) if gateway == port => Ok(()),
            (Self::Udp(_) | Self::Both(_), Carriage::Udp { .. }) => Err(Reason::Port),
            (Self::Bare, Carriage::Udp { .. }) | (Self::Udp(_), Carriage::Bare) => Err(Reason::Carriage),
        }
    }
}

/// What is kept at most, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nodes that are remembered: how each was last heard. The one that was not heard for longest makes room.
    pub nodes: usize,
    /// Datagrams that wait for one node.
    pub waiting_per_node: usize,
    /// Datagrams that wait for all nodes together.
    pub waiting: usize,
    /// How long a datagram waits for its node's poll (macTransactionPersistenceTime), or for a frame counter.
    pub waiting_for: Duration,
    /// Datagrams that are being put together, each of another node.
    pub assemblies: usize,
    /// How long fragments wait for the others.
    pub assembly_for: Duration,
    /// The longest packet that is put together or cut, in octets, with IPv6 and UDP headers: at most 2,047.
    pub packet: u16,
}

impl Limits {
    /// For a gateway on a small computer: 64 datagrams, 16 of one node. A datagram waits for a poll 7.68 s, which is
    /// what the standard's persistence time comes to by default; fragments for 5 s of the 60 that RFC 4944 allows, since
    /// at 250 kbit/s all of a packet has been sent within a tenth of a second. Packets as long as IPv6 asks for.
    pub const DEFAULT: Self = Self {
        nodes: 1024,
        waiting_per_node: 16,
        waiting: 64,
        waiting_for: Duration::from_millis(7_680),
        assemblies: 16,
        assembly_for: Duration::from_secs(5),
        packet: 1280,
    };
}

/// The shortest limit of packets: longer than what any frame holds.
const MIN_PACKET: u16 = 256;
/// The longest: fragments cannot carry more.
const MAX_PACKET: u16 = fragment::MAX_PACKET as u16;

impl Config {
    /// Whether everything in it can be.
    ///
    /// # Errors
    /// [`ConfigError`] names the first thing that cannot.
    pub const fn check(&self) -> Result<(), ConfigError> {
        if let Err(wrong) = self.station.check() {
            return Err(wrong);
        }
        if let Carriages::Udp(port) | Carriages::Both(port) = self.carriages
            && !sixlowpan::is_usable(port)
        {
            return Err(ConfigError::Port(port));
        }
        match self.limits.packet {
            MIN_PACKET..=MAX_PACKET => Ok(()),
            len => Err(ConfigError::Packet(len)),
        }
    }

    /// The longest datagram that can be sent to every node, however it was heard, in octets.
    #[must_use]
    pub fn mtu(&self) -> u16 {
        let of = |carriage: Carriage| {
            if self.fragment {
                usize::from(self.limits.packet) - carriage.full_overhead()
            } else {
                self.station.room(Address::Extended(self.station.eui64), self.source(carriage), Route::Direct)
                    - carriage.overhead()
            }
        };
        let mtu = [self.carriages.bare(), self.carriages.udp()].into_iter().flatten().map(of).min();
        mtu.unwrap_or_default() as u16
    }

    /// What the session layer may assume. In one hop a node gives a frame up after its radio's last retry, well within a second,
    /// and a lost acknowledgement makes copies: they are known as such within that time. Routers may have a frame for
    /// longer, while its node says the same again over another; on a secured link what is older than that is a replay.
    #[must_use]
    pub fn profile(&self) -> LinkProfile {
        let is_secured = self.station.security.is_some();
        let one_hop = LateCopies { within: Duration::from_secs(1), exchanges: 8 };
        LinkProfile {
            mtu: self.mtu(),
            mtu_behind_forwarders: self.mtu(),
            authenticated: is_secured,
            late_copies: if is_secured { one_hop } else { LinkProfile::UDP.late_copies },
            broadcast: !is_secured,
        }
    }

    /// The address that frames of ours say they are from. IPv6 addresses are made from extended ones.
    pub(crate) fn source(&self, carriage: Carriage) -> Address {
        match (carriage, self.station.short) {
            (Carriage::Bare, Some(short)) => Address::Short(short),
            (Carriage::Bare, None) | (Carriage::Udp { .. }, _) => Address::Extended(self.station.eui64),
        }
    }
}
