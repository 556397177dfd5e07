//! The numbers of Spinel that a driver of a raw radio needs: properties, capabilities, statuses.

use core::fmt;

/// A property (Spinel §5): what is asked, set, or reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Property(pub u32);

#[allow(missing_docs, reason = "the names of the specification; the types of their values are beside them")]
impl Property {
    /// "i", see [`Status`].
    pub const LAST_STATUS: Self = Self(0x00);
    /// "ii": major, minor.
    pub const PROTOCOL_VERSION: Self = Self(0x01);
    /// "U".
    pub const NCP_VERSION: Self = Self(0x02);
    /// "A(i)", see [`Capability`].
    pub const CAPS: Self = Self(0x05);
    /// "E": burnt in.
    pub const HWADDR: Self = Self(0x08);
    /// "b".
    pub const PHY_ENABLED: Self = Self(0x20);
    /// "C".
    pub const PHY_CHAN: Self = Self(0x21);
    /// "c", in dBm.
    pub const PHY_CCA_THRESHOLD: Self = Self(0x24);
    /// "c", in dBm.
    pub const PHY_TX_POWER: Self = Self(0x25);
    /// "c", in dBm: on the channel, now.
    pub const PHY_RSSI: Self = Self(0x26);
    /// "c", in dBm.
    pub const PHY_RX_SENSITIVITY: Self = Self(0x27);
    /// "C": 0 idle, 2 energy.
    pub const MAC_SCAN_STATE: Self = Self(0x30);
    /// "A(C)". A raw radio takes one channel at a time.
    pub const MAC_SCAN_MASK: Self = Self(0x31);
    /// "S", in milliseconds, per channel.
    pub const MAC_SCAN_PERIOD: Self = Self(0x32);
    /// "E".
    pub const MAC_15_4_LADDR: Self = Self(0x34);
    /// "S".
    pub const MAC_15_4_SADDR: Self = Self(0x35);
    /// "S".
    pub const MAC_15_4_PANID: Self = Self(0x36);
    /// "b".
    pub const MAC_RAW_STREAM_ENABLED: Self = Self(0x37);
    /// "C": 0 off, 1 all frames of the PAN, 2 all frames.
    pub const MAC_PROMISCUOUS_MODE: Self = Self(0x38);
    /// "Cc": channel, the highest energy in dBm.
    pub const MAC_ENERGY_SCAN_RESULT: Self = Self(0x39);
    /// See [`RawReceived`](super::RawReceived) and [`RawTransmit`](super::RawTransmit).
    pub const STREAM_RAW: Self = Self(0x71);
    /// "i": bits of what the radio does by itself.
    pub const RADIO_CAPS: Self = Self(0x120B);
    /// "b".
    pub const MAC_SRC_MATCH_ENABLED: Self = Self(0x1303);
    /// "A(S)".
    pub const MAC_SRC_MATCH_SHORT_ADDRESSES: Self = Self(0x1304);
    /// "A(E)".
    pub const MAC_SRC_MATCH_EXTENDED_ADDRESSES: Self = Self(0x1305);
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::LAST_STATUS => "LAST_STATUS",
            Self::PROTOCOL_VERSION => "PROTOCOL_VERSION",
            Self::NCP_VERSION => "NCP_VERSION",
            Self::CAPS => "CAPS",
            Self::HWADDR => "HWADDR",
            Self::PHY_ENABLED => "PHY_ENABLED",
            Self::PHY_CHAN => "PHY_CHAN",
            Self::PHY_CCA_THRESHOLD => "PHY_CCA_THRESHOLD",
            Self::PHY_TX_POWER => "PHY_TX_POWER",
            Self::PHY_RSSI => "PHY_RSSI",
            Self::PHY_RX_SENSITIVITY => "PHY_RX_SENSITIVITY",
            Self::MAC_SCAN_STATE => "MAC_SCAN_STATE",
            Self::MAC_SCAN_MASK => "MAC_SCAN_MASK",
            Self::MAC_SCAN_PERIOD => "MAC_SCAN_PERIOD",
            Self::MAC_15_4_LADDR => "MAC_15_4_LADDR",
            Self::MAC_15_4_SADDR => "MAC_15_4_SADDR",
            Self::MAC_15_4_PANID => "MAC_15_4_PANID",
            Self::MAC_RAW_STREAM_ENABLED => "MAC_RAW_STREAM_ENABLED",
            Self::MAC_PROMISCUOUS_MODE => "MAC_PROMISCUOUS_MODE",
            Self::MAC_ENERGY_SCAN_RESULT => "MAC_ENERGY_SCAN_RESULT",
            Self::STREAM_RAW => "STREAM_RAW",
            Self::RADIO_CAPS => "RADIO_CAPS",
            Self::MAC_SRC_MATCH_ENABLED => "MAC_SRC_MATCH_ENABLED",
            Self::MAC_SRC_MATCH_SHORT_ADDRESSES => "MAC_SRC_MATCH_SHORT_ADDRESSES",
            Self::MAC_SRC_MATCH_EXTENDED_ADDRESSES => "MAC_SRC_MATCH_EXTENDED_ADDRESSES",
            Self(other) => return write!(f, "property {other:#x}"),
        })
    }
}

/// What a device can do, of [`Property::CAPS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capability(pub u32);

impl Capability {
    /// It is a radio co-processor.
    pub const CONFIG_RADIO: Self = Self(34);
    /// It sends and receives raw frames.
    pub const MAC_RAW: Self = Self(513);
}

/// What became of something, of [`Property::LAST_STATUS`] (Spinel §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Status(pub u32);

#[allow(missing_docs, reason = "the names of the specification")]
impl Status {
    pub const OK: Self = Self(0);
    pub const FAILURE: Self = Self(1);
    pub const UNIMPLEMENTED: Self = Self(2);
    pub const INVALID_ARGUMENT: Self = Self(3);
    pub const INVALID_STATE: Self = Self(4);
    pub const INVALID_COMMAND: Self = Self(5);
    pub const PARSE_ERROR: Self = Self(9);
    pub const NOMEM: Self = Self(11);
    pub const BUSY: Self = Self(12);
    pub const PROP_NOT_FOUND: Self = Self(13);
    pub const NO_ACK: Self = Self(17);
    pub const CCA_FAILURE: Self = Self(18);
    pub const RESET_POWER_ON: Self = Self(112);
    /// A pin has reset it.
    pub const RESET_EXTERNAL: Self = Self(113);
    /// Software has reset it, as [RESET](super::Message::Reset) does.
    pub const RESET_SOFTWARE: Self = Self(114);
    pub const RESET_FAULT: Self = Self(115);
    pub const RESET_CRASH: Self = Self(116);
    pub const RESET_WATCHDOG: Self = Self(120);

    /// It tells that the device has just been reset, and why.
    #[must_use]
    pub const fn is_reset(self) -> bool {
        matches!(self.0, 112..=127)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0 => "OK",
            1 => "FAILURE",
            2 => "UNIMPLEMENTED",
            3 => "INVALID_ARGUMENT",
            4 => "INVALID_STATE",
            5 => "INVALID_COMMAND",
            9 => "PARSE_ERROR",
            11 => "NOMEM",
            12 => "BUSY",
            13 => "PROP_NOT_FOUND",
            17 => "NO_ACK",
            18 => "CCA_FAILURE",
            112 => "RESET_POWER_ON",
            113 => "RESET_EXTERNAL",
            114 => "RESET_SOFTWARE",
            115 => "RESET_FAULT",
            116 => "RESET_CRASH",
            117 => "RESET_ASSERT",
            118 => "RESET_OTHER",
            119 => "RESET_UNKNOWN",
            120 => "RESET_WATCHDOG",
            other => return write!(f, "status {other}"),
        })
    }
}
