//! Numbers as text, digit by digit: what `core::fmt` needs for its widths, signs and alignments takes 4 KiB of a node's flash.

use core::fmt::{Result, Write};

const HEX: &str = "0123456789abcdef";

/// Writes a number in decimal digits.
///
/// # Errors
/// There is no room.
pub fn decimal(out: &mut impl Write, number: u32) -> Result {
    if number >= 10 {
        decimal(out, number / 10)?;
    }
    digit(out, number % 10)
}

/// Writes a number in as many hexadecimal digits.
///
/// # Errors
/// There is no room.
pub fn hexadecimal(out: &mut impl Write, number: u32, digits: u32) -> Result {
    (0..digits).rev().try_for_each(|place| digit(out, number >> (4 * place) & 0xF))
}

fn digit(out: &mut impl Write, digit: u32) -> Result {
    let at = digit as usize;
    out.write_str(HEX.get(at..=at).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use heapless::String;

    #[test]
    fn numbers_are_written_as_the_standard_library_does() {
        for number in [0, 7, 10, 99, 100, 4_711, 1 << 31, u32::MAX] {
            let mut text = String::<32>::new();
            decimal(&mut text, number).expect("it fits");
            text.push(' ').expect("it fits");
            hexadecimal(&mut text, number, 8).expect("it fits");
            let expected: String<32> = heapless::format!("{number} {number:08x}").expect("it fits");
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        assert!(decimal(&mut String::<3>::new(), 1_000).is_err());
        assert!(hexadecimal(&mut String::<3>::new(), 1, 4).is_err());
    }
}
