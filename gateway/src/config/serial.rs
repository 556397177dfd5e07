//! The values of the keys of a serial line, `kind = "serial"`.

use serde::{Deserialize, Deserializer, de};
use std::time::Duration;
use transports::serial::{Device, Family, FlowControl, Framing, Parity};

/// The rate without the key `baud`.
pub(super) const BAUD: u32 = 115_200;
/// The silence without the key `gap_ms`: longer than an octet at 300 Bd, and than USB adapters hold octets back.
pub(super) const GAP: Duration = Duration::from_millis(100);

/// `device`
pub(super) struct DeviceKey(pub(super) Device);

impl<'de> Deserialize<'de> for DeviceKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

/// The values of `framing`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FramingKey {
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
    pub(super) const fn mtu(self) -> u16 {
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
pub(super) enum ParityKey {
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
pub(super) enum FlowControlKey {
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
