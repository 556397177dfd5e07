//! What a run amounted to, for people and for programs.
//!
//! Owns: the facts of a finished run ([`Report`]), and the forms in which they are told: one HTML file, a text for the
//! terminal, CSV and JSON.
//!
//! Must not know: the world that ran. Whoever runs one counts, and fills in plain numbers; nothing here is computed
//! twice, and nothing is read from a clock or a disk.
//!
//! Order of calls: during the run, feed a [`LatencyRecorder`] for each direction and a [`Sampler`]; at its end, put
//! what they have into a [`Report`].

mod axis;
mod chart;
mod files;
mod format;
mod latency;
mod model;
mod page;
mod palette;
mod sampler;
mod text;
mod verdict;

pub use latency::LatencyRecorder;
pub use model::{
    Channel, Delivery, Direction, GatewayFacts, Latency, LatencyBucket, Link, Outage, Position, Power, Radio, Report,
    Scenario, Series, Slice, Station, StationKind, Traffic, Wall,
};
pub use sampler::{Levels, Sampler};
pub use verdict::{Outcome, Verdict};
