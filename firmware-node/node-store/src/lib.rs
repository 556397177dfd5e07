//! What a node keeps in its flash, safe against power failures at any time.
//!
//! Owns: two pages with settings, and two of a journal with what changes by itself: frame counters, the session's record,
//! the fault that is to be told. Power may fail in any write of a word and in any erasure: afterwards there is what was
//! there before, or what was to be there, and all else is untouched, but for frame counters, which go on beyond all that may
//! have been reserved. The tests stop the flash after each of its steps.
//!
//! Must not know: what records mean, chips. Any [`NorFlash`] with words of 4 octets and pages of 4,096 will do.
//!
//! Order of calls: [`Store::open`], once after a start; then any.

#![no_std]

mod journal;
mod settings;

use config_page::Settings;
use embedded_storage::nor_flash::NorFlash;
use journal::{Journal, Kind};

/// The longest record, in octets.
pub const MAX_RECORD_LEN: usize = 1_024;

/// Octets of a record of counters.
const COUNTERS_LEN: usize = 12;

/// The frame counters that are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCounters {
    /// Those below may have been used.
    pub reserved: u32,
    /// The gateway's below were used.
    pub heard: u32,
    /// Of which gateway and key: [`Settings::link`].
    pub link: u32,
}

impl FrameCounters {
    /// The gateway's counters below were used; 0 on another link than that which they were kept for. Its own counters a
    /// node goes on with on every link: it may come back to an older key.
    #[must_use]
    pub const fn heard_on(&self, link: u32) -> u32 {
        if self.link == link { self.heard } else { 0 }
    }

    fn to_octets(self) -> [u8; COUNTERS_LEN] {
        let mut octets = [0; COUNTERS_LEN];
        let words = [self.reserved, self.heard, self.link].map(u32::to_le_bytes);
        octets.copy_from_slice(words.as_flattened());
        octets
    }
}

/// A node's flash.
pub struct Store<F> {
    flash: F,
    journal: Journal,
}

impl<F: NorFlash> Store<F> {
    /// Finds out what is there. Each record of counters has reserved up to `block` of them: if some cannot be read any more,
    /// that many are given up, before anything else happens. If no record can be read, and the journal is older than one page,
    /// all counters are given up: nothing is sent under the key any more.
    ///
    /// # Errors
    /// The flash cannot be read, or written.
    pub fn open(mut flash: F, block: u32) -> Result<Self, F::Error> {
        let journal = Journal::open(&mut flash)?;
        let mut store = Self { flash, journal };
        let in_doubt = store.journal.in_doubt(COUNTERS_LEN as u32);
        if in_doubt > 0 {
            let counters = store.counters()?;
            let in_doubt = if store.journal.counters_are_lost() { u32::MAX } else { in_doubt.saturating_mul(block) };
            let reserved = counters.reserved.saturating_add(in_doubt);
            let octets = FrameCounters { reserved, ..counters }.to_octets();
            store.journal.turn_over(&mut store.flash, Kind::Counters, &octets)?;
        }
        Ok(store)
    }

    /// The settings; `None`: there are none, or they are torn.
    ///
    /// # Errors
    /// The flash cannot be read.
    pub fn settings(&mut self) -> Result<Option<Settings>, F::Error> {
        Ok(settings::newest(&mut self.flash)?.map(|newest| newest.settings))
    }

    /// Keeps settings, in the page with the older ones.
    ///
    /// # Errors
    /// The flash cannot be written: power fails.
    pub fn keep_settings(&mut self, settings: &Settings) -> Result<(), F::Error> {
        settings::write(&mut self.flash, settings)
    }

    /// The frame counters; 0 if there are none.
    ///
    /// # Errors
    /// The flash cannot be read.
    pub fn counters(&mut self) -> Result<FrameCounters, F::Error> {
        let mut words = [[0; 4]; COUNTERS_LEN / 4];
        self.journal.read(&mut self.flash, Kind::Counters, words.as_flattened_mut())?;
        let [reserved, heard, link] = words.map(u32::from_le_bytes);
        Ok(FrameCounters { reserved, heard, link })
    }

    /// Keeps frame counters.
    ///
    /// # Errors
    /// The flash cannot be written: power fails.
    pub fn keep_counters(&mut self, counters: FrameCounters) -> Result<(), F::Error> {
        self.journal.append(&mut self.flash, Kind::Counters, &counters.to_octets())
    }

    /// Copies the session's record to the start of `record` and returns its length; 0 if there is none.
    ///
    /// # Errors
    /// The flash cannot be read.
    pub fn session(&mut self, record: &mut [u8]) -> Result<usize, F::Error> {
        self.journal.read(&mut self.flash, Kind::Session, record)
    }

    /// Keeps a session's record, of up to [`MAX_RECORD_LEN`] octets.
    ///
    /// # Errors
    /// The flash cannot be written: power fails.
    pub fn keep_session(&mut self, record: &[u8]) -> Result<(), F::Error> {
        self.journal.append(&mut self.flash, Kind::Session, record)
    }

    /// Copies the fault that is to be told to the start of `text` and returns its length; 0 if there is none.
    ///
    /// # Errors
    /// The flash cannot be read.
    pub fn fault(&mut self, text: &mut [u8]) -> Result<usize, F::Error> {
        self.journal.read(&mut self.flash, Kind::Fault, text)
    }

    /// Keeps a fault to be told; an empty one: there is none any more.
    ///
    /// # Errors
    /// The flash cannot be written: power fails.
    pub fn keep_fault(&mut self, text: &[u8]) -> Result<(), F::Error> {
        self.journal.append(&mut self.flash, Kind::Fault, text)
    }

    /// The flash, when the store is needed no more.
    pub fn into_flash(self) -> F {
        self.flash
    }
}
