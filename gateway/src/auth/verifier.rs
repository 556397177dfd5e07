//! What the gateway keeps of a password for SCRAM-SHA-256 (RFC 5802 §3, RFC 7677).
//!
//! Who steals it cannot log in with it, but can try passwords; and so can who listens to a login. That is cheaper than with
//! Argon2id: a client has to do the same work at each login, and may be small.

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use stringprep::saslprep;
use subtle::ConstantTimeEq;

/// The method's name on the wire, and what such an entry of the password file begins with.
pub(super) const SCRAM_SHA_256: &str = "SCRAM-SHA-256";

/// Rounds of PBKDF2 for a new entry. RFC 7677 §4 wants 4,096 at least.
pub(super) const ITERATIONS: u32 = 32_768;
/// The most rounds that an entry may have: seconds of work, for us where the password is said, too.
const MOST_ITERATIONS: u32 = 10_000_000;
/// Octets of a new salt.
const SALT: usize = 16;

/// A hash or a key.
pub(super) type Digest256 = [u8; 32];

/// Salt, rounds, StoredKey and ServerKey of a password (RFC 5802 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verifier {
    pub(super) iterations: u32,
    pub(super) salt: Vec<u8>,
    pub(super) stored_key: Digest256,
    pub(super) server_key: Digest256,
}

impl Verifier {
    /// For a new password, with a salt of its own.
    ///
    /// # Errors
    /// The password has characters that SASLprep (RFC 4013) forbids, or there is no randomness.
    pub(super) fn make(password: &str) -> anyhow::Result<Self> {
        let mut salt = vec![0; SALT];
        getrandom::fill(&mut salt).context("no randomness")?;
        Self::derive(password.as_bytes(), salt, ITERATIONS)
            .ok_or_else(|| anyhow!("the password has characters that no password for SCRAM can have (RFC 4013)"))
    }

    /// `None`: it is no text, or has characters that SASLprep forbids.
    fn derive(password: &[u8], salt: Vec<u8>, iterations: u32) -> Option<Self> {
        let password = saslprep(std::str::from_utf8(password).ok()?).ok()?;
        let mut salted = Digest256::default();
        pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), &salt, iterations, &mut salted);
        let stored_key = Sha256::digest(hmac(&salted, b"Client Key")).into();
        Some(Self { iterations, salt, stored_key, server_key: hmac(&salted, b"Server Key") })
    }

    /// Whether this is the password. Takes as long as one login takes a client.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        Self::derive(password, self.salt.clone(), self.iterations)
            .is_some_and(|derived| derived.stored_key.ct_eq(&self.stored_key).into())
    }

    /// The entry's text: `SCRAM-SHA-256$ROUNDS:SALT$STOREDKEY:SERVERKEY`, as PostgreSQL writes it.
    pub(super) fn to_text(&self) -> String {
        let [salt, stored, server] =
            [&self.salt[..], &self.stored_key, &self.server_key].map(|octets| STANDARD.encode(octets));
        format!("{SCRAM_SHA_256}${}:{salt}${stored}:{server}", self.iterations)
    }

    /// Reads the text of an entry without its first part, the method. `None`: it is damaged.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (cost, keys) = text.split_once('$')?;
        let ((iterations, salt), (stored, server)) = (cost.split_once(':')?, keys.split_once(':')?);
        let key = |text: &str| STANDARD.decode(text).ok()?.try_into().ok();
        let iterations = iterations.parse().ok().filter(|rounds| *rounds > 0)?;
        Some(Self { iterations, salt: STANDARD.decode(salt).ok()?, stored_key: key(stored)?, server_key: key(server)? })
    }

    /// It would take too long to check.
    pub(super) fn is_too_costly(&self) -> bool {
        self.iterations > MOST_ITERATIONS
    }

    /// What somebody who is not in the file is asked with: always the same for a key, and like a new entry. No password fits. The
    /// data directory keeps the key; without one a restart makes another, and tells who waits for it which names are in the file.
    pub(super) fn of_nobody(key: &[u8], user: &str) -> Self {
        let salt = hmac(key, user.as_bytes())[..SALT].to_vec();
        // Nobody knows of what this would be the hash.
        let stored_key = hmac(key, &salt);
        Self { iterations: ITERATIONS, salt, stored_key, server_key: stored_key }
    }
}

/// HMAC-SHA-256.
pub(super) fn hmac(key: &[u8], text: &[u8]) -> Digest256 {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(text).finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let verifier = Verifier::make("pencil").unwrap();
        let text = verifier.to_text();
        let rest = text.strip_prefix("SCRAM-SHA-256$").unwrap();
        assert_eq!(Verifier::parse(rest), Some(verifier.clone()));
        assert!(verifier.verify(b"pencil") && !verifier.verify(b"Pencil") && !verifier.verify(b"\xFF"));
        assert_ne!(Verifier::make("pencil").unwrap(), verifier, "each has its own salt");
    }

    /// By Python's hashlib and hmac, with the password and the salt of RFC 7677 §3.
    #[test]
    fn the_keys_are_those_of_the_rfc() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let text = Verifier::derive(b"pencil", salt, 4_096).unwrap().to_text();
        assert_eq!(
            text,
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
             wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }

    #[test]
    fn a_password_is_prepared_as_clients_prepare_it() {
        let soft_hyphen = Verifier::derive("pen\u{AD}cil".as_bytes(), vec![1], 1).unwrap();
        assert!(soft_hyphen.verify(b"pencil"), "RFC 4013 §3");
        assert!(Verifier::make("\u{7}").is_err(), "a control character");
    }
}
