//! The gateway as an MQTT server: what the OASIS texts of 3.1.1 and 5.0 ask for, seen from a TCP connection.
//!
//! Owns: a test for every numbered statement about servers that can be seen from outside. They were written from the
//! standard's text; `gateway/conformance` has a table for each version that says which test stands for which statement,
//! and `cargo xtask conformance` compares the two. Must not know: the gateway's inside.
//!
//! A test has a gateway of its own. What both versions ask for runs in both. Files are named after the standard's
//! sections; those for what only 5.0 has begin with `v5_`. `paho` and `v5_paho` follow the cases of Eclipse Paho's
//! interoperability suites.

#[path = "../common/mod.rs"]
mod common;

mod client;
mod octets;
mod property;
mod received;

mod connect;
mod data;
mod header;
mod paho;
mod ping_and_disconnect;
mod publish;
mod qos;
mod retained;
mod session;
mod subscribe;
mod topics;
mod unsubscribe;
mod v5_alias;
mod v5_authentication;
mod v5_connect;
mod v5_flow;
mod v5_paho;
mod v5_properties;
mod v5_publish;
mod v5_session;
mod v5_shared;
mod v5_subscribe;
mod v5_will;
mod will;
