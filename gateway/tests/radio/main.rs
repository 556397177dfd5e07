//! A secured radio at a real gateway: an emulated dongle at a serial device, and a node with a key. Alone, and beside UDP, a
//! serial line and MQTT.

#[path = "../common/mod.rs"]
mod common;

mod ask;
mod dongle;
mod line;
mod mqtt;
mod replay;
mod restart;
mod together;
mod unlisted;

use test_nodes as node;
