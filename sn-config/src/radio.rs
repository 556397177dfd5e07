//! The keys of a radio, `kind = "ieee802154"`, and their values.

pub use crate::radio_limits::RadioLimitsKeys;

use crate::number::within;
use crate::serial::{DeviceKey, FlowControlKey, ParityKey};
use serde::Deserialize;
use serde::de::{self, Deserializer, Unexpected, Visitor};
use std::fmt;
use transports::ieee802154::{Attachment, Carriages, Level, RadioConfig};
use transports::serial::Line;

/// The rate without the key `baud`: that of the usual builds of `ot-rcp`. USB devices take any.
const BAUD: u32 = 460_800;
/// The PAN without the key `pan_id`: "SN".
const PAN_ID: u16 = 0x534E;
/// MQTT-SN over 6LoWPAN comes in at this UDP port.
const UDP_PORT: u16 = 1_883;

/// The keys of a radio, as they are in the file.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs, reason = "each is the key of that name")]
pub struct RadioKeys {
    pub device: Option<DeviceKey>,
    pub interface: Option<InterfaceKey>,
    pub baud: Option<u32>,
    pub flow_control: Option<FlowControlKey>,
    pub channel: Option<ChannelKey>,
    pub pan_id: Option<u16>,
    pub short_address: Option<u16>,
    pub tx_power_dbm: Option<i8>,
    pub security: Option<SecurityKey>,
    pub carriage: Option<CarriageKey>,
    pub fragment: Option<bool>,
    pub limits: Option<RadioLimitsKeys>,
}

impl RadioKeys {
    /// What the transport takes.
    ///
    /// # Errors
    /// A key is missing, or does not go with another.
    pub fn radio(self) -> Result<RadioConfig, String> {
        let (attachment, channel) = self.attachment()?;
        let radio = RadioConfig {
            attachment,
            channel,
            pan_id: self.pan_id.unwrap_or(PAN_ID),
            short_address: self.short_address,
            tx_power_dbm: self.tx_power_dbm,
            security: self.security.unwrap_or_default().level(),
            carriages: self.carriage.unwrap_or_default().into(),
            fragment: self.fragment.unwrap_or(true),
            limits: self.limits.unwrap_or_default().into(),
        };
        radio.check().map_err(|error| error.to_string())?;
        Ok(radio)
    }

    /// Where the radio is, and its channel.
    fn attachment(&self) -> Result<(Attachment, Option<u8>), String> {
        match (self.device.clone(), self.interface.clone()) {
            (Some(DeviceKey(device)), None) => {
                let ChannelKey(channel) = self.channel.ok_or("`channel` is missing: 11 to 26, or \"auto\"")?;
                let line = Line {
                    device,
                    baud: self.baud.unwrap_or(BAUD),
                    parity: ParityKey::default().into(),
                    flow_control: self.flow_control.unwrap_or_default().into(),
                };
                Ok((Attachment::Rcp(line), channel))
            }
            (None, Some(InterfaceKey(name))) => {
                self.check_interface()?;
                Ok((Attachment::Interface(name), None))
            }
            (Some(_), Some(_)) => Err("`device` and `interface` are two radios; write one of them".into()),
            (None, None) => Err("`device` or `interface` is missing".into()),
        }
    }

    /// What is Linux's, if it drives the radio.
    fn check_interface(&self) -> Result<(), String> {
        let of_lines = [("baud", self.baud.is_some()), ("flow_control", self.flow_control.is_some())];
        if let Some((key, _)) = of_lines.into_iter().find(|(_, is_there)| *is_there) {
            return Err(format!("`{key}` is no key of a radio with `interface`"));
        }
        let of_linux = [("channel", self.channel.is_some()), ("tx_power_dbm", self.tx_power_dbm.is_some())];
        if let Some((key, _)) = of_linux.into_iter().find(|(_, is_there)| *is_there) {
            return Err(format!("`{key}` is no key of a radio with `interface`: its own is set with `iwpan`"));
        }
        if self.security.unwrap_or_default().level().is_some() {
            return Err("Linux drops frames that it has not secured itself; write `security = \"none\"`".into());
        }
        Ok(())
    }
}

/// Reads `pan_id`.
///
/// # Errors
/// It is no such number.
pub fn pan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    within::<0, 0xFFFE, _, _>(deserializer).map(Some)
}

/// Reads `short_address`.
///
/// # Errors
/// It is no such number.
pub fn short<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    within::<0, 0xFFFD, _, _>(deserializer).map(Some)
}

/// `interface`: the name of a network interface.
#[derive(Clone, Debug, PartialEq)]
pub struct InterfaceKey(pub String);

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
pub struct ChannelKey(pub Option<u8>);

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
#[allow(missing_docs, reason = "each is the value of that name in `transports::ieee802154`")]
pub enum SecurityKey {
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
    const fn level(self) -> Option<Level> {
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
#[allow(missing_docs, reason = "each is the value of that name in `transports::ieee802154`")]
pub enum CarriageKey {
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

/// Reads `tx_power_dbm`.
///
/// # Errors
/// It is no such number.
pub fn power<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i8>, D::Error> {
    let power = i64::deserialize(deserializer)?;
    let dbm = i8::try_from(power).ok().filter(|dbm| (-40..=30).contains(dbm));
    let wrong = || de::Error::invalid_value(Unexpected::Signed(power), &"a power from -40 to 30, in dBm");
    dbm.ok_or_else(wrong).map(Some)
}
