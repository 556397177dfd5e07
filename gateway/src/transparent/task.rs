//! One node's connection to the broker where its session lives.

use super::{Reach, Settings};
use crate::upstream::keep_alive::{Due, KeepAlive};
use crate::upstream::{Conversation, Moved, Wire, dial};
use gateway_core::mqtt::{Connect, Disconnect, Packet};
use gateway_core::{Ending, FromUpstream, ToUpstream, UpstreamId};
use sn_types::Instant;
use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep_until, timeout};
use tracing::{debug, warn};

/// How long it may take to reach the broker. The core gives up sooner or later than that, as it wants.
const DIALING: Duration = Duration::from_secs(20);
/// How long the broker may take to read our last words and to close its side.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// While more octets than that wait to be written, orders wait.
const UNWRITTEN: usize = 64 << 10;

type News = mpsc::Sender<(UpstreamId, FromUpstream)>;

pub(super) struct Task {
    settings: Arc<Settings>,
    reach: Arc<Reach>,
    orders: mpsc::Receiver<ToUpstream>,
    end: oneshot::Receiver<Option<Disconnect>>,
    /// Whose PINGREQs are out.
    pings: VecDeque<Asker>,
    wire: Wire,
    start: tokio::time::Instant,
    keep_alive: KeepAlive,
    listens: bool,
    standing: Standing,
}

/// What the broker has said to CONNECT.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Asked,
    Refused,
    Joined,
}

/// Who wants to know whether the broker is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asker {
    Core,
    KeepAlive,
}

/// How a connection ends.
enum End {
    /// The broker has closed it, in an orderly way or not: it may have taken the session elsewhere.
    HungUp,
    /// It is dead, or the core does not want it any more and says nothing.
    Cut,
    /// The broker has sent what cannot be taken in.
    Unreadable,
    /// The core says good-bye.
    GoodBye(Disconnect),
}

/// What has happened.
enum Happened {
    Moved(Moved),
    Ordered(Option<ToUpstream>),
    /// The core does not want it any more, and perhaps says why.
    Ended(Option<Disconnect>),
    Time,
}

impl Task {
    pub(super) fn new(
        settings: Arc<Settings>,
        reach: Arc<Reach>,
        orders: mpsc::Receiver<ToUpstream>,
        end: oneshot::Receiver<Option<Disconnect>>,
    ) -> Self {
        let wire = Wire { version: settings.version, max_packet: settings.max_packet, as_bridge: false };
        let (start, keep_alive) = (tokio::time::Instant::now(), KeepAlive::new(Instant::ZERO, Duration::ZERO));
        let (pings, listens, standing) = (VecDeque::new(), true, Standing::Asked);
        Self { settings, reach, orders, end, pings, wire, start, keep_alive, listens, standing }
    }

    /// Serves the connection from its making to its end, and tells that last of all.
    pub(super) async fn run(mut self, id: UpstreamId, mut connect: Box<Connect>, news: News) {
        connect.username = self.settings.user.clone();
        connect.password = self.settings.password.as_ref().map(|password| password.reveal().to_owned().into());
        // A longer one would end the connection, again and again: the broker is to drop it.
        connect.properties.maximum_packet_size = u32::try_from(self.settings.max_packet).ok().and_then(NonZeroU32::new);
        let client = connect.client_id.clone();
        let ending = match self.dial().await {
            // It is not wanted any more.
            None => Ending::Broken,
            Some(Err(why)) => {
                self.reach.missed(&why);
                Ending::Broken
            }
            Some(Ok(conversation)) => {
                debug!(client, "connected to the broker of the sessions");
                self.serve(conversation, id, connect, &news).await
            }
        };
        // Who does not listen any more needs no news.
        let _ = news.send((id, FromUpstream::Closed(ending))).await;
    }

    /// The connection, or why there is none, unless it is not wanted any more.
    async fn dial(&mut self) -> Option<Result<Conversation, String>> {
        let settings = self.settings.clone();
        tokio::select! {
            dialed = timeout(DIALING, dial(&settings.address, &settings.tls)) => Some(match dialed {
                Ok(Ok(stream)) => Ok(Conversation::new(stream)),
                Ok(Err(error)) => Err(format!("{error:#}")),
                Err(_) => Err(format!("no answer within {} s", DIALING.as_secs())),
            }),
            // Before CONNACK there is nothing else to be told.
            _ = &mut self.end => None,
        }
    }

    /// Answers how it has ended.
    async fn serve(
        &mut self,
        mut conversation: Conversation,
        id: UpstreamId,
        connect: Box<Connect>,
        news: &News,
    ) -> Ending {
        let asked = Duration::from_secs(connect.keep_alive_s.into());
        self.keep_alive = KeepAlive::new(self.now(), asked);
        self.write(&mut conversation, Packet::Connect(connect));
        let end = loop {
            let end = match self.wait(&mut conversation).await {
                Happened::Moved(Moved::Read(Ok(0))) => Some(End::HungUp),
                Happened::Moved(Moved::Read(Ok(_))) => self.take(&mut conversation, id, asked, news).await,
                Happened::Moved(Moved::Written(Ok(()))) => None,
                Happened::Moved(Moved::Read(Err(error)) | Moved::Written(Err(error))) => Some(broken(&error)),
                Happened::Ordered(order) => self.obey_all(&mut conversation, order),
                Happened::Ended(good_bye) => Some(self.obey_last(&mut conversation, good_bye)),
                Happened::Time => match self.keep_alive.due(self.now()) {
                    Due::Nothing => None,
                    Due::Ping => self.ask(&mut conversation, Asker::KeepAlive),
                    Due::Dead => Some(End::Cut),
                },
            };
            if let Some(end) = end {
                break end;
            }
        };
        match (end, self.standing) {
            (End::HungUp, Standing::Joined) => Ending::HungUp,
            (End::HungUp, Standing::Asked) => {
                self.reach.missed("it has closed the connection instead of answering CONNECT");
                Ending::Broken
            }
            (End::HungUp, Standing::Refused) | (End::Cut, _) => Ending::Broken,
            (End::Unreadable, _) => Ending::Unreadable,
            (End::GoodBye(disconnect), _) => {
                self.write(&mut conversation, Packet::Disconnect(disconnect));
                let _ = timeout(LAST_WORDS, farewell(conversation)).await;
                Ending::Broken
            }
        }
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }

    async fn wait(&mut self, conversation: &mut Conversation) -> Happened {
        let due = self.keep_alive.next().map(|due| self.start + due.since(Instant::ZERO));
        let has_room = conversation.to_write.len() < UNWRITTEN;
        tokio::select! {
            moved = conversation.read_or_write(self.listens) => Happened::Moved(moved),
            order = self.orders.recv(), if has_room => Happened::Ordered(order),
            // Without a sender there is nobody who wants it.
            end = &mut self.end => Happened::Ended(end.unwrap_or_default()),
            () = async { match due { Some(due) => sleep_until(due).await, None => pending().await } } => Happened::Time,
        }
    }

    fn write(&mut self, conversation: &mut Conversation, packet: Packet) -> Option<End> {
        self.keep_alive.sent(self.now());
        match self.wire.encode(packet, &mut conversation.to_write) {
            Ok(()) => None,
            Err(error) => {
                debug!(%error, "a packet that cannot be sent");
                Some(End::Cut)
            }
        }
    }

    fn ask(&mut self, conversation: &mut Conversation, asker: Asker) -> Option<End> {
        self.pings.push_back(asker);
        self.write(conversation, Packet::PingReq)
    }

    /// Does what the core wants, and what it wanted since, as far as there is room.
    fn obey_all(&mut self, conversation: &mut Conversation, first: Option<ToUpstream>) -> Option<End> {
        let mut next = first;
        loop {
            let end = match next {
                Some(ToUpstream::Packet(Packet::PingReq)) => self.ask(conversation, Asker::Core),
                Some(ToUpstream::Packet(packet)) => self.write(conversation, packet),
                Some(ToUpstream::Read(read)) => {
                    self.listens = read;
                    self.keep_alive.listen(self.now(), read);
                    None
                }
                // A second CONNECT there is not, and the end comes another way.
                Some(ToUpstream::Close(_) | ToUpstream::Open(_)) | None => Some(End::Cut),
            };
            if end.is_some() || conversation.to_write.len() >= UNWRITTEN {
                return end;
            }
            next = match self.orders.try_recv() {
                Ok(order) => Some(order),
                Err(mpsc::error::TryRecvError::Empty) => return None,
                Err(mpsc::error::TryRecvError::Disconnected) => None,
            };
        }
    }

    /// Does what the core wanted before it wanted the end, if it says good-bye.
    fn obey_last(&mut self, conversation: &mut Conversation, good_bye: Option<Disconnect>) -> End {
        let Some(disconnect) = good_bye else { return End::Cut };
        while let Ok(order) = self.orders.try_recv() {
            if let Some(end) = self.obey_all(conversation, Some(order)) {
                return end;
            }
        }
        End::GoodBye(disconnect)
    }

    /// Hands the driver the packets that have come.
    async fn take(
        &mut self,
        conversation: &mut Conversation,
        id: UpstreamId,
        asked: Duration,
        news: &News,
    ) -> Option<End> {
        self.keep_alive.heard(self.now());
        loop {
            let packet = match self.wire.decode(&mut conversation.heard) {
                Ok(Some(packet)) => packet,
                Ok(None) => return None,
                Err(error) => {
                    warn!(%error, "the broker of the sessions has sent a packet that cannot be taken in");
                    return Some(End::Unreadable);
                }
            };
            match (&packet, self.standing) {
                (Packet::ConnAck(answer), Standing::Asked) => {
                    self.reach.answered();
                    self.standing = if answer.code.is_error() { Standing::Refused } else { Standing::Joined };
                    let period = answer.properties.server_keep_alive_s;
                    let period = period.map_or(asked, |period| Duration::from_secs(period.into()));
                    self.keep_alive = KeepAlive::new(self.now(), period);
                }
                (Packet::ConnAck(_), _) | (_, Standing::Asked | Standing::Refused) => return Some(End::Cut),
                (_, Standing::Joined) => {}
            }
            if packet == Packet::PingResp && self.pings.pop_front() == Some(Asker::KeepAlive) {
                continue;
            }
            if news.send((id, FromUpstream::Packet(packet))).await.is_err() {
                return Some(End::Cut);
            }
        }
    }
}

/// What it means that the stream fails. TLS that is closed without a word is at its end, too.
fn broken(error: &io::Error) -> End {
    match error.kind() {
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => End::HungUp,
        _ => End::Cut,
    }
}

/// Writes the last words, and waits until the broker has read them: a later connection of the same client must not
/// overtake them.
async fn farewell(mut conversation: Conversation) {
    if conversation.say_goodbye().await.is_err() {
        return;
    }
    loop {
        match conversation.read_or_write(true).await {
            Moved::Read(Ok(0) | Err(_)) | Moved::Written(Err(_)) => return,
            Moved::Read(Ok(_)) => conversation.heard.clear(),
            Moved::Written(Ok(())) => {}
        }
    }
}
