//! Methods of enhanced authentication (MQTT 5 §4.12): what there is, and what each of them has to be able to do.
//!
//! A [`Method`] knows what travels as authentication data, and nothing of MQTT's packets: `mqtt::authentication` says when
//! it is asked. A new method is a file beside `scram.rs`, a name in [`MethodName`], and a line in [`MethodName::start`].

use super::scram::Scram;
use super::{Passwords, verifier};
use gateway_core::mqtt::ReasonCode;
use serde::Deserialize;
use std::sync::Arc;

/// The methods that a listener may be told to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum MethodName {
    /// SCRAM-SHA-256 (RFC 7677): client and gateway prove to each other that they know the password, or what is made of
    /// it, and nobody says it.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
}

impl MethodName {
    /// As clients name it in CONNECT.
    #[must_use]
    pub const fn on_the_wire(self) -> &'static str {
        match self {
            Self::ScramSha256 => verifier::SCRAM_SHA_256,
        }
    }

    /// Begins to find out who a client is.
    pub(crate) fn start(self, passwords: &Arc<Passwords>) -> Box<dyn Method> {
        match self {
            Self::ScramSha256 => Box::new(Scram::new(passwords.clone())),
        }
    }
}

/// One client's way through a method, from CONNECT's data, or those of an AUTH that begins again, to the answer.
///
/// Each step is done within microseconds, on the thread that all connections share: what takes longer does not fit in
/// here.
pub(crate) trait Method: Send + Sync {
    /// Takes what the client has sent, which may be empty, and says what follows. Not called again after
    /// [`Step::Accepted`] and [`Step::Refused`].
    fn step(&mut self, data: &[u8]) -> Step;
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The client is to answer this.
    Challenge(Vec<u8>),
    /// It is this user.
    Accepted {
        /// The name, as it is in the password file.
        user: Arc<str>,
        /// What the client is told at last; may be empty.
        data: Vec<u8>,
    },
    /// It is not let in.
    Refused(ReasonCode),
}
