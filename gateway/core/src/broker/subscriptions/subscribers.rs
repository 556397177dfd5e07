//! Who has subscribed to one filter.

use crate::broker::SessionKey;
use crate::broker::granted::Granted;
use std::collections::BTreeMap;

/// The subscribers of one filter, in the order of their keys. One, the usual number, needs no allocation; many leave
/// at the price of a search each.
#[derive(Debug, Default)]
pub(super) enum Subscribers {
    #[default]
    None,
    One(SessionKey, Granted),
    Many(ManySubscribers),
}

/// In a box, to keep the enum, of which there are millions, at 16 octets.
type ManySubscribers = Box<BTreeMap<SessionKey, Granted>>;

impl Subscribers {
    pub(super) fn insert(&mut self, session: SessionKey, granted: Granted) -> bool {
        match self {
            Self::None => {
                *self = Self::One(session, granted);
                true
            }
            Self::One(one, its) if *one == session => {
                *its = granted;
                false
            }
            Self::One(one, its) => {
                *self = Self::Many(Box::new(BTreeMap::from([(*one, *its), (session, granted)])));
                true
            }
            Self::Many(many) => many.insert(session, granted).is_none(),
        }
    }

    pub(super) fn remove(&mut self, session: SessionKey) -> bool {
        match self {
            Self::None => false,
            Self::One(one, _) if *one == session => {
                *self = Self::None;
                true
            }
            Self::One(..) => false,
            Self::Many(many) => {
                let was_there = many.remove(&session).is_some();
                if many.len() == 1 {
                    *self = many.pop_first().map_or(Self::None, |(one, granted)| Self::One(one, granted));
                }
                was_there
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Appends to `found`; whether there was anybody.
    pub(super) fn collect(&self, found: &mut Vec<(SessionKey, Granted)>) -> bool {
        match self {
            Self::None => return false,
            Self::One(one, granted) => found.push((*one, *granted)),
            Self::Many(many) => found.extend(many.iter().map(|(session, granted)| (*session, *granted))),
        }
        true
    }
}

const _: () = assert!(size_of::<Subscribers>() == 16);
