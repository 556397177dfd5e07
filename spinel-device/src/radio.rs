//! What passes between a device and its radio.

use heapless::Vec;
use spinel::{MD_FLAG_ACKED_FP, RawReceived};

/// The longest frame of the air, from frame control to check sequence, in octets.
pub const MAX_PSDU: usize = 127;

/// What the device wants of the radio, or of the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// From now on the radio listens as [`Device::receiver`](crate::Device::receiver) says, whenever it does nothing else.
    Listen,
    /// The radio sends a frame. [`Device::handle_transmitted`](crate::Device::handle_transmitted) follows, whatever happens.
    Transmit(Transmit),
    /// The radio measures how loud a channel is. [`Device::handle_scanned`](crate::Device::handle_scanned) follows.
    Scan {
        /// 11..=26 at 2.4 GHz.
        channel: u8,
        /// How long, in milliseconds.
        duration_ms: u16,
    },
    /// The board restarts; then [`Device::reset`](crate::Device::reset) tells the host. Who has nothing to restart does that
    /// at once.
    Restart,
    /// The board starts its bootloader. Who has none calls [`Device::reset`](crate::Device::reset).
    Bootloader,
}

/// A frame to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// With two octets at its end for the check sequence, which the radio makes. At least 5 octets.
    pub psdu: Vec<u8, MAX_PSDU>,
    /// 11..=26 at 2.4 GHz.
    pub channel: u8,
    /// Unslotted CSMA-CA before each attempt; otherwise it is sent at once.
    pub csma: bool,
    /// How often the channel may be busy in one attempt: macMaxCsmaBackoffs.
    pub max_csma_backoffs: u8,
    /// How often it is sent again if it asks for an acknowledgement and none comes: macMaxFrameRetries.
    pub max_frame_retries: u8,
    /// The power, as near as the radio can.
    pub power_dbm: i8,
}

impl Transmit {
    /// Whether an acknowledgement has to come.
    #[must_use]
    pub fn wants_ack(&self) -> bool {
        self.psdu.first().is_some_and(|control| control & 1 << 5 != 0)
    }

    /// Its number, which the acknowledgement repeats.
    #[must_use]
    pub fn sequence(&self) -> u8 {
        self.psdu.get(2).copied().unwrap_or_default()
    }
}

/// A frame that the radio has received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// From frame control to check sequence, which was right.
    pub psdu: &'a [u8],
    /// In dBm.
    pub rssi_dbm: i8,
    /// Link quality, 0..=255.
    pub lqi: u8,
    /// When its first octet came, by the radio's clock, in microseconds.
    pub at_us: u64,
    /// It was acknowledged with "frame pending".
    pub acked_with_pending: bool,
}

impl<'a> Received<'a> {
    pub(crate) const fn on_channel(&self, channel: u8) -> RawReceived<'a> {
        RawReceived {
            psdu: self.psdu,
            rssi_dbm: Some(self.rssi_dbm),
            flags: Some(if self.acked_with_pending { MD_FLAG_ACKED_FP } else { 0 }),
            channel: Some(channel),
            lqi: Some(self.lqi),
        }
    }
}

/// What became of a frame that was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// It was on the air, and asked for no acknowledgement.
    Sent,
    /// It was acknowledged, with this frame.
    Acknowledged(Received<'a>),
    /// No attempt was acknowledged.
    NoAck,
    /// The channel was never clear.
    ChannelBusy,
}
