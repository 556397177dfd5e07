//! One file with every record: [`MAGIC`], a version, the number of records, the records, a checksum of all that.
//!
//! Frame counters must not be used twice (IEEE 802.15.4-2020 §9.2.4), and a backup does not know those that were used after it
//! was made. So [`restore`] goes on far behind: [`RATE`] for each second since then, and the core's own reserve.
//!
//! Numbers are big-endian. A record is the length of its key (u32), that of its value (u32), the key, the value.

use super::{CLOCK_KEY, DataDir, FjallStore, Saved, Store, StoreError, Wall};
use anyhow::{Context, anyhow, bail};
use gateway_core::{Config, Core, Record, Restored, skip_counters};
use sn_types::Instant;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_128;

/// The first octets of a backup.
const MAGIC: [u8; 8] = *b"sngw-bak";
/// The layout's version.
const VERSION: u32 = 1;
const CHECKSUM_LEN: usize = 16;
/// Secured frames per second that a gateway sends at most, averaged over the time since a backup was made.
const RATE: u32 = 16;
/// Records per commit when they are read back.
const COMMIT: usize = 1_000;

/// A backup file's octets.
#[must_use]
pub fn encode(mut records: Vec<Record>) -> Vec<u8> {
    records.sort_by(|a, b| a.key.cmp(&b.key));
    let mut file = MAGIC.to_vec();
    file.extend(VERSION.to_be_bytes());
    file.extend((records.len() as u64).to_be_bytes());
    for Record { key, value } in &records {
        let value = value.as_deref().unwrap_or_default();
        file.extend((key.len() as u32).to_be_bytes());
        file.extend((value.len() as u32).to_be_bytes());
        file.extend_from_slice(key);
        file.extend_from_slice(value);
    }
    let checksum = xxh3_128(&file);
    file.extend(checksum.to_be_bytes());
    file
}

/// The records in a backup file.
///
/// # Errors
/// It is none, is damaged, or was made by a newer version.
pub fn decode(file: &[u8]) -> anyhow::Result<Vec<Record>> {
    let Some(rest) = file.strip_prefix(&MAGIC) else { bail!("it is no backup of sn-gateway") };
    let (version, _) = rest.split_first_chunk().context("it is cut off")?;
    match u32::from_be_bytes(*version) {
        VERSION => {}
        newer => bail!("it was made by a newer version (layout {newer}, this program reads up to {VERSION})"),
    }
    let (contents, checksum) = file.split_last_chunk::<CHECKSUM_LEN>().context("it is cut off")?;
    if xxh3_128(contents).to_be_bytes() != *checksum {
        bail!("it is damaged or cut off: its checksum is not that of its contents");
    }
    read_records(&contents[MAGIC.len() + size_of::<u32>()..]).context("its records make no sense")
}

fn read_records(octets: &[u8]) -> Option<Vec<Record>> {
    let (count, mut rest) = octets.split_first_chunk()?;
    let mut records = Vec::new();
    for _ in 0..u64::from_be_bytes(*count) {
        let (key_len, after) = rest.split_first_chunk()?;
        let (value_len, after) = after.split_first_chunk()?;
        let (key, after) = after.split_at_checked(u32::from_be_bytes(*key_len) as usize)?;
        let (value, after) = after.split_at_checked(u32::from_be_bytes(*value_len) as usize)?;
        records.push(Record { key: key.to_vec(), value: Some(value.to_vec()) });
        rest = after;
    }
    rest.is_empty().then_some(records)
}

/// Writes a file for its owner only, all of it or nothing. `-` is standard output; devices and FIFOs are written into.
///
/// # Errors
/// It cannot be written.
pub fn save(path: &Path, contents: &[u8]) -> io::Result<()> {
    if path != Path::new("-") {
        return sn_files::write(path, contents);
    }
    let mut stdout = io::stdout();
    stdout.write_all(contents)?;
    stdout.flush()
}

/// `sn-gateway restore FILE --data DIR`: makes the data directory what it was when the backup was made. `force` moves
/// what is there aside. All of it is the directory's owner's. Answers with what came back, and where the data that were there
/// are now.
///
/// # Errors
/// The file is no good backup, a gateway runs on the directory, or there are data and no `force`.
pub fn restore(file: &Path, data: &Path, force: bool) -> anyhow::Result<(Restored, Option<PathBuf>)> {
    let contents = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut records = decode(&contents).with_context(|| format!("cannot use {}", file.display()))?;
    let used = frames_since(&records, Wall::now());
    skip_counters(&mut records, used);
    let restored = check(&records).with_context(|| format!("cannot use {}", file.display()))?;
    let dir = open(data)?;
    if !force && dir.store().try_exists()? {
        bail!("there are data in {} already; --force moves them aside", dir.path().display());
    }
    let fresh = dir.restoring();
    if fresh.try_exists()? {
        fs::remove_dir_all(&fresh)?;
    }
    fill(&fresh, &records)?;
    dir.give_to_owner(&fresh).with_context(|| format!("cannot give what is in {} to its owner", data.display()))?;
    // Only now, so that a full disk or a kill before leaves the old data in their place.
    let aside = make_room(&dir)?;
    fs::rename(&fresh, dir.store())?;
    File::open(data)?.sync_all()?;
    Ok((restored, aside))
}

/// The directory to restore into, on which nobody runs.
fn open(data: &Path) -> anyhow::Result<DataDir> {
    DataDir::open(data).map_err(|error| match error {
        StoreError::Locked(path) => {
            anyhow!("a gateway runs on {}; stop it, then restore, then start it", path.display())
        }
        error => anyhow!(error).context(format!("cannot use the data directory {}", data.display())),
    })
}

/// Secured frames that may have been sent since the backup was made.
fn frames_since(records: &[Record], wall: Wall) -> u32 {
    let clock = records.iter().find(|record| record.key == CLOCK_KEY).and_then(|record| record.value.as_deref());
    let seconds = clock.and_then(Saved::read).map_or(0, |saved| saved.age(wall).as_secs());
    u32::try_from(seconds).unwrap_or(u32::MAX).saturating_mul(RATE)
}

/// Whether a gateway could start from the records.
fn check(records: &[Record]) -> anyhow::Result<Restored> {
    let pairs = records.iter().filter(|record| record.key != CLOCK_KEY);
    let pairs = pairs.map(|record| (&record.key, record.value.as_deref().unwrap_or_default()));
    Ok(Core::new(Config { durable: true, ..Config::default() }).restore(Instant::ZERO, pairs)?)
}

/// Moves data that are there aside.
fn make_room(dir: &DataDir) -> anyhow::Result<Option<PathBuf>> {
    let store = dir.store();
    if !store.try_exists()? {
        return Ok(None);
    }
    let mut names = (1..).map(|number: u32| dir.path().join(format!("store.before-restore-{number}")));
    let aside = names.find(|path| !path.exists()).context("no name is left")?;
    fs::rename(&store, &aside)?;
    Ok(Some(aside))
}

fn fill(dir: &Path, records: &[Record]) -> Result<(), StoreError> {
    let mut store = FjallStore::open(dir)?;
    records.chunks(COMMIT).try_for_each(|commit| store.apply(commit))?;
    store.sync()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::load;
    use gateway_core::{Input, NewNode, NodeReport, Output};
    use sn_types::{Eui64, Heard, LinkKey, TransportId, Way};
    use std::ops::Range;
    use std::time::Duration;

    fn records() -> Vec<Record> {
        let record = |key: &[u8], value: &[u8]| Record { key: key.to_vec(), value: Some(value.to_vec()) };
        vec![record(b"a", b""), record(b"b", b"value"), record(b"\xff\x00", &[0; 1_000])]
    }

    #[test]
    fn a_backup_is_read_back() {
        assert_eq!(decode(&encode(records())).unwrap(), records());
        assert_eq!(decode(&encode(Vec::new())).unwrap(), []);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let file = encode(records());
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 1 << (at % 8);
            decode(&damaged).expect_err("a flipped bit");
            decode(&file[..at]).expect_err("a cut");
        }
    }

    const NODE: Eui64 = Eui64([0, 0x12, 0x4B, 0, 0, 0, 0, 1]);

    /// Asks for frame counters to send with, and writes what is to be written at once.
    fn counters(core: &mut Core) -> Range<u32> {
        core.handle_input(Instant::ZERO, Input::CountersWanted { transport: TransportId(0) });
        while let Some(output) = core.poll_output() {
            match output {
                Output::Counters { block, .. } => return block,
                Output::Commit { token, .. } => core.handle_input(Instant::ZERO, Input::Committed { token }),
                _ => {}
            }
        }
        panic!("there is a store");
    }

    #[test]
    fn a_restored_list_has_keys_and_accepted_counters_and_goes_on_behind_those_that_were_reserved() {
        let config = || Config { durable: true, ..Config::default() };
        let mut core = Core::new(config());
        let node = NewNode { node: NODE, name: "pump".into(), key: Some(LinkKey([7; 16])), added_s: 1_800_000_000 };
        core.add_node(Instant::ZERO, node).unwrap();
        let report =
            NodeReport { node: NODE, counter: Some(500), spoke: true, heard: Heard::default(), way: Way::default() };
        core.handle_input(Instant::ZERO, Input::Node { transport: TransportId(0), report });
        let reserved = counters(&mut core);

        let dir = tempfile::tempdir().unwrap();
        let (file, data) = (dir.path().join("backup"), dir.path().join("data"));
        save(&file, &encode(core.snapshot())).unwrap();
        restore(&file, &data, false).unwrap();
        let mut restored = Core::new(config());
        let dir = DataDir::open(&data).unwrap();
        let mut store = load::open(&dir, 1 << 20).unwrap();
        load::load(dir.path(), &mut *store, &mut restored, Wall::now()).unwrap();
        let entry = restored.node_entry(NODE).unwrap();
        assert_eq!((entry.key, entry.counter), (Some(LinkKey([7; 16])), Some(500)));
        assert_eq!(counters(&mut restored).start, reserved.end + (1 << 24));
    }

    #[test]
    fn frames_since_are_counted_by_the_wall_clock_if_that_is_plausible() {
        let made = Saved { core: Instant::ZERO, wall: Wall::EARLIEST };
        let later = |seconds| Wall(Wall::EARLIEST.0 + Duration::from_secs(seconds));
        let records = [made.record()];
        assert_eq!(frames_since(&records, later(100)), 1_600);
        assert_eq!(frames_since(&records, later(1 << 40)), u32::MAX);
        assert_eq!(frames_since(&records, Wall(Duration::ZERO)), 0, "a machine that starts in 1970");
        assert_eq!(frames_since(&[], later(100)), 0);
    }

    #[test]
    fn a_restore_that_was_cut_off_is_not_taken_for_a_new_directory() {
        let dir = tempfile::tempdir().unwrap();
        let (file, data) = (dir.path().join("backup"), dir.path().join("data"));
        save(&file, &encode(Core::new(Config::default()).snapshot())).unwrap();
        let opened = || load::open(&DataDir::open(&data).unwrap(), 1 << 20).map(drop);
        opened().unwrap();
        // As after the first of the two renames.
        fs::rename(data.join("store"), data.join("store.before-restore-1")).unwrap();
        fs::create_dir(data.join("store.restoring")).unwrap();
        assert!(opened().unwrap_err().to_string().contains("store.before-restore-"));
        assert!(!data.join("store").exists());
        restore(&file, &data, false).unwrap();
        opened().unwrap();
    }

    #[test]
    fn a_newer_version_is_named() {
        let mut file = encode(records());
        file[MAGIC.len() + 3] = 2;
        assert!(decode(&file).unwrap_err().to_string().contains("layout 2"));
    }
}
