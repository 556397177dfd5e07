//! A client that sends octets and takes packets apart, and the gateway that it talks to.
//!
//! Order of calls: [`in_both`] or [`Server::start`], then [`Server::connect`] or [`Server::open`]. That nothing came is shown by
//! [`Client::expect_nothing`]: the answer to a PINGREQ is the next packet. The test of another client's actions first lets
//! that client do something that is answered.

use crate::common::{Daemon, PATIENCE};
use crate::octets::{Connect, Publish, Version, ack, packet, properties, subscribe, unsubscribe};
use crate::received::{Connack, Message, Properties, Rest};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

/// PUBACK, PUBREC, PUBREL and PUBCOMP, their first octets.
pub(crate) const PUBACK: u8 = 0x40;
pub(crate) const PUBREC: u8 = 0x50;
pub(crate) const PUBREL: u8 = 0x62;
pub(crate) const PUBCOMP: u8 = 0x70;

/// The versions that the gateway speaks.
pub(crate) const BOTH: [Version; 2] = [Version::V3, Version::V5];

/// Malformed packet, or protocol error: where the text of 5.0 does not say which of the two.
pub(crate) const BROKEN: &[u8] = &[0x81, 0x82];

/// Runs `test` in each version of MQTT, against a gateway of its own.
pub(crate) fn in_both(test: impl Fn(&Server)) {
    for version in BOTH {
        // Shown when the test fails.
        println!("--- MQTT {version:?}");
        test(&Server::start(version));
    }
}

/// A gateway whose clients speak 5.0.
pub(crate) fn start_v5() -> Server {
    Server::start(Version::V5)
}

/// A gateway, and the version that its clients speak.
pub(crate) struct Server {
    daemon: Daemon,
    pub(crate) version: Version,
    /// Lives as long as the daemon, which may read it again.
    _config: Option<tempfile::NamedTempFile>,
}

impl Server {
    /// With everything as it is by default.
    pub(crate) fn start(version: Version) -> Self {
        Self { daemon: Daemon::start(&["--log", "debug"]), version, _config: None }
    }

    /// With this configuration file.
    pub(crate) fn start_with(version: Version, config: &str) -> Self {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(config.as_bytes()).expect("a file");
        let path = file.path().to_str().expect("a path in UTF-8");
        Self { daemon: Daemon::start(&["--config", path, "--log", "debug"]), version, _config: Some(file) }
    }

    /// A gateway that runs already.
    pub(crate) fn of(daemon: Daemon, version: Version) -> Self {
        Self { daemon, version, _config: None }
    }

    /// Tells the gateway to end.
    pub(crate) fn end(&self) {
        self.daemon.signal(nix::sys::signal::Signal::SIGTERM);
    }

    /// A connection on which nothing has been said yet.
    pub(crate) fn open(&self) -> Client {
        let stream = TcpStream::connect(self.daemon.mqtt()).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Client { stream, version: self.version, last_id: 0, early: VecDeque::new() }
    }

    /// A client with a clean session.
    pub(crate) fn connect(&self, client_id: &str) -> Client {
        self.connect_as(&self.clean(client_id)).0
    }

    /// A client that says this CONNECT, and whether a session was present.
    #[track_caller]
    pub(crate) fn connect_as(&self, connect: &Connect<'_>) -> (Client, bool) {
        let (client, answer) = self.connack(&connect.octets());
        assert_eq!(answer.code, 0, "CONNACK says so");
        (client, answer.session_present)
    }

    /// Sends these octets on a new connection, and takes the CONNACK.
    #[track_caller]
    pub(crate) fn connack(&self, connect: &[u8]) -> (Client, Connack) {
        let mut client = self.open();
        client.send(connect);
        let answer = client.expect_connack();
        (client, answer)
    }

    /// A client whose CONNECT has not been sent: with a clean session.
    pub(crate) fn clean<'a>(&self, client_id: &'a str) -> Connect<'a> {
        Connect::clean(self.version, client_id)
    }

    /// The same with a session that goes on.
    pub(crate) fn keep<'a>(&self, client_id: &'a str) -> Connect<'a> {
        Connect::keep(self.version, client_id)
    }

    /// The same, which ends with the connection unless a property says otherwise (5.0).
    pub(crate) fn resume<'a>(&self, client_id: &'a str) -> Connect<'a> {
        Connect::resume(self.version, client_id)
    }

    /// Sends these octets, as a CONNECT that breaks the rules. No answer but the end, or a CONNACK with one of `codes`
    /// (5.0).
    #[track_caller]
    pub(crate) fn refuses_connect(&self, octets: &[u8], codes: &[u8]) {
        let mut client = self.open();
        client.send(octets);
        if self.version == Version::V5 {
            let answer = client.expect_connack();
            assert!(codes.contains(&answer.code) && !answer.session_present, "{answer:02x?}");
        }
        client.expect_close();
    }
}

/// A connection.
pub(crate) struct Client {
    stream: TcpStream,
    version: Version,
    last_id: u16,
    /// Messages that came while something else was waited for.
    early: VecDeque<(u8, Vec<u8>)>,
}

impl Client {
    /// Sends octets.
    pub(crate) fn send(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).expect("send");
    }

    /// A packet identifier that this client has not used yet.
    pub(crate) fn next_id(&mut self) -> u16 {
        self.last_id += 1;
        self.last_id
    }

    /// Receives a packet: its first octet and its body.
    #[track_caller]
    pub(crate) fn receive(&mut self) -> (u8, Vec<u8>) {
        if let Some(packet) = self.early.pop_front() {
            return packet;
        }
        self.read_packet()
    }

    #[track_caller]
    fn read_packet(&mut self) -> (u8, Vec<u8>) {
        let first = self.octet();
        let (mut len, mut shift) = (0, 0);
        loop {
            let octet = self.octet();
            len |= usize::from(octet & 0x7F) << shift;
            shift += 7;
            if octet & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; len];
        self.stream.read_exact(&mut body).expect("the rest of a packet");
        (first, body)
    }

    #[track_caller]
    fn octet(&mut self) -> u8 {
        let mut octet = [0];
        self.stream.read_exact(&mut octet).expect("a packet from the gateway");
        octet[0]
    }

    /// Receives exactly these octets.
    #[track_caller]
    pub(crate) fn expect(&mut self, octets: &[u8]) {
        assert_eq!(self.early, [], "came before");
        let mut got = vec![0; octets.len()];
        self.stream.read_exact(&mut got).expect("octets from the gateway");
        assert_eq!(got, octets, "got {got:02x?}, not {octets:02x?}");
    }

    #[track_caller]
    pub(crate) fn expect_connack(&mut self) -> Connack {
        let (first, body) = self.receive();
        assert_eq!(first, 0x20, "a CONNACK");
        let mut rest = Rest(&body);
        let flags = rest.octet();
        assert!(flags <= 1, "reserved bits of CONNACK: {flags:02x}");
        let code = rest.octet();
        let properties = rest.properties(self.version);
        assert_eq!(rest.0, [0; 0], "octets after the CONNACK's last field");
        Connack { session_present: flags == 1, code, properties }
    }

    /// The gateway closes without another octet.
    #[track_caller]
    pub(crate) fn expect_close(&mut self) {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        assert_eq!(rest, [0; 0]);
    }

    /// The gateway ends the connection for something this client did: in 5.0 it says why first.
    #[track_caller]
    pub(crate) fn expect_end(&mut self, reason: u8) {
        self.expect_end_for_one_of(&[reason]);
    }

    /// The same where the standard leaves it open how that is called.
    #[track_caller]
    pub(crate) fn expect_end_for_one_of(&mut self, reasons: &[u8]) {
        if self.version == Version::V5 {
            let reason = self.expect_disconnect().0;
            assert!(reasons.contains(&reason), "DISCONNECT says {reason:02x}, not {reasons:02x?}");
        }
        self.expect_close();
    }

    /// DISCONNECT from the gateway (5.0): the reason and the properties.
    #[track_caller]
    pub(crate) fn expect_disconnect(&mut self) -> (u8, Properties) {
        self.receive_any(&[0xE0])
    }

    /// AUTH from the gateway (5.0): the code and the properties.
    #[track_caller]
    pub(crate) fn expect_auth(&mut self) -> (u8, Properties) {
        self.receive_any(&[0xF0])
    }

    /// A packet with one of these first octets, a reason code and properties (5.0).
    #[track_caller]
    pub(crate) fn receive_any(&mut self, firsts: &[u8]) -> (u8, Properties) {
        let (first, body) = self.receive();
        assert!(firsts.contains(&first), "first octet {first:02x} of {body:02x?}, not one of {firsts:02x?}");
        let mut rest = Rest(&body);
        let code = if body.is_empty() { 0 } else { rest.octet() };
        let properties = if body.len() < 2 { Properties::default() } else { rest.properties(self.version) };
        assert_eq!(rest.0, [0; 0], "octets after the last field");
        (code, properties)
    }

    /// Nothing is on its way from the gateway but what answers a PINGREQ.
    #[track_caller]
    pub(crate) fn expect_nothing(&mut self) {
        self.send(&[0xC0, 0]);
        let (first, body) = self.receive();
        assert_eq!((first, &body[..]), (0xD0, &[][..]), "nothing should have come but PINGRESP");
    }

    /// Breaks the connection without DISCONNECT.
    pub(crate) fn vanish(self) {
        self.stream.shutdown(Shutdown::Both).expect("still open");
    }

    /// Says DISCONNECT, and waits until the gateway has closed.
    #[track_caller]
    pub(crate) fn leave(mut self) {
        self.send(&[0xE0, 0]);
        self.expect_close();
    }

    /// Subscribes; the QoS asked for is granted.
    #[track_caller]
    pub(crate) fn subscribe(&mut self, filter: &str, options: u8) {
        let id = self.next_id();
        self.send(&subscribe(self.version, id, &[(filter, options)]));
        self.expect_suback(id, &[options & 3]);
    }

    /// SUBACK with exactly these codes.
    #[track_caller]
    pub(crate) fn expect_suback(&mut self, id: u16, codes: &[u8]) {
        self.expect(&packet(0x90, &[&id.to_be_bytes(), &properties(self.version, &[]), codes]));
    }

    /// Unsubscribes from something.
    #[track_caller]
    pub(crate) fn unsubscribe(&mut self, filter: &str) {
        let id = self.next_id();
        self.send(&unsubscribe(self.version, id, &[filter]));
        self.expect_unsuback(id, &[0]);
    }

    /// UNSUBACK with exactly these codes, which 3.1.1 does not have.
    #[track_caller]
    pub(crate) fn expect_unsuback(&mut self, id: u16, codes: &[u8]) {
        let codes = if self.version == Version::V5 { codes } else { &[] };
        self.expect(&packet(0xB0, &[&id.to_be_bytes(), &properties(self.version, &[]), codes]));
    }

    /// Sends a PUBLISH and does not wait for an answer.
    pub(crate) fn send_publish(&mut self, publish: &Publish<'_>) {
        self.send(&publish.octets(self.version));
    }

    /// Publishes and goes through with all that the QoS asks for; at QoS 0 the gateway has taken it, too.
    #[track_caller]
    pub(crate) fn publish(&mut self, topic: &str, qos: u8, payload: &str) {
        self.publish_with(&Publish { flags: qos << 1, topic, payload: payload.as_bytes(), ..Publish::default() });
    }

    /// The same, retained.
    #[track_caller]
    pub(crate) fn publish_retained(&mut self, topic: &str, qos: u8, payload: &str) {
        self.publish_with(&Publish { flags: qos << 1 | 1, topic, payload: payload.as_bytes(), ..Publish::default() });
    }

    /// The same with everything, but an id that is chosen here.
    #[track_caller]
    pub(crate) fn publish_with(&mut self, publish: &Publish<'_>) {
        let id = self.next_id();
        match publish.flags >> 1 & 3 {
            0 => {
                self.send_publish(publish);
                self.expect_nothing();
            }
            1 => {
                self.send_publish(&Publish { id: Some(id), ..publish.clone() });
                self.expect_ack(PUBACK, id);
            }
            _ => {
                self.send_publish(&Publish { id: Some(id), ..publish.clone() });
                self.expect_ack(PUBREC, id);
                self.send(&ack(PUBREL, id));
                self.expect_ack(PUBCOMP, id);
            }
        }
    }

    /// Receives this acknowledgement, which is no refusal.
    #[track_caller]
    pub(crate) fn expect_ack(&mut self, first: u8, id: u16) {
        let code = self.receive_ack(first, id);
        // 0x10 says that nobody has subscribed.
        assert!(code == 0 || (code == 0x10 && matches!(first, PUBACK | PUBREC)), "refused with {code:02x}");
    }

    /// Receives this acknowledgement: its reason code, which is 0 if it has none.
    #[track_caller]
    pub(crate) fn receive_ack(&mut self, first: u8, id: u16) -> u8 {
        let (got, body) = self.receive();
        assert_eq!(got, first, "first octet {got:02x} of {body:02x?}, not {first:02x}");
        let mut rest = Rest(&body);
        assert_eq!(rest.number(), id, "packet identifier");
        if self.version == Version::V3 || rest.0.is_empty() {
            assert_eq!(rest.0, [0; 0], "octets after the last field");
            return 0;
        }
        rest.octet()
    }

    /// Receives a PUBLISH.
    #[track_caller]
    pub(crate) fn receive_message(&mut self) -> Message {
        let (first, body) = self.receive();
        assert_eq!(first & 0xF0, 0x30, "a PUBLISH, not {first:02x} {body:02x?}");
        let qos = first >> 1 & 3;
        let mut rest = Rest(&body);
        let topic = rest.text();
        let id = (qos > 0).then(|| rest.number());
        let properties = rest.properties(self.version);
        let (dup, retain) = (first & 8 != 0, first & 1 != 0);
        Message { dup, qos, retain, topic, id, properties, payload: rest.0.to_vec() }
    }

    /// Receives this message, not retained and for the first time, and goes through with what the QoS asks for.
    #[track_caller]
    pub(crate) fn expect_message(&mut self, topic: &str, qos: u8, payload: &str) -> Message {
        let message = self.receive_message();
        let got = (&*message.topic, message.qos, message.text(), message.retain, message.dup);
        assert_eq!(got, (topic, qos, payload, false, false));
        self.acknowledge(&message);
        message
    }

    /// The same, retained.
    #[track_caller]
    pub(crate) fn expect_retained(&mut self, topic: &str, qos: u8, payload: &str) -> Message {
        let message = self.receive_message();
        let got = (&*message.topic, message.qos, message.text(), message.retain, message.dup);
        assert_eq!(got, (topic, qos, payload, true, false));
        self.acknowledge(&message);
        message
    }

    /// All that a receiver says to a PUBLISH. Other messages may come before the PUBREL.
    #[track_caller]
    pub(crate) fn acknowledge(&mut self, message: &Message) {
        match (message.qos, message.id) {
            (0, _) | (_, None) => {}
            (1, Some(id)) => self.send(&ack(PUBACK, id)),
            (_, Some(id)) => {
                self.send(&ack(PUBREC, id));
                let mut packet = self.read_packet();
                while packet.0 & 0xF0 == 0x30 {
                    self.early.push_back(packet);
                    packet = self.read_packet();
                }
                assert_eq!((packet.0, &packet.1[..2]), (PUBREL, &id.to_be_bytes()[..]));
                self.send(&ack(PUBCOMP, id));
            }
        }
    }
}
