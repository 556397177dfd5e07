//! Who a client is: user names and passwords.
//!
//! Owns: the password file, the command that edits it, the check of a CONNECT's user name and password, and the methods of
//! enhanced authentication, of which [`method`] says what they have to do. Must not
//! decide: what a user may do; that is the core's, in its `access`, which [`may`] asks.
//!
//! [`PasswordFile::load`] reads the file at the start and at SIGHUP, [`Passwords`] has the reading in use and checks
//! against it, and [`passwd`] edits the file.

mod edit;
mod file;
mod hash;
mod lanes;
mod may;
pub(crate) mod method;
mod passwd;
mod passwords;
mod scram;
mod verifier;

pub use file::{PasswordFile, PasswordFileError};
pub use hash::{HashError, PasswordHash};
pub use may::{Wish, may};
pub use method::MethodName;
pub use passwd::{Change, Keep, passwd};
pub use passwords::{Passwords, Verdict};
