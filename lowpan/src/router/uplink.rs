//! The way up: a router's parent, and how it is found, kept and lost.

use crate::mesh::MAX_HOPS;
use crate::parent::{Candidate, Search};
use core::time::Duration;
use sn_types::{Eui64, Instant};

/// A parent that leaves so many frames in a row unacknowledged is gone.
const FAILURES: u8 = 3;
/// How long who has lost its parent says so, before it asks for another: those below must not offer the way through us.
const HOLD: Duration = Duration::from_secs(2);
/// The first pause after nobody has answered, and up to that once more by chance; each is twice as long.
const REST: Duration = Duration::from_secs(1);
/// The longest pause is 64 s.
const MOST_DOUBLED: u32 = 6;
/// How long a parent that is heard weakly is kept before a better one is asked for: not when we say anyway how deep we are. The
/// next pauses are each twice as long, up to 48 s, and up to that once more by chance.
const ASK_AFTER: Duration = Duration::from_secs(6);
const ASK_MOST_DOUBLED: u32 = 3;
/// The deepest that a router can be: a node below it has one hop more.
const DEEPEST: u8 = MAX_HOPS - 1;

/// The way up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Uplink {
    /// There is none. `holds`: it is too early for another.
    None { until: Instant, holds: bool, searches: u32 },
    /// Offers are being gathered.
    Searching { search: Search, searches: u32 },
    /// There is one; `weak`: but not heard well, when it last offered itself.
    Parent { parent: Eui64, depth: u8, failures: u8, weak: Option<Weak> },
}

/// A better one is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weak {
    ask_at: Instant,
    /// How often that was done.
    asked: u32,
}

impl Weak {
    /// What an offer of the parent's makes of what was known. That it is not weak any more only an answer says, which knows how
    /// strongly it hears us, if its radio tells it.
    fn judge(now: Instant, parent: &Candidate, known: Option<Self>) -> Option<Self> {
        match (parent.is_weak(), known) {
            (true, None) => Some(Self { ask_at: now + ASK_AFTER, asked: 0 }),
            (false, Some(_)) if parent.is_answer => None,
            (true | false, known) => known,
        }
    }
}

/// What to tell those in reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing.
    Nothing,
    /// To ask who takes frames.
    Ask,
    /// The same, while there is a parent.
    AskForBetter,
    /// How deep we are now, or that there is no way any more.
    Depth,
}

impl Uplink {
    /// To be asked for at once.
    pub(super) const START: Self = Self::None { until: Instant::ZERO, holds: false, searches: 0 };

    pub(super) const fn parent(&self) -> Option<Eui64> {
        match self {
            Self::Parent { parent, .. } => Some(*parent),
            Self::None { .. } | Self::Searching { .. } => None,
        }
    }

    pub(super) const fn depth(&self) -> Option<u8> {
        match self {
            Self::Parent { depth, .. } => Some(*depth),
            Self::None { .. } | Self::Searching { .. } => None,
        }
    }

    /// When to call [`Uplink::handle_timeout`].
    pub(super) const fn next_at(&self) -> Option<Instant> {
        match self {
            Self::None { until, .. } => Some(*until),
            Self::Searching { search, .. } => Some(search.until),
            Self::Parent { weak: Some(weak), .. } => Some(weak.ask_at),
            Self::Parent { weak: None, .. } => None,
        }
    }

    /// Whether who is so deep and hears its parent weakly is better off with us.
    pub(super) const fn is_better_than_weak(&self, theirs: u8) -> bool {
        matches!(self, Self::Parent { depth, weak: None, .. } if *depth <= theirs)
    }

    /// Does what is due. `chance` is any number: who was switched on together does not ask together for ever.
    pub(super) fn handle_timeout(&mut self, now: Instant, chance: u16) -> News {
        match *self {
            Self::None { until, searches, .. } if until <= now => {
                *self = Self::Searching { search: Search::new(now), searches };
                News::Ask
            }
            Self::Searching { search, searches } if search.until <= now => match search.best {
                Some(best) => self.attach(now, &best),
                None => {
                    let rest = REST * 2_u32.pow(searches.min(MOST_DOUBLED));
                    let until = now + prolong(rest, chance);
                    *self = Self::None { until, holds: false, searches: searches.saturating_add(1) };
                    News::Nothing
                }
            },
            Self::Parent { parent, depth, failures, weak: Some(Weak { ask_at, asked }) } if ask_at <= now => {
                let asked = asked.saturating_add(1);
                let ask_at = now + prolong(ASK_AFTER * 2_u32.pow(asked.min(ASK_MOST_DOUBLED)), chance);
                *self = Self::Parent { parent, depth, failures, weak: Some(Weak { ask_at, asked }) };
                News::AskForBetter
            }
            Self::None { .. } | Self::Searching { .. } | Self::Parent { .. } => News::Nothing,
        }
    }

    /// Somebody takes frames, or does no longer.
    pub(super) fn offered(&mut self, now: Instant, candidate: Candidate) -> News {
        let is_usable = candidate.depth < DEEPEST;
        match self {
            Self::Parent { parent, .. } if *parent == candidate.from && !is_usable => self.lose(now),
            Self::Parent { parent, depth, weak, .. } if *parent == candidate.from => {
                let is_new = *depth != candidate.depth + 1;
                (*depth, *weak) = (candidate.depth + 1, Weak::judge(now, &candidate, *weak));
                if is_new { News::Depth } else { News::Nothing }
            }
            Self::Parent { depth, weak, .. }
                if is_usable && !candidate.is_weak() && is_better(&candidate, *depth, *weak) =>
            {
                self.attach(now, &candidate)
            }
            Self::Searching { search, .. } if is_usable => {
                search.add(candidate);
                News::Nothing
            }
            // A late answer, or somebody who has just found a way.
            Self::None { holds: false, .. } if is_usable && !candidate.is_weak() => self.attach(now, &candidate),
            Self::None { until, holds: false, .. } if is_usable => {
                *until = now;
                News::Nothing
            }
            Self::None { .. } | Self::Searching { .. } | Self::Parent { .. } => News::Nothing,
        }
    }

    /// The parent has acknowledged a frame.
    pub(super) const fn acknowledged(&mut self) {
        if let Self::Parent { failures, .. } = self {
            *failures = 0;
        }
    }

    /// The parent has not.
    pub(super) fn unacknowledged(&mut self, now: Instant) -> News {
        match self {
            Self::Parent { failures, .. } if *failures + 1 >= FAILURES => self.lose(now),
            Self::Parent { failures, .. } => {
                *failures += 1;
                News::Nothing
            }
            Self::None { .. } | Self::Searching { .. } => News::Nothing,
        }
    }

    /// Gives the parent up.
    pub(super) fn lose(&mut self, now: Instant) -> News {
        *self = Self::None { until: now + HOLD, holds: true, searches: 0 };
        News::Depth
    }

    fn attach(&mut self, now: Instant, candidate: &Candidate) -> News {
        let (parent, depth) = (candidate.from, candidate.depth + 1);
        let weak = Weak::judge(now, candidate, None);
        *self = Self::Parent { parent, depth, failures: 0, weak };
        News::Depth
    }
}

/// Whether who is heard well is a better parent than the one that we have. Those below are deeper than we are. Who is as deep is
/// better than a weak parent only if its own is not weak: then it answers who asks for a better one, and only then. What it says
/// of itself to all is no reason: two that hear the gateway weakly would put themselves behind each other, and go over the weak
/// hop all the same.
fn is_better(candidate: &Candidate, depth: u8, weak: Option<Weak>) -> bool {
    let answers = candidate.is_answer && weak.is_some_and(|weak| weak.asked > 0);
    candidate.depth + 1 < depth || answers && candidate.depth <= depth
}

/// A pause, and up to that once more by chance.
fn prolong(pause: Duration, chance: u16) -> Duration {
    pause + pause * u32::from(chance) / (1 << 16)
}
