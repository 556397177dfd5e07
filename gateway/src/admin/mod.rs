//! What an operator asks a running gateway, over a Unix socket in its data directory.
//!
//! Owns: the protocol (one line of JSON each way, see [`protocol`]), the daemon's end (`server`), the command line's end
//! ([`client`]). Must not know: the core's inside; the driver answers.
//!
//! Who may open the socket may do everything: it has mode 0600, and so has nobody but the gateway's own user and root.

pub mod client;
pub mod nodes;
pub mod protocol;
pub mod radio;
mod server;
mod view;

pub(crate) use server::{Ask, CHANNEL, Reply, Server};
