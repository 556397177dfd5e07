//! Bridges to other brokers: mosquitto, EMQX, HiveMQ, VerneMQ, AWS IoT or another gateway. docs/bridge.md is for who runs
//! one.
//!
//! To the core a bridge is an ordinary client with a persistent session, `bridge/NAME`; to the other broker it is one,
//! too. Between the two sits the `Machine`, which passes packets from one to the other and acknowledges nothing by
//! itself. So what goes out waits in the core's durable queue, with its limits and rules, while the other broker is away,
//! and QoS 2 is exactly once whichever side is killed.
//!
//! Order: [`start`] makes a task for each bridge. It has the core open its session and subscribe, which lets messages
//! wait from then on, and then reaches for the other broker again and again until the daemon stops.

mod backoff;
mod events;
mod machine;
mod port;
mod settings;
mod taken;
mod task;
mod topics;

pub(crate) use events::Counts;
pub(crate) use port::{Closed, Port};
pub use settings::Settings;
pub(crate) use task::Tally;
pub use topics::{Direction, Rule};

use crate::mqtt::{ConnIds, FromMqtt};
use crate::upstream::keep_alive;
use machine::Machine;
use std::sync::Arc;
use task::Task;
use tokio::sync::mpsc;

/// Starts a bridge, whose session in the core has the subscriptions `found`. Answers where it counts what it does.
pub(crate) fn start(
    settings: Settings,
    found: &[Arc<str>],
    seed: u64,
    ids: ConnIds,
    driver: mpsc::Sender<FromMqtt>,
) -> Arc<Tally> {
    let (settings, tally) = (Arc::new(settings), Arc::<Tally>::default());
    let machine = Machine::new(settings.clone(), found, seed);
    tokio::spawn(Task::new(settings, machine, tally.clone(), ids, driver).run());
    tally
}
