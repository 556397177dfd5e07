//! An MQTT-SN client that trusts nothing: one socket for the whole run, and never a CONNECT after the first.
//!
//! Owns: requests, repeated until they are answered, incoming messages, and what a gateway must keep: the connection,
//! topic ids. Must not know: that the gateway is killed. It only sees that answers take long sometimes.

mod receive;
mod roles;
mod topics;

pub use roles::{Subscriptions, publish, read, sleep_and_read};

use crate::ledger::{Ledger, Phase, ReaderNo};
use anyhow::{Context, Result};
use oorandom::Rand32;
use sn_codec::{
    Connect, Disconnect, Message, MsgId, PingReq, Publish, Qos, Register, ReturnCode, ShortName, Subscribe, Topic,
    TopicFilter, TopicId, WillMsg, WillTopic, decode,
};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};
use topics::Topics;

/// Short, so that a restart costs little; a gateway must stand repetitions anyway.
const T_RETRY: Duration = Duration::from_millis(80);

/// Only before the connection stands: a dialogue of which two messages have crossed must begin again.
const N_RETRY: u32 = 10;

/// Shorter than any node would wait after "congestion": so much the harder for the gateway.
const T_WAIT: Duration = Duration::from_millis(100);

/// Not supervised: a node is never lost because the machine was slow.
const NO_KEEP_ALIVE: u16 = 0;

/// Why a request was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The run is over.
    Over,
    /// The gateway does not know us (any more), or does not answer.
    Disconnected,
}

/// The client.
pub struct Node {
    socket: UdpSocket,
    client_id: String,
    ledger: Arc<Ledger>,
    reader: Option<ReaderNo>,
    rng: Rand32,
    last_msg_id: MsgId,
    topics: Topics,
    /// QoS 2 messages that wait for their PUBREL.
    unreleased: BTreeSet<MsgId>,
    connected: bool,
    /// DISCONNECTs sent and not echoed: an echo is no farewell.
    farewells: u32,
}

impl Node {
    /// A client that is not connected yet; `reader` is its account, if it subscribes; `seed` is for its pauses.
    ///
    /// # Errors
    /// There is no socket to be had.
    pub fn new(
        client_id: &str,
        gateway: SocketAddr,
        ledger: Arc<Ledger>,
        reader: Option<ReaderNo>,
        seed: u64,
    ) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("no UDP socket for a node")?;
        socket.connect(gateway)?;
        Ok(Self {
            socket,
            client_id: client_id.to_owned(),
            ledger,
            reader,
            rng: Rand32::new(seed),
            last_msg_id: MsgId(0),
            topics: Topics::default(),
            unreleased: BTreeSet::new(),
            connected: false,
            farewells: 0,
        })
    }

    /// CONNECT for a session that stays, and the will if there is one (1.2 §6.2, §6.3).
    fn connect(&mut self, will_topic: Option<&str>) -> Result<(), Stop> {
        loop {
            match self.connect_once(will_topic) {
                Ok(()) => break,
                // The dialogue is no promise: it begins again if a restart has cut it off.
                Err(Stop::Disconnected) => {}
                Err(Stop::Over) => return Err(Stop::Over),
            }
        }
        self.connected = true;
        self.ledger.promised();
        Ok(())
    }

    fn connect_once(&mut self, will_topic: Option<&str>) -> Result<(), Stop> {
        let client_id = self.client_id.clone();
        let connect = connect(&client_id, will_topic.is_some());
        if let Some(topic) = will_topic {
            self.ask_for(connect, N_RETRY, |m| matches!(m, Message::WillTopicReq).then_some(()))?;
            let will = Message::WillTopic(Some(WillTopic { qos: Qos::One, retain: false, topic }));
            self.ask_for(will, N_RETRY, |m| matches!(m, Message::WillMsgReq).then_some(()))?;
            let message = Message::WillMsg(WillMsg { message: b"will" });
            return self.ask_for(message, N_RETRY, accepted_connack);
        }
        self.ask_for(connect, N_RETRY, accepted_connack)
    }

    /// What the gateway answers to a CONNECT of somebody new; `None` if nothing within `at_most`.
    #[must_use]
    pub fn try_connect(&mut self, at_most: Duration) -> Option<ReturnCode> {
        let client_id = self.client_id.clone();
        self.send(&connect(&client_id, false));
        let end = Instant::now() + at_most;
        let mut buffer = [0; 1_024];
        while let Ok(Some(len)) = self.receive(&mut buffer, end) {
            if let Ok(Message::ConnAck(connack)) = decode(&buffer[..len]) {
                return Some(connack.return_code);
            }
        }
        None
    }

    /// REGISTER: the topic's id, for all the run.
    fn register(&mut self, name: &str) -> Result<TopicId, Stop> {
        let id = self.insist(|node| {
            let msg_id = node.next_msg_id();
            let register = Message::Register(Register { topic_id: TopicId(0), msg_id, topic_name: name });
            node.ask(register, |m| match m {
                Message::RegAck(regack) if regack.msg_id == msg_id => Some((regack.return_code, regack.topic_id)),
                _ => None,
            })
        })?;
        self.learn(id, name);
        self.ledger.promised();
        Ok(id)
    }

    /// SUBSCRIBE; the id in the SUBACK belongs to `name`, if that is a topic.
    fn subscribe(&mut self, topic: TopicFilter<'_>, qos: Qos) -> Result<(), Stop> {
        let suback = self.insist(|node| {
            let msg_id = node.next_msg_id();
            node.ask(Message::Subscribe(Subscribe { qos, msg_id, topic }), |m| match m {
                Message::SubAck(suback) if suback.msg_id == msg_id => Some((suback.return_code, *suback)),
                _ => None,
            })
        })?;
        if suback.qos != qos {
            self.breach(format!("SUBSCRIBE {topic:?} at QoS {qos} was granted QoS {}", suback.qos));
        }
        if let TopicFilter::Name(name) = topic
            && !name.contains(['#', '+'])
        {
            self.learn(suback.topic_id, name);
        }
        self.ledger.promised();
        Ok(())
    }

    /// PUBLISH at QoS 1 or 2 until it is acknowledged.
    fn publish(&mut self, topic: Topic<'_>, qos: Qos, retain: bool, data: &[u8]) -> Result<(), Stop> {
        let msg_id = self.insist(|node| {
            let msg_id = node.next_msg_id();
            let publish = Message::Publish(Publish { dup: false, qos, retain, topic, msg_id, data });
            node.ask(publish, |m| match m {
                Message::PubAck(puback) if puback.msg_id == msg_id => Some((puback.return_code, msg_id)),
                Message::PubRec(id) if *id == msg_id => Some((ReturnCode::Accepted, msg_id)),
                _ => None,
            })
        })?;
        if qos == Qos::Two {
            self.ledger.promised();
            self.ask(Message::PubRel(msg_id), |m| matches!(m, Message::PubComp(id) if *id == msg_id).then_some(()))?;
        }
        Ok(())
    }

    /// Makes a request until it is accepted. Congestion is a reason to wait; whatever else is an answer that no request
    /// here deserves.
    fn insist<T>(&mut self, mut request: impl FnMut(&mut Self) -> Result<(ReturnCode, T), Stop>) -> Result<T, Stop> {
        loop {
            let (code, answer) = request(self)?;
            match code {
                ReturnCode::Accepted => return Ok(answer),
                ReturnCode::Congestion => self.listen(T_WAIT)?,
                ReturnCode::InvalidTopicId | ReturnCode::NotSupported | ReturnCode::Reserved(_) => {
                    self.breach(format!("a request was answered: {code}"));
                    self.listen(T_WAIT)?;
                }
            }
        }
    }

    /// DISCONNECT with a duration (1.2 §6.14).
    fn fall_asleep(&mut self, duration_s: u16) -> Result<(), Stop> {
        let disconnect = Message::Disconnect(Disconnect { duration_s: Some(duration_s) });
        self.ask(disconnect, |m| matches!(m, Message::Disconnect(_)).then_some(()))?;
        self.farewells -= 1;
        self.ledger.promised();
        Ok(())
    }

    /// PINGREQ with the client id: takes what waits, until PINGRESP.
    fn wake(&mut self) -> Result<(), Stop> {
        let client_id = self.client_id.clone();
        self.ask(Message::PingReq(PingReq { client_id: Some(&client_id) }), pingresp)
    }

    /// PINGREQ of an active client.
    fn ping(&mut self) -> Result<(), Stop> {
        self.ask(Message::PingReq(PingReq { client_id: None }), pingresp)
    }

    /// Takes what comes for a while.
    fn listen(&mut self, how_long: Duration) -> Result<(), Stop> {
        let until = Instant::now() + how_long;
        let mut buffer = [0; 1_024];
        while let Some(len) = self.receive(&mut buffer, until)? {
            self.serve_datagram(&buffer[..len])?;
        }
        Ok(())
    }

    /// Sends a request every T_retry until it is answered, and takes what else comes.
    fn ask<T>(&mut self, request: Message<'_>, answer: impl Fn(&Message<'_>) -> Option<T>) -> Result<T, Stop> {
        self.ask_for(request, u32::MAX, answer)
    }

    /// The same so many times.
    fn ask_for<T>(
        &mut self,
        mut request: Message<'_>,
        times: u32,
        answer: impl Fn(&Message<'_>) -> Option<T>,
    ) -> Result<T, Stop> {
        let mut buffer = [0; 1_024];
        for _ in 0..times {
            self.send(&request);
            let mut until = Instant::now() + T_RETRY;
            while let Some(len) = self.receive(&mut buffer, until)? {
                if let Some(found) = decode(&buffer[..len]).ok().as_ref().and_then(&answer) {
                    return Ok(found);
                }
                self.serve_datagram(&buffer[..len])?;
                // While messages come, the PINGRESP after them is not late (1.2 §6.14).
                if matches!(request, Message::PingReq(_)) {
                    until = Instant::now() + T_RETRY;
                }
            }
            if let Message::Publish(publish) = &mut request {
                publish.dup = true;
            }
        }
        Err(Stop::Disconnected)
    }

    fn send(&mut self, message: &Message<'_>) {
        let mut buffer = [0; 1_024];
        match message.encode(&mut buffer) {
            // Nobody there: the gateway is down, and the message is lost as on any radio.
            Ok(len) => drop(self.socket.send(&buffer[..len])),
            Err(error) => self.breach(format!("cannot send {message:?}: {error}")),
        }
        self.farewells += u32::from(matches!(message, Message::Disconnect(_)));
    }

    /// The length of the next datagram; `None` when it is `until`.
    fn receive(&self, buffer: &mut [u8], until: Instant) -> Result<Option<usize>, Stop> {
        loop {
            if self.ledger.phase() == Phase::Over {
                return Err(Stop::Over);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            // Only a timeout of zero is refused.
            let _ = self.socket.set_read_timeout(Some(left.max(Duration::from_millis(1))));
            match self.socket.recv(buffer) {
                Ok(len) => return Ok(Some(len)),
                // Nobody listened to what was sent last.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(_) => return Ok(None),
            }
        }
    }

    fn next_msg_id(&mut self) -> MsgId {
        self.last_msg_id = self.last_msg_id.next();
        self.last_msg_id
    }

    fn breach(&self, what: String) {
        self.ledger.breach(format!("{}: {what}", self.client_id));
    }
}

fn connect(client_id: &str, will: bool) -> Message<'_> {
    let protocol_id = Connect::PROTOCOL_ID;
    Message::Connect(Connect { will, clean_session: false, protocol_id, duration_s: NO_KEEP_ALIVE, client_id })
}

/// The filter that names one topic in the form in which nodes publish it.
pub(crate) fn filter_of<'a>(topic: &Topic<'_>, name: &'a str) -> TopicFilter<'a> {
    match *topic {
        Topic::Predefined(id) => TopicFilter::Predefined(id),
        Topic::Short(name) => TopicFilter::Short(name),
        Topic::Normal(_) | Topic::Name(_) | Topic::Reserved(_) => TopicFilter::Name(name),
    }
}

/// A topic's name as a node sends it without registering: two octets.
pub(crate) fn short(name: &str) -> Option<ShortName> {
    ShortName::new(name)
}

fn accepted_connack(message: &Message<'_>) -> Option<()> {
    // A refusal is followed by the next attempt, as silence is.
    matches!(message, Message::ConnAck(connack) if connack.return_code.is_accepted()).then_some(())
}

fn pingresp(message: &Message<'_>) -> Option<()> {
    matches!(message, Message::PingResp).then_some(())
}
