//! IPv6 addresses made from extended addresses.

use core::net::Ipv6Addr;
use sn_types::Eui64;

/// The link-local IPv6 address that a station gives itself: fe80::/64, then its extended address with the universal/local
/// bit inverted (RFC 4944 §6, §7).
#[must_use]
pub const fn link_local(eui64: Eui64) -> Ipv6Addr {
    let [a, b, c, d, e, f, g, h] = eui64.0;
    Ipv6Addr::from_octets([0xFE, 0x80, 0, 0, 0, 0, 0, 0, a ^ 0x02, b, c, d, e, f, g, h])
}

/// The IPv6 group in which that address is asked for: ff02::1:ff00:0/104 and its last 24 bits (RFC 4291 §2.7.1).
pub(crate) const fn solicited_node(eui64: Eui64) -> Ipv6Addr {
    let [_, _, _, _, _, f, g, h] = eui64.0;
    Ipv6Addr::from_octets([0xFF, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0xFF, f, g, h])
}
