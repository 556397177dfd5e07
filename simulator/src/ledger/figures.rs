//! Counts for the report. Nothing is judged here.

use super::message::{ClientNo, Stamp};
use crate::report::{Delivery, Direction, Latency, LatencyRecorder, Traffic};
use sn_types::Instant;

/// Messages of a direction and a row's QoS.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way {
    /// At QoS 0: how many deliveries there would be if all came.
    hoped: u64,
    for_nobody: u64,
    acknowledged: u64,
    delivered: u64,
    repeated: u64,
    /// Owed at the end, and the publisher relies on it.
    pub(super) lost: u64,
    /// Owed at the end, and the publisher does not know yet.
    pub(super) pending: u64,
}

/// The QoS of the row in which a delivery counts: what a subscriber gets at QoS 0, because it asked for no more, is no
/// promise; all others count as they were published.
pub(super) const fn row(published: u8, granted: u8) -> u8 {
    if granted == 0 { 0 } else { published }
}

/// By direction and row.
pub(super) type Ways = [[Way; 3]; 2];

/// What there was so far.
#[derive(Debug)]
pub(crate) struct Figures {
    /// Clients with lower numbers are nodes.
    nodes: ClientNo,
    clients: Vec<Traffic>,
    ways: Ways,
    latency: [LatencyRecorder; 2],
    /// Deliveries since they were last taken.
    fresh: [u64; 2],
}

const DIRECTIONS: [Direction; 2] = [Direction::Up, Direction::Down];

impl Figures {
    pub(super) fn new(nodes: ClientNo, clients: usize) -> Self {
        Self {
            nodes,
            clients: vec![Traffic::default(); clients],
            ways: Ways::default(),
            latency: [LatencyRecorder::new(), LatencyRecorder::new()],
            fresh: [0; 2],
        }
    }

    /// A node's messages go up, the others down. What passes between MQTT clients touches no node.
    pub(super) fn direction(&self, publisher: ClientNo, subscriber: ClientNo) -> Option<usize> {
        match (publisher < self.nodes, subscriber < self.nodes) {
            (true, _) => Some(0),
            (false, true) => Some(1),
            (false, false) => None,
        }
    }

    /// A message is published; `subscribers`: who would get it, and the QoS granted to each.
    pub(super) fn offered(&mut self, publisher: ClientNo, rank: u8, subscribers: &[(ClientNo, u8)]) {
        self.clients[publisher as usize].offered += 1;
        if subscribers.is_empty() {
            self.way_of(publisher, rank).for_nobody += 1;
        }
        for (subscriber, _) in subscribers.iter().filter(|(_, granted)| row(rank, *granted) == 0) {
            if let Some(direction) = self.direction(publisher, *subscriber) {
                self.ways[direction][0].hoped += 1;
            }
        }
    }

    /// Of what a client publishes.
    fn way_of(&mut self, publisher: ClientNo, rank: u8) -> &mut Way {
        &mut self.ways[usize::from(publisher >= self.nodes)][usize::from(rank)]
    }

    /// Its publisher knows that it was accepted.
    pub(super) fn acknowledged(&mut self, publisher: ClientNo, rank: u8) {
        self.clients[publisher as usize].acknowledged += 1;
        self.way_of(publisher, rank).acknowledged += 1;
    }

    /// A message has come, perhaps not for the first time; it was due at `due`. Its stamp has the QoS of its row.
    pub(super) fn delivered(&mut self, now: Instant, client: ClientNo, stamp: Stamp, due: Instant, is_repeated: bool) {
        let traffic = &mut self.clients[client as usize];
        if is_repeated {
            traffic.repeated += 1
        } else {
            traffic.delivered += 1
        }
        let Some(direction) = self.direction(stamp.id.publisher, client) else { return };
        let way = &mut self.ways[direction][usize::from(stamp.rank)];
        if is_repeated {
            way.repeated += 1;
            return;
        }
        way.delivered += 1;
        self.fresh[direction] += 1;
        self.latency[direction].record(now.as_micros() - due.as_micros().min(now.as_micros()));
    }

    /// Of each client: nodes first, then MQTT clients.
    pub(crate) fn traffic(&self) -> &[Traffic] {
        &self.clients
    }

    /// Of messages up and down.
    pub(crate) fn latencies(&self) -> [Latency; 2] {
        [self.latency[0].latency(), self.latency[1].latency()]
    }

    /// Deliveries since the last call.
    pub(crate) fn take_fresh(&mut self) -> [(Direction, u64); 2] {
        let fresh = std::mem::take(&mut self.fresh);
        [(DIRECTIONS[0], fresh[0]), (DIRECTIONS[1], fresh[1])]
    }

    pub(super) fn ways(&self) -> Ways {
        self.ways
    }
}

/// As the report has them: only those of which there is something.
pub(super) fn deliveries(ways: &Ways) -> Vec<Delivery> {
    let of = |(direction, ranks): (Direction, &[Way; 3])| {
        ranks.iter().enumerate().map(move |(rank, way)| way.delivery(direction, rank)).collect::<Vec<_>>()
    };
    let all = DIRECTIONS.into_iter().zip(ways).flat_map(of);
    all.filter(|delivery| delivery.offered + delivery.acknowledged + delivery.for_nobody > 0).collect()
}

impl Way {
    fn delivery(&self, direction: Direction, rank: usize) -> Delivery {
        let promised = self.delivered + self.lost + self.pending;
        let offered = if rank == 0 { self.hoped.max(self.delivered) } else { promised };
        Delivery {
            direction,
            qos: rank as i8,
            offered,
            for_nobody: self.for_nobody,
            acknowledged: self.acknowledged,
            delivered: self.delivered,
            duplicates: self.repeated,
            lost: if rank == 0 { offered - self.delivered } else { self.lost },
            pending: self.pending,
        }
    }
}
