//! A record of the channel that tshark and Wireshark read.
//!
//! Owns: the file format, which is the classic pcap (draft-ietf-opsawg-pcap) with microseconds. Must not know: what the
//! frames mean. Give [`PcapWriter::frame`] what [`Radio::tap`](crate::radio::Radio::tap) hears, in that order: a
//! frame is heard at its end, so an acknowledgement that overlaps with a longer frame comes first.

use crate::radio::OnAir;
use std::io::{self, Write};

/// "Microseconds, in the byte order of this number"; we write little endian.
const MAGIC: u32 = 0xA1B2_C3D4;
/// Version 2.4.
const VERSION: [u16; 2] = [2, 4];
/// The longest record, in octets: more than any frame.
const SNAPLEN: u32 = 4_096;
/// LINKTYPE_IEEE802_15_4_WITHFCS: from frame control to check sequence.
const LINKTYPE: u32 = 195;

/// Writes frames into a pcap.
#[derive(Debug)]
pub struct PcapWriter<W> {
    out: W,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// As `out` has them.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&MAGIC.to_le_bytes())?;
        VERSION.iter().try_for_each(|part| out.write_all(&part.to_le_bytes()))?;
        // Time zone and accuracy, which nobody uses.
        out.write_all(&[0; 8])?;
        out.write_all(&SNAPLEN.to_le_bytes())?;
        out.write_all(&LINKTYPE.to_le_bytes())?;
        Ok(Self { out })
    }

    /// Writes a frame with the time at which it began.
    ///
    /// # Errors
    /// As `out` has them.
    pub fn frame(&mut self, frame: &OnAir<'_>) -> io::Result<()> {
        let micros = frame.at.as_micros();
        let len = frame.psdu.len() as u32;
        for field in [(micros / 1_000_000) as u32, (micros % 1_000_000) as u32, len, len] {
            self.out.write_all(&field.to_le_bytes())?;
        }
        self.out.write_all(frame.psdu)
    }

    /// Gives back what was written to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radio::{Outcome, Station};
    use sn_types::Instant;

    #[test]
    fn a_record_has_time_length_and_octets() {
        let mut pcap = PcapWriter::new(Vec::new()).expect("memory takes everything");
        let frame = OnAir {
            at: Instant::from_micros(3_000_007),
            airtime_us: 352,
            channel: 15,
            from: Station::Node(0),
            psdu: &[2, 0, 9, 0xAA, 0xBB],
            outcome: Outcome::default(),
        };
        pcap.frame(&frame).expect("memory takes everything");
        let octets = pcap.into_inner();
        assert_eq!(octets[20..24], [195, 0, 0, 0]);
        assert_eq!(octets[24..40], [3, 0, 0, 0, 7, 0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0]);
        assert_eq!(octets[40..], *frame.psdu);
    }
}
