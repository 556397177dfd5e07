//! What tshark, an independent dissector, makes of our datagrams.

use crate::{Node, PATIENCE, Process};
use nix::sys::signal::Signal;
use sn_codec::MsgType;
use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// A PINGREQ with a ClientId, sent to a socket of our own until tshark shows it.
const MARK: &[u8] = b"\x06\x16mark";

/// The fields that tshark prints, in the order of [`Frame`]'s.
const FIELDS: [&str; 4] = ["udp.port", "frame.protocols", "mqttsn.msg.type", "_ws.malformed"];

/// A running capture of all MQTT-SN on loopback at some ports.
#[derive(Debug)]
pub struct Capture {
    tshark: Process,
    /// Where the marks go: closed to the gateway, open to the capture.
    mark: SocketAddr,
}

/// One captured datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The protocols that tshark recognised, `:` between them.
    pub protocols: String,
    /// MsgType, and that of the message inside a FRWDENCAP.
    pub msg_types: Vec<MsgType>,
    /// Whether tshark could not read it to its end.
    pub malformed: bool,
}

impl Capture {
    /// Captures datagrams from and to `ports`; comes back when it has seen one.
    ///
    /// # Panics
    /// If the system does not let this user capture.
    #[must_use]
    pub fn start(ports: &[u16]) -> Self {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
        let mark = socket.local_addr().expect("it is bound");
        let ports: Vec<u16> = ports.iter().copied().chain([mark.port()]).collect();
        let mut capture = Self { tshark: Process::start(tshark(&ports)), mark };
        capture.mark();
        capture
    }

    /// Sends marks until tshark shows one of them: then everything sent before has been captured, too. The marks of
    /// another call, which may still come, are from another port.
    fn mark(&mut self) {
        let node = Node::to(self.mark);
        let deadline = Instant::now() + PATIENCE;
        while !self.tshark.lines().iter().any(|line| has_port(line, node.port())) {
            let lines = self.tshark.lines().join("\n");
            let can_capture = self.tshark.is_running() && Instant::now() < deadline;
            assert!(can_capture, "tshark does not capture on lo (that needs root or the group wireshark):\n{lines}");
            node.send_octets(MARK);
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until a message of this type has been captured.
    ///
    /// # Panics
    /// If there is none.
    pub fn wait_for(&self, msg_type: MsgType) {
        let deadline = Instant::now() + PATIENCE;
        while !self.frames().iter().any(|frame| frame.msg_types.contains(&msg_type)) {
            assert!(Instant::now() < deadline, "no {msg_type}: {:?}", self.frames());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the capture: all datagrams so far.
    #[must_use]
    pub fn stop(mut self) -> Vec<Frame> {
        self.mark();
        self.tshark.signal(Signal::SIGINT);
        self.tshark.wait();
        self.frames()
    }

    fn frames(&self) -> Vec<Frame> {
        let lines = self.tshark.lines();
        lines.iter().filter(|line| !has_port(line, self.mark.port())).filter_map(|line| Frame::parse(line)).collect()
    }
}

/// Whether a line of tshark's is about a datagram from or to this port.
fn has_port(line: &str, port: u16) -> bool {
    let ports = line.split('\t').next().unwrap_or_default();
    ports.split(',').any(|field| field.parse() == Ok(port))
}

fn tshark(ports: &[u16]) -> Command {
    let filter = ports.iter().map(|port| format!("udp port {port}")).collect::<Vec<_>>().join(" or ");
    let mut command = Command::new("tshark");
    command.args(["-i", "lo", "-n", "-l", "-f", &filter, "-T", "fields"]);
    command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    command.args(ports.iter().flat_map(|port| ["-d".to_owned(), format!("udp.port=={port},mqttsn")]));
    command
}

impl Frame {
    /// `None` for tshark's notices.
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [_, protocols, msg_types, malformed] = fields[..] else { return None };
        let msg_types = msg_types.split(',').filter_map(parse_msg_type).collect();
        Some(Self { protocols: protocols.to_owned(), msg_types, malformed: !malformed.is_empty() })
    }
}

/// A MsgType as tshark prints it: 0x and hexadecimal digits.
fn parse_msg_type(text: &str) -> Option<MsgType> {
    u8::from_str_radix(text.strip_prefix("0x")?, 16).ok()?.try_into().ok()
}
