//! The values of STREAM_RAW: frames of IEEE 802.15.4 to and from the air, with what belongs to them.

use super::names::Status;
use super::pack::{Fields, data, packed};

/// The length of the frame check sequence. The radio writes and checks it, but its octets are there.
pub const FCS_LEN: usize = 2;

/// A frame that the radio has received. Radios leave out what they do not know at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawReceived<'a> {
    /// With its frame check sequence.
    pub psdu: &'a [u8],
    /// In dBm.
    pub rssi_dbm: Option<i8>,
    /// Of `MD_FLAG_*`, if the radio says that much.
    pub flags: Option<u16>,
    /// 11..=26 at 2.4 GHz.
    pub channel: Option<u8>,
    /// Link quality, 0..=255.
    pub lqi: Option<u8>,
}

/// The radio has sent it, and not received.
pub const MD_FLAG_TX: u16 = 0x0001;
/// The frame check sequence is wrong.
pub const MD_FLAG_BAD_FCS: u16 = 0x0004;
/// It was acknowledged with "frame pending".
pub const MD_FLAG_ACKED_FP: u16 = 0x0010;

/// Channel, link quality, time.
const PHY_LEN: u8 = 1 + 1 + 8;

/// "Unknown", as radios have it for RSSI and noise.
const UNKNOWN: i8 = -128;

impl<'a> RawReceived<'a> {
    /// Reads what there is; `None` without a frame.
    #[must_use]
    pub fn decode(value: &'a [u8]) -> Option<Self> {
        let mut fields = Fields::new(value);
        let psdu = fields.data()?;
        let rssi_dbm = fields.signed().filter(|rssi| *rssi != UNKNOWN);
        let _noise = fields.signed();
        let flags = fields.short();
        let mut phy = Fields::new(fields.data().unwrap_or_default());
        Some(Self { psdu, rssi_dbm, flags, channel: phy.octet(), lqi: phy.octet() })
    }

    /// As OpenThread's radio writes it, received at `at_us` by the radio's clock.
    pub fn octets(self, at_us: u64) -> impl Iterator<Item = u8> + Clone + 'a {
        let [low, high] = self.flags.unwrap_or_default().to_le_bytes();
        let measured = [self.rssi_dbm.unwrap_or(UNKNOWN) as u8, UNKNOWN as u8, low, high];
        let phy = [PHY_LEN, 0, self.channel.unwrap_or_default(), self.lqi.unwrap_or_default()];
        // The receive error: none.
        let error = [1, 0, 0];
        data(self.psdu).chain(measured).chain(phy).chain(at_us.to_le_bytes()).chain(error)
    }
}

/// A frame that the radio is to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawTransmit<'a> {
    /// With two octets at its end for the frame check sequence, whatever they are.
    pub psdu: &'a [u8],
    /// 11..=26 at 2.4 GHz.
    pub channel: u8,
    /// How often the channel may be busy.
    pub max_csma_backoffs: u8,
    /// How often it is sent again without acknowledgement.
    pub max_frame_retries: u8,
    /// Look whether the channel is clear.
    pub csma: bool,
    /// The host has secured it: the radio must write no frame counter, and encrypt nothing.
    pub secured: bool,
}

impl<'a> RawTransmit<'a> {
    /// The value to set.
    pub fn octets(self) -> impl Iterator<Item = u8> + Clone + 'a {
        let how = [self.channel, self.max_csma_backoffs, self.max_frame_retries, u8::from(self.csma)];
        // Header updated, a retransmission, security processed: radios of Nordic leave the frame counter alone only if
        // it is a retransmission, too.
        let secured = [u8::from(self.secured); 3];
        // No delay, and no time from which it counts; then back to the same channel.
        data(self.psdu).chain(how).chain(secured).chain([0; 8]).chain([self.channel])
    }

    /// Reads it, with the defaults of OpenThread's radio for what is missing after the channel.
    #[must_use]
    pub fn decode(value: &'a [u8]) -> Option<Self> {
        let mut fields = Fields::new(value);
        Some(Self {
            psdu: fields.data()?,
            channel: fields.octet()?,
            max_csma_backoffs: fields.octet().unwrap_or(4),
            max_frame_retries: fields.octet().unwrap_or(15),
            csma: fields.boolean().unwrap_or(true),
            secured: [fields.boolean(), fields.boolean(), fields.boolean()] == [Some(true); 3],
        })
    }
}

/// What became of a frame: the value of LAST_STATUS that answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawSent {
    /// OK, NO_ACK, CCA_FAILURE and others.
    pub status: Status,
    /// The acknowledgement says that the receiver has something for us.
    pub frame_pending: bool,
}

impl RawSent {
    /// Reads it. The acknowledgement's frame may follow; "frame pending" is the same there.
    #[must_use]
    pub fn decode(value: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(value);
        let status = Status(fields.packed()?);
        Some(Self { status, frame_pending: fields.boolean().unwrap_or_default() })
    }

    /// As OpenThread's radio writes it; `ack`: the acknowledgement, if there was one.
    pub fn octets<'a>(self, ack: Option<RawReceived<'a>>, at_us: u64) -> impl Iterator<Item = u8> + Clone + 'a {
        let none = RawReceived { psdu: &[], rssi_dbm: Some(0), flags: Some(0), channel: None, lqi: None };
        let ack = (self.status == Status::OK).then(|| ack.unwrap_or(none).octets(at_us));
        packed(self.status.0).chain([u8::from(self.frame_pending), 0]).chain(ack.into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const PSDU: &[u8] = &[0x61, 0x88, 7, 0xCD, 0xAB, 0, 0];
    const RECEIVED: RawReceived<'static> = RawReceived {
        psdu: PSDU,
        rssi_dbm: Some(-61),
        flags: Some(MD_FLAG_ACKED_FP),
        channel: Some(15),
        lqi: Some(200),
    };

    #[test]
    fn received_frames_come_with_what_the_radio_measured() {
        let value: Vec<u8> = RECEIVED.octets(9).collect();
        assert_eq!(RawReceived::decode(&value), Some(RECEIVED));
    }

    #[test]
    fn metadata_may_end_anywhere() {
        let whole: Vec<u8> = RECEIVED.octets(9).collect();
        for len in 2 + PSDU.len()..whole.len() {
            let cut = RawReceived::decode(&whole[..len]).expect("the frame is there");
            assert_eq!(cut.psdu, PSDU);
        }
        assert_eq!(RawReceived::decode(&whole[..2 + PSDU.len()]).unwrap().rssi_dbm, None);
        assert_eq!(RawReceived::decode(&whole[..1 + PSDU.len()]), None);
    }

    #[test]
    fn a_secured_frame_is_marked_so_that_no_radio_touches_it() {
        let transmit = RawTransmit {
            psdu: PSDU,
            channel: 15,
            max_csma_backoffs: 4,
            max_frame_retries: 3,
            csma: true,
            secured: true,
        };
        let value: Vec<u8> = transmit.octets().collect();
        assert_eq!(value[2 + PSDU.len()..], [15, 4, 3, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 15]);
        assert_eq!(RawTransmit::decode(&value), Some(transmit));
        let plain = RawTransmit { secured: false, ..transmit };
        assert!(plain.octets().skip(2 + PSDU.len() + 4).take(3).eq([0, 0, 0]));
    }

    #[test]
    fn the_answer_says_what_became_of_it() {
        for (status, frame_pending) in [(Status::OK, true), (Status::NO_ACK, false), (Status::CCA_FAILURE, false)] {
            let sent = RawSent { status, frame_pending };
            let value: Vec<u8> = sent.octets(Some(RECEIVED), 0).collect();
            assert_eq!(RawSent::decode(&value), Some(sent));
        }
        assert_eq!(RawSent::decode(&[12]), Some(RawSent { status: Status::BUSY, frame_pending: false }));
        assert_eq!(RawSent::decode(&[]), None);
    }
}
