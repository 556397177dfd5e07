//! A deterministic world: the shipping node code and the shipping gateway code in virtual time, over media that lose,
//! delay and repeat datagrams, with disks that lose what was not synced.
//!
//! Owns: time, the media, what everybody wants and what goes wrong ([`Plan`]), and the account of what was promised and
//! what came ([`Ledger`]), which is kept outside of the code under test.
//!
//! Must not know: clocks, threads, sockets, the inside of a session. A run is a pure function of its plan: one thread,
//! integers, one seeded generator, no map with an order of its own.
//!
//! Order of calls: write a [`Plan`], [`World::new`], [`World::run_until`] or [`World::run_until_settled`], then ask
//! [`World::ledger`] for its [verdict](Ledger::verdict). [`World::inject`] lets a stranger speak in between. A plan with a
//! calm at its end is run as a whole by [`World::run_to_the_end`].

mod agenda;
mod application;
mod chance;
mod disk;
pub mod dongle;
pub mod energy;
mod floor;
mod gateway;
mod ledger;
mod link;
pub mod medium;
mod mqtt;
mod mutator;
mod node;
pub mod pcap;
pub mod plan;
pub mod radio;
pub mod report;
pub mod scenario;
mod script;
pub mod swarm;
mod trace;
pub mod udp_net;
mod watch;
mod world;

pub use floor::Floor;
pub use ledger::{Ledger, Message, Summary, Violation};
pub use link::Link;
pub use mutator::Mutator;
pub use plan::Plan;
pub use world::{Effects, Outcome, World};
