//! What the node says about itself.

use core::fmt;
use heapless::String;

/// The longest report, in octets.
const MAX_REPORT_LEN: usize = 64;

/// Counters since the start; they wrap around.
#[derive(Default)]
pub(crate) struct Report {
    /// This report's number.
    pub(crate) count: u32,
    /// Commands received.
    pub(crate) commands: u32,
    /// Commands that were too long or too many to keep, and requests that were not possible.
    pub(crate) dropped: u32,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, commands, dropped } = self;
        write!(f, r#"{{"count":{count},"commands":{commands},"dropped":{dropped}}}"#)
    }
}

impl Report {
    /// As JSON.
    pub(crate) fn to_json(&self) -> String<MAX_REPORT_LEN> {
        // It fits with the largest numbers; were it cut off, the report would be empty.
        heapless::format!("{self}").unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_report_fits() {
        let report = Report { count: u32::MAX, commands: u32::MAX, dropped: u32::MAX };
        assert_eq!(report.to_json(), r#"{"count":4294967295,"commands":4294967295,"dropped":4294967295}"#);
    }
}
