//! What daemons need of a disk.
//!
//! Owns: writing a file as a whole or not at all ([`replace`]), or into what is no file ([`write`]), a directory that one
//! process has for itself ([`OwnDir`]). Must not know: what is in a file.

mod dir;
mod whole;

pub use dir::{DirError, OwnDir};
pub use whole::{replace, write};
