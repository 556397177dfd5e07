//! Many small random worlds, to find what nobody thought of.
//!
//! A seed becomes an explicit [`Plan`] ([`generate`]), a plan is run and judged ([`judge`]), and one that breaks a promise
//! is made as small as it goes ([`shrink`]), to be kept in a file.
//!
//! Each seed switches whole kinds of operations and faults on or off, because what is always present hides what happens
//! only without it.

mod dice;
mod generate;
mod judge;
#[cfg(feature = "planted-bugs")]
mod planted;
mod rude;
mod shrink;

pub use generate::generate;
pub use judge::{Verdict, judge};
#[cfg(feature = "planted-bugs")]
pub use planted::{Hunt, hunt};
pub use shrink::shrink;
