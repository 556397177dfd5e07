//! The one task that owns the core: takes in what is ready, lets the core decide, carries out what it says.
//!
//! Transports are polled here, MQTT connections send their packets through one bounded channel: when it is full they
//! stop reading. Outputs are batched: one flush per transport and one wake-up per connection and turn.
//!
//! Commits go to the store's own thread. The core has never more than one under way and puts everything that happens
//! meanwhile into the next, so one fsync serves many clients.

mod bridges;
mod capture;
mod ending;
mod nodes;
mod outputs;
mod questions;
mod radio;
mod upstreams;

use crate::admin::{Ask, Reply};
use crate::bridge;
use crate::event_log::EventLog;
use crate::metrics::{Desk, Scrape};
use crate::mqtt::{FromMqtt, Malformed, Octets, Tally, TurnedAway};
use crate::store::{Keeper, Report};
use crate::transparent::Pool;
use crate::way::Way;
use gateway_core::mqtt::ReasonCode;
use gateway_core::{Admission, CloseReason, CommitToken, ConnId, Core, Input, Pacing, StorageState};
use sn_types::{Instant, TransportId};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio::time::{Sleep, sleep_until};
use transports::{LinkEvent, Transport};

/// Batches of packets that wait in the channel, each from one read of one connection.
const CHANNEL: usize = 128;
/// Batches taken from it in one turn.
const BATCHES: usize = 64;
/// Turns without a pause after which the connections' tasks get theirs.
const TURNS: u32 = 8;
/// How long after the begin of a commit the driver goes on looking for what happens, instead of sleeping until it is woken. A good
/// disk has synced by then, and to be woken takes about as long, above all on a virtual machine. Others get the processor
/// meanwhile, and with a slow disk it is no more than this of each commit.
const VIGIL: Duration = Duration::from_micros(500);
/// How long what needs no promise is still served after the store has failed.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The core's time, which goes on over restarts.
#[derive(Clone, Copy, Debug)]
struct Clock {
    start: tokio::time::Instant,
    /// What it was at the start.
    offset: Instant,
}

impl Clock {
    fn now(self) -> Instant {
        self.offset + self.start.elapsed()
    }

    fn real(self, at: Instant) -> tokio::time::Instant {
        self.start + at.since(self.offset)
    }
}

/// A connection that has said CONNECT.
#[derive(Debug)]
struct Conn {
    /// `None`: a bridge.
    peer: Option<SocketAddr>,
    way: Way,
    /// In [`Driver::unflushed`].
    unflushed: bool,
    /// The core has closed it: what it still sends is not heard.
    closing: bool,
}

/// The core and all that it talks to.
pub struct Driver {
    clock: Clock,
    core: Core,
    /// `None`: everything is in memory.
    keeper: Option<Keeper>,
    /// When the last commit began.
    commit_began: Instant,
    /// When the daemon ends because the store has failed.
    ends_at: Option<Instant>,
    transports: Vec<Box<dyn Transport>>,
    /// Their names.
    names: Vec<String>,
    /// One for each MQTT listener, in the order of the configuration.
    listeners: Vec<Tally>,
    /// The bridges' names, and what they count.
    bridges: Vec<(String, Arc<bridge::Tally>)>,
    from_mqtt: mpsc::Receiver<FromMqtt>,
    octets: Arc<Octets>,
    /// Where nodes' sessions live, if not here.
    upstreams: Option<Pool>,
    asked: Option<mpsc::Receiver<Ask>>,
    /// Answers that wait until what they say is on the disk.
    owed: Vec<(CommitToken, oneshot::Sender<Reply>, Reply)>,
    /// A radio looks at all channels.
    scan: Option<radio::Scan>,
    desk: Option<Desk>,
    batches: Vec<FromMqtt>,
    conns: HashMap<ConnId, Conn, foldhash::fast::RandomState>,
    unflushed: Vec<ConnId>,
    log: EventLog,
    timer: Pin<Box<Sleep>>,
    /// When `timer` rings, if it has been set.
    armed: Option<Instant>,
    turns: u32,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("conns", &self.conns.len()).finish_non_exhaustive()
    }
}

impl Driver {
    /// A driver without transports whose time is `now`, and the sender that MQTT connections share. Must be called
    /// within a tokio runtime.
    pub(crate) fn new(core: Core, now: Instant, keeper: Option<Keeper>) -> (Self, mpsc::Sender<FromMqtt>) {
        let (to_driver, from_mqtt) = mpsc::channel(CHANNEL);
        let start = tokio::time::Instant::now();
        let driver = Self {
            clock: Clock { start, offset: now },
            core,
            keeper,
            commit_began: Instant::ZERO,
            ends_at: None,
            transports: Vec::new(),
            names: Vec::new(),
            listeners: Vec::new(),
            bridges: Vec::new(),
            from_mqtt,
            octets: Arc::default(),
            upstreams: None,
            asked: None,
            owed: Vec::new(),
            scan: None,
            desk: None,
            batches: Vec::with_capacity(BATCHES),
            conns: HashMap::default(),
            unflushed: Vec::new(),
            log: EventLog::default(),
            timer: Box::pin(sleep_until(start)),
            armed: None,
            turns: 0,
        };
        (driver, to_driver)
    }

    /// Where connections count octets.
    pub(crate) fn octets(&self) -> Arc<Octets> {
        self.octets.clone()
    }

    /// How many transports there are.
    pub(crate) fn transports(&self) -> usize {
        self.transports.len()
    }

    /// The transport that an operator calls so; or that there is none.
    fn find_transport(&mut self, name: &str) -> Result<(TransportId, &mut dyn Transport), String> {
        let mut named = (0..).map(TransportId).zip(&self.names).zip(&mut self.transports);
        match named.find(|((_, candidate), _)| *candidate == name) {
            Some(((id, _), transport)) => Ok((id, &mut **transport)),
            None => Err(format!("there is no transport \"{name}\"; there are {}", self.names.join(", "))),
        }
    }

    /// Adds a transport, whose id must be the number of those before it.
    pub(crate) fn add_transport(
        &mut self,
        id: TransportId,
        name: String,
        transport: Box<dyn Transport>,
        admission: Admission,
    ) {
        debug_assert_eq!(usize::from(id.0), self.transports.len());
        self.core.add_transport(self.clock.now(), id, transport.profile());
        self.core.set_admission(self.clock.now(), id, admission);
        self.transports.push(transport);
        self.names.push(name);
        self.introduce_nodes(id);
        self.carry_out();
    }

    /// Says how a transport is spared that is to be added.
    pub(crate) fn pace(&mut self, id: TransportId, pacing: Pacing) {
        self.core.set_pacing(id, pacing);
    }

    /// Adds an MQTT listener and answers its number.
    pub(crate) fn add_listener(&mut self) -> usize {
        self.listeners.push(Tally::default());
        self.listeners.len() - 1
    }

    /// Lets an operator ask. There is no channel without a control socket.
    pub(crate) fn answer(&mut self, asked: mpsc::Receiver<Ask>) {
        self.asked = Some(asked);
    }

    /// Lets metrics be read. There is no channel without a listener for them.
    pub(crate) fn measure(&mut self, scrapes: mpsc::Receiver<Scrape>) {
        self.desk = Some(Desk::new(scrapes));
    }

    /// Lets `change` change the core's configuration, and carries out what follows.
    pub(crate) fn reconfigure(&mut self, change: impl FnOnce(Instant, &mut Core)) {
        change(self.clock.now(), &mut self.core);
        self.carry_out();
    }

    /// Waits for something to happen and does what follows from it. May be dropped while it waits.
    pub(crate) async fn turn(&mut self) {
        poll_fn(|cx| self.watch(cx)).await;
        self.carry_out();
        self.turns += 1;
        if self.turns >= TURNS {
            self.turns = 0;
            yield_now().await;
        }
    }

    /// The store has failed, and what could be done without it is done.
    pub(crate) fn is_over(&self) -> bool {
        self.ends_at.is_some_and(|end| end <= self.clock.now())
    }

    /// Takes in what is ready. While a commit is under way that has not taken long yet, looks again soon.
    fn watch(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let polled = self.take_in(cx);
        if polled.is_pending() && self.core.is_committing() && self.clock.now().since(self.commit_began) < VIGIL {
            cx.waker().wake_by_ref();
            std::thread::yield_now();
        }
        polled
    }

    /// Feeds the core with everything that is ready.
    fn take_in(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.clock.now();
        let (received, sent) = self.octets.counts();
        self.core.set_mqtt_octets(received, sent);
        let heard = self.take_reports(cx)
            | self.take_datagrams(cx, now)
            | self.take_packets(cx, now)
            | self.take_upstream(cx, now)
            | self.take_asked(cx, now)
            | self.take_scrape(cx, now)
            | self.look_at_time(cx, now);
        if heard {
            return Poll::Ready(());
        }
        self.turns = 0;
        Poll::Pending
    }

    fn take_reports(&mut self, cx: &mut Context<'_>) -> bool {
        if self.ends_at.is_some() {
            return false;
        }
        let Some(keeper) = &mut self.keeper else { return false };
        let Poll::Ready(report) = keeper.poll_report(cx) else { return false };
        self.take_report(report);
        true
    }

    fn take_report(&mut self, report: Report) {
        let now = self.clock.now();
        self.log.report(&report);
        match report {
            Report::Committed(token) => {
                for (_, reply, answer) in self.owed.extract_if(.., |(until, ..)| *until <= token) {
                    let _ = reply.send(answer);
                }
                self.desk.iter_mut().for_each(|desk| desk.committed(now));
                self.core.handle_input(now, Input::Committed { token });
            }
            Report::Full(_) => self.core.handle_input(now, Input::Storage(StorageState::Full)),
            Report::Resumed => self.core.handle_input(now, Input::Storage(StorageState::Ok)),
            Report::Failed(_) => {
                self.core.handle_input(now, Input::Storage(StorageState::Failed));
                self.ends_at = Some(now + LAST_WORDS);
            }
        }
    }

    fn take_datagrams(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let mut heard = false;
        for ((id, transport), name) in (0..).map(TransportId).zip(&mut self.transports).zip(&self.names) {
            let polled = transport.poll_recv(cx);
            let airtime = transport.take_airtime();
            if !airtime.is_zero() {
                self.core.handle_input(now, Input::Airtime { transport: id, airtime });
            }
            match polled {
                Poll::Pending => continue,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => self.log.transport_error(now, &error),
            }
            heard = true;
            while let Some(event) = transport.poll_event() {
                self.log.link(now, name, &event);
                radio::take_event(&mut self.scan, id, &event);
                if let LinkEvent::Up(profile) = event {
                    self.core.add_transport(now, id, profile);
                }
            }
            nodes::take_reports(&mut self.core, now, id, &mut **transport);
            radio::take_result(&mut self.scan, id, name, &mut **transport);
            for (from, bytes) in transport.received().iter() {
                self.core.handle_input(now, Input::Datagram { from, bytes });
            }
        }
        heard
    }

    fn take_packets(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let mut batches = std::mem::take(&mut self.batches);
        // The acceptors hold a sender, so the channel never ends before the driver does.
        let heard = matches!(self.from_mqtt.poll_recv_many(cx, &mut batches, BATCHES), Poll::Ready(1..));
        for batch in batches.drain(..) {
            self.take_batch(now, batch);
        }
        self.batches = batches;
        heard
    }

    fn take_batch(&mut self, now: Instant, batch: FromMqtt) {
        match batch {
            FromMqtt::Opened { conn, listener, peer, outbox } => {
                self.listeners[listener].count_connected();
                let way = Way::Client(outbox);
                self.conns.insert(conn, Conn { peer: Some(peer), way, unflushed: false, closing: false });
            }
            FromMqtt::Bridged { conn, port } => {
                self.conns.insert(conn, Conn { peer: None, way: Way::Bridge(port), unflushed: false, closing: false });
            }
            FromMqtt::Packets { conn, packets } => {
                if self.conns.get(&conn).is_some_and(|conn| !conn.closing) {
                    packets.into_iter().for_each(|packet| self.core.handle_input(now, Input::Mqtt { conn, packet }));
                }
            }
            FromMqtt::Writable { conn } => {
                if self.conns.get(&conn).is_some_and(|conn| !conn.way.is_full()) {
                    self.core.handle_input(now, Input::MqttWritable { conn, writable: true });
                }
            }
            FromMqtt::Malformed { conn, reason } => {
                self.take_malformed(now, reason);
                let (code, what) = (reason.code(), reason.name());
                self.core.handle_input(now, Input::MqttMalformed { conn, code, what });
            }
            FromMqtt::Slow { conn } => {
                let (code, what) = (ReasonCode::QuotaExceeded, TurnedAway::SlowConsumer.name());
                self.core.handle_input(now, Input::MqttMalformed { conn, code, what });
            }
            FromMqtt::Closed { conn } => {
                self.core.handle_input(now, Input::MqttClosed { conn });
                self.conns.remove(&conn);
            }
            FromMqtt::Refused { malformed } => self.take_malformed(now, malformed),
            FromMqtt::TurnedAway { listener, peer, why, detail } => {
                self.listeners[listener].count(why);
                self.log.connection_turned_away(now, listener, peer, why, &detail);
            }
        }
    }

    fn take_malformed(&mut self, now: Instant, reason: Malformed) {
        self.log.malformed(now, reason);
        self.core.count_malformed(reason.name());
    }

    /// Lets the core do what is due, or sets the timer for when it will be. A timer that rings too early is left as it
    /// is: under load the next deadline moves on with every packet.
    fn look_at_time(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let due = [self.core.poll_timeout(), self.log.next_summary(), self.ends_at].into_iter().flatten().min();
        let Some(due) = due else { return false };
        if due <= now {
            self.core.handle_timeout(now);
            self.log.summarise_if_due(now);
            return true;
        }
        if self.armed.is_none_or(|armed| due < armed) {
            self.timer.as_mut().reset(self.clock.real(due));
            self.armed = Some(due);
        }
        let rings = self.timer.as_mut().poll(cx).is_ready();
        if rings {
            self.armed = None;
        }
        rings
    }
}

impl Conn {
    fn close(&mut self, reason: CloseReason) {
        if !self.closing {
            tracing::debug!(peer = ?self.peer, ?reason, "closing an MQTT connection");
        }
        self.closing = true;
        self.way.close(reason);
    }
}
