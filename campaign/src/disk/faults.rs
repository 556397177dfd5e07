//! What the disk refuses to do.

/// The faults in force. They can be changed while the disk is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Writing fails with ENOSPC when more than so many octets would be stored.
    pub capacity: Option<u64>,
    /// A write takes only a part of what it was given, by chance.
    pub short_writes: bool,
    /// Writing fails with EIO.
    pub write_fails: bool,
    /// fsync fails with EIO, and what it should have written is as before.
    pub sync_fails: bool,
    /// Renaming fails with EIO.
    pub rename_fails: bool,
    /// fsync does nothing, and says that it did.
    pub sync_lies: bool,
}
