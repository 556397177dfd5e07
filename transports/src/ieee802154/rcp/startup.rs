//! What a radio is asked and told before it is up.

use super::requests::{Ask, Purpose, Verb};
use super::types::{Info, Settings};
use spinel::{Capability, Fields, Property, Status};

/// The major version of the protocol that we speak.
const MAJOR: u32 = 4;

/// The steps, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Protocol,
    Capabilities,
    HardwareAddress,
    Version,
    EnablePhy,
    PanId,
    LongAddress,
    ShortAddress,
    /// Look for the quietest channel, unless one is given.
    Scan,
    Channel,
    Power,
    NotPromiscuous,
    MatchSources,
    /// From here on frames come.
    Stream,
}

const STEPS: [Step; 14] = [
    Step::Protocol,
    Step::Capabilities,
    Step::HardwareAddress,
    Step::Version,
    Step::EnablePhy,
    Step::PanId,
    Step::LongAddress,
    Step::ShortAddress,
    Step::Scan,
    Step::Channel,
    Step::Power,
    Step::NotPromiscuous,
    Step::MatchSources,
    Step::Stream,
];

impl Step {
    pub(super) const FIRST: Self = STEPS[0];

    pub(super) fn next(self) -> Option<Self> {
        STEPS.iter().copied().skip_while(|step| *step != self).nth(1)
    }

    /// The request; `None`: nothing is asked here.
    pub(super) fn ask(self, settings: &Settings, info: &Info) -> Option<Ask> {
        let get =
            |property| Some(Ask { verb: Verb::Get, property, value: Vec::new(), purpose: Purpose::Startup(self) });
        let set = |property, value: &[u8]| {
            Some(Ask { verb: Verb::Set, property, value: value.to_vec(), purpose: Purpose::Startup(self) })
        };
        match self {
            Self::Protocol => get(Property::PROTOCOL_VERSION),
            Self::Capabilities => get(Property::CAPS),
            Self::HardwareAddress => get(Property::HWADDR),
            Self::Version => get(Property::NCP_VERSION),
            Self::EnablePhy => set(Property::PHY_ENABLED, &[1]),
            Self::PanId => set(Property::MAC_15_4_PANID, &settings.pan_id.to_le_bytes()),
            Self::LongAddress => set(Property::MAC_15_4_LADDR, &info.address),
            Self::ShortAddress => set(Property::MAC_15_4_SADDR, &settings.short_address.to_le_bytes()),
            Self::Scan => None,
            Self::Channel => set(Property::PHY_CHAN, &[info.channel]),
            Self::Power => set(Property::PHY_TX_POWER, &[settings.tx_power_dbm? as u8]),
            Self::NotPromiscuous => set(Property::MAC_PROMISCUOUS_MODE, &[0]),
            Self::MatchSources => set(Property::MAC_SRC_MATCH_ENABLED, &[1]),
            Self::Stream => set(Property::MAC_RAW_STREAM_ENABLED, &[1]),
        }
    }

    /// Takes the answer in.
    ///
    /// # Errors
    /// Why this radio cannot be used.
    pub(super) fn answered(
        self,
        answer: Result<&[u8], Status>,
        settings: &Settings,
        info: &mut Info,
    ) -> Result<(), String> {
        match (self, answer) {
            (Self::Protocol, Ok(value)) => protocol(value, info),
            (Self::Capabilities, Ok(value)) => capabilities(value, info),
            (Self::HardwareAddress, Ok(value)) => {
                info.hwaddr = Fields::new(value).eui64().ok_or("it has told no address")?;
                info.address = settings.long_address.unwrap_or(info.hwaddr);
                Ok(())
            }
            (Self::Version, Ok(value)) => {
                info.version = Fields::new(value).text().unwrap_or_default().to_owned();
                Ok(())
            }
            (Self::Power, Ok(value)) => {
                // It may have taken the nearest that it has.
                info.tx_power_dbm = Fields::new(value).signed().or(settings.tx_power_dbm);
                Ok(())
            }
            (Self::MatchSources, answer) => {
                info.matches_sources = answer.is_ok();
                Ok(())
            }
            // Who has no such mode is not in it.
            (Self::NotPromiscuous | Self::Version, _) => Ok(()),
            (
                Self::EnablePhy
                | Self::PanId
                | Self::LongAddress
                | Self::ShortAddress
                | Self::Scan
                | Self::Channel
                | Self::Stream,
                Ok(_),
            ) => Ok(()),
            (
                Self::Protocol
                | Self::Capabilities
                | Self::HardwareAddress
                | Self::EnablePhy
                | Self::PanId
                | Self::LongAddress
                | Self::ShortAddress
                | Self::Scan
                | Self::Channel
                | Self::Power
                | Self::Stream,
                Err(status),
            ) => Err(format!("it has refused {}: {status}", self.name(settings))),
        }
    }

    fn name(self, settings: &Settings) -> String {
        match self {
            Self::Protocol => "to tell its protocol version".into(),
            Self::Capabilities => "to tell its capabilities".into(),
            Self::HardwareAddress => "to tell its address".into(),
            Self::Version => "to tell its version".into(),
            Self::EnablePhy => "to switch its radio on".into(),
            Self::PanId => format!("the PAN id {:#06x}", settings.pan_id),
            Self::LongAddress => "the long address".into(),
            Self::ShortAddress => format!("the short address {:#06x}", settings.short_address),
            Self::Scan => "to scan".into(),
            Self::Channel => settings.channel.map_or("the channel".into(), |channel| format!("channel {channel}")),
            Self::Power => format!("{} dBm", settings.tx_power_dbm.unwrap_or_default()),
            Self::NotPromiscuous => "not to be promiscuous".into(),
            Self::MatchSources => "to match sources".into(),
            Self::Stream => "to hand frames over".into(),
        }
    }
}

fn protocol(value: &[u8], info: &mut Info) -> Result<(), String> {
    let mut fields = Fields::new(value);
    let version = fields.packed().zip(fields.packed()).ok_or("it has told no protocol version")?;
    info.protocol = version;
    match version {
        (MAJOR, _) => Ok(()),
        (major, minor) => Err(format!("it speaks Spinel {major}.{minor}, and we speak {MAJOR}")),
    }
}

fn capabilities(value: &[u8], info: &mut Info) -> Result<(), String> {
    let mut fields = Fields::new(value);
    info.capabilities = std::iter::from_fn(|| fields.packed().map(Capability)).collect();
    let can = |capability| info.capabilities.contains(&capability);
    if can(Capability::CONFIG_RADIO) && can(Capability::MAC_RAW) {
        return Ok(());
    }
    Err("its firmware is no radio co-processor (it lacks the capabilities CONFIG_RADIO and MAC_RAW): it needs `ot-rcp`"
        .into())
}
