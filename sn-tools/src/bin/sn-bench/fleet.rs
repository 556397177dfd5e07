//! Many clients in one epoll loop, and the exchange that all of them do once: ask, and be answered.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Result, bail};
use hdrhistogram::Histogram;
use mio::{Events, Interest, Poll, Token};
use sn_codec::{Connect, Disconnect, Message, MsgId, Register, ReturnCode, SubAck, Subscribe, TopicFilter, TopicId};

use crate::clock::{Deadline, as_ns, now_ns};
use crate::node::{DATAGRAM_MAX, Node};
use crate::payload::latencies;
use crate::settings::Bounds;

/// How long a loop sleeps at most before it looks at its timers again.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Every exchange here has one request per client under way, so one message id serves.
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

/// What a message means for a request.
pub(crate) enum Answer {
    /// It answers the request.
    Done,
    /// It refuses it.
    Refused(ReturnCode),
    /// It is about something else.
    Unrelated,
}

/// How an exchange went.
pub(crate) struct Exchange {
    /// From the first request to its answer, in nanoseconds.
    pub(crate) latency: Histogram<u64>,
    /// Requests that were sent again after T_retry.
    pub(crate) retries: u64,
    /// Clients that were turned down.
    pub(crate) refused: u64,
    /// The reason that the last of them was given.
    pub(crate) refusal: Option<ReturnCode>,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
}

/// One client's part of an exchange.
#[derive(Clone, Copy)]
enum Ask {
    NotYet,
    Waiting { since_ns: u64, sent_ns: u64, tries: u32 },
    Over,
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

    /// Connects all clients with clean sessions, `window` of them at a time.
    ///
    /// # Errors
    /// As [`Fleet::exchange`].
    pub(crate) fn connect(&mut self, window: usize) -> Result<Exchange> {
        self.exchange(self.all(), window, "CONNACK", connect, |_, message| match message {
            Message::ConnAck(ack) => answer(ack.return_code),
            _ => Answer::Unrelated,
        })
    }

    /// Connects all clients, at a pace that is of no interest.
    ///
    /// # Errors
    /// As [`Fleet::exchange`], or when one is refused.
    pub(crate) fn connect_all(&mut self) -> Result<()> {
        self.connect(64)?.all_accepted("CONNECT")
    }

    /// Registers the clients' topics.
    ///
    /// # Errors
    /// As [`Fleet::exchange`], or when one is refused.
    pub(crate) fn register(&mut self, who: Range<usize>) -> Result<()> {
        let outcome = self.exchange(who, 64, "REGACK", register, |node, message| match message {
            Message::RegAck(ack) if ack.msg_id == SETUP_MSG_ID => {
                node.topic_id = ack.topic_id;
                answer(ack.return_code)
            }
            _ => Answer::Unrelated,
        });
        outcome?.all_accepted("REGISTER")
    }

    /// Subscribes the clients to their topics at QoS 1.
    ///
    /// # Errors
    /// As [`Fleet::exchange`], or when one is refused.
    pub(crate) fn subscribe(&mut self, who: Range<usize>) -> Result<()> {
        let outcome = self.exchange(who, 64, "SUBACK", subscribe, |node, message| match message {
            Message::SubAck(SubAck { msg_id: SETUP_MSG_ID, topic_id, return_code, .. }) => {
                node.topic_id = *topic_id;
                answer(*return_code)
            }
            _ => Answer::Unrelated,
        });
        outcome?.all_accepted("SUBSCRIBE")
    }

    /// Ends the clients' connections, or sends them to sleep for `duration_s`.
    ///
    /// # Errors
    /// As [`Fleet::exchange`].
    pub(crate) fn disconnect(&mut self, who: Range<usize>, duration_s: Option<u16>) -> Result<()> {
        let disconnect = Message::Disconnect(Disconnect { duration_s });
        let outcome = self.exchange(
            who,
            64,
            "DISCONNECT",
            |_| disconnect,
            |_, message| match message {
                Message::Disconnect(_) => Answer::Done,
                _ => Answer::Unrelated,
            },
        );
        outcome.map(drop)
    }

    /// Sends one request per client, at most `window` unanswered at a time, and again after T_retry, N_retry times.
    ///
    /// # Errors
    /// When a client is never answered (`awaited` says what it waited for), or the scenario's time is over.
    pub(crate) fn exchange(
        &mut self,
        who: Range<usize>,
        window: usize,
        awaited: &str,
        request: impl for<'n> Fn(&'n Node) -> Message<'n>,
        mut judge: impl FnMut(&mut Node, &Message<'_>) -> Answer,
    ) -> Result<Exchange> {
        let deadline = Deadline::after(self.bounds.limit);
        let start_ns = now_ns();
        let mut asks = vec![Ask::NotYet; self.nodes.len()];
        let mut outcome =
            Exchange { latency: latencies()?, retries: 0, refused: 0, refusal: None, elapsed: Duration::ZERO };
        let (mut next, mut over, mut buffer, mut ticked_ns) = (who.start, 0, [0; DATAGRAM_MAX], start_ns);
        while over < who.len() {
            while next < who.end && next - who.start - over < window {
                self.nodes[next].send(&request(&self.nodes[next]))?;
                asks[next] = Ask::Waiting { since_ns: now_ns(), sent_ns: now_ns(), tries: 0 };
                next += 1;
            }
            self.poll.poll(&mut self.events, Some(TICK))?;
            for event in &self.events {
                let i = event.token().0;
                let Some(node) = self.nodes.get_mut(i) else { continue };
                while let Some(message) = node.receive(&mut buffer)? {
                    let Ask::Waiting { since_ns, .. } = asks[i] else { continue };
                    match judge(node, &message) {
                        Answer::Unrelated => continue,
                        Answer::Done => outcome.latency.saturating_record(now_ns() - since_ns),
                        Answer::Refused(code) => {
                            outcome.refused += 1;
                            outcome.refusal = Some(code);
                        }
                    }
                    asks[i] = Ask::Over;
                    over += 1;
                }
            }
            if now_ns() - ticked_ns > as_ns(TICK) {
                ticked_ns = now_ns();
                outcome.retries += self.ask_again(&mut asks[..next], awaited, &request)?;
                deadline.check(|| format!("{over} of {} clients have had their {awaited}", who.len()))?;
            }
        }
        outcome.elapsed = Duration::from_nanos(now_ns() - start_ns);
        Ok(outcome)
    }

    /// Repeats the requests whose T_retry has passed; returns how many.
    fn ask_again(
        &self,
        asks: &mut [Ask],
        awaited: &str,
        request: impl for<'n> Fn(&'n Node) -> Message<'n>,
    ) -> Result<u64> {
        let mut retries = 0;
        for (node, ask) in self.nodes.iter().zip(asks) {
            let Ask::Waiting { sent_ns, tries, .. } = ask else { continue };
            if now_ns() - *sent_ns < as_ns(self.bounds.t_retry) {
                continue;
            }
            if *tries == self.bounds.n_retry {
                bail!("{} had no {awaited} after {tries} retransmissions", node.client_id);
            }
            node.send(&request(node))?;
            (*sent_ns, *tries) = (now_ns(), *tries + 1);
            retries += 1;
        }
        Ok(retries)
    }
}

impl Exchange {
    fn all_accepted(&self, request: &str) -> Result<()> {
        match self.refusal {
            Some(code) => bail!("the gateway refused {} of the clients' {request}: {code:?}", self.refused),
            None => Ok(()),
        }
    }
}

fn answer(code: ReturnCode) -> Answer {
    match code {
        ReturnCode::Accepted => Answer::Done,
        refusal => Answer::Refused(refusal),
    }
}

fn connect(node: &Node) -> Message<'_> {
    let client_id = node.client_id.as_str();
    Message::Connect(Connect { will: false, clean_session: true, protocol_id: 1, duration_s: KEEP_ALIVE_S, client_id })
}

fn register(node: &Node) -> Message<'_> {
    Message::Register(Register { topic_id: TopicId::NONE, msg_id: SETUP_MSG_ID, topic_name: &node.topic })
}

fn subscribe(node: &Node) -> Message<'_> {
    let topic = TopicFilter::Name(&node.topic);
    Message::Subscribe(Subscribe { qos: sn_codec::Qos::One, msg_id: SETUP_MSG_ID, topic })
}
