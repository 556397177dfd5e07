//! A gateway on a loopback socket whose every answer the test writes, and the program that talks to it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sn_codec::{
    ConnAck, Connect, Disconnect, Message, MsgId, PubAck, Publish, Qos, RegAck, Register, ReturnCode, SubAck,
    Subscribe, Topic, TopicFilter, TopicId,
};
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

pub const CONNACK: Message<'static> = Message::ConnAck(ConnAck { return_code: ReturnCode::Accepted });
pub const DISCONNECT: Message<'static> = Message::Disconnect(Disconnect { duration_s: None });

const PATIENCE: Duration = Duration::from_secs(60);

pub struct Gateway {
    socket: UdpSocket,
    peer: Option<SocketAddr>,
    buffer: [u8; 2048],
    /// What was heard last, without DUP.
    last: Vec<u8>,
}

impl Gateway {
    pub fn new() -> Self {
        Self::on(0)
    }

    /// On a port, perhaps that of one that is gone.
    pub fn on(port: u16) -> Self {
        let socket = UdpSocket::bind(("127.0.0.1", port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, peer: None, buffer: [0; 2048], last: Vec::new() }
    }

    pub fn port(&self) -> u16 {
        self.socket.local_addr().unwrap().port()
    }

    /// Starts a program with these arguments, split at spaces, beside those that lead it here.
    pub fn start(&self, program: &str, args: &str) -> Child {
        self.start_with_host(program, "127.0.0.1", args)
    }

    /// The same, with another name for here.
    pub fn start_with_host(&self, program: &str, host: &str, args: &str) -> Child {
        let mut command = Command::new(program);
        command.args(["-h", host, "-p", &self.port().to_string()]).args(args.split(' '));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// The next message. Requests that come once more are passed over: a test that is not let run for a while answers late.
    pub fn hears(&mut self) -> Message<'_> {
        let mut octets = self.hears_octets();
        while is_request(&octets) && without_dup(&octets) == self.last {
            octets = self.hears_octets();
        }
        self.last = without_dup(&octets);
        sn_codec::decode(&self.buffer[..octets.len()]).expect("what the program sends is well formed")
    }

    /// Whether something comes within this time; it is left for [`Gateway::hears`].
    pub fn has_mail(&self, within: Duration) -> bool {
        self.socket.set_read_timeout(Some(within)).unwrap();
        let has_mail = self.socket.peek_from(&mut [0]).is_ok();
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        has_mail
    }

    /// The next message's octets, whatever it is.
    pub fn hears_octets(&mut self) -> Vec<u8> {
        loop {
            match self.socket.recv_from(&mut self.buffer) {
                Ok((len, peer)) => {
                    self.peer = Some(peer);
                    return self.buffer[..len].to_vec();
                }
                // A process that had to stand still goes on like this.
                Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted, "the program says nothing: {error}"),
            }
        }
    }

    pub fn says(&self, message: Message<'_>) {
        let mut buffer = [0; 2048];
        let len = message.encode(&mut buffer).unwrap();
        self.socket.send_to(&buffer[..len], self.peer.expect("somebody to talk to")).unwrap();
    }

    pub fn accepts(&mut self) {
        let message = self.hears();
        assert!(matches!(message, Message::Connect(Connect { protocol_id: 1, .. })), "{message:?}");
        self.says(CONNACK);
    }

    pub fn registers(&mut self, name: &str, id: u16) {
        let Message::Register(Register { msg_id, topic_name, .. }) = self.hears() else { panic!("a REGISTER") };
        assert_eq!(topic_name, name);
        self.says(Message::RegAck(RegAck { topic_id: TopicId(id), msg_id, return_code: ReturnCode::Accepted }));
    }

    /// A PUBLISH with these fields comes, and is acknowledged as its QoS demands.
    pub fn takes(&mut self, qos: Qos, retain: bool, topic: Topic<'_>, data: &[u8]) {
        let Message::Publish(publish) = self.hears() else { panic!("a PUBLISH") };
        let msg_id = publish.msg_id;
        assert_eq!(publish, Publish { dup: false, qos, retain, topic, msg_id, data });
        match qos {
            Qos::MinusOne | Qos::Zero => {}
            Qos::One => self.says(puback(topic.id_field(), msg_id, ReturnCode::Accepted)),
            Qos::Two => {
                self.says(Message::PubRec(msg_id));
                assert_eq!(self.hears(), Message::PubRel(msg_id));
                self.says(Message::PubComp(msg_id));
            }
        }
    }

    pub fn grants(&mut self, topic: TopicFilter<'_>, qos: Qos, id: u16) {
        let Message::Subscribe(subscribe) = self.hears() else { panic!("a SUBSCRIBE") };
        let msg_id = subscribe.msg_id;
        assert_eq!(subscribe, Subscribe { qos, msg_id, topic });
        let return_code = ReturnCode::Accepted;
        self.says(Message::SubAck(SubAck { qos, topic_id: TopicId(id), msg_id, return_code }));
    }

    /// Sends a message at QoS 0.
    pub fn publishes(&self, topic: Topic<'_>, retain: bool, data: &[u8]) {
        let msg_id = MsgId::NONE;
        self.says(Message::Publish(Publish { dup: false, qos: Qos::Zero, retain, topic, msg_id, data }));
    }

    pub fn says_goodbye(&mut self) {
        assert_eq!(self.hears(), DISCONNECT);
        self.says(DISCONNECT);
    }
}

/// The place of a message's type.
fn type_at(octets: &[u8]) -> usize {
    if octets[0] == 1 { 3 } else { 1 }
}

/// CONNECT, REGISTER, SUBSCRIBE, or PUBLISH at QoS 1 or 2.
fn is_request(octets: &[u8]) -> bool {
    let at = type_at(octets);
    matches!((octets[at], octets.get(at + 1)), (0x04 | 0x0A | 0x12, _) | (0x0C, Some(0x20..=0x5F | 0xA0..=0xDF)))
}

/// A message as it was the first time.
fn without_dup(octets: &[u8]) -> Vec<u8> {
    let (mut octets, at) = (octets.to_vec(), type_at(octets));
    if [0x0C, 0x12].contains(&octets[at]) {
        octets[at + 1] &= 0x7F;
    }
    octets
}

pub fn interrupt(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}

pub fn puback(topic_id: TopicId, msg_id: MsgId, return_code: ReturnCode) -> Message<'static> {
    Message::PubAck(PubAck { topic_id, msg_id, return_code })
}

pub fn normal(id: u16) -> Topic<'static> {
    Topic::Normal(TopicId(id))
}

/// What the program printed, and its exit code.
pub struct Ended {
    pub out: String,
    pub err: String,
    pub code: Option<i32>,
}

pub fn ends(child: Child) -> Ended {
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    Ended { out: text(stdout), err: text(stderr), code: status.code() }
}

/// The program ends without error, having printed this.
pub fn succeeds(child: Child, out: &str) {
    let ended = ends(child);
    assert_eq!((ended.code, ended.err.as_str(), ended.out.as_str()), (Some(0), "", out));
}

/// The program ends with exit code 1, having complained like this.
pub fn fails(child: Child, complaint: &str) {
    let ended = ends(child);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains(complaint), "{:?} does not contain {complaint:?}", ended.err);
}
