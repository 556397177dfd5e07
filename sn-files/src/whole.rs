//! Files that are there as a whole or not at all, whatever ends the process.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::MetadataExt;

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
}
