//! The same dialogues with a gateway that keeps records: a store that needs no time changes nothing.

#[path = "scenarios/main.rs"]
mod scenarios;

use scenarios::common;
