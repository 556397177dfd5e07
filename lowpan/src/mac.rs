//! MAC headers: who a frame is for, whom it is from and what it is (IEEE 802.15.4-2011 §5.2.1).
//!
//! The crate `ieee802154` reads and writes the addressing fields. The security bit is kept from it: what it makes of
//! secured frames is not what the standard says, so [`crate::security`] does that.

use crate::{Eui64, Psdu, Reason};
use byte::{TryRead, TryWrite};
use ieee802154::mac::frame::header::{FrameVersion, Header as Addressing};
use ieee802154::mac::frame::security::{SecurityContext, default::Unimplemented};
use ieee802154::mac::{Address as Addressed, ExtendedAddress, FrameType, PanId, ShortAddress};

/// The short address for all stations that hear a frame.
pub const BROADCAST: u16 = 0xFFFF;
/// The command frame identifier of a data request (§5.3.4).
pub(crate) const DATA_REQUEST: u8 = 0x04;
/// Frame control, sequence number, two PAN ids, two extended addresses.
const LONGEST: usize = 2 + 1 + 2 + 8 + 2 + 8;
/// "Security Enabled" in the first octet of the frame control field.
const SECURED: u8 = 1 << 3;
/// aMaxMACSafePayloadSize: a longer payload is not for stations that only know the 2003 format (§5.1.2).
const MAX_SAFE_PAYLOAD: usize = 102;

/// A station's address within a PAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// 16 bits, given out by whoever runs the PAN. [`BROADCAST`] is everybody.
    Short(u16),
    /// 64 bits, the station's own.
    Extended(Eui64),
}

impl Address {
    pub(crate) const ALL: Self = Self::Short(BROADCAST);

    /// How many octets it takes in a header.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Short(_) => 2,
            Self::Extended(_) => 8,
        }
    }
}

/// The frames that carry datagrams, or ask for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A data frame.
    Data,
    /// A MAC command. Which one is the payload's first octet.
    Command,
}

/// A header of a data or command frame between two stations of one PAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it heads.
    pub kind: Kind,
    /// An auxiliary security header follows, and the payload is sealed.
    pub secured: bool,
    /// More waits at the sender for the receiver (§5.1.6.3).
    pub frame_pending: bool,
    /// The receiver's radio is to acknowledge the frame.
    pub ack_request: bool,
    /// Counts a sender's frames: an acknowledgement names it.
    pub sequence: u8,
    /// The PAN of both.
    pub pan: u16,
    /// To whom.
    pub to: Address,
    /// From whom.
    pub from: Address,
}

impl Header {
    /// The length of a header with these addresses: frame control, sequence number, one PAN id, addresses.
    #[must_use]
    pub const fn size(to: Address, from: Address) -> usize {
        2 + 1 + 2 + to.size() + from.size()
    }

    /// Reads the header at the start of a frame, and says how long it is.
    ///
    /// # Errors
    /// The [`Reason`] why the frame is none that carries datagrams: it is damaged, of another type or version (2003 and
    /// 2006 are read), lacks an address, or goes from one PAN to another.
    pub fn decode(psdu: &[u8]) -> Result<(Self, usize), Reason> {
        let mut head = [0; LONGEST];
        let len = psdu.len().min(LONGEST);
        head[..len].copy_from_slice(&psdu[..len]);
        let secured = head[0] & SECURED != 0;
        head[0] &= !SECURED;
        let (addressing, size) = Addressing::try_read(&head[..len], ()).map_err(|_| Reason::MacHeader)?;
        let kind = match addressing.frame_type {
            FrameType::Data => Kind::Data,
            FrameType::MacCommand => Kind::Command,
            FrameType::Beacon
            | FrameType::Acknowledgement
            | FrameType::Multipurpose
            | FrameType::FragOrFragAck
            | FrameType::Extended => return Err(Reason::FrameType),
        };
        check_version(&addressing, secured)?;
        let (Some(to), Some(from)) = (addressing.destination, addressing.source) else { return Err(Reason::NoAddress) };
        if to.pan_id() != from.pan_id() {
            return Err(Reason::OtherPan);
        }
        let header = Self {
            kind,
            secured,
            frame_pending: addressing.frame_pending,
            ack_request: addressing.ack_request,
            sequence: addressing.seq,
            pan: to.pan_id().0,
            to: to.into(),
            from: from.into(),
        };
        Ok((header, size))
    }

    /// The start of a frame: this header, for a payload of that many octets.
    pub(crate) fn encode(&self, payload: usize) -> Psdu {
        let pan = PanId(self.pan);
        let is_old = !self.secured && payload <= MAX_SAFE_PAYLOAD;
        let addressing = Addressing {
            frame_type: match self.kind {
                Kind::Data => FrameType::Data,
                Kind::Command => FrameType::MacCommand,
            },
            frame_pending: self.frame_pending,
            ack_request: self.ack_request,
            pan_id_compress: true,
            seq_no_suppress: false,
            ie_present: false,
            version: if is_old { FrameVersion::Ieee802154_2003 } else { FrameVersion::Ieee802154_2006 },
            seq: self.sequence,
            destination: Some(self.to.within(pan)),
            source: Some(self.from.within(pan)),
            auxiliary_security_header: None,
        };
        let mut head = [0; LONGEST];
        let unsecured: Option<&mut SecurityContext<Unimplemented, Unimplemented>> = None;
        // It fits: LONGEST is the longest header there is.
        let size = addressing.try_write(&mut head, &unsecured).unwrap_or_default();
        head[0] |= if self.secured { SECURED } else { 0 };
        let mut psdu = Psdu::EMPTY;
        psdu.push(&head[..size]);
        psdu
    }
}

/// Frames of 2003 have no auxiliary security header of this form, and those of 2015 another addressing.
fn check_version(addressing: &Addressing, secured: bool) -> Result<(), Reason> {
    match addressing.version {
        FrameVersion::Ieee802154_2003 if secured => Err(Reason::SecurityHeader),
        FrameVersion::Ieee802154_2003 | FrameVersion::Ieee802154_2006 => Ok(()),
        FrameVersion::Ieee802154 => Err(Reason::FrameVersion),
    }
}

impl Address {
    fn within(self, pan: PanId) -> Addressed {
        match self {
            Self::Short(short) => Addressed::Short(pan, ShortAddress(short)),
            Self::Extended(Eui64(octets)) => Addressed::Extended(pan, ExtendedAddress(u64::from_be_bytes(octets))),
        }
    }
}

impl From<Addressed> for Address {
    fn from(address: Addressed) -> Self {
        match address {
            Addressed::Short(_, ShortAddress(short)) => Self::Short(short),
            Addressed::Extended(_, ExtendedAddress(long)) => Self::Extended(Eui64(long.to_be_bytes())),
        }
    }
}
