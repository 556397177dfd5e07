//! What of an MAC header a radio looks at: for whom a frame is, from whom, and whether it asks for what waits.
//!
//! Frames of IEEE 802.15.4-2003 to 2011 are read (§5.2 of 2011). Those of 2015 are not: nobody here sends them.

use spinel::Eui64;

/// A station's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// 16 bits. FFFF is everybody.
    Short(u16),
    /// 64 bits, most significant octet first.
    Extended(Eui64),
}

/// The frame types that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Data,
    Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) wants_ack: bool,
    /// PAN and address.
    pub(crate) to: Option<(u16, Address)>,
    pub(crate) from: Option<Address>,
    /// The command "data request" (§5.3.4): its sender wants what waits for it.
    pub(crate) is_data_request: bool,
}

const SECURED: u8 = 1 << 3;
const ACK_REQUEST: u8 = 1 << 5;
/// Both addresses are of the same PAN, which is there once.
const PAN_COMPRESSION: u8 = 1 << 6;
const DATA_REQUEST: u8 = 4;
const FRAME_COUNTER_LEN: usize = 4;

impl Header {
    /// Reads the begin of a frame; `None` if it is none of those that are taken.
    pub(crate) fn read(psdu: &[u8]) -> Option<Self> {
        let mut octets = Octets(psdu);
        let [control, modes, _sequence] = octets.take()?;
        let kind = match control & 7 {
            1 => Kind::Data,
            3 => Kind::Command,
            _ => return None,
        };
        if modes >> 4 & 3 > 1 {
            return None;
        }
        let to = match modes >> 2 & 3 {
            0 => None,
            mode => Some((octets.short()?, octets.address(mode)?)),
        };
        let from = match modes >> 6 & 3 {
            0 => None,
            mode => {
                if control & PAN_COMPRESSION == 0 {
                    octets.short()?;
                }
                Some(octets.address(mode)?)
            }
        };
        let is_data_request = kind == Kind::Command
            && octets.command(control & SECURED != 0).is_some_and(|command| command == DATA_REQUEST);
        Some(Self { kind, wants_ack: control & ACK_REQUEST != 0, to, from, is_data_request })
    }
}

/// What has not been read.
struct Octets<'a>(&'a [u8]);

impl Octets<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (octets, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*octets)
    }

    fn short(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn address(&mut self, mode: u8) -> Option<Address> {
        match mode {
            2 => self.short().map(Address::Short),
            3 => self.take().map(|octets| Address::Extended(u64::from_le_bytes(octets).to_be_bytes())),
            _ => None,
        }
    }

    /// The command's number: never encrypted, after the auxiliary header if there is one (§7.4).
    fn command(&mut self, is_secured: bool) -> Option<u8> {
        if is_secured {
            let [control] = self.take()?;
            let key_id_len = [0, 1, 5, 9][usize::from(control >> 3 & 3)];
            self.0 = self.0.get(FRAME_COUNTER_LEN + key_id_len..)?;
        }
        self.take().map(|[command]| command)
    }
}
