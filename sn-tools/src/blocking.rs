//! A client for programs that do one thing after the other, and tell people how it goes.

use crate::args::LinkArgs;
use crate::console::tell;
use crate::link::ShownLink;
use anyhow::{Context, Result, bail};
use sn_client::Client;
use sn_client_net::{Cause, Driver, Event, Qos, Received, RequestError, ReturnCode, State, Topic, block_on};
use std::fmt;
use std::io::ErrorKind;
use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroU16;
use std::time::Duration;

/// What fits into a UDP datagram over IPv4, in octets: the length of the buffer for [`BlockingClient::open`].
pub const MAX_DATAGRAM: usize = 65_507;

/// A datagram's worth of topic and payload, beside a PUBLISH's other fields.
const BODY: usize = MAX_DATAGRAM - 9;
/// The names of some hundred topics.
const TOPICS: usize = 65_536;

/// With the one gateway that was named.
type LargeDriver<'a> = Driver<'a, ShownLink<'a>, BODY, TOPICS, 1>;
type LargeClient<'a> = Client<'a, BODY, TOPICS>;

/// How often a step ends with nothing to do, so that the caller can look at what else has happened.
const LONGEST_STEP: Duration = Duration::from_millis(500);

/// Some gateways answer what they do not like with DISCONNECT.
const MAX_LOSSES_PER_PUBLISH: u32 = 3;

/// The gateway rejected a request.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Rejected(pub ReturnCode);

/// What to do with an arriving message.
pub type OnMessage<'f> = &'f mut dyn FnMut(Received<'_>);

/// A connection to one gateway over UDP.
pub struct BlockingClient<'a> {
    driver: Box<LargeDriver<'a>>,
    gateway: SocketAddr,
    args: &'a LinkArgs,
    progress: Progress,
}

/// What has become of things.
#[derive(Default)]
struct Progress {
    connections: u32,
    /// While publishing: how often the gateway has ended the connection.
    losses_of_publish: Option<u32>,
    refused_at_qos_0: Option<ReturnCode>,
    /// Something was published at QoS 0 or -1 after the gateway was heard last.
    is_unproven: bool,
    /// Something of that may not have arrived.
    may_have_lost: bool,
    /// It is disconnecting.
    is_leaving: bool,
    /// There is nobody to answer to that.
    is_alone: bool,
}

impl<'a> BlockingClient<'a> {
    /// A client that is not connected yet. `buffer` is for one datagram.
    ///
    /// # Errors
    /// The gateway's name is unknown, or there is no socket to be had.
    pub fn open(args: &'a LinkArgs, buffer: &'a mut [u8]) -> Result<Self> {
        let named = resolve(&args.host, args.port)?;
        let open = || ShownLink::open(named, args).and_then(|link| Ok((link.gateway()?, link)));
        let (gateway, link) = open().with_context(|| format!("cannot open a socket to {named}"))?;
        let mut driver = Box::new(Driver::new(args.config(), None, link, buffer));
        driver.client_mut().add_gateway(gateway);
        Ok(Self { driver, gateway, args, progress: Progress::default() })
    }

    /// Begins to connect, resuming an earlier session if the options say so; done in [`State::Active`]. A step fails when
    /// the gateway refuses or does not answer.
    pub fn connect(&mut self) {
        self.driver.client_mut().connect(!self.args.disable_clean_session);
    }

    /// Publishes and waits until that is done; at QoS -1 without a connection. What nobody acknowledges may be lost:
    /// [`BlockingClient::may_have_lost`] tells some time later.
    ///
    /// # Errors
    /// The gateway rejects the message, does not answer, or ends the connection every time.
    pub fn publish(&mut self, topic: Topic<'_>, payload: &[u8], qos: Qos, retain: bool) -> Result<()> {
        self.progress.losses_of_publish = Some(0);
        while qos != Qos::MinusOne && self.state() == State::Connecting {
            self.step(None, &mut |_| {})?;
        }
        match self.client().publish(topic, payload, qos, retain) {
            Err(RequestError::TooLong) => bail!("{} bytes do not fit into a UDP datagram", payload.len()),
            done => done?,
        }
        self.flush()?;
        while self.is_busy() {
            self.step(None, &mut |_| {})?;
        }
        self.progress.losses_of_publish = None;
        if matches!(qos, Qos::One | Qos::Two) {
            return Ok(());
        }
        self.progress.is_unproven = true;
        // Who publishes without a pause listens, too.
        self.step(Some(std::time::Instant::now()), &mut |_| {})
    }

    /// Begins to subscribe; done when [`BlockingClient::is_busy`] says no.
    ///
    /// # Errors
    /// The topic is impossible, or the client is not connected and idle.
    pub fn subscribe(&mut self, topic: Topic<'_>, qos: Qos) -> Result<()> {
        Ok(self.client().subscribe(topic, qos)?)
    }

    /// Begins to go to sleep; done in [`State::Asleep`].
    ///
    /// # Errors
    /// The client is not connected and idle.
    pub fn sleep(&mut self, duration_s: NonZeroU16) -> Result<()> {
        Ok(self.client().sleep(duration_s)?)
    }

    /// Begins to collect messages; done in [`State::Asleep`] again.
    ///
    /// # Errors
    /// The client is not asleep.
    pub fn wake(&mut self) -> Result<()> {
        Ok(self.client().wake()?)
    }

    /// Disconnects, having let the last QoS 2 message be completed; waits no longer than one repetition takes, and for
    /// nobody who has gone.
    ///
    /// # Errors
    /// The socket fails.
    pub fn disconnect(&mut self) -> Result<()> {
        self.progress.is_leaving = true;
        let deadline = std::time::Instant::now() + Duration::from_millis(u64::from(self.args.t_retry_ms) * 2);
        self.step_while(deadline, |client| client.state() != State::Disconnected && client.awaits_release())?;
        self.client().disconnect();
        self.step_while(deadline, |client| client.state() != State::Disconnected)?;
        self.progress.may_have_lost |= self.progress.is_unproven && self.progress.connections > 0;
        Ok(())
    }

    fn step_while(&mut self, deadline: std::time::Instant, wanted: impl Fn(&LargeClient<'a>) -> bool) -> Result<()> {
        while wanted(self.client()) && !self.progress.is_alone && std::time::Instant::now() < deadline {
            self.step(Some(deadline), &mut |_| {})?;
        }
        Ok(())
    }

    /// Waits for one datagram, at most until the deadline or half a second, and acts on it and on the time.
    ///
    /// # Errors
    /// A request is rejected, or the connection cannot be had or kept.
    pub fn step(&mut self, deadline: Option<std::time::Instant>, on_message: OnMessage<'_>) -> Result<()> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(std::time::Instant::now()));
        let until = self.driver.now() + left.map_or(LONGEST_STEP, |left| left.min(LONGEST_STEP));
        let Self { driver, gateway, args, progress } = self;
        let mut noted = Ok(());
        let mut note = |event: Event<'_>| {
            if noted.is_ok() {
                noted = progress.note(event, *gateway, args, on_message);
            }
        };
        block_on(driver.step(until, &mut note)).with_context(|| format!("no way to {gateway}"))?;
        self.progress.is_unproven &= !self.driver.link_mut().heard();
        noted?;
        self.driver.link_mut().lost().map_or(Ok(()), |why| self.on_datagram_lost(why))
    }

    /// Whether a request is in progress.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.driver.client().client().is_busy()
    }

    /// Where the connection stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.driver.client().client().state()
    }

    /// How many times a gateway has accepted the connection: more than before means that subscriptions may be gone.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.progress.connections
    }

    /// Why the gateway refused a message at QoS 0, if it told so.
    #[must_use]
    pub fn refused_at_qos_0(&self) -> Option<ReturnCode> {
        self.progress.refused_at_qos_0
    }

    /// Whether messages at QoS 0 or -1 may not have arrived, because the gateway was away.
    #[must_use]
    pub fn may_have_lost(&self) -> bool {
        self.progress.may_have_lost
    }

    fn client(&mut self) -> &mut LargeClient<'a> {
        self.driver.client_mut().client_mut()
    }

    fn flush(&mut self) -> Result<()> {
        block_on(self.driver.flush()).with_context(|| format!("no way to {}", self.gateway))
    }

    /// That there is no way is final at the start, but later the gateway may be restarting. What is acknowledged is
    /// repeated until then; with QoS 0 only another connection shows when it is back.
    fn on_datagram_lost(&mut self, why: ErrorKind) -> Result<()> {
        let words = match why {
            ErrorKind::ConnectionRefused => format!("nothing listens on {}", self.gateway),
            _ => format!("no way to {}: {why}", self.gateway),
        };
        if self.progress.connections == 0 && !self.progress.is_leaving {
            bail!("{words}: is the gateway running?");
        }
        if self.progress.is_leaving {
            self.progress.is_alone = true;
        } else if self.state() == State::Active && self.progress.is_unproven {
            self.progress.may_have_lost = true;
            notice(self.args, format_args!("Lost the connection: {words}. Connecting again."));
            self.driver.client_mut().connect(false);
        }
        Ok(())
    }
}

impl Progress {
    fn note(
        &mut self,
        event: Event<'_>,
        gateway: SocketAddr,
        args: &LinkArgs,
        on_message: OnMessage<'_>,
    ) -> Result<()> {
        match event {
            Event::Message(message) => on_message(message),
            Event::Connected => self.connections += 1,
            Event::Refused(ReturnCode::Congestion) | Event::Congested => {
                let t_wait_s = args.t_wait_ms / 1_000;
                notice(args, format_args!("The gateway is congested: trying again in {t_wait_s} s."));
            }
            Event::Refused(code) => bail!("the gateway refused the connection: {code}"),
            Event::Rejected(code) => return Err(Rejected(code).into()),
            Event::Qos0Rejected(code) => self.refused_at_qos_0 = Some(code),
            Event::Lost(cause) => {
                self.may_have_lost |= self.is_unproven;
                if !self.is_leaving {
                    self.on_loss(cause, gateway, args)?;
                    let why = in_words(cause);
                    notice(args, format_args!("Lost the connection to {gateway} ({why}): connecting again."));
                }
            }
            Event::Asleep { drained: false } => {
                notice(args, format_args!("No answer from {gateway} on waking up: asleep again."));
            }
            Event::Asleep { drained: true }
            | Event::Disconnected
            | Event::Published
            | Event::Subscribed { .. }
            | Event::Unsubscribed
            | Event::WillUpdated
            | Event::GatewayFound { .. } => {}
        }
        Ok(())
    }

    /// A connection that stood is worth another try, but a message is not tried for ever.
    fn on_loss(&mut self, cause: Cause, gateway: SocketAddr, args: &LinkArgs) -> Result<()> {
        let is_first = self.connections == 0;
        match (cause, &mut self.losses_of_publish) {
            (Cause::NoAnswer, publishing) if is_first || publishing.is_some() => {
                bail!("no answer from {gateway} after {} tries: is the gateway running?", u16::from(args.n_retry) + 1)
            }
            (Cause::ByGateway, _) if is_first => bail!("{gateway} broke off the connection set-up"),
            (Cause::ByGateway, Some(losses)) if *losses == MAX_LOSSES_PER_PUBLISH => {
                bail!("{gateway} ends the connection again and again")
            }
            (Cause::ByGateway, Some(losses)) => *losses += 1,
            (Cause::NoAnswer | Cause::ByGateway, _) => {}
        }
        Ok(())
    }
}

fn notice(args: &LinkArgs, text: fmt::Arguments<'_>) {
    if !args.quiet {
        tell(text);
    }
}

fn in_words(cause: Cause) -> &'static str {
    match cause {
        Cause::NoAnswer => "it does not answer",
        Cause::ByGateway => "it said so",
    }
}

fn resolve(host: &str, port: u16) -> Result<SocketAddr> {
    let addresses = (host, port).to_socket_addrs().with_context(|| format!("cannot find the host {host:?}"))?;
    // The gateway listens on IPv4 unless told otherwise, and UDP does not tell which of a name's addresses answers.
    let (v4, v6): (Vec<_>, Vec<_>) = addresses.partition(SocketAddr::is_ipv4);
    v4.into_iter().chain(v6).next().with_context(|| format!("the host {host:?} has no address"))
}
