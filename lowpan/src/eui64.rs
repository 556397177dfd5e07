//! The address that a node is known by.

use core::fmt;
use core::net::Ipv6Addr;

/// A 64-bit extended address, most significant octet first, as it is written. Frames carry it the other way round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Eui64(pub [u8; 8]);

impl Eui64 {
    /// The link-local IPv6 address that a station with this address gives itself: fe80::/64, then the address with its
    /// universal/local bit inverted (RFC 4944 §6, §7).
    #[must_use]
    pub const fn link_local(self) -> Ipv6Addr {
        let [a, b, c, d, e, f, g, h] = self.0;
        Ipv6Addr::from_octets([0xFE, 0x80, 0, 0, 0, 0, 0, 0, a ^ 0x02, b, c, d, e, f, g, h])
    }

    /// The IPv6 group in which this address is asked for: ff02::1:ff00:0/104 and the last 24 bits (RFC 4291 §2.7.1).
    #[must_use]
    pub const fn solicited_node(self) -> Ipv6Addr {
        let [_, _, _, _, _, f, g, h] = self.0;
        Ipv6Addr::from_octets([0xFF, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0xFF, f, g, h])
    }
}

impl fmt::Display for Eui64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, octet) in self.0.iter().enumerate() {
            write!(f, "{}{octet:02x}", if i == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}
