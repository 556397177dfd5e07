//! Going on at another gateway (1.2 §6.12).

use crate::request::{Publish, Request};
use crate::{Client, Event, State};
use sn_codec::MsgId;
use sn_types::Instant;

impl<'a, const BODY: usize, const TOPICS: usize, const RECEIVED: usize> Client<'a, BODY, TOPICS, RECEIVED> {
    /// Connects to another gateway, not before `not_before`, and goes on there with the interrupted request. To which
    /// is the driver's business: what [`Client::poll_output`] returns from now on goes there.
    ///
    /// `place` is the driver's number for it. Nothing that another gateway has given out is used here: topics are
    /// registered again, and message ids of arrived QoS 2 messages are remembered per place. An unfinished PUBLISH at
    /// QoS 1 or 2 is sent as a new message, so the one before may have it, too: exactly once holds for one gateway.
    ///
    /// Returns [`Event::Published`] if the gateway before has said PUBREC to the PUBLISH in progress: that gateway
    /// has it, and it must not be sent twice.
    ///
    /// The new gateway does not know the client's subscriptions, unless both share a broker.
    pub fn continue_elsewhere(&mut self, place: u8, not_before: Instant) -> Option<Event<'static>> {
        let (is_taken, is_elsewhere) = (self.is_taken(), self.received.place() != place);
        self.flight = None;
        self.reply = None;
        if is_elsewhere {
            self.forget_gateway(place);
        }
        self.state = State::Connecting;
        self.not_before = not_before;
        (is_taken && is_elsewhere).then(|| {
            self.request = None;
            Event::Published
        })
    }

    /// The gateway has answered the QoS 2 PUBLISH in progress with PUBREC.
    fn is_taken(&self) -> bool {
        matches!(self.request, Some(Request::Publish(Publish { released: true, .. })))
    }

    fn forget_gateway(&mut self, place: u8) {
        self.topics.clear();
        self.received.move_to(place);
        self.unconfirmed = None;
        self.disconnect_at = None;
        self.setbacks = 0;
        // A session that another gateway may keep for the client is not thrown away, and has no id in common with this.
        self.clean_session &= !self.is_linked();
        let msg_id = self.new_msg_id();
        if let Some(Request::Publish(publish)) = &mut self.request {
            let msg_id = if publish.is_acknowledged() { msg_id } else { MsgId::NONE };
            *publish = Publish { id: None, dup: false, released: false, forgotten: 0, msg_id, ..*publish };
        }
    }

    /// Which gateway the client deals with.
    pub(crate) fn place(&self) -> u8 {
        self.received.place()
    }

    /// This place is another gateway's from now on.
    pub(crate) fn forget_place(&mut self, place: u8) {
        self.received.forget(place);
    }
}
