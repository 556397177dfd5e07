//! Files that are there as a whole or not at all, whatever ends the process.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Writes a file for its owner only, in the place of one that may be there. `prepare` may change what the operating system
/// knows of it before.
///
/// # Errors
/// It cannot be written; what was there still is.
pub fn replace(path: &Path, contents: &[u8], prepare: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Under a name that nobody can guess, and gone if it does not get its own.
    let mut file = NamedTempFile::new_in(directory)?;
    prepare(file.as_file())?;
    file.write_all(contents)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

/// Writes what `path` names: a file as [`replace`] does, where a symbolic link leads as well; what is no regular file, a device
/// or a FIFO, takes the contents and stays what it is.
///
/// # Errors
/// It cannot be written. A regular file that was there still is; what else is there may have taken a part.
pub fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(there) if !there.is_file() => write_into(path, contents),
        Ok(_) => replace(&followed(path), contents, |_| Ok(())),
        Err(error) if error.kind() == ErrorKind::NotFound => replace(&followed(path), contents, |_| Ok(())),
        Err(error) => Err(error),
    }
}

/// Where links lead, also if nothing is there yet. Links in a circle are an error of their metadata before.
fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    while let Ok(target) = fs::read_link(&path) {
        path = path.parent().unwrap_or(Path::new("/")).join(target);
    }
    path
}

fn write_into(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(contents)?;
    match file.sync_all() {
        // A FIFO and most devices keep nothing.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};

    #[test]
    fn a_file_is_replaced_as_a_whole_or_stays() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("file");
        replace(&path, b"before", |_| Ok(())).expect("there is room");
        let fails = replace(&path, b"after", |_| Err(io::ErrorKind::Other.into()));
        assert!(fails.is_err());
        assert_eq!(fs::read(&path).expect("it is there"), b"before");
        replace(&path, b"after", |_| Ok(())).expect("there is room");
        assert_eq!(fs::read(&path).expect("it is there"), b"after");
        assert_eq!(fs::metadata(&path).expect("it is there").mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1, "nothing else is left");
    }

    #[test]
    fn links_are_followed_over_directories_and_stay() {
        let dir = tempfile::tempdir().expect("a directory");
        let [deep, link, target] = ["deep", "deep/link", "target"].map(|name| dir.path().join(name));
        fs::create_dir(&deep).expect("there is room");
        symlink("again", &link).expect("there is room");
        symlink(Path::new("..").join("target"), deep.join("again")).expect("there is room");
        for contents in [b"not there before", b"there before    "] {
            write(&link, contents).expect("there is room");
            assert_eq!(fs::read(&target).expect("it is there"), contents);
        }
        assert!(fs::symlink_metadata(&link).expect("it is there").is_symlink());
    }

    #[test]
    fn devices_stay_devices_and_circles_of_links_are_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let [null, full, circle] = ["null", "full", "circle"].map(|name| dir.path().join(name));
        symlink("/dev/null", &null).expect("there is room");
        symlink("/dev/full", &full).expect("there is room");
        write(&null, b"gone").expect("it takes everything");
        let error = write(&full, b"more").expect_err("it takes nothing");
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        for device in [null, full] {
            assert!(fs::metadata(device).expect("it is there").file_type().is_char_device());
        }
        symlink("circle", &circle).expect("there is room");
        write(&circle, b"").expect_err("it leads nowhere");
    }
}
