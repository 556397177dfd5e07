//! The forwarder: nodes on serial lines and radios here, a gateway somewhere else, UDP between them (1.2 §5.5).
//!
//! Owns: the command line and the configuration file ([`cli`], [`config`]), which node is meant by which wireless node id
//! ([`relay`], sans-IO), the transports with nodes ([`links`]), the socket to the gateway ([`uplink`]), and the one task that
//! passes datagrams on ([`run`]); for a secured radio also who may come in ([`nodes`]) and which frame counters are spent
//! ([`ledger`], [`counters`]). Must not know: sessions, topics, what a message means. It reads and writes the encapsulation
//! and nothing inside it.
//!
//! No message is acknowledged, kept or repeated here: nodes and gateway do that among themselves, and so whatever becomes of a
//! forwarder, it takes nothing with it that was promised.

pub mod cli;
pub mod config;
pub mod counters;
pub mod ledger;
pub mod links;
pub mod nodes;
pub mod relay;
pub mod run;
pub mod uplink;
