//! Scenarios: files that a user writes, from which a [`Plan`](crate::Plan) is made.
//!
//! Owns: the file's keys and defaults ([`File`]), errors that say where and what would be right ([`ScenarioError`]), and how
//! a file becomes a plan ([`File::expand`]): groups become nodes, places and moments are drawn from the seed, shares
//! and intervals become lists.
//!
//! Must not know: files and directories. The same file and seed always give the same plan.
//!
//! Order of calls: [`File::parse`], [`File::check_use`], change what the command line overrides, [`File::expand`], then
//! [`World::new`](crate::World::new) with the plan.

mod check;
mod error;
mod expand;
mod fault;
mod file;
mod node_link;
mod place;
mod room;
mod topic;
mod uses;
mod values;
mod words;

pub use error::ScenarioError;
pub use expand::Scene;
pub use fault::{FaultTable, What};
pub use file::{
    BandKey, BatteryKey, ClientTable, CommandTable, ExcessKey, File, GatewayTable, GroupTable, LinkTable, MediumTable,
    RadioTable, ReportTable, RouterTable, SleepTable, SubscribeTable, UdpTable, WallTable, WillTable,
};
pub use node_link::NodeLinkTable;
pub use place::PlaceKey;
pub use uses::Use;
pub use values::{Metres, Percent, Qos, Time};
