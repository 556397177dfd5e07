//! Axes with round ticks, each in the words of its unit.

use super::format;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

const S: u64 = 1_000_000;
const MIN: u64 = 60 * S;
const H: u64 = 60 * MIN;
const DAY: u64 = 24 * H;

/// Days in a year.
const YEAR: f64 = 365.25;

/// Steps of a time axis, in microseconds.
const TIME_STEPS: [u64; 20] = [
    1_000,
    100_000,
    S,
    2 * S,
    5 * S,
    10 * S,
    30 * S,
    MIN,
    2 * MIN,
    5 * MIN,
    10 * MIN,
    30 * MIN,
    H,
    2 * H,
    6 * H,
    12 * H,
    DAY,
    2 * DAY,
    7 * DAY,
    30 * DAY,
];

/// At most so many steps on an axis.
const MAX_STEPS: f64 = 5.0;

/// An axis from `from` to `to`, which is more.
#[derive(Clone)]
pub(super) struct Axis {
    from: f64,
    to: f64,
    ticks: Vec<f64>,
    label: fn(f64) -> String,
}

impl Axis {
    /// Of whole things, from 0 to at least `top`.
    pub(super) fn counts(top: f64) -> Self {
        Self::from_zero(top, step(top).max(1.0), short)
    }

    /// Of whole things, from 0 to exactly `end`.
    pub(super) fn places(end: usize) -> Self {
        let to = end.max(1) as f64;
        let mut axis = Self::counts(to);
        axis.ticks.retain(|tick| *tick <= to);
        Self { to, ..axis }
    }

    /// Of hundredths, from 0 to at least `top`.
    pub(super) fn percent(top: f64) -> Self {
        Self::from_zero(top, step(top).max(0.01), |value| format!("{}%", rounded(value)))
    }

    /// Of days, or of years if `top` is more than two.
    pub(super) fn days(top: f64) -> Self {
        if top > 2.0 * YEAR {
            Self::from_zero(top, step(top / YEAR).max(1.0) * YEAR, |days| format!("{} y", rounded(days / YEAR)))
        } else {
            Self::from_zero(top, step(top).max(1.0), |days| format!("{} d", rounded(days)))
        }
    }

    /// Of microseconds, from 0 to `end_us`.
    pub(super) fn time(end_us: u64) -> Self {
        let end_us = end_us.max(1);
        let fits = |step: &u64| end_us as f64 / *step as f64 <= MAX_STEPS;
        let step = TIME_STEPS.into_iter().find(fits).unwrap_or(end_us.div_ceil(4 * DAY) * DAY);
        let ticks = (0..=end_us / step).map(|place| (place * step) as f64);
        Self { from: 0.0, to: end_us as f64, ticks: ticks.collect(), label: |us| format::tick(us.round() as u64) }
    }

    /// Of decimal logarithms of microseconds, whole decades around both values. See [`log_us`].
    pub(super) fn decades(first_us: u64, last_us: u64) -> Self {
        let from = log_us(first_us).floor();
        let to = log_us(last_us).ceil().max(from + 1.0);
        let every = if to - from > 5.0 { 2 } else { 1 };
        let ticks = (from as u32..=to as u32).step_by(every).map(f64::from);
        Self { from, to, ticks: ticks.collect(), label: |decade| decade_tick(decade.round() as u32) }
    }

    fn from_zero(top: f64, step: f64, label: fn(f64) -> String) -> Self {
        let steps = (top / step).ceil().max(1.0) as u32;
        let ticks = (0..=steps).map(|place| f64::from(place) * step);
        Self { from: 0.0, to: f64::from(steps) * step, ticks: ticks.collect(), label }
    }

    /// The end of the axis.
    pub(super) fn end(&self) -> f64 {
        self.to
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        let share = (value.clamp(self.from, self.to) - self.from) / (self.to - self.from);
        start + (share * f64::from(end - start)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        (self.label)(*value)
    }
}

/// A duration's place on an axis of [decades](Axis::decades), which begins at 10 us.
pub(super) fn log_us(us: u64) -> f64 {
    (us.max(10) as f64).log10()
}

/// 1, 2 or 5 times a power of ten, so that there are at most [`MAX_STEPS`] up to `top`.
fn step(top: f64) -> f64 {
    let least = top.max(f64::MIN_POSITIVE) / MAX_STEPS;
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= least).unwrap_or(power)
}

fn decade_tick(decade: u32) -> String {
    let third = (decade / 3).min(2);
    let unit = ["µs", "ms", "s"][third as usize];
    format!("{} {unit}", short(10_f64.powf(f64::from(decade - 3 * third))))
}

/// A count in at most five characters.
fn short(value: f64) -> String {
    match value {
        ..10_000.0 => format::count(value.round() as u64),
        10_000.0..1_000_000.0 => format!("{}k", rounded(value / 1e3)),
        _ => format!("{}M", rounded(value / 1e6)),
    }
}

/// Without the dust that sums of hundredths leave.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks.iter().map(|tick| axis.format_ext(tick)).collect()
    }

    #[test]
    fn axes_have_round_ticks_and_reach_the_largest_value() {
        assert_eq!(labels(&Axis::counts(0.0)), ["0", "1"]);
        assert_eq!(labels(&Axis::counts(7.0)), ["0", "2", "4", "6", "8"]);
        assert_eq!(labels(&Axis::counts(40_000.0)), ["0", "10k", "20k", "30k", "40k"]);
        assert_eq!(labels(&Axis::percent(0.3)), ["0%", "0.1%", "0.2%", "0.3%"]);
        assert_eq!(labels(&Axis::days(1_500.0)), ["0 y", "1 y", "2 y", "3 y", "4 y", "5 y"]);
        assert_eq!(labels(&Axis::places(200)), ["0", "50", "100", "150", "200"]);
        assert_eq!(labels(&Axis::places(1)), ["0", "1"]);
        for top in [1.0, 9.0, 99.9, 12_345.0, 1e12] {
            let axis = Axis::counts(top);
            assert!(axis.end() >= top && axis.ticks.len() <= 7, "{top}");
        }
    }

    #[test]
    fn time_has_ticks_as_a_clock_has() {
        assert_eq!(labels(&Axis::time(24 * H)), ["0", "6 h", "12 h", "18 h", "24 h"]);
        assert_eq!(labels(&Axis::time(90 * S)), ["0", "30 s", "60 s", "90 s"]);
        assert_eq!(labels(&Axis::time(0)), ["0"]);
        for end_us in [1, S, 12_345_678_901, 3 * 365 * DAY, u64::MAX] {
            assert!(labels(&Axis::time(end_us)).len() <= 7, "{end_us}");
        }
    }

    #[test]
    fn decades_are_written_in_their_unit() {
        assert_eq!([1, 3, 5, 6, 9].map(decade_tick), ["10 µs", "1 ms", "100 ms", "1 s", "1,000 s"]);
        assert_eq!(labels(&Axis::decades(2_000, 900_000)), ["1 ms", "10 ms", "100 ms", "1 s"]);
        assert_eq!(labels(&Axis::decades(0, 0)), ["10 µs", "100 µs"]);
    }
}
