//! Which frames the radio takes, and what it acknowledges them with.

use crate::header::{Address, Header};
use crate::pending::Pending;
use spinel::Eui64;

/// How the radio is to listen, whenever it does not send or scan. A plain value: a copy of it is what an interrupt needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver<const N: usize> {
    /// Whether it listens at all.
    pub is_on: bool,
    /// 11..=26 at 2.4 GHz.
    pub channel: u8,
    /// Our PAN; FFFF: none.
    pub pan_id: u16,
    /// FFFE and FFFF: none.
    pub short_address: u16,
    /// Most significant octet first.
    pub extended_address: Eui64,
    /// Takes all frames, whoever they are for.
    pub is_promiscuous: bool,
    /// What waits for whom.
    pub pending: Pending<N>,
}

/// What to do with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is for others.
    Ignore,
    /// [`Device::handle_received`](crate::Device::handle_received).
    Take,
    /// The same, and an acknowledgement first, a turnaround after the frame's end.
    Acknowledge {
        /// With this "frame pending".
        pending: bool,
    },
}

/// Everybody, or every PAN.
const ALL: u16 = 0xFFFF;
/// The least short address that is nobody's own.
const NO_SHORT_ADDRESS: u16 = 0xFFFE;

impl<const N: usize> Receiver<N> {
    /// What to do with a frame whose check sequence is right. Quick enough for the turnaround before an acknowledgement; a
    /// frame's first 24 octets are all that it looks at, or 38 if it is secured.
    #[must_use]
    pub fn judge(&self, psdu: &[u8]) -> Verdict {
        let unwanted = if self.is_promiscuous { Verdict::Take } else { Verdict::Ignore };
        let Some(header) = Header::read(psdu) else { return unwanted };
        match header.to {
            Some((pan, Address::Short(ALL))) if self.is_ours(pan) => Verdict::Take,
            Some((pan, to)) if self.is_ours(pan) && self.is_us(to) => match header.wants_ack {
                true => Verdict::Acknowledge { pending: self.is_pending(&header) },
                false => Verdict::Take,
            },
            Some((_, Address::Short(_) | Address::Extended(_))) | None => unwanted,
        }
    }

    const fn is_ours(&self, pan: u16) -> bool {
        pan == self.pan_id || pan == ALL
    }

    fn is_us(&self, to: Address) -> bool {
        match to {
            Address::Short(short) => short == self.short_address && short < NO_SHORT_ADDRESS,
            Address::Extended(extended) => extended == self.extended_address,
        }
    }

    fn is_pending(&self, header: &Header) -> bool {
        header.is_data_request && header.from.is_some_and(|from| self.pending.is_for(from))
    }
}
