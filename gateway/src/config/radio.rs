//! The values of the keys of a radio, `kind = "ieee802154"`.

use serde::Deserialize;
use serde::de::{self, Deserializer, Unexpected, Visitor};
use std::fmt;
use transports::ieee802154::{Carriages, Level};

/// The rate without the key `baud`: that of the usual builds of `ot-rcp`. USB devices take any.
pub(super) const BAUD: u32 = 460_800;
/// The PAN without the key `pan_id`: "SN".
pub(super) const PAN_ID: u16 = 0x534E;
/// MQTT-SN over 6LoWPAN comes in at this UDP port.
const UDP_PORT: u16 = 1_883;

/// `interface`: the name of a network interface.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct InterfaceKey(pub(super) String);

impl<'de> Deserialize<'de> for InterfaceKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        // As Linux has it.
        let is_name =
            matches!(name.len(), 1..=15) && !name.contains(|c: char| c == '/' || c == ':' || c.is_whitespace());
        let what = "the name of a network interface, for example \"wpan0\"";
        if is_name { Ok(Self(name)) } else { Err(de::Error::invalid_value(Unexpected::Str(&name), &what)) }
    }
}

/// `channel`: 11..=26, or `None` for "auto".
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ChannelKey(pub(super) Option<u8>);

impl<'de> Deserialize<'de> for ChannelKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Channel)
    }
}

struct Channel;

impl Visitor<'_> for Channel {
    type Value = ChannelKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a channel from 11 to 26, or \"auto\"")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<ChannelKey, E> {
        let channel = u8::try_from(number).ok().filter(|channel| (11..=26).contains(channel));
        channel
            .map(|channel| ChannelKey(Some(channel)))
            .ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ChannelKey, E> {
        (text == "auto").then_some(ChannelKey(None)).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// The values of `security`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub(super) enum SecurityKey {
    #[serde(rename = "none")]
    None,
    #[serde(rename = "mic-32")]
    Mic32,
    #[default]
    #[serde(rename = "mic-64")]
    Mic64,
    #[serde(rename = "mic-128")]
    Mic128,
}

impl SecurityKey {
    pub(super) const fn level(self) -> Option<Level> {
        match self {
            Self::None => None,
            Self::Mic32 => Some(Level::Mic32),
            Self::Mic64 => Some(Level::Mic64),
            Self::Mic128 => Some(Level::Mic128),
        }
    }
}

/// The values of `carriage`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub(super) enum CarriageKey {
    #[serde(rename = "bare")]
    Bare,
    #[serde(rename = "6lowpan")]
    Lowpan,
    #[default]
    #[serde(rename = "both")]
    Both,
}

impl From<CarriageKey> for Carriages {
    fn from(key: CarriageKey) -> Self {
        match key {
            CarriageKey::Bare => Self::Bare,
            CarriageKey::Lowpan => Self::Udp(UDP_PORT),
            CarriageKey::Both => Self::Both(UDP_PORT),
        }
    }
}

/// `tx_power_dbm`
pub(super) fn power<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i8>, D::Error> {
    let power = i64::deserialize(deserializer)?;
    let dbm = i8::try_from(power).ok().filter(|dbm| (-40..=30).contains(dbm));
    let wrong = || de::Error::invalid_value(Unexpected::Signed(power), &"a power from -40 to 30, in dBm");
    dbm.ok_or_else(wrong).map(Some)
}
