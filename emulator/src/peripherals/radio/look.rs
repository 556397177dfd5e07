//! Looks at the channel, symbol by symbol: clear channel assessment (CCA) and energy detection.
//!
//! In the modes with a carrier the chip counts the symbols for which its correlator gives more than CCACORRTHRES, and the channel
//! is busy as soon as there were more of them than CCACORRCNT (nRF52840 PS v1.7, "Clear channel assessment (CCA)"). It also is
//! when a start of frame delimiter ends; but by then enough symbols have been counted.
//!
//! Here the correlator sees each whole symbol of a frame that could be received, and nothing else. No source says what it gives
//! for one, so that there is a model of one threshold only, the one after a reset.

use crate::peripherals::Context;
use crate::time::cycles;

const SYMBOL_US: u64 = 16;
/// What CCA and one sample of energy detection take.
const LOOK: u32 = 8;
/// ED_RSSIOFFS: an EDSAMPLE of 0, in dBm (nRF52840 PS v1.7, "RADIO: Electrical specification"; Nordic's driver has the same for
/// this chip, and -93 for others). Each unit is 1 dB: the formula beside it is wrong (erratum 236).
const ED_OFFSET_DBM: i32 = -92;
/// CCACORRTHRES after a reset.
const CORRELATION: u8 = 0x2D;

/// What CCACTRL says: when the channel is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cca {
    /// With more energy than this, in EDSAMPLE's units.
    energy: Option<u32>,
    /// After more symbols than this.
    symbols: Option<u32>,
}

impl Cca {
    /// `None`: there is no model of that.
    pub(super) fn parse(control: u32) -> Option<Self> {
        let [mode, energy, correlation, count] = control.to_le_bytes();
        let energy = Some(energy.into());
        let symbols = Some(count.into()).filter(|count| correlation == CORRELATION && (1..LOOK).contains(count));
        match mode {
            // EdMode.
            0 => Some(Self { energy, symbols: None }),
            // CarrierMode.
            1 => symbols.map(|_| Self { energy: None, symbols }),
            // CarrierOrEdMode.
            3 => symbols.map(|_| Self { energy, symbols }),
            // CarrierAndEdMode, EdModeTest1, and what does not exist.
            _ => None,
        }
    }
}

/// What a look has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// EDSAMPLE.
    Energy(u32),
    Busy,
    Idle,
}

/// A look at the channel.
#[derive(Debug)]
pub(super) struct Look {
    /// When the present symbol ends.
    due: u64,
    /// With the present one.
    symbols_left: u32,
    /// The most that was heard, in dBm.
    power_dbm: i8,
    /// There was a frame when the present symbol began.
    is_frame: bool,
    symbols_of_frames: u32,
    cca: Option<Cca>,
}

impl Look {
    /// Energy detection begins: so many samples.
    pub(super) fn for_energy(context: &Context<'_>, samples: u32) -> Self {
        Self::new(context, LOOK * samples, None)
    }

    /// CCA begins.
    pub(super) fn for_cca(context: &Context<'_>, cca: Cca) -> Self {
        Self::new(context, LOOK, Some(cca))
    }

    fn new(context: &Context<'_>, symbols: u32, cca: Option<Cca>) -> Self {
        Self {
            due: context.now + cycles(SYMBOL_US),
            symbols_left: symbols,
            power_dbm: context.air.power_dbm(),
            is_frame: context.air.hears_carrier(),
            symbols_of_frames: 0,
            cca,
        }
    }

    /// When to call [`Look::go_on`].
    pub(super) fn due(&self) -> u64 {
        self.due
    }

    /// The present symbol is over; gives something if the look is, too.
    pub(super) fn go_on(&mut self, context: &Context<'_>) -> Option<Seen> {
        self.due += cycles(SYMBOL_US);
        self.symbols_left -= 1;
        self.power_dbm = self.power_dbm.max(context.air.power_dbm());
        let was_frame = std::mem::replace(&mut self.is_frame, context.air.hears_carrier());
        self.symbols_of_frames += u32::from(was_frame && self.is_frame);
        if self.cca.is_some_and(|cca| cca.symbols.is_some_and(|limit| self.symbols_of_frames > limit)) {
            return Some(Seen::Busy);
        }
        (self.symbols_left == 0).then(|| self.energy_seen())
    }

    fn energy_seen(&self) -> Seen {
        let level = (i32::from(self.power_dbm) - ED_OFFSET_DBM).clamp(0, 127) as u32;
        match self.cca {
            None => Seen::Energy(level),
            Some(cca) if cca.energy.is_some_and(|limit| level > limit) => Seen::Busy,
            Some(_) => Seen::Idle,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_modelled_is_not_taken_for_something_else() {
        assert_eq!(Cca::parse(0x0000_1100), Some(Cca { energy: Some(17), symbols: None }));
        assert_eq!(Cca::parse(0x022D_1103), Some(Cca { energy: Some(17), symbols: Some(2) }));
        assert_eq!(Cca::parse(0x022D_1101), Some(Cca { energy: None, symbols: Some(2) }));
        // Without a correlator, with one of which nothing is known, and with one that never finds enough.
        assert_eq!([0x0000_1103, 0x002D_1103, 0x0214_1103, 0x082D_1103].map(Cca::parse), [None; 4]);
        assert_eq!([0x022D_1102, 0x022D_1104, 0x022D_110B].map(Cca::parse), [None; 3]);
    }
}
