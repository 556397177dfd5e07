//! Listening in on a link, for a capture that Wireshark reads.
//!
//! Owns: the bounded queue between a transport and whoever listens in, and what goes through it. Must not know: file
//! formats, or why somebody listens.
//!
//! Every transport has a [`TapPoint`]. When it has taken in or sent a batch it asks [`TapPoint::is_open`], once; that is
//! all it costs while nobody listens. If somebody does, it hands over a copy of each frame with [`TapPoint::tell`]. Who
//! does not take frames as fast as they come misses some, which are counted: traffic never waits for a listener.
//!
//! What a transport hands over, its [`Layer`] says:
//!
//! * UDP: [`Content::Udp`], with the real addresses and ports at both ends.
//! * A serial line, an XBee radio, a simulator: [`Content::Datagram`], the MQTT-SN datagram without its framing.
//! * An IEEE 802.15.4 radio: [`Content::Frame`], each MAC frame as it was on the air, both ways: acknowledgements too, as
//!   far as the radio shows them, and frames that come to nothing further up. The PSDU is complete but for the check
//!   sequence, which is left out: most radios check it and keep it to themselves.

use crate::RecvBatch;
use sn_types::LinkAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::SystemTime;
use tokio::sync::mpsc::{self, error::TrySendError};

/// Frames that may wait for the listener.
const QUEUE: usize = 4_096;
/// And the octets in them.
const QUEUE_OCTETS: usize = 8 << 20;

/// What kind of frames a link has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// UDP over IPv4 or IPv6: [`Content::Udp`].
    Udp,
    /// Datagrams without addresses of their own: [`Content::Datagram`].
    Datagram,
    /// IEEE 802.15.4: [`Content::Frame`].
    Ieee802154,
}

/// Which way a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the gateway.
    Received,
    /// From the gateway.
    Sent,
}

/// A frame that has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// When the gateway took it in, or gave it away.
    pub at: SystemTime,
    /// Which way.
    pub direction: Direction,
    /// What it was.
    pub content: Content,
}

/// What has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A UDP datagram.
    Udp {
        /// Its source.
        from: SocketAddr,
        /// Its destination, which may be a multicast group.
        to: SocketAddr,
        /// What is in it.
        payload: Vec<u8>,
    },
    /// A datagram on a line or a link like it.
    Datagram {
        /// The end that is not the gateway; `None`: all of them.
        peer: Option<LinkAddr>,
        /// What is in it.
        payload: Vec<u8>,
    },
    /// An IEEE 802.15.4 MAC frame.
    Frame {
        /// From frame control to the end of the payload, without check sequence.
        psdu: Vec<u8>,
        /// 0 to 26, on page 0, if the radio says it.
        channel: Option<u8>,
        /// Of a received frame, if the radio says it: how strong it was, in dBm.
        rssi_dbm: Option<i8>,
        /// Of a received frame, if the radio says it: the link quality, 0 to 255.
        lqi: Option<u8>,
    },
}

impl Passed {
    fn len(&self) -> usize {
        match &self.content {
            Content::Udp { payload, .. } | Content::Datagram { payload, .. } => payload.len(),
            Content::Frame { psdu, .. } => psdu.len(),
        }
    }
}

/// What both ends know.
#[derive(Debug, Default)]
struct Shared {
    missed: AtomicU64,
    /// Octets that wait.
    waiting: AtomicUsize,
}

/// Makes the two ends of a tap: one for the transport, one to listen at.
#[must_use]
pub fn tap() -> (Tap, Listener) {
    let (to, frames) = mpsc::channel(QUEUE);
    let shared = Arc::<Shared>::default();
    (Tap { to, shared: shared.clone() }, Listener { frames, shared })
}

/// The transport's end.
#[derive(Debug)]
pub struct Tap {
    to: mpsc::Sender<Passed>,
    shared: Arc<Shared>,
}

/// The listener's end. Dropping it ends the tap.
#[derive(Debug)]
pub struct Listener {
    frames: mpsc::Receiver<Passed>,
    shared: Arc<Shared>,
}

impl Listener {
    /// Waits for frames and puts up to `limit` of them into `into`. Answers how many; 0: the transport is gone, or nothing
    /// is left after [`Listener::close`]. May be
    /// dropped while it waits.
    pub async fn recv_many(&mut self, into: &mut Vec<Passed>, limit: usize) -> usize {
        let before = into.len();
        let count = self.frames.recv_many(into, limit).await;
        let octets = into.iter().skip(before).map(Passed::len).sum();
        self.shared.waiting.fetch_sub(octets, Ordering::Relaxed);
        count
    }

    /// Lets nothing more in; what waits can still be received.
    pub fn close(&mut self) {
        self.frames.close();
    }

    /// How many frames were not heard, because too many waited.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.shared.missed.load(Ordering::Relaxed)
    }
}

/// Somebody listens in already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InUse;

/// Where a transport lets one listener in.
#[derive(Debug)]
pub struct TapPoint {
    layer: Layer,
    tap: Option<Tap>,
}

impl TapPoint {
    /// Nobody listens.
    #[must_use]
    pub const fn new(layer: Layer) -> Self {
        Self { layer, tap: None }
    }

    /// What kind of frames the transport hands over.
    #[must_use]
    pub const fn layer(&self) -> Layer {
        self.layer
    }

    /// Lets somebody listen.
    ///
    /// # Errors
    /// [`InUse`]; it is for one at a time.
    pub fn open(&mut self, tap: Tap) -> Result<(), InUse> {
        if self.is_open() {
            return Err(InUse);
        }
        self.tap = Some(tap);
        Ok(())
    }

    /// Whether somebody listens.
    pub fn is_open(&mut self) -> bool {
        self.tap.take_if(|tap| tap.to.is_closed());
        self.tap.is_some()
    }

    /// Hands a frame over, if somebody listens.
    pub fn tell(&self, at: SystemTime, direction: Direction, content: Content) {
        let Some(tap) = &self.tap else { return };
        let passed = Passed { at, direction, content };
        let len = passed.len();
        let miss = || {
            tap.shared.missed.fetch_add(1, Ordering::Relaxed);
        };
        if tap.shared.waiting.load(Ordering::Relaxed) + len > QUEUE_OCTETS {
            return miss();
        }
        // Before it is there to be taken out again.
        tap.shared.waiting.fetch_add(len, Ordering::Relaxed);
        match tap.to.try_send(passed) {
            // Who has gone is noticed before the next batch.
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(_)) => {
                tap.shared.waiting.fetch_sub(len, Ordering::Relaxed);
                miss();
            }
        }
    }

    /// Hands over what a link of datagrams has taken in.
    pub(crate) fn tell_received(&mut self, batch: &RecvBatch) {
        if self.is_open() {
            let at = SystemTime::now();
            batch.iter().for_each(|(from, payload)| {
                let content = Content::Datagram { peer: Some(from.link), payload: payload.into() };
                self.tell(at, Direction::Received, content);
            });
        }
    }

    /// Hands over a datagram that a link of datagrams sends.
    pub(crate) fn tell_sent(&mut self, peer: Option<LinkAddr>, payload: &[u8]) {
        if self.is_open() {
            self.tell(SystemTime::now(), Direction::Sent, Content::Datagram { peer, payload: payload.into() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_listen_fast_enough_misses_frames_and_knows_how_many() {
        let mut point = TapPoint::new(Layer::Datagram);
        let (tap, listener) = tap();
        assert_eq!(point.open(tap), Ok(()));
        (0..QUEUE + 3).for_each(|_| point.tell_sent(None, b"x"));
        assert_eq!((listener.frames.len(), listener.missed()), (QUEUE, 3));
    }

    #[tokio::test]
    async fn long_frames_are_missed_before_there_are_many_and_heard_again_when_some_are_taken() {
        let mut point = TapPoint::new(Layer::Datagram);
        let (tap, mut listener) = tap();
        assert_eq!(point.open(tap), Ok(()));
        let (frame, fitting) = (vec![7; 64 << 10], QUEUE_OCTETS / (64 << 10));
        (0..fitting + 2).for_each(|_| point.tell_sent(None, &frame));
        assert_eq!((listener.frames.len(), listener.missed()), (fitting, 2));
        assert_eq!(listener.recv_many(&mut Vec::new(), 1).await, 1);
        (0..2).for_each(|_| point.tell_sent(None, &frame));
        assert_eq!((listener.frames.len(), listener.missed()), (fitting, 3));
    }

    #[test]
    fn one_listens_at_a_time_and_the_next_when_it_has_gone() {
        let mut point = TapPoint::new(Layer::Udp);
        assert!(!point.is_open());
        let (first, listener) = tap();
        assert_eq!(point.open(first), Ok(()));
        assert_eq!(point.open(tap().0), Err(InUse));
        drop(listener);
        assert!(!point.is_open());
        let (second, _listener) = tap();
        assert_eq!(point.open(second), Ok(()));
    }
}
