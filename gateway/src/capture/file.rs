//! The file: pcapng (draft-ietf-opsawg-pcapng) with one interface, which is the transport.

use super::frame;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::pcapng::blocks::interface_statistics::{InterfaceStatisticsBlock, InterfaceStatisticsOption};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::{Endianness, PcapResult};
use std::time::{Duration, SystemTime};
use transports::tap::{Direction, Layer, Passed};

/// "Nanoseconds", as the library writes times.
const NANOSECONDS: u8 = 9;
/// The flags of a frame that came in, and of one that went out.
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;

/// The file as far as it has not been taken yet.
pub(super) struct File {
    writer: PcapNgWriter<Vec<u8>>,
    frames: u64,
    /// Frames that could not be written.
    unwritten: u64,
}

impl File {
    /// A file that begins with what is said of the transport `name`.
    pub(super) fn new(name: &str, layer: Layer) -> PcapResult<Self> {
        let program = concat!("sn-gateway ", env!("CARGO_PKG_VERSION"));
        // The library writes the time of the statistics as one number; only big endian it then is what it should be, two
        // halves with the higher one first.
        let section = SectionHeaderBlock {
            endianness: Endianness::Big,
            options: vec![SectionHeaderOption::UserApplication(program.into())],
            ..SectionHeaderBlock::default()
        };
        let mut writer = PcapNgWriter::with_section_header(Vec::new(), section)?;
        writer.write_pcapng_block(InterfaceDescriptionBlock {
            linktype: frame::link_type(layer),
            snaplen: 0,
            options: vec![
                InterfaceDescriptionOption::IfName(name.to_owned().into()),
                InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
            ],
        })?;
        Ok(Self { writer, frames: 0, unwritten: 0 })
    }

    /// Adds a frame.
    pub(super) fn add(&mut self, passed: &Passed) -> PcapResult<()> {
        let Ok(octets) = frame::octets(passed.direction, &passed.content) else {
            self.unwritten += 1;
            return Ok(());
        };
        let flags = match passed.direction {
            Direction::Received => INBOUND,
            Direction::Sent => OUTBOUND,
        };
        self.writer.write_pcapng_block(EnhancedPacketBlock {
            interface_id: 0,
            timestamp: since_1970(passed.at),
            original_len: octets.len() as u32,
            data: octets.into(),
            options: vec![EnhancedPacketOption::Flags(flags)],
        })?;
        self.frames += 1;
        Ok(())
    }

    /// How many frames have been added.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Ends the file with the numbers of frames that are in it and that are missing.
    pub(super) fn end(&mut self, missed: u64) -> PcapResult<()> {
        let dropped = missed + self.unwritten;
        let timestamp = since_1970(SystemTime::now()).as_nanos() as u64;
        let options = vec![
            InterfaceStatisticsOption::IsbIfRecv(self.frames + dropped),
            InterfaceStatisticsOption::IsbIfDrop(dropped),
        ];
        self.writer.write_pcapng_block(InterfaceStatisticsBlock { interface_id: 0, timestamp, options })?;
        Ok(())
    }

    /// What has been added since the last time.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.writer.get_mut())
    }
}

/// A clock that stands before 1970 is at its beginning.
fn since_1970(at: SystemTime) -> Duration {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
