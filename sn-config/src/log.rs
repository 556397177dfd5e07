//! Filters of what is logged.

use serde::{Deserialize, Deserializer, de};
use std::fmt;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{Directive, LevelFilter};

/// The first part of a filter that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoLogFilter(String);

impl fmt::Display for NoLogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no log filter; write off, error, warn, info, debug or trace, for all or for a module, as in \
             info,MODULE=debug",
            self.0
        )
    }
}

impl std::error::Error for NoLogFilter {}

/// Reads a filter as `info` or `info,sn_gateway=debug`. `base` is one, too, for what `filter` does not speak of.
///
/// # Errors
/// What is no filter. So is a name alone: `tracing` takes it for a module's, and a level that is misspelt would silence
/// everything.
pub fn log_filter(base: &str, filter: &str) -> Result<EnvFilter, NoLogFilter> {
    let parts: Vec<&str> = filter.split(',').map(str::trim).collect();
    match parts.iter().find(|part| !is_filter(part)) {
        Some(part) => Err(NoLogFilter((*part).into())),
        None => EnvFilter::try_new(format!("{base},{}", parts.join(","))).map_err(|_| NoLogFilter(filter.into())),
    }
}

/// The text of a filter, for a flag that is used later.
///
/// # Errors
/// As for [`log_filter`].
pub fn checked_log_filter(filter: &str) -> Result<String, NoLogFilter> {
    log_filter("error", filter).map(|_| filter.into())
}

/// The same for a key.
///
/// # Errors
/// It is no text, or as for [`log_filter`].
pub fn log_filter_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked_log_filter(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

fn is_filter(part: &str) -> bool {
    let is_level = !part.is_empty() && part.parse::<LevelFilter>().is_ok();
    // Without a level `tracing` takes it for errors.
    is_level || part.contains(['=', '[']) && !part.ends_with('=') && part.parse::<Directive>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::{Level, enabled};
    use tracing_subscriber::Registry;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn levels_and_modules_are_filters() {
        for filter in ["info", "WARN", "off", "info, sn_gateway::mqtt=debug", "sn_gateway=debug", "a=off,trace"] {
            assert!(log_filter("error", filter).is_ok(), "{filter}");
        }
    }

    #[test]
    fn what_is_no_level_is_named() {
        for (filter, wrong) in [
            ("warning", "warning"),
            ("", ""),
            ("info,", ""),
            ("info,sn_gateway", "sn_gateway"),
            ("sn_gateway=warning", "sn_gateway=warning"),
            ("info,sn_gateway=", "sn_gateway="),
            ("a=b=c", "a=b=c"),
        ] {
            assert_eq!(log_filter("error", filter).err(), Some(NoLogFilter(wrong.into())), "{filter}");
        }
    }

    #[test]
    fn the_base_holds_for_what_the_filter_does_not_speak_of() {
        let says = |filter| {
            let subscriber = Registry::default().with(log_filter("error,noise=off", filter).expect("it is one"));
            tracing::subscriber::with_default(subscriber, || {
                [
                    enabled!(target: "other", Level::ERROR),
                    enabled!(target: "other", Level::WARN),
                    enabled!(target: "noise", Level::ERROR),
                ]
            })
        };
        assert_eq!(says("misspelt=debug"), [true, false, false]);
        assert_eq!(says("info"), [true, true, false]);
        assert_eq!(says("off"), [false, false, false]);
        assert_eq!(says("noise=error"), [true, false, true]);
    }
}
