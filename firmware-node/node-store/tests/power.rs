//! Power fails after every step of the flash, and leaves the word or the page that was being changed torn.

use config_page::{ADDRESS, PAGE_LEN, Settings};
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};
use node_store::{FrameCounters, Store};

const LEN: usize = 4 * PAGE_LEN;

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
        let mut store = Store::open(flash).expect("reading does not fail");
        let mut room = [0; 1_024];
        let len = store.session(&mut room).expect("as above");
        let session = room[..len].to_vec();
        let len = store.fault(&mut room).expect("as above");
        let fault = room[..len].to_vec();
        let counters = store.counters().expect("as above");
        Self { settings: store.settings().expect("as above"), counters, session, fault }
    }
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
        0 | 3 => kept.counters = FrameCounters { reserved: n * 1_024, heard: n * 3, link: n / 50 },
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
        let mut store = Store::open(flash).expect("reading does not fail");
        keep(&mut store, n).expect("power is there");
        change(&mut kept, n);
        flash = store.into_flash();
        assert_eq!(Kept::of(flash.clone()), kept, "after {n}");
    }
    assert!(flash.erased.iter().all(|erased| *erased > 4), "every page has had its turns: {:?}", flash.erased);
}

#[test]
fn another_gateway_is_heard_from_its_first_frame_on_and_no_counter_of_ours_comes_again() {
    let mut store = Store::open(Flash::new()).expect("reading does not fail");
    store.keep_counters(FrameCounters { reserved: 5_120, heard: 90_000, link: 7 }).expect("power is there");
    let mut store = Store::open(store.into_flash()).expect("reading does not fail");
    let counters = store.counters().expect("as above");
    assert_eq!((counters.heard_on(7), counters.heard_on(8), counters.reserved), (90_000, 0, 5_120));
}

#[test]
fn power_may_fail_after_any_step() {
    let (mut flash, mut kept) = (Flash::new(), Kept::default());
    let mut cuts = 0;
    // Until both pages of the journal have been used up, and each kind was what filled one.
    for n in 0..120 {
        let mut steps = Store::open(flash.clone().restarted(u32::MAX, 1)).expect("reading does not fail");
        keep(&mut steps, n).expect("power is there");
        let whole = steps.into_flash();
        let before = kept.clone();
        change(&mut kept, n);
        for cut in 1..=whole.steps {
            for seed in 0..2 {
                let torn = cut_short(flash.clone(), n, cut, seed);
                let found = Kept::of(torn.clone());
                assert!(found == before || found == kept, "{n}, step {cut}: {found:?}");
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
    let mut store = Store::open(flash.restarted(cut, seed)).expect("reading does not fail");
    assert_eq!(keep(&mut store, n), Err(PowerFailed));
    store.into_flash().restarted(u32::MAX, seed)
}

/// Whatever power has left, the next things are kept, too, and so is what was there.
fn assert_goes_on(flash: Flash, mut kept: Kept, n: u32) {
    let mut store = Store::open(flash).expect("reading does not fail");
    for n in n..n + 2 {
        keep(&mut store, n).expect("power is there");
        change(&mut kept, n);
    }
    assert_eq!(Kept::of(store.into_flash()), kept, "after {n}");
}

#[test]
fn a_record_that_loses_a_bit_hides_none_behind_it() {
    const RECORDS: usize = 2 * PAGE_LEN + 12;
    const RECORD_LEN: usize = 20;
    let mut store = Store::open(Flash::new()).expect("reading does not fail");
    for n in 1..=3 {
        store.keep_counters(FrameCounters { reserved: n * 1_024, ..Default::default() }).expect("power is there");
    }
    let flash = store.into_flash();
    for bit in 0..RECORD_LEN * 8 {
        let mut damaged = flash.clone();
        damaged.octets[RECORDS + RECORD_LEN + bit / 8] ^= 1 << (bit % 8);
        let mut store = Store::open(damaged).expect("as above");
        assert_eq!(store.counters().expect("as above").reserved, 3_072, "bit {bit}");
        store.keep_counters(FrameCounters { reserved: 4_096, ..Default::default() }).expect("as above");
        let mut store = Store::open(store.into_flash()).expect("as above");
        assert_eq!(store.counters().expect("as above").reserved, 4_096, "bit {bit}");
    }
}

#[test]
fn power_may_fail_again_and_again() {
    let mut flash = Flash::new();
    let mut last = FrameCounters::default();
    for n in 1..3_000_u32 {
        let mut store = Store::open(flash.restarted(1 + n * 7 % 11, n)).expect("reading does not fail");
        // Counters only go up, whatever is torn: none is used twice.
        let found = store.counters().expect("as above");
        assert!(found.reserved >= last.reserved, "{n}: {found:?} after {last:?}");
        let next = FrameCounters { reserved: found.reserved + 1_024, heard: n, link: 0 };
        if store.keep_counters(next).is_ok() {
            last = next;
        }
        flash = store.into_flash();
    }
    assert!(last.reserved > 100 * 1_024, "it got on: {last:?}");
}
