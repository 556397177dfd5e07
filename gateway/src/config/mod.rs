//! The configuration file: TOML in which every key has a default, and errors that say what would be right.
//!
//! [`load`] reads a file into a [`File`]; the command line puts its flags in; [`File::core`] makes of it what the core
//! takes, and the daemon reads the other tables itself.

mod access;
mod addr;
mod bridge;
mod certificates;
mod file;
mod listener;
mod pacing;
mod predefined;
mod queue;
mod store;
mod transparent;
mod transport;
mod upstream;

pub use access::{AccessTable, NodeTable};
pub use addr::ListenAddr;
pub use bridge::BridgeTable;
pub use file::{
    AddressMovesKey, File, GatewayTable, LimitsTable, LogFormat, LogTable, MetricsTable, SecurityTable, TimingTable,
    WhenFullKey,
};
pub use listener::ListenerTable;
pub use predefined::{Predefined, parse_entry};
pub use store::StoreTable;
pub use transparent::TransparentTable;
pub use transport::{RadioTable, SerialTable, SimTable, TransportTable, UdpTable};

pub use sn_config::ConfigError;

use sn_config::{Hint, name, number, radio, serial};
use std::path::Path;

/// What an operator may look for under another name.
const HINTS: &[Hint] = &[(
    "mqtt",
    "there is no table [mqtt]; write a table [[listener]] for each address, with kind = \"tcp\" and listen = \"IP:PORT\"",
)];

/// Reads a configuration file.
///
/// # Errors
/// A [`ConfigError`] that names the file, and the place in it unless the file cannot be read at all.
pub fn load(path: &Path) -> Result<File, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error))?;
    parse(path, &text)
}

/// Reads a configuration from `text`; `path` is for the error.
///
/// # Errors
/// A [`ConfigError`] that names the line, the column, the key and what would be right.
pub fn parse(path: &Path, text: &str) -> Result<File, ConfigError> {
    let file: File = sn_config::read(path, text, HINTS)?;
    match file.contradiction() {
        Some(contradiction) => Err(ConfigError::of_contradiction(path, text, contradiction)),
        None => Ok(file),
    }
}
