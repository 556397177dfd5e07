//! The [`Image`] as a file system of the operating system.

use super::contents::SECTOR;
use super::image::{Directory, File, Kind, Node, Refusal};
use super::{Faults, Medium};
use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner,
    OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use std::ffi::OsStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nobody changes the image but through the kernel, so that this may remember what it was told.
const TTL: Duration = Duration::from_secs(3_600);

/// The octets that a disk without a limit says it has.
const PLENTY: u64 = 1 << 40;

/// A mounted medium.
pub(super) struct Mounted(pub(super) Arc<Mutex<Medium>>);

impl Mounted {
    fn medium(&self) -> MutexGuard<'_, Medium> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn create(&self, req: &Request, parent: INodeNo, name: &OsStr, mode: u32, kind: Kind) -> Result<FileAttr, Errno> {
        let mut medium = self.medium();
        medium.refuse_if_full(SECTOR)?;
        let number = medium.image.create(parent.0, name, mode & 0o7777, kind)?;
        Ok(attributes(number, medium.image.node(number)?, req))
    }

    fn attributes(&self, req: &Request, number: u64) -> Result<FileAttr, Errno> {
        Ok(attributes(number, self.medium().image.node(number)?, req))
    }

    fn entries(&self, number: u64) -> Result<Vec<(u64, FileType, std::ffi::OsString)>, Errno> {
        let mut medium = self.medium();
        let names: Vec<_> = medium.image.directory(number)?.now.clone().into_iter().collect();
        let entry = |(name, child)| Ok((child, file_type(&medium.image.node(child)?.kind), name));
        names.into_iter().map(entry).collect()
    }
}

impl Medium {
    /// Whether there is no room for so many octets more.
    fn refuse_if_full(&self, more: u64) -> Result<(), Refusal> {
        match self.faults.capacity {
            Some(capacity) if self.image.stored() + more > capacity => Err(Refusal::Full),
            Some(_) | None => Ok(()),
        }
    }

    fn write(&mut self, number: u64, at: u64, data: &[u8]) -> Result<u32, Refusal> {
        if self.faults.write_fails {
            return Err(Refusal::Broken);
        }
        let data = if self.faults.short_writes && data.len() > 1 {
            &data[..1 + self.rng.rand_range(0..data.len() as u32) as usize]
        } else {
            data
        };
        let more = self.image.file(number)?.now.holes(at, data.len()) * SECTOR;
        if more > 0 {
            self.refuse_if_full(more)?;
        }
        self.image.file(number)?.write(at, data);
        Ok(data.len() as u32)
    }

    fn sync(&mut self, number: u64) -> Result<(), Refusal> {
        let Faults { sync_fails, sync_lies, .. } = self.faults;
        if sync_fails {
            return Err(Refusal::Broken);
        }
        self.syncs += 1;
        if sync_lies { Ok(()) } else { self.image.sync(number) }
    }

    fn rename(&mut self, from: (u64, &OsStr), to: (u64, &OsStr)) -> Result<(), Refusal> {
        if self.faults.rename_fails {
            return Err(Refusal::Broken);
        }
        self.image.rename(from, to)
    }
}

impl From<Refusal> for Errno {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::ENOENT,
            Refusal::Exists => Self::EEXIST,
            Refusal::NotADirectory => Self::ENOTDIR,
            Refusal::IsADirectory => Self::EISDIR,
            Refusal::NotEmpty => Self::ENOTEMPTY,
            Refusal::Full => Self::ENOSPC,
            Refusal::Broken => Self::EIO,
        }
    }
}

fn file_type(kind: &Kind) -> FileType {
    match kind {
        Kind::File(_) => FileType::RegularFile,
        Kind::Directory(_) => FileType::Directory,
        Kind::Socket => FileType::Socket,
    }
}

fn attributes(number: u64, node: &Node, req: &Request) -> FileAttr {
    let (size, stored) = match &node.kind {
        Kind::File(file) => (file.now.len(), file.now.stored()),
        Kind::Directory(_) | Kind::Socket => (0, 0),
    };
    FileAttr {
        ino: INodeNo(number),
        size,
        blocks: stored / SECTOR,
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: file_type(&node.kind),
        perm: node.mode as u16,
        nlink: 1,
        uid: req.uid(),
        gid: req.gid(),
        rdev: 0,
        blksize: 4_096,
        flags: 0,
    }
}

fn empty(reply: ReplyEmpty, outcome: Result<(), Refusal>) {
    match outcome {
        Ok(()) => reply.ok(),
        Err(refusal) => reply.error(refusal.into()),
    }
}

fn entry(reply: ReplyEntry, outcome: Result<FileAttr, Errno>) {
    match outcome {
        Ok(attr) => reply.entry(&TTL, &attr, Generation(0)),
        Err(errno) => reply.error(errno),
    }
}

// What is not here answers "not implemented", which the kernel and the programs know how to do without.
impl Filesystem for Mounted {
    fn lookup(&self, req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.medium().image.find(parent.0, name);
        entry(reply, found.map_err(Errno::from).and_then(|number| self.attributes(req, number)));
    }

    fn getattr(&self, req: &Request, ino: INodeNo, _fh: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(req, ino.0) {
            Ok(attr) => reply.attr(&TTL, &attr),
            Err(errno) => reply.error(errno),
        }
    }

    fn setattr(
        &self,
        req: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut medium = self.medium();
        if let (Some(mode), Ok(node)) = (mode, medium.image.node_mut(ino.0)) {
            node.mode = mode & 0o7777;
        }
        if let (Some(size), Ok(file)) = (size, medium.image.file(ino.0)) {
            file.set_len(size);
        }
        drop(medium);
        self.getattr(req, ino, None, reply);
    }

    fn mknod(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _rdev: u32,
        reply: ReplyEntry,
    ) {
        const SOCKET: u32 = 0o140_000;
        const TYPE: u32 = 0o170_000;
        let kind = if mode & TYPE == SOCKET { Kind::Socket } else { Kind::File(File::default()) };
        entry(reply, self.create(req, parent, name, mode & !umask, kind));
    }

    fn mkdir(&self, req: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry) {
        entry(reply, self.create(req, parent, name, mode & !umask, Kind::Directory(Directory::default())));
    }

    fn unlink(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.medium().image.unlink(parent.0, name));
    }

    fn rmdir(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.medium().image.remove_directory(parent.0, name));
    }

    fn rename(
        &self,
        _req: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if flags.is_empty() {
            empty(reply, self.medium().rename((parent.0, name), (newparent.0, newname)));
        } else {
            reply.error(Errno::EINVAL);
        }
    }

    fn open(&self, _req: &Request, _ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        // Past the kernel's memory: everything that is written comes here at once, everything read from here.
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn create(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        match Self::create(self, req, parent, name, mode & !umask, Kind::File(File::default())) {
            Ok(attr) => reply.created(&TTL, &attr, Generation(0), FileHandle(0), FopenFlags::FOPEN_DIRECT_IO),
            Err(errno) => reply.error(errno),
        }
    }

    fn read(
        &self,
        _req: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.medium().image.file(ino.0) {
            Ok(file) => reply.data(&file.now.read(offset, u64::from(size))),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn write(
        &self,
        _req: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.medium().write(ino.0, offset, data) {
            Ok(written) => reply.written(written),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn fsync(&self, _req: &Request, ino: INodeNo, _fh: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        empty(reply, self.medium().sync(ino.0));
    }

    fn fsyncdir(&self, _req: &Request, ino: INodeNo, _fh: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        empty(reply, self.medium().sync(ino.0));
    }

    fn readdir(&self, _req: &Request, ino: INodeNo, _fh: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        match self.entries(ino.0) {
            Ok(entries) => {
                for (place, (number, kind, name)) in entries.into_iter().enumerate().skip(offset as usize) {
                    if reply.add(INodeNo(number), place as u64 + 1, kind, name) {
                        break;
                    }
                }
                reply.ok();
            }
            Err(errno) => reply.error(errno),
        }
    }

    fn statfs(&self, _req: &Request, _ino: INodeNo, reply: ReplyStatfs) {
        let medium = self.medium();
        let used = medium.image.stored();
        let capacity = medium.faults.capacity.unwrap_or(PLENTY);
        let free = capacity.saturating_sub(used) / SECTOR;
        reply.statfs(capacity.max(used) / SECTOR, free, free, 1 << 20, 1 << 20, SECTOR as u32, 255, SECTOR as u32);
    }
}
