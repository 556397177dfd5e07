//! Numbers as people read them.

const MS: u64 = 1_000;
const S: u64 = 1_000 * MS;
const MIN: u64 = 60 * S;
const H: u64 = 60 * MIN;
const DAY: u64 = 24 * H;

/// With thousands set apart: `28,800`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and what is counted: `1 node`, `28,800 nodes`.
pub(super) fn count_of(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// In the unit that fits: `1.25 ms`, `42 s`, `3 h 20 min`, `2 d 1 h`.
pub(super) fn duration(us: u64) -> String {
    match us {
        0..MS => format!("{us} µs"),
        MS..S => format!("{} ms", three_digits(us as f64 / MS as f64)),
        S..MIN => format!("{} s", three_digits(us as f64 / S as f64)),
        MIN..H => two_units(us, (MIN, "min"), (S, "s")),
        H..DAY => two_units(us, (H, "h"), (MIN, "min")),
        DAY.. => two_units(us, (DAY, "d"), (H, "h")),
    }
}

fn two_units(us: u64, large: (u64, &str), small: (u64, &str)) -> String {
    let (whole, rest) = (us / large.0, us % large.0 / small.0);
    if rest == 0 { format!("{whole} {}", large.1) } else { format!("{whole} {} {rest} {}", large.1, small.1) }
}

/// A round duration as a tick of an axis, in the largest unit of which it is at least two.
pub(super) fn tick(us: u64) -> String {
    let units = [(DAY, "d"), (H, "h"), (MIN, "min"), (S, "s"), (MS, "ms"), (1, "µs")];
    let fits = units.into_iter().find(|(unit, _)| us >= 2 * unit && us.is_multiple_of(*unit));
    fits.map_or_else(|| us.to_string(), |(unit, name)| format!("{} {name}", us / unit))
}

/// A battery's life: `37 days`, `2.4 years`.
pub(super) fn battery_life(days: u32) -> String {
    match days {
        1 => "1 day".to_owned(),
        0..730 => format!("{days} days"),
        730..36_500 => format!("{:.1} years", f64::from(days) / 365.25),
        36_500.. => "over 100 years".to_owned(),
    }
}

/// A current in microamperes or milliamperes.
pub(super) fn current(na: u64) -> String {
    match na {
        0..1_000_000 => format!("{} µA", three_digits(na as f64 / 1e3)),
        1_000_000.. => format!("{} mA", three_digits(na as f64 / 1e6)),
    }
}

/// A share: 0% and 100% mean none and all, whatever rounding would say. `None` of nothing.
pub(super) fn percent(part: u64, whole: u64) -> Option<String> {
    let percent = 100.0 * part as f64 / whole as f64;
    Some(match whole {
        0 => return None,
        _ if part == 0 => "0%".to_owned(),
        _ if part == whole => "100%".to_owned(),
        _ if percent < 0.01 => "< 0.01%".to_owned(),
        _ if percent < 1.0 => format!("{percent:.2}%"),
        _ if percent > 99.99 && percent < 100.0 => "> 99.99%".to_owned(),
        _ if percent > 99.0 && percent < 100.0 => format!("{percent:.2}%"),
        _ => format!("{percent:.1}%"),
    })
}

/// A dash, which is what a table says where there is nothing to say.
pub(super) fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "–".to_owned())
}

fn three_digits(number: f64) -> String {
    let decimals = match number {
        ..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let texts = [0, 999, 1_000, 28_800, 1_234_567].map(count);
        assert_eq!(texts, ["0", "999", "1,000", "28,800", "1,234,567"]);
        assert_eq!(count_of(1, "node", "nodes"), "1 node");
        assert_eq!(count_of(0, "node", "nodes"), "0 nodes");
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        let texts = [0, 999, 1_250, 84_060, 42_000_000, 3 * H + 20 * MIN, DAY, 49 * H].map(duration);
        assert_eq!(texts, ["0 µs", "999 µs", "1.25 ms", "84.1 ms", "42 s", "3 h 20 min", "1 d", "2 d 1 h"]);
        let ticks = [0, 100, 10_000, 30 * S, 90 * MIN, 6 * H, DAY].map(tick);
        assert_eq!(ticks, ["0", "100 µs", "10 ms", "30 s", "90 min", "6 h", "24 h"]);
    }

    #[test]
    fn only_none_is_0_percent_and_only_all_is_100() {
        let texts = [(0, 3), (3, 3), (1, 3), (1, 1_000_000), (999_999, 1_000_000), (999, 1_000), (1, 200), (3, 2)];
        let texts = texts.map(|(part, whole)| or_dash(percent(part, whole)));
        assert_eq!(texts, ["0%", "100%", "33.3%", "< 0.01%", "> 99.99%", "99.90%", "0.50%", "150.0%"]);
        assert_eq!(or_dash(percent(0, 0)), "–");
    }

    #[test]
    fn batteries_and_currents() {
        assert_eq!([1, 37, 900, 40_000].map(battery_life), ["1 day", "37 days", "2.5 years", "over 100 years"]);
        assert_eq!([900, 12_340, 18_500_000].map(current), ["0.9 µA", "12.3 µA", "18.5 mA"]);
    }
}
