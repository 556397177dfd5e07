//! Many clients in one epoll loop, and what all of them do once: connect, register, subscribe, disconnect.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use anyhow::Result;
use mio::{Events, Interest, Poll, Token};
use sn_codec::{Connect, Disconnect, Message, MsgId, Qos, Register, ReturnCode, Subscribe, TopicFilter, TopicId};

use crate::exchange::{Answer, Exchange};
use crate::node::Node;
use crate::settings::Bounds;

/// How long a loop sleeps at most before it looks at its timers again.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// How many clients are asked at a time where the pace is of no interest.
const WINDOW: usize = 64;
/// One request per client is under way here, so one message id serves.
const SETUP_MSG_ID: MsgId = MsgId(1);
/// Long enough that nobody has to ping during a scenario.
const KEEP_ALIVE_S: u16 = 3_600;

/// Clients that share a poll; a client's [`Token`] is its place in `nodes`.
pub(crate) struct Fleet {
    pub(crate) poll: Poll,
    pub(crate) events: Events,
    pub(crate) nodes: Vec<Node>,
    pub(crate) bounds: Bounds,
}

impl Fleet {
    /// `count` clients called `{name}-{number}`, each with the topic `bench/{name}/{number}`, not connected yet.
    ///
    /// # Errors
    /// When the machine has not enough sockets.
    pub(crate) fn open(gateway: SocketAddr, name: &str, count: usize, bounds: Bounds) -> Result<Self> {
        crate::target::allow_sockets(count)?;
        let poll = Poll::new()?;
        let mut nodes = Vec::with_capacity(count);
        for i in 0..count {
            let mut node = Node::open(gateway, format!("{name}-{i}"), format!("bench/{name}/{i}"))?;
            poll.registry().register(&mut node.socket, Token(i), Interest::READABLE)?;
            nodes.push(node);
        }
        Ok(Self { poll, events: Events::with_capacity(1_024), nodes, bounds })
    }

    /// All clients.
    pub(crate) fn all(&self) -> Range<usize> {
        0..self.nodes.len()
    }

    /// Connects all clients, `window` of them at a time.
    ///
    /// # Errors
    /// As [`Fleet::exchange`].
    pub(crate) fn connect(&mut self, window: usize) -> Result<Exchange> {
        self.exchange(self.all(), window, "CONNACK", connect, |_, message| {
            let Message::ConnAck(ack) = message else { return Answer::Unrelated };
            answer(ack.return_code)
        })
    }

    /// Connects all clients, at a pace that is of no interest.
    ///
    /// # Errors
    /// As [`Fleet::exchange`], or when one is refused.
    pub(crate) fn connect_all(&mut self) -> Result<()> {
        self.connect(WINDOW)?.all_accepted("CONNECT")
    }

    /// Registers the clients' topics.
    ///
    /// # Errors
    /// As [`Fleet::exchange`], or when one is refused.
    pub(crate) fn register(&mut self, who: Range<usize>) -> Result<()> {
        let outcome = self.exchange(who, WINDOW, "REGACK", register, |node, message| {
            let Message::RegAck(ack) = message else { return Answer::Unrelated };
            node.topic_id = ack.topic_id;
            answer(ack.return_code)
        });
        outcome?.all_accepted("REGISTER")
    }

    /// Subscribes the clients to their topics at QoS 1.
    ///
    /// # Errors
    /// As [`Fleet::exchange`], or when one is refused.
    pub(crate) fn subscribe(&mut self, who: Range<usize>) -> Result<()> {
        let outcome = self.exchange(who, WINDOW, "SUBACK", subscribe, |node, message| {
            let Message::SubAck(ack) = message else { return Answer::Unrelated };
            node.topic_id = ack.topic_id;
            answer(ack.return_code)
        });
        outcome?.all_accepted("SUBSCRIBE")
    }

    /// Ends the clients' connections, or sends them to sleep for `duration_s`.
    ///
    /// # Errors
    /// As [`Fleet::exchange`].
    pub(crate) fn disconnect(&mut self, who: Range<usize>, duration_s: Option<u16>) -> Result<()> {
        let request = Message::Disconnect(Disconnect { duration_s });
        let outcome = self.exchange(
            who,
            WINDOW,
            "DISCONNECT",
            |_| request,
            |_, message| {
                let Message::Disconnect(_) = message else { return Answer::Unrelated };
                Answer::Done
            },
        );
        outcome.map(drop)
    }
}

fn answer(code: ReturnCode) -> Answer {
    match code {
        ReturnCode::Accepted => Answer::Done,
        refusal => Answer::Refused(refusal),
    }
}

fn connect(node: &Node) -> Message<'_> {
    let (clean_session, client_id) = (node.clean_session, node.client_id.as_str());
    Message::Connect(Connect { will: false, clean_session, protocol_id: 1, duration_s: KEEP_ALIVE_S, client_id })
}

fn register(node: &Node) -> Message<'_> {
    Message::Register(Register { topic_id: TopicId::NONE, msg_id: SETUP_MSG_ID, topic_name: &node.topic })
}

fn subscribe(node: &Node) -> Message<'_> {
    let topic = TopicFilter::Name(&node.topic);
    Message::Subscribe(Subscribe { qos: Qos::One, msg_id: SETUP_MSG_ID, topic })
}
