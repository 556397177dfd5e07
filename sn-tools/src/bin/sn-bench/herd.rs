//! More clients than a machine has sockets: nodes behind one forwarder (1.2 §5.5), told apart by their node ids.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use anyhow::{Context, Result, anyhow, bail, ensure};
use sn_codec::{
    Connect, Disconnect, FrwdEncap, Message, MsgId, PingReq, PubAck, Qos, ReturnCode, Subscribe, TopicFilter,
};

use crate::clock::{Deadline, as_ns, now_ns};
use crate::fleet::TICK;
use crate::node::DATAGRAM_MAX;
use crate::payload::{Stamp, Tally};
use crate::settings::Bounds;

/// Requests without an answer at any time.
const WINDOW: usize = 128;
/// For so many answers a step has the time that the settings grant it.
const STRIDE: u64 = 10_000;
const KEEP_ALIVE_S: u16 = 3_600;
const SLEEP_S: u16 = 36_000;
const MSG_ID: MsgId = MsgId(1);

/// What a node asks its gateway for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    /// A session that is kept.
    Connect,
    /// The subscription with this number, at QoS 1.
    Subscribe(u64),
    /// To sleep.
    Sleep,
    /// What has come while it slept.
    Fetch,
}

/// A forwarder and its nodes, which are numbered from 0.
pub(crate) struct Herd {
    socket: UdpSocket,
    bounds: Bounds,
}

/// A request under way.
struct Waiting {
    sent_ns: u64,
    tries: u32,
}

impl Herd {
    /// A forwarder for the gateway at `gateway`.
    ///
    /// # Errors
    /// When the machine has no socket to give.
    pub(crate) fn open(gateway: SocketAddr, bounds: Bounds) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(gateway)?;
        socket.set_read_timeout(Some(TICK))?;
        socket2::SockRef::from(&socket).set_recv_buffer_size(4 * 1024 * 1024)?;
        Ok(Self { socket, bounds })
    }

    /// Each node of `who` asks once, and again after T_retry, N_retry times; messages that come are acknowledged and
    /// counted in `tally`.
    ///
    /// # Errors
    /// When one is refused or never answered, or the step takes too long.
    pub(crate) fn all_ask(&self, ask: Ask, mut who: impl Iterator<Item = u64>, tally: &mut Tally) -> Result<()> {
        let (mut waiting, mut answered): (HashMap<u64, Waiting>, u64) = (HashMap::new(), 0);
        let (mut deadline, mut ticked_ns) = (Deadline::after(self.bounds.limit), now_ns());
        loop {
            while let Some(node) = (waiting.len() < WINDOW).then(|| who.next()).flatten() {
                self.ask(node, ask)?;
                waiting.insert(node, Waiting { sent_ns: now_ns(), tries: 0 });
            }
            if waiting.is_empty() {
                return Ok(());
            }
            if let Some(node) = self.next_answer(ask, tally)?
                && waiting.remove(&node).is_some()
            {
                answered += 1;
                if answered.is_multiple_of(STRIDE) {
                    deadline = Deadline::after(self.bounds.limit);
                }
            }
            if now_ns() - ticked_ns > as_ns(TICK) {
                ticked_ns = now_ns();
                self.ask_again(ask, &mut waiting)?;
                deadline.check(|| format!("{ask:?} of {answered} nodes was answered"))?;
            }
        }
    }

    fn ask_again(&self, ask: Ask, waiting: &mut HashMap<u64, Waiting>) -> Result<()> {
        for (&node, waits) in waiting {
            if now_ns() - waits.sent_ns < as_ns(self.bounds.t_retry) {
                continue;
            }
            ensure!(waits.tries < self.bounds.n_retry, "node {node} had no answer to its {ask:?}");
            *waits = Waiting { sent_ns: now_ns(), tries: waits.tries + 1 };
            self.ask(node, ask)?;
        }
        Ok(())
    }

    fn ask(&self, node: u64, ask: Ask) -> Result<()> {
        let (client_id, name);
        let request = match ask {
            Ask::Connect => {
                client_id = format!("herd-{node}");
                let (client_id, duration_s) = (client_id.as_str(), KEEP_ALIVE_S);
                Message::Connect(Connect { will: false, clean_session: false, protocol_id: 1, duration_s, client_id })
            }
            Ask::Subscribe(number) => {
                name = topic(node, number);
                Message::Subscribe(Subscribe { qos: Qos::One, msg_id: MSG_ID, topic: TopicFilter::Name(&name) })
            }
            Ask::Sleep => Message::Disconnect(Disconnect { duration_s: Some(SLEEP_S) }),
            Ask::Fetch => {
                client_id = format!("herd-{node}");
                Message::PingReq(PingReq { client_id: Some(&client_id) })
            }
        };
        self.send(node, &request)
    }

    fn send(&self, node: u64, message: &Message<'_>) -> Result<()> {
        let failed = |e| anyhow!("encoding {message:?}: {e}");
        let (mut inner, mut datagram) = ([0; DATAGRAM_MAX / 2], [0; DATAGRAM_MAX]);
        let len = message.encode(&mut inner).map_err(failed)?;
        let node_id = node.to_be_bytes();
        let around = Message::FrwdEncap(FrwdEncap { radius: 0, node_id: &node_id, inner: &inner[..len] });
        let len = around.encode(&mut datagram).map_err(failed)?;
        self.socket.send(&datagram[..len]).context("the gateway does not take datagrams any more")?;
        Ok(())
    }

    /// Takes one datagram, if one comes in time: the node whose request it answers.
    fn next_answer(&self, ask: Ask, tally: &mut Tally) -> Result<Option<u64>> {
        let mut buffer = [0; DATAGRAM_MAX];
        let len = match self.socket.recv(&mut buffer) {
            Ok(len) => len,
            Err(e) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&e.kind()) => return Ok(None),
            Err(e) => return Err(e).context("the gateway does not take datagrams any more"),
        };
        let not_ours = || anyhow!("the gateway sent a forwarder {:02x?}", &buffer[..len]);
        let Ok(Message::FrwdEncap(around)) = sn_codec::decode(&buffer[..len]) else { return Err(not_ours()) };
        let node = u64::from_be_bytes(around.node_id.try_into().map_err(|_| not_ours())?);
        let message = sn_codec::decode(around.inner).map_err(|_| not_ours())?;
        Ok(self.is_answer(node, ask, &message, tally)?.then_some(node))
    }

    fn is_answer(&self, node: u64, ask: Ask, message: &Message<'_>, tally: &mut Tally) -> Result<bool> {
        let accepted = |code| match code {
            ReturnCode::Accepted => Ok(true),
            code => Err(anyhow!("the gateway refused node {node} its {ask:?}: {code:?}")),
        };
        match (ask, message) {
            (Ask::Connect, Message::ConnAck(ack)) => accepted(ack.return_code),
            (Ask::Subscribe(_), Message::SubAck(ack)) => accepted(ack.return_code),
            (Ask::Sleep, Message::Disconnect(_)) | (Ask::Fetch, Message::PingResp) => Ok(true),
            (Ask::Fetch, Message::Publish(publish)) => {
                let (topic_id, msg_id, return_code) = (publish.topic.id_field(), publish.msg_id, ReturnCode::Accepted);
                self.send(node, &Message::PubAck(PubAck { topic_id, msg_id, return_code }))?;
                let stamp = Stamp::of(publish.data).context("a message arrived that nobody here sent")?;
                tally.arrived(stamp.seq, stamp.sent_ns, now_ns()).map(|()| false)
            }
            // Answers to requests that were sent twice.
            (_, Message::ConnAck(_) | Message::SubAck(_) | Message::PingResp) => Ok(false),
            (_, other) => bail!("the gateway sent node {node} a {other:?} out of place"),
        }
    }
}

/// The topic of a node's subscription.
pub(crate) fn topic(node: u64, number: u64) -> String {
    format!("herd/{node}/{number}")
}
