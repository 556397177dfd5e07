//! Metrics for Prometheus, for who configures an address.
//!
//! Owns: the metrics' names and texts (`names`), their values, the HTTP listener. Must not know: what the
//! counters mean; they are the core's and the transports'.
//!
//! Order: a scrape comes in at the [`Server`], which asks the driver. The driver, which owns all that is counted, has the
//! [`Desk`] fill its board and answer with its text: nothing is locked, and between two scrapes nothing is done but for the time that
//! commits take.

mod board;
mod desk;
mod names;
mod server;

use board::Board;

pub(crate) use board::Seen;
pub(crate) use desk::Desk;
pub(crate) use server::{CHANNEL, Scrape, Server};
