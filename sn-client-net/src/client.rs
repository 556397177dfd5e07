//! Requests that wait for their answers.

use crate::{DatagramLink, Driver};
use core::fmt;
use core::num::NonZeroU16;
use core::time::Duration;
use sn_client::{Config, Event, Instant, Qos, Received, RequestError, ReturnCode, State, Topic};

/// Why a request came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error<E> {
    /// The link does not work.
    Link(E),
    /// The request is impossible, or not possible now.
    Request(RequestError),
    /// The gateway says no.
    Rejected(ReturnCode),
    /// It took longer than [`AsyncClient::patience`]. It is given up, but may have been carried out.
    TimedOut,
}

impl<E: fmt::Debug> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(error) => write!(f, "the link does not work: {error:?}"),
            Self::Request(error) => error.fmt(f),
            Self::Rejected(code) => write!(f, "the gateway says no: {code}"),
            Self::TimedOut => f.write_str("no answer"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for Error<E> {}

impl<E> From<RequestError> for Error<E> {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

/// A node's client: requests that wait for their answers, and a function for messages.
///
/// Calls are in the order of a node's life: [`AsyncClient::add_gateway`], [`AsyncClient::connect`], requests; then either
/// [`AsyncClient::listen`] or, again and again, [`AsyncClient::sleep`], [`AsyncClient::pause`] and
/// [`AsyncClient::collect`]. After [`AsyncClient::has_moved`] the subscriptions are to be made again.
///
/// A call that is dropped before it is done leaves its request in progress: the next call then ends with
/// [`RequestError::Busy`], until [`AsyncClient::give_up`].
pub struct AsyncClient<
    'a,
    L: DatagramLink,
    H,
    const BODY: usize = 192,
    const TOPICS: usize = 256,
    const GATEWAYS: usize = 4,
    const RECEIVED: usize = 8,
> {
    driver: Driver<'a, L, BODY, TOPICS, GATEWAYS, RECEIVED>,
    on_message: H,
    patience: Option<Duration>,
    news: News,
}

/// What events have told since the request was made.
#[derive(Clone, Copy, Default)]
struct News {
    /// Of the request in progress.
    rejected: Option<ReturnCode>,
    granted: Option<Qos>,
    /// Of the connection.
    refused: Option<ReturnCode>,
    refusals: usize,
    /// The connection was lost, since the application asked last.
    was_lost: bool,
}

impl News {
    fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Rejected(code) => self.rejected = Some(*code),
            Event::Subscribed { granted } => self.granted = Some(*granted),
            Event::Refused(code) => {
                self.refused = Some(*code);
                self.refusals += 1;
            }
            Event::Lost(_) | Event::Asleep { drained: false } => self.was_lost = true,
            Event::Connected
            | Event::Disconnected
            | Event::Asleep { drained: true }
            | Event::Published
            | Event::Unsubscribed
            | Event::WillUpdated
            | Event::Qos0Rejected(_)
            | Event::Congested
            | Event::Message(_)
            | Event::GatewayFound { .. } => {}
        }
    }
}

impl<'a, L, H, const BODY: usize, const TOPICS: usize, const GATEWAYS: usize, const RECEIVED: usize>
    AsyncClient<'a, L, H, BODY, TOPICS, GATEWAYS, RECEIVED>
where
    L: DatagramLink,
    H: FnMut(Received<'_>),
{
    /// A client that is disconnected. `buffer` is for one datagram. See [`Driver::new`]; without gateways of its own it
    /// searches for them within one hop, if the link can reach everybody.
    #[must_use]
    pub fn new(config: Config<'a>, link: L, buffer: &'a mut [u8], on_message: H) -> Self {
        let driver = Driver::new(config, Some(1), link, buffer);
        Self { driver, on_message, patience: None, news: News::default() }
    }

    /// How long a call may take before it ends with [`Error::TimedOut`]; `None`, as at first: for ever. A battery node
    /// sets a limit, and sleeps before it tries again.
    pub const fn patience(&mut self, longest: Option<Duration>) {
        self.patience = longest;
    }

    /// Names a gateway; the first one is preferred. False: there are `GATEWAYS` already.
    pub fn add_gateway(&mut self, address: L::Address) -> bool {
        self.driver.client_mut().add_gateway(address)
    }

    /// Connects, with a new session or going on with the old one. See [`sn_client::Client::connect`].
    ///
    /// # Errors
    /// All gateways that there are refuse, nobody answers in time, or the link does not work.
    pub async fn connect(&mut self, clean_session: bool) -> Result<(), Error<L::Error>> {
        self.news = News::default();
        self.driver.client_mut().connect(clean_session);
        let gateways = self.driver.client().gateways().count();
        self.until(|client, news| client.state() == State::Active || news.refusals >= gateways.max(1)).await?;
        match self.news.refused.take() {
            Some(code) if self.state() != State::Active => Err(Error::Rejected(code)),
            _ => Ok(()),
        }
    }

    /// Publishes, and waits for the acknowledgement at QoS 1 and 2.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn publish(
        &mut self,
        topic: Topic<'_>,
        payload: &[u8],
        qos: Qos,
        retain: bool,
    ) -> Result<(), Error<L::Error>> {
        self.driver.client_mut().client_mut().publish(topic, payload, qos, retain)?;
        self.answer().await
    }

    /// Subscribes; the QoS that is granted.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn subscribe(&mut self, topic: Topic<'_>, qos: Qos) -> Result<Qos, Error<L::Error>> {
        self.driver.client_mut().client_mut().subscribe(topic, qos)?;
        self.answer().await?;
        Ok(self.news.granted.take().unwrap_or(qos))
    }

    /// Takes a subscription back.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn unsubscribe(&mut self, topic: Topic<'_>) -> Result<(), Error<L::Error>> {
        self.driver.client_mut().client_mut().unsubscribe(topic)?;
        self.answer().await
    }

    /// Receives messages and keeps the connection alive until then.
    ///
    /// # Errors
    /// The link does not work.
    pub async fn listen(&mut self, until: Instant) -> Result<(), Error<L::Error>> {
        while self.driver.now() < until {
            self.step(until).await?;
        }
        Ok(())
    }

    /// Tells the gateway to keep messages, and to expect a sign of life within `duration_s` seconds.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn sleep(&mut self, duration_s: NonZeroU16) -> Result<(), Error<L::Error>> {
        self.driver.client_mut().client_mut().sleep(duration_s)?;
        self.answer().await
    }

    /// Lets the time pass with the link switched off. Only while asleep, or the gateway takes the node for lost.
    pub async fn pause(&mut self, duration: Duration) {
        let until = self.driver.now() + duration;
        self.driver.sleep(until).await;
    }

    /// While asleep: fetches what the gateway has kept, and is asleep again. Whether the gateway answered; if not, the
    /// client may be connected, elsewhere: [`AsyncClient::state`] says so.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn collect(&mut self) -> Result<bool, Error<L::Error>> {
        self.news.was_lost = false;
        self.driver.client_mut().client_mut().wake()?;
        self.until(|client, _| matches!(client.state(), State::Asleep | State::Active | State::Disconnected)).await?;
        Ok(!self.news.was_lost)
    }

    /// Ends the connection. A gateway that does not answer keeps nobody from leaving.
    ///
    /// # Errors
    /// The link does not work.
    pub async fn disconnect(&mut self) -> Result<(), Error<L::Error>> {
        self.driver.client_mut().client_mut().disconnect();
        match self.until(|client, _| client.state() == State::Disconnected).await {
            Err(Error::TimedOut) => Ok(()),
            done => done,
        }
    }

    /// Gives up the request in progress.
    pub fn give_up(&mut self) {
        self.driver.client_mut().client_mut().cancel();
    }

    /// Whether the connection was lost since this was asked last: who is connected again subscribes again, because
    /// another gateway, or one that has restarted, does not know the subscriptions.
    pub fn has_moved(&mut self) -> bool {
        core::mem::take(&mut self.news.was_lost)
    }

    /// Where the connection stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.driver.client().client().state()
    }

    /// The loop below, with every event and the session's record: see [`sn_client::RoamingClient::save`].
    pub const fn driver(&mut self) -> &mut Driver<'a, L, BODY, TOPICS, GATEWAYS, RECEIVED> {
        &mut self.driver
    }

    /// Waits until the request in progress is over.
    async fn answer(&mut self) -> Result<(), Error<L::Error>> {
        (self.news.rejected, self.news.granted) = (None, None);
        self.until(|client, _| !client.is_busy()).await?;
        self.news.rejected.take().map_or(Ok(()), |code| Err(Error::Rejected(code)))
    }

    async fn until(
        &mut self,
        is_done: impl Fn(&sn_client::Client<'a, BODY, TOPICS, RECEIVED>, &News) -> bool,
    ) -> Result<(), Error<L::Error>> {
        let give_up_at = self.patience.map_or(Instant::FAR_FUTURE, |patience| self.driver.now() + patience);
        // What needs no answer is over before anything arrives.
        self.driver.flush().await.map_err(Error::Link)?;
        while !is_done(self.driver.client().client(), &self.news) {
            if self.driver.now() >= give_up_at {
                self.give_up();
                return Err(Error::TimedOut);
            }
            self.step(give_up_at).await?;
        }
        Ok(())
    }

    async fn step(&mut self, until: Instant) -> Result<(), Error<L::Error>> {
        let Self { driver, on_message, news, .. } = self;
        let mut note = |event: Event<'_>| {
            news.note(&event);
            if let Event::Message(message) = event {
                on_message(message);
            }
        };
        driver.step(until, &mut note).await.map_err(Error::Link)
    }
}
