//! A bridge's task: the machine with its two connections.

use super::events::{Counts, Effect, Input, News};
use super::machine::Machine;
use super::port::{Closed, Port};
use super::settings::Settings;
use crate::event_log::Throttle;
use crate::mqtt::{ConnIds, FromMqtt};
use crate::upstream::{Conversation, Moved, Stream, Wire, dial};
use gateway_core::ConnId;
use gateway_core::mqtt::Packet;
use sn_types::Instant;
use std::future::{Future, pending};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};
use tracing::{info, warn};

/// Above this many octets that wait to be written no more packets are taken from the core.
const ENOUGH: usize = 64 << 10;
/// How long the other broker may take to read our last words.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a bridge has done, for whoever asks.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Counts>);

impl Tally {
    pub(crate) fn counts(&self) -> Counts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, counts: Counts) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }
}

/// The daemon stops.
struct Ended;

impl<T> From<mpsc::error::SendError<T>> for Ended {
    fn from(_: mpsc::error::SendError<T>) -> Self {
        Self
    }
}

type Dialing = Pin<Box<dyn Future<Output = anyhow::Result<Box<dyn Stream>>> + Send>>;

/// The connection to the core.
struct ToCore {
    conn: ConnId,
    port: Arc<Port>,
    packets: Vec<Packet>,
    listens: bool,
    /// The driver waits to hear that there is room again.
    drained: bool,
}

pub(super) struct Task {
    settings: Arc<Settings>,
    machine: Machine,
    tally: Arc<Tally>,
    driver: mpsc::Sender<FromMqtt>,
    ids: ConnIds,
    start: tokio::time::Instant,
    wire: Wire,
    dialing: Option<Dialing>,
    broker: Option<Conversation>,
    core: Option<ToCore>,
    throttle: Throttle,
}

/// What has happened.
enum Happened {
    Dialed(anyhow::Result<Box<dyn Stream>>),
    Read(io::Result<usize>),
    Written(io::Result<()>),
    Core,
    Time,
}

impl Task {
    pub(super) fn new(
        settings: Arc<Settings>,
        machine: Machine,
        tally: Arc<Tally>,
        ids: ConnIds,
        driver: mpsc::Sender<FromMqtt>,
    ) -> Self {
        let wire = Wire { version: settings.version, max_packet: settings.max_packet, as_bridge: false };
        let start = tokio::time::Instant::now();
        let throttle = Throttle::default();
        let (dialing, broker, core) = (None, None, None);
        Self { settings, machine, tally, driver, ids, start, wire, dialing, broker, core, throttle }
    }

    /// Serves the bridge until the daemon stops.
    pub(super) async fn run(mut self) {
        while self.carry_out().await.is_ok() {
            let happened = self.wait().await;
            let now = self.now();
            match happened {
                Happened::Dialed(result) => self.dialed(now, result),
                Happened::Read(result) => self.read(now, result),
                Happened::Written(Ok(())) => {}
                Happened::Written(Err(error)) => self.broken(now, &error),
                Happened::Core => self.take_from_core(now),
                Happened::Time => self.machine.handle_timeout(now),
            }
        }
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }

    async fn wait(&mut self) -> Happened {
        let due = self.machine.poll_timeout().map(|due| self.start + due.since(Instant::ZERO));
        let waiting = self.broker.as_ref().map_or(0, |broker| broker.to_write.len());
        // Who does not read what we say is not heard: else our acknowledgements would have no end.
        let listens = waiting < ENOUGH && self.core.as_ref().is_none_or(|core| core.listens);
        let core = self.core.as_ref().filter(|_| waiting < ENOUGH);
        let broker = async {
            match &mut self.broker {
                Some(broker) => broker.read_or_write(listens).await,
                None => pending().await,
            }
        };
        tokio::select! {
            result = async { match &mut self.dialing { Some(dialing) => dialing.await, None => pending().await } } => {
                Happened::Dialed(result)
            }
            moved = broker => match moved {
                Moved::Read(result) => Happened::Read(result),
                Moved::Written(result) => Happened::Written(result),
            },
            () = async { match core { Some(core) => core.port.changed().await, None => pending().await } } => {
                Happened::Core
            }
            () = async { match due { Some(due) => sleep_until(due).await, None => pending().await } } => Happened::Time,
        }
    }

    fn dialed(&mut self, now: Instant, result: anyhow::Result<Box<dyn Stream>>) {
        self.dialing = None;
        match result {
            Ok(stream) => {
                self.broker = Some(Conversation::new(stream));
                self.machine.handle(now, Input::Dialed);
            }
            Err(error) => self.machine.handle(now, Input::BrokerGone(format!("{error:#}"))),
        }
    }

    fn broken(&mut self, now: Instant, error: &io::Error) {
        self.machine.handle(now, Input::BrokerGone(error.to_string()));
    }

    fn read(&mut self, now: Instant, result: io::Result<usize>) {
        match result {
            Ok(0) => self.machine.handle(now, Input::BrokerGone("it has closed the connection".into())),
            Ok(_) => self.take_from_broker(now),
            Err(error) => self.broken(now, &error),
        }
    }

    fn take_from_broker(&mut self, now: Instant) {
        while let Some(broker) = &mut self.broker {
            match self.wire.decode(&mut broker.heard) {
                Ok(Some(packet)) => self.machine.handle(now, Input::FromBroker(packet)),
                Ok(None) => return,
                Err(error) => return self.machine.handle(now, Input::BrokerGone(format!("malformed packet: {error}"))),
            }
        }
    }

    fn take_from_core(&mut self, now: Instant) {
        let Some(core) = &mut self.core else { return };
        let (taken, listens) = (core.port.take(), core.port.may_read());
        core.drained |= taken.drained;
        if core.listens != listens {
            core.listens = listens;
            self.machine.handle(now, Input::Listens(listens));
        }
        taken.packets.into_iter().for_each(|packet| self.machine.handle(now, Input::FromCore(packet)));
        match taken.closed {
            None => {}
            Some(why) => self.machine.handle(now, Input::CoreGone { stopping: why == Closed::Stopping }),
        }
    }

    /// Does what the machine wants, and hands the core its packets.
    async fn carry_out(&mut self) -> Result<(), Ended> {
        while let Some(effect) = self.machine.poll_effect() {
            self.carry_out_one(effect).await?;
        }
        self.tally.set(self.machine.counts());
        self.hand_over().await
    }

    async fn carry_out_one(&mut self, effect: Effect) -> Result<(), Ended> {
        match effect {
            Effect::Dial { as_bridge } => {
                self.wire.as_bridge = as_bridge;
                let settings = self.settings.clone();
                self.dialing = Some(Box::pin(async move { dial(&settings.address, &settings.tls).await }));
            }
            Effect::ToBroker(packet) => self.send(packet),
            Effect::HangUp => self.hang_up().await,
            Effect::Enter => self.enter().await?,
            Effect::ToCore(packet) => {
                if let Some(core) = &mut self.core {
                    core.packets.push(packet);
                }
            }
            Effect::Leave => self.leave().await?,
            Effect::Tell(news) => self.tell(&news),
            Effect::End => return Err(Ended),
        }
        Ok(())
    }

    fn send(&mut self, packet: Packet) {
        let Some(broker) = &mut self.broker else { return };
        if let Err(error) = self.wire.encode(packet, &mut broker.to_write) {
            warn!(bridge = self.settings.name, %error, "a packet that cannot be sent");
        }
    }

    async fn hang_up(&mut self) {
        self.dialing = None;
        if let Some(mut broker) = self.broker.take() {
            let _ = timeout(LAST_WORDS, broker.say_goodbye()).await;
        }
    }

    async fn enter(&mut self) -> Result<(), Ended> {
        let (conn, port) = (self.ids.next(), Arc::<Port>::default());
        self.driver.send(FromMqtt::Bridged { conn, port: port.clone() }).await?;
        self.core = Some(ToCore { conn, port, packets: Vec::new(), listens: true, drained: false });
        Ok(())
    }

    async fn leave(&mut self) -> Result<(), Ended> {
        self.hand_over().await?;
        if let Some(ToCore { conn, .. }) = self.core.take() {
            self.driver.send(FromMqtt::Closed { conn }).await?;
        }
        Ok(())
    }

    async fn hand_over(&mut self) -> Result<(), Ended> {
        let Some(core) = &mut self.core else { return Ok(()) };
        let conn = core.conn;
        if std::mem::take(&mut core.drained) {
            self.driver.send(FromMqtt::Writable { conn }).await?;
        }
        if !core.packets.is_empty() {
            let packets = std::mem::take(&mut core.packets);
            self.driver.send(FromMqtt::Packets { conn, packets }).await?;
        }
        Ok(())
    }

    fn tell(&mut self, news: &News) {
        let (bridge, now) = (&self.settings.name, self.now());
        match news {
            News::Joined { session_present } => {
                info!(bridge, to = %self.settings.address, session = session_present, "bridge connected");
            }
            News::Lost { why, pause } => {
                let again_in_s = (pause.as_secs_f64() * 10.0).round() / 10.0;
                warn!(bridge, to = %self.settings.address, why, again_in_s, "bridge not connected");
            }
            News::SubscriptionRefused { filter, code } => {
                warn!(bridge, filter = &**filter, ?code, "the other broker refuses a subscription");
            }
            News::MessageRefused { code } => {
                if let Some(more) = self.throttle.pass(now) {
                    warn!(bridge, ?code, more, "the other broker has refused a message: it is lost");
                }
            }
            News::Unmapped { topic } => {
                if let Some(more) = self.throttle.pass(now) {
                    warn!(
                        bridge,
                        topic = &**topic,
                        more,
                        "a message of no configured topic has not crossed the bridge"
                    );
                }
            }
        }
    }
}
