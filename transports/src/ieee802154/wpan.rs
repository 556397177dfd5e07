//! A radio that Linux drives: a HAT on the SPI bus, say, as network interface `wpan0`.
//!
//! Owns: a packet socket (packet(7)) on the interface, on which each read and write is one MAC frame without check sequence;
//! and opening it again when the interface has gone. Must not know: what is in a frame.
//!
//! What Linux and the radio's driver keep to themselves:
//!
//! * channel, PAN and addresses are the interface's, set with `iwpan` and `ip`; frames for others are filtered there;
//! * acknowledgements and repetitions are the radio's, if it can do that; what became of a frame nobody says;
//! * nor how strong a frame was;
//! * frames with a security header and commands are dropped in both directions: so no link security of ours, and no
//!   nodes that poll with data requests.

use super::rcp::{Received, Sent};
use crate::serial::port::PAUSE;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::{LinkAddr, bind};
use sn_types::Eui64;
use socket2::{Domain, Protocol, Socket, Type};
use std::future::Future;
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::time::{Sleep, sleep};

/// `ETH_P_IEEE802154`, in network order as packet(7) wants it.
const FRAMES: i32 = 0x00F6_u16.to_be() as i32;
/// Longer than any frame.
const FRAME: usize = 256;
/// What may wait in the kernel, in octets of its own counting: some eight frames. The rest waits where it gets old.
const SEND_BUFFER: usize = 4_096;

/// What has happened to the interface.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WpanEvent {
    /// It is up, and this is its address.
    Opened(Eui64),
    /// It is gone or down, or was never there; told once until it is up again.
    Closed(String),
}

#[derive(Debug)]
enum State {
    Open {
        socket: AsyncFd<Socket>,
        /// The frame that the kernel has not taken yet.
        frame: Option<Vec<u8>>,
        /// When to look whether the interface has gone down: that wakes nobody who waits for frames.
        look: Pin<Box<Sleep>>,
    },
    /// Tried again when the time has come.
    Closed { pause: Pin<Box<Sleep>>, told: bool },
}

/// The interface of a configuration.
#[derive(Debug)]
pub(super) struct Wpan {
    interface: String,
    state: State,
}

impl Wpan {
    /// Closed; opened by the first [`Wpan::poll_event`].
    pub(super) fn new(interface: String) -> Self {
        Self { interface, state: State::Closed { pause: Box::pin(sleep(Duration::ZERO)), told: false } }
    }

    /// Waits until the interface can be opened, if it is closed. While it is open nothing happens here.
    pub(super) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<WpanEvent> {
        let State::Closed { pause, told } = &mut self.state else { return Poll::Pending };
        loop {
            ready!(pause.as_mut().poll(cx));
            match open(&self.interface).and_then(|(socket, address)| Ok((watch(socket)?, address))) {
                Ok((socket, address)) => {
                    self.state = State::Open { socket, frame: None, look: Box::pin(sleep(PAUSE)) };
                    return Poll::Ready(WpanEvent::Opened(address));
                }
                Err(why) => {
                    pause.as_mut().set(sleep(PAUSE));
                    if !std::mem::replace(told, true) {
                        return Poll::Ready(WpanEvent::Closed(why.to_string()));
                    }
                }
            }
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Whether it would take a frame now.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.state, State::Open { frame: None, .. })
    }

    /// Waits for a frame, while it is open. An error closes it.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, WpanEvent>> {
        let State::Open { socket, look, .. } = &mut self.state else { return Poll::Pending };
        while look.as_mut().poll(cx).is_ready() {
            look.set(sleep(PAUSE));
            if let Ok(Some(error)) = socket.get_ref().take_error() {
                return Poll::Ready(Err(self.lose(&error)));
            }
        }
        let mut octets = [0; FRAME];
        loop {
            let result = match ready!(socket.poll_read_ready(cx)) {
                Ok(mut guard) => guard.try_io(|socket| socket.get_ref().read(&mut octets)),
                Err(error) => Ok(Err(error)),
            };
            match result {
                Ok(Ok(len)) => {
                    let frame = octets[..len].to_vec();
                    return Poll::Ready(Ok(Received { frame, rssi_dbm: None, lqi: None, acked_with_pending: None }));
                }
                Ok(Err(error)) => return Poll::Ready(Err(self.lose(&error))),
                Err(_would_block) => {}
            }
        }
    }

    /// Takes a frame; [`Wpan::poll_write`] gives it to the kernel. If one waits already, it is forgotten.
    pub(super) fn transmit(&mut self, octets: &[u8]) {
        if let State::Open { frame, .. } = &mut self.state {
            *frame = Some(octets.to_vec());
        }
    }

    /// Waits until the kernel has taken the frame, if there is one. What the kernel says is not what becomes of it on the air.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<Sent, WpanEvent>> {
        let State::Open { socket, frame: waiting, .. } = &mut self.state else { return Poll::Pending };
        let Some(frame) = waiting.as_deref() else { return Poll::Pending };
        loop {
            let result = match ready!(socket.poll_write_ready(cx)) {
                Ok(mut guard) => guard.try_io(|socket| socket.get_ref().send(frame)),
                Err(error) => Ok(Err(error)),
            };
            match result {
                Ok(result) => {
                    *waiting = None;
                    return Poll::Ready(self.written(result));
                }
                Err(_would_block) => {}
            }
        }
    }

    /// The same without waiting.
    pub(super) fn try_write(&mut self) -> Option<Result<Sent, WpanEvent>> {
        let State::Open { socket, frame: waiting, .. } = &mut self.state else { return None };
        let result = socket.get_ref().send(waiting.as_deref()?);
        if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
            return None;
        }
        *waiting = None;
        Some(self.written(result))
    }

    fn written(&mut self, result: io::Result<usize>) -> Result<Sent, WpanEvent> {
        match result {
            Ok(_) => Ok(Sent::Done { frame_pending: false }),
            // It has no room, as if the channel were busy.
            Err(error) if error.raw_os_error() == Some(nix::libc::ENOBUFS) => Ok(Sent::ChannelBusy),
            Err(error) => Err(self.lose(&error)),
        }
    }

    fn lose(&mut self, why: &io::Error) -> WpanEvent {
        self.state = State::Closed { pause: Box::pin(sleep(PAUSE)), told: true };
        WpanEvent::Closed(why.to_string())
    }
}

#[expect(
    deprecated,
    reason = "its successor is an unsafe fn, for types whose descriptor may change; a Socket's does not"
)]
fn watch(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    AsyncFd::new(socket)
}

/// Opens a packet socket on an interface that is up, and says what its extended address is. Each read and write is one
/// frame without check sequence, and does not block.
///
/// # Errors
/// There is no such interface, it is down or no radio, or the process lacks `CAP_NET_RAW`.
pub fn open(interface: &str) -> io::Result<(Socket, Eui64)> {
    let link = link_address(interface)?;
    let address = eui64(interface)?;
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(FRAMES)))?;
    bind(socket.as_raw_fd(), &link)?;
    socket.set_nonblocking(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    // Until it was bound it has heard every interface.
    let mut octets = [0; FRAME];
    while (&socket).read(&mut octets).is_ok() {}
    Ok((socket, address))
}

/// The interface as packet(7) names it.
fn link_address(interface: &str) -> io::Result<LinkAddr> {
    let of_it = getifaddrs()?.filter(|found| found.interface_name == interface);
    let found = of_it.filter_map(|found| Some((found.flags, found.address?.as_link_addr().copied()?))).next();
    let (flags, address) = found.ok_or_else(|| io::Error::new(ErrorKind::NotFound, "there is no such interface"))?;
    if flags.contains(InterfaceFlags::IFF_UP) { Ok(address) } else { Err(io::Error::other("the interface is down")) }
}

fn eui64(interface: &str) -> io::Result<Eui64> {
    let text = std::fs::read_to_string(format!("/sys/class/net/{interface}/address"))?;
    text.trim().parse().map_err(|_| io::Error::other(format!("it is no radio: its address is {}", text.trim())))
}
