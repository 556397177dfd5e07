//! A deterministic world: the shipping node code and the shipping gateway code in virtual time, over a link that
//! loses, delays and repeats datagrams.
//!
//! Owns: time, the link, what the nodes' applications want ([`Plan`]), and the account of what was promised and what
//! came ([`Ledger`]), which is kept outside of the code under test.
//!
//! Must not know: clocks, threads, sockets, the inside of a session. A run is a pure function of its plan: one thread,
//! integers, one seeded generator, no map with an order of its own.
//!
//! Order of calls: write a [`Plan`], [`World::new`], [`World::run_until`] or [`World::run_until_settled`], then ask
//! [`World::ledger`] for its [verdict](Ledger::verdict). [`World::inject`] lets a stranger speak in between.

mod agenda;
mod application;
pub mod energy;
mod ledger;
mod link;
pub mod medium;
mod mutator;
mod node;
pub mod pcap;
mod plan;
pub mod radio;
pub mod report;
mod trace;
pub mod udp_net;
mod world;

pub use ledger::{Ledger, Summary, Violation};
pub use link::Link;
pub use mutator::Mutator;
pub use plan::{Feed, NodePlan, Plan, Sleep};
pub use world::{Effects, World};
