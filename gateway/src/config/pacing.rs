//! The keys with which a transport is spared: `airtime_percent` and `wakes_at_once`.

use gateway_core::{Airtime, Pacing};
use serde::de::{Deserializer, Error, Visitor};
use std::fmt;
use std::time::Duration;

/// How many wakes a radio serves at once without the key `wakes_at_once`: others wait no longer than a few messages take.
const WAKES: u16 = 8;
/// The window without the key `airtime_window_s`: that of EN 300 220-2.
const WINDOW_S: u64 = 3_600;
/// The rate without the key `airtime_bits_per_s`: that of IEEE 802.15.4 at 2.4 GHz.
const BITS_PER_S: u32 = 250_000;
/// What a radio puts around a datagram: preamble and length (6), headers with two long addresses (21), checksum (2), and
/// what security or the maker adds.
const OVERHEAD: u16 = 48;

/// `airtime_percent`, in millionths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Percent(u32);

/// The keys, as they are in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct PacingKeys {
    pub(super) percent: Option<Percent>,
    pub(super) window_s: Option<u64>,
    pub(super) bits_per_s: Option<u32>,
    /// 0 is any number.
    pub(super) wakes: Option<u16>,
}

impl PacingKeys {
    /// What they say of a transport that is a radio, or is none.
    pub(super) fn pacing(self, is_radio: bool) -> Result<Pacing, String> {
        if self.percent.is_none() && (self.window_s.is_some() || self.bits_per_s.is_some()) {
            return Err("`airtime_window_s` and `airtime_bits_per_s` are of use with `airtime_percent` only".into());
        }
        let airtime = self.percent.map(|Percent(limit_ppm)| Airtime {
            limit_ppm,
            window: Duration::from_secs(self.window_s.unwrap_or(WINDOW_S)),
            bits_per_s: self.bits_per_s.unwrap_or(BITS_PER_S),
            overhead: OVERHEAD,
        });
        let wakes = self.wakes.or(is_radio.then_some(WAKES)).filter(|wakes| *wakes > 0);
        Ok(Pacing { airtime, wakes })
    }
}

/// Reads a share of time.
pub(super) fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Percent>, D::Error> {
    deserializer.deserialize_f64(Share).map(Some)
}

struct Share;

impl Visitor<'_> for Share {
    type Value = Percent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number from 0.001 to 100")
    }

    fn visit_f64<E: Error>(self, percent: f64) -> Result<Percent, E> {
        if (0.001..=100.0).contains(&percent) {
            Ok(Percent((percent * 10_000.0).round() as u32))
        } else {
            Err(E::invalid_value(serde::de::Unexpected::Float(percent), &self))
        }
    }

    fn visit_i64<E: Error>(self, percent: i64) -> Result<Percent, E> {
        self.visit_f64(percent as f64)
    }

    fn visit_u64<E: Error>(self, percent: u64) -> Result<Percent, E> {
        self.visit_f64(percent as f64)
    }
}
