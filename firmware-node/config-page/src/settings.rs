//! The settings and their text: one `name=value` per line.

use crate::page::CHECK;
use crate::text::{decimal, hexadecimal};
use core::fmt::{self, Write};
use core::str::FromStr;
use heapless::String;
use sn_types::{Eui64, LinkKey};

/// The longest text that [`Settings`] write, in octets.
pub const MAX_TEXT_LEN: usize = 512;

/// What may be changed over the air. Nothing in it can make the node unreachable.
pub const RUN_TIME: [&str; 3] = ["report", "fetch", "target"];

/// An MQTT-SN client id.
pub type ClientId = String<23>;

/// What a node is told. All numbers of the radio are written in hexadecimal digits, all others in decimal ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `pan`: 0..=FFFE.
    pub pan: u16,
    /// `channel`: 11..=26, in decimal digits.
    pub channel: u8,
    /// `power`: -40..=8, in dBm.
    pub power_dbm: i8,
    /// `gateway`: the gateway's extended address.
    pub gateway: Option<Eui64>,
    /// `gateway-short`: its short address, 0..=FFFD, or `none`.
    pub gateway_short: Option<u16>,
    /// `udp`: the gateway's UDP port if datagrams travel in 6LoWPAN, or `none` if they do so bare.
    pub udp: Option<u16>,
    /// `eui64`: the node's own extended address, or `none` for the chip's.
    pub eui64: Option<Eui64>,
    /// `key`: 32 digits, or `none` for an open link.
    pub key: Option<LinkKey>,
    /// `level`: 5, 6 or 7: how a link with a key is secured.
    pub level: u8,
    /// `client`: the MQTT-SN client id, 1 to 23 octets.
    pub client: ClientId,
    /// `base`: what the node's topics begin with, 1 to 40 octets. It takes settings from `<base>/config`, and tells of
    /// faults at `<base>/fault`.
    pub base: String<40>,
    /// `target`: where it reports, up to 64 octets; empty: `<base>/report`. Not where it takes settings or tells of faults.
    pub target: String<64>,
    /// `report`: how often, 10 to 86,400 s.
    pub report_s: u32,
    /// `fetch`: how often it asks for messages, 10 to 86,400 s.
    pub fetch_s: u32,
}

/// Why a text is no settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// A line is not `name=value`.
    Line,
    /// There is no setting of this name, or none that may be changed over the air.
    Name,
    /// The named setting cannot have this value.
    Value(&'static str),
    /// The named setting is needed and not there.
    Missing(&'static str),
}

impl Error {
    /// What is wrong: to be written one after the other.
    #[must_use]
    pub const fn parts(&self) -> [&'static str; 2] {
        match self {
            Self::Line => ["", "a line is not name=value"],
            Self::Name => ["", "no such setting"],
            Self::Value(name) => [name, ": no such value"],
            Self::Missing(name) => [name, " is missing"],
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().into_iter().try_for_each(|part| f.write_str(part))
    }
}

impl core::error::Error for Error {}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

impl Settings {
    /// Nothing told yet: [`Settings::check`] says what is missing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            pan: 0xFFFF,
            channel: 0,
            power_dbm: 0,
            gateway: None,
            gateway_short: None,
            udp: None,
            eui64: None,
            key: None,
            level: 5,
            client: String::new(),
            base: String::new(),
            target: String::new(),
            report_s: 300,
            fetch_s: 900,
        }
    }

    /// Whether a node can work with it.
    ///
    /// # Errors
    /// [`Error::Missing`] names the first setting that is not there.
    pub fn check(&self) -> Result<(), Error> {
        let there = [
            ("pan", self.pan != 0xFFFF),
            ("channel", self.channel != 0),
            ("gateway", self.gateway.is_some()),
            ("client", !self.client.is_empty()),
            ("base", !self.base.is_empty()),
        ];
        match there.into_iter().find(|(_, is_there)| !is_there) {
            Some((name, _)) => Err(Error::Missing(name)),
            None => Ok(()),
        }
    }

    /// What frame counters belong to: a checksum of the gateway's address and the key.
    #[must_use]
    pub fn link(&self) -> u32 {
        let mut digest = CHECK.digest();
        if let Some(gateway) = self.gateway {
            digest.update(&gateway.0);
        }
        if let Some(key) = &self.key {
            digest.update(&key.0);
        }
        digest.finalize()
    }

    /// Takes settings from lines; blanks around them do not matter. All of them, or if one is wrong, none.
    ///
    /// # Errors
    /// What is wrong with the first line that is.
    pub fn apply(&mut self, text: &str) -> Result<(), Error> {
        self.apply_where(text, |_| true).map(|_| ())
    }

    /// The same for what comes over the air: [`RUN_TIME`] only. Lines may also be parted by blanks. Says whether anything has
    /// changed.
    ///
    /// # Errors
    /// What is wrong with the first setting that is.
    pub fn apply_at_run_time(&mut self, text: &str) -> Result<bool, Error> {
        self.apply_where(text, |name| RUN_TIME.contains(&name))
    }

    /// What was kept. Settings that only a newer image knows are left out.
    pub(crate) fn kept(text: &str) -> Option<Self> {
        let mut settings = Self::new();
        for line in text.split_ascii_whitespace() {
            if !matches!(settings.apply(line), Ok(()) | Err(Error::Name)) {
                return None;
            }
        }
        Some(settings)
    }

    fn apply_where(&mut self, text: &str, may: fn(&str) -> bool) -> Result<bool, Error> {
        let mut changed = self.clone();
        for line in text.split_ascii_whitespace() {
            let (name, value) = line.split_once('=').ok_or(Error::Line)?;
            if !may(name) {
                return Err(Error::Name);
            }
            changed.set(name, value)?;
        }
        if changed.reports_to_itself() {
            return Err(Error::Value("target"));
        }
        let is_new = changed != *self;
        *self = changed;
        Ok(is_new)
    }

    /// Its reports would be settings, each of which it refuses with a fault; or they would look like faults.
    fn reports_to_itself(&self) -> bool {
        let leaf = self.target.strip_prefix(&*self.base).and_then(|rest| rest.strip_prefix('/'));
        matches!(leaf, Some("config" | "fault"))
    }

    /// Sets one.
    ///
    /// # Errors
    /// [`Error::Name`] and [`Error::Value`].
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        match name {
            "pan" => self.pan = short(value, 0xFFFE).ok_or(Error::Value("pan"))?,
            "channel" => self.channel = number(value, 11, 26).ok_or(Error::Value("channel"))? as u8,
            "power" => self.power_dbm = number(value, -40, 8).ok_or(Error::Value("power"))? as i8,
            "gateway" => self.gateway = Some(value.parse().map_err(|_| Error::Value("gateway"))?),
            "gateway-short" => {
                self.gateway_short =
                    optional(value, |value| short(value, 0xFFFD)).ok_or(Error::Value("gateway-short"))?;
            }
            "udp" => self.udp = optional(value, port).ok_or(Error::Value("udp"))?,
            "eui64" => self.eui64 = optional(value, parse).ok_or(Error::Value("eui64"))?,
            "key" => self.key = optional(value, parse).ok_or(Error::Value("key"))?,
            "level" => self.level = number(value, 5, 7).ok_or(Error::Value("level"))? as u8,
            "client" => self.client = name_of(value, 1).ok_or(Error::Value("client"))?,
            "base" => self.base = topic(value, 1).ok_or(Error::Value("base"))?,
            "target" => self.target = topic(value, 0).ok_or(Error::Value("target"))?,
            "report" => self.report_s = seconds(value).ok_or(Error::Value("report"))?,
            "fetch" => self.fetch_s = seconds(value).ok_or(Error::Value("fetch"))?,
            _ => return Err(Error::Name),
        }
        Ok(())
    }

    /// Their text, as [`Settings::apply`] reads it. The key is in it: who can read a node's flash has that anyway.
    #[must_use]
    pub fn to_text(&self) -> String<MAX_TEXT_LEN> {
        self.text_with(self.key.as_ref())
    }

    /// The same without the key, for eyes.
    #[must_use]
    pub fn to_text_without_key(&self) -> String<MAX_TEXT_LEN> {
        self.text_with(None)
    }

    fn text_with(&self, key: Option<&LinkKey>) -> Text {
        let mut text = String::new();
        // The longest settings fit, which a test shows; were they cut off, the text would not say what was meant.
        self.write(&mut text, key).map(|()| text).unwrap_or_default()
    }

    fn write(&self, out: &mut Text, key: Option<&LinkKey>) -> fmt::Result {
        if self.pan != 0xFFFF {
            hex_line(out, "pan=", &self.pan.to_be_bytes())?;
        }
        if self.channel != 0 {
            line(out, "channel=", self.channel.into())?;
        }
        let power = if self.power_dbm < 0 { "power=-" } else { "power=" };
        line(out, power, self.power_dbm.unsigned_abs().into())?;
        if let Some(gateway) = self.gateway {
            hex_line(out, "gateway=", &gateway.0)?;
        }
        if let Some(short) = self.gateway_short {
            hex_line(out, "gateway-short=", &short.to_be_bytes())?;
        }
        if let Some(port) = self.udp {
            line(out, "udp=", port.into())?;
        }
        if let Some(eui64) = self.eui64 {
            hex_line(out, "eui64=", &eui64.0)?;
        }
        if let Some(key) = key {
            hex_line(out, "key=", &key.0)?;
        }
        line(out, "level=", self.level.into())?;
        for (name, text) in [("client=", &*self.client), ("base=", &*self.base), ("target=", &*self.target)] {
            if !text.is_empty() {
                [name, text, "\n"].into_iter().try_for_each(|part| out.write_str(part))?;
            }
        }
        line(out, "report=", self.report_s)?;
        line(out, "fetch=", self.fetch_s)
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

type Text = String<MAX_TEXT_LEN>;

fn line(out: &mut Text, name: &str, number: u32) -> fmt::Result {
    out.write_str(name)?;
    decimal(out, number)?;
    out.write_str("\n")
}

fn hex_line(out: &mut Text, name: &str, octets: &[u8]) -> fmt::Result {
    out.write_str(name)?;
    octets.iter().try_for_each(|octet| hexadecimal(out, (*octet).into(), 2))?;
    out.write_str("\n")
}

fn number(value: &str, least: i32, most: i32) -> Option<i32> {
    value.parse().ok().filter(|number| (least..=most).contains(number))
}

fn seconds(value: &str) -> Option<u32> {
    number(value, 10, 86_400).map(i32::unsigned_abs)
}

fn short(value: &str, most: u16) -> Option<u16> {
    let digits = value.bytes().all(|octet| octet.is_ascii_hexdigit());
    u16::from_str_radix(value, 16).ok().filter(|short| digits && *short <= most)
}

/// 6LoWPAN shortens 61440-61695 in a way that not everybody reads.
fn port(value: &str) -> Option<u16> {
    value.parse().ok().filter(|port| !matches!(port, 0 | 0xF000..=0xF0FF))
}

fn parse<T: FromStr>(value: &str) -> Option<T> {
    value.parse().ok()
}

fn optional<T>(value: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if value == "none" { Some(None) } else { read(value).map(Some) }
}

/// Text without blanks and control characters, which would not come back from its line.
fn name_of<const N: usize>(value: &str, least: usize) -> Option<String<N>> {
    let is_plain = !value.chars().any(|c| c.is_ascii_whitespace() || c.is_control());
    if value.len() < least || !is_plain { None } else { String::try_from(value).ok() }
}

fn topic<const N: usize>(value: &str, least: usize) -> Option<String<N>> {
    if value.bytes().any(|octet| matches!(octet, b'+' | b'#')) { None } else { name_of(value, least) }
}
