//! The keys of a serial line, `kind = "serial"`, and their values.

use crate::number::within;
use serde::{Deserialize, Deserializer, de};
use std::time::Duration;
use transports::serial::{Device, Family, FlowControl, Framing, Parity, SerialConfig};

/// The rate without the key `baud`.
const BAUD: u32 = 115_200;
/// The silence without the key `gap_ms`: longer than an octet at 300 Bd, and than USB adapters hold octets back.
const GAP: Duration = Duration::from_millis(100);

/// The keys of a line, as they are in the file.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs, reason = "each is the key of that name")]
pub struct LineKeys {
    pub device: Option<DeviceKey>,
    pub framing: Option<FramingKey>,
    pub baud: Option<u32>,
    pub parity: Option<ParityKey>,
    pub flow_control: Option<FlowControlKey>,
    pub mtu: Option<u16>,
    pub gap_ms: Option<u64>,
}

impl LineKeys {
    /// What the transport takes.
    ///
    /// # Errors
    /// A key is missing, or does not go with another.
    pub fn line(self) -> Result<SerialConfig, String> {
        let DeviceKey(device) = self.device.ok_or("`device` is missing")?;
        let framing = self.framing.ok_or("`framing` is missing")?;
        if self.gap_ms.is_some() && framing != FramingKey::Raw {
            return Err("`gap_ms` is of use with `framing = \"raw\"` only".into());
        }
        Ok(SerialConfig {
            device,
            baud: self.baud.unwrap_or(BAUD),
            parity: self.parity.unwrap_or_default().into(),
            flow_control: self.flow_control.unwrap_or_default().into(),
            mtu: self.mtu.unwrap_or_else(|| framing.mtu()),
            gap: self.gap_ms.map_or(GAP, Duration::from_millis),
            framing: framing.into(),
        })
    }
}

/// Reads `mtu`.
///
/// # Errors
/// It is no such number.
pub fn mtu<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    within::<32, 65_250, _, _>(deserializer).map(Some)
}

/// Reads `baud`.
///
/// # Errors
/// It is no such number.
pub fn baud<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    within::<50, 4_000_000, _, _>(deserializer).map(Some)
}

/// Reads `gap_ms`.
///
/// # Errors
/// It is no such number.
pub fn gap<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    within::<1, 60_000, _, _>(deserializer).map(Some)
}

/// `device`
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceKey(pub Device);

impl<'de> Deserialize<'de> for DeviceKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

/// The values of `framing`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is the value of that name in `transports::serial`")]
pub enum FramingKey {
    Raw,
    Slip,
    SlipCrc,
    Hdlc,
    Cobs,
    Xbee,
    XbeeEscaped,
    #[serde(rename = "xbee-802.15.4")]
    Xbee802154,
    #[serde(rename = "xbee-802.15.4-escaped")]
    Xbee802154Escaped,
}

impl FramingKey {
    /// The longest datagram without the key `mtu`: what the radio carries, or what is reasonable on a line.
    #[must_use]
    pub const fn mtu(self) -> u16 {
        match self {
            Self::Raw | Self::Slip | Self::SlipCrc | Self::Hdlc | Self::Cobs => 1_024,
            Self::Xbee | Self::XbeeEscaped => 72,
            Self::Xbee802154 | Self::Xbee802154Escaped => 100,
        }
    }
}

impl From<FramingKey> for Framing {
    fn from(key: FramingKey) -> Self {
        let xbee = |family, with_escapes| Self::XBee { family, with_escapes };
        match key {
            FramingKey::Raw => Self::Raw,
            FramingKey::Slip => Self::Slip { with_crc: false },
            FramingKey::SlipCrc => Self::Slip { with_crc: true },
            FramingKey::Hdlc => Self::Hdlc,
            FramingKey::Cobs => Self::Cobs,
            FramingKey::Xbee => xbee(Family::DigiMesh, false),
            FramingKey::XbeeEscaped => xbee(Family::DigiMesh, true),
            FramingKey::Xbee802154 => xbee(Family::Ieee802154, false),
            FramingKey::Xbee802154Escaped => xbee(Family::Ieee802154, true),
        }
    }
}

/// The values of `parity`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is the value of that name in `transports::serial`")]
pub enum ParityKey {
    #[default]
    None,
    Odd,
    Even,
}

impl From<ParityKey> for Parity {
    fn from(key: ParityKey) -> Self {
        match key {
            ParityKey::None => Self::None,
            ParityKey::Odd => Self::Odd,
            ParityKey::Even => Self::Even,
        }
    }
}

/// The values of `flow_control`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is the value of that name in `transports::serial`")]
pub enum FlowControlKey {
    #[default]
    None,
    Hardware,
    Software,
}

impl From<FlowControlKey> for FlowControl {
    fn from(key: FlowControlKey) -> Self {
        match key {
            FlowControlKey::None => Self::None,
            FlowControlKey::Hardware => Self::Hardware,
            FlowControlKey::Software => Self::Software,
        }
    }
}
