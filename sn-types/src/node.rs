//! Radio nodes: their addresses, their keys, how well they are heard.

use core::fmt;
use core::str::FromStr;

/// The 64-bit address of an IEEE 802.15.4 or XBee radio, most significant octet first. Its maker gives it once and for
/// all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Eui64(pub [u8; 8]);

impl fmt::Display for Eui64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, octet) in self.0.iter().enumerate() {
            write!(f, "{}{octet:02x}", if i == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl FromStr for Eui64 {
    type Err = NoEui64;

    /// Sixteen hexadecimal digits, in pairs with `:` or `-` between them, or without anything between them.
    fn from_str(text: &str) -> Result<Self, NoEui64> {
        let mut octets = [0; 8];
        read(text, &mut octets).map(|()| Self(octets)).ok_or(NoEui64)
    }
}

/// Not the address of a radio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEui64;

impl fmt::Display for NoEui64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write a radio's address as 00:12:4b:00:01:02:03:04")
    }
}

impl core::error::Error for NoEui64 {}

/// The key that a node and the gateway share (128 bits, for AES-CCM*). It is never printed by accident: [`fmt::Debug`] does
/// not show it, and there is no [`fmt::Display`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LinkKey(pub [u8; 16]);

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey")
    }
}

impl FromStr for LinkKey {
    type Err = NoLinkKey;

    /// 32 hexadecimal digits, written as those of an [`Eui64`].
    fn from_str(text: &str) -> Result<Self, NoLinkKey> {
        let mut octets = [0; 16];
        read(text, &mut octets).map(|()| Self(octets)).ok_or(NoLinkKey)
    }
}

/// Not a key. The text is not repeated: it may be one with a slip of the pen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoLinkKey;

impl fmt::Display for NoLinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key is 32 hexadecimal digits")
    }
}

impl core::error::Error for NoLinkKey {}

/// Octets in hexadecimal digits, with the same separator between all of them or none.
fn read(text: &str, octets: &mut [u8]) -> Option<()> {
    let separator = text.as_bytes().get(2).copied().filter(|byte| matches!(byte, b':' | b'-'));
    let mut rest = text.as_bytes();
    for (i, octet) in octets.iter_mut().enumerate() {
        if let Some(separator) = separator.filter(|_| i > 0) {
            rest = rest.strip_prefix(&[separator])?;
        }
        let (digits, after) = rest.split_first_chunk::<2>()?;
        *octet = digit(digits[0])? << 4 | digit(digits[1])?;
        rest = after;
    }
    rest.is_empty().then_some(())
}

fn digit(ascii: u8) -> Option<u8> {
    char::from(ascii).to_digit(16).map(|digit| digit as u8)
}

/// How well one frame was heard. A radio says what it knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signal {
    /// Received power in dBm.
    pub rssi_dbm: Option<i8>,
    /// Link quality, 0 to 255, higher is better; what exactly it measures is up to the radio's maker (IEEE 802.15.4-2020
    /// §10.2.6).
    pub lqi: Option<u8>,
}

/// The way over which a node's last frame came, if that was not the node's own radio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relay {
    /// The router that handed it over.
    pub router: Eui64,
    /// In how many hops it came: 2 with one router. Of a node that lets its frames take fewer hops than ours do, too many.
    pub hops: u8,
}

/// How a node is answered: as its last frames came. By default directly, in the gateway's first form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// The router that hands it its frames; `None` if it is in reach.
    pub router: Option<Eui64>,
    /// Its UDP port, if its last datagram came over 6LoWPAN.
    pub udp_port: Option<u16>,
}

/// How well a node is heard, over its last frames, and what became of those to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Smoothed over about eight frames.
    pub signal: Signal,
    /// The router over which it is heard, whose signal that is then.
    pub relay: Option<Relay>,
    /// Frames from it, since the start.
    pub frames: u64,
    /// How often the radio had to send a frame to it again, since the start.
    pub retries: u64,
    /// Frames to it that nobody has acknowledged, since the start.
    pub failures: u64,
}
