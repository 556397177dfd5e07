//! A record of the channel that tshark and Wireshark read.
//!
//! Owns: which kind of file it is: the classic pcap (draft-ietf-opsawg-pcap) with microseconds. Must not know: what the frames
//! mean. Give [`PcapWriter::frame`] what [`Radio::tap`](crate::radio::Radio::tap) hears, in that order: a
//! frame is heard at its end, so an acknowledgement that overlaps with a longer frame comes first.

use crate::radio::OnAir;
use pcap_file::pcap::{PcapHeader, PcapPacket};
use pcap_file::{DataLink, Endianness, PcapError, TsResolution};
use std::io::{self, Write};
use std::time::Duration;

/// The longest record, in octets: more than any frame.
const SNAPLEN: u32 = 4_096;

/// Writes frames into a pcap.
#[derive(Debug)]
pub struct PcapWriter<W: Write>(pcap_file::pcap::PcapWriter<W>);

impl<W: Write> PcapWriter<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// As `out` has them.
    pub fn new(out: W) -> io::Result<Self> {
        let header = PcapHeader {
            endianness: Endianness::Little,
            ts_resolution: TsResolution::MicroSecond,
            snaplen: SNAPLEN,
            // From frame control to check sequence.
            datalink: DataLink::IEEE802_15_4,
            ..PcapHeader::default()
        };
        pcap_file::pcap::PcapWriter::with_header(out, header).map(Self).map_err(io_error)
    }

    /// Writes a frame with the time at which it began.
    ///
    /// # Errors
    /// As `out` has them.
    pub fn frame(&mut self, frame: &OnAir<'_>) -> io::Result<()> {
        let began = Duration::from_micros(frame.at.as_micros());
        let packet = PcapPacket::new(began, frame.psdu.len() as u32, frame.psdu);
        self.0.write_packet(&packet).map(drop).map_err(io_error)
    }

    /// Gives back what was written to.
    pub fn into_inner(self) -> W {
        self.0.into_writer()
    }
}

fn io_error(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
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
