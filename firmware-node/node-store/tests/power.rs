//! Power fails after every step of the flash, and leaves the word or the page that was being changed torn.

use config_page::{ADDRESS, PAGE_LEN, Settings};
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};
use node_store::{FrameCounters, Store};

const LEN: usize = 4 * PAGE_LEN;
/// How many counters a record reserves.
const BLOCK: u32 = 1_024;

/// The four pages. Writing clears bits, erasing sets them.
#[derive(Clone)]
struct Flash {
    octets: Vec<u8>,
    /// Words written and pages erased until power fails.
    steps_left: u32,
    steps: u32,
    random: u32,
    erased: [u32; 4],
}

#[derive(Debug, PartialEq)]
struct PowerFailed;

impl NorFlashError for PowerFailed {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl ErrorType for Flash {
    type Error = PowerFailed;
}

impl Flash {
    fn new() -> Self {
        Self { octets: vec![0xFF; LEN], steps_left: u32::MAX, steps: 0, random: 1, erased: [0; 4] }
    }

    /// Power is there again, until after so many steps.
    fn restarted(mut self, steps_left: u32, seed: u32) -> Self {
        (self.steps_left, self.steps, self.random) = (steps_left, 0, seed * 2 + 1);
        self
    }

    fn next_random(&mut self) -> u8 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        (self.random >> 11) as u8
    }

    /// Whether the next step is finished: not the one in which power fails, and none after it.
    fn step(&mut self) -> Step {
        self.steps += 1;
        match self.steps_left {
            0 => Step::Never,
            1 => {
                self.steps_left = 0;
                Step::Torn
            }
            _ => {
                self.steps_left -= 1;
                Step::Whole
            }
        }
    }
}

enum Step {
    Whole,
    Torn,
    Never,
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), PowerFailed> {
        let at = (offset - ADDRESS) as usize;
        bytes.copy_from_slice(&self.octets[at..at + bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        LEN
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = PAGE_LEN;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), PowerFailed> {
        let (from, to) = ((from - ADDRESS) as usize, (to - ADDRESS) as usize);
        assert_eq!((from % PAGE_LEN, to - from), (0, PAGE_LEN), "a page at a time");
        match self.step() {
            Step::Never => return Err(PowerFailed),
            Step::Whole => self.octets[from..to].fill(0xFF),
            Step::Torn => {
                for at in from..to {
                    let torn = self.next_random();
                    self.octets[at] |= if torn & 3 == 0 { 0xFF } else { torn };
                }
                return Err(PowerFailed);
            }
        }
        self.erased[from / PAGE_LEN] += 1;
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), PowerFailed> {
        let from = (offset - ADDRESS) as usize;
        assert_eq!((from % 4, bytes.len() % 4), (0, 0), "whole words");
        for (word, new) in bytes.chunks(4).enumerate() {
            let at = from + word * 4;
            let step = self.step();
            for (octet, new) in new.iter().enumerate() {
                let torn = self.next_random();
                let old = self.octets[at + octet];
                let is_clean = old == 0xFF || old & new == *new;
                assert!(is_clean || !matches!(step, Step::Whole), "a bit that is 0 stays so until it is erased");
                self.octets[at + octet] &= match step {
                    Step::Whole => *new,
                    Step::Torn => new | torn,
                    Step::Never => 0xFF,
                };
            }
            if !matches!(step, Step::Whole) {
                return Err(PowerFailed);
            }
        }
        Ok(())
    }
}

/// All that is kept.
#[derive(Clone, Debug, Default, PartialEq)]
struct Kept {
    settings: Option<Settings>,
    counters: FrameCounters,
    session: Vec<u8>,
    fault: Vec<u8>,
}

impl Kept {
    fn of(flash: Flash) -> Self {
        let mut store = open(flash);
        let mut room = [0; 1_024];
        let len = store.session(&mut room).expect("as above");
        let session = room[..len].to_vec();
        let len = store.fault(&mut room).expect("as above");
        let fault = room[..len].to_vec();
        let counters = store.counters().expect("as above");
        Self { settings: store.settings().expect("as above"), counters, session, fault }
    }
}

impl Kept {
    /// The same, perhaps without some counters that may have been used.
    fn is_or_is_beyond(&self, kept: &Self) -> bool {
        let given_up = self.counters.reserved.checked_sub(kept.counters.reserved);
        let counters = FrameCounters { reserved: kept.counters.reserved, ..self.counters };
        given_up.is_some_and(|given_up| given_up % BLOCK == 0) && Self { counters, ..self.clone() } == *kept
    }
}

/// Power is there.
fn open(flash: Flash) -> Store<Flash> {
    Store::open(flash, BLOCK).expect("power is there")
}

/// The `n`th thing that a node keeps.
fn keep(store: &mut Store<Flash>, n: u32) -> Result<(), PowerFailed> {
    let mut kept = Kept::default();
    change(&mut kept, n);
    match n % 5 {
        0 | 3 => store.keep_counters(kept.counters),
        1 => store.keep_session(&kept.session),
        2 => store.keep_fault(&kept.fault),
        _ => store.keep_settings(&kept.settings.expect("they are what it changes")),
    }
}

/// What that changes.
fn change(kept: &mut Kept, n: u32) {
    match n % 5 {
        0 | 3 => kept.counters = FrameCounters { reserved: n * BLOCK, heard: n * 3, link: n / 50 },
        1 => kept.session = vec![n as u8; 40 + (n as usize * 7) % 460],
        2 => kept.fault = vec![b'f'; (n as usize * 11) % 120],
        _ => {
            let mut settings = Settings::new();
            settings.apply(&format!("report={} client=n{n}", 10 + n)).expect("it can be");
            kept.settings = Some(settings);
        }
    }
}

#[test]
fn what_is_kept_is_there_after_a_restart() {
    let (mut flash, mut kept) = (Flash::new(), Kept::default());
    assert_eq!(Kept::of(flash.clone()), kept, "a new chip");
    for n in 0..500 {
        let mut store = open(flash);
        keep(&mut store, n).expect("power is there");
        change(&mut kept, n);
        flash = store.into_flash();
        assert_eq!(Kept::of(flash.clone()), kept, "after {n}");
    }
    assert!(flash.erased.iter().all(|erased| *erased > 4), "every page has had its turns: {:?}", flash.erased);
}

#[test]
fn another_gateway_is_heard_from_its_first_frame_on_and_no_counter_of_ours_comes_again() {
    let mut store = open(Flash::new());
    store.keep_counters(FrameCounters { reserved: 5_120, heard: 90_000, link: 7 }).expect("power is there");
    let mut store = open(store.into_flash());
    let counters = store.counters().expect("as above");
    assert_eq!((counters.heard_on(7), counters.heard_on(8), counters.reserved), (90_000, 0, 5_120));
}

#[test]
fn power_may_fail_after_any_step() {
    let (mut flash, mut kept) = (Flash::new(), Kept::default());
    let mut cuts = 0;
    // Until both pages of the journal have been used up, and each kind was what filled one.
    for n in 0..120 {
        let mut steps = open(flash.clone().restarted(u32::MAX, 1));
        keep(&mut steps, n).expect("power is there");
        let whole = steps.into_flash();
        let before = kept.clone();
        change(&mut kept, n);
        for cut in 1..=whole.steps {
            for seed in 0..2 {
                let torn = cut_short(flash.clone(), n, cut, seed);
                let found = Kept::of(torn.clone());
                assert!(found.is_or_is_beyond(&before) || found.is_or_is_beyond(&kept), "{n}, step {cut}: {found:?}");
                assert_goes_on(torn, found, n);
                cuts += 1;
            }
        }
        assert_eq!(Kept::of(whole.clone()), kept);
        flash = whole.restarted(u32::MAX, 1);
    }
    assert!(cuts > 5_000, "{cuts}");
}

/// The flash after power has failed in this step.
fn cut_short(flash: Flash, n: u32, cut: u32, seed: u32) -> Flash {
    let mut store = open(flash.restarted(cut, seed));
    assert_eq!(keep(&mut store, n), Err(PowerFailed));
    store.into_flash().restarted(u32::MAX, seed)
}

/// Whatever power has left, the next things are kept, too, and so is what was there.
fn assert_goes_on(flash: Flash, mut kept: Kept, n: u32) {
    let mut store = open(flash);
    for n in n..n + 2 {
        keep(&mut store, n).expect("power is there");
        change(&mut kept, n);
    }
    assert_eq!(Kept::of(store.into_flash()), kept, "after {n}");
}

/// Where records begin, and how long one of counters is.
const RECORDS: usize = 2 * PAGE_LEN + 12;
const RECORD_LEN: usize = 20;

fn with_counters(records: u32) -> Flash {
    let mut store = open(Flash::new());
    for n in 1..=records {
        store.keep_counters(counters(n * BLOCK)).expect("power is there");
    }
    store.into_flash()
}

fn counters(reserved: u32) -> FrameCounters {
    FrameCounters { reserved, ..Default::default() }
}

#[test]
fn a_record_that_loses_a_bit_hides_none_behind_it_and_no_counter_comes_again() {
    let flash = with_counters(3);
    for bit in 0..3 * RECORD_LEN * 8 {
        let mut damaged = flash.clone();
        damaged.octets[RECORDS + bit / 8] ^= 1 << (bit % 8);
        // The last one may have reserved what nobody can read any more; of another one that is not known either.
        let is_last = bit / 8 >= 2 * RECORD_LEN;
        let expected = if is_last { 3 * BLOCK } else { 4 * BLOCK };
        let mut store = open(damaged);
        assert_eq!(store.counters().expect("power is there"), counters(expected), "bit {bit}");
        store.keep_session(b"session").expect("as above");
        let mut store = open(store.into_flash());
        assert_eq!(store.counters().expect("as above"), counters(expected), "bit {bit}: once is enough");
        store.keep_counters(counters(5 * BLOCK)).expect("as above");
        let mut store = open(store.into_flash());
        assert_eq!(store.counters().expect("as above"), counters(5 * BLOCK), "bit {bit}");
    }
}

#[test]
fn a_page_whose_head_loses_a_bit_brings_no_counter_again() {
    // Until the second page counts, and has some records.
    for records in [3, 300] {
        let mut flash = with_counters(records);
        for head in [2 * PAGE_LEN, 3 * PAGE_LEN] {
            flash.octets[head] ^= 1;
        }
        let mut store = open(flash);
        let found = store.counters().expect("power is there").reserved;
        assert!(found >= records * BLOCK, "{records}: {found}");
        let mut store = open(store.into_flash());
        let found = store.counters().expect("power is there").reserved;
        let mut store = open(store.into_flash());
        assert_eq!(store.counters().expect("power is there").reserved, found, "that ends some time");
    }
}

/// A node of years whose journal has just been turned over: one record of counters is in the page that counts.
fn with_a_fresh_page() -> (Flash, u32) {
    let mut flash = Flash::new();
    let mut records = 2_000;
    loop {
        let turned_over = flash.erased;
        let mut store = open(flash);
        store.keep_counters(counters(records * BLOCK)).expect("power is there");
        flash = store.into_flash();
        if records > 2_000 && flash.erased != turned_over {
            return (flash, records * BLOCK);
        }
        records += 1;
    }
}

/// Where the page that counts begins.
fn newer_page(flash: &Flash) -> usize {
    let sequence = |page: usize| flash.octets[page * PAGE_LEN + 4];
    if sequence(3) > sequence(2) { 3 * PAGE_LEN } else { 2 * PAGE_LEN }
}

#[test]
fn the_only_record_of_a_page_loses_a_bit_and_no_counter_comes_again() {
    let (flash, reserved) = with_a_fresh_page();
    let page = newer_page(&flash);
    for bit in 0..(12 + RECORD_LEN) * 8 {
        let mut damaged = flash.clone();
        damaged.octets[page + bit / 8] ^= 1 << (bit % 8);
        let mut store = open(damaged);
        let found = store.counters().expect("power is there").reserved;
        assert!((reserved..reserved + 210 * BLOCK).contains(&found), "bit {bit}: {found}, {reserved} were used");
        let mut store = open(store.into_flash());
        assert_eq!(store.counters().expect("as above").reserved, found, "bit {bit}: once is enough");
    }
}

#[test]
fn no_counter_is_used_when_it_is_not_known_which_were() {
    let (mut flash, _) = with_a_fresh_page();
    let newer = newer_page(&flash);
    let older = 5 * PAGE_LEN - newer;
    for at in [newer + 12, older] {
        flash.octets[at] ^= 1;
    }
    let mut store = open(flash);
    assert_eq!(store.counters().expect("power is there").reserved, u32::MAX);
    store.keep_session(b"session").expect("as above");
    let mut store = open(store.into_flash());
    assert_eq!(store.counters().expect("as above").reserved, u32::MAX, "it stays so");
}

#[test]
fn power_may_fail_while_counters_are_given_up() {
    let mut damaged = with_counters(3);
    damaged.octets[RECORDS + 2 * RECORD_LEN] ^= 1;
    for cut in 1.. {
        let mut flash = damaged.clone().restarted(cut, cut);
        let steps = Store::open(&mut flash, BLOCK).map(|_| ());
        let found = open(flash.restarted(u32::MAX, 1)).counters().expect("power is there").reserved;
        assert!(found >= 3 * BLOCK, "step {cut}: {found}");
        if steps.is_ok() {
            return assert!(cut > 5, "{cut}");
        }
    }
}

#[test]
fn power_may_fail_again_and_again() {
    let mut flash = Flash::new();
    let mut last = FrameCounters::default();
    for n in 1..3_000_u32 {
        flash = flash.restarted(1 + n * 7 % 23, n);
        let Ok(mut store) = Store::open(&mut flash, BLOCK) else { continue };
        // Counters only go up, whatever is torn: none is used twice.
        let found = store.counters().expect("reading does not fail");
        assert!(found.reserved >= last.reserved, "{n}: {found:?} after {last:?}");
        let next = FrameCounters { reserved: found.reserved + BLOCK, heard: n, link: 0 };
        if store.keep_counters(next).is_ok() {
            last = next;
        }
    }
    assert!(last.reserved > 100 * BLOCK, "it got on: {last:?}");
}
