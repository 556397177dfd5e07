//! Programs of other people against the release binaries.
//!
//! Owns: starting and ending processes, waiting for what they print, and the gateway under test. The tests are in
//! `tests/`, one file for each of those programs. Must not know: the inside of the gateway; what is tested here is what
//! a user installs, seen from outside.
//!
//! Order of calls: [`Gateway::start`], then clients at its addresses ([`mosquitto_sub`], [`PahoClient`], ...), each
//! waiting with [`Process::expect`] until it says that it is where the test wants it. Nothing sleeps: a wait ends when
//! the line is there, and fails after [`PATIENCE`]. Everything that was started ends with the value that stands for it.
//!
//! `cargo xtask test` provides the programs. Failed expectations panic, with everything the process has printed.

mod capture;
mod emulated_node;
mod gateway;
mod install;
mod line;
mod mosquitto;
mod mqtt_sn_12;
mod node;
mod paho;
mod process;
mod scripted;
mod sn_tools;
pub mod tour;

pub use capture::{Capture, Frame};
pub use emulated_node::{EmulatedNode, Way};
pub use gateway::Gateway;
pub use install::{node_modules, node_program, node_red, python_program, release_dir, root, target_dir, venv_bin};
pub use line::LineNode;
pub use mosquitto::{mosquitto_pub, mosquitto_pub_at, mosquitto_sub, mosquitto_sub_at};
pub use mqtt_sn_12::{SnPyClient, mqtt_sn_pub, mqtt_sn_sub};
pub use node::Node;
pub use paho::PahoClient;
pub use process::{PATIENCE, Process};
pub use scripted::{LIBRARIES, Library, ScriptedClient};
pub use sn_tools::{sn_pub, sn_sub};
