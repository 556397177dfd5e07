//! Bands: how long everything takes.

use serde::{Deserialize, Serialize};

/// A physical layer of IEEE 802.15.4-2020.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phy {
    /// O-QPSK, 2.4 GHz, 250 kb/s.
    #[default]
    Oqpsk250k,
    /// SUN FSK, 863-870 MHz, operating mode 1: 2-FSK, 50 kb/s, modulation index 1, channels of 200 kHz.
    SunFsk50k,
}

/// The times of a physical layer, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// An octet on the air.
    pub octet_us: u32,
    /// Preamble and start of frame delimiter (SHR), in octets.
    pub shr_octets: u32,
    /// The header with the length (PHR), in octets.
    pub phr_octets: u32,
    /// aTurnaroundTime: from receiving to sending and back.
    pub turnaround_us: u64,
    /// phyCcaDuration: a look whether the channel is clear.
    pub cca_us: u64,
    /// aUnitBackoffPeriod: turnaround and look.
    pub unit_backoff_us: u64,
    /// macAckWaitDuration: from the end of a frame; by then its acknowledgement's header has come, or there is none.
    pub ack_wait_us: u64,
    /// macSifsPeriod: pause after a frame of up to [`MAX_SIFS_FRAME`] octets.
    pub sifs_us: u64,
    /// macLifsPeriod: pause after a longer one.
    pub lifs_us: u64,
    /// aMaxPhyPacketSize: the longest frame, with its check sequence, in octets. SUN FSK would allow 2,047; 6LoWPAN's
    /// headers and buffers are made for 127.
    pub max_psdu: usize,
}

/// aMaxSifsFrameSize, in octets.
pub const MAX_SIFS_FRAME: usize = 18;

/// An acknowledgement: frame control, sequence number, check sequence, in octets.
pub const ACK_PSDU: usize = 5;

impl Phy {
    /// O-QPSK: a symbol is 16 us and two make an octet. Backoff 20 symbols, CCA 8, turnaround 12, acknowledgement
    /// wait 54, SIFS 12, LIFS 40.
    const OQPSK_250K: Timing = Timing {
        octet_us: 32,
        shr_octets: 5,
        phr_octets: 1,
        turnaround_us: 192,
        cca_us: 128,
        unit_backoff_us: 320,
        ack_wait_us: 864,
        sifs_us: 192,
        lifs_us: 640,
        max_psdu: 127,
    };

    /// SUN FSK: a symbol is a bit of 20 us. The preamble is 8 octets here (4 to 1,000 are allowed), the delimiter 2.
    /// For SUN, turnaround and both pauses are 1 ms; the other times follow from the same formulas.
    const SUN_FSK_50K: Timing = Timing {
        octet_us: 160,
        shr_octets: 10,
        phr_octets: 2,
        turnaround_us: 1_000,
        cca_us: 160,
        unit_backoff_us: 1_160,
        ack_wait_us: 1_160 + 1_000 + 10 * 160 + 6 * 160,
        sifs_us: 1_000,
        lifs_us: 1_000,
        max_psdu: 127,
    };

    /// Its times.
    #[must_use]
    pub const fn timing(self) -> Timing {
        match self {
            Self::Oqpsk250k => Self::OQPSK_250K,
            Self::SunFsk50k => Self::SUN_FSK_50K,
        }
    }
}

impl Timing {
    /// How long a frame of `psdu` octets, with its check sequence, is on the air.
    #[must_use]
    pub const fn airtime_us(&self, psdu: usize) -> u64 {
        (self.shr_octets + self.phr_octets + psdu as u32) as u64 * self.octet_us as u64
    }

    /// How long a preamble is on the air: so long a receiver may still turn to a stronger frame.
    #[must_use]
    pub const fn shr_us(&self) -> u64 {
        self.shr_octets as u64 * self.octet_us as u64
    }

    /// The pause after a frame of `psdu` octets.
    #[must_use]
    pub const fn spacing_us(&self, psdu: usize) -> u64 {
        if psdu <= MAX_SIFS_FRAME { self.sifs_us } else { self.lifs_us }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_the_2450_mhz_band_are_the_standards() {
        let timing = Phy::Oqpsk250k.timing();
        assert_eq!(timing.airtime_us(127), 133 * 32);
        assert_eq!(timing.airtime_us(ACK_PSDU), 352);
        assert_eq!(timing.unit_backoff_us, timing.turnaround_us + timing.cca_us);
        let shr_and_six_octets_us = timing.shr_us() + 6 * 32;
        assert_eq!(timing.ack_wait_us, timing.unit_backoff_us + timing.turnaround_us + shr_and_six_octets_us);
    }

    #[test]
    fn an_acknowledgement_fits_the_wait_in_every_band() {
        for timing in [Phy::Oqpsk250k.timing(), Phy::SunFsk50k.timing()] {
            assert!(timing.turnaround_us + timing.airtime_us(ACK_PSDU) <= timing.ack_wait_us, "{timing:?}");
        }
    }
}
