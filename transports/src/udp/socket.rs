//! A bound socket with the options that a gateway wants.

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Octets asked for in either direction: a burst of some 10,000 short datagrams waits while the gateway is busy.
const KERNEL_BUFFER: usize = 8 << 20;

/// A non-blocking socket on `addr`; `shared` lets others bind to the same address, as members of a group do.
pub(super) fn bind(addr: SocketAddr, only_v6: bool, shared: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    socket.set_reuse_address(shared)?;
    socket.set_nonblocking(true)?;
    enlarge_buffers(&socket);
    socket.bind(&addr.into())?;
    Ok(socket.into())
}

/// Asks for large kernel buffers: beyond the system's limit if we are privileged, else up to it. Smaller ones only
/// make losses under load more likely, so a refusal is no error.
fn enlarge_buffers(socket: &Socket) {
    if setsockopt(socket, sockopt::RcvBufForce, &KERNEL_BUFFER).is_err() {
        let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
    }
    if setsockopt(socket, sockopt::SndBufForce, &KERNEL_BUFFER).is_err() {
        let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
    }
}

/// Lets the runtime watch the socket for datagrams to read, and for nothing else: tokio's own `UdpSocket` also waits
/// for room to write, and is then woken by each datagram that has left.
#[expect(
    deprecated,
    reason = "its successor is an unsafe fn, for types whose descriptor may change; a UdpSocket's does not"
)]
pub(super) fn watch(socket: UdpSocket) -> io::Result<AsyncFd<UdpSocket>> {
    AsyncFd::with_interest(socket, Interest::READABLE)
}
