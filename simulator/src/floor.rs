//! Where everybody is: what a report shows of a run beside what happened.

use crate::report::{Position, Wall};

/// A place for everybody in a plan. What is missing here has no place, and gateways without a name are numbered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Floor {
    /// The run's name.
    pub name: String,
    /// One or two sentences.
    pub description: String,
    /// Walls.
    pub walls: Vec<Wall>,
    /// Of each node of the plan.
    pub nodes: Vec<Position>,
    /// Of each router of the plan's radio.
    pub routers: Vec<Position>,
    /// Of each gateway of the plan.
    pub gateways: Vec<Position>,
}
