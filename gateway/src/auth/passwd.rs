//! `sn-gateway passwd`: edits a password file.

use super::{PasswordHash, edit, file};
use anyhow::{Context, anyhow, bail};
use std::io::{self, BufRead};
use std::path::Path;

/// What to do to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Set the password, asked for twice on the terminal.
    Ask,
    /// Set the password, the first line of the standard input.
    FromStdin,
    /// Take the user out.
    Delete,
}

/// What is kept of a new password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// The hash that is hardest to try passwords on.
    #[default]
    Argon2,
    /// What lets the user log in by SCRAM-SHA-256, too.
    Scram,
}

/// Changes one user of a password file, and tells what was done.
///
/// # Errors
/// The name or the password cannot be one, there is no terminal, or the file cannot be read or written.
pub fn passwd(path: &Path, user: &str, change: Change, keep: Keep) -> anyhow::Result<String> {
    file::check_user(user).map_err(|message| anyhow!(message))?;
    let done = match change {
        Change::Delete => {
            edit::delete(path, user)?;
            "deleted"
        }
        Change::Ask => set(path, user, &ask(user)?, keep)?,
        Change::FromStdin => set(path, user, &from_stdin()?, keep)?,
    };
    Ok(format!("{}: {user} {done}; a running gateway notices at SIGHUP\n", path.display()))
}

fn set(path: &Path, user: &str, password: &str, keep: Keep) -> anyhow::Result<&'static str> {
    if password.is_empty() {
        bail!("the password is empty");
    }
    let hash = match keep {
        Keep::Argon2 => PasswordHash::make(password.as_bytes())?,
        Keep::Scram => PasswordHash::make_scram(password)?,
    };
    Ok(if edit::set(path, user, &hash)? { "added" } else { "changed" })
}

fn ask(user: &str) -> anyhow::Result<String> {
    let prompt = |text: String| {
        rpassword::prompt_password(text).context("there is no terminal to ask for the password on; use --stdin")
    };
    let password = prompt(format!("Password of {user}: "))?;
    if prompt(format!("Password of {user}, again: "))? != password {
        bail!("the two passwords differ");
    }
    Ok(password)
}

fn from_stdin() -> anyhow::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("cannot read the password from the standard input")?;
    Ok(line.trim_end_matches(['\n', '\r']).into())
}
