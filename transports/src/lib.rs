//! Datagrams in and out: octets and [`PeerAddr`]s.
//!
//! Owns: sockets, serial lines, radios, batching, multicast groups, the stream to a simulator, what a link promises, which
//! radio nodes it knows, listening in on one ([`tap`]).
//!
//! Must not know: MQTT-SN messages, sessions, the gateway's core, configuration files.
//!
//! Order of calls, see [`Transport`]: [`poll_recv`](Transport::poll_recv) until it is ready, then
//! [`poll_event`](Transport::poll_event) until there is none, then take the reports of [`nodes`](Transport::nodes), then
//! read [`received`](Transport::received); [`queue`](Transport::queue) what is to be sent, then
//! [`flush`](Transport::flush). A transport is polled by the one task that owns the gateway's core: the kernel's
//! receive buffer is the bounded queue between the network and that task, and no datagram is copied or handed from
//! task to task on its way.

mod batch;
mod counters;
pub mod ieee802154;
pub mod nodes;
pub mod serial;
pub mod sim;
pub mod tap;
mod udp;

pub use batch::RecvBatch;
pub use counters::Counters;
pub use ieee802154::RadioTransport;
pub use nodes::NodeTable;
pub use serial::SerialTransport;
pub use sim::SimTransport;
pub use udp::{BindError, Multicast, UdpConfig, UdpTransport};

use sn_types::{Eui64, LinkProfile, PeerAddr};
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;
use tap::TapPoint;

/// Something that has happened to a link itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// Somebody is at the other end from now on, and the link promises this.
    Up(LinkProfile),
    /// Nobody is there any more: what is sent gets lost. The reason is for the log.
    Down(String),
    /// What the operator may want to know of it.
    Note(String),
    /// Somebody else who wanted to be there was turned away. The reason is for the log.
    TurnedAway(String),
    /// Frames of a node were refused, on a secured link: there is no key for it. At most one such node is told per
    /// [`Transport::poll_recv`].
    NoKey {
        /// Who says to have sent them.
        node: Eui64,
        /// It is on the list of nodes, and has no key there.
        is_listed: bool,
    },
}

/// A link on which datagrams come and go.
pub trait Transport {
    /// What the link promises, until a [`LinkEvent::Up`] says otherwise.
    fn profile(&self) -> LinkProfile;

    /// Waits for datagrams and takes a batch of them in, which replaces the one before.
    ///
    /// # Errors
    /// What the operating system reported. It is for the log: the transport goes on and may be polled again.
    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// What has happened to the link before the batch that [`Transport::poll_recv`] took in came; to be asked after it has
    /// been ready, until there is nothing more. To most links nothing happens.
    fn poll_event(&mut self) -> Option<LinkEvent> {
        None
    }

    /// The radio nodes that the link knows, if it has any: who they are, their frame counters, how well they are heard.
    /// [`nodes`] says when its reports are to be taken. A secured link has a table; so has a radio that says how well it
    /// hears.
    fn nodes(&mut self) -> Option<&mut NodeTable> {
        None
    }

    /// The radio, if it is one of IEEE 802.15.4 that can be asked: what it is, how loud the channels are.
    fn radio(&mut self) -> Option<&mut RadioTransport> {
        None
    }

    /// How long it has been sending since this was asked last, if it is a radio that says so: with repetitions, fragments and
    /// acknowledgements as far as it knows of them.
    fn take_airtime(&mut self) -> Duration {
        Duration::ZERO
    }

    /// The batch that the last [`Transport::poll_recv`] took in.
    fn received(&self) -> &RecvBatch;

    /// Adds a datagram to those that the next [`Transport::flush`] sends. A full batch is sent at once.
    fn queue(&mut self, to: &PeerAddr, datagram: Vec<u8>);

    /// Sends what is queued, without waiting: what the link does not take is dropped and counted, as a network might.
    fn flush(&mut self);

    /// Sends a datagram to every node in reach, `radius` hops far; 0 is the whole network. A link without broadcast
    /// (see [`LinkProfile::broadcast`]) ignores it.
    fn broadcast(&mut self, radius: u8, datagram: &[u8]);

    /// Counters since the start.
    fn counters(&self) -> Counters;

    /// Where somebody may listen in on the frames that pass; [`tap`] says what is to be handed over.
    fn tap_point(&mut self) -> &mut TapPoint;
}
