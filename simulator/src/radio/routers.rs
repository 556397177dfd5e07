//! Routers that run the code that ships, [`lowpan::Router`]: where the gateway is outside, so are its routes.
//!
//! They find their parents by themselves, in frames, and learn the ways down from what comes up. The nodes' first hops are
//! static all the same, as if somebody had configured them.

use super::air::StationId;
use super::frame::{self, FCS_LEN};
use super::mac::Outgoing;
use super::network::pan;
use super::outside::Fate;
use super::plan::Station;
use super::{Happening, Radio};
use crate::medium::GatewayIndex;
use lowpan::{Ack, Eui64, FrameId, RouterConfig, RouterStats, Signal, TransmitError};
use sn_types::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// Nodes to which a router knows the way.
const WAYS: usize = 128;
/// Frames that wait in a router.
const QUEUE: usize = 16;

/// All routers that run.
pub(super) type Routers = BTreeMap<StationId, Running>;

/// A router behind its simulated MAC.
#[derive(Debug)]
pub(super) struct Running {
    router: lowpan::Router<WAYS, QUEUE>,
    /// The frame that the MAC has.
    in_mac: Option<FrameId>,
    /// Nodes that are told that something waits when they ask.
    matched: BTreeSet<Eui64>,
    /// When it is looked at next, as far as that is planned.
    due: Option<Instant>,
}

impl Radio {
    /// Switches the routers on, all at once.
    pub(super) fn start_routers(&mut self, gateway: GatewayIndex) {
        let gateway = Eui64(Self::gateway_address(gateway));
        for index in 0..self.routers() {
            let id = self.known(Station::Router(index));
            let station = &self.stations[id];
            let (eui64, pan) = (Eui64(station.address), pan(station.channel));
            let config = RouterConfig { eui64, pan, gateway, gateway_short: None };
            // There is such a PAN, and no short address.
            let Ok(router) = lowpan::Router::new(config, index as u64) else { continue };
            let running = Running { router, in_mac: None, matched: BTreeSet::new(), due: None };
            self.running.insert(id, running);
            self.plan_router(Instant::ZERO, id);
        }
    }

    /// How deep a router is and what it has done; `None` if it does not run, or not yet.
    #[must_use]
    pub fn router(&self, index: usize) -> Option<(Option<u8>, &RouterStats)> {
        let running = self.running.get(&self.roster.id(Station::Router(index))?)?;
        Some((running.router.depth(), running.router.stats()))
    }

    /// Whether a router runs at this station; if so, it has the frame.
    pub(super) fn is_heard_by_router(&mut self, now: Instant, at: StationId, psdu: &[u8]) -> bool {
        let rssi_dbm = self.rssi_dbm(at, psdu);
        let Some(running) = self.running.get_mut(&at) else { return false };
        if let Some((octets, _)) = psdu.split_last_chunk::<FCS_LEN>() {
            running.router.handle_frame(now, octets, Signal { rssi_dbm, lqi: None });
            self.plan_router(now, at);
        }
        true
    }

    /// Whether a router's acknowledgement says that something waits.
    pub(super) fn router_says_pending(&self, at: StationId, node: frame::Eui64) -> bool {
        self.running.get(&at).is_some_and(|running| running.matched.contains(&Eui64(node)))
    }

    /// The MAC is done with a router's frame.
    pub(super) fn tell_router(&mut self, now: Instant, at: StationId, fate: Fate) {
        let Some(running) = self.running.get_mut(&at) else { return };
        let result = match fate {
            Fate::Done => Ok(Ack::default()),
            Fate::NoAck => Err(TransmitError::NoAck),
            Fate::ChannelBusy => Err(TransmitError::ChannelAccess),
        };
        if let Some(id) = running.in_mac.take() {
            running.router.handle_transmitted(now, id, result);
        }
        self.plan_router(now, at);
    }

    /// It is a router's turn.
    pub(super) fn handle_router(&mut self, now: Instant, at: StationId) {
        let Some(running) = self.running.get_mut(&at) else { return };
        running.due = running.due.filter(|due| *due > now);
        running.router.handle_timeout(now);
        while let Some(change) = running.router.poll_source_match() {
            if change.pending {
                running.matched.insert(change.node)
            } else {
                running.matched.remove(&change.node)
            };
        }
        let transmit = if running.in_mac.is_none() { running.router.poll_transmit() } else { None };
        let next_at = running.router.poll_timeout();
        if let Some(transmit) = transmit {
            running.in_mac = Some(transmit.id);
            let octets = transmit.psdu.as_bytes().to_vec();
            match transmit.to.map(|Eui64(to)| frame::station_of(to).and_then(|to| self.roster.id(to))) {
                // Somebody who is nowhere.
                Some(None) => self.tell_router(now, at, Fate::NoAck),
                Some(to @ Some(_)) => self.enqueue(now, at, Outgoing::new(octets, to)),
                None => self.enqueue(now, at, Outgoing::new(octets, None)),
            }
        }
        if let Some(next_at) = next_at {
            self.plan_router(next_at.max(now), at);
        }
    }

    /// A router is looked at then, or earlier.
    fn plan_router(&mut self, at: Instant, station: StationId) {
        let Some(running) = self.running.get_mut(&station) else { return };
        if running.due.is_none_or(|due| due > at) {
            running.due = Some(at);
            self.agenda.plan(at, Happening::Router { station });
        }
    }
}
