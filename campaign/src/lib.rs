//! The kill -9 campaign: the gateway as it ships, killed at random moments, and everything checked from outside.
//!
//! Owns: clients of both protocols that go on through every restart ([`cast`]), the books on what was acknowledged and
//! what arrived ([`ledger`]), a disk that forgets or fails ([`disk`]), and the verdict. Must not know: the inside of the
//! gateway, which is a program that it starts and kills.
//!
//! Order of calls: [`kills::run`] or [`outages::run`], then [`verdict::Verdict`] is printed.

pub mod cast;
pub mod disk;
pub mod gateway;
mod history;
pub mod kills;
pub mod ledger;
pub mod mqtt;
pub mod node;
pub mod outages;
pub mod payload;
mod stage;
pub mod verdict;
