//! Who takes frames towards the gateway: the question, the answers, and the choice among them.
//!
//! ```text
//! request, to all                     | 37 | 00 | gateway, 8 |
//! offer, to who asked or to all       | 37 | 01 | gateway, 8 | depth | heard, dBm |
//! request for a better one, to all    | 37 | 02 | gateway, 8 | depth |
//! ```
//!
//! Neither has link security: stations share keys with their gateway only. A wrong offer costs frames, and no secrets.

use crate::mac::{Address, Kind};
use crate::mesh::{MAX_HOPS, Route};
use crate::security::NoKeys;
use crate::station::{Claim, Envelope, Station, Unsealed};
use crate::{Eui64, Psdu};
use core::time::Duration;
use sn_types::Instant;

/// The first octet: as [`crate::DISPATCH`], a frame that 6LoWPAN must discard, and of Zigbee's protocol version 13.
const DISPATCH: u8 = 0x37;
const REQUEST: u8 = 0;
const OFFER: u8 = 1;
const BETTER: u8 = 2;
/// "Not known", where a signal is.
const NO_SIGNAL: i8 = 127;
/// How long offers are waited for. At 250 kbit/s thirty stations can answer in that time.
const SEARCH_FOR: Duration = Duration::from_millis(150);
/// What is heard more weakly is taken only if there is nothing else: the sensitivity of most chips and 13 dB.
const WEAK_DBM: i8 = -87;

/// What stations say to each other about ways to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Talk {
    /// Who takes frames to this gateway?
    Request {
        /// Its extended address.
        gateway: Eui64,
    },
    /// I do.
    Offer(Offer),
    /// Who does better than my parent, which I hear weakly?
    Better {
        /// Its extended address.
        gateway: Eui64,
        /// How many hops away from it who asks is now.
        depth: u8,
    },
}

/// What somebody offers who takes frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) gateway: Eui64,
    /// How many hops away the gateway is; [`NO_WAY`] takes an offer back. The gateway's own depth is 0.
    pub(crate) depth: u8,
    /// How strongly the request was heard, if that is known.
    pub(crate) heard_dbm: Option<i8>,
}

/// The depth of who has no way to the gateway any more.
pub(crate) const NO_WAY: u8 = 0xFF;

impl Talk {
    /// What a frame says, if it is talk of stations in reach of each other.
    pub(crate) fn of(claim: &Claim) -> Option<Self> {
        let is_plain = claim.header.kind == Kind::Data && !claim.header.secured && claim.via.is_none();
        is_plain.then(|| Self::decode(claim.body())).flatten()
    }

    pub(crate) fn decode(payload: &[u8]) -> Option<Self> {
        let (&[dispatch, what], rest) = payload.split_first_chunk()?;
        let (&gateway, rest) = rest.split_first_chunk()?;
        let gateway = Eui64(gateway);
        match (dispatch, what, rest) {
            (DISPATCH, REQUEST, []) => Some(Self::Request { gateway }),
            (DISPATCH, OFFER, &[depth, heard]) => {
                let heard_dbm = Some(i8::from_le_bytes([heard])).filter(|heard| *heard != NO_SIGNAL);
                Some(Self::Offer(Offer { gateway, depth, heard_dbm }))
            }
            (DISPATCH, BETTER, &[depth]) => Some(Self::Better { gateway, depth }),
            _ => None,
        }
    }

    pub(crate) fn encode(self) -> Psdu {
        let mut payload = Psdu::EMPTY;
        // It fits: twelve octets at most.
        let _ = match self {
            Self::Request { gateway } => payload.push(&[DISPATCH, REQUEST]).and_then(|()| payload.push(&gateway.0)),
            Self::Offer(Offer { gateway, depth, heard_dbm }) => payload
                .push(&[DISPATCH, OFFER])
                .and_then(|()| payload.push(&gateway.0))
                .and_then(|()| payload.push(&[depth, heard_dbm.unwrap_or(NO_SIGNAL).to_le_bytes()[0]])),
            Self::Better { gateway, depth } => payload
                .push(&[DISPATCH, BETTER])
                .and_then(|()| payload.push(&gateway.0))
                .and_then(|()| payload.push(&[depth])),
        };
        payload
    }

    /// The frame, from a station to another or to all.
    pub(crate) fn frame(self, station: Station, to: Option<Eui64>, sequence: u8) -> Result<Psdu, Unsealed> {
        let open = Station { security: None, ..station };
        let to = to.map_or(Address::ALL, Address::Extended);
        let from = Address::Extended(station.eui64);
        let envelope = Envelope { kind: Kind::Data, to, from, route: Route::Direct, sequence, frame_pending: false };
        open.frame(envelope, None, &mut NoKeys, self.encode().as_bytes())
    }
}

/// Somebody who takes frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) from: Eui64,
    pub(crate) depth: u8,
    /// The weaker direction, as far as it is known.
    signal_dbm: Option<i8>,
    /// It was asked, and says so to us alone.
    pub(crate) is_answer: bool,
}

impl Candidate {
    /// Who made an offer to all, and how strongly that was heard.
    pub(crate) fn new(from: Eui64, offer: Offer, signal_dbm: Option<i8>) -> Self {
        let signal_dbm = [offer.heard_dbm, signal_dbm].into_iter().flatten().min();
        Self { from, depth: offer.depth, signal_dbm, is_answer: false }
    }

    pub(crate) fn is_weak(&self) -> bool {
        self.signal_dbm.is_some_and(|signal| signal < WEAK_DBM)
    }

    /// Whether a frame gets from there to the gateway: one hop there, and one for each depth.
    pub(crate) const fn is_usable(&self) -> bool {
        self.depth < MAX_HOPS
    }

    /// Well heard before weak, then near the gateway before far, then by strength. Weak ones go by strength alone.
    fn is_better_than(&self, other: &Self) -> bool {
        let depth = |one: &Self| if one.is_weak() { 0 } else { one.depth };
        let signal = |one: &Self| -i16::from(one.signal_dbm.unwrap_or_default());
        let rank = |one: &Self| (one.is_weak(), depth(one), signal(one));
        rank(self) < rank(other)
    }
}

/// Bounds what answers to stations cost that are not there: whoever forges questions would have the radio speak four times into
/// nowhere for each, and hear nothing meanwhile. Who acknowledges costs nothing, so that many may start at once. Beyond the
/// limit all are told at once: that costs the same however many are made up, and reaches those who are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unheard {
    /// What was spent will have been made good.
    until: Instant,
}

/// Who is to hear the answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Who has asked.
    One,
    /// All in reach.
    All,
    /// Nobody: all have just been told.
    Nobody,
}

/// How many answers may go unacknowledged at once,
const UNHEARD: u32 = 8;
/// and how soon one more after that.
const UNHEARD_EVERY: Duration = Duration::from_millis(250);
/// How soon all may be told again: while [`SEARCH_FOR`] lasts of whoever asks. Nobody repeats such a frame.
const ALL_EVERY: Duration = Duration::from_millis(125);

impl Unheard {
    pub(crate) const NONE: Self = Self { until: Instant::ZERO };

    /// An answer was not acknowledged.
    pub(crate) fn note(&mut self, now: Instant) {
        self.spend(now, UNHEARD_EVERY);
    }

    /// To whom the next answer is to go; to all it goes now.
    pub(crate) fn audience(&mut self, now: Instant) -> Audience {
        let spent = self.until.since(now);
        if spent <= UNHEARD_EVERY * (UNHEARD - 1) {
            Audience::One
        } else if spent <= UNHEARD_EVERY * UNHEARD {
            self.spend(now, ALL_EVERY);
            Audience::All
        } else {
            Audience::Nobody
        }
    }

    fn spend(&mut self, now: Instant, what: Duration) {
        self.until = self.until.max(now) + what;
    }
}

/// Offers are being gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Search {
    pub(crate) until: Instant,
    pub(crate) best: Option<Candidate>,
}

impl Search {
    pub(crate) fn new(now: Instant) -> Self {
        Self { until: now + SEARCH_FOR, best: None }
    }

    pub(crate) fn add(&mut self, candidate: Candidate) {
        if candidate.is_usable() && self.best.is_none_or(|best| candidate.is_better_than(&best)) {
            self.best = Some(candidate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATEWAY: Eui64 = Eui64([1, 2, 3, 4, 5, 6, 7, 8]);

    #[test]
    fn talk_is_read_as_it_was_written_and_nothing_else_is() {
        let offer = Offer { gateway: GATEWAY, depth: 3, heard_dbm: Some(-70) };
        for talk in [
            Talk::Request { gateway: GATEWAY },
            Talk::Offer(offer),
            Talk::Offer(Offer { depth: NO_WAY, heard_dbm: None, ..offer }),
            Talk::Better { gateway: GATEWAY, depth: 3 },
        ] {
            let payload = talk.encode();
            assert_eq!(Talk::decode(payload.as_bytes()), Some(talk));
            for len in 0..payload.len() {
                assert_eq!(Talk::decode(&payload.as_bytes()[..len]), None);
            }
            for at in 0..2 {
                let mut other = payload.clone();
                other.as_bytes_mut()[at] ^= 2;
                assert_eq!(Talk::decode(other.as_bytes()), None);
            }
        }
    }

    fn chosen(candidates: &[(u8, u8, i8)]) -> Option<u8> {
        let mut search = Search::new(Instant::ZERO);
        for (name, depth, heard) in candidates {
            let offer = Offer { gateway: GATEWAY, depth: *depth, heard_dbm: Some(*heard) };
            search.add(Candidate::new(Eui64([*name; 8]), offer, Some(-50)));
        }
        search.best.map(|best| best.from.0[0])
    }

    #[test]
    fn who_is_near_the_gateway_and_heard_well_is_chosen() {
        assert_eq!(chosen(&[]), None);
        assert_eq!(chosen(&[(1, 2, -60), (2, 1, -80), (3, 1, -85)]), Some(2));
        assert_eq!(chosen(&[(1, 0, -95), (2, 4, -80)]), Some(2), "a weak link costs more than hops");
        assert_eq!(chosen(&[(1, 0, -95), (2, 1, -90)]), Some(2), "among weak links the strongest");
        assert_eq!(chosen(&[(1, 14, -60), (2, NO_WAY, -60)]), None, "too far away, and gone");
        assert_eq!(chosen(&[(1, 13, -99)]), Some(1));
    }
}
