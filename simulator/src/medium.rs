//! What carries datagrams between nodes and gateways, whatever it is made of.

use sn_types::{Instant, LinkAddr, LinkProfile};

/// A node's place in the plan.
pub type NodeIndex = usize;
/// A gateway's place in the plan.
pub type GatewayIndex = usize;

/// Where a node's datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uplink {
    /// To one gateway.
    Gateway(GatewayIndex),
    /// To every gateway and node within so many hops; 0 is the whole network.
    Everyone {
        /// In hops.
        radius: u8,
    },
}

/// Where a gateway's datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Downlink {
    /// To whoever has this address now, if anybody.
    Peer(LinkAddr),
    /// To every node within so many hops; 0 is the whole network.
    Everyone {
        /// In hops.
        radius: u8,
    },
}

/// A datagram that has come through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// At a gateway.
    AtGateway {
        /// Which one.
        gateway: GatewayIndex,
        /// What it sees as the sender's address.
        from: LinkAddr,
        /// The whole datagram.
        datagram: Vec<u8>,
    },
    /// At a node.
    AtNode {
        /// Which one.
        node: NodeIndex,
        /// Who sent it; `None`: another node.
        gateway: Option<GatewayIndex>,
        /// The whole datagram.
        datagram: Vec<u8>,
    },
}

/// A network in virtual time.
///
/// Call [`send_up`](Medium::send_up), [`send_down`](Medium::send_down) and [`listen`](Medium::listen) when stations do
/// that, and [`handle_timeout`](Medium::handle_timeout) when [`poll_timeout`](Medium::poll_timeout)'s time has come; after
/// each, [`poll_arrival`](Medium::poll_arrival) until it returns `None`. `now` never goes back. Nothing arrives at the
/// instant at which it was sent.
pub trait Medium {
    /// What the gateways may assume of it.
    fn profile(&self) -> LinkProfile;

    /// A node sends.
    fn send_up(&mut self, now: Instant, node: NodeIndex, to: Uplink, datagram: &[u8]);

    /// A gateway sends.
    fn send_down(&mut self, now: Instant, gateway: GatewayIndex, to: Downlink, datagram: &[u8]);

    /// A node switches its receiver on or off. All are on at the start. What arrives at a receiver that is off is lost.
    fn listen(&mut self, now: Instant, node: NodeIndex, on: bool);

    /// Does what is due at `now`.
    fn handle_timeout(&mut self, now: Instant);

    /// When to call [`Medium::handle_timeout`] next.
    fn poll_timeout(&self) -> Option<Instant>;

    /// The next datagram that has come through.
    fn poll_arrival(&mut self) -> Option<Arrival>;

    /// From now on nothing gets lost, late or repeated but by the medium's own laws.
    fn calm(&mut self) {}

    /// A node has another address from now on. Where addresses are burnt in, nothing happens.
    fn readdress(&mut self, _node: NodeIndex) {}

    /// Two nodes have each other's address from now on. Where addresses are burnt in, nothing happens.
    fn swap_addresses(&mut self, _node: NodeIndex, _other: NodeIndex) {}
}
