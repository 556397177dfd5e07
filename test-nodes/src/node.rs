//! A node with this project's client library, on any link.

use sn_client::{Client, Config, Event, Qos, ReturnCode, State, Topic};
use sn_types::Instant;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroU16;
use std::time::Duration;

/// How long a datagram is waited for in one step.
const STEP: Duration = Duration::from_millis(2);

/// What carries datagrams between a node and the gateway.
pub trait Link {
    /// Sends one; it may get lost.
    fn send(&mut self, datagram: &[u8]);

    /// Waits a moment for one.
    fn receive(&mut self) -> Option<Vec<u8>>;
}

/// The node.
pub struct Node<L> {
    /// What carries its datagrams.
    pub link: L,
    client: Client<'static, 256, 512>,
    began: std::time::Instant,
    /// What it has been told.
    pub told: Told,
}

/// What a node has been told.
#[derive(Default)]
pub struct Told {
    /// Payloads of the messages that came, in their order.
    pub heard: Vec<String>,
    /// Connections that were lost.
    pub losses: usize,
    /// What its CONNECT was refused with.
    pub refused: Option<ReturnCode>,
}

impl Told {
    fn take(&mut self, event: Option<Event<'_>>) {
        match event {
            Some(Event::Message(message)) => self.heard.push(String::from_utf8_lossy(message.payload).into_owned()),
            Some(Event::Lost(_)) => self.losses += 1,
            Some(Event::Refused(code)) => self.refused = Some(code),
            Some(Event::Rejected(code)) => panic!("a request was rejected: {code:?}"),
            // Whether a request is over is asked of the client.
            Some(_) | None => {}
        }
    }
}

impl<L: Link> Node<L> {
    /// A node that begins to connect, going on with an earlier session. It sends again what is not answered within a
    /// quarter of a second, for a minute, and does not connect again by itself.
    #[must_use]
    pub fn connect(client_id: &'static str, link: L) -> Self {
        Self::repeating(client_id, link, 250)
    }

    /// The same on a link that loses nothing: it sends again only after 3 s. Nothing that it asks for is then answered twice on a
    /// machine that stands still for a moment. A late answer to its good night would be taken for the end of the connection.
    #[must_use]
    pub fn connect_patiently(client_id: &'static str, link: L) -> Self {
        Self::repeating(client_id, link, 3_000)
    }

    fn repeating(client_id: &'static str, link: L, t_retry_ms: u32) -> Self {
        let config = Config { t_retry_ms, n_retry: 240, ..Config::new(client_id) };
        let mut client = Client::new(config);
        client.connect(false);
        Self { link, client, began: std::time::Instant::now(), told: Told::default() }
    }

    /// Whether it sleeps.
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        self.client.state() == State::Asleep
    }

    /// Whether it is connected, and nothing waits to be acknowledged.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.client.state() == State::Active && !self.client.is_busy()
    }

    /// Begins to subscribe at QoS 2.
    ///
    /// # Panics
    /// If it is not idle.
    pub fn subscribe(&mut self, filter: &str) {
        self.client.subscribe(Topic::Name(filter), Qos::Two).expect("it is idle");
    }

    /// Begins to publish.
    ///
    /// # Panics
    /// If it is not idle.
    pub fn publish(&mut self, topic: &str, payload: &str, qos: Qos) {
        self.client.publish(Topic::Name(topic), payload.as_bytes(), qos, false).expect("it is idle");
    }

    /// Begins to fall asleep.
    ///
    /// # Panics
    /// If it is not idle.
    pub fn sleep(&mut self) {
        self.client.sleep(NonZeroU16::MAX).expect("it is idle");
    }

    /// Wakes to fetch what waits, and will sleep again.
    ///
    /// # Panics
    /// If it does not sleep.
    pub fn wake(&mut self) {
        self.client.wake().expect("it sleeps");
    }

    /// Lives for a moment.
    ///
    /// # Panics
    /// If the gateway has rejected what it asked for.
    pub fn step(&mut self) {
        let now = self.now();
        if self.client.poll_timeout().is_some_and(|due| due <= now) {
            self.told.take(self.client.handle_timeout(now));
        }
        let mut buffer = [0; 512];
        while let Some(transmit) = self.client.poll_output(now, &mut buffer) {
            self.link.send(transmit.datagram);
        }
        if let Some(datagram) = self.link.receive() {
            let now = self.now();
            self.told.take(self.client.handle_input(now, &datagram));
        }
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.began.elapsed()
    }
}

/// A UDP socket.
impl Link for UdpSocket {
    fn send(&mut self, datagram: &[u8]) {
        Self::send(self, datagram).expect("send");
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        let mut buffer = [0; 2_048];
        match self.recv(&mut buffer) {
            Ok(len) => Some(buffer[..len].to_vec()),
            // The last one when the process had to stand still.
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => None,
                _ => panic!("{error}"),
            },
        }
    }
}

/// A socket for a node that speaks to this gateway.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn udp(gateway: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(SocketAddr::new(gateway.ip(), 0)).expect("a socket");
    socket.connect(gateway).expect("connect");
    socket.set_read_timeout(Some(STEP)).expect("a timeout");
    socket
}
