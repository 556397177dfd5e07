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
pub(crate) fn replace(path: &Path, contents: &[u8], prepare: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Under a name that nobody can guess, and gone if it does not get its own.
    let mut file = NamedTempFile::new_in(directory)?;
    prepare(file.as_file())?;
    file.write_all(contents)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}
