//! Addresses that two sockets of one program cannot both be bound to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// What a socket takes for itself: an address, or with 0.0.0.0 and `[::]` all that the machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    addr: SocketAddr,
    /// `[::]` leaves IPv4 to another socket.
    only_v6: bool,
}

impl Claim {
    /// A socket at `addr`, of which `[::]` takes IPv4, too. Port 0 claims nothing: the system makes another one each time.
    #[must_use]
    pub fn of(addr: SocketAddr) -> Option<Self> {
        (addr.port() != 0).then_some(Self { addr, only_v6: false })
    }

    /// The same, beside others that may need IPv4.
    #[must_use]
    pub fn among(addr: SocketAddr, all: &[SocketAddr]) -> Option<Self> {
        Self::of(addr).map(|claim| Self { only_v6: leaves_ipv4(addr, all), ..claim })
    }

    /// Why both cannot be, if so.
    #[must_use]
    pub fn collision(&self, other: &Self) -> Option<String> {
        let (first, second) = if other.takes(self.addr) { (other, self) } else { (self, other) };
        first.takes(second.addr).then(|| match first.addr == second.addr {
            true => format!("{first} is used twice"),
            false => format!("{first} takes {second}, too"),
        })
    }

    fn takes(&self, other: SocketAddr) -> bool {
        let is_covered = match (self.addr.ip(), other.ip()) {
            (IpAddr::V4(own), IpAddr::V4(_)) => own.is_unspecified(),
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
            (IpAddr::V6(own), IpAddr::V4(_)) => own.is_unspecified() && !self.only_v6,
            (IpAddr::V6(own), IpAddr::V6(_)) => own.is_unspecified(),
        };
        self.addr == other || is_covered && self.addr.port() == other.port()
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.addr.fmt(f)
    }
}

/// Whether a socket at `addr` must leave IPv4 to another one of `all`: there is one at 0.0.0.0 and the same port.
#[must_use]
pub fn leaves_ipv4(addr: SocketAddr, all: &[SocketAddr]) -> bool {
    all.contains(&SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), addr.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collision(addrs: [&str; 2]) -> Option<String> {
        let addrs = addrs.map(|addr| addr.parse().unwrap());
        let [one, other] = addrs.map(|addr| Claim::among(addr, &addrs));
        one?.collision(&other?)
    }

    #[test]
    fn an_address_for_all_takes_those_of_its_family_and_that_of_ipv6_those_of_both() {
        for (addrs, told) in [
            (["0.0.0.0:1883", "127.0.0.1:1883"], Some("0.0.0.0:1883 takes 127.0.0.1:1883, too")),
            (["127.0.0.1:1883", "0.0.0.0:1883"], Some("0.0.0.0:1883 takes 127.0.0.1:1883, too")),
            (["[::]:1883", "127.0.0.1:1883"], Some("[::]:1883 takes 127.0.0.1:1883, too")),
            (["[::1]:1883", "[::]:1883"], Some("[::]:1883 takes [::1]:1883, too")),
            (["[::1]:1883", "[::1]:1883"], Some("[::1]:1883 is used twice")),
            (["[::]:1883", "0.0.0.0:1883"], None),
            (["0.0.0.0:1883", "[::1]:1883"], None),
            (["127.0.0.1:1883", "127.0.0.2:1883"], None),
            (["0.0.0.0:1883", "127.0.0.1:1884"], None),
            (["0.0.0.0:0", "127.0.0.1:0"], None),
        ] {
            assert_eq!(collision(addrs).as_deref(), told, "{addrs:?}");
        }
    }
}
