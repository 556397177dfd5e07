//! What the configuration files of the gateway and of the forwarder have in common.
//!
//! Owns: how such a file is read ([`read`]), errors that name the place and what would be right ([`ConfigError`], [`Contradiction`]), in TOML's words ([`words`]),
//! numbers with a range ([`number`]), names ([`name`]), other machines ([`HostPort`]), addresses that collide ([`Claim`]), log filters ([`log_filter`]), the keys of
//! a serial line ([`serial`]) and of a radio ([`radio`]). Must not know: which tables and keys a daemon has.
//!
//! TOML is read with serde. A table whose keys depend on its `kind` is read into one struct with all keys as options and then
//! checked: a tagged enum would lose the places of errors.

mod claim;
mod contradiction;
mod error;
mod host;
mod log;
pub mod name;
pub mod number;
mod place;
pub mod radio;
mod radio_limits;
pub mod serial;
mod strict;
pub mod words;

pub use claim::{Claim, leaves_ipv4};
pub use contradiction::{At, Contradiction};
pub use error::{ConfigError, read};
pub use host::{HostPort, NoHost};
pub use log::{NoLogFilter, checked_log_filter, log_filter, log_filter_key};
pub use place::Place;
pub use words::Hint;
