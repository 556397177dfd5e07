//! What the command line decides, for every scenario.

use std::time::Duration;

use crate::target::Target;

/// The bounds that keep a stuck gateway from hanging a scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// When a request is sent again.
    pub(crate) t_retry: Duration,
    /// How often a request is sent again.
    pub(crate) n_retry: u32,
    /// How long any one loop may take.
    pub(crate) limit: Duration,
}

/// What every scenario needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) target: Target,
    pub(crate) bounds: Bounds,
    /// How long load is offered.
    pub(crate) load: Duration,
    /// How long each run of the yardstick takes.
    pub(crate) yardstick: Duration,
}
