//! What the board measures, and how that is told.

use config_page::text::decimal;
use core::fmt::{Result, Write};

/// The longest report, in octets.
pub(super) const MAX_REPORT_LEN: usize = 64;

/// One measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// The chip's temperature, in hundredths of a degree Celsius.
    pub centidegrees: i16,
    /// The supply's voltage, in mV.
    pub supply_mv: u16,
}

/// A report: `{"n":7,"t":21.25,"v":3012}`, and with the button pressed twice `{"n":7,"t":21.25,"v":3012,"b":2}`. Short,
/// since each octet is on the air for 32 us.
pub(super) struct Report {
    /// Since the start, this report's number.
    pub(super) count: u32,
    pub(super) sample: Sample,
    /// How often the button was pressed since the start.
    pub(super) presses: u32,
}

impl Report {
    pub(super) fn write_to(&self, out: &mut impl Write) -> Result {
        let Self { count, sample: Sample { centidegrees, supply_mv }, presses } = *self;
        out.write_str(r#"{"n":"#)?;
        decimal(out, count)?;
        out.write_str(if centidegrees < 0 { r#","t":-"# } else { r#","t":"# })?;
        let hundredths = u32::from(centidegrees.unsigned_abs());
        decimal(out, hundredths / 100)?;
        out.write_str(".")?;
        decimal(out, hundredths / 10 % 10)?;
        decimal(out, hundredths % 10)?;
        out.write_str(r#","v":"#)?;
        decimal(out, supply_mv.into())?;
        if presses > 0 {
            out.write_str(r#","b":"#)?;
            decimal(out, presses)?;
        }
        out.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(count: u32, centidegrees: i16, supply_mv: u16, presses: u32) -> heapless::String<MAX_REPORT_LEN> {
        let mut text = heapless::String::new();
        let report = Report { count, sample: Sample { centidegrees, supply_mv }, presses };
        report.write_to(&mut text).expect("it fits");
        text
    }

    #[test]
    fn a_report_is_json() {
        assert_eq!(text(7, 2125, 3012, 0), r#"{"n":7,"t":21.25,"v":3012}"#);
        assert_eq!(text(1, -5, 1800, 2), r#"{"n":1,"t":-0.05,"v":1800,"b":2}"#);
        assert!(text(u32::MAX, i16::MIN, u16::MAX, u32::MAX).ends_with("\"b\":4294967295}"), "the longest fits");
    }
}
