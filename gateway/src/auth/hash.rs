//! What is kept of a password.

use super::verifier::{SCRAM_SHA_256, Verifier};
use anyhow::anyhow;
use argon2::password_hash::phc;
use argon2::{Argon2, Params, PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha512};
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq;

/// A password's hash, with its salt.
///
/// New ones are Argon2id as a PHC string, or `SCRAM-SHA-256$` with what that method needs. Those of mosquitto are read too:
/// `$7$`, PBKDF2 with SHA-512, of 2.0, and `$6$`, one round of salted SHA-512, of 1.x.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordHash(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Argon2(Box<phc::PasswordHash>),
    Pbkdf2 { rounds: u32, salt: Vec<u8>, hash: Digest512 },
    Sha512 { salt: Vec<u8>, hash: Digest512 },
    Scram(Verifier),
}

type Digest512 = [u8; 64];

/// The most memory that a hash may take to check, in KiB: two are checked at the same time.
const MOST_MEMORY_KIB: u32 = 256 << 10;
/// The most rounds of PBKDF2: seconds of work.
const MOST_ROUNDS: u32 = 10_000_000;

/// Why a text is no hash of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashError {
    /// It does not start as any that are known.
    Unknown,
    /// It starts right, but goes on wrongly.
    Damaged,
    /// It would take more memory or rounds than are granted.
    TooCostly,
}

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "is no hash that is known here: $argon2id$, SCRAM-SHA-256$, or $7$ and $6$ of mosquitto",
            Self::Damaged => "is a damaged hash",
            Self::TooCostly => "is a hash that would take too much memory or time to check",
        })
    }
}

impl std::error::Error for HashError {}

impl FromStr for PasswordHash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        if let Some(rest) = text.strip_prefix(SCRAM_SHA_256).and_then(|rest| rest.strip_prefix('$')) {
            return scram(rest).map(|verifier| Self(Kind::Scram(verifier)));
        }
        let kind = match text.strip_prefix('$').and_then(|rest| rest.split_once('$')) {
            Some(("argon2id" | "argon2i" | "argon2d", _)) => argon2(text)?,
            Some(("7", rest)) => pbkdf2(rest)?,
            Some(("6", rest)) => {
                let (salt, hash) = salt_and_hash(rest).ok_or(HashError::Damaged)?;
                Kind::Sha512 { salt, hash }
            }
            Some(_) | None => return Err(HashError::Unknown),
        };
        Ok(Self(kind))
    }
}

fn argon2(text: &str) -> Result<Kind, HashError> {
    let hash = phc::PasswordHash::new(text).map_err(|_| HashError::Damaged)?;
    let params = Params::try_from(&hash).map_err(|_| HashError::Damaged)?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(HashError::Damaged);
    }
    match params.m_cost() <= MOST_MEMORY_KIB {
        true => Ok(Kind::Argon2(Box::new(hash))),
        false => Err(HashError::TooCostly),
    }
}

fn pbkdf2(rest: &str) -> Result<Kind, HashError> {
    let (rounds, rest) = rest.split_once('$').ok_or(HashError::Damaged)?;
    let rounds = rounds.parse().map_err(|_| HashError::Damaged)?;
    let (salt, hash) = salt_and_hash(rest).ok_or(HashError::Damaged)?;
    match rounds {
        0 => Err(HashError::Damaged),
        1..=MOST_ROUNDS => Ok(Kind::Pbkdf2 { rounds, salt, hash }),
        _ => Err(HashError::TooCostly),
    }
}

fn scram(rest: &str) -> Result<Verifier, HashError> {
    let verifier = Verifier::parse(rest).ok_or(HashError::Damaged)?;
    if verifier.is_too_costly() { Err(HashError::TooCostly) } else { Ok(verifier) }
}

fn salt_and_hash(text: &str) -> Option<(Vec<u8>, Digest512)> {
    let (salt, hash) = text.split_once('$')?;
    Some((STANDARD.decode(salt).ok()?, STANDARD.decode(hash).ok()?.try_into().ok()?))
}

impl PasswordHash {
    /// The text for a new password: Argon2id with 19 MiB and 2 passes, the smaller of OWASP's recommendations.
    ///
    /// # Errors
    /// The operating system has no randomness for the salt.
    pub fn make(password: &[u8]) -> anyhow::Result<String> {
        let hash = Argon2::default().hash_password(password).map_err(|error| anyhow!("cannot hash: {error}"))?;
        Ok(hash.to_string())
    }

    /// The text for a new password that lets its user log in by SCRAM-SHA-256, too.
    ///
    /// # Errors
    /// The password has characters that such a one cannot have (RFC 4013), or there is no randomness.
    pub fn make_scram(password: &str) -> anyhow::Result<String> {
        Verifier::make(password).map(|verifier| verifier.to_text())
    }

    /// What SCRAM-SHA-256 needs, if that is what is kept.
    pub(super) fn verifier(&self) -> Option<&Verifier> {
        match &self.0 {
            Kind::Scram(verifier) => Some(verifier),
            Kind::Argon2(_) | Kind::Pbkdf2 { .. } | Kind::Sha512 { .. } => None,
        }
    }

    /// Whether this is the password. Takes tens of milliseconds.
    #[must_use]
    pub fn verify(&self, password: &[u8]) -> bool {
        match &self.0 {
            Kind::Argon2(hash) => Argon2::default().verify_password(password, &**hash).is_ok(),
            Kind::Pbkdf2 { rounds, salt, hash } => {
                let mut made = [0; 64];
                pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, *rounds, &mut made);
                made.ct_eq(hash).into()
            }
            Kind::Scram(verifier) => verifier.verify(password),
            Kind::Sha512 { salt, hash } => {
                let made: Digest512 = Sha512::new().chain_update(password).chain_update(salt).finalize().into();
                made.ct_eq(hash).into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(hash: &str, password: &str) -> bool {
        hash.parse::<PasswordHash>().unwrap().verify(password.as_bytes())
    }

    #[test]
    fn a_new_hash_is_argon2id_and_accepts_its_password_only() {
        let hash = PasswordHash::make("süß".as_bytes()).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(accepts(&hash, "süß") && !accepts(&hash, "sauer"));
        assert_ne!(hash, PasswordHash::make("süß".as_bytes()).unwrap(), "each has its own salt");
    }

    /// Made by mosquitto_passwd 2.0.11 with `-H sha512-pbkdf2` and `-H sha512`.
    const OF_MOSQUITTO: [&str; 2] = [
        "$7$101$AkL7R9l13ecexGgn$i2NhieMuKixDFEwCH+IWNQaDSvNjZ2jCnTdZbhlt5GSUl6nY6ftcrH+f1/ua9+RZRrDYNrQ9K+LdFUgQs2KIHA==",
        "$6$806khvG76ocGEC6u$KUlYegAitNIL3eyvwrt+SydT37aq9KwW7LqqXI81DEVXK8XrDtVtrOKiuF5yjKfFSELWZz9WCF7LQaxM1o9uDg==",
    ];

    #[test]
    fn hashes_of_mosquitto_are_read() {
        for hash in OF_MOSQUITTO {
            assert!(accepts(hash, "secret"), "{hash}");
            assert!(!accepts(hash, "Secret") && !accepts(hash, ""), "{hash}");
        }
    }

    #[test]
    fn what_is_no_hash_is_told() {
        let argon2 = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$";
        for (text, error) in [
            ("", HashError::Unknown),
            ("secret", HashError::Unknown),
            ("$1$salt$hash", HashError::Unknown),
            ("$6$c2FsdA==", HashError::Damaged),
            ("$6$c2FsdA==$aGFzaA==", HashError::Damaged),
            ("$7$0$c2FsdA==$aGFzaA==", HashError::Damaged),
            ("$7$x$c2FsdA==$aGFzaA==", HashError::Damaged),
            (argon2, HashError::Damaged),
            ("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0", HashError::Damaged),
            (&OF_MOSQUITTO[0].replacen("$101$", "$10000001$", 1), HashError::TooCostly),
            (&format!("{}c2FsdHNhbHRzYWx0", argon2.replace("m=19456", "m=1048576")), HashError::TooCostly),
        ] {
            assert_eq!(text.parse::<PasswordHash>().unwrap_err(), error, "{text}");
        }
    }
}
