//! Logarithms, decibels and random variables in integers.
//!
//! What decides about a run must not depend on a mathematical library: `ln` and `powf` may differ in their last bit from
//! machine to machine. So there are no floats here. Powers are in tenths of a dBm, or in attowatts where they are added.

use oorandom::Rand64;

/// log10(2) in 1/65,536.
const LOG10_OF_2_Q16: i64 = 19_728;
/// ln(2) in 1/65,536.
const LN_OF_2_Q16: u64 = 45_426;
/// The one of fixed-point numbers with 16 binary places.
const ONE_Q16: u64 = 1 << 16;
/// 10^(1/100), the hundredth root of ten, with 60 binary places.
const TENTH_OF_DB_Q60: u128 = 1_179_776_496_313_969_700;

/// Base 2 logarithm of `x` in 1/65,536; of 0 that of 1. Squares the mantissa once per binary place.
const fn log2_q16(x: u64) -> i64 {
    let x = if x == 0 { 1 } else { x };
    let whole = x.ilog2();
    // Between 1 and 2, with 31 binary places, so that its square fits.
    let mut mantissa = if whole <= 31 { x << (31 - whole) } else { x >> (whole - 31) };
    let mut result = whole as i64;
    let mut place = 0;
    while place < 16 {
        mantissa = (mantissa * mantissa) >> 31;
        result <<= 1;
        if mantissa >= 1 << 32 {
            mantissa >>= 1;
            result |= 1;
        }
        place += 1;
    }
    result
}

/// 10 log10 of `x` in tenths of a decibel, times `factor`.
pub(super) const fn decibels_tenths(x: u64, factor: i64) -> i64 {
    (log2_q16(x) * LOG10_OF_2_Q16 / ONE_Q16 as i64) * 100 * factor / ONE_Q16 as i64
}

/// The powers 10^(0/100) to 10^(99/100) with 32 binary places.
const STEPS_Q32: [u64; 100] = {
    let mut steps = [0; 100];
    let mut power_q60: u128 = 1 << 60;
    let mut step = 0;
    while step < 100 {
        steps[step] = (power_q60 >> 28) as u64;
        power_q60 = (power_q60 * TENTH_OF_DB_Q60) >> 60;
        step += 1;
    }
    steps
};

/// `tenths` of a decibel as a ratio with 32 binary places; 0..=90 dB.
pub(super) fn ratio_q32(tenths: u32) -> u128 {
    let tenths = tenths.min(900);
    u128::from(STEPS_Q32[tenths as usize % 100]) * 10_u128.pow(tenths / 100)
}

/// A power in tenths of a dBm as attowatts; below -150 dBm nothing, above 30 dBm as 30 dBm.
pub(super) fn attowatts(tenths_dbm: i32) -> u64 {
    // 0 dBm are 10^15 aW.
    let tenths = tenths_dbm.min(300) + 1_500;
    if tenths < 0 {
        return 0;
    }
    let (decades, step) = (tenths as u32 / 100, tenths as usize % 100);
    ((10_u128.pow(decades) * u128::from(STEPS_Q32[step])) >> 32) as u64
}

/// A waiting time, exponentially distributed with this mean.
pub(super) fn exponential(rng: &mut Rand64, mean: u64) -> u64 {
    // -ln(u), u evenly spread over (0, 1], in 1/65,536.
    let u = rng.rand_range(0..1 << 32) + 1;
    let minus_log2_q16 = ((32 << 16) - log2_q16(u)) as u64;
    let minus_ln_q16 = (minus_log2_q16 * LN_OF_2_Q16) >> 16;
    ((u128::from(mean) * u128::from(minus_ln_q16)) >> 16) as u64
}

/// Normally distributed around 0 with deviation `sigma`, cut off at three of them: the sum of twelve even variables.
pub(super) fn normal(rng: &mut Rand64, sigma: i64) -> i64 {
    let sum: i64 = (0..12).map(|_| rng.rand_range(0..ONE_Q16) as i64).sum();
    let deviation_q16 = (sum - 6 * ONE_Q16 as i64).clamp(-3 * ONE_Q16 as i64, 3 * ONE_Q16 as i64);
    deviation_q16 * sigma / ONE_Q16 as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_those_of_the_mathematical_library_to_a_tenth_of_a_decibel() {
        for x in [1_u64, 2, 3, 10, 99, 1_000, 123_456, 1 << 40, 987_654_321_987] {
            let expected = 100.0 * (x as f64).log10();
            let found = decibels_tenths(x, 1) as f64;
            assert!((expected - found).abs() <= 1.0, "{x}: {found}, not {expected}");
        }
    }

    #[test]
    fn powers_are_those_of_the_mathematical_library() {
        for tenths in [-1_400, -1_003, -999, -755, -1, 0, 1, 85, 200] {
            let expected = 10_f64.powf(f64::from(tenths) / 100.0 + 15.0);
            let found = attowatts(tenths) as f64;
            assert!((expected - found).abs() <= expected / 1_000.0 + 1.0, "{tenths}: {found}, not {expected}");
        }
        assert_eq!(ratio_q32(100) >> 32, 10);
    }

    #[test]
    fn waiting_times_have_their_mean() {
        let mut rng = Rand64::new(1);
        let mean = (0..100_000).map(|_| exponential(&mut rng, 1_000_000)).sum::<u64>() / 100_000;
        assert!((990_000..1_010_000).contains(&mean), "{mean}");
    }

    #[test]
    fn shadowing_has_its_deviation() {
        let mut rng = Rand64::new(1);
        let values: Vec<i64> = (0..100_000).map(|_| normal(&mut rng, 1_000)).collect();
        let mean = values.iter().sum::<i64>() / 100_000;
        let variance = values.iter().map(|value| value * value).sum::<i64>() / 100_000;
        assert!(mean.abs() < 15, "{mean}");
        assert!((950_000..1_020_000).contains(&variance), "{variance}");
        assert!(values.iter().all(|value| value.abs() <= 3_000));
    }
}
