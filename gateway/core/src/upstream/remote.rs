//! What is kept of one client whose session lives upstream, while it is connected here.

use super::{UpstreamId, UpstreamState};
use crate::Qos;
use crate::mqtt::PacketId;
use crate::sn::Arrival;
use sn_codec::{MsgId, TopicId};
use sn_types::Instant;
use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

/// The pause after the first attempt that failed.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The gateway's own requests have ids from here on: a node that counts its MsgIds up is long done with one before it
/// gets there.
const FIRST_OWN_ID: u16 = crate::LARGEST_MESSAGE_ID + 1;

/// Where a client's connection to upstream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It waits its turn.
    Queued,
    /// CONNECT is on its way: CONNACK is missing.
    Dialing {
        id: UpstreamId,
        give_up: Instant,
    },
    Up {
        id: UpstreamId,
        since: Instant,
    },
    /// The next attempt follows.
    Resting {
        until: Instant,
    },
    /// Upstream has hung up and not said why: MQTT 3.1.1 cannot, and mosquitto 2.0.11 does not over MQTT 5. Whoever calls
    /// back may take the session away from the gateway that has the node now, so its next word here is waited for; not for
    /// ever if the node has promised none.
    Parted {
        until: Instant,
    },
}

/// A CONNECT that upstream has not answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Joining {
    pub(super) give_up: Instant,
    pub(super) arrival: Arrival,
}

/// Something that upstream was asked and has not answered.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) id: PacketId,
    pub(super) what: Asked,
}

impl Request {
    const fn stage(&self) -> Option<Stage> {
        match self.what {
            Asked::Publish { stage, .. } => Some(stage),
            Asked::Subscribe { .. } | Asked::Unsubscribe { .. } | Asked::Restore => None,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Asked {
    /// A QoS 1 or 2 PUBLISH of the node; its PUBACK carries the topic id.
    Publish { topic_id: TopicId, stage: Stage },
    /// A SUBSCRIBE of the node.
    Subscribe { msg_id: MsgId, target: crate::sn::Target },
    /// An UNSUBSCRIBE of the node.
    Unsubscribe { msg_id: MsgId, target: crate::sn::Target },
    /// Subscriptions that upstream has forgotten.
    Restore,
}

/// How far a PUBLISH of the node has come. One at QoS 1 goes no further than the first stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It went up.
    Published,
    /// PUBREC came.
    Received,
    /// PUBREL went up: PUBCOMP is missing.
    Released,
}

/// What the node is kept waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// PUBREL: its PUBREC went up.
    Release,
    /// PINGRESP: what upstream has for the node comes before it.
    Ping,
}

/// One client's side at upstream.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(super) client_id: Arc<str>,
    pub(super) line: Line,
    pub(super) joining: Option<Joining>,
    /// Its own CONNECT is still to be answered; else a connection is only made again.
    pub(super) is_first: bool,
    pub(super) pause: Duration,
    pub(super) requests: Vec<Request>,
    /// Subscriptions that are still to be made again.
    pub(super) restoring: VecDeque<(Arc<str>, Qos)>,
    /// QoS 1 and 2 messages that upstream takes before it acknowledges one.
    pub(super) window: usize,
    /// QoS 2 messages that the node does not get: their PUBREL is answered here.
    pub(super) discarded: Vec<u16>,
    pub(super) wait: Option<(Wait, Instant)>,
    /// Upstream has said that it has nothing more.
    pub(super) is_settled: bool,
    /// Upstream has said why it ends the connection, and it is not that the node is elsewhere.
    pub(super) has_reason: bool,
    /// An attempt has failed since there was a connection.
    pub(super) is_away: bool,
    /// A connection has ended by what upstream sent, and none has stood since.
    pub(super) is_spoilt: bool,
    /// Upstream is not read from.
    pub(super) is_deaf: bool,
    pub(super) scheduled: Instant,
}

impl Remote {
    pub(super) fn new(client_id: Arc<str>, joining: Option<Joining>) -> Self {
        Self {
            client_id,
            line: Line::Queued,
            is_first: joining.is_some(),
            joining,
            pause: FIRST_PAUSE,
            requests: Vec::new(),
            restoring: VecDeque::new(),
            window: 0,
            discarded: Vec::new(),
            wait: None,
            is_settled: false,
            has_reason: false,
            is_away: false,
            is_spoilt: false,
            is_deaf: false,
            scheduled: Instant::FAR_FUTURE,
        }
    }

    pub(super) const fn state(&self) -> UpstreamState {
        match self.line {
            Line::Queued | Line::Dialing { .. } => UpstreamState::Connecting,
            Line::Up { .. } => UpstreamState::Connected,
            Line::Resting { .. } => UpstreamState::BackingOff,
            Line::Parted { .. } => UpstreamState::Parted,
        }
    }

    /// The connection, accepted or not.
    pub(super) const fn id(&self) -> Option<UpstreamId> {
        match self.line {
            Line::Dialing { id, .. } | Line::Up { id, .. } => Some(id),
            Line::Queued | Line::Resting { .. } | Line::Parted { .. } => None,
        }
    }

    /// The connection, if packets may be sent there.
    pub(super) const fn up(&self) -> Option<UpstreamId> {
        match self.line {
            Line::Up { id, .. } => Some(id),
            Line::Dialing { .. } | Line::Queued | Line::Resting { .. } | Line::Parted { .. } => None,
        }
    }

    pub(super) fn awaits_release(&self) -> bool {
        matches!(self.wait, Some((Wait::Release, _)))
    }

    /// The connection has stood: another that breaks is tried again soon. One that breaks at once, time and again, may be
    /// fought for with another gateway.
    pub(super) const fn has_stood(&mut self) {
        (self.pause, self.is_spoilt) = (FIRST_PAUSE, false);
    }

    /// The connection is another one now: what was under way on the last one is asked or sent again.
    pub(super) fn begin_anew(&mut self) {
        self.requests.clear();
        self.restoring.clear();
        self.discarded.clear();
        (self.wait, self.is_settled, self.is_deaf, self.has_reason) = (None, false, false, false);
    }

    /// When to look at it next.
    pub(super) fn deadline(&self) -> Instant {
        let line = match self.line {
            Line::Dialing { give_up, .. } => give_up,
            Line::Resting { until } | Line::Parted { until } => until,
            Line::Queued | Line::Up { .. } => Instant::FAR_FUTURE,
        };
        let joining = self.joining.map_or(Instant::FAR_FUTURE, |joining| joining.give_up);
        let wait = self.wait.map_or(Instant::FAR_FUTURE, |(_, until)| until);
        line.min(joining).min(wait)
    }

    /// An id for a request of the gateway's own, or of the node if only its answer has to carry the node's MsgId.
    /// `None`: all are in use.
    pub(super) fn free_id(&self) -> Option<PacketId> {
        let mut ids = (FIRST_OWN_ID..=u16::MAX).filter_map(NonZeroU16::new);
        ids.find(|id| self.requests.iter().all(|request| request.id != *id))
    }

    /// Takes out the open request of an id that `is_meant`.
    pub(super) fn answered(&mut self, id: PacketId, is_meant: impl Fn(&Asked) -> bool) -> Option<Asked> {
        let at = self.requests.iter().position(|request| request.id == id && is_meant(&request.what))?;
        Some(self.requests.swap_remove(at).what)
    }

    /// How far the PUBLISH has come that went up under an id over this connection.
    pub(super) fn stage(&self, id: PacketId) -> Option<Stage> {
        let mut stages = self.requests.iter().filter(|request| request.id == id).filter_map(|request| request.stage());
        stages.next()
    }

    pub(super) fn stage_mut(&mut self, id: PacketId) -> Option<&mut Stage> {
        let mut open = self.requests.iter_mut().filter(|request| request.id == id);
        open.find_map(|request| match &mut request.what {
            Asked::Publish { stage, .. } => Some(stage),
            Asked::Subscribe { .. } | Asked::Unsubscribe { .. } | Asked::Restore => None,
        })
    }

    /// PUBLISHes of the node that upstream has not acknowledged.
    pub(super) fn publishing(&self) -> usize {
        self.requests.iter().filter(|request| request.stage().is_some()).count()
    }
}
