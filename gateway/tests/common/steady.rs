//! MQTT clients that go on over broken connections and keep an exact account.

use super::{connect_packet, publish_packet};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long an answer may take before the connection counts as broken.
const ANSWER: Duration = Duration::from_secs(3);
/// The pause between two messages: mosquitto takes them faster than any bridge carries them.
const PACE: Duration = Duration::from_millis(5);
/// The pause before the next attempt to connect.
const AGAIN: Duration = Duration::from_millis(20);

/// A connection with a session that is kept.
struct Connection(TcpStream);

impl Connection {
    /// Connects as often as it takes.
    fn open(server: SocketAddr, client_id: &str, stop: &AtomicBool) -> Option<Self> {
        while !stop.load(Ordering::Relaxed) {
            if let Ok(connection) = Self::try_open(server, client_id) {
                return Some(connection);
            }
            thread::sleep(AGAIN);
        }
        None
    }

    fn try_open(server: SocketAddr, client_id: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(server)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_nodelay(true)?;
        let mut connection = Self(stream);
        connection.0.write_all(&connect_packet(client_id, 0x00, &[]))?;
        match connection.packet()? {
            (0x20, body) if body[1] == 0 => Ok(connection),
            _ => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }

    /// A packet: its first octet and its body. All in these tests are short.
    fn packet(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut header = [0; 2];
        self.0.read_exact(&mut header)?;
        assert!(header[1] < 0x80, "a long packet");
        let mut body = vec![0; header[1].into()];
        self.0.read_exact(&mut body)?;
        Ok((header[0], body))
    }

    /// Waits for an answer with this first octet and id.
    fn await_answer(&mut self, first: u8, id: [u8; 2]) -> io::Result<()> {
        loop {
            let (kind, body) = self.packet()?;
            if kind == first && body.starts_with(&id) {
                return Ok(());
            }
        }
    }
}

/// Publishes numbers from 1 on to a topic, one after the other, until it is told to stop.
pub(crate) struct Publisher {
    thread: JoinHandle<u32>,
    stop: Arc<AtomicBool>,
}

impl Publisher {
    /// Starts it. Its client id is the topic with dashes.
    pub(crate) fn start(server: SocketAddr, topic: &str, qos: u8) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (topic, stopped) = (topic.to_owned(), stop.clone());
        let thread = thread::spawn(move || {
            let mut count = 0;
            let client_id = topic.replace('/', "-");
            // What was begun is finished: the account has whole messages only.
            let never = AtomicBool::new(false);
            let mut connection = Connection::open(server, &client_id, &never).expect("it never gives up");
            while !stopped.load(Ordering::Relaxed) {
                count += 1;
                let mut exchange = Exchange { topic: &topic, qos, number: count, dup: false, received: false };
                while exchange.carry_on(&mut connection).is_err() {
                    connection = Connection::open(server, &client_id, &never).expect("it never gives up");
                }
                thread::sleep(PACE);
            }
            count
        });
        Self { thread, stop }
    }

    /// Stops it when the last message is acknowledged; answers with how many that were.
    pub(crate) fn stop(self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the publisher")
    }
}

/// One message on its way, over as many connections as it takes.
struct Exchange<'a> {
    topic: &'a str,
    qos: u8,
    number: u32,
    /// It was sent before.
    dup: bool,
    /// PUBREC has come.
    received: bool,
}

impl Exchange<'_> {
    fn carry_on(&mut self, connection: &mut Connection) -> io::Result<()> {
        let id = ((self.number % 60_000) as u16 + 1).to_be_bytes();
        if !self.received {
            let flags = self.qos << 1 | if self.dup { 8 } else { 0 };
            self.dup = true;
            let payload = self.number.to_string();
            connection.0.write_all(&publish_packet(flags, self.topic, Some(id), payload.as_bytes()))?;
            connection.await_answer(if self.qos == 1 { 0x40 } else { 0x50 }, id)?;
            self.received = true;
        }
        if self.qos == 2 {
            connection.0.write_all(&[0x62, 2, id[0], id[1]])?;
            connection.await_answer(0x70, id)?;
        }
        Ok(())
    }
}

/// How often each number has come on each topic.
pub(crate) type Account = BTreeMap<String, BTreeMap<u32, u32>>;

/// Takes everything below a topic filter, at QoS 2.
pub(crate) struct Subscriber {
    thread: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    account: Arc<Mutex<Account>>,
}

impl Subscriber {
    /// Starts it; comes back when it has subscribed.
    pub(crate) fn start(server: SocketAddr, client_id: &str, filter: &str) -> Self {
        Self::start_with(server, client_id, filter, false)
    }

    /// The same, and it subscribes anew whenever it has connected: the server may have forgotten.
    pub(crate) fn start_anew(server: SocketAddr, client_id: &str, filter: &str) -> Self {
        Self::start_with(server, client_id, filter, true)
    }

    fn start_with(server: SocketAddr, client_id: &str, filter: &str, anew: bool) -> Self {
        let (stop, account) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Account>>::default());
        let mut connection = Connection::try_open(server, client_id).expect("the server is there");
        let len = filter.len() as u8;
        let subscribe = [&[0x82, 5 + len, 0, 1, 0, len], filter.as_bytes(), &[2]].concat();
        connection.0.write_all(&subscribe).expect("SUBSCRIBE");
        connection.await_answer(0x90, [0, 1]).expect("SUBACK");
        let (stopped, kept, client_id) = (stop.clone(), account.clone(), client_id.to_owned());
        let thread = thread::spawn(move || {
            let mut unreleased = BTreeSet::new();
            let mut open = Some(connection);
            while let Some(mut connection) = open {
                while !stopped.load(Ordering::Relaxed) && take(&mut connection, &mut unreleased, &kept).is_ok() {}
                drop(connection);
                open = Connection::open(server, &client_id, &stopped);
                if let Some(connection) = open.as_mut().filter(|_| anew) {
                    unreleased.clear();
                    // The SUBACK is no message.
                    let _ = connection.0.write_all(&subscribe);
                }
            }
        });
        Self { thread: Some(thread), stop, account }
    }

    /// What has come so far.
    pub(crate) fn account(&self) -> Account {
        self.account.lock().expect("the account").clone()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Takes a packet and answers it (MQTT 3.1.1 §4.3.3, method B).
fn take(connection: &mut Connection, unreleased: &mut BTreeSet<[u8; 2]>, account: &Mutex<Account>) -> io::Result<()> {
    let (first, body) = match connection.packet() {
        // Nothing has come for a while: that is no fault.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return connection.0.write_all(&[0xC0, 0]),
        packet => packet?,
    };
    match first {
        0x30..=0x3F => {
            let (topic, rest) = body[2..].split_at(body[1].into());
            let ([high, low], payload) = rest.split_first_chunk().expect("QoS 1 or 2");
            let (id, qos) = ([*high, *low], first >> 1 & 3);
            if qos == 1 || unreleased.insert(id) {
                let topic = String::from_utf8_lossy(topic).into_owned();
                let number = String::from_utf8_lossy(payload).parse().expect("a number");
                *account.lock().expect("the account").entry(topic).or_default().entry(number).or_default() += 1;
            }
            connection.0.write_all(&[if qos == 1 { 0x40 } else { 0x50 }, 2, *high, *low])
        }
        0x62 => {
            unreleased.remove(&body[..2]);
            connection.0.write_all(&[0x70, 2, body[0], body[1]])
        }
        _ => Ok(()),
    }
}
