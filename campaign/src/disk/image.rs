//! What is on the disk, and what is only in the operating system's memory.
//!
//! A file's contents reach the disk by fsync of the file; a name reaches it by fsync of its directory (POSIX, fsync and
//! its rationale). A crash leaves what reached the disk, and by [`Crash`] a part of the rest.

use super::contents::Contents;
use oorandom::Rand32;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

pub(super) const ROOT: u64 = 1;

/// What becomes of that which was written but not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// It is gone.
    DropUnsynced,
    /// Each sector, each length and each directory is the new one or the old one, by chance.
    Tear,
}

/// Why something cannot be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NotFound,
    Exists,
    NotADirectory,
    IsADirectory,
    NotEmpty,
    Full,
    Broken,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    File(File),
    Directory(Directory),
    /// A Unix socket: a name and nothing else.
    Socket,
}

#[derive(Clone, Debug, Default)]
pub(super) struct File {
    pub(super) now: Contents,
    synced: Contents,
    /// Sectors that differ, or may.
    dirty: BTreeSet<u64>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    pub(super) now: BTreeMap<OsString, u64>,
    synced: BTreeMap<OsString, u64>,
}

/// A file, directory or socket.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) mode: u32,
}

/// All of the disk.
#[derive(Debug)]
pub(super) struct Image {
    nodes: BTreeMap<u64, Node>,
    next: u64,
}

impl Image {
    pub(super) fn new() -> Self {
        let root = Node { kind: Kind::Directory(Directory::default()), mode: 0o700 };
        Self { nodes: BTreeMap::from([(ROOT, root)]), next: ROOT + 1 }
    }

    pub(super) fn node(&self, number: u64) -> Result<&Node, Refusal> {
        self.nodes.get(&number).ok_or(Refusal::NotFound)
    }

    pub(super) fn node_mut(&mut self, number: u64) -> Result<&mut Node, Refusal> {
        self.nodes.get_mut(&number).ok_or(Refusal::NotFound)
    }

    pub(super) fn file(&mut self, number: u64) -> Result<&mut File, Refusal> {
        match &mut self.node_mut(number)?.kind {
            Kind::File(file) => Ok(file),
            Kind::Directory(_) => Err(Refusal::IsADirectory),
            Kind::Socket => Err(Refusal::NotFound),
        }
    }

    pub(super) fn directory(&mut self, number: u64) -> Result<&mut Directory, Refusal> {
        match &mut self.node_mut(number)?.kind {
            Kind::Directory(directory) => Ok(directory),
            Kind::File(_) | Kind::Socket => Err(Refusal::NotADirectory),
        }
    }

    pub(super) fn find(&mut self, parent: u64, name: &OsStr) -> Result<u64, Refusal> {
        self.directory(parent)?.now.get(name).copied().ok_or(Refusal::NotFound)
    }

    pub(super) fn create(&mut self, parent: u64, name: &OsStr, mode: u32, kind: Kind) -> Result<u64, Refusal> {
        let number = self.next;
        let directory = self.directory(parent)?;
        if directory.now.contains_key(name) {
            return Err(Refusal::Exists);
        }
        directory.now.insert(name.to_owned(), number);
        self.nodes.insert(number, Node { kind, mode });
        self.next += 1;
        Ok(number)
    }

    /// Removes a file or socket. Who has it open may go on with it.
    pub(super) fn unlink(&mut self, parent: u64, name: &OsStr) -> Result<(), Refusal> {
        let number = self.find(parent, name)?;
        if matches!(self.node(number)?.kind, Kind::Directory(_)) {
            return Err(Refusal::IsADirectory);
        }
        self.directory(parent)?.now.remove(name);
        Ok(())
    }

    pub(super) fn remove_directory(&mut self, parent: u64, name: &OsStr) -> Result<(), Refusal> {
        let number = self.find(parent, name)?;
        if !self.directory(number)?.now.is_empty() {
            return Err(Refusal::NotEmpty);
        }
        self.directory(parent)?.now.remove(name);
        Ok(())
    }

    /// The new name, if there is something, is replaced.
    pub(super) fn rename(&mut self, from: (u64, &OsStr), to: (u64, &OsStr)) -> Result<(), Refusal> {
        let number = self.find(from.0, from.1)?;
        if let Ok(replaced) = self.find(to.0, to.1)
            && let Kind::Directory(directory) = &self.node(replaced)?.kind
            && !directory.now.is_empty()
        {
            return Err(Refusal::NotEmpty);
        }
        self.directory(to.0)?.now.insert(to.1.to_owned(), number);
        self.directory(from.0)?.now.remove(from.1);
        Ok(())
    }

    /// Octets that take up space.
    pub(super) fn stored(&self) -> u64 {
        let of = |node: &Node| match &node.kind {
            Kind::File(file) => file.now.stored(),
            Kind::Directory(_) | Kind::Socket => 0,
        };
        self.nodes.values().map(of).sum()
    }

    /// fsync of a file or directory.
    pub(super) fn sync(&mut self, number: u64) -> Result<(), Refusal> {
        match &mut self.node_mut(number)?.kind {
            Kind::File(file) => file.sync(),
            Kind::Directory(directory) => directory.synced.clone_from(&directory.now),
            Kind::Socket => {}
        }
        Ok(())
    }

    /// The power fails.
    pub(super) fn crash(&mut self, crash: Crash, rng: &mut Rand32) {
        for node in self.nodes.values_mut() {
            match &mut node.kind {
                Kind::File(file) => file.crash(crash, rng),
                Kind::Directory(directory) => directory.crash(crash, rng),
                Kind::Socket => {}
            }
        }
        self.drop_unreachable();
    }

    /// A name may have come back, or stayed, whose file was never there: then it is as if it had no name.
    fn drop_unreachable(&mut self) {
        let mut reached = BTreeSet::from([ROOT]);
        let mut ahead = vec![ROOT];
        while let Some(number) = ahead.pop() {
            if let Some(Node { kind: Kind::Directory(directory), .. }) = self.nodes.get(&number) {
                ahead.extend(directory.now.values().filter(|child| reached.insert(**child)));
            }
        }
        self.nodes.retain(|number, _| reached.contains(number));
    }
}

impl File {
    pub(super) fn write(&mut self, at: u64, data: &[u8]) {
        let touched = self.now.write(at, data);
        self.dirty.extend(touched);
    }

    pub(super) fn set_len(&mut self, len: u64) {
        let touched = self.now.set_len(len);
        self.dirty.extend(touched);
    }

    fn sync(&mut self) {
        for sector in std::mem::take(&mut self.dirty) {
            self.synced.take_sector(sector, &self.now);
        }
        self.synced.take_len(&self.now);
    }

    fn crash(&mut self, crash: Crash, rng: &mut Rand32) {
        if crash == Crash::Tear {
            for sector in self.dirty.iter().filter(|_| heads(rng)) {
                self.synced.take_sector(*sector, &self.now);
            }
            if heads(rng) {
                self.synced.take_len(&self.now);
            }
            self.synced.trim();
        }
        self.now.clone_from(&self.synced);
        self.dirty.clear();
    }
}

impl Directory {
    fn crash(&mut self, crash: Crash, rng: &mut Rand32) {
        if crash == Crash::Tear && heads(rng) {
            self.synced.clone_from(&self.now);
        }
        self.now.clone_from(&self.synced);
    }
}

fn heads(rng: &mut Rand32) -> bool {
    rng.rand_u32() & 1 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image_with_file(name: &str) -> (Image, u64) {
        let mut image = Image::new();
        let number = image.create(ROOT, OsStr::new(name), 0o600, Kind::File(File::default())).unwrap();
        (image, number)
    }

    fn contents(image: &mut Image, name: &str) -> Option<Vec<u8>> {
        let number = image.find(ROOT, OsStr::new(name)).ok()?;
        Some(image.file(number).unwrap().now.read(0, 1 << 20))
    }

    #[test]
    fn a_crash_takes_back_what_was_not_synced() {
        let (mut image, file) = image_with_file("a");
        image.file(file).unwrap().write(0, b"old");
        image.sync(file).unwrap();
        image.sync(ROOT).unwrap();
        image.file(file).unwrap().write(0, b"new and longer");
        image.crash(Crash::DropUnsynced, &mut Rand32::new(1));
        assert_eq!(contents(&mut image, "a").unwrap(), b"old");
    }

    #[test]
    fn a_name_that_was_not_synced_is_gone_with_its_file() {
        let (mut image, file) = image_with_file("a");
        image.file(file).unwrap().write(0, b"synced");
        image.sync(file).unwrap();
        image.crash(Crash::DropUnsynced, &mut Rand32::new(1));
        assert_eq!(contents(&mut image, "a"), None);
        assert_eq!(image.nodes.len(), 1);
    }

    #[test]
    fn a_rename_that_was_not_synced_never_happened() {
        let (mut image, file) = image_with_file("a");
        image.sync(file).unwrap();
        image.sync(ROOT).unwrap();
        image.rename((ROOT, OsStr::new("a")), (ROOT, OsStr::new("b"))).unwrap();
        assert!(contents(&mut image, "b").is_some());
        image.crash(Crash::DropUnsynced, &mut Rand32::new(1));
        assert!(contents(&mut image, "a").is_some() && contents(&mut image, "b").is_none());
    }

    #[test]
    fn a_torn_file_has_old_and_new_sectors_and_synced_ones_always() {
        let mut rng = Rand32::new(1);
        let mut mixed = 0;
        for _ in 0..50 {
            let (mut image, file) = image_with_file("a");
            image.sync(ROOT).unwrap();
            image.file(file).unwrap().write(0, &[1; 512]);
            image.sync(file).unwrap();
            image.file(file).unwrap().write(512, &[2; 5_120]);
            image.crash(Crash::Tear, &mut rng);
            let after = contents(&mut image, "a").unwrap();
            assert_eq!(after[..512], [1; 512]);
            assert!(after.len() == 512 || after.len() == 5_632);
            mixed += usize::from(after[512..].contains(&0) && after[512..].contains(&2));
        }
        assert!(mixed > 10, "{mixed} of 50 were torn");
    }
}
