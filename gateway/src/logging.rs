//! Logs through `tracing`, to standard error.

use crate::config::{LogFormat, LogTable};
use sn_config::{NoLogFilter, log_filter};
use std::io::{self, IsTerminal};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// Changes the filter while running.
#[derive(Clone, Debug)]
pub struct LogControl(reload::Handle<EnvFilter, Registry>);

/// Starts logging.
///
/// # Errors
/// The filter is none, or somebody has started logging already.
pub fn start(log: &LogTable) -> anyhow::Result<LogControl> {
    let (filter, handle) = reload::Layer::new(parse_filter(&log.filter)?);
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = match log.format {
        LogFormat::Human => lines.with_ansi(io::stderr().is_terminal()).with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).try_init()?;
    Ok(LogControl(handle))
}

impl LogControl {
    /// Takes over another filter.
    ///
    /// # Errors
    /// It is none.
    pub fn set_filter(&self, filter: &str) -> anyhow::Result<()> {
        Ok(self.0.reload(parse_filter(filter)?)?)
    }
}

/// Reads a filter as `info` or `info,sn_gateway=debug`. Errors are logged unless it says otherwise.
///
/// # Errors
/// What is wrong with it.
pub fn parse_filter(filter: &str) -> Result<EnvFilter, NoLogFilter> {
    // The database says much that only its authors understand; what matters comes back as an error.
    log_filter("error,fjall=off,lsm_tree=off", filter)
}
