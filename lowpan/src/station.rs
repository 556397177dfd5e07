//! One station of a PAN: which frames are for it, and what its frames look like.
//!
//! Shared by the gateway's side ([`crate::Hub`]) and the node's ([`crate::Leaf`]).

use crate::fragment::MAX_PACKET;
use crate::mac::{Address, BROADCAST, Header, Kind};
use crate::mesh::{MAX_HOPS, MeshHeader, Route, is_mesh};
use crate::psdu::digest;
use crate::security::{AuxHeader, Keys, LAST_COUNTER, Level, open, seal};
use crate::{MAX_PSDU, Psdu, Reason};
use core::fmt;
use sn_types::{Eui64, Relay};

/// Who this station is, and whether its link is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Station {
    /// Its extended address.
    pub eui64: Eui64,
    /// The PAN it is in.
    pub pan: u16,
    /// Its short address, if it has one. It saves six octets in each frame of the bare kind, to it and from it.
    pub short: Option<u16>,
    /// How frames are secured; `None` if they are not. There is no mixture: who has no key stays out.
    pub security: Option<Level>,
}

/// A configuration that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// 0, or one of 61440..=61695 (F000-F0FF), which 6LoWPAN shortens in a way that is not read reliably.
    Port(u16),
    /// FFFF and FFFE are no station's short addresses (IEEE 802.15.4-2011 §5.1.3.1).
    ShortAddress(u16),
    /// FFFF is every PAN.
    Pan,
    /// The longest packet is above 2,047, or below what one frame holds.
    Packet(u16),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(f, "UDP port {port}: choose one outside 61440-61695 and not 0"),
            Self::ShortAddress(short) => write!(f, "{short:04x} is no station's short address"),
            Self::Pan => f.write_str("PAN id ffff stands for every PAN"),
            Self::Packet(len) => write!(f, "packets of {len} octets: choose 256 to {MAX_PACKET} as the longest"),
        }
    }
}

impl core::error::Error for ConfigError {}

/// What a frame to send says, apart from its payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope {
    pub(crate) kind: Kind,
    pub(crate) to: Address,
    pub(crate) from: Address,
    /// How it gets there.
    pub(crate) route: Route,
    /// The sender's number for the frame.
    pub(crate) sequence: u8,
    pub(crate) frame_pending: bool,
}

/// Why a frame cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsealed {
    /// There is no frame counter, perhaps not yet.
    NoCounter,
    /// There is no key for the receiver any more.
    NoKey,
    /// It is longer than a frame: a fault of whoever cut the payload.
    TooLong,
}

/// What a frame says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    /// Of the frame between the two ends.
    pub(crate) header: Header,
    header_len: usize,
    /// Who made it.
    pub(crate) from: Eui64,
    /// Who handed it to us, if that is somebody else.
    pub(crate) via: Option<Relay>,
    /// More waits at whoever handed it to us.
    pub(crate) frame_pending: bool,
    /// Tells it from others of the same originator, and is the same for copies of it.
    pub(crate) digest: u32,
    /// As it would have come in one hop.
    psdu: Psdu,
}

impl Claim {
    /// What follows the MAC header.
    pub(crate) fn body(&self) -> &[u8] {
        self.psdu.as_bytes().get(self.header_len..).unwrap_or_default()
    }
}

/// A frame that was for us and, if that is asked for, is proven to be the sender's.
pub(crate) struct Opened {
    pub(crate) header: Header,
    pub(crate) from: Eui64,
    #[cfg_attr(not(feature = "hub"), allow(dead_code, reason = "a node has one way only"))]
    pub(crate) via: Option<Relay>,
    pub(crate) frame_pending: bool,
    pub(crate) digest: u32,
    /// In the clear, without integrity code.
    psdu: Psdu,
    payload_at: usize,
}

impl Opened {
    pub(crate) fn payload(&self) -> &[u8] {
        self.psdu.as_bytes().get(self.payload_at..).unwrap_or_default()
    }
}

impl Station {
    /// Whether there can be such a station.
    pub(crate) const fn check(&self) -> Result<(), ConfigError> {
        match (self.pan, self.short) {
            (BROADCAST, _) => Err(ConfigError::Pan),
            (_, short) => check_short(short),
        }
    }

    /// How many octets of payload a frame between these addresses takes. Over routers every hop counts, and the longest
    /// is one between extended addresses.
    pub(crate) const fn room(&self, to: Address, from: Address, route: Route) -> usize {
        let security = match self.security {
            Some(level) => level.overhead(),
            None => 0,
        };
        let extended = Address::Extended(self.eui64);
        let headers = match route {
            Route::Direct => Header::size(to, from),
            Route::Via(_) => Header::size(extended, extended) + MeshHeader::size(to, from, route),
            Route::Flood(_) => Header::size(Address::ALL, extended) + MeshHeader::size(to, from, route),
        };
        MAX_PSDU - headers - security
    }

    /// A frame, sealed under the key of `peer` if the link is secured. A frame to all may have one, too: a node's.
    ///
    /// What goes over routers is the frame that would go directly, sequence number and "frame pending" apart, which are each
    /// hop's own: its MAC header becomes a mesh header.
    pub(crate) fn frame(
        &self,
        envelope: Envelope,
        peer: Option<Eui64>,
        keys: &mut impl Keys,
        payload: &[u8],
    ) -> Result<Psdu, Unsealed> {
        let Envelope { to, from, route, sequence, frame_pending, .. } = envelope;
        let (next, end_to_end) = match route {
            Route::Direct => return self.direct(envelope, peer, keys, payload),
            Route::Via(router) => (Address::Extended(router), 0),
            Route::Flood(number) => (Address::ALL, number),
        };
        let direct = Envelope { sequence: end_to_end, frame_pending: false, ..envelope };
        let direct = self.direct(direct, peer, keys, payload)?;
        let body = direct.as_bytes().get(Header::size(to, from)..).unwrap_or_default();
        let mesh = MeshHeader::new(from, to, route);
        let hop = Hop { to: next, from, pan: self.pan, sequence, frame_pending };
        hop.frame(&mesh, body).ok_or(Unsealed::TooLong)
    }

    fn direct(
        &self,
        envelope: Envelope,
        peer: Option<Eui64>,
        keys: &mut impl Keys,
        payload: &[u8],
    ) -> Result<Psdu, Unsealed> {
        let header = Header {
            kind: envelope.kind,
            secured: self.security.is_some(),
            frame_pending: envelope.frame_pending,
            ack_request: envelope.to != Address::ALL,
            sequence: envelope.sequence,
            pan: self.pan,
            to: envelope.to,
            from: envelope.from,
        };
        let mut psdu = header.encode(payload.len());
        let Some(level) = self.security else {
            return psdu.push(payload).map(|()| psdu).ok_or(Unsealed::TooLong);
        };
        let peer = peer.filter(|peer| keys.key(*peer).is_some()).ok_or(Unsealed::NoKey)?;
        let counter = keys.next_counter().filter(|counter| *counter != LAST_COUNTER).ok_or(Unsealed::NoCounter)?;
        let aux = AuxHeader { level, counter, key_index: None };
        let key = keys.key(peer).ok_or(Unsealed::NoKey)?;
        seal(psdu, envelope.kind, aux, self.eui64, key, payload).ok_or(Unsealed::TooLong)
    }

    /// Whose frame it is, if it is for us. `neighbour` is whom we know by a short address. Nothing is proven yet.
    pub(crate) fn identify(&self, psdu: &[u8], neighbour: Option<(u16, Eui64)>) -> Result<Claim, Reason> {
        let (header, header_len) = Header::decode(psdu)?;
        self.check_receiver(&header)?;
        let from = name(header.from, neighbour)?;
        let whole = Psdu::new(psdu).ok_or(Reason::MacHeader)?;
        let digest = digest(psdu);
        let claim =
            Claim { header, header_len, from, via: None, frame_pending: header.frame_pending, digest, psdu: whole };
        match header.kind {
            Kind::Data if !header.secured && is_mesh(claim.body()) => self.unwrap(&claim, neighbour),
            Kind::Data | Kind::Command => Ok(claim),
        }
    }

    /// What has come over routers, as if it had come directly. Copies that one router sends are the same frame, and
    /// those of a broadcast that many send the same with its number.
    fn unwrap(&self, hop: &Claim, neighbour: Option<(u16, Eui64)>) -> Result<Claim, Reason> {
        let (mesh, mesh_len) = MeshHeader::decode(hop.body())?;
        let body = hop.body().get(mesh_len..).unwrap_or_default();
        let (header, header_len, psdu) = mesh.unwrap(self.pan, body).ok_or(Reason::Mesh)?;
        self.check_receiver(&header)?;
        let from = name(header.from, neighbour)?;
        if from == self.eui64 {
            return Err(Reason::Duplicate);
        }
        let digest = mesh.broadcast.map_or(hop.digest, |_| digest(psdu.as_bytes()));
        let hops = (MAX_HOPS + 1).saturating_sub(mesh.hops_left);
        let via = (hop.from != from).then_some(Relay { router: hop.from, hops });
        Ok(Claim { header, header_len, from, via, frame_pending: hop.frame_pending, digest, psdu })
    }

    /// Takes the security off a frame, if there is to be some: then it is proven whose it is.
    pub(crate) fn open(&self, claim: Claim, keys: &mut impl Keys) -> Result<Opened, Reason> {
        let Claim { header, header_len, from, via, frame_pending, digest, mut psdu } = claim;
        let payload_at = match (self.security, header.secured) {
            (None, false) => header_len,
            (None, true) => return Err(Reason::UnexpectedSecurity),
            (Some(_), false) => return Err(Reason::Unsecured),
            (Some(level), true) => unseal(&mut psdu, &header, header_len, from, level, keys)?,
        };
        Ok(Opened { header, from, via, frame_pending, digest, psdu, payload_at })
    }

    /// Whether a frame is for this station.
    pub(crate) fn check_receiver(&self, header: &Header) -> Result<(), Reason> {
        let is_ours = match header.to {
            Address::Extended(to) => to == self.eui64,
            to @ Address::Short(short) => to == Address::ALL || Some(short) == self.short,
        };
        match (header.pan == self.pan, is_ours) {
            (true, true) => Ok(()),
            (true, false) => Err(Reason::NotForUs),
            (false, _) => Err(Reason::OtherPan),
        }
    }
}

/// Whether a station can have this short address.
pub(crate) const fn check_short(short: Option<u16>) -> Result<(), ConfigError> {
    match short {
        Some(short @ 0xFFFE..) => Err(ConfigError::ShortAddress(short)),
        Some(_) | None => Ok(()),
    }
}

/// One hop of a frame that goes over several.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hop {
    pub(crate) to: Address,
    pub(crate) from: Address,
    pub(crate) pan: u16,
    pub(crate) sequence: u8,
    pub(crate) frame_pending: bool,
}

impl Hop {
    /// The frame; `None` if it is too long. It has no security of its own: no router shares a key with the next.
    pub(crate) fn frame(&self, mesh: &MeshHeader, body: &[u8]) -> Option<Psdu> {
        let mut payload = Psdu::EMPTY;
        mesh.push_to(&mut payload)?;
        payload.push(body)?;
        let header = Header {
            kind: Kind::Data,
            secured: false,
            frame_pending: self.frame_pending,
            ack_request: self.to != Address::ALL,
            sequence: self.sequence,
            pan: self.pan,
            to: self.to,
            from: self.from,
        };
        let mut psdu = header.encode(payload.len());
        psdu.push(payload.as_bytes())?;
        Some(psdu)
    }
}

/// Who has this address, if that can be said.
pub(crate) fn name(address: Address, neighbour: Option<(u16, Eui64)>) -> Result<Eui64, Reason> {
    match (address, neighbour) {
        (Address::Extended(from), _) => Ok(from),
        (Address::Short(short), Some((known, from))) if short == known => Ok(from),
        (Address::Short(_), _) => Err(Reason::ShortSource),
    }
}

/// Takes the security off a frame and says where its payload starts. The counter is noted last: only a frame that is
/// proven to be the node's own may move it.
fn unseal(
    psdu: &mut Psdu,
    header: &Header,
    header_len: usize,
    from: Eui64,
    level: Level,
    keys: &mut impl Keys,
) -> Result<usize, Reason> {
    let (aux, aux_len) = AuxHeader::decode(psdu.as_bytes().get(header_len..).unwrap_or_default())?;
    if aux.level != level {
        return Err(Reason::SecurityLevel);
    }
    let key = keys.key(from).ok_or(Reason::UnknownNode)?;
    let payload_at = header_len + aux_len;
    open(psdu, payload_at, header.kind, aux, from, key)?;
    if keys.accept(from, aux.counter) { Ok(payload_at) } else { Err(Reason::Replay) }
}
