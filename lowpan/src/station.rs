//! One station of a PAN: which frames are for it, and what its frames look like.
//!
//! Shared by the gateway's side ([`crate::Hub`]) and the node's ([`crate::Leaf`]).

use crate::fragment::MAX_PACKET;
use crate::mac::{Address, BROADCAST, Header, Kind};
use crate::security::{AuxHeader, Keys, LAST_COUNTER, Level, open, seal};
use crate::{MAX_PSDU, Psdu, Reason};
use core::fmt;
use sn_types::Eui64;

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
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) header: Header,
    header_len: usize,
    pub(crate) from: Eui64,
}

/// A frame that was for us and, if that is asked for, is proven to be the sender's.
pub(crate) struct Opened {
    pub(crate) header: Header,
    pub(crate) from: Eui64,
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

    /// How many octets of payload a frame between these addresses takes.
    pub(crate) const fn room(&self, to: Address, from: Address) -> usize {
        let security = match self.security {
            Some(level) => level.overhead(),
            None => 0,
        };
        MAX_PSDU - Header::size(to, from) - security
    }

    /// A frame, sealed under the key of `peer` if the link is secured. A frame to all may have one, too: a node's.
    pub(crate) fn frame(
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
        match (header.from, neighbour) {
            (Address::Extended(from), _) => Ok(Claim { header, header_len, from }),
            (Address::Short(short), Some((known, from))) if short == known => Ok(Claim { header, header_len, from }),
            (Address::Short(_), _) => Err(Reason::ShortSource),
        }
    }

    /// Takes the security off a frame, if there is to be some: then it is proven whose it is.
    pub(crate) fn open(&self, psdu: &[u8], claim: &Claim, keys: &mut impl Keys) -> Result<Opened, Reason> {
        let mut psdu = Psdu::new(psdu).ok_or(Reason::MacHeader)?;
        let Claim { header, header_len, from } = *claim;
        let payload_at = match (self.security, header.secured) {
            (None, false) => header_len,
            (None, true) => return Err(Reason::UnexpectedSecurity),
            (Some(_), false) => return Err(Reason::Unsecured),
            (Some(level), true) => unseal(&mut psdu, claim, level, keys)?,
        };
        Ok(Opened { header, from, psdu, payload_at })
    }

    fn check_receiver(&self, header: &Header) -> Result<(), Reason> {
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

/// Takes the security off a frame and says where its payload starts. The counter is noted last: only a frame that is
/// proven to be the node's own may move it.
fn unseal(psdu: &mut Psdu, claim: &Claim, level: Level, keys: &mut impl Keys) -> Result<usize, Reason> {
    let Claim { header, header_len, from } = *claim;
    let (aux, aux_len) = AuxHeader::decode(psdu.as_bytes().get(header_len..).unwrap_or_default())?;
    if aux.level != level {
        return Err(Reason::SecurityLevel);
    }
    let key = keys.key(from).ok_or(Reason::UnknownNode)?;
    let payload_at = header_len + aux_len;
    open(psdu, payload_at, header.kind, aux, from, key)?;
    if keys.accept(from, aux.counter) { Ok(payload_at) } else { Err(Reason::Replay) }
}
