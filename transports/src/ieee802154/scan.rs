//! A look at all channels while the radio is in use.
//!
//! It begins when the radio has no frame any more, and while it lasts nothing else is heard or sent: what is to be sent waits
//! in the hub.

use super::config::Attachment;
use super::rcp::Energy;
use std::fmt;

/// All channels at 2.4 GHz.
pub(super) const CHANNELS: [u8; 16] = [11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26];

/// How far a scan is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// Nobody wants one.
    Idle,
    /// The radio has a frame still: how long to listen on each channel then, in ms.
    Wanted(u16),
    /// The radio listens.
    UnderWay,
    /// Its result, until somebody takes it.
    Done(Vec<Energy>),
}

impl Scan {
    /// Whether a radio that is attached like this and up, or not, may begin one.
    pub(super) fn may_begin(&self, attachment: &Attachment, is_up: bool) -> Result<(), ScanError> {
        match (attachment, self) {
            (Attachment::Interface(name), _) => Err(ScanError::Interface(name.clone())),
            (Attachment::Rcp(_), Self::Wanted(_) | Self::UnderWay) => Err(ScanError::UnderWay),
            (Attachment::Rcp(_), Self::Idle | Self::Done(_)) if is_up => Ok(()),
            (Attachment::Rcp(_), Self::Idle | Self::Done(_)) => Err(ScanError::Away),
        }
    }

    /// The radio takes something: how long it is to listen, if somebody waits for that.
    pub(super) fn begin(&mut self) -> Option<u16> {
        let Self::Wanted(period_ms) = *self else { return None };
        *self = Self::UnderWay;
        Some(period_ms)
    }

    /// The radio has gone: nobody takes up what it was about to do.
    pub(super) fn give_up(&mut self) {
        match self {
            Self::Wanted(_) | Self::UnderWay => *self = Self::Idle,
            Self::Idle | Self::Done(_) => {}
        }
    }

    /// The result, once.
    pub(super) fn take(&mut self) -> Option<Vec<Energy>> {
        let Self::Done(energy) = self else { return None };
        let energy = std::mem::take(energy);
        *self = Self::Idle;
        Some(energy)
    }
}

/// Why no scan begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanError {
    /// The radio is not up.
    Away,
    /// One goes on.
    UnderWay,
    /// Linux drives the radio, as this interface, and lets nobody else look at channels.
    Interface(String),
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away => f.write_str("the radio is away"),
            Self::UnderWay => f.write_str("a scan is under way already"),
            Self::Interface(name) => {
                write!(
                    f,
                    "{name} is a network interface: through it channels cannot be looked at, only through a dongle"
                )
            }
        }
    }
}

impl std::error::Error for ScanError {}
