//! Whoever runs the program: what they are told, and how they end it.

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Writes a line to standard error. Nobody may be there to read it, which is no reason to stop.
pub fn tell(line: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Set by the first SIGINT or SIGTERM; the second ends the program at once.
///
/// # Errors
/// The system does not allow it.
pub fn interrupted() -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&interrupted)).context("cannot catch signals")?;
        flag::register(signal, Arc::clone(&interrupted)).context("cannot catch signals")?;
    }
    Ok(interrupted)
}
