//! A node at the other end of a serial line: this project's client library behind a pseudo-terminal that speaks SLIP.

use crate::PATIENCE;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::PtyMaster;
use sn_client::{Client, Config, Event, Qos, State, Topic};
use sn_types::Instant;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::AsFd;
use std::path::Path;
use std::thread;
use std::time::Duration;

const END: u8 = 0xC0;
const ESC: u8 = 0xDB;
const ESC_END: u8 = 0xDC;
const ESC_ESC: u8 = 0xDD;

/// How long a step waits at most.
const STEP_MS: u8 = 20;

/// The node. When it is dropped its device is pulled out.
pub struct LineNode {
    pty: PtyMaster,
    client: Client<'static, 256, 512>,
    began: std::time::Instant,
    /// Octets that are no whole frame yet.
    pending: Vec<u8>,
    /// Payloads of the messages that came, in their order.
    pub heard: Vec<String>,
    /// Connections that were lost.
    pub losses: u32,
}

impl LineNode {
    /// Plugs a device in at `path`, with a node that repeats what is not answered within a quarter of a second.
    ///
    /// # Panics
    /// If the system has no pseudo-terminals.
    #[must_use]
    pub fn plug(path: &Path, client_id: &'static str) -> Self {
        Self::repeating(path, client_id, 250)
    }

    /// The same with one that waits 3 s, for a line that loses nothing: a late answer to a repeated good night would be taken for
    /// the end of the connection.
    ///
    /// # Panics
    /// If the system has no pseudo-terminals.
    #[must_use]
    pub fn plug_patiently(path: &Path, client_id: &'static str) -> Self {
        Self::repeating(path, client_id, 3_000)
    }

    fn repeating(path: &Path, client_id: &'static str, t_retry_ms: u32) -> Self {
        let pty = test_nodes::plug(path);
        fcntl(&pty, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("its flags");
        let config = Config { t_retry_ms, n_retry: 120, auto_reconnect: true, ..Config::new(client_id) };
        let (began, pending) = (std::time::Instant::now(), Vec::new());
        Self { pty, client: Client::new(config), began, pending, heard: Vec::new(), losses: 0 }
    }

    /// Connects, going on with an earlier session.
    pub fn connect(&mut self) {
        self.client.connect(false);
        self.until("CONNACK", |node| node.client.state() == State::Active);
    }

    /// Publishes and waits until that is acknowledged.
    ///
    /// # Panics
    /// If it is not.
    pub fn publish(&mut self, topic: &str, payload: &str, qos: Qos) {
        self.client.publish(Topic::Name(topic), payload.as_bytes(), qos, false).expect("connected and idle");
        self.until(payload, |node| !node.client.is_busy());
    }

    /// Subscribes and waits for the answer.
    ///
    /// # Panics
    /// If there is none.
    pub fn subscribe(&mut self, filter: &str, qos: Qos) {
        self.client.subscribe(Topic::Name(filter), qos).expect("connected and idle");
        self.until("SUBACK", |node| !node.client.is_busy());
    }

    /// Falls asleep.
    ///
    /// # Panics
    /// If the gateway does not answer.
    pub fn sleep(&mut self) {
        self.client.sleep(NonZeroU16::MAX).expect("connected and idle");
        self.until("sleep", |node| node.client.state() == State::Asleep);
    }

    /// Wakes, fetches what waits and sleeps again.
    ///
    /// # Panics
    /// If the gateway does not answer.
    pub fn wake(&mut self) {
        self.client.wake().expect("it sleeps");
        self.until("the end of the wake", |node| node.client.state() == State::Asleep);
    }

    /// Lives until it has heard `payload`.
    pub fn hear(&mut self, payload: &str) {
        self.until(payload, |node| node.heard.iter().any(|heard| heard == payload));
    }

    /// Sends octets that mean nothing.
    ///
    /// # Panics
    /// If the line does not take them.
    pub fn send_octets(&mut self, octets: &[u8]) {
        self.pty.write_all(octets).expect("the line takes them");
    }

    /// Waits until exactly these octets have come, whatever they mean.
    ///
    /// # Panics
    /// If others come, or none.
    pub fn expect_octets(&mut self, octets: &[u8]) {
        let mut got: Vec<u8> = Vec::new();
        while got.len() < octets.len() {
            let mut fds = [PollFd::new(self.pty.as_fd(), PollFlags::POLLIN)];
            let patience = PollTimeout::try_from(PATIENCE).expect("a short time");
            assert_eq!(poll(&mut fds, patience), Ok(1), "octets, after {got:02x?}");
            let mut buffer = [0; 64];
            let len = self.pty.read(&mut buffer).expect("octets");
            got.extend(&buffer[..len]);
        }
        assert_eq!(got, octets);
    }

    /// Lives until `condition` is true.
    #[track_caller]
    fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = std::time::Instant::now() + PATIENCE;
        while !condition(self) {
            assert!(std::time::Instant::now() < deadline, "the node waits in vain for {what}");
            self.step();
        }
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.began.elapsed()
    }

    fn step(&mut self) {
        let now = self.now();
        if self.client.poll_timeout().is_some_and(|due| due <= now)
            && let Some(Event::Lost(_)) = self.client.handle_timeout(now)
        {
            self.losses += 1;
        }
        let mut buffer = [0; 512];
        while let Some(transmit) = self.client.poll_output(now, &mut buffer) {
            // What the line does not take is lost, and sent again.
            let _ = self.pty.write_all(&frame(transmit.datagram));
        }
        self.receive();
    }

    fn receive(&mut self) {
        let mut fds = [PollFd::new(self.pty.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut fds, PollTimeout::from(STEP_MS));
        let mut octets = [0; 512];
        match self.pty.read(&mut octets) {
            Ok(len) => self.pending.extend(&octets[..len]),
            // Nobody has the other end open: it is not waited for.
            Err(_) => thread::sleep(Duration::from_millis(u64::from(STEP_MS))),
        }
        while let Some(end) = self.pending.iter().position(|octet| *octet == END) {
            let framed: Vec<u8> = self.pending.drain(..=end).collect();
            self.take(&unescaped(&framed[..end]));
        }
    }

    fn take(&mut self, datagram: &[u8]) {
        match self.client.handle_input(Instant::ZERO + self.began.elapsed(), datagram) {
            Some(Event::Message(message)) => self.heard.push(String::from_utf8_lossy(message.payload).into_owned()),
            Some(Event::Lost(_)) => self.losses += 1,
            Some(_) | None => {}
        }
    }
}

fn frame(datagram: &[u8]) -> Vec<u8> {
    let escaped = datagram.iter().flat_map(|octet| match *octet {
        END => vec![ESC, ESC_END],
        ESC => vec![ESC, ESC_ESC],
        plain => vec![plain],
    });
    [END].into_iter().chain(escaped).chain([END]).collect()
}

fn unescaped(framed: &[u8]) -> Vec<u8> {
    let mut octets = framed.iter();
    let mut datagram = Vec::new();
    while let Some(octet) = octets.next() {
        datagram.push(match *octet {
            ESC if octets.next() == Some(&ESC_END) => END,
            ESC => ESC,
            plain => plain,
        });
    }
    datagram
}
