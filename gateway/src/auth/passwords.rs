//! Checks passwords, off the driver's thread.
//!
//! A check takes tens of milliseconds and 19 MiB, so that somebody who steals the file has to work for long. Therefore
//! few run at once, in threads of their own; and who has proved a password is remembered by a quick hash of it, so that
//! a thousand clients that come back at once do not cost a thousand checks.

use super::lanes::Lanes;
use super::verifier::Verifier;
use super::{PasswordFile, PasswordHash};
use anyhow::Context;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Checks that run at the same time; the others wait for their turn.
const AT_ONCE: usize = 2;

/// The passwords in use. All listeners share them.
pub struct Passwords {
    /// `None`: there is no password file, and nobody is asked.
    current: RwLock<Option<Arc<Users>>>,
    turns: Arc<Semaphore>,
    /// Who waits for a turn.
    lanes: Arc<Lanes>,
    /// What those are asked with who are not in the file.
    of_nobody: [u8; 32],
}

/// One reading of the password file.
struct Users {
    file: PasswordFile,
    /// Random, so that what is in memory says nothing of the passwords.
    key: [u8; 32],
    /// Users who have proved their password, with its quick hash. At most one per user of the file.
    proved: Mutex<HashMap<Arc<str>, QuickHash>>,
}

type QuickHash = [u8; 64];

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").finish_non_exhaustive()
    }
}

impl Passwords {
    /// With the first reading of the password file, if there is one. SCRAM asks those who are not in it with salts that are
    /// made of `secret`: another one with each start would tell who they are.
    ///
    /// # Errors
    /// The operating system has no randomness.
    pub fn new(file: Option<PasswordFile>, secret: Option<[u8; 32]>) -> anyhow::Result<Self> {
        let users = file.map(|file| Users::new(file, None)).transpose()?;
        let (turns, of_nobody) = (Arc::new(Semaphore::new(AT_ONCE)), secret.map_or_else(random, Ok)?);
        Ok(Self { current: RwLock::new(users), turns, lanes: Arc::default(), of_nobody })
    }

    /// Takes a new reading, or none any more. Answers with the users who are there no more, or with another password.
    ///
    /// # Errors
    /// The operating system has no randomness.
    pub fn replace(&self, file: Option<PasswordFile>) -> anyhow::Result<Vec<Arc<str>>> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let users = file.map(|file| Users::new(file, current.as_deref())).transpose()?;
        let before = std::mem::replace(&mut *current, users.clone());
        let (Some(before), nobody) = (before, PasswordFile::default()) else { return Ok(Vec::new()) };
        Ok(users.as_ref().map_or(&nobody, |users| &users.file).changed_since(&before.file))
    }

    /// The user, if this is the password; a refused one stays unknown. `None`: there is no password file. Those who come
    /// from one address are checked one after the other.
    pub async fn check(&self, from: IpAddr, user: &str, password: &[u8]) -> Option<Verdict> {
        let users = self.current.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        // Quicker than for a wrong password: names can be found out by trying. Else anybody could keep us busy.
        let Some((user, hash)) = users.file.find(user) else { return Some(Verdict::Refused) };
        let quick = users.quick_hash(user, password);
        if users.has_proved(user, &quick) {
            return Some(Verdict::Good(user.clone()));
        }
        let first = self.lanes.first(from).await;
        let Ok(turn) = self.turns.clone().acquire_owned().await else { return Some(Verdict::Refused) };
        let (known, password) = (hash.clone(), password.to_vec());
        let check = move || {
            // The turn ends with the check, also if nobody waits for it any more.
            let _turn = (turn, first);
            known.verify(&password)
        };
        let is_good = spawn_blocking(check).await.unwrap_or(false);
        let current = if is_good { self.current_with(user, hash) } else { None };
        let Some(current) = current else { return Some(Verdict::Refused) };
        current.proved.lock().unwrap_or_else(PoisonError::into_inner).insert(user.clone(), quick);
        Some(Verdict::Good(user.clone()))
    }

    /// What SCRAM-SHA-256 asks `user` with, and the user, if there is one whose entry is for that.
    pub(super) fn verifier(&self, user: &str) -> (Option<Arc<str>>, Verifier) {
        let users = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let found = users.as_ref().and_then(|users| users.file.find(user));
        match found.and_then(|(user, hash)| hash.verifier().map(|verifier| (user, verifier))) {
            Some((user, verifier)) => (Some(user.clone()), verifier.clone()),
            None => (None, Verifier::of_nobody(&self.of_nobody, user)),
        }
    }

    /// The last reading of the file, if it says the same of this user.
    fn current_with(&self, user: &str, hash: &PasswordHash) -> Option<Arc<Users>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        let is_same = current.file.find(user).is_some_and(|(_, now)| now == hash);
        is_same.then_some(current)
    }
}

/// What a check has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is this user.
    Good(Arc<str>),
    /// There is no such user, or it is another password.
    Refused,
}

fn random() -> anyhow::Result<[u8; 32]> {
    let mut octets = [0; 32];
    getrandom::fill(&mut octets).context("no randomness")?;
    Ok(octets)
}

impl Users {
    /// A reading. Who has proved a password that is still the same has proved it.
    fn new(file: PasswordFile, before: Option<&Self>) -> anyhow::Result<Arc<Self>> {
        let Some(before) = before else { return Ok(Arc::new(Self { file, key: random()?, proved: Mutex::default() })) };
        let mut proved = before.proved.lock().unwrap_or_else(PoisonError::into_inner).clone();
        proved.retain(|user, _| {
            before.file.find(user).is_some_and(|(_, hash)| file.find(user).is_some_and(|(_, now)| now == hash))
        });
        Ok(Arc::new(Self { file, key: before.key, proved: Mutex::new(proved) }))
    }

    fn quick_hash(&self, user: &str, password: &[u8]) -> QuickHash {
        let mac = Hmac::<Sha512>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        let mac = mac.chain_update((user.len() as u64).to_be_bytes()).chain_update(user).chain_update(password);
        mac.finalize().into_bytes().into()
    }

    fn has_proved(&self, user: &str, quick: &QuickHash) -> bool {
        let proved = self.proved.lock().unwrap_or_else(PoisonError::into_inner);
        proved.get(user).is_some_and(|known| known.ct_eq(quick).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::path::Path;

    fn file(entries: &[(&str, &str)]) -> PasswordFile {
        let line =
            |(user, password): &(&str, &str)| format!("{user}:{}\n", PasswordHash::make(password.as_bytes()).unwrap());
        PasswordFile::parse(Path::new("users"), &entries.iter().map(line).collect::<String>()).unwrap()
    }

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn good(user: &str) -> Option<Verdict> {
        Some(Verdict::Good(user.into()))
    }

    #[tokio::test]
    async fn the_password_and_no_other_is_good_again_and_again() {
        let passwords = Passwords::new(Some(file(&[("alice", "secret"), ("bob", "other")])), None).unwrap();
        for _ in 0..2 {
            assert_eq!(passwords.check(HERE, "alice", b"secret").await, good("alice"));
            assert_eq!(passwords.check(HERE, "alice", b"other").await, Some(Verdict::Refused));
            assert_eq!(passwords.check(HERE, "bob", b"secret").await, Some(Verdict::Refused));
            assert_eq!(passwords.check(HERE, "carol", b"secret").await, Some(Verdict::Refused));
            assert_eq!(passwords.check(HERE, "alice", b"").await, Some(Verdict::Refused));
        }
    }

    #[tokio::test]
    async fn who_has_proved_a_password_need_not_wait() {
        let passwords = Passwords::new(Some(file(&[("alice", "secret")])), None).unwrap();
        passwords.check(HERE, "alice", b"secret").await;
        let _all_turns = passwords.turns.acquire_many(AT_ONCE as u32).await.unwrap();
        assert_eq!(passwords.check(HERE, "alice", b"secret").await, good("alice"));
    }

    #[tokio::test]
    async fn another_file_counts_at_once_and_tells_who_has_changed() {
        let passwords = Passwords::new(Some(file(&[("alice", "secret")])), None).unwrap();
        passwords.check(HERE, "alice", b"secret").await;
        assert_eq!(passwords.replace(Some(file(&[("alice", "new")]))).unwrap(), ["alice".into()]);
        assert_eq!(passwords.check(HERE, "alice", b"secret").await, Some(Verdict::Refused));
        assert_eq!(passwords.replace(None).unwrap(), ["alice".into()]);
        assert_eq!(passwords.check(HERE, "alice", b"new").await, None, "nobody is asked");
    }

    #[tokio::test]
    async fn who_has_the_same_password_in_another_file_need_not_prove_it_again() {
        let users = file(&[("alice", "secret")]);
        let passwords = Passwords::new(Some(users.clone()), None).unwrap();
        passwords.check(HERE, "alice", b"secret").await;
        assert_eq!(passwords.replace(Some(users)).unwrap(), []);
        let all_turns = passwords.turns.acquire_many(AT_ONCE as u32).await.unwrap();
        assert_eq!(passwords.check(HERE, "alice", b"secret").await, good("alice"));
        // The same password with another salt is another entry.
        drop(all_turns);
        passwords.replace(Some(file(&[("alice", "secret")]))).unwrap();
        let _all_turns = passwords.turns.acquire_many(AT_ONCE as u32).await.unwrap();
        assert!(passwords.check(HERE, "alice", b"secret").now_or_never().is_none());
    }

    /// Hundreds of guesses wait, and somebody from another address is the next all the same.
    #[tokio::test]
    async fn who_guesses_is_in_the_way_of_his_own_address_only() {
        let passwords = Passwords::new(Some(file(&[("alice", "secret"), ("bob", "other")])), None).unwrap();
        let all_turns = passwords.turns.clone().acquire_many_owned(AT_ONCE as u32).await.unwrap();
        let mut guesses: Vec<_> = (0..300).map(|n| Box::pin(guess(&passwords, n))).collect();
        for guess in &mut guesses {
            assert!(guess.now_or_never().is_none());
        }
        let mut bob = Box::pin(passwords.check(ELSEWHERE, "bob", b"other"));
        assert!((&mut bob).now_or_never().is_none());
        drop(all_turns);
        assert_eq!(bob.await, good("bob"), "although nobody goes on with what was guessed");
        assert!(guesses.iter_mut().filter_map(|guess| guess.now_or_never()).count() <= 1);
    }

    async fn guess(passwords: &Passwords, n: u16) -> Option<Verdict> {
        passwords.check(HERE, "alice", &n.to_be_bytes()).await
    }
}
