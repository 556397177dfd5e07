//! The node's side of a PAN, without I/O, heap or clock.
//!
//! Owns: one datagram that is being sent, one that is being put together, and whether to ask the gateway for more.

mod transmit;

use crate::assembly::{Added, Assembly};
use crate::carriage::{Carriage, Direction, Meaning, Way, interpret};
use crate::mac::{Address, BROADCAST, Kind};
use crate::mesh::Route;
use crate::parent::{Candidate, Search, Talk};
use crate::psdu::LATE_COPIES_WITHIN;
use crate::received::{Piece, Received, UNFOLDED, unfold};
use crate::security::Keys;
use crate::station::{Claim, ConfigError, Opened, Station, check_short};
use crate::{Reason, sixlowpan};
use core::time::Duration;
use sn_types::{Eui64, Instant};
use transmit::{InFlight, Outgoing};

/// How long fragments wait for the others.
const ASSEMBLY_FOR: Duration = Duration::from_secs(5);

/// Frames in a row that nobody acknowledged, before another parent is looked for.
const UNACKNOWLEDGED: u8 = 3;

/// Datagrams in a row that a router took and the gateway did not answer, before another parent is looked for: two exchanges
/// with three repetitions each.
const UNANSWERED: u8 = 8;

/// What a node is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeafConfig {
    /// Who the node is. Its short address is for frames to it; its own name its extended address.
    pub station: Station,
    /// The gateway's extended address: with link security frames are opened with it, whatever address they show.
    pub gateway: Eui64,
    /// The gateway's short address, if it has one: bare frames go there.
    pub gateway_short: Option<u16>,
    /// In which form datagrams are sent; the gateway answers in the same.
    pub carriage: Carriage,
    /// Whether datagrams that do not fit a frame are cut.
    pub fragment: bool,
}

impl LeafConfig {
    const fn check(&self) -> Result<(), ConfigError> {
        match self.carriage {
            Carriage::Udp { node, .. } if !sixlowpan::is_usable(node) => Err(ConfigError::Port(node)),
            Carriage::Udp { gateway, .. } if !sixlowpan::is_usable(gateway) => Err(ConfigError::Port(gateway)),
            Carriage::Bare | Carriage::Udp { .. } => match check_short(self.gateway_short) {
                Ok(()) => self.station.check(),
                wrong @ Err(_) => wrong,
            },
        }
    }

    const fn gateway_address(&self) -> Address {
        match (self.carriage, self.gateway_short) {
            (Carriage::Bare, Some(short)) => Address::Short(short),
            (Carriage::Bare, None) | (Carriage::Udp { .. }, _) => Address::Extended(self.gateway),
        }
    }
}

/// The node's side of a PAN. `PACKET` is the longest packet that is sent or put together, in octets; a frame's headers
/// may become 173 octets, so it is at least that. The three buffers of that length are most of what a leaf takes, and the
/// frame that may have to be sent again.
///
/// Order of calls: [`Leaf::send`] or [`Leaf::request`], then [`Leaf::poll_transmit`] until it gives nothing, each frame's
/// fate to [`Leaf::handle_transmitted`] before the next. [`Leaf::handle_frame`] while the radio listens.
/// [`Leaf::poll_timeout`] says when to call [`Leaf::handle_timeout`].
#[derive(Clone, Debug)]
pub struct Leaf<K, const PACKET: usize> {
    config: LeafConfig,
    keys: K,
    /// The router that takes our frames; `None` is the gateway itself.
    parent: Option<Eui64>,
    /// Frames in a row that nobody acknowledged.
    unacknowledged: u8,
    /// Datagrams that a router took since the gateway was heard: it acknowledges frames that it cannot pass on, too.
    unanswered: u8,
    /// Another parent is looked for.
    search: Option<Search>,
    /// The question who is in reach is to be sent.
    asks: bool,
    outgoing: Option<Outgoing<PACKET>>,
    /// A data request is to be sent.
    requests: bool,
    in_flight: Option<InFlight>,
    assembly: Option<Assembly<[u8; PACKET]>>,
    packet: [u8; PACKET],
    packet_len: usize,
    /// The last frame from the gateway to this node, and when it came.
    last_frame: Option<(u32, Instant)>,
    /// The last to all, which come over several routers: one in each form.
    last_to_all: [Option<(u32, Instant)>; 2],
    more_waits: bool,
    sequence: u8,
    /// The number of the next frame that routers pass on to all.
    broadcasts: u8,
    tag: u16,
    id: u64,
}

/// What a frame is.
enum Heard {
    Frame(Opened),
    /// It is of somebody who takes frames, or looks for one.
    Neighbour(Eui64),
}

impl<K: Keys, const PACKET: usize> Leaf<K, PACKET> {
    const LONG_ENOUGH: () = assert!(PACKET >= UNFOLDED.len() && PACKET <= crate::fragment::MAX_PACKET);

    /// A leaf that has sent nothing yet. Without link security `keys` is [`crate::NoKeys`]; with it, the key of the
    /// gateway is the node's own. `seed` is any number, another one at each start.
    ///
    /// # Errors
    /// [`ConfigError`] says what cannot be.
    pub fn new(config: LeafConfig, keys: K, seed: u64) -> Result<Self, ConfigError> {
        let () = Self::LONG_ENOUGH;
        config.check()?;
        Ok(Self {
            config,
            keys,
            parent: None,
            unacknowledged: 0,
            unanswered: 0,
            search: None,
            asks: false,
            outgoing: None,
            requests: false,
            in_flight: None,
            assembly: None,
            packet: [0; PACKET],
            packet_len: 0,
            last_frame: None,
            last_to_all: [None; 2],
            more_waits: false,
            sequence: seed as u8,
            broadcasts: seed as u8,
            tag: (seed >> 8) as u16,
            id: 0,
        })
    }

    /// The longest datagram that can be sent to the gateway, in octets. Without fragments it is less over a router.
    #[must_use]
    pub const fn mtu(&self) -> usize {
        let (carriage, to) = (self.config.carriage, self.config.gateway_address());
        if self.config.fragment {
            PACKET - carriage.full_overhead()
        } else {
            self.config.station.room(to, self.own_address(), self.route(to)) - carriage.overhead()
        }
    }

    /// The router that takes this node's frames; `None` is the gateway itself.
    #[must_use]
    pub const fn parent(&self) -> Option<Eui64> {
        self.parent
    }

    /// From now on this router takes the node's frames, and what is for the node waits there for its data requests;
    /// `None` is the gateway itself, as at the start.
    pub fn set_parent(&mut self, parent: Option<Eui64>) {
        if parent != self.parent {
            self.redirect();
        }
        (self.parent, self.unacknowledged, self.unanswered) = (parent, 0, 0);
    }

    /// Asks who in reach takes frames to the gateway, and chooses: who is heard well and is near the gateway. Listen while
    /// [`Leaf::is_seeking`]: 150 ms. If nobody answers the parent stays, and it is for the caller to try again later.
    pub fn seek_parent(&mut self, now: Instant) {
        (self.search, self.asks, self.unanswered) = (Some(Search::new(now)), true, 0);
    }

    /// Whether another parent is looked for.
    #[must_use]
    pub const fn is_seeking(&self) -> bool {
        self.search.is_some()
    }

    /// How many frames in a row were not acknowledged, in whatever rounds of the radio each had.
    #[must_use]
    pub const fn unacknowledged(&self) -> u8 {
        self.unacknowledged
    }

    /// Whether it is time for [`Leaf::seek_parent`]: three frames in a row were not acknowledged, or the router took eight
    /// datagrams and no answer of the gateway came.
    #[must_use]
    pub const fn needs_parent(&self) -> bool {
        self.unacknowledged >= UNACKNOWLEDGED || self.unanswered >= UNANSWERED
    }

    /// Whether the last frame from the gateway said that more waits there: [`Leaf::request`] it.
    #[must_use]
    pub const fn more_waits(&self) -> bool {
        self.more_waits
    }

    /// The keys, to give it more counters.
    pub const fn keys_mut(&mut self) -> &mut K {
        &mut self.keys
    }

    const fn own_address(&self) -> Address {
        Address::Extended(self.config.station.eui64)
    }

    /// How a frame gets to the gateway, or to all.
    const fn route(&self, to: Address) -> Route {
        match (self.parent, to) {
            (None, _) => Route::Direct,
            (Some(_), Address::Short(BROADCAST)) => Route::Flood(self.broadcasts),
            (Some(parent), Address::Short(_) | Address::Extended(_)) => Route::Via(parent),
        }
    }

    /// Takes a frame without check sequence, and says what it brought.
    ///
    /// It is from the gateway, or on an open link to all: other nodes search for gateways, and other gateways make themselves
    /// known.
    pub fn handle_frame(&mut self, now: Instant, psdu: &[u8]) -> Received<'_> {
        let opened = match self.open(now, psdu) {
            Ok(Heard::Frame(opened)) => opened,
            Ok(Heard::Neighbour(from)) => return Received::Neighbour { from },
            Err((from, reason)) => return Received::Rejected { from, reason },
        };
        let from = opened.from;
        let to_all = opened.header.to == Address::ALL;
        if from == self.config.gateway {
            let last = Some((opened.digest, now));
            if to_all {
                self.last_to_all = [last, self.last_to_all[0]];
            } else {
                (self.last_frame, self.unanswered) = (last, 0);
            }
            self.more_waits = opened.frame_pending;
        }
        let way = Way { from, to: self.config.station.eui64, to_all, direction: Direction::Down };
        match self.take(now, &opened, way) {
            Ok(true) => self.read(way),
            Ok(false) => Received::Fragment { from },
            Err(reason) => Received::Rejected { from: Some(from), reason },
        }
    }

    fn open(&mut self, now: Instant, psdu: &[u8]) -> Result<Heard, (Option<Eui64>, Reason)> {
        let neighbour = self.config.gateway_short.map(|short| (short, self.config.gateway));
        let claim = self.config.station.identify(psdu, neighbour).map_err(|reason| (None, reason))?;
        let from = claim.from;
        let refused = |reason| (Some(from), reason);
        if let Some(talk) = Talk::of(&claim) {
            self.hear_offer(from, talk);
            return Ok(Heard::Neighbour(from));
        }
        if !self.is_welcome(&claim) {
            return Err(refused(Reason::NotGateway));
        }
        if self.is_copy(now, &claim) {
            return Err(refused(Reason::Duplicate));
        }
        self.config.station.open(claim, &mut self.keys).map(Heard::Frame).map_err(refused)
    }

    fn hear_offer(&mut self, from: Eui64, talk: Talk) {
        match (talk, &mut self.search) {
            (Talk::Offer(offer), Some(search)) if offer.gateway == self.config.gateway => {
                search.add(Candidate::new(from, offer, None));
            }
            (Talk::Offer(_) | Talk::Request { .. } | Talk::Better { .. }, _) => {}
        }
    }

    /// When to call [`Leaf::handle_timeout`]; `None` is not before another call.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let assembly = self.assembly.as_ref().map(|assembly| assembly.since + ASSEMBLY_FOR);
        [assembly, self.search.map(|search| search.until), self.rests_until()].into_iter().flatten().min()
    }

    /// Lets go what has rested, gives up fragments whose others did not come in time, and chooses a parent.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.wake(now);
        self.assembly.take_if(|assembly| assembly.since + ASSEMBLY_FOR <= now);
        let done = self.search.take_if(|search| search.until <= now);
        if let Some(best) = done.and_then(|search| search.best) {
            self.set_parent((best.from != self.config.gateway).then_some(best.from));
        }
    }

    /// Whether a whole packet is in the buffer now.
    fn take(&mut self, now: Instant, opened: &Opened, way: Way) -> Result<bool, Reason> {
        match opened.header.kind {
            Kind::Command => return Err(Reason::Command),
            Kind::Data => {}
        }
        let mut room = UNFOLDED;
        match unfold(opened.payload(), way, &mut room)? {
            Piece::Whole(packet) => {
                self.packet[..packet.len()].copy_from_slice(packet);
                self.packet_len = packet.len();
                Ok(true)
            }
            // Nothing that goes to all is cut, so no stranger's fragment pushes the gateway's aside.
            Piece::Part { .. } if way.to_all => Err(Reason::Fragment),
            Piece::Part { size, tag, offset, octets } => {
                let known = self.assembly.take_if(|known| known.is_of(size, tag));
                let fresh = || Assembly::new([0; PACKET], size, tag, now);
                let assembly = self.assembly.insert(known.or_else(fresh).ok_or(Reason::TooLong)?);
                let added = assembly.add(offset, octets)?;
                if added == Added::Complete {
                    let whole = assembly.octets();
                    self.packet[..whole.len()].copy_from_slice(whole);
                    self.packet_len = whole.len();
                    self.assembly = None;
                }
                Ok(added == Added::Complete)
            }
        }
    }

    fn read(&self, way: Way) -> Received<'_> {
        let packet = &self.packet[..self.packet_len];
        let rejected = |reason| Received::Rejected { from: Some(way.from), reason };
        match interpret(packet, way) {
            Ok(Meaning::Datagram { carriage, at }) => match self.check(carriage) {
                Ok(()) => {
                    let octets = packet.get(at..).unwrap_or_default();
                    Received::Datagram { from: way.from, carriage, to_all: way.to_all, octets }
                }
                Err(reason) => rejected(reason),
            },
            // Nobody needs to ask: a node speaks first, and its frames say what its address is.
            Ok(Meaning::Solicitation) => rejected(Reason::Protocol),
            Err(reason) => rejected(reason),
        }
    }

    /// Whether a datagram is in the node's own form, and to its port.
    const fn check(&self, carriage: Carriage) -> Result<(), Reason> {
        match (self.config.carriage, carriage) {
            (Carriage::Bare, Carriage::Bare) => Ok(()),
            (Carriage::Udp { node: ours, .. }, Carriage::Udp { node, .. }) if ours == node => Ok(()),
            (Carriage::Udp { .. }, Carriage::Udp { .. }) => Err(Reason::Port),
            (Carriage::Bare, Carriage::Udp { .. }) | (Carriage::Udp { .. }, Carriage::Bare) => Err(Reason::Carriage),
        }
    }

    fn is_welcome(&self, claim: &Claim) -> bool {
        let is_open = self.config.station.security.is_none() && claim.header.to == Address::ALL;
        claim.from == self.config.gateway || is_open
    }

    /// Whether this is a frame that came from the gateway last.
    fn is_copy(&self, now: Instant, claim: &Claim) -> bool {
        let is_it = |last: &Option<(u32, Instant)>| {
            last.is_some_and(|(known, at)| known == claim.digest && now.since(at) < LATE_COPIES_WITHIN)
        };
        let is_known =
            if claim.header.to == Address::ALL { self.last_to_all.iter().any(is_it) } else { is_it(&self.last_frame) };
        claim.from == self.config.gateway && is_known
    }
}
