//! Runs a plan and judges it.

use crate::{Outcome, Plan, Violation, World};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// How long everything may take to come to its end after the calm: some pauses of T_WAIT.
const BOUND: Duration = Duration::from_secs(6 * 3_600);

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every promise was kept.
    Good(Outcome),
    /// Some were broken.
    Broken(Outcome),
    /// The code under test panicked, with this message.
    Panicked(String),
}

impl Verdict {
    /// Which kind of failure it is, if it is one: the kind of the first violation.
    #[must_use]
    pub fn failure(&self) -> Option<&'static str> {
        match self {
            Self::Good(_) => None,
            Self::Broken(outcome) => outcome.violations.first().map(Violation::kind),
            Self::Panicked(_) => Some("panicked"),
        }
    }
}

/// Runs a plan to its end.
#[must_use]
pub fn judge(plan: &Plan) -> Verdict {
    let run = || World::new(plan).run_to_the_end(BOUND);
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(outcome) if outcome.violations.is_empty() => Verdict::Good(outcome),
        Ok(outcome) => Verdict::Broken(outcome),
        Err(panic) => Verdict::Panicked(message(&*panic)),
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let literal = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    literal.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
}
