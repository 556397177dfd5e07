//! A gateway of two hundred lines with switchable faults: enough protocol for `sn-bench`, no retransmission. It keeps
//! its state by writing down all it hears, and hearing it again when it starts.

mod mqtt_side;

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mqtt_side::Session;
use sn_codec::{
    ConnAck, Disconnect, FrwdEncap, Message, MsgId, PubAck, Publish, Qos, RegAck, ReturnCode, SubAck, Topic,
    TopicFilter, TopicId,
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
    /// Sends PINGRESP right after a sleeper's last message, without waiting for its PUBACK.
    pub(crate) pingresp_early: bool,
}

/// A gateway in threads of this process, until it is dropped.
pub(crate) struct MiniGateway {
    pub(crate) udp: SocketAddr,
    pub(crate) mqtt: SocketAddr,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl MiniGateway {
    pub(crate) fn start(faults: Faults) -> Self {
        Self::start_at("127.0.0.1:0", "127.0.0.1:0", faults, None)
    }

    /// Starts as `sn-bench` tells a gateway to, with `run --udp ADDR --mqtt ADDR` and more; `--forgetful` is a fault.
    pub(crate) fn start_as_told(args: &str) -> Self {
        let args: Vec<_> = args.split(' ').collect();
        let value = |flag| args.iter().position(|arg| *arg == flag).map(|at| args[at + 1]);
        let data = value("--data").filter(|_| !args.contains(&"--forgetful")).map(PathBuf::from);
        Self::start_at(value("--udp").unwrap(), value("--mqtt").unwrap(), Faults::default(), data.as_deref())
    }

    fn start_at(udp: &str, mqtt: &str, faults: Faults, data: Option<&Path>) -> Self {
        let socket = UdpSocket::bind(udp).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let listener = TcpListener::bind(mqtt).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (udp, mqtt) = (socket.local_addr().unwrap(), listener.local_addr().unwrap());
        let stop = Arc::new(AtomicBool::new(false));
        let side = Arc::new(Mutex::new(SnSide::new(socket.try_clone().unwrap(), faults, data)));
        let (stop_udp, stop_tcp, of_tcp) = (Arc::clone(&stop), Arc::clone(&stop), Arc::clone(&side));
        let threads = vec![
            thread::spawn(move || serve(&socket, &side, &stop_udp)),
            thread::spawn(move || mqtt_side::accept(&listener, &of_tcp, &stop_tcp)),
        ];
        Self { udp, mqtt, stop, threads }
    }

    /// Serves until the process is killed.
    pub(crate) fn wait(mut self) {
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

impl Drop for MiniGateway {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

/// A client: its address, and its node id if it is behind a forwarder.
type Peer = (SocketAddr, Vec<u8>);

struct SnSide {
    socket: UdpSocket,
    faults: Faults,
    mqtt: Session,
    /// What is written down.
    journal: Option<File>,
    /// While it hears again what it has answered already.
    replaying: bool,
    topics: Vec<String>,
    subscribers: HashMap<u16, Vec<Peer>>,
    mailboxes: HashMap<Peer, VecDeque<(TopicId, Vec<u8>)>>,
    awake: HashMap<Peer, bool>,
    open_qos2: HashMap<Peer, MsgId>,
    datagrams: u64,
    messages: u64,
}

fn serve(socket: &UdpSocket, side: &Mutex<SnSide>, stop: &AtomicBool) {
    let mut buffer = [0; 2_048];
    while !stop.load(Ordering::Relaxed) {
        let Ok((len, from)) = socket.recv_from(&mut buffer) else { continue };
        side.lock().unwrap().on_datagram(from, &buffer[..len]);
    }
}

impl SnSide {
    fn new(socket: UdpSocket, faults: Faults, data: Option<&Path>) -> Self {
        let mut side = Self {
            socket,
            faults,
            mqtt: Session::default(),
            journal: None,
            replaying: true,
            topics: Vec::new(),
            subscribers: HashMap::new(),
            mailboxes: HashMap::new(),
            awake: HashMap::new(),
            open_qos2: HashMap::new(),
            datagrams: 0,
            messages: 0,
        };
        if let Some(dir) = data {
            fs::create_dir_all(dir).unwrap();
            let path = dir.join("journal");
            fs::read_to_string(&path).unwrap_or_default().lines().for_each(|line| side.replay(line));
            side.journal = Some(File::options().create(true).append(true).open(path).unwrap());
        }
        side.replaying = false;
        side
    }

    /// Writes down an address and a datagram, or a topic and a payload.
    fn write_down(&mut self, who: &str, bytes: &[u8]) {
        if let Some(journal) = &mut self.journal {
            let hex: String = bytes.iter().map(|octet| format!("{octet:02x}")).collect();
            writeln!(journal, "{who} {hex}").unwrap();
        }
    }

    fn replay(&mut self, line: &str) {
        let (who, hex) = line.split_once(' ').unwrap();
        let octets = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        let bytes: Vec<u8> = octets.map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect();
        match who.parse() {
            Ok(from) => self.on_datagram(from, &bytes),
            Err(_) => self.on_mqtt_publish(who, &bytes),
        }
    }

    fn on_datagram(&mut self, from: SocketAddr, datagram: &[u8]) {
        self.datagrams += 1;
        let dropped = self.faults.drop_every.is_some_and(|n| self.datagrams.is_multiple_of(n));
        if dropped || self.faults.mute {
            return;
        }
        self.write_down(&from.to_string(), datagram);
        match sn_codec::decode(datagram).unwrap() {
            Message::FrwdEncap(around) => {
                self.on_message((from, around.node_id.to_vec()), &sn_codec::decode(around.inner).unwrap());
            }
            message => self.on_message((from, Vec::new()), &message),
        }
    }

    fn on_mqtt_publish(&mut self, topic: &str, data: &[u8]) {
        self.write_down(topic, data);
        let topic_id = self.id_of(topic);
        self.forward(topic_id, data);
    }

    fn on_message(&mut self, from: Peer, message: &Message<'_>) {
        let return_code = ReturnCode::Accepted;
        match *message {
            Message::Connect(_) if self.faults.refuse => {
                self.send(&from, &Message::ConnAck(ConnAck { return_code: ReturnCode::Congestion }));
            }
            Message::Connect(_) => self.send(&from, &Message::ConnAck(ConnAck { return_code })),
            Message::Register(register) => {
                let (topic_id, msg_id) = (self.id_of(register.topic_name), register.msg_id);
                self.send(&from, &Message::RegAck(RegAck { topic_id, msg_id, return_code }));
            }
            Message::Subscribe(subscribe) => {
                let TopicFilter::Name(name) = subscribe.topic else { panic!("sn-bench subscribes by name") };
                let (topic_id, msg_id) = (self.id_of(name), subscribe.msg_id);
                self.send(&from, &Message::SubAck(SubAck { qos: Qos::One, topic_id, msg_id, return_code }));
                self.subscribers.entry(topic_id.0).or_default().push(from);
            }
            Message::Publish(publish) => self.on_publish(&from, &publish),
            Message::PubRel(id) => {
                self.open_qos2.remove(&from);
                self.send(&from, &Message::PubComp(id));
            }
            Message::PubAck(_) => self.deliver_next(&from),
            Message::Disconnect(Disconnect { duration_s }) => {
                self.send(&from, &Message::Disconnect(Disconnect { duration_s: None }));
                if duration_s.is_some() {
                    self.awake.insert(from, false);
                }
            }
            Message::PingReq(_) => {
                self.awake.insert(from.clone(), true);
                if self.faults.pingresp_first {
                    self.send(&from, &Message::PingResp);
                }
                self.deliver_next(&from);
            }
            _ => panic!("sn-bench does not send {message:?}"),
        }
    }

    fn on_publish(&mut self, from: &Peer, publish: &Publish<'_>) {
        let Topic::Normal(topic_id) = publish.topic else { panic!("sn-bench publishes to registered topics") };
        let (return_code, msg_id) = (ReturnCode::Accepted, publish.msg_id);
        let known = publish.qos == Qos::Two && self.open_qos2.insert(from.clone(), msg_id) == Some(msg_id);
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
            let mailbox = self.mailboxes.entry(to.clone()).or_default();
            mailbox.push_back((topic_id, data.to_vec()));
            if self.mailboxes[&to].len() == 1 && self.awake.get(&to) != Some(&false) {
                self.send_first(&to);
            }
        }
        self.mqtt.deliver(&self.topics[usize::from(topic_id.0) - 1], data);
    }

    /// The first message of a mailbox has been acknowledged, or its owner has just woken.
    fn deliver_next(&mut self, to: &Peer) {
        let mailbox = self.mailboxes.entry(to.clone()).or_default();
        if self.awake.get(to) == Some(&true) {
            self.awake.insert(to.clone(), false);
        } else {
            mailbox.pop_front();
        }
        if !self.mailboxes[to].is_empty() {
            self.send_first(to);
        } else if self.awake.contains_key(to) {
            self.send(to, &Message::PingResp);
        }
    }

    fn send_first(&self, to: &Peer) {
        let (topic_id, data) = &self.mailboxes[to][0];
        let (qos, topic, msg_id) = (Qos::One, Topic::Normal(*topic_id), MsgId(1));
        self.send(to, &Message::Publish(Publish { dup: false, qos, retain: false, topic, msg_id, data }));
        if self.faults.pingresp_early && self.mailboxes[to].len() == 1 {
            self.send(to, &Message::PingResp);
        }
    }

    fn id_of(&mut self, name: &str) -> TopicId {
        let known = self.topics.iter().position(|topic| topic == name);
        let at = known.unwrap_or_else(|| {
            self.topics.push(name.to_owned());
            self.topics.len() - 1
        });
        TopicId(at as u16 + 1)
    }

    fn send(&self, (to, node_id): &Peer, message: &Message<'_>) {
        if self.replaying {
            return;
        }
        let (mut inner, mut datagram) = ([0; 1_024], [0; 2_048]);
        let len = message.encode(&mut inner).unwrap();
        let inner = &inner[..len];
        if node_id.is_empty() {
            self.socket.send_to(inner, to).unwrap();
        } else {
            let len = Message::FrwdEncap(FrwdEncap { radius: 0, node_id, inner }).encode(&mut datagram).unwrap();
            self.socket.send_to(&datagram[..len], to).unwrap();
        }
    }
}
