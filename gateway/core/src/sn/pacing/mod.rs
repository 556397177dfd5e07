//! How a link is spared: not more on the air than it may have, and not too many wakes at once.
//!
//! Both are asked before a message to a client is begun (`publish_out`); what may not go now waits in its client's queue,
//! under the queue's rules and limits. What answers a client, acknowledgements above all, does not wait. It takes from the
//! same airtime, of which the last quarter is for it alone. When even that is used, nothing is sent at all, which is counted, and
//! the client asks again.
//!
//! **No airtime.** Messages to active clients are begun while at most half is used, those to awake ones while at most three
//! quarters are: an active client takes what there is as soon as there is some, and would leave nothing for one that wakes.
//! Active clients are sent their messages when there is some again, in turn: who was, and has more, goes to the back. One that
//! is awake is told PINGRESP and sleeps on: it would only listen, and its messages are there at its next wake, as after its
//! "congestion". What a datagram takes is worked out when it is sent. A radio that says how long it has really been sending
//! ([`crate::Input::Airtime`]) corrects that upwards; what it repeats is known afterwards only, so the limit may be passed by the
//! repetitions of what the radio has at that moment.
//!
//! **Turns.** Of the clients that are awake on a link, so many at most are sent messages at the same time; the others get their
//! turn in the order in which they woke. One that does not answer at once loses its turn. A client that waits hears nothing, as
//! PINGRESP means that nothing is left (1.2 §6.14), and repeats its PINGREQ every T_retry, up to N_retry times, 3 to 5 as
//! the spec has it. So that none gives up, one that has waited for twice T_retry is told PINGRESP, and its messages wait for
//! its next wake.

mod airtime;

use super::SnSide;
use super::table::State;
use crate::broker::SessionKey;
use crate::core::TimerKey;
use crate::{Core, Pacing};
use airtime::Spent;
use sn_types::{Instant, TransportId};
use std::collections::VecDeque;
use std::time::Duration;

/// Whether a message to a client may be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Go,
    /// It is not the client's turn.
    Wait,
    /// There is no airtime.
    Later,
}

/// So much is for messages to active clients, in quarters of the airtime.
const ACTIVE_QUARTERS: u64 = 2;
/// So much is for all messages. The rest is for answers.
const ALL_QUARTERS: u64 = 3;

/// All links that are spared.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// The present time: what is sent is charged to it.
    now: Instant,
    lanes: Vec<Lane>,
}

#[derive(Debug)]
struct Lane {
    transport: TransportId,
    pacing: Pacing,
    spent: Option<Spent>,
    /// Clients whose turn it is.
    holders: Vec<SessionKey>,
    /// Awake clients that wait for their turn, in the order in which they woke.
    line: VecDeque<SessionKey>,
    /// Active clients for which there was no airtime, in the order in which they get some.
    stalled: VecDeque<SessionKey>,
    /// When to look after them.
    scheduled: Instant,
}

impl Lane {
    fn is_beyond(&mut self, now: Instant, quarters: u64) -> bool {
        self.spent.as_mut().is_some_and(|spent| spent.is_beyond(now, quarters))
    }
}

impl Lanes {
    fn lane(&mut self, transport: TransportId) -> Option<&mut Lane> {
        self.lanes.iter_mut().find(|lane| lane.transport == transport)
    }
}

impl SnSide {
    /// What happens from now on happens at `now`.
    pub(crate) fn set_time(&mut self, now: Instant) {
        self.lanes.now = now;
    }

    /// Takes the airtime of a datagram. `false`: there is none for it.
    pub(crate) fn charge(&mut self, transport: TransportId, octets: usize) -> bool {
        let now = self.lanes.now;
        let Some(lane) = self.lanes.lane(transport) else { return true };
        let (Some(spent), Some(airtime)) = (&mut lane.spent, &lane.pacing.airtime) else { return true };
        spent.spend(now, airtime.of(octets))
    }
}

impl SnSide {
    /// A radio says how long it has been sending.
    pub(crate) fn airtime_told(&mut self, transport: TransportId, airtime: Duration) {
        let now = self.lanes.now;
        if let Some(spent) = self.lanes.lane(transport).and_then(|lane| lane.spent.as_mut()) {
            spent.tell(now, airtime.as_micros() as u64);
        }
    }
}

impl Core {
    /// Says how a transport is spared. Without it, it is not.
    pub fn set_pacing(&mut self, transport: TransportId, pacing: Pacing) {
        let lanes = &mut self.sn.lanes.lanes;
        lanes.retain(|lane| lane.transport != transport);
        if pacing == Pacing::default() {
            return;
        }
        lanes.push(Lane {
            transport,
            spent: pacing.airtime.as_ref().map(Spent::new),
            pacing,
            holders: Vec::new(),
            line: VecDeque::new(),
            stalled: VecDeque::new(),
            scheduled: Instant::FAR_FUTURE,
        });
    }

    /// How much of its airtime each transport that has a limit has used, from 0 to 1.
    pub fn airtime_used(&self) -> impl Iterator<Item = (TransportId, f64)> + '_ {
        let limited = |lane: &Lane| Some((lane.transport, lane.spent.as_ref()?.used(self.sn.lanes.now)));
        self.sn.lanes.lanes.iter().filter_map(limited)
    }

    /// Whether the next message to a client may be begun. If not, the client is noted.
    pub(super) fn pace(&mut self, now: Instant, key: SessionKey, transport: TransportId) -> Pace {
        let Some(client) = self.sn.clients.get_mut(key) else { return Pace::Wait };
        let Some(lane) = self.sn.lanes.lane(transport) else { return Pace::Go };
        let is_active = client.state == State::Active;
        if lane.is_beyond(now, if is_active { ACTIVE_QUARTERS } else { ALL_QUARTERS }) {
            if is_active && !lane.stalled.contains(&key) {
                lane.stalled.push_back(key);
                self.schedule_airtime(transport);
            }
            return Pace::Later;
        }
        let Some(most) = lane.pacing.wakes.filter(|_| client.state == State::Awake) else { return Pace::Go };
        if lane.holders.contains(&key) {
            return Pace::Go;
        }
        let is_holder = |key: &SessionKey| self.sn.clients.get(*key).is_some_and(|client| client.holds_turn());
        lane.holders.retain(is_holder);
        if lane.line.is_empty() && lane.holders.len() < usize::from(most) {
            lane.holders.push(key);
            return Pace::Go;
        }
        if !lane.line.contains(&key) {
            lane.line.push_back(key);
        }
        // It may have kept its place in an earlier wake, of which it has not heard the end.
        if let Some(client) = self.sn.clients.get_mut(key).filter(|client| client.turn_by == Instant::FAR_FUTURE) {
            client.turn_by = now + 2 * self.config.timing.t_retry;
            self.sn_schedule(now, key);
        }
        Pace::Wait
    }

    /// Gives those who wait their turn, as far as others have had theirs.
    pub(crate) fn give_turns(&mut self, now: Instant) {
        for place in 0..self.sn.lanes.lanes.len() {
            while let Some(key) = self.next_in_line(place) {
                self.pump(now, key);
            }
        }
    }

    fn next_in_line(&mut self, place: usize) -> Option<SessionKey> {
        let lane = self.sn.lanes.lanes.get_mut(place).filter(|lane| !lane.line.is_empty())?;
        let clients = &mut self.sn.clients;
        lane.holders.retain(|key| clients.get(*key).is_some_and(|client| client.holds_turn()));
        if lane.holders.len() >= usize::from(lane.pacing.wakes.unwrap_or(u16::MAX)) {
            return None;
        }
        let key = lane.line.pop_front()?;
        if let Some(client) = clients.get_mut(key).filter(|client| client.state == State::Awake) {
            client.turn_by = Instant::FAR_FUTURE;
            lane.holders.push(key);
        }
        Some(key)
    }

    /// An awake client has waited for its turn for too long.
    pub(super) fn miss_turn(&mut self, now: Instant, key: SessionKey) {
        for lane in &mut self.sn.lanes.lanes {
            lane.line.retain(|waiting| *waiting != key);
        }
        if let Some(addr) = self.sn.address(key) {
            self.end_wake(now, key, addr);
        }
    }

    /// The look that was asked for `due`: there may be airtime again.
    pub(crate) fn airtime_due(&mut self, now: Instant, due: Instant, transport: TransportId) {
        let Some(lane) = self.sn.lanes.lane(transport).filter(|lane| lane.scheduled == due) else { return };
        lane.scheduled = Instant::FAR_FUTURE;
        let mut untouched = std::mem::take(&mut lane.stalled);
        while let Some(lane) = self.sn.lanes.lane(transport)
            && !lane.is_beyond(now, ACTIVE_QUARTERS)
            && let Some(key) = untouched.pop_front()
        {
            self.pump(now, key);
        }
        let Some(lane) = self.sn.lanes.lane(transport) else { return };
        lane.stalled.retain(|key| !untouched.contains(key));
        untouched.append(&mut lane.stalled);
        lane.stalled = untouched;
        self.schedule_airtime(transport);
    }

    /// Looks after those for which there was no airtime when there may be some.
    fn schedule_airtime(&mut self, transport: TransportId) {
        let Some(lane) = self.sn.lanes.lane(transport).filter(|lane| !lane.stalled.is_empty()) else { return };
        let next = lane.spent.as_ref().map_or(Instant::FAR_FUTURE, Spent::next_part);
        self.timers.schedule(&mut lane.scheduled, next, TimerKey::Airtime(transport));
    }

    /// Whether a request to an active client is not to be repeated now, for want of airtime. As it was begun, it may take what is
    /// for messages to anybody: beside clients that use all that is for active ones, it would never come again.
    pub(super) fn must_not_repeat(&mut self, now: Instant, key: SessionKey) -> bool {
        let Some(client) = self.sn.clients.get(key).filter(|client| client.state == State::Active) else {
            return false;
        };
        let Some(addr) = client.addr else { return false };
        self.sn.lanes.lane(addr.transport).is_some_and(|lane| lane.is_beyond(now, ALL_QUARTERS))
    }
}
