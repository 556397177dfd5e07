//! A client that knows several gateways, finds others, and goes on at another when one is lost (1.2 §6.1, §6.12).

use crate::client::later;
use crate::gateways::{Address, Gateways, Known};
use crate::{Cause, Client, Config, Destination, Event, ReturnCode, State};
use sn_types::Instant;

/// A gateway that ends the connection so often in a row does not want the client.
const MOST_DISCONNECTS: u8 = 3;

/// A node's connection to one of up to `GATEWAYS` gateways, at addresses of the kind `A`.
///
/// # Which gateway
/// Configured gateways come first, in the order of [`RoamingClient::add_gateway`]; then those that were heard, the
/// longest known first. The client stays where it is until that gateway is lost: it does not answer, it ends the
/// connection three times in a row, it refuses it, or it does not answer at a wake. Then the next one is tried at once. When all have
/// failed, there is a pause, which doubles from T_retry up to
/// [`Config::longest_pause_ms`], with up to a quarter at random, and they are tried again. With a search radius the client
/// looks for gateways meanwhile. One that it finds is tried after a random delay of up to T_SEARCHGW, as all nodes
/// hear it at the same time.
///
/// # What an application does about it
/// It subscribes again whenever [`Event::Connected`] comes after [`Event::Lost`]. All else goes on by itself:
/// [`Client::continue_elsewhere`] says how. The client reconnects whatever [`Config::auto_reconnect`] says.
///
/// # Order of calls
/// As for [`Client`], except that datagrams come with their sender, and go to an address. Requests are made to
/// [`RoamingClient::client_mut`], but for [`RoamingClient::connect`].
pub struct RoamingClient<
    'a,
    A,
    const BODY: usize,
    const TOPICS: usize,
    const GATEWAYS: usize,
    const RECEIVED: usize = 8,
> {
    client: Client<'a, BODY, TOPICS, RECEIVED>,
    gateways: Gateways<A, GATEWAYS>,
    /// Where the client is or tries to be.
    place: usize,
    /// How far a search goes; `None`: there is none.
    radius: Option<u8>,
    /// What has happened and is not acted upon yet.
    pending: Option<Pending>,
    /// This place is another gateway's since a moment ago.
    renamed_place: Option<usize>,
    /// Rounds through all gateways without success.
    rounds: u8,
    /// The message in progress was taken by a gateway that is lost.
    is_published: bool,
}

/// What [`RoamingClient`] has to act upon.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pending {
    /// The gateway does not answer.
    Silent,
    /// It does not answer a client that sleeps.
    SilentAtWake,
    /// It has ended the connection.
    Ended,
    /// It has refused the connection for good, or (true) for now.
    Refused(bool),
    /// It has accepted the connection.
    Connected,
    /// A gateway was heard, or is wanted.
    Choose,
}

/// A datagram to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoamingTransmit<'b, A> {
    /// One whole message.
    pub datagram: &'b [u8],
    /// To whom.
    pub to: Recipient<A>,
}

/// Whom a datagram is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient<A> {
    /// A gateway.
    Gateway(A),
    /// All within this many hops; 0: the whole network (1.2 §5.3).
    Everyone {
        /// Hops.
        radius: u8,
    },
}

impl<'a, A: Address, const BODY: usize, const TOPICS: usize, const GATEWAYS: usize, const RECEIVED: usize>
    RoamingClient<'a, A, BODY, TOPICS, GATEWAYS, RECEIVED>
{
    /// A client that is disconnected and knows no gateway. It searches for them within `radius` hops, 0 being
    /// everywhere; with `None` it only uses those that it is told or overhears.
    #[must_use]
    pub const fn new(config: Config<'a>, radius: Option<u8>) -> Self {
        const { assert!(GATEWAYS > 0 && GATEWAYS <= 255, "a place is one octet") };
        Self {
            client: Client::new(Config { auto_reconnect: true, ..config }),
            gateways: Gateways::EMPTY,
            place: 0,
            radius,
            pending: None,
            renamed_place: None,
            rounds: 0,
            is_published: false,
        }
    }

    /// Names a gateway that is there whether it is heard or not. False: there is no room for it.
    pub fn add_gateway(&mut self, address: A) -> bool {
        self.gateways.configure(address)
    }

    /// See [`Client::save`].
    #[must_use]
    pub fn save(&self, record: &mut [u8]) -> Option<usize> {
        self.client.save(record)
    }

    /// See [`Client::restore`]; to be called when the gateways are configured, and as they were then. False, too, if the
    /// client was connected to another gateway than these: where that was is not in the record.
    #[must_use]
    pub fn restore(&mut self, record: &[u8]) -> bool {
        if !self.client.restore(record) {
            return false;
        }
        let configured = self.gateways.iter().count();
        (configured..=255).for_each(|place| self.client.forget_place(place as u8));
        let place = usize::from(self.client.place());
        let is_configured = place < configured;
        if is_configured {
            self.place = place;
            return true;
        }
        self.client.restore(&[])
    }

    /// The gateways that are known, and how well.
    pub fn gateways(&self) -> impl Iterator<Item = &Known<A>> {
        self.gateways.iter()
    }

    /// The gateway that the client is connected to, or tries to be; `None`: none is known.
    #[must_use]
    pub fn gateway(&self) -> Option<&Known<A>> {
        self.gateways.get(self.place)
    }

    /// The dialogue with the gateway.
    #[must_use]
    pub const fn client(&self) -> &Client<'a, BODY, TOPICS, RECEIVED> {
        &self.client
    }

    /// The dialogue with the gateway, for requests.
    pub const fn client_mut(&mut self) -> &mut Client<'a, BODY, TOPICS, RECEIVED> {
        &mut self.client
    }

    /// Connects, or connects again in any state, to the gateway at hand; looks for one if none is known. See
    /// [`Client::connect`].
    pub fn connect(&mut self, clean_session: bool) {
        self.client.connect(clean_session);
        self.pending = self.pending.filter(|pending| *pending == Pending::Connected);
        if self.gateway().is_none() {
            self.pending = Some(Pending::Choose);
        }
    }

    /// Takes a datagram and its sender. What does not come from the gateway counts only if it is about finding one.
    pub fn handle_input<'m>(&'m mut self, now: Instant, from: A, datagram: &'m [u8]) -> Option<Event<'m>> {
        let is_from_gateway = self.gateways.get(self.place).is_some_and(|known| known.address == from);
        if !is_from_gateway && !is_about_finding(datagram) {
            return None;
        }
        self.forget_renamed_place();
        let event = self.client.handle_input(now, datagram);
        if let Some(Event::GatewayFound { gw_id, gw_add, next_advertise_s }) = event {
            let address = if gw_add.is_empty() { Some(from) } else { A::from_gw_add(gw_add) };
            self.renamed_place =
                address.and_then(|address| self.gateways.hear(now, gw_id, address, next_advertise_s, self.place));
        }
        self.pending = next_pending(self.pending, event);
        event
    }

    /// Gives up what was repeated often enough, and does what events have asked for.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Event<'static>> {
        self.proceed(now);
        if core::mem::take(&mut self.is_published) {
            return Some(Event::Published);
        }
        let event = self.client.handle_timeout(now);
        self.pending = next_pending(self.pending, event);
        event
    }

    /// The next datagram to send; call until it returns `None`. See [`Client::poll_output`].
    pub fn poll_output<'b>(&mut self, now: Instant, buffer: &'b mut [u8]) -> Option<RoamingTransmit<'b, A>> {
        self.proceed(now);
        let address = self.gateway().map(|known| known.address);
        let transmit = self.client.poll_output(now, buffer)?;
        let to = match transmit.to {
            Destination::Gateway => Recipient::Gateway(address?),
            Destination::Everyone { radius } => Recipient::Everyone { radius },
        };
        Some(RoamingTransmit { datagram: transmit.datagram, to })
    }

    /// When to call [`RoamingClient::handle_timeout`]; `None`: only requests and datagrams can bring anything new.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.pending.is_some() || self.is_published { Some(Instant::ZERO) } else { self.client.poll_timeout() }
    }

    fn proceed(&mut self, now: Instant) {
        self.forget_renamed_place();
        let Some(pending) = self.pending.take() else { return };
        match pending {
            Pending::Connected => {
                self.rounds = 0;
                self.gateways.forgive();
                self.client.search = None;
            }
            Pending::Choose => self.choose(now),
            Pending::SilentAtWake => self.go_elsewhere(now),
            // It waits for T_WAIT if there is no other.
            Pending::Refused(true) => self.go_elsewhere(now),
            Pending::Refused(false) => self.fail_over(now),
            // The application has ended the connection.
            Pending::Silent | Pending::Ended if self.client.state() == State::Disconnected => {}
            Pending::Silent => self.fail_over(now),
            Pending::Ended if self.client.setbacks >= MOST_DISCONNECTS => self.fail_over(now),
            Pending::Ended => {}
        }
    }

    /// Not at once, since the event that tells of it borrows the client.
    fn forget_renamed_place(&mut self) {
        if let Some(place) = self.renamed_place.take() {
            self.client.forget_place(place as u8);
        }
    }

    /// A gateway may be there while the client waits for one.
    fn choose(&mut self, now: Instant) {
        let is_waiting = self.client.state() == State::Connecting && self.client.flight.is_none();
        if !is_waiting {
            return;
        }
        if let Some(place) = self.gateways.best(now) {
            let delay_ms =
                if self.is_searching() { self.client.jitter.up_to(self.client.config.t_search_gw_ms) } else { 0 };
            let at = later(now, delay_ms.into()).min(self.client.not_before.max(now));
            self.go(place, at);
        } else if self.gateway().is_none() {
            self.wait_for_one(now);
        }
    }

    fn is_searching(&self) -> bool {
        self.client.not_before == Instant::FAR_FUTURE || self.rounds > 0
    }

    /// To the best gateway that has not failed, if there is one.
    fn go_elsewhere(&mut self, now: Instant) {
        self.gateways.fail(self.place);
        match self.gateways.best(now) {
            Some(place) => self.go(place, now),
            None => self.gateways.forgive(),
        }
    }

    /// To the best gateway that has not failed; when all have, to the best one after a pause.
    fn fail_over(&mut self, now: Instant) {
        self.gateways.fail(self.place);
        if let Some(place) = self.gateways.best(now) {
            return self.go(place, now);
        }
        self.gateways.forgive();
        self.rounds = self.rounds.saturating_add(1);
        match self.gateways.best(now) {
            Some(place) => {
                let pause_ms = self.client.pause_ms(self.rounds);
                self.go(place, later(now, pause_ms));
                self.search(now);
            }
            None => self.wait_for_one(now),
        }
    }

    /// There is nothing to do until a gateway is heard.
    fn wait_for_one(&mut self, now: Instant) {
        self.go(GATEWAYS, Instant::FAR_FUTURE);
        self.search(now);
    }

    fn search(&mut self, now: Instant) {
        if let Some(radius) = self.radius.filter(|_| self.client.search.is_none()) {
            self.client.search(now, radius);
        }
    }

    fn go(&mut self, place: usize, at: Instant) {
        self.place = place;
        self.is_published |= self.client.continue_elsewhere(place as u8, at).is_some();
    }
}

/// A gateway that was heard does not push aside what has happened to the connection.
fn next_pending(pending: Option<Pending>, event: Option<Event<'_>>) -> Option<Pending> {
    match (pending, event.and_then(what_to_do)) {
        (Some(pending), None | Some(Pending::Choose)) => Some(pending),
        (_, pending) => pending,
    }
}

/// What an event asks for.
fn what_to_do(event: Event<'_>) -> Option<Pending> {
    match event {
        Event::Connected => Some(Pending::Connected),
        Event::Refused(code) => Some(Pending::Refused(code == ReturnCode::Congestion)),
        Event::Lost(Cause::NoAnswer) => Some(Pending::Silent),
        Event::Lost(Cause::ByGateway) => Some(Pending::Ended),
        Event::Asleep { drained: false } => Some(Pending::SilentAtWake),
        Event::GatewayFound { .. } => Some(Pending::Choose),
        Event::Asleep { drained: true }
        | Event::Disconnected
        | Event::Published
        | Event::Subscribed { .. }
        | Event::Unsubscribed
        | Event::WillUpdated
        | Event::Rejected(_)
        | Event::Qos0Rejected(_)
        | Event::Congested
        | Event::Message(_) => None,
    }
}

/// ADVERTISE, SEARCHGW or GWINFO.
fn is_about_finding(datagram: &[u8]) -> bool {
    matches!(datagram, [1, _, _, 0..=2, ..] | [2..=255, 0..=2, ..])
}
