//! Changes to a password file: all of it is written anew, and takes the place of the old one at once.

use super::file::user_of;
use anyhow::{Context, bail};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

/// Gives a user a hash, in place of an older one. Makes the file if there is none. `true`: the user is new.
pub(super) fn set(path: &Path, user: &str, hash: &str) -> anyhow::Result<bool> {
    let text = read(path)?.unwrap_or_default();
    let entry = format!("{user}:{hash}");
    let mut lines: Vec<&str> = text.lines().collect();
    let place = lines.iter().position(|line| user_of(line) == Some(user));
    match place {
        Some(place) => lines[place] = &entry,
        None => lines.push(&entry),
    }
    replace(path, &lines)?;
    Ok(place.is_none())
}

/// Takes a user out.
pub(super) fn delete(path: &Path, user: &str) -> anyhow::Result<()> {
    let Some(text) = read(path)? else { bail!("{}: there is no such file", path.display()) };
    let lines: Vec<&str> = text.lines().filter(|line| user_of(line) != Some(user)).collect();
    if lines.len() == text.lines().count() {
        bail!("{}: there is no user `{user}`", path.display());
    }
    replace(path, &lines)
}

fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{}: cannot be read", path.display())),
    }
}

fn replace(path: &Path, lines: &[&str]) -> anyhow::Result<()> {
    let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    // Where a link leads to: the link itself stays.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let keep = |file: &File| fs::metadata(path).map_or(Ok(()), |before| keep_owner(file, &before));
    sn_files::replace(path, text.as_bytes(), keep).with_context(|| format!("{}: cannot be written", path.display()))
}

/// Whoever could read the file before, the gateway above all, can afterwards.
fn keep_owner(file: &File, before: &Metadata) -> io::Result<()> {
    let now = file.metadata()?;
    if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
        fchown(file, Some(before.uid()), Some(before.gid()))?;
    }
    file.set_permissions(fs::Permissions::from_mode(before.mode() & 0o777))
}
