//! A frame's octets, and the check sequence that radios add to them.

use core::fmt;
use core::time::Duration;
use crc::{CRC_16_KERMIT, Crc};

/// aMaxPhyPacketSize: the longest frame with its check sequence, in octets (IEEE 802.15.4-2011 §9.2).
pub const MAX_FRAME: usize = 127;
/// The length of the frame check sequence, in octets.
pub const FCS_LEN: usize = 2;
/// The longest frame without its check sequence, in octets.
pub const MAX_PSDU: usize = MAX_FRAME - FCS_LEN;

/// x^16 + x^12 + x^5 + 1, least significant bit first (IEEE 802.15.4-2011 §5.2.1.9).
const FCS: Crc<u16> = Crc::<u16>::new(&CRC_16_KERMIT);

/// A frame from its header to the end of its payload, without check sequence: radios add and check that themselves.
#[derive(Clone, PartialEq, Eq)]
pub struct Psdu {
    len: u8,
    octets: [u8; MAX_PSDU],
}

impl Psdu {
    /// No octets yet.
    pub(crate) const EMPTY: Self = Self { len: 0, octets: [0; MAX_PSDU] };

    /// These octets; `None` if they are more than [`MAX_PSDU`].
    #[must_use]
    pub fn new(octets: &[u8]) -> Option<Self> {
        let mut psdu = Self::EMPTY;
        psdu.push(octets)?;
        Some(psdu)
    }

    /// The octets as they go to the radio.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or(&self.octets)
    }

    pub(crate) fn as_bytes_mut(&mut self) -> &mut [u8] {
        let len = usize::from(self.len).min(MAX_PSDU);
        &mut self.octets[..len]
    }

    /// `None`, and nothing is changed, if there is not that much room left.
    pub(crate) fn push(&mut self, octets: &[u8]) -> Option<()> {
        let from = usize::from(self.len);
        self.octets.get_mut(from..from + octets.len())?.copy_from_slice(octets);
        self.len += octets.len() as u8;
        Some(())
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len as u8);
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.len)
    }
}

impl fmt::Debug for Psdu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// The check sequence of a frame, as it follows it on the air: for captures, and for radios that leave it to their host.
#[must_use]
pub fn fcs(psdu: &[u8]) -> [u8; FCS_LEN] {
    FCS.checksum(psdu).to_le_bytes()
}

/// A captured frame without its check sequence; `None` if that is wrong.
#[must_use]
pub fn check_fcs(frame: &[u8]) -> Option<&[u8]> {
    let (psdu, sequence) = frame.split_last_chunk::<FCS_LEN>()?;
    (*sequence == fcs(psdu)).then_some(psdu)
}

/// How long the same frame again is a copy: a radio repeats one within some tens of milliseconds.
#[cfg(feature = "hub")]
pub(crate) const COPIES_WITHIN: Duration = Duration::from_secs(1);

/// How long a gateway may send the same frame again: whenever the node polls, until macTransactionPersistenceTime is over,
/// 7.68 s by default. A router, too, and also up, when it has lost its parent and found another.
pub(crate) const LATE_COPIES_WITHIN: Duration = Duration::from_secs(8);

/// Tells a frame from others of the same sender: check sequence, sequence number, length.
pub(crate) fn digest(psdu: &[u8]) -> u32 {
    let [a, b] = fcs(psdu);
    u32::from_be_bytes([a, b, psdu.get(2).copied().unwrap_or_default(), psdu.len() as u8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_sequence_is_that_of_the_standards_example() {
        // §5.2.1.9: an acknowledgement 0100 0000 0000 0000 0101 0110 has 0010 0111 1001 1110, lowest bits first.
        assert_eq!(fcs(&[0x02, 0x00, 0x6A]), [0xE4, 0x79]);
        assert_eq!(check_fcs(&[0x02, 0x00, 0x6A, 0xE4, 0x79]), Some(&[0x02, 0x00, 0x6A][..]));
        assert_eq!(check_fcs(&[0x02, 0x00, 0x6B, 0xE4, 0x79]), None);
        assert_eq!(check_fcs(&[0xE4]), None);
    }

    #[test]
    fn what_does_not_fit_is_not_cut_off() {
        let mut psdu = Psdu::new(&[1; MAX_PSDU - 1]).unwrap();
        assert_eq!(psdu.push(&[2, 3]), None);
        assert_eq!(psdu.as_bytes(), [1; MAX_PSDU - 1]);
        assert_eq!(Psdu::new(&[0; MAX_PSDU + 1]), None);
    }
}
