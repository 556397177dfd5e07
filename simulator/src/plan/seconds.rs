//! Times in a plan's file: seconds with up to six decimals, as text, so that nothing is rounded: `"12.5"`.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

/// Seconds, from microseconds.
fn print(micros: u64) -> String {
    let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
    if rest == 0 {
        return seconds.to_string();
    }
    format!("{seconds}.{rest:06}").trim_end_matches('0').to_owned()
}

/// Microseconds, from seconds.
fn parse(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    if fraction.len() > 6 || !is_number(fraction) || !is_number(seconds) {
        return None;
    }
    let micros: u64 = format!("{fraction:0<6}").parse().ok()?;
    seconds.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is no number of seconds like \"12.5\"")))
}

/// Instants, counted from the start of the run.
pub(crate) mod instant {
    use super::{Deserializer, Serializer, print, read};
    use sn_types::Instant;

    pub(crate) fn serialize<S: Serializer>(at: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&print(at.as_micros()))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
        read(deserializer).map(Instant::from_micros)
    }
}

/// Durations.
pub(crate) mod duration {
    use super::{Deserializer, Serializer, print, read};
    use std::time::Duration;

    pub(crate) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&print(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        read(deserializer).map(Duration::from_micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read_as_they_are_printed() {
        for (micros, text) in [(0, "0"), (1, "0.000001"), (12_500_000, "12.5"), (u64::MAX, "18446744073709.551615")] {
            assert_eq!(print(micros), text);
            assert_eq!(parse(text), Some(micros));
        }
        for wrong in ["", ".", "-1", "1.0000001", "1e3", "18446744073709.551616"] {
            assert_eq!(parse(wrong).filter(|_| !matches!(wrong, "" | ".")), None, "{wrong}");
        }
    }
}
