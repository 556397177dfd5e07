//! SCRAM-SHA-256, the server's side (RFC 5802, RFC 7677), without channel binding.
//!
//! Written here because no library fits. `rsasl` 2.3, the one that is looked after, panics when an attribute is shorter than
//! two octets, which anybody may send, does not undo the escapes in user names, and compares keys in a time that tells where
//! they differ; `scram` 0.6 is of 2020; `scram-rs` brings three libraries for cryptography. What is left beside HMAC,
//! PBKDF2 and SASLprep, which are libraries here, too, are four short messages.

use super::Passwords;
use super::method::{Method, Step};
use super::verifier::{Digest256, Verifier, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gateway_core::mqtt::ReasonCode;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use stringprep::saslprep;
use subtle::ConstantTimeEq;

/// Octets of randomness in a nonce.
const NONCE: usize = 18;
/// The longest nonce of a client, in octets: it comes back in the challenge.
const LONGEST_NONCE: usize = 256;

/// One login.
pub(super) struct Scram {
    passwords: Arc<Passwords>,
    /// What was asked, once the client has said who it is.
    asked: Option<Asked>,
}

/// What the client's proof is held against.
struct Asked {
    /// As it is in the file, if it is.
    user: Option<Arc<str>>,
    verifier: Verifier,
    /// The client's words about channel binding and whose rights it wants: it must say them again.
    gs2_header: String,
    /// The client's nonce and ours.
    nonce: String,
    /// client-first-message-bare, a comma, and server-first-message (RFC 5802 §3).
    said: String,
}

/// client-first-message (RFC 5802 §7).
struct ClientFirst<'a> {
    gs2_header: &'a str,
    bare: &'a str,
    /// Prepared, and without escapes.
    user: String,
    nonce: &'a str,
}

/// client-final-message (RFC 5802 §7).
struct ClientFinal<'a> {
    without_proof: &'a str,
    channel_binding: Vec<u8>,
    nonce: &'a str,
    proof: Digest256,
}

impl Scram {
    pub(super) fn new(passwords: Arc<Passwords>) -> Self {
        Self { passwords, asked: None }
    }

    fn begin(&mut self, data: &[u8], our_nonce: &str) -> Option<Vec<u8>> {
        let first = ClientFirst::parse(std::str::from_utf8(data).ok()?)?;
        let (user, verifier) = self.passwords.verifier(&first.user);
        let nonce = [first.nonce, our_nonce].concat();
        let answer = format!("r={nonce},s={},i={}", STANDARD.encode(&verifier.salt), verifier.iterations);
        let said = format!("{},{answer}", first.bare);
        self.asked = Some(Asked { user, verifier, gs2_header: first.gs2_header.into(), nonce, said });
        Some(answer.into_bytes())
    }
}

impl Method for Scram {
    fn step(&mut self, data: &[u8]) -> Step {
        if let Some(asked) = self.asked.take() {
            return asked.check(data, &self.passwords).unwrap_or(Step::Refused(ReasonCode::NotAuthorized));
        }
        let mut random = [0; NONCE];
        if getrandom::fill(&mut random).is_err() {
            return Step::Refused(ReasonCode::ServerUnavailable);
        }
        match self.begin(data, &STANDARD.encode(random)) {
            Some(challenge) => Step::Challenge(challenge),
            None => Step::Refused(ReasonCode::NotAuthorized),
        }
    }
}

impl Asked {
    /// `None`: the client's message is no answer to ours.
    fn check(self, data: &[u8], passwords: &Passwords) -> Option<Step> {
        let last = ClientFinal::parse(std::str::from_utf8(data).ok()?)?;
        if last.nonce != self.nonce || last.channel_binding != self.gs2_header.as_bytes() {
            return None;
        }
        let said = format!("{},{}", self.said, last.without_proof);
        let signature = hmac(&self.verifier.stored_key, said.as_bytes());
        let mut client_key = last.proof;
        client_key.iter_mut().zip(signature).for_each(|(octet, other)| *octet ^= other);
        let stored_key: Digest256 = Sha256::digest(client_key).into();
        // The password may have been changed since we asked.
        let is_current = self.user.as_deref().is_some_and(|user| passwords.verifier(user).1 == self.verifier);
        match self.user {
            Some(user) if is_current && stored_key.ct_eq(&self.verifier.stored_key).into() => {
                let signature = hmac(&self.verifier.server_key, said.as_bytes());
                Some(Step::Accepted { user, data: format!("v={}", STANDARD.encode(signature)).into() })
            }
            Some(_) | None => Some(Step::Refused(ReasonCode::BadUserNameOrPassword)),
        }
    }
}

impl<'a> ClientFirst<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (binding, rest) = text.split_once(',')?;
        let (wanted, bare) = rest.split_once(',')?;
        // "y": the client could bind channels, and has seen that we do not offer it.
        if binding != "n" && binding != "y" {
            return None;
        }
        let mut attributes = bare.split(',');
        let user = name(attributes.next()?.strip_prefix("n=")?)?;
        let nonce = attributes.next()?.strip_prefix("r=").filter(|nonce| is_nonce(nonce))?;
        // Who wants the rights of somebody else does not get them.
        if !wanted.is_empty() && name(wanted.strip_prefix("a=")?)? != user {
            return None;
        }
        Some(Self { gs2_header: &text[..text.len() - bare.len()], bare, user, nonce })
    }
}

impl<'a> ClientFinal<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (without_proof, proof) = text.rsplit_once(",p=")?;
        let mut attributes = without_proof.split(',');
        let channel_binding = STANDARD.decode(attributes.next()?.strip_prefix("c=")?).ok()?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        let proof = STANDARD.decode(proof).ok()?.try_into().ok()?;
        Some(Self { without_proof, channel_binding, nonce, proof })
    }
}

/// A user's name: `=2C` is a comma and `=3D` is `=`; another `=` is no name (RFC 5802 §5.1).
fn name(escaped: &str) -> Option<String> {
    let mut parts = escaped.split('=');
    let mut name = parts.next()?.to_owned();
    for part in parts {
        let (sign, rest) = part.split_at_checked(2)?;
        name.push(match sign {
            "2C" => ',',
            "3D" => '=',
            _ => return None,
        });
        name.push_str(rest);
    }
    saslprep(&name).ok().filter(|name| !name.is_empty()).map(Into::into)
}

/// Printable ASCII without the comma, at least one (RFC 5802 §7), and not too many.
fn is_nonce(text: &str) -> bool {
    (1..=LONGEST_NONCE).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::PasswordFile;
    use std::path::Path;

    /// That of "pencil", with the salt of RFC 7677 §3.
    const ENTRY: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
                         wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    const OUR_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const LAST: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

    fn login(users: &str) -> Scram {
        let file = PasswordFile::parse(Path::new("users"), users).unwrap();
        Scram::new(Arc::new(Passwords::new(Some(file), None).unwrap()))
    }

    fn of_user() -> Scram {
        login(&format!("user:{ENTRY}\nö,=:{ENTRY}"))
    }

    fn refused() -> Step {
        Step::Refused(ReasonCode::NotAuthorized)
    }

    /// RFC 7677 §3.
    #[test]
    fn the_example_of_the_rfc() {
        let mut login = of_user();
        let challenge = login.begin(FIRST.as_bytes(), OUR_NONCE).unwrap();
        assert_eq!(
            std::str::from_utf8(&challenge).unwrap(),
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        let data = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".to_vec();
        assert_eq!(login.step(LAST.as_bytes()), Step::Accepted { user: "user".into(), data });
    }

    #[test]
    fn another_proof_is_refused() {
        let mut login = of_user();
        login.begin(FIRST.as_bytes(), OUR_NONCE).unwrap();
        let last = LAST.replace("p=dHz", "p=dHy");
        assert_eq!(login.step(last.as_bytes()), Step::Refused(ReasonCode::BadUserNameOrPassword));
    }

    #[test]
    fn a_password_that_was_changed_after_the_challenge_is_refused() {
        let others = ENTRY.replace("$WG5d", "$WG5e");
        for (users, expected_user) in
            [(format!("user:{ENTRY}"), true), (format!("user:{others}"), false), (String::new(), false)]
        {
            let mut login = of_user();
            login.begin(FIRST.as_bytes(), OUR_NONCE).unwrap();
            let file = PasswordFile::parse(Path::new("users"), &users).unwrap();
            login.passwords.replace(Some(file)).unwrap();
            let step = login.step(LAST.as_bytes());
            assert_eq!(matches!(step, Step::Accepted { .. }), expected_user, "{users}");
        }
    }

    #[test]
    fn a_nonce_has_a_longest_length() {
        for (len, is_taken) in [(LONGEST_NONCE, true), (LONGEST_NONCE + 1, false)] {
            let first = format!("n,,n=user,r={}", "x".repeat(len));
            assert_eq!(ClientFirst::parse(&first).is_some(), is_taken);
        }
    }

    #[test]
    fn an_answer_to_another_question_is_refused() {
        for (right, wrong) in [("c=biws", "c=eSws"), ("r=rOpr", "r=rOps"), (",p=dHzb", ",q=dHzb"), ("p=dHzb", "p=")] {
            let mut login = of_user();
            login.begin(FIRST.as_bytes(), OUR_NONCE).unwrap();
            assert_eq!(login.step(LAST.replace(right, wrong).as_bytes()), refused(), "{wrong}");
        }
    }

    #[test]
    fn each_login_has_a_nonce_of_its_own() {
        let [one, other] = [(); 2].map(|()| of_user().step(FIRST.as_bytes()));
        assert!(matches!(one, Step::Challenge(_)));
        assert_ne!(one, other);
    }

    #[test]
    fn who_is_not_there_is_asked_like_others() {
        let start = |secret| Arc::new(Passwords::new(Some(PasswordFile::default()), secret).unwrap());
        let ask =
            |passwords: &Arc<Passwords>| Scram::new(passwords.clone()).begin(FIRST.as_bytes(), OUR_NONCE).unwrap();
        let passwords = start(Some([7; 32]));
        assert_eq!(ask(&passwords), ask(&passwords), "with the same salt each time");
        assert_eq!(ask(&passwords), ask(&start(Some([7; 32]))), "and after a restart");
        assert_ne!(ask(&passwords), ask(&start(Some([8; 32]))), "which is another one at another gateway");
        let mut login = Scram::new(passwords.clone());
        login.begin(FIRST.as_bytes(), OUR_NONCE).unwrap();
        assert_eq!(login.step(LAST.as_bytes()), Step::Refused(ReasonCode::BadUserNameOrPassword));
    }

    #[test]
    fn who_has_a_password_of_another_kind_cannot_come_in_like_this() {
        let hash = crate::auth::PasswordHash::make(b"pencil").unwrap();
        let mut login = login(&format!("user:{hash}"));
        login.begin(FIRST.as_bytes(), OUR_NONCE).unwrap();
        assert_eq!(login.step(LAST.as_bytes()), Step::Refused(ReasonCode::BadUserNameOrPassword));
    }

    #[test]
    fn names_are_prepared_and_lose_their_escapes() {
        for (text, user) in [
            ("y,,n=user,r=x", Some("user")),
            ("n,a=user,n=user,r=x,ext=1", Some("user")),
            ("n,,n=us\u{AD}er,r=x", Some("user")),
            ("n,,n=ö=2C=3D,r=x", Some("ö,=")),
            ("n,a=root,n=user,r=x", None),
            ("p=tls-exporter,,n=user,r=x", None),
            ("n,,m=x,n=user,r=x", None),
            ("n,,n=a=2X,r=x", None),
            ("n,,n=a=2,r=x", None),
            ("n,,n=,r=x", None),
            ("n,,n=user,r=", None),
            ("n,,n=user", None),
            ("n,a,n=user,r=x", None),
            ("n,,,", None),
            ("", None),
        ] {
            assert_eq!(ClientFirst::parse(text).map(|first| first.user).as_deref(), user, "{text}");
        }
        assert_eq!(of_user().passwords.verifier("ö,=").0.as_deref(), Some("ö,="));
    }
}
