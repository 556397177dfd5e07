//! The simulated disk, used as a program uses a disk.

use campaign::disk::{Crash, Disk, Faults};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;

fn disk(faults: Faults) -> Disk {
    Disk::simulated(&std::env::temp_dir(), Crash::DropUnsynced, faults, 1).unwrap()
}

fn sync_directory(path: &Path) {
    File::open(path).unwrap().sync_all().unwrap();
}

#[test]
fn synced_data_survive_a_crash_and_others_do_not() {
    let mut disk = disk(Faults::default());
    let path = disk.path().to_owned();
    fs::create_dir(path.join("sub")).unwrap();
    let mut kept = File::create(path.join("sub/kept")).unwrap();
    kept.write_all(b"synced").unwrap();
    kept.sync_data().unwrap();
    sync_directory(&path.join("sub"));
    sync_directory(&path);
    kept.write_all(b" and not synced").unwrap();
    fs::write(path.join("sub/gone"), "never synced").unwrap();
    assert_eq!(fs::read(path.join("sub/kept")).unwrap(), b"synced and not synced");
    drop(kept);

    disk.crash().unwrap();
    assert_eq!(fs::read(path.join("sub/kept")).unwrap(), b"synced");
    let left: Vec<_> = fs::read_dir(path.join("sub")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["kept"]);
}

#[test]
fn it_does_what_a_directory_does() {
    let disk = disk(Faults::default());
    let path = disk.path();
    fs::write(path.join("a"), "1").unwrap();
    OpenOptions::new().append(true).open(path.join("a")).unwrap().write_all(b"2").unwrap();
    fs::rename(path.join("a"), path.join("b")).unwrap();
    assert_eq!(fs::read(path.join("b")).unwrap(), b"12");
    File::options().write(true).open(path.join("b")).unwrap().set_len(1).unwrap();
    assert_eq!(fs::metadata(path.join("b")).unwrap().len(), 1);
    File::open(path.join("b")).unwrap().try_lock().unwrap();
    UnixListener::bind(path.join("socket")).unwrap();
    fs::remove_file(path.join("socket")).unwrap();
    fs::create_dir(path.join("d")).unwrap();
    fs::remove_dir(path.join("d")).unwrap();
    assert_eq!(fs::read(path.join("a")).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_full_disk_takes_nothing_until_there_is_room_again() {
    let disk = disk(Faults::default());
    let mut file = File::create(disk.path().join("a")).unwrap();
    file.write_all(&[1; 1_000]).unwrap();
    disk.set_room(Some(0));
    assert_eq!(file.write_all(&[1; 1_000]).unwrap_err().kind(), ErrorKind::StorageFull);
    disk.set_room(None);
    file.write_all(&[1; 1_000]).unwrap();
}

#[test]
fn writes_syncs_and_renames_fail_when_told_to() {
    let disk = disk(Faults::default());
    let mut file = File::create(disk.path().join("a")).unwrap();
    disk.set_faults(Faults { sync_fails: true, rename_fails: true, ..Faults::default() });
    file.write_all(b"x").unwrap();
    file.sync_all().unwrap_err();
    fs::rename(disk.path().join("a"), disk.path().join("b")).unwrap_err();
    disk.set_faults(Faults { write_fails: true, ..Faults::default() });
    file.write_all(b"x").unwrap_err();
    disk.set_faults(Faults { short_writes: true, ..Faults::default() });
    let taken: Vec<usize> = (0..20).map(|_| file.write(&[0; 100]).unwrap()).collect();
    assert!(taken.iter().any(|taken| *taken < 100), "{taken:?}");
}

#[test]
fn a_sync_that_lies_keeps_nothing() {
    let mut disk = disk(Faults { sync_lies: true, ..Faults::default() });
    let path = disk.path().to_owned();
    let mut file = File::create(path.join("a")).unwrap();
    file.write_all(b"x").unwrap();
    file.sync_all().unwrap();
    sync_directory(&path);
    drop(file);
    assert_eq!(disk.syncs(), Some(2));
    disk.crash().unwrap();
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
}

/// A process that is killed leaves open files behind, and the kernel is still letting go of them when the disk goes.
#[test]
fn a_crash_right_after_files_were_closed_is_a_crash_like_any_other() {
    let mut disk = disk(Faults::default());
    for _ in 0..200 {
        let files: Vec<_> = (0..50).map(|n| File::create(disk.path().join(n.to_string())).unwrap()).collect();
        drop(files);
        disk.crash().unwrap();
    }
}
