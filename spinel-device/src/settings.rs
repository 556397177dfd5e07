//! What a host has set, and reads back.

use crate::pending::Full;
use crate::receiver::Receiver;
use heapless::Vec;
use spinel::{Capability, Eui64, Fields, Property, Status, packed};

/// What a device is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Burnt in, most significant octet first.
    pub hwaddr: Eui64,
    /// As OpenThread writes it: `OPENTHREAD/1.0; NRF52840`. At most 62 octets of it are told.
    pub version: &'static str,
    /// The least power with which the radio sends.
    pub min_power_dbm: i8,
    /// The most.
    pub max_power_dbm: i8,
}

/// Spinel's version.
const PROTOCOL: [u32; 2] = [4, 3];
/// 802.15.4 at 2.4 GHz, and with its channels.
const CAP_2_4_GHZ: [Capability; 2] = [Capability(0x30), Capability(0x31)];
const CAPS: [Capability; 4] = [CAP_2_4_GHZ[0], CAP_2_4_GHZ[1], Capability::CONFIG_RADIO, Capability::MAC_RAW];
/// OpenThread's OT_RADIO_CAPS: it waits for acknowledgements, measures energy, sends again, backs off.
const RADIO_CAPS: u32 = 0b1111;
/// [`Property::MAC_SCAN_STATE`]: measure energy.
const SCAN_ENERGY: u8 = 2;
/// The longest value that a host reads.
const MAX_VALUE: usize = 64;

/// What a reset forgets.
#[derive(Debug)]
pub(crate) struct Settings<const N: usize> {
    pub(crate) is_enabled: bool,
    pub(crate) receiver: Receiver<N>,
    pub(crate) power_dbm: i8,
    pub(crate) scan_period_ms: u16,
    /// `None`: not exactly one channel.
    scan_channel: Option<u8>,
    promiscuous_mode: u8,
}

/// What is to happen after a value was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    None,
    /// The receiver is another.
    Listen,
    Scan {
        channel: u8,
    },
}

impl<const N: usize> Settings<N> {
    pub(crate) fn new(config: &Config) -> Self {
        let receiver = Receiver {
            is_on: false,
            channel: 11,
            pan_id: 0xFFFF,
            short_address: 0xFFFE,
            extended_address: [0; 8],
            is_promiscuous: false,
            pending: Default::default(),
        };
        let power_dbm = 0.clamp(config.min_power_dbm, config.max_power_dbm);
        Self { is_enabled: false, receiver, power_dbm, scan_period_ms: 0, scan_channel: None, promiscuous_mode: 0 }
    }

    /// `None`: there is no such property.
    pub(crate) fn get(&self, config: &Config, property: Property) -> Option<Vec<u8, MAX_VALUE>> {
        let receiver = &self.receiver;
        Some(match property {
            Property::PROTOCOL_VERSION => value(PROTOCOL.into_iter().flat_map(packed)),
            Property::NCP_VERSION => value(config.version.bytes().take(MAX_VALUE - 2).chain([0])),
            Property::CAPS => value(CAPS.into_iter().flat_map(|capability| packed(capability.0))),
            Property::RADIO_CAPS => value(packed(RADIO_CAPS)),
            Property::HWADDR => value(config.hwaddr),
            Property::PHY_ENABLED => value([u8::from(self.is_enabled)]),
            Property::PHY_CHAN => value([receiver.channel]),
            Property::PHY_TX_POWER => value([self.power_dbm as u8]),
            Property::MAC_15_4_LADDR => value(receiver.extended_address),
            Property::MAC_15_4_SADDR => value(receiver.short_address.to_le_bytes()),
            Property::MAC_15_4_PANID => value(receiver.pan_id.to_le_bytes()),
            Property::MAC_RAW_STREAM_ENABLED => value([u8::from(receiver.is_on)]),
            Property::MAC_PROMISCUOUS_MODE => value([self.promiscuous_mode]),
            Property::MAC_SRC_MATCH_ENABLED => value([u8::from(receiver.pending.is_enabled)]),
            _ => return None,
        })
    }

    /// Sets a value. It then is what [`Settings::get`] says, or what was set.
    pub(crate) fn set(&mut self, config: &Config, property: Property, value: &[u8]) -> Result<Effect, Status> {
        let (mut fields, receiver) = (Fields::new(value), &mut self.receiver);
        let wrong = Status::PARSE_ERROR;
        match property {
            Property::PHY_ENABLED => {
                self.is_enabled = fields.boolean().ok_or(wrong)?;
                receiver.is_on &= self.is_enabled;
            }
            Property::PHY_CHAN => receiver.channel = channel(fields.octet().ok_or(wrong)?)?,
            Property::PHY_TX_POWER => {
                let power_dbm = fields.signed().ok_or(wrong)?;
                self.power_dbm = power_dbm.clamp(config.min_power_dbm, config.max_power_dbm);
            }
            Property::MAC_15_4_LADDR => receiver.extended_address = fields.eui64().ok_or(wrong)?,
            Property::MAC_15_4_SADDR => receiver.short_address = fields.short().ok_or(wrong)?,
            Property::MAC_15_4_PANID => receiver.pan_id = fields.short().ok_or(wrong)?,
            // Who has not switched the radio on gets no frames from it.
            Property::MAC_RAW_STREAM_ENABLED => receiver.is_on = fields.boolean().ok_or(wrong)? && self.is_enabled,
            Property::MAC_PROMISCUOUS_MODE => {
                self.promiscuous_mode = fields.octet().ok_or(wrong)?;
                receiver.is_promiscuous = self.promiscuous_mode > 0;
            }
            Property::MAC_SRC_MATCH_ENABLED => receiver.pending.is_enabled = fields.boolean().ok_or(wrong)?,
            Property::MAC_SRC_MATCH_SHORT_ADDRESSES => receiver.pending.short.clear(),
            Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES => receiver.pending.extended.clear(),
            Property::MAC_SCAN_MASK => self.scan_channel = <[u8; 1]>::try_from(value).ok().map(|[channel]| channel),
            Property::MAC_SCAN_PERIOD => self.scan_period_ms = fields.short().ok_or(wrong)?,
            Property::MAC_SCAN_STATE => return self.scan(fields.octet().ok_or(wrong)?),
            _ => return Err(Status::PROP_NOT_FOUND),
        }
        self.insert_all(property, value)?;
        Ok(Effect::Listen)
    }

    /// A raw radio measures one channel at a time.
    fn scan(&self, state: u8) -> Result<Effect, Status> {
        match (state, self.scan_channel) {
            (0, _) => Ok(Effect::None),
            (SCAN_ENERGY, None) => Err(Status::INVALID_ARGUMENT),
            (SCAN_ENERGY, Some(wanted)) if self.is_enabled => Ok(Effect::Scan { channel: channel(wanted)? }),
            _ => Err(Status::INVALID_STATE),
        }
    }

    /// A list that is set.
    fn insert_all(&mut self, property: Property, value: &[u8]) -> Result<(), Status> {
        let len = match property {
            Property::MAC_SRC_MATCH_SHORT_ADDRESSES => 2,
            Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES => 8,
            _ => return Ok(()),
        };
        value.chunks(len).try_for_each(|address| self.insert(property, address))
    }

    /// Adds to a list.
    pub(crate) fn insert(&mut self, property: Property, value: &[u8]) -> Result<(), Status> {
        let (mut fields, pending) = (Fields::new(value), &mut self.receiver.pending);
        let wrong = Status::PARSE_ERROR;
        let inserted = match property {
            Property::MAC_SRC_MATCH_SHORT_ADDRESSES => pending.short.insert(fields.short().ok_or(wrong)?),
            Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES => pending.extended.insert(fields.eui64().ok_or(wrong)?),
            _ => return Err(Status::PROP_NOT_FOUND),
        };
        inserted.map_err(|Full| Status::NOMEM)
    }

    /// Takes out of a list. What is not in it is out of it, too.
    pub(crate) fn remove(&mut self, property: Property, value: &[u8]) -> Result<(), Status> {
        let (mut fields, pending) = (Fields::new(value), &mut self.receiver.pending);
        let wrong = Status::PARSE_ERROR;
        match property {
            Property::MAC_SRC_MATCH_SHORT_ADDRESSES => pending.short.remove(&fields.short().ok_or(wrong)?),
            Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES => pending.extended.remove(&fields.eui64().ok_or(wrong)?),
            _ => return Err(Status::PROP_NOT_FOUND),
        }
        Ok(())
    }
}

/// Those at 2.4 GHz.
pub(crate) fn channel(channel: u8) -> Result<u8, Status> {
    if (11..=26).contains(&channel) { Ok(channel) } else { Err(Status::INVALID_ARGUMENT) }
}

/// A value, as far as there is room for it.
fn value(octets: impl IntoIterator<Item = u8>) -> Vec<u8, MAX_VALUE> {
    octets.into_iter().take(MAX_VALUE).collect()
}
