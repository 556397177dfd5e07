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
        let wrong = || format!("{text:?} is no duration; \"500ms\", \"90s\", \"5min\", \"1h 30min\" and \"30d\" are");
        let duration = humantime::parse_duration(text).map_err(|_| wrong())?;
        if duration > Self::LONGEST.0 {
            return Err(format!("{text:?} is too long; the longest is ten years, \"3650d\""));
        }
        Ok(Self(duration))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Time {
    /// So no sum of some overflows.
    const LONGEST: Self = Self::from_secs(3_650 * 86_400);

    pub(super) const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub(super) fn as_micros(self) -> u64 {
        u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX)
    }
}

/// Two values in brackets: a shortest and a longest, or two corners.
///
/// # Errors
/// There are not two.
pub(super) fn two<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<[T; 2], D::Error> {
    let values = Vec::deserialize(deserializer)?;
    let found = values.len();
    values.try_into().map_err(|_| D::Error::custom(format_args!("there are two in such a list, not {found}")))
}

/// The same for a key that may be left out.
pub(super) fn two_or_none<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<[T; 2]>, D::Error> {
    two(deserializer).map(Some)
}

/// A place in metres: to the right, downwards.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Metres(pub f64, pub f64);

impl<'de> Deserialize<'de> for Metres {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = Vec::<f64>::deserialize(deserializer)?;
        let is_near = |metres: &f64| metres.abs() <= Self::FARTHEST;
        match numbers[..] {
            [x, y] if is_near(&x) && is_near(&y) => Ok(Self(x, y)),
            [_, _] => Err(D::Error::custom("a place is at most 100,000 m from [0, 0], to each side")),
            _ => {
                Err(D::Error::custom(format_args!("a place is [x, y], in metres; here are {} numbers", numbers.len())))
            }
        }
    }
}

impl Metres {
    const FARTHEST: f64 = 100_000.0;

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
    pub(super) fn is_zero(self) -> bool {
        self.ppm() == 0
    }

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
