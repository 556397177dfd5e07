//! A gateway of a hundred lines with switchable faults: enough protocol for `sn-bench`, no retransmission, no state
//! beyond one run.

use std::collections::{HashMap, VecDeque};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sn_codec::{
    ConnAck, Disconnect, Message, MsgId, PubAck, Publish, Qos, RegAck, ReturnCode, SubAck, Topic, TopicFilter, TopicId,
};

/// What the gateway does wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// Ignores every datagram.
    pub(crate) mute: bool,
    /// Ignores every datagram whose number this divides.
    pub(crate) drop_every: Option<u64>,
    /// Acknowledges, but does not deliver, every message whose number this divides.
    pub(crate) lose_every: Option<u64>,
    /// Answers CONNECT with "congestion".
    pub(crate) refuse: bool,
    /// Answers a sleeper's PINGREQ before its messages.
    pub(crate) pingresp_first: bool,
}

/// A gateway in threads of the test, until it is dropped.
pub(crate) struct MiniGateway {
    pub(crate) udp: SocketAddr,
    pub(crate) mqtt: SocketAddr,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// The MQTT subscriber's connection and QoS.
type Subscriber = Arc<Mutex<Option<(TcpStream, u8)>>>;

impl MiniGateway {
    pub(crate) fn start(faults: Faults) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let (udp, mqtt) = (socket.local_addr().unwrap(), listener.local_addr().unwrap());
        let (stop, subscriber) = (Arc::new(AtomicBool::new(false)), Subscriber::default());
        let (stop_udp, stop_tcp, of_tcp) = (Arc::clone(&stop), Arc::clone(&stop), Arc::clone(&subscriber));
        let mut side = SnSide { socket, faults, subscriber, ..SnSide::empty() };
        let threads = vec![
            thread::spawn(move || side.serve(&stop_udp)),
            thread::spawn(move || accept(&listener, &of_tcp, &stop_tcp)),
        ];
        Self { udp, mqtt, stop, threads }
    }
}

impl Drop for MiniGateway {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

struct SnSide {
    socket: UdpSocket,
    faults: Faults,
    subscriber: Subscriber,
    topics: Vec<String>,
    subscribers: HashMap<u16, Vec<SocketAddr>>,
    mailboxes: HashMap<SocketAddr, VecDeque<(TopicId, Vec<u8>)>>,
    awake: HashMap<SocketAddr, bool>,
    open_qos2: HashMap<SocketAddr, MsgId>,
    datagrams: u64,
    messages: u64,
}

impl SnSide {
    fn empty() -> Self {
        Self {
            socket: UdpSocket::bind("127.0.0.1:0").unwrap(),
            faults: Faults::default(),
            subscriber: Subscriber::default(),
            topics: Vec::new(),
            subscribers: HashMap::new(),
            mailboxes: HashMap::new(),
            awake: HashMap::new(),
            open_qos2: HashMap::new(),
            datagrams: 0,
            messages: 0,
        }
    }

    fn serve(&mut self, stop: &AtomicBool) {
        let mut buffer = [0; 2_048];
        while !stop.load(Ordering::Relaxed) {
            let Ok((len, from)) = self.socket.recv_from(&mut buffer) else { continue };
            self.datagrams += 1;
            let dropped = self.faults.drop_every.is_some_and(|n| self.datagrams.is_multiple_of(n));
            if !dropped && !self.faults.mute {
                self.on_message(from, &sn_codec::decode(&buffer[..len]).unwrap());
            }
        }
    }

    fn on_message(&mut self, from: SocketAddr, message: &Message<'_>) {
        let return_code = ReturnCode::Accepted;
        match *message {
            Message::Connect(_) if self.faults.refuse => {
                self.send(from, &Message::ConnAck(ConnAck { return_code: ReturnCode::Congestion }));
            }
            Message::Connect(_) => self.send(from, &Message::ConnAck(ConnAck { return_code })),
            Message::Register(register) => {
                let (topic_id, msg_id) = (self.id_of(register.topic_name), register.msg_id);
                self.send(from, &Message::RegAck(RegAck { topic_id, msg_id, return_code }));
            }
            Message::Subscribe(subscribe) => {
                let TopicFilter::Name(name) = subscribe.topic else { panic!("sn-bench subscribes by name") };
                let (topic_id, msg_id) = (self.id_of(name), subscribe.msg_id);
                self.subscribers.entry(topic_id.0).or_default().push(from);
                self.send(from, &Message::SubAck(SubAck { qos: Qos::One, topic_id, msg_id, return_code }));
            }
            Message::Publish(publish) => self.on_publish(from, &publish),
            Message::PubRel(id) => {
                self.open_qos2.remove(&from);
                self.send(from, &Message::PubComp(id));
            }
            Message::PubAck(_) => self.deliver_next(from),
            Message::Disconnect(Disconnect { duration_s }) => {
                if duration_s.is_some() {
                    self.awake.insert(from, false);
                }
                self.send(from, &Message::Disconnect(Disconnect { duration_s: None }));
            }
            Message::PingReq(_) => {
                self.awake.insert(from, true);
                if self.faults.pingresp_first {
                    self.send(from, &Message::PingResp);
                }
                self.deliver_next(from);
            }
            _ => panic!("sn-bench does not send {message:?}"),
        }
    }

    fn on_publish(&mut self, from: SocketAddr, publish: &Publish<'_>) {
        let Topic::Normal(topic_id) = publish.topic else { panic!("sn-bench publishes to registered topics") };
        let (return_code, msg_id) = (ReturnCode::Accepted, publish.msg_id);
        let known = publish.qos == Qos::Two && self.open_qos2.insert(from, msg_id) == Some(msg_id);
        match publish.qos {
            Qos::One => self.send(from, &Message::PubAck(PubAck { topic_id, msg_id, return_code })),
            Qos::Two => self.send(from, &Message::PubRec(msg_id)),
            Qos::Zero | Qos::MinusOne => {}
        }
        self.messages += u64::from(!known);
        let lost = self.faults.lose_every.is_some_and(|n| self.messages.is_multiple_of(n));
        if !known && !lost {
            self.forward(topic_id, publish.data);
        }
    }

    fn forward(&mut self, topic_id: TopicId, data: &[u8]) {
        for to in self.subscribers.get(&topic_id.0).cloned().unwrap_or_default() {
            let mailbox = self.mailboxes.entry(to).or_default();
            mailbox.push_back((topic_id, data.to_vec()));
            if self.mailboxes[&to].len() == 1 && self.awake.get(&to) != Some(&false) {
                self.send_first(to);
            }
        }
        if let Some((stream, qos)) = self.subscriber.lock().unwrap().as_mut() {
            let topic = self.topics[usize::from(topic_id.0) - 1].as_bytes();
            let packet_id = if *qos == 0 { vec![] } else { vec![0, 1] };
            let body = [&(topic.len() as u16).to_be_bytes()[..], topic, &packet_id, data].concat();
            stream.write_all(&[&[0x30 | *qos << 1, body.len() as u8], &body[..]].concat()).unwrap();
        }
    }

    /// The first message of a mailbox has been acknowledged, or its owner has just woken.
    fn deliver_next(&mut self, to: SocketAddr) {
        let mailbox = self.mailboxes.entry(to).or_default();
        if self.awake.get(&to) == Some(&true) {
            self.awake.insert(to, false);
        } else {
            mailbox.pop_front();
        }
        if !self.mailboxes[&to].is_empty() {
            self.send_first(to);
        } else if self.awake.contains_key(&to) {
            self.send(to, &Message::PingResp);
        }
    }

    fn send_first(&self, to: SocketAddr) {
        let (topic_id, data) = &self.mailboxes[&to][0];
        let (qos, topic, msg_id) = (Qos::One, Topic::Normal(*topic_id), MsgId(1));
        self.send(to, &Message::Publish(Publish { dup: false, qos, retain: false, topic, msg_id, data }));
    }

    fn id_of(&mut self, name: &str) -> TopicId {
        let known = self.topics.iter().position(|topic| topic == name);
        let at = known.unwrap_or_else(|| {
            self.topics.push(name.to_owned());
            self.topics.len() - 1
        });
        TopicId(at as u16 + 1)
    }

    fn send(&self, to: SocketAddr, message: &Message<'_>) {
        let mut datagram = [0; 2_048];
        let len = message.encode(&mut datagram).unwrap();
        self.socket.send_to(&datagram[..len], to).unwrap();
    }
}

fn accept(listener: &TcpListener, subscriber: &Subscriber, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(Duration::from_millis(5));
            continue;
        };
        serve_mqtt(stream, subscriber);
    }
}

/// One subscriber: CONNECT, SUBSCRIBE, then acknowledgements until it goes.
fn serve_mqtt(mut stream: TcpStream, subscriber: &Subscriber) {
    stream.set_nonblocking(false).unwrap();
    let mut reader = stream.try_clone().unwrap();
    while let Some((first, body)) = read_packet(&mut reader) {
        match first >> 4 {
            1 => stream.write_all(&[0x20, 2, 0, 0]).unwrap(),
            8 => {
                let qos = body[body.len() - 1];
                stream.write_all(&[0x90, 3, body[0], body[1], qos]).unwrap();
                *subscriber.lock().unwrap() = Some((stream.try_clone().unwrap(), qos));
            }
            5 => subscriber.lock().unwrap().as_mut().unwrap().0.write_all(&[0x62, 2, body[0], body[1]]).unwrap(),
            _ => {}
        }
    }
    *subscriber.lock().unwrap() = None;
}

fn read_packet(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut header = [0; 2];
    stream.read_exact(&mut header).ok()?;
    let mut body = vec![0; usize::from(header[1])];
    stream.read_exact(&mut body).ok()?;
    Some((header[0], body))
}
