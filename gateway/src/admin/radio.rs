//! What is said about radios over the socket, and by programs of the command line that open one themselves.

use serde::{Deserialize, Serialize};
use sn_types::Eui64;
use std::fmt;
use std::ops::RangeInclusive;
use transports::RadioTransport;
use transports::ieee802154::rcp::{Energy, Info};

/// Milliseconds on each channel of a scan.
pub const SCAN_MS: RangeInclusive<u16> = 1..=2_000;

/// What is known of a radio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RadioInfo {
    /// Its extended address: a dongle's, burnt in; of an interface, the one in use.
    pub address: String,
    /// What a dongle says of itself. Linux says nothing of its radios.
    #[serde(flatten)]
    pub dongle: Option<DongleInfo>,
    /// How a gateway uses it, if one does.
    #[serde(flatten)]
    pub used: Option<RadioUse>,
}

/// What a dongle says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DongleInfo {
    /// Its firmware's version.
    pub firmware: String,
    /// The version of its protocol.
    pub spinel: String,
    /// By OpenThread's numbers.
    pub capabilities: Vec<u32>,
    /// It can tell a node that asks whether something waits for it.
    pub source_match: bool,
}

/// How a gateway uses a radio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RadioUse {
    /// The device, or the network interface.
    pub attached: String,
    /// Of an interface only Linux knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<u8>,
    /// Frames of other PANs are not heard.
    pub pan_id: u16,
    /// The gateway's, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_address: Option<u16>,
    /// Frames are secured with a key for each node.
    pub secured: bool,
}

impl RadioInfo {
    /// Of a dongle that nobody uses.
    pub(crate) fn of_dongle(info: &Info) -> Self {
        Self { address: Eui64(info.hwaddr).to_string(), dongle: Some(DongleInfo::new(info)), used: None }
    }

    /// Of a radio that a gateway uses; `None`: it is away.
    pub(crate) fn in_use(radio: &RadioTransport) -> Option<Self> {
        let (config, info) = (radio.config(), radio.info());
        let used = RadioUse {
            attached: config.attachment.to_string(),
            channel: info.map(|info| info.channel),
            pan_id: config.pan_id,
            short_address: config.short_address,
            secured: config.security.is_some(),
        };
        let address = info.map_or(radio.address()?, |info| Eui64(info.hwaddr));
        Some(Self { address: address.to_string(), dongle: info.map(DongleInfo::new), used: Some(used) })
    }
}

impl DongleInfo {
    fn new(info: &Info) -> Self {
        let (major, minor) = info.protocol;
        Self {
            firmware: info.version.clone(),
            spinel: format!("{major}.{minor}"),
            capabilities: info.capabilities.iter().map(|capability| capability.0).collect(),
            source_match: info.matches_sources,
        }
    }
}

impl fmt::Display for RadioInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, dongle, used } = self;
        writeln!(f, "address        {address}")?;
        dongle.iter().try_for_each(|dongle| dongle.fmt(f))?;
        used.iter().try_for_each(|used| used.fmt(f))
    }
}

impl fmt::Display for DongleInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { firmware, spinel, capabilities, source_match } = self;
        let capabilities: Vec<_> = capabilities.iter().map(u32::to_string).collect();
        writeln!(f, "firmware       {}", firmware.escape_debug())?;
        writeln!(f, "Spinel         {spinel}")?;
        writeln!(f, "capabilities   {}", capabilities.join(" "))?;
        writeln!(f, "source match   {}", yes_or_no(*source_match))
    }
}

impl fmt::Display for RadioUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attached, channel, pan_id, short_address, secured } = self;
        writeln!(f, "attached       {attached}")?;
        match channel {
            Some(channel) => writeln!(f, "channel        {channel}")?,
            None => writeln!(f, "channel        Linux has it: iwpan dev {attached} info")?,
        }
        writeln!(f, "PAN id         {pan_id:#06x}")?;
        short_address.iter().try_for_each(|short| writeln!(f, "short address  {short:#06x}"))?;
        writeln!(f, "secured        {}", yes_or_no(*secured))
    }
}

const fn yes_or_no(it: bool) -> &'static str {
    if it { "yes" } else { "no" }
}

/// A scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RadioScan {
    /// How loud the channels were.
    pub channels: Vec<Loudness>,
    /// How long the radio heard no node meanwhile, if a gateway uses it, in milliseconds.
    pub deaf_ms: Option<u64>,
}

/// How loud a channel was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loudness {
    /// 11 to 26.
    pub channel: u8,
    /// The highest power, in dBm.
    pub dbm: i8,
}

impl From<&Energy> for Loudness {
    fn from(energy: &Energy) -> Self {
        let Energy { channel, dbm } = *energy;
        Self { channel, dbm }
    }
}

impl fmt::Display for RadioScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "CHANNEL   LOUDEST")?;
        self.channels.iter().try_for_each(|Loudness { channel, dbm }| writeln!(f, "{channel:<7}  {dbm:>4} dBm"))?;
        let Some(deaf_ms) = self.deaf_ms else { return Ok(()) };
        writeln!(
            f,
            "Meanwhile the gateway heard no node, for {:.1} s.",
            std::time::Duration::from_millis(deaf_ms).as_secs_f32()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_is_a_table() {
        let channels = vec![Loudness { channel: 11, dbm: -98 }, Loudness { channel: 26, dbm: -7 }];
        let mut scan = RadioScan { channels, deaf_ms: None };
        let table = "CHANNEL   LOUDEST\n11        -98 dBm\n26         -7 dBm\n";
        assert_eq!(scan.to_string(), table);
        scan.deaf_ms = Some(8_130);
        assert_eq!(scan.to_string(), format!("{table}Meanwhile the gateway heard no node, for 8.1 s.\n"));
    }

    #[test]
    fn of_an_interface_is_told_what_is_known() {
        let used = RadioUse {
            attached: "wpan0".into(),
            channel: None,
            pan_id: 0x534E,
            short_address: Some(1),
            secured: false,
        };
        let info = RadioInfo { address: "02:00:00:00:00:00:00:01".into(), dongle: None, used: Some(used) };
        assert_eq!(
            info.to_string(),
            "address        02:00:00:00:00:00:00:01\nattached       wpan0\n\
             channel        Linux has it: iwpan dev wpan0 info\nPAN id         0x534e\nshort address  0x0001\n\
             secured        no\n"
        );
        let json = serde_json::to_string(&info).unwrap();
        assert_eq!(serde_json::from_str::<RadioInfo>(&json).unwrap(), info);
    }
}
