//! Simulated nodes: a simulator connects to a Unix socket of the gateway and brings what its medium carries.
//!
//! The gateway listens, so that simulators may come and go while it runs. One at a time: a second one is turned away. It
//! says hello with the profile of its medium, and is then a link like any other, with the addresses of its nodes.
//! [`frame`] has the octets, [`Connection`] is what both ends make of the stream.
//!
//! Nothing here waits for the other end: what a simulator does not read in time is dropped and counted, as a network
//! might. Frames that make no sense are counted and skipped.

mod connection;
pub mod frame;
mod listener;

pub use connection::{Connection, OUTBOX};

use crate::tap::{Layer, TapPoint};
use crate::{Counters, LinkEvent, RecvBatch, Transport};
use frame::{Frame, FrameError};
use listener::Listener;
use sn_types::{LinkProfile, PeerAddr, TransportId};
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::task::{Context, Poll};

/// Datagrams taken in at once.
const BATCH: usize = 64;
/// Octets that a forwarder's encapsulation may add to a message of the longest kind (1.2 §5.5).
const ENCAPSULATION: usize = 255;
/// What is told to a simulator that comes second.
const TAKEN: &str = "another simulator is connected";
/// What the link promises while nobody has said more: no broadcast, since there is nobody to hear it.
const BEFORE_HELLO: LinkProfile = LinkProfile { broadcast: false, ..LinkProfile::UDP };

/// A place for a simulator.
#[derive(Debug)]
pub struct SimTransport {
    id: TransportId,
    listener: Listener,
    guest: Guest,
    profile: LinkProfile,
    batch: RecvBatch,
    events: VecDeque<LinkEvent>,
    counters: Counters,
    tap: TapPoint,
}

/// Who is at the other end.
#[derive(Debug)]
enum Guest {
    Nobody,
    /// Somebody who has not said hello. Does not hold the place: whoever comes next takes it.
    Stranger(Connection),
    Simulator(Connection),
}

impl SimTransport {
    /// Listens at `path`, for the owner of this process only, in the place of a socket that an earlier process has left. Must
    /// be called within a tokio runtime that has its I/O and time drivers enabled.
    ///
    /// # Errors
    /// The operating system's: above all somebody listens there, or there is something else than a socket.
    pub fn bind(id: TransportId, path: &Path) -> io::Result<Self> {
        Ok(Self {
            id,
            listener: Listener::bind(path)?,
            guest: Guest::Nobody,
            profile: BEFORE_HELLO,
            batch: batch(&BEFORE_HELLO),
            events: VecDeque::new(),
            counters: Counters::default(),
            tap: TapPoint::new(Layer::Datagram),
        })
    }

    fn poll_newcomers(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while let Poll::Ready(accepted) = self.listener.poll_accept(cx) {
            let newcomer = Connection::new(accepted?);
            if let Guest::Simulator(_) = self.guest {
                self.turn_away(newcomer, TAKEN.to_owned());
            } else {
                self.guest = Guest::Stranger(newcomer);
            }
        }
        Ok(())
    }

    fn turn_away(&mut self, mut newcomer: Connection, why: String) {
        // A new stream takes a short frame; whoever has gone meanwhile does not need it.
        if newcomer.send(&Frame::Refused(&why)).is_ok() {
            let _ = newcomer.flush();
        }
        self.events.push_back(LinkEvent::TurnedAway(why));
    }

    /// Takes frames in until the batch is full or there are no more for now.
    fn poll_guest(&mut self, cx: &mut Context<'_>) {
        self.greet(cx);
        let Guest::Simulator(connection) = &mut self.guest else { return };
        let gone = loop {
            while self.batch.len() < BATCH {
                let Some(frame) = connection.next_frame() else { break };
                take_in(frame, self.id, &mut self.batch, &mut self.counters);
            }
            if self.batch.len() == BATCH {
                return;
            }
            match read(connection, cx) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(why)) => break why,
            }
        };
        self.lose(gone);
    }

    /// Waits for a stranger's hello.
    fn greet(&mut self, cx: &mut Context<'_>) {
        let Guest::Stranger(stranger) = &mut self.guest else { return };
        let hello = loop {
            if let Some(frame) = stranger.next_frame() {
                break match frame {
                    Ok(Frame::Hello(profile)) => Ok(profile),
                    Ok(_) => Err("it does not begin with a hello".to_owned()),
                    Err(error) => Err(error.to_string()),
                };
            }
            match read(stranger, cx) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => {
                    self.guest = Guest::Nobody;
                    return;
                }
            }
        };
        let Guest::Stranger(stranger) = std::mem::replace(&mut self.guest, Guest::Nobody) else { return };
        match hello {
            Ok(profile) => self.welcome(stranger, profile),
            Err(why) => self.turn_away(stranger, why),
        }
    }

    fn welcome(&mut self, mut simulator: Connection, profile: LinkProfile) {
        // Both succeed: it is short, and nothing else waits. If it has gone already, reading says so.
        let _ = simulator.send(&Frame::Welcome);
        let _ = simulator.flush();
        self.guest = Guest::Simulator(simulator);
        self.profile = profile;
        self.batch = batch(&profile);
        self.events.push_back(LinkEvent::Up(profile));
    }

    fn lose(&mut self, why: String) {
        self.guest = Guest::Nobody;
        self.events.push_back(LinkEvent::Down(why));
    }

    fn send(&mut self, frame: &Frame<'_>) {
        let Guest::Simulator(connection) = &mut self.guest else {
            self.counters.send_unlinked += 1;
            return;
        };
        match connection.send(frame) {
            Ok(true) => self.counters.sent += 1,
            Ok(false) => self.counters.send_full += 1,
            Err(_) => self.counters.send_refused += 1,
        }
    }
}

/// A batch for the datagrams of such a link.
fn batch(profile: &LinkProfile) -> RecvBatch {
    RecvBatch::new(BATCH, usize::from(profile.mtu) + ENCAPSULATION)
}

/// Writes what waits and waits for octets. An error is the end, and says why.
fn read(connection: &mut Connection, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
    if let Poll::Ready(Err(error)) = connection.poll_flush(cx) {
        return Poll::Ready(Err(error.to_string()));
    }
    connection.poll_read(cx).map(|read| match read {
        Ok(0) => Err("it has closed the connection".to_owned()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    })
}

fn take_in(frame: Result<Frame<'_>, FrameError>, id: TransportId, batch: &mut RecvBatch, counters: &mut Counters) {
    match frame {
        Ok(Frame::Datagram { peer, octets }) => {
            if batch.put(PeerAddr::direct(id, peer), octets) {
                counters.received += 1;
            } else {
                counters.oversize += 1;
            }
        }
        Ok(Frame::Hello(_) | Frame::Welcome | Frame::Refused(_) | Frame::Broadcast { .. }) | Err(_) => {
            counters.malformed += 1;
        }
    }
}

impl Transport for SimTransport {
    fn profile(&self) -> LinkProfile {
        self.profile
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.batch.clear();
        let accepted = self.poll_newcomers(cx);
        self.poll_guest(cx);
        self.tap.tell_received(&self.batch);
        if accepted.is_err() || !self.events.is_empty() || !self.batch.is_empty() {
            Poll::Ready(accepted)
        } else {
            Poll::Pending
        }
    }

    fn poll_event(&mut self) -> Option<LinkEvent> {
        self.events.pop_front()
    }

    fn received(&self) -> &RecvBatch {
        &self.batch
    }

    fn queue(&mut self, to: &PeerAddr, datagram: Vec<u8>) {
        self.tap.tell_sent(Some(to.link), &datagram);
        self.send(&Frame::Datagram { peer: to.link, octets: &datagram });
    }

    /// A connection that breaks here is noticed when it is read from.
    fn flush(&mut self) {
        if let Guest::Simulator(connection) = &mut self.guest {
            let _ = connection.flush();
        }
    }

    fn broadcast(&mut self, radius: u8, datagram: &[u8]) {
        if self.profile.broadcast {
            self.tap.tell_sent(None, datagram);
            self.send(&Frame::Broadcast { radius, octets: datagram });
        }
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    fn tap_point(&mut self) -> &mut TapPoint {
        &mut self.tap
    }
}
