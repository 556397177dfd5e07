//! Values with units.

use crate::report::Position;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A duration, as `"90s"`, `"5min"`, `"1h 30min"` or `"30d"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Duration);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        humantime::parse_duration(text)
            .map(Self)
            .map_err(|_| format!("{text:?} is no duration; \"500ms\", \"90s\", \"5min\", \"1h 30min\" and \"30d\" are"))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Time {
    pub(super) const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub(super) fn as_micros(self) -> u64 {
        u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX)
    }
}

/// A place in metres: to the right, downwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub struct Metres(pub f64, pub f64);

impl Metres {
    /// To the nearest decimetre.
    pub(super) fn position(self) -> Position {
        let decimetres = |metres: f64| (metres * 10.0).round() as i32;
        Position { x_dm: decimetres(self.0), y_dm: decimetres(self.1) }
    }
}

/// A share from 0 to 100 %.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Percent(f64);

impl Percent {
    pub(super) fn ppm(self) -> u32 {
        (self.0 * 10_000.0).round() as u32
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_f64(PercentVisitor)
    }
}

struct PercentVisitor;

impl Visitor<'_> for PercentVisitor {
    type Value = Percent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a percentage from 0 to 100")
    }

    fn visit_f64<E: Error>(self, percent: f64) -> Result<Percent, E> {
        if (0.0..=100.0).contains(&percent) {
            Ok(Percent(percent))
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

/// A QoS from 0 to 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Qos(pub sn_client::Qos);

impl<'de> Deserialize<'de> for Qos {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match i64::deserialize(deserializer)? {
            0 => Ok(Self(sn_client::Qos::Zero)),
            1 => Ok(Self(sn_client::Qos::One)),
            2 => Ok(Self(sn_client::Qos::Two)),
            other => Err(D::Error::custom(format!("{other} is no QoS; 0, 1 and 2 are"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_words() {
        assert_eq!("1h 30min".parse(), Ok(Time::from_secs(5_400)));
        assert_eq!("30d".parse(), Ok(Time::from_secs(30 * 86_400)));
        let error = "5".parse::<Time>().expect_err("no unit");
        assert!(error.contains("\"5min\""), "{error}");
    }
}
