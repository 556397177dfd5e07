//! The daemon around [`gateway_core::Core`]: configuration, sockets, signals, logs.
//!
//! Owns: the command line and the configuration file, the MQTT listener, the one task that drives the core, the store,
//! the control socket, captures, what is logged and measured. Must not know: what a message means; that is the core's.
//!
//! Order: [`cli`] and [`config`] say what to do, [`run`] binds the listeners, prints where they are and turns the
//! [`driver`] until a signal ends it. One runtime thread does all of it, so that nothing is handed from processor to
//! processor on its way.

pub mod admin;
pub mod auth;
pub mod bridge;
pub mod capture;
pub mod cli;
pub mod config;
pub mod driver;
mod event_log;
pub mod logging;
mod metrics;
pub mod mqtt;
pub mod radio;
mod reload;
pub mod run;
mod startup;
pub mod store;
pub mod transparent;
pub mod upstream;
mod way;
