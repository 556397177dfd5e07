//! What an operator says of a radio.

use super::rcp::Settings;
use crate::serial::Line;
use lowpan::{Carriages, Config, ConfigError, Eui64, Level, Limits, Station};
use std::fmt;

/// "None": the short address of a station that has none.
const NO_SHORT_ADDRESS: u16 = 0xFFFE;
/// Until the radio has told its address.
pub(super) const NO_ADDRESS: Eui64 = Eui64([0; 8]);

/// Where a radio is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// An RCP of OpenThread, behind a serial device.
    Rcp(Line),
    /// A network interface of Linux, `wpan0` for example.
    Interface(String),
}

impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rcp(line) => line.device.fmt(f),
            Self::Interface(name) => f.write_str(name),
        }
    }
}

/// A radio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RadioConfig {
    /// Where it is.
    pub attachment: Attachment,
    /// 11..=26; `None`: the quietest, looked for whenever the radio is started. An interface has its own.
    pub channel: Option<u8>,
    /// Frames of other PANs are not heard. Of an interface: what it was given.
    pub pan_id: u16,
    /// The gateway's, beside the radio's long one: it makes bare frames shorter. Of an interface: what it was given.
    pub short_address: Option<u16>,
    /// `None`: as the radio has it. An interface has its own.
    pub tx_power_dbm: Option<i8>,
    /// How frames are secured; `None`: not at all. Linux passes only such as are not.
    pub security: Option<Level>,
    /// In which forms datagrams come and go.
    pub carriages: Carriages,
    /// Whether datagrams that do not fit a frame are cut.
    pub fragment: bool,
    /// What is kept of its nodes.
    pub limits: Limits,
}

impl RadioConfig {
    /// Whether everything in it can be.
    ///
    /// # Errors
    /// [`ConfigError`] names the first thing that cannot.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.hub(NO_ADDRESS).check()
    }

    /// What the frames' side is told, for a radio with this address.
    pub(super) fn hub(&self, eui64: Eui64) -> Config {
        let Self { pan_id, short_address, security, carriages, fragment, limits, .. } = *self;
        let station = Station { eui64, pan: pan_id, short: short_address, security };
        Config { station, carriages, fragment, limits }
    }

    /// What the radio is told.
    pub(super) fn radio(&self) -> Settings {
        Settings {
            pan_id: self.pan_id,
            channel: self.channel,
            short_address: self.short_address.unwrap_or(NO_SHORT_ADDRESS),
            long_address: None,
            tx_power_dbm: self.tx_power_dbm,
        }
    }
}
