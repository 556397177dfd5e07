//! The multicast group in which gateways and nodes find each other (1.2 §6.1).

use super::socket::{bind, watch};
use nix::net::if_::if_nametoindex;
use socket2::{InterfaceIndexOrAddress, SockRef};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use tokio::io::unix::AsyncFd;

/// A multicast group for discovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multicast {
    /// The group and its port.
    pub group: SocketAddr,
    /// The network interface's name; without one the operating system chooses.
    pub interface: Option<String>,
    /// How many routers a message with radius 0, "the whole network", may pass: the TTL or hop limit.
    pub hops: u8,
}

impl Multicast {
    /// The group that Paho's gateway and its clients use.
    pub const DEFAULT_GROUP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(225, 1, 1, 1)), 1883);
    /// The local network only.
    pub const DEFAULT_HOPS: u8 = 1;
}

/// A joined group.
#[derive(Debug)]
pub(super) struct Group {
    addr: SocketAddr,
    hops: u8,
    socket: Option<AsyncFd<UdpSocket>>,
}

impl Group {
    /// Joins the group: on the transport's own socket if that hears the group's port on every address, else on a
    /// second one, which other gateways on this machine may share.
    pub(super) fn join(multicast: &Multicast, own: &UdpSocket, local: SocketAddr) -> io::Result<Self> {
        let group = multicast.group;
        if group.is_ipv4() != local.is_ipv4() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{group} and {local} are of two families"),
            ));
        }
        let interface = multicast.interface.as_deref().map_or(Ok(0), index_of)?;
        only_joined_groups(own, local)?;
        send_on(own, group, interface)?;
        if local.ip().is_unspecified() && local.port() == group.port() {
            join(own, group, interface)?;
            return Ok(Self { addr: group, hops: multicast.hops, socket: None });
        }
        let second = bind(group, true, true)?;
        join(&second, group, interface)?;
        Ok(Self { addr: group, hops: multicast.hops, socket: Some(watch(second)?) })
    }

    /// The second socket, if there is one.
    pub(super) fn socket(&self) -> Option<&AsyncFd<UdpSocket>> {
        self.socket.as_ref()
    }

    /// The group and its port.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends to the group, from the transport's own address.
    pub(super) fn send(&self, from: &UdpSocket, radius: u8, datagram: &[u8]) -> io::Result<()> {
        let hops = u32::from(if radius == 0 { self.hops } else { radius });
        let socket = SockRef::from(from);
        match self.addr {
            SocketAddr::V4(_) => socket.set_multicast_ttl_v4(hops)?,
            SocketAddr::V6(_) => socket.set_multicast_hops_v6(hops)?,
        }
        from.send_to(datagram, self.addr).map(drop)
    }
}

/// The index of the network interface `name`; 0 leaves the choice to the operating system.
fn index_of(name: &str) -> io::Result<u32> {
    if_nametoindex(name)
        .map_err(|error| io::Error::new(io::ErrorKind::NotFound, format!("interface {name}: {}", error.desc())))
}

/// Linux gives a socket on every address also the groups that others on this machine have joined.
fn only_joined_groups(socket: &UdpSocket, local: SocketAddr) -> io::Result<()> {
    match local {
        SocketAddr::V4(_) => SockRef::from(socket).set_multicast_all_v4(false),
        SocketAddr::V6(_) => SockRef::from(socket).set_multicast_all_v6(false),
    }
}

fn join(socket: &UdpSocket, group: SocketAddr, interface: u32) -> io::Result<()> {
    let socket = SockRef::from(socket);
    match group.ip() {
        IpAddr::V4(ip) if interface == 0 => socket.join_multicast_v4(&ip, &Ipv4Addr::UNSPECIFIED),
        IpAddr::V4(ip) => socket.join_multicast_v4_n(&ip, &InterfaceIndexOrAddress::Index(interface)),
        IpAddr::V6(ip) => socket.join_multicast_v6(&ip, interface),
    }
}

/// Sends to the group through the interface that `interface` names. For IPv4 the option wants an address, which the
/// socket's own is when it has one.
fn send_on(socket: &UdpSocket, group: SocketAddr, interface: u32) -> io::Result<()> {
    let local = socket.local_addr()?.ip();
    let socket = SockRef::from(socket);
    match (group, local) {
        (SocketAddr::V6(_), _) => socket.set_multicast_if_v6(interface),
        (SocketAddr::V4(_), IpAddr::V4(ip)) if interface == 0 => socket.set_multicast_if_v4(&ip),
        (SocketAddr::V4(_), _) => socket.set_multicast_if_v4(&address_of(interface)?),
    }
}

/// An interface's first IPv4 address.
fn address_of(interface: u32) -> io::Result<Ipv4Addr> {
    for entry in nix::ifaddrs::getifaddrs()? {
        let v4 = entry.address.as_ref().and_then(|address| address.as_sockaddr_in());
        if let Some(v4) = v4
            && if_nametoindex(entry.interface_name.as_str()) == Ok(interface)
        {
            return Ok(v4.ip());
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrNotAvailable, "the network interface has no IPv4 address"))
}
