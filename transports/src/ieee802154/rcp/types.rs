//! What goes into a radio's driver and comes out of it.

use spinel::{Capability, Eui64, Status};
use std::fmt;

/// How a radio is to be set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Frames of other PANs are not heard.
    pub pan_id: u16,
    /// 11..=26; `None`: the quietest, by a look at all of them.
    pub channel: Option<u8>,
    /// Ours within the PAN; FFFE is "none".
    pub short_address: u16,
    /// Ours in the place of the one burnt in.
    pub long_address: Option<Eui64>,
    /// `None`: the radio's own.
    pub tx_power_dbm: Option<i8>,
}

/// What a radio has said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Of Spinel: major and minor.
    pub protocol: (u32, u32),
    /// Of its firmware.
    pub version: String,
    /// Burnt in.
    pub hwaddr: Eui64,
    /// In use.
    pub address: Eui64,
    /// In use.
    pub channel: u8,
    /// All that it has named.
    pub capabilities: Vec<Capability>,
    /// It can tell a node that asks whether a frame waits for it.
    pub matches_sources: bool,
    /// The power in use, if the radio has taken one.
    pub tx_power_dbm: Option<i8>,
    /// How loud the channels were, if that was looked at.
    pub energy: Vec<Energy>,
}

impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, protocol: (major, minor), address, channel, .. } = self;
        write!(f, "radio {} with {version} (Spinel {major}.{minor}), channel {channel}", sn_types::Eui64(*address))?;
        if let Some(loudest) = self.energy.iter().find(|energy| energy.channel == *channel) {
            write!(f, ", the quietest of {} with {} dBm", self.energy.len(), loudest.dbm)?;
        }
        self.tx_power_dbm.map_or(Ok(()), |dbm| write!(f, ", sends with {dbm} dBm"))
    }
}

/// How loud it was on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Energy {
    /// 11..=26.
    pub channel: u8,
    /// The highest power, in dBm.
    pub dbm: i8,
}

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The radio is set up and receives.
    Up(Box<Info>),
    /// It does not, for this reason, and is started again; told once for each reason until it is up.
    Down(String),
    /// A frame.
    Received(Received),
    /// What became of the frame that was transmitted.
    Sent(Sent),
    /// All channels of a scan, as far as the radio has answered.
    Scanned(Vec<Energy>),
}

/// A frame from the air.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Without its frame check sequence.
    pub frame: Vec<u8>,
    /// In dBm, if the radio knows.
    pub rssi_dbm: Option<i8>,
    /// Link quality, 0..=255, if the radio knows.
    pub lqi: Option<u8>,
    /// Whether its sender was told that something waits for it, if the radio says so: then it listens now.
    pub acked_with_pending: Option<bool>,
}

/// A frame for the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit<'a> {
    /// Without its frame check sequence; at most 125 octets.
    pub frame: &'a [u8],
    /// How often it is sent again without acknowledgement.
    pub max_frame_retries: u8,
    /// It has a security header, and has been secured.
    pub secured: bool,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It was acknowledged, or asked for no acknowledgement.
    Done {
        /// The receiver has something for us.
        frame_pending: bool,
    },
    /// Nobody has acknowledged it.
    NoAck,
    /// The channel was never clear.
    ChannelBusy,
    /// The radio has not sent it.
    Refused(Status),
    /// The radio has gone or was reset meanwhile: perhaps it was sent.
    Unknown,
}

/// The radio is not up, or busy with another frame or a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotReady;

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the radio is not ready")
    }
}

impl std::error::Error for NotReady {}
