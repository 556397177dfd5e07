//! A client's session: what the broker keeps for it, whether it speaks MQTT-SN or MQTT.

use super::granted::Granted;
use super::queue::Totals;
use super::shared::GroupNumber;
use super::will::WillTerms;
use super::{BRIDGE_PREFIX, Outbound};
use crate::access::Who;
use crate::map::MapSeed;
use crate::places::Places;
use crate::short::Short;
use crate::stats::Counters;
use crate::{ConnId, Message};
use slab::Slab;
use sn_types::Instant;
use std::sync::Arc;

/// A session's number: its place and, because places are used again, a serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    index: u32,
    serial: u32,
}

impl SessionKey {
    /// The number of the group that it stands for in the index, if it is no session.
    pub(super) fn group(self) -> Option<GroupNumber> {
        if self.serial == Self::NO_SESSION { GroupNumber::new(self.index) } else { None }
    }

    /// The serial number of what is no session.
    pub(super) const NO_SESSION: u32 = 0;

    pub(crate) const fn new(index: u32, serial: u32) -> Self {
        Self { index, serial }
    }

    /// Its place: no two sessions have the same at the same time.
    pub(crate) const fn place(self) -> u32 {
        self.index
    }
}

/// Over what a session's client can be reached now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Not at all: the session waits for its client.
    None,
    /// An MQTT-SN client, active, asleep or awake.
    Sn,
    /// An MQTT connection.
    Mqtt(ConnId),
}

/// Where a session lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Home {
    /// In this broker.
    #[default]
    Here,
    /// At another one, see [`crate::Transparent`]: what is here is the client's side of it.
    Upstream,
}

/// A part of a session that the store keeps, and that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Link, will, the MQTT-SN client's address and state.
    Header = 1,
    Subscriptions = 2,
    TopicIds = 4,
    Incoming = 8,
    Outbound = 16,
    User = 32,
}

/// What outlives a packet, and unless it is clean, a connection.
#[derive(Debug)]
pub(crate) struct Session {
    /// Of its key.
    serial: u32,
    /// The session's number in the store, never used again.
    pub(crate) number: u64,
    /// It survives the process. A clean MQTT session does not: it ends with its connection.
    pub(crate) durable: bool,
    /// The [`Part`]s that have changed since the last commit.
    marks: u8,
    pub(crate) client_id: Arc<str>,
    /// Whose it is; `None`: nobody's who has said so. Nobody else may take it over.
    pub(crate) user: Option<Arc<str>>,
    /// Its subscriptions are in the index if it lives here.
    pub(crate) home: Home,
    /// Changed by [`Sessions::set_link`].
    pub(crate) link: Link,
    /// The session ends with its connection.
    pub(crate) clean: bool,
    /// How long it is kept otherwise, in seconds, if its client has said so; `u32::MAX` is for ever.
    pub(crate) expiry_s: Option<u32>,
    /// Filters and what was granted, in the order of the SUBSCRIBEs.
    pub(crate) subscriptions: Short<(Arc<str>, Granted)>,
    /// When the session ends, because its client has been away for too long.
    pub(crate) expires: Instant,
    /// Its earliest look at that.
    pub(super) scheduled: Instant,
    /// Published when the client is lost.
    pub(crate) will: Option<Message>,
    /// What MQTT 5 says of it beside; most wills have none.
    pub(crate) will_terms: Option<Box<WillTerms>>,
    /// Messages to the client.
    pub(crate) outbound: Outbound,
    /// Ids of QoS 2 messages from the client that are not released yet.
    pub(crate) incoming_qos2: Short<u16>,
    /// What was refused or dropped; most clients never need one.
    pub(crate) counters: Option<Box<Counters>>,
}

impl Session {
    fn new(serial: u32, client_id: Arc<str>, number: u64, durable: bool, totals: &Arc<Totals>) -> Self {
        Self {
            serial,
            number,
            durable,
            marks: 0,
            client_id,
            user: None,
            home: Home::Here,
            link: Link::None,
            clean: true,
            expiry_s: None,
            subscriptions: Short::new(),
            expires: Instant::FAR_FUTURE,
            scheduled: Instant::FAR_FUTURE,
            will: None,
            will_terms: None,
            outbound: Outbound::new(durable, totals),
            incoming_qos2: Short::new(),
            counters: None,
        }
    }
}

impl Session {
    /// Who its client is.
    pub(crate) fn who(&self) -> Who<'_> {
        Who { user: self.user.as_deref().unwrap_or_default(), client_id: &self.client_id }
    }

    /// When its will is published; a will that does not wait for a time is none of the clock's business.
    pub(crate) fn will_due(&self) -> Instant {
        self.will_terms.as_ref().map_or(Instant::FAR_FUTURE, |terms| terms.due)
    }

    /// Whether its client is one of the gateway's bridges.
    pub(crate) fn is_bridge(&self) -> bool {
        self.client_id.starts_with(BRIDGE_PREFIX)
    }

    /// Which parts have changed since the last commit; none from now on.
    pub(crate) fn take_marks(&mut self) -> Marks {
        Marks(std::mem::take(&mut self.marks))
    }
}

/// A set of [`Part`]s.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks(u8);

impl Marks {
    pub(crate) const fn contains(self, part: Part) -> bool {
        self.0 & part as u8 != 0
    }
}

/// All sessions, by key and by client id. One namespace for MQTT-SN and MQTT.
#[derive(Debug)]
pub(crate) struct Sessions {
    slab: Slab<Session>,
    /// Places by client id.
    by_id: Places,
    serial: u32,
    next_number: u64,
    /// Sessions with a link.
    connected: usize,
    /// The most there have been at the same time.
    most_connected: usize,
    /// What waits for all of them together.
    totals: Arc<Totals>,
    /// There is a store: changes are to be marked.
    marking: bool,
    /// Sessions with marks, in the order of their first.
    marked: Vec<SessionKey>,
}

impl Sessions {
    pub(crate) fn new(seed: MapSeed, marking: bool) -> Self {
        Self {
            slab: Slab::new(),
            by_id: Places::new(seed),
            serial: 0,
            next_number: 1,
            connected: 0,
            most_connected: 0,
            totals: Arc::default(),
            marking,
            marked: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    /// The most sessions that were connected at the same time since the start.
    pub(crate) fn most_connected(&self) -> usize {
        self.most_connected
    }

    pub(crate) fn totals(&self) -> &Totals {
        &self.totals
    }

    pub(crate) fn find(&self, client_id: &str) -> Option<SessionKey> {
        let place = self.by_id.find(client_id, |place| id_at(&self.slab, place))?;
        Some(SessionKey::new(place, self.slab[place as usize].serial))
    }

    /// A new session without link, clean, for a client id that has none.
    pub(crate) fn insert(&mut self, client_id: &str, durable: bool) -> SessionKey {
        let number = self.next_number;
        self.insert_numbered(client_id, durable && self.marking, number)
    }

    /// The same for a client of MQTT-SN, whose session survives the process wherever it lives.
    pub(crate) fn insert_at(&mut self, client_id: &str, home: Home) -> SessionKey {
        let key = self.insert(client_id, true);
        self.set_home(key, home);
        key
    }

    /// Says where a new session lives. Messages of one that lives elsewhere are not stored.
    pub(crate) fn set_home(&mut self, key: SessionKey, home: Home) {
        let Some(session) = self.get_mut(key) else { return };
        session.home = home;
        match home {
            Home::Here => {}
            Home::Upstream => session.outbound.track(false),
        }
    }

    /// The same with a number from the store.
    pub(crate) fn insert_numbered(&mut self, client_id: &str, durable: bool, number: u64) -> SessionKey {
        self.serial = self.serial.wrapping_add(1).max(SessionKey::NO_SESSION + 1);
        self.next_number = self.next_number.max(number + 1);
        let session = Session::new(self.serial, client_id.into(), number, durable, &self.totals);
        let index = self.slab.insert(session);
        let key = SessionKey::new(index as u32, self.serial);
        self.by_id.insert(key.place(), |place| id_at(&self.slab, place));
        key
    }

    pub(crate) fn remove(&mut self, key: SessionKey) -> Option<Session> {
        self.get(key)?;
        let session = self.slab.remove(key.index as usize);
        self.by_id.remove(key.place(), &*session.client_id);
        self.connected -= usize::from(session.link != Link::None);
        Some(session)
    }

    pub(crate) fn get(&self, key: SessionKey) -> Option<&Session> {
        self.slab.get(key.index as usize).filter(|session| session.serial == key.serial)
    }

    pub(crate) fn get_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        self.slab.get_mut(key.index as usize).filter(|session| session.serial == key.serial)
    }

    /// Says over what a session's client can be reached from now on.
    pub(crate) fn set_link(&mut self, key: SessionKey, link: Link) {
        let Some(session) = self.get_mut(key) else { return };
        let before = std::mem::replace(&mut session.link, link);
        self.connected -= usize::from(before != Link::None);
        self.connected += usize::from(link != Link::None);
        self.most_connected = self.most_connected.max(self.connected);
    }

    /// The queue of a session, to change it.
    pub(crate) fn outbound_mut(&mut self, key: SessionKey) -> Option<&mut Outbound> {
        self.mark(key, Part::Outbound);
        Some(&mut self.get_mut(key)?.outbound)
    }

    /// Notes that a part of a session has changed.
    pub(crate) fn mark(&mut self, key: SessionKey, part: Part) {
        if !self.marking {
            return;
        }
        let Some(session) = self.get_mut(key).filter(|session| session.durable) else { return };
        let first = session.marks == 0;
        session.marks |= part as u8;
        if first {
            self.marked.push(key);
        }
    }

    pub(crate) fn any_marked(&self) -> bool {
        !self.marked.is_empty()
    }

    /// The sessions that have changed; their marks are to be taken with [`Session::take_marks`].
    pub(crate) fn take_marked(&mut self) -> Vec<SessionKey> {
        std::mem::take(&mut self.marked)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SessionKey, &Session)> {
        self.slab.iter().map(|(index, session)| (SessionKey::new(index as u32, session.serial), session))
    }
}

fn id_at(slab: &Slab<Session>, place: u32) -> &str {
    &slab[place as usize].client_id
}
