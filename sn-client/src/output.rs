//! What the client sends, and how often.

use crate::client::later;
use crate::request::{Form, Publish, Request};
use crate::{Client, Will};
use sn_codec::{
    Connect, Disconnect, Message, MsgId, PingReq, Qos, Register, SearchGw, Subscribe, Topic, TopicId, Unsubscribe,
    WillMsg, WillTopic,
};
use sn_types::Instant;

/// A datagram to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit<'b> {
    /// One whole message.
    pub datagram: &'b [u8],
    /// To whom.
    pub to: Destination,
}

/// Whom a datagram is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The gateway that the driver has chosen.
    Gateway,
    /// All within this many hops; 0: the whole network (1.2 §5.3).
    Everyone {
        /// Hops.
        radius: u8,
    },
}

/// A message that awaits its answer.
#[derive(Clone, Copy)]
pub(crate) struct Flight {
    pub(crate) step: Step,
    /// How often it was sent.
    pub(crate) sends: u8,
    /// When it was sent last.
    pub(crate) sent_at: Instant,
    /// When it is sent next, or given up.
    pub(crate) due: Instant,
}

/// Which message is in flight.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Connect,
    WillTopic,
    WillMsg,
    /// The REGISTER before a PUBLISH.
    Register(MsgId),
    /// The request's own message.
    Request,
    PubRel(MsgId),
    /// Keep-alive.
    Ping,
    /// The PINGREQ of a sleeping client.
    Wake,
}

impl Step {
    pub(crate) const fn is_of_connect(self) -> bool {
        matches!(self, Self::Connect | Self::WillTopic | Self::WillMsg)
    }

    pub(crate) const fn is_of_request(self) -> bool {
        matches!(self, Self::Register(_) | Self::Request | Self::PubRel(_))
    }
}

/// A search for gateways.
#[derive(Clone, Copy)]
pub(crate) struct Search {
    pub(crate) radius: u8,
    pub(crate) due: Instant,
    interval_ms: u32,
}

impl Search {
    /// The SEARCHGW was sent, by this client or another.
    fn count_as_sent(&mut self, now: Instant, longest_ms: u32) {
        self.due = later(now, u64::from(self.interval_ms));
        self.interval_ms = self.interval_ms.saturating_mul(2).min(longest_ms);
    }
}

impl<'a, const BODY: usize, const TOPICS: usize, const RECEIVED: usize> Client<'a, BODY, TOPICS, RECEIVED> {
    /// Looks for gateways within `radius` hops, 0 being everywhere (1.2 §6.1), after a random delay and then at
    /// doubling intervals, until one answers or [`Client::connect`] is called. Answer: `GatewayFound`.
    pub fn search(&mut self, now: Instant, radius: u8) {
        let delay_ms = self.jitter.up_to(self.config.t_search_gw_ms);
        let interval_ms = self.config.t_search_gw_ms.max(1);
        self.search = Some(Search { radius, due: later(now, u64::from(delay_ms)), interval_ms });
    }

    /// Another client asked the same: its answer serves this one too.
    pub(crate) fn search_heard(&mut self, now: Instant, radius: u8) {
        let longest_ms = self.config.longest_pause_ms;
        if let Some(search) = self.search.as_mut().filter(|search| search.radius == radius) {
            search.count_as_sent(now, longest_ms);
        }
    }

    /// The next datagram to send; call until it returns `None`.
    ///
    /// A message that does not fit into `buffer` is not sent, which has the effect of a lost one.
    pub fn poll_output<'b>(&mut self, now: Instant, buffer: &'b mut [u8]) -> Option<Transmit<'b>> {
        let (len, to) = if let Some(reply) = self.reply.take() {
            (reply.encode(buffer), Destination::Gateway)
        } else if let Some(radius) = self.due_search(now) {
            (Message::SearchGw(SearchGw { radius }).encode(buffer), Destination::Everyone { radius })
        } else {
            let step = self.due_step(now)?;
            let len = self.message(step)?.encode(buffer);
            self.note_sent(now, step);
            (len, Destination::Gateway)
        };
        Some(Transmit { datagram: buffer.get(..len.ok()?)?, to })
    }

    fn due_search(&mut self, now: Instant) -> Option<u8> {
        let longest_ms = self.config.longest_pause_ms;
        let search = self.search.as_mut().filter(|search| now >= search.due)?;
        search.count_as_sent(now, longest_ms);
        Some(search.radius)
    }

    /// Starts the next step or repeats the one in flight, if it is time.
    fn due_step(&mut self, now: Instant) -> Option<Step> {
        let flight = match self.flight {
            Some(flight) => flight,
            None => Flight { step: self.next_step(now)?, sends: 0, sent_at: now, due: now },
        };
        if now < flight.due || flight.sends > self.config.n_retry {
            return None;
        }
        let due = self.retry_at(now);
        self.flight = Some(Flight { sends: flight.sends.saturating_add(1), sent_at: now, due, ..flight });
        Some(flight.step)
    }

    /// A PUBLISH is from now on a duplicate or, without acknowledgement, done. A DISCONNECT is answered by one.
    fn note_sent(&mut self, now: Instant, step: Step) {
        if step != Step::Request {
            return;
        }
        if matches!(self.request, Some(Request::Sleep(_) | Request::Disconnect)) {
            self.disconnect_at = Some(now);
        }
        let Some(Request::Publish(publish)) = &mut self.request else { return };
        publish.dup = true;
        if !publish.is_acknowledged() {
            self.unconfirmed = Some(*publish).filter(|publish| publish.qos == Qos::Zero);
            self.request = None;
            self.flight = None;
        }
    }

    fn message(&self, step: Step) -> Option<Message<'_>> {
        Some(match step {
            Step::Connect => self.connect_message(),
            Step::WillTopic => Message::WillTopic(self.will_topic()),
            Step::WillMsg => Message::WillMsg(WillMsg { message: self.config.will.map_or(&[], |will| will.message) }),
            Step::Register(msg_id) => {
                Message::Register(Register { topic_id: TopicId::NONE, msg_id, topic_name: self.body.name() })
            }
            Step::Request => self.request_message(self.request?),
            Step::PubRel(msg_id) => Message::PubRel(msg_id),
            Step::Ping => Message::PingReq(PingReq { client_id: None }),
            Step::Wake => Message::PingReq(PingReq { client_id: Some(self.config.client_id) }),
        })
    }

    fn connect_message(&self) -> Message<'_> {
        Message::Connect(Connect {
            will: self.config.will.is_some(),
            clean_session: self.clean_session,
            protocol_id: 1,
            duration_s: self.config.keep_alive_s,
            client_id: self.config.client_id,
        })
    }

    fn will_topic(&self) -> Option<WillTopic<'_>> {
        let Will { topic, qos, retain, .. } = self.config.will.filter(|will| !will.topic.is_empty())?;
        Some(WillTopic { qos, retain, topic })
    }

    fn request_message(&self, request: Request) -> Message<'_> {
        let (name, data) = (self.body.name(), self.body.data());
        match request {
            Request::Publish(publish) => Message::Publish(sn_codec::Publish {
                // A QoS 0 message is only sent again after the gateway has refused it: not a duplicate (1.2 §5.3).
                dup: publish.dup && publish.is_acknowledged(),
                qos: publish.qos,
                retain: publish.retain,
                topic: publish_topic(publish, name),
                msg_id: publish.msg_id,
                data,
            }),
            Request::Subscribe { topic, qos, msg_id } => {
                Message::Subscribe(Subscribe { qos, msg_id, topic: topic.filter(name) })
            }
            Request::Unsubscribe { topic, msg_id } => {
                Message::Unsubscribe(Unsubscribe { msg_id, topic: topic.filter(name) })
            }
            Request::WillTopic { .. } if name.is_empty() => Message::WillTopicUpd(None),
            Request::WillTopic { qos, retain } => Message::WillTopicUpd(Some(WillTopic { qos, retain, topic: name })),
            Request::WillMsg => Message::WillMsgUpd(WillMsg { message: data }),
            Request::Sleep(duration_s) => Message::Disconnect(Disconnect { duration_s: Some(duration_s.get()) }),
            Request::Disconnect => Message::Disconnect(Disconnect { duration_s: None }),
        }
    }
}

fn publish_topic(publish: Publish, name: &str) -> Topic<'_> {
    match publish.topic {
        Form::Named if publish.qos == Qos::MinusOne => Topic::Name(name),
        Form::Named => Topic::Normal(publish.id.unwrap_or_default()),
        Form::Predefined(id) => Topic::Predefined(id),
        Form::Short(short) => Topic::Short(short),
    }
}
