//! A station that carries frames between nodes and the gateway, without I/O, heap, clock or keys.
//!
//! Owns: the way up (its parent), the ways down (learned from the frames that come up), frames that wait to be passed on,
//! and which of them wait for a node's poll. Must not know: datagrams, keys, what is in a frame behind its mesh header.

mod queue;
mod recent;
mod stats;
mod transmit;
mod uplink;
mod ways;

pub use stats::RouterStats;

use crate::mac::{Address, BROADCAST, DATA_REQUEST, Header, Kind};
use crate::mesh::{MAX_HOPS, MeshHeader, is_mesh};
use crate::parent::{Audience, Candidate, NO_WAY, Offer, Talk, Unheard};
use crate::psdu::digest;
use crate::station::{ConfigError, Station, check_short, name};
use crate::{Psdu, Reason, turn};
use core::time::Duration;
use queue::{Bound, Queue};
use recent::Recent;
use sn_types::{Eui64, Instant, Signal};
use transmit::InFlight;
use uplink::{News, Uplink};
use ways::Ways;

/// How long broadcasts and answers to all are delayed at most, in milliseconds: all who hear the same would begin at once.
const SPREAD_MS: u64 = 20;
/// Frames to one whose copies are known.
const REPEATED: usize = 16;
/// Frames to all whose copies are known: as many are passed on within 8 s.
const ECHOES: usize = 64;
/// How often a router says how deep it is,
const ANNOUNCE_EVERY: Duration = Duration::from_secs(60);
/// and how soon again after that has changed, since what goes to all is often lost; each pause is twice as long.
const ANNOUNCE_AGAIN: Duration = Duration::from_secs(4);
/// By then the pause is the longest.
const MOST_DOUBLED: u32 = 4;

/// What a router is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterConfig {
    /// Its extended address.
    pub eui64: Eui64,
    /// The PAN it is in.
    pub pan: u16,
    /// The gateway's extended address.
    pub gateway: Eui64,
    /// The gateway's short address, if it has one: bare frames go there.
    pub gateway_short: Option<u16>,
}

/// What a frame was to a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// For this station itself, or for all: if there is a node on it, too, its [`crate::Leaf`] is to have the frame. What goes
    /// to all is passed on besides.
    ForUs,
    /// It will be passed on.
    PassedOn,
    /// A node listens for what waits for it.
    DataRequest,
    /// Routers and nodes that look for each other.
    Neighbour,
    /// Nothing for us, or nothing that can be passed on. If it is of our PAN it has been counted.
    Nothing,
}

/// Carries frames between the gateway and up to `WAYS` nodes; `QUEUE` frames can wait.
///
/// Order of calls: [`Router::handle_frame`] for each frame that the radio hears. After it, and after
/// [`Router::handle_timeout`]:
///
/// 1. [`Router::poll_source_match`] until it gives nothing: the radio's table of nodes for which something waits.
/// 2. [`Router::poll_transmit`]; what it gives goes to the radio, and when that is done with it, its fate to
///    [`Router::handle_transmitted`]. Only then there is another. The radio repeats frames that are not acknowledged.
/// 3. [`Router::poll_timeout`], which says when to call [`Router::handle_timeout`]; after the start at once.
///
/// The radio listens all the time. A node on the same station is a [`crate::Leaf`] with the same address, whose parent is
/// [`Router::parent`].
#[derive(Clone, Debug)]
pub struct Router<const WAYS: usize, const QUEUE: usize> {
    config: RouterConfig,
    uplink: Uplink,
    ways: Ways<WAYS>,
    queue: Queue<QUEUE>,
    repeated: Recent<REPEATED>,
    echoes: Recent<ECHOES>,
    unheard: Unheard,
    announce_at: Instant,
    /// How often it has said how deep it is since that changed.
    announced: u32,
    in_flight: Option<InFlight>,
    sequence: u8,
    id: u64,
    stats: RouterStats,
}

impl<const WAYS: usize, const QUEUE: usize> Router<WAYS, QUEUE> {
    /// A router that knows nobody yet. `seed` is any number, another one at each start: sequence numbers begin there.
    ///
    /// # Errors
    /// [`ConfigError`] says what cannot be.
    pub fn new(config: RouterConfig, seed: u64) -> Result<Self, ConfigError> {
        check_short(config.gateway_short)?;
        config.station().check()?;
        Ok(Self {
            config,
            uplink: Uplink::START,
            ways: Ways::new(),
            queue: Queue::new(),
            repeated: Recent::new(),
            echoes: Recent::new(),
            unheard: Unheard::NONE,
            announce_at: Instant::ZERO,
            announced: 0,
            in_flight: None,
            sequence: seed as u8,
            id: 0,
            stats: RouterStats::default(),
        })
    }

    /// Who takes its frames: the gateway, or another router; `None` while there is nobody.
    #[must_use]
    pub const fn parent(&self) -> Option<Eui64> {
        self.uplink.parent()
    }

    /// How many hops away the gateway is.
    #[must_use]
    pub const fn depth(&self) -> Option<u8> {
        self.uplink.depth()
    }

    /// What it has done.
    #[must_use]
    pub const fn stats(&self) -> &RouterStats {
        &self.stats
    }

    /// How many frames wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.iter().count()
    }

    /// Takes a frame without check sequence.
    pub fn handle_frame(&mut self, now: Instant, psdu: &[u8], signal: Signal) -> Heard {
        self.ways.fall_asleep(now);
        let (header, from, body) = match self.read(psdu) {
            Ok(read) => read,
            Err(Reason::OtherPan | Reason::NotForUs) => return Heard::Nothing,
            Err(_) => return self.malformed(),
        };
        match (header.kind, header.secured, body) {
            (Kind::Command, false, [DATA_REQUEST]) => {
                self.stats.polls += 1;
                // What the radio has is what it gets.
                self.ways.polled(now, from, self.queue.len_for(from) > self.in_flight_to(from));
                Heard::DataRequest
            }
            (Kind::Data, false, body) if is_mesh(body) => self.take(now, psdu, &header, from, body),
            (Kind::Data, false, body) => match Talk::decode(body) {
                Some(talk) => self.listen(now, &header, from, talk, signal),
                None => Heard::ForUs,
            },
            // Sealed for our own node, if there is one.
            (Kind::Data | Kind::Command, _, _) => Heard::ForUs,
        }
    }

    /// When to call [`Router::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let announce_at = self.depth().map(|_| self.announce_at);
        [self.uplink.next_at(), announce_at, self.queue.next_at(self.serial_in_flight())].into_iter().flatten().min()
    }

    /// Looks for a parent, says that it is there, and gives up what has waited too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.ways.fall_asleep(now);
        self.queue.wake(now);
        while let Some((serial, bound, since)) = self.queue.expired(now, self.serial_in_flight()) {
            self.queue.remove(serial);
            self.stats.expired += 1;
            if let Bound::Down(node) = bound {
                self.ways.missed(node, since);
            }
        }
        let chance = self.chance();
        self.update(now, |uplink| uplink.handle_timeout(now, chance));
        if self.depth().is_some() && self.announce_at <= now {
            self.announce(now);
        }
    }

    /// The header of a frame for us, who handed it over, and what follows.
    fn read<'p>(&self, psdu: &'p [u8]) -> Result<(Header, Eui64, &'p [u8]), Reason> {
        let (header, len) = Header::decode(psdu)?;
        self.config.station().check_receiver(&header)?;
        let from = name(header.from, self.config.neighbour())?;
        Ok((header, from, psdu.get(len..).unwrap_or_default()))
    }

    /// Takes a frame that goes over several hops.
    fn take(&mut self, now: Instant, psdu: &[u8], hop: &Header, from: Eui64, payload: &[u8]) -> Heard {
        let Ok((mesh, len)) = MeshHeader::decode(payload) else { return self.malformed() };
        let body = payload.get(len..).unwrap_or_default();
        let Ok(originator) = name(mesh.originator, self.config.neighbour()) else { return self.malformed() };
        match (mesh.target, hop.to) {
            (Address::Short(BROADCAST), Address::Short(BROADCAST)) => {
                self.pass_to_all(now, &mesh, originator, from, body)
            }
            (Address::Short(_) | Address::Extended(_), Address::Short(BROADCAST))
            | (Address::Short(BROADCAST), Address::Short(_) | Address::Extended(_)) => self.malformed(),
            (Address::Extended(target), _) if target == self.config.eui64 => Heard::ForUs,
            (target, Address::Short(_) | Address::Extended(_)) => {
                if originator == self.config.eui64 || !self.repeated.is_new(now, digest(psdu)) {
                    self.stats.copies += 1;
                    return Heard::Nothing;
                }
                match self.bound(target) {
                    Some(Bound::Up) => self.pass_up(now, &mesh, originator, from, body),
                    Some(bound) => self.pass_down(now, &mesh, bound, from, body),
                    None => self.malformed(),
                }
            }
        }
    }

    /// Where a frame for this receiver goes. Nodes have no short addresses.
    fn bound(&self, target: Address) -> Option<Bound> {
        match target {
            Address::Extended(node) if node != self.config.gateway => Some(Bound::Down(node)),
            Address::Extended(_) => Some(Bound::Up),
            Address::Short(short) => (Some(short) == self.config.gateway_short).then_some(Bound::Up),
        }
    }

    /// Who gets a frame up from its own parent has chosen that in a circle. From the gateway itself none comes.
    fn pass_up(&mut self, now: Instant, mesh: &MeshHeader, originator: Eui64, from: Eui64, body: &[u8]) -> Heard {
        if from == self.config.gateway {
            return self.malformed();
        }
        if self.parent() == Some(from) {
            self.stats.loops += 1;
            self.update(now, |uplink| uplink.lose(now));
            return Heard::Nothing;
        }
        self.ways.learn(now, originator, from);
        self.pass_on(now, mesh, Bound::Up, body, Duration::ZERO)
    }

    /// A way that leads back to where a frame came from is out of date.
    fn pass_down(&mut self, now: Instant, mesh: &MeshHeader, bound: Bound, from: Eui64, body: &[u8]) -> Heard {
        if let Bound::Down(node) = bound
            && self.ways.next_hop(node) == from
        {
            self.stats.loops += 1;
            self.ways.forget(node);
            return Heard::Nothing;
        }
        self.pass_on(now, mesh, bound, body, Duration::ZERO)
    }

    fn pass_to_all(&mut self, now: Instant, mesh: &MeshHeader, originator: Eui64, from: Eui64, body: &[u8]) -> Heard {
        let Some((_, _, psdu)) = mesh.unwrap(self.config.pan, body) else { return self.malformed() };
        let echo = digest(psdu.as_bytes());
        if originator == self.config.eui64 || self.echoes.is_copy(now, echo) {
            self.stats.copies += 1;
            return Heard::Nothing;
        }
        // Routers that forget what they have passed on pass it to each other for ever.
        if self.echoes.is_full(now) {
            self.stats.full += 1;
            return Heard::Nothing;
        }
        self.echoes.note(now, echo);
        if originator != self.config.gateway {
            self.ways.learn_if_unknown(now, originator, from);
        }
        self.pass_on(now, mesh, Bound::All, body, self.spread());
        Heard::ForUs
    }

    fn pass_on(&mut self, now: Instant, mesh: &MeshHeader, bound: Bound, body: &[u8], delay: Duration) -> Heard {
        // Nobody who keeps to the limit has said more.
        let mesh = MeshHeader { hops_left: mesh.hops_left.min(MAX_HOPS) - 1, ..*mesh };
        if mesh.hops_left == 0 {
            self.stats.no_hops += 1;
            return Heard::Nothing;
        }
        let mut payload = Psdu::EMPTY;
        if mesh.push_to(&mut payload).and_then(|()| payload.push(body)).is_none() {
            return self.malformed();
        }
        self.line_up(now, bound, payload, delay);
        Heard::PassedOn
    }

    fn line_up(&mut self, now: Instant, bound: Bound, payload: Psdu, delay: Duration) {
        self.stats.full += u64::from(self.queue.push(now, bound, payload, delay).is_err());
    }

    fn malformed(&mut self) -> Heard {
        self.stats.malformed += 1;
        Heard::Nothing
    }

    /// Somebody looks for a way to the gateway, or offers one.
    fn listen(&mut self, now: Instant, header: &Header, from: Eui64, talk: Talk, signal: Signal) -> Heard {
        match talk {
            Talk::Request { gateway } | Talk::Better { gateway, .. } | Talk::Offer(Offer { gateway, .. })
                if gateway != self.config.gateway => {}
            // The gateway never asks, and is never away from itself: somebody else says so.
            Talk::Request { .. } | Talk::Better { .. } | Talk::Offer(Offer { depth: 1.., .. })
                if from == self.config.gateway => {}
            // It would not ask if it had one.
            Talk::Request { .. } if self.parent() == Some(from) => self.update(now, |uplink| uplink.lose(now)),
            Talk::Request { .. } => self.offer(now, from, signal),
            Talk::Better { depth, .. } if self.uplink.is_better_than_weak(depth) => self.offer(now, from, signal),
            Talk::Better { .. } => {}
            Talk::Offer(_) if self.parent() != Some(from) && self.ways.is_below(now, from) => {}
            Talk::Offer(offer) => {
                let mut candidate = Candidate::new(from, offer, signal.rssi_dbm);
                // Not every radio says how strongly it has heard the question.
                candidate.is_answer = header.to != Address::ALL;
                self.update(now, |uplink| uplink.offered(now, candidate));
            }
        }
        Heard::Neighbour
    }

    fn offer(&mut self, now: Instant, to: Eui64, signal: Signal) {
        let bound = Bound::Neighbour(to);
        let Some(depth) = self.depth() else { return };
        if self.queue.iter().any(|waiting| waiting.bound == bound) {
            return;
        }
        match self.unheard.audience(now) {
            Audience::One => {
                let offer = Offer { gateway: self.config.gateway, depth, heard_dbm: signal.rssi_dbm };
                self.line_up(now, bound, Talk::Offer(offer).encode(), self.spread());
            }
            Audience::All => self.say_depth(now),
            Audience::Nobody => self.stats.unanswered += 1,
        }
    }

    /// Lets something happen to the way up, and says to those in reach what has come of it.
    fn update(&mut self, now: Instant, happen: impl FnOnce(&mut Uplink) -> News) {
        let had_parent = self.parent().is_some();
        let news = happen(&mut self.uplink);
        self.stats.parents_lost += u64::from(had_parent && self.parent().is_none());
        match news {
            News::Nothing => {}
            News::Ask => {
                let request = Talk::Request { gateway: self.config.gateway };
                self.say(now, request, Duration::ZERO);
            }
            News::AskForBetter => self.ask_for_better(now),
            News::Depth => {
                self.announced = 0;
                self.announce(now);
            }
        }
    }

    /// If it has to say how deep it is, that is more urgent.
    fn ask_for_better(&mut self, now: Instant) {
        let says_something = self.queue.iter().any(|waiting| waiting.bound == Bound::Own);
        if let Some(depth) = self.depth().filter(|_| !says_something) {
            self.say(now, Talk::Better { gateway: self.config.gateway, depth }, self.spread());
        }
    }

    fn announce(&mut self, now: Instant) {
        self.say_depth(now);
        // Routers that were switched on together do not speak together for ever.
        let pause = ANNOUNCE_EVERY.min(ANNOUNCE_AGAIN * 2_u32.pow(self.announced.min(MOST_DOUBLED)));
        self.announced = self.announced.saturating_add(1);
        self.announce_at = now + pause + self.spread() * 16;
    }

    fn say_depth(&mut self, now: Instant) {
        let offer = Offer { gateway: self.config.gateway, depth: self.depth().unwrap_or(NO_WAY), heard_dbm: None };
        self.say(now, Talk::Offer(offer), self.spread());
    }

    /// To all in reach. What was to be said before and was not yet is out of date.
    fn say(&mut self, now: Instant, talk: Talk, delay: Duration) {
        self.queue.take_back();
        self.line_up(now, Bound::Own, talk.encode(), delay);
    }

    /// A part of [`SPREAD_MS`], another for each station and frame.
    fn spread(&self) -> Duration {
        Duration::from_millis(u64::from(self.chance()) % SPREAD_MS)
    }

    fn chance(&self) -> u16 {
        turn::chance(self.config.eui64, self.sequence, self.id)
    }

    /// How many of the frames that wait for this node the radio has: one, or none.
    fn in_flight_to(&self, node: Eui64) -> usize {
        usize::from(self.in_flight.is_some_and(|in_flight| in_flight.bound == Bound::Down(node)))
    }

    fn serial_in_flight(&self) -> Option<u64> {
        self.in_flight.map(|in_flight| in_flight.serial)
    }
}

impl RouterConfig {
    /// Itself, as a station: without security, since it has no keys.
    const fn station(&self) -> Station {
        Station { eui64: self.eui64, pan: self.pan, short: None, security: None }
    }

    /// The shortest address of a station in reach.
    fn address(&self, station: Eui64) -> Address {
        let short = self.gateway_short.filter(|_| station == self.gateway);
        short.map_or(Address::Extended(station), Address::Short)
    }

    fn neighbour(&self) -> Option<(u16, Eui64)> {
        self.gateway_short.map(|short| (short, self.gateway))
    }
}
