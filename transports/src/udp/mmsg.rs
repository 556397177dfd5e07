//! `recvmmsg` and `sendmmsg`.

use super::BATCH;
use super::tapped::UdpTap;
use crate::{Counters, RecvBatch};
use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::in6_pktinfo;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};
use sn_types::{LinkAddr, PeerAddr, TransportId};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::task::{Context, Poll, ready};
use tokio::io::unix::AsyncFd;

/// The receiving half.
#[derive(Debug)]
pub(super) struct Receiver {
    headers: MultiHeaders<SockaddrStorage>,
    /// Where each datagram of the batch was sent to, while somebody wants to know it.
    destinations: Option<Vec<Option<IpAddr>>>,
}

impl Receiver {
    pub(super) fn new() -> Self {
        Self { headers: MultiHeaders::preallocate(BATCH, None), destinations: None }
    }

    /// From now on notes where datagrams were sent to, or does not any more.
    pub(super) fn note_destinations(&mut self, note: bool) {
        self.destinations = note.then(Vec::new);
    }

    /// Where the datagrams of the batch were sent to, as far as that was noted.
    pub(super) fn destinations(&self) -> &[Option<IpAddr>] {
        self.destinations.as_deref().unwrap_or_default()
    }

    /// Waits until the socket is readable and takes in what is there.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        socket: &AsyncFd<UdpSocket>,
        id: TransportId,
        batch: &mut RecvBatch,
        counters: &mut Counters,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(socket.poll_read_ready(cx))?;
            let result = self.receive(socket.get_ref(), id, batch, counters);
            // Fewer than a batch: the socket is empty, and what comes later is a new edge. That saves one call.
            if !matches!(result, Ok(BATCH) | Err(Errno::EINTR)) {
                ready.clear_ready();
            }
            match result {
                Ok(_) => return Poll::Ready(Ok(())),
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(error) => {
                    counters.receive_errors += 1;
                    return Poll::Ready(Err(error.into()));
                }
            }
        }
    }

    /// One system call. Answers how many datagrams it took in, too long ones included.
    fn receive(
        &mut self,
        socket: &UdpSocket,
        id: TransportId,
        batch: &mut RecvBatch,
        counters: &mut Counters,
    ) -> Result<usize, Errno> {
        batch.clear();
        let mut heads = [const { None }; BATCH];
        // A call leaves headers without room for what the next one is to note.
        let mut with_notes =
            self.destinations.as_ref().map(|_| MultiHeaders::preallocate(BATCH, Some(cmsg_space!(in6_pktinfo))));
        let headers = with_notes.as_mut().unwrap_or(&mut self.headers);
        let count = {
            let mut slots = batch.slots();
            let mut slices: [_; BATCH] = std::array::from_fn(|_| [IoSliceMut::new(slots.next().unwrap_or_default())]);
            let flags = MsgFlags::MSG_DONTWAIT;
            let results = recvmmsg(socket.as_raw_fd(), headers, &mut slices, flags, None)?;
            results.zip(&mut heads).map(|(result, head)| *head = Some(Head::of(&result))).count()
        };
        self.destinations.iter_mut().for_each(Vec::clear);
        for (slot, head) in heads.into_iter().flatten().enumerate() {
            match head {
                Head { truncated: true, .. } => counters.oversize += 1,
                Head { from: None, .. } => counters.receive_errors += 1,
                Head { from: Some(from), to, len, .. } => {
                    batch.push(PeerAddr::direct(id, LinkAddr::Udp(from)), slot, len);
                    self.destinations.iter_mut().for_each(|noted| noted.push(to));
                }
            }
        }
        counters.received += batch.len() as u64;
        Ok(count)
    }
}

/// What a received datagram's header says.
struct Head {
    from: Option<SocketAddr>,
    /// If it was asked for.
    to: Option<IpAddr>,
    len: usize,
    truncated: bool,
}

impl Head {
    fn of(message: &nix::sys::socket::RecvMsg<'_, '_, SockaddrStorage>) -> Self {
        Self {
            from: message.address.as_ref().and_then(socket_addr),
            to: message.cmsgs().ok().and_then(|mut notes| notes.find_map(|note| destination(&note))),
            len: message.bytes,
            truncated: message.flags.contains(MsgFlags::MSG_TRUNC),
        }
    }
}

/// The address that a datagram was sent to, if that is what the system notes.
fn destination(note: &ControlMessageOwned) -> Option<IpAddr> {
    match note {
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()).into()),
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).to_canonical()),
        _ => None,
    }
}

/// The address; an IPv4 peer of an IPv6 socket as what it is.
pub(super) fn socket_addr(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::from((v4.ip(), v4.port())));
    }
    let v6 = address.as_sockaddr_in6()?;
    match v6.ip().to_canonical() {
        IpAddr::V4(ip) => Some(SocketAddr::from((ip, v6.port()))),
        IpAddr::V6(_) => Some(SocketAddr::V6((*v6).into())),
    }
}

/// The sending half: what is queued.
#[derive(Debug)]
pub(super) struct Sender {
    v6: bool,
    headers: MultiHeaders<SockaddrStorage>,
    to: Vec<Option<SockaddrStorage>>,
    datagrams: Vec<Vec<u8>>,
}

impl Sender {
    /// For a socket that is an IPv6 one, or not.
    pub(super) fn new(v6: bool) -> Self {
        Self {
            v6,
            headers: MultiHeaders::preallocate(BATCH, None),
            to: Vec::with_capacity(BATCH),
            datagrams: Vec::with_capacity(BATCH),
        }
    }

    /// Adds a datagram; `false` if the socket cannot reach the address's family.
    #[must_use]
    pub(super) fn queue(&mut self, to: SocketAddr, datagram: Vec<u8>) -> bool {
        let to = match to {
            SocketAddr::V4(v4) if self.v6 => SocketAddr::from((v4.ip().to_ipv6_mapped(), v4.port())),
            SocketAddr::V6(_) if !self.v6 => return false,
            same => same,
        };
        self.to.push(Some(to.into()));
        self.datagrams.push(datagram);
        true
    }

    /// Whether one more would not fit a system call.
    pub(super) fn is_full(&self) -> bool {
        self.to.len() >= BATCH
    }

    /// Sends what is queued and forgets it.
    pub(super) fn flush(&mut self, socket: &UdpSocket, counters: &mut Counters, tap: &mut UdpTap) {
        let mut done = 0;
        while done < self.to.len() {
            match self.send_from(done, socket) {
                Ok(count) => {
                    let to = self.to[done..done + count].iter().flatten();
                    tap.sent(to.zip(self.datagrams[done..].iter().map(Vec::as_slice)));
                    counters.sent += count as u64;
                    done += count;
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN | Errno::ENOBUFS) => {
                    counters.send_full += (self.to.len() - done) as u64;
                    break;
                }
                // The call stops at the first datagram that is refused, and says so only when it is the very first.
                Err(_) => {
                    counters.send_refused += 1;
                    done += 1;
                }
            }
        }
        self.to.clear();
        self.datagrams.clear();
    }

    /// One system call for the datagrams from `first` on. Answers how many were taken.
    fn send_from(&mut self, first: usize, socket: &UdpSocket) -> Result<usize, Errno> {
        let datagrams = &self.datagrams[first..];
        let slices: [_; BATCH] =
            std::array::from_fn(|i| [IoSlice::new(datagrams.get(i).map_or(&[][..], Vec::as_slice))]);
        let flags = MsgFlags::MSG_DONTWAIT;
        let results = sendmmsg(
            socket.as_raw_fd(),
            &mut self.headers,
            &slices[..datagrams.len().min(BATCH)],
            &self.to[first..],
            [],
            flags,
        )?;
        Ok(results.count())
    }
}
