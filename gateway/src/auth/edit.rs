//! Changes to a password file: all of it is written anew, and takes the place of the old one at once.

use super::file::user_of;
use anyhow::{Context, bail};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// For the owner only.
const MODE: u32 = 0o600;

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
    write_in_place_of(path, text.as_bytes()).with_context(|| format!("{}: cannot be written", path.display()))
}

fn write_in_place_of(path: &Path, contents: &[u8]) -> io::Result<()> {
    // Where a link leads to: the link itself stays.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let beside = beside(&path);
    // What is there already may be a link that somebody else has put there.
    let mut file = OpenOptions::new().create_new(true).write(true).mode(MODE).open(&beside)?;
    let written = fs::metadata(&path).map_or(Ok(()), |before| keep_owner(&file, &before)).and_then(|()| {
        file.write_all(contents)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        File::open(directory(&path))?.sync_all()
    });
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Whoever could read the file before, the gateway above all, can afterwards.
fn keep_owner(file: &File, before: &Metadata) -> io::Result<()> {
    let now = file.metadata()?;
    if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
        fchown(file, Some(before.uid()), Some(before.gid()))?;
    }
    file.set_permissions(fs::Permissions::from_mode(before.mode() & 0o777))
}

fn beside(path: &Path) -> PathBuf {
    path.with_added_extension(format!("tmp{}", std::process::id()))
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
