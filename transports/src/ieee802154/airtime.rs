//! How long the radio has been sending, as far as it says.
//!
//! Every frame and fragment counts, and so do the acknowledgements that the chip sends by itself. How often a frame was repeated
//! before it was acknowledged an RCP does not say: it counts once. One that nobody acknowledged was sent as often as it may be.

use super::MAX_FRAME_RETRIES;
use super::rcp::Sent;
use std::time::Duration;

/// Preamble, start of frame and length, in octets.
const PHY_HEADER: u32 = 4 + 1 + 1;
/// The frame check sequence, which frames here come and go without.
const FCS: u32 = 2;
/// An acknowledgement: frame control, sequence number, check sequence.
const ACK: u32 = 2 + 1 + FCS;
/// An octet at 250 kbit/s.
const OCTET: Duration = Duration::from_micros(32);
/// In the first octet of frame control: whoever receives the frame acknowledges it.
const ACK_REQUEST: u8 = 0x20;

/// What has not been asked for yet.
#[derive(Debug, Default)]
pub(super) struct Airtime(Duration);

impl Airtime {
    /// This is what became of a frame of so many octets, without check sequence.
    pub(super) fn sent(&mut self, octets: usize, sent: Sent) {
        let times = match sent {
            Sent::Done { .. } => 1,
            Sent::NoAck | Sent::Unknown => 1 + u32::from(MAX_FRAME_RETRIES),
            Sent::ChannelBusy | Sent::Refused(_) => 0,
        };
        self.0 += OCTET * (PHY_HEADER + octets as u32 + FCS) * times;
    }

    /// This frame was received.
    pub(super) fn received(&mut self, frame: &[u8]) {
        if frame.first().is_some_and(|control| control & ACK_REQUEST != 0) {
            self.0 += OCTET * (PHY_HEADER + ACK);
        }
    }

    /// How long it has been sending since this was asked last.
    pub(super) fn take(&mut self) -> Duration {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_count_as_often_as_they_were_sent_and_acknowledgements_too() {
        let mut airtime = Airtime::default();
        airtime.sent(120, Sent::Done { frame_pending: false });
        assert_eq!(airtime.take(), Duration::from_micros(128 * 32));
        airtime.sent(120, Sent::NoAck);
        airtime.sent(120, Sent::ChannelBusy);
        assert_eq!(airtime.take(), Duration::from_micros(4 * 128 * 32));
        airtime.received(&[0x61, 0xC8]);
        airtime.received(&[0x41, 0xC8]);
        assert_eq!(airtime.take(), Duration::from_micros(11 * 32));
        assert_eq!(airtime.take(), Duration::ZERO);
    }
}
