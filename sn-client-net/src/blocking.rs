//! The same for programs without an executor.

use crate::{AsyncClient, Config, Error, Qos, Received, State, Topic, UdpLink};
use sn_client::Instant;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// What fits into a UDP datagram over IPv4, in octets.
const MAX_DATAGRAM: usize = 65_507;
/// A datagram's worth of topic and payload.
const BODY: usize = MAX_DATAGRAM - 9;
/// The names of some hundred topics.
const TOPICS: usize = 65_536;

type Inner<'a, H> = AsyncClient<'a, UdpLink, H, BODY, TOPICS, 8>;

/// A client over UDP whose calls block. Each does what the call of [`AsyncClient`] with its name does.
pub struct BlockingClient<'a, H> {
    client: Box<Inner<'a, H>>,
}

/// The result of a blocking call.
type Result<T> = std::result::Result<T, Error<io::Error>>;

impl<'a, H: FnMut(Received<'_>)> BlockingClient<'a, H> {
    /// A client that is disconnected; `on_message` is called for each message, during the other calls. A longer datagram
    /// than `buffer` is neither sent nor received. A request may take for ever, unless [`BlockingClient::patience`] says
    /// otherwise.
    #[must_use]
    pub fn open(config: Config<'a>, link: UdpLink, buffer: &'a mut [u8], on_message: H) -> Self {
        Self { client: Box::new(Inner::new(config, link, buffer, on_message)) }
    }

    /// How long a call may take.
    pub fn patience(&mut self, longest: Option<Duration>) {
        self.client.patience(longest);
    }

    /// Names a gateway; the first one is preferred. False: there are eight already.
    pub fn add_gateway(&mut self, address: SocketAddr) -> bool {
        self.client.add_gateway(address)
    }

    /// Connects.
    ///
    /// # Errors
    /// See [`AsyncClient::connect`].
    pub fn connect(&mut self, clean_session: bool) -> Result<()> {
        block_on(self.client.connect(clean_session))
    }

    /// Publishes.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn publish(&mut self, topic: Topic<'_>, payload: &[u8], qos: Qos, retain: bool) -> Result<()> {
        block_on(self.client.publish(topic, payload, qos, retain))
    }

    /// Subscribes; the QoS that is granted.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn subscribe(&mut self, topic: Topic<'_>, qos: Qos) -> Result<Qos> {
        block_on(self.client.subscribe(topic, qos))
    }

    /// Takes a subscription back.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn unsubscribe(&mut self, topic: Topic<'_>) -> Result<()> {
        block_on(self.client.unsubscribe(topic))
    }

    /// Receives messages for so long.
    ///
    /// # Errors
    /// The socket does not work.
    pub fn listen(&mut self, duration: Duration) -> Result<()> {
        let until = self.now() + duration;
        block_on(self.client.listen(until))
    }

    /// Goes to sleep.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn sleep(&mut self, duration_s: NonZeroU16) -> Result<()> {
        block_on(self.client.sleep(duration_s))
    }

    /// Lets the time pass, while asleep.
    pub fn pause(&mut self, duration: Duration) {
        block_on(self.client.pause(duration));
    }

    /// While asleep: fetches what the gateway has kept. Whether it answered.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn collect(&mut self) -> Result<bool> {
        block_on(self.client.collect())
    }

    /// Ends the connection.
    ///
    /// # Errors
    /// The socket does not work.
    pub fn disconnect(&mut self) -> Result<()> {
        block_on(self.client.disconnect())
    }

    /// Whether the connection was lost since this was asked last: then subscriptions are to be made again.
    pub fn has_moved(&mut self) -> bool {
        self.client.has_moved()
    }

    /// Where the connection stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.client.state()
    }

    fn now(&mut self) -> Instant {
        self.client.driver().now()
    }
}

/// Runs a future whose links block: over [`UdpLink`] every future is done when it returns.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        // Some other link's future; this is not made for it, but it works.
        std::thread::yield_now();
    }
}
