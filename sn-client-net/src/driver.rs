//! The loop around the state machine, one turn at a time.

use crate::DatagramLink;
use sn_client::{Config, Event, Instant, RoamingClient};

/// A client, its link and a buffer. [`crate::AsyncClient`] is easier to use; this shows every event.
///
/// `BODY`, `TOPICS`, `RECEIVED`: see [`sn_client::Client`]. `GATEWAYS`: how many are kept in mind.
pub struct Driver<
    'a,
    L: DatagramLink,
    const BODY: usize = 192,
    const TOPICS: usize = 256,
    const GATEWAYS: usize = 4,
    const RECEIVED: usize = 8,
> {
    client: RoamingClient<'a, L::Address, BODY, TOPICS, GATEWAYS, RECEIVED>,
    link: L,
    buffer: &'a mut [u8],
}

impl<'a, L: DatagramLink, const BODY: usize, const TOPICS: usize, const GATEWAYS: usize, const RECEIVED: usize>
    Driver<'a, L, BODY, TOPICS, GATEWAYS, RECEIVED>
{
    /// A client that is disconnected and knows no gateway. With a `radius` it searches for gateways within so many hops,
    /// 0 being everywhere. `buffer` is for one datagram, in or out, and has to hold the longest: see [`sn_client::Client`].
    #[must_use]
    pub const fn new(config: Config<'a>, radius: Option<u8>, link: L, buffer: &'a mut [u8]) -> Self {
        Self { client: RoamingClient::new(config, radius), link, buffer }
    }

    /// The state machine, to see how things are.
    #[must_use]
    pub const fn client(&self) -> &RoamingClient<'a, L::Address, BODY, TOPICS, GATEWAYS, RECEIVED> {
        &self.client
    }

    /// The state machine, for requests. They proceed in [`Driver::step`].
    pub const fn client_mut(&mut self) -> &mut RoamingClient<'a, L::Address, BODY, TOPICS, GATEWAYS, RECEIVED> {
        &mut self.client
    }

    /// The link.
    pub const fn link_mut(&mut self) -> &mut L {
        &mut self.link
    }

    /// The link's time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.link.now()
    }

    /// Sends what there is to send, then waits for one datagram, or until `until` or something else is due, and tells
    /// what comes of it. To be called again and again.
    ///
    /// # Errors
    /// The link does not work.
    pub async fn step(&mut self, until: Instant, on_event: &mut dyn FnMut(Event<'_>)) -> Result<(), L::Error> {
        self.flush().await?;
        let due = self.client.poll_timeout().unwrap_or(Instant::FAR_FUTURE).min(until);
        let received = self.link.receive(self.buffer, due).await?;
        let now = self.link.now();
        if let Some((len, from)) = received {
            let datagram = self.buffer.get(..len).unwrap_or_default();
            if let Some(event) = self.client.handle_input(now, from, datagram) {
                on_event(event);
            }
        }
        if let Some(event) = self.client.handle_timeout(now) {
            on_event(event);
        }
        self.flush().await
    }

    /// Lets the time pass with the radio off.
    pub async fn sleep(&mut self, until: Instant) {
        self.link.sleep(until).await;
    }

    /// Sends what there is to send, as [`Driver::step`] does, and waits for nothing.
    ///
    /// # Errors
    /// The link does not work.
    pub async fn flush(&mut self) -> Result<(), L::Error> {
        let now = self.link.now();
        while let Some(transmit) = self.client.poll_output(now, self.buffer) {
            self.link.send(transmit.to, transmit.datagram).await?;
        }
        Ok(())
    }
}
