//! A gateway: the shipping core, its disk, and how both end and start again.

use crate::disk::{Disk, Records};
use crate::plan::{Fate, GatewayPlan};
use gateway_core::{CommitToken, Core, Input, Record, StorageState};
use sn_types::{Instant, LinkProfile, TransportId};
use std::time::Duration;

/// The transport that each gateway has.
pub(crate) const TRANSPORT: TransportId = TransportId(0);

/// How long what needs no promise is still served after the disk has failed.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(5);

/// A gateway in the world.
pub(crate) struct Gateway {
    plan: GatewayPlan,
    hash_seed: u64,
    profile: LinkProfile,
    /// `None`: the power is off.
    core: Option<Core>,
    disk: Disk,
    /// Counts the starts: what was meant for an earlier life comes to nothing.
    pub(crate) life: u32,
    pub(crate) started_at: Instant,
    /// Its earliest look on the agenda.
    pub(crate) scheduled: Instant,
    /// The commit that is being written.
    writing: Option<CommitToken>,
    /// Until then the disk takes nothing more.
    full_until: Instant,
    /// What is to go wrong with the next commit.
    pub(crate) armed: Option<Armed>,
}

/// A fault that waits for a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Armed {
    /// The power fails in the middle.
    Crash { commit: Fate, down: Duration },
    /// The sync fails.
    Failure { commit: Fate, down: Duration },
}

impl Gateway {
    /// A gateway that is off, with an empty disk.
    pub(crate) fn new(plan: GatewayPlan, hash_seed: u64, profile: LinkProfile) -> Self {
        Self {
            plan,
            hash_seed,
            profile,
            core: None,
            disk: Disk::default(),
            life: 0,
            started_at: Instant::ZERO,
            scheduled: Instant::FAR_FUTURE,
            writing: None,
            full_until: Instant::ZERO,
            armed: None,
        }
    }

    pub(crate) fn plan(&self) -> &GatewayPlan {
        &self.plan
    }

    pub(crate) fn core(&self) -> Option<&Core> {
        self.core.as_ref()
    }

    pub(crate) fn core_mut(&mut self) -> Option<&mut Core> {
        self.core.as_mut()
    }

    /// The power is on: reads the disk.
    ///
    /// # Errors
    /// The core could not make sense of it.
    pub(crate) fn start(&mut self, now: Instant) -> Result<(), String> {
        let core = self.read(now, self.disk.records())?;
        self.life += 1;
        (self.started_at, self.scheduled) = (now, Instant::FAR_FUTURE);
        self.core.insert(core).add_transport(now, TRANSPORT, self.profile);
        Ok(())
    }

    fn read(&self, now: Instant, records: &Records) -> Result<Core, String> {
        let mut core = Core::new(self.plan.config(self.hash_seed));
        if self.plan.durable {
            core.restore(now, records).map_err(|error| error.to_string())?;
        }
        Ok(core)
    }

    /// Whether the state that was read, written out and read once more, is the same state.
    pub(crate) fn reads_the_same_again(&self, now: Instant) -> Result<bool, String> {
        let Some(core) = self.core.as_ref().filter(|_| self.plan.durable) else { return Ok(true) };
        let first = by_key(core.snapshot());
        let second = by_key(self.read(now, &first)?.snapshot());
        Ok(first == second)
    }

    /// The power is off.
    pub(crate) fn crash(&mut self, commit: Fate) {
        self.core = None;
        self.writing = None;
        self.armed = None;
        self.disk.crash(commit);
    }

    /// Begins to write a commit.
    pub(crate) fn write(&mut self, token: CommitToken, records: Vec<Record>) {
        self.disk.write(records);
        self.writing = Some(token);
    }

    /// The disk takes nothing more for now.
    pub(crate) fn fill(&mut self, until: Instant) {
        self.full_until = self.full_until.max(until);
    }

    /// The time has come for the commit under way to be done. `Some`: the disk is full, try again then.
    pub(crate) fn finish_commit(&mut self, now: Instant) -> Option<Instant> {
        let core = self.core.as_mut()?;
        if now < self.full_until {
            core.handle_input(now, Input::Storage(StorageState::Full));
            return Some(self.full_until);
        }
        let token = self.writing.take()?;
        self.disk.sync();
        core.handle_input(now, Input::Storage(StorageState::Ok));
        core.handle_input(now, Input::Committed { token });
        None
    }

    /// The sync of the commit under way has failed.
    pub(crate) fn fail(&mut self, now: Instant) {
        if let Some(core) = &mut self.core {
            core.handle_input(now, Input::Storage(StorageState::Failed));
        }
    }
}

fn by_key(records: Vec<Record>) -> Records {
    records.into_iter().filter_map(|Record { key, value }| Some((key, value?))).collect()
}
