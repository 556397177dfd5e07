//! The MQTT-SN side: sessions as 1.2 §6 and §7 see them.
//!
//! A datagram is decoded, its sender located, the [`table`] says what the message does in the sender's state, and the
//! file named after the procedure does it. Down to a client goes one exchange at a time (`publish_out`).

mod client;
mod clients;
mod connect;
mod dialogue;
mod discovery;
mod dispatch;
mod late;
mod leave;
mod memory;
mod pacing;
mod ping;
mod predefined;
mod publish_in;
mod publish_out;
mod refusal;
mod register;
mod send;
mod stored;
mod subscribe;
mod supervise;
mod table;
mod topics;
mod will_update;

use crate::access::Admission;
use crate::broker::SessionKey;
use crate::map::MapSeed;
use crate::{ClientState, Config};
use client::{Exchange, SnClient};
use clients::{Clients, Peer};
pub(crate) use connect::Arrival;
use dialogue::Dialogue;
use memory::{AnswerLimit, Departed};
pub(crate) use publish_in::{topic_id, wire_qos};
pub(crate) use refusal::return_code;
use slab::Slab;
use sn_types::{Instant, LinkProfile, PeerAddr, TopicId, TransportId};
use std::sync::Arc;
pub(crate) use subscribe::Target;
use table::State;
use topics::Predefined;

/// All that the gateway keeps of MQTT-SN beside the broker's sessions.
#[derive(Debug)]
pub(crate) struct SnSide {
    seed: MapSeed,
    clients: Clients,
    dialogues: Slab<Dialogue>,
    departed: Departed,
    unknown_senders: AnswerLimit,
    searches: AnswerLimit,
    predefined: Predefined,
    transports: Vec<(TransportId, LinkProfile)>,
    /// Whom the transports let in, if not everybody.
    admissions: Vec<(TransportId, Admission)>,
    next_advertise: Instant,
    /// Links that are spared.
    lanes: pacing::Lanes,
    /// Client ids made up so far.
    generated_ids: u64,
}

impl SnSide {
    pub(crate) fn new(seed: MapSeed, config: &Config) -> Self {
        Self {
            seed,
            clients: Clients::new(seed),
            dialogues: Slab::new(),
            departed: Departed::new(seed),
            unknown_senders: AnswerLimit::new(seed),
            searches: AnswerLimit::new(seed),
            predefined: Predefined::new(seed, &config.predefined),
            transports: Vec::new(),
            admissions: Vec::new(),
            next_advertise: Instant::FAR_FUTURE,
            lanes: pacing::Lanes::default(),
            generated_ids: 0,
        }
    }

    /// Replaces the predefined topic ids.
    fn set_predefined(&mut self, entries: &[(TopicId, String)]) {
        self.predefined = Predefined::new(self.seed, entries);
    }

    /// The predefined topic ids, in their order.
    pub(crate) fn predefined_names(&self) -> Vec<(u16, Arc<str>)> {
        self.predefined.sorted()
    }

    /// The state of a session's MQTT-SN client; disconnected if it has none.
    pub(crate) fn client_state(&self, key: SessionKey) -> ClientState {
        match self.clients.get(key).map(|client| client.state) {
            Some(State::Active) => ClientState::Active,
            Some(State::Asleep) => ClientState::Asleep,
            Some(State::Awake) => ClientState::Awake,
            Some(State::Lost) => ClientState::Lost,
            Some(
                State::Unknown | State::AwaitWillTopic | State::AwaitWillMsg | State::Joining | State::Disconnected,
            )
            | None => ClientState::Disconnected,
        }
    }

    /// A client's state as the table means it.
    fn state(&self, key: SessionKey) -> State {
        self.clients.get(key).map_or(State::Unknown, |client| client.state)
    }

    /// The keep-alive that a session's client has asked for, in seconds.
    pub(crate) fn keep_alive_s(&self, key: SessionKey) -> Option<u16> {
        self.clients.get(key).map(|client| client.keep_alive_s)
    }

    /// The message in flight will not be acknowledged here.
    pub(crate) fn abandon_exchange(&mut self, key: SessionKey) {
        let Some(client) = self.clients.get_mut(key) else { return };
        match client.exchange {
            Exchange::Publish | Exchange::Release => client.close_exchange(),
            Exchange::None | Exchange::Register { .. } => {}
        }
    }

    /// Whether the client is to be sent messages now: it is active or awake.
    pub(crate) fn listens(&self, key: SessionKey) -> bool {
        matches!(self.state(key), State::Active | State::Awake)
    }

    /// Whether a session's client is active, asleep or awake.
    fn is_connected(&self, key: SessionKey) -> bool {
        self.clients.get(key).is_some_and(SnClient::is_connected)
    }

    /// The address of a session's MQTT-SN client.
    pub(crate) fn address(&self, key: SessionKey) -> Option<PeerAddr> {
        self.clients.get(key)?.addr
    }

    /// Forgets a session's MQTT-SN client: its session is gone.
    pub(crate) fn forget(&mut self, key: SessionKey) {
        self.clients.remove(key);
    }

    /// Whether somebody at this address is in the will dialogue.
    fn in_dialogue(&self, addr: PeerAddr) -> bool {
        matches!(self.clients.at(addr), Some(Peer::Connecting(_)))
    }

    /// The session of the client at this address, also while it is in the will dialogue.
    fn session_at(&self, addr: PeerAddr) -> Option<SessionKey> {
        match self.clients.at(addr)? {
            Peer::Client(key) => Some(key),
            // It may have moved on meanwhile, to another address or to MQTT.
            Peer::Connecting(place) => {
                self.dialogues[place as usize].prior.filter(|key| self.address(*key) == Some(addr))
            }
        }
    }

    /// Says whom a transport lets in.
    pub(crate) fn set_admission(&mut self, id: TransportId, admission: Admission) {
        self.admissions.retain(|(known, _)| *known != id);
        self.admissions.push((id, admission));
    }

    /// Whom a transport lets in.
    pub(crate) fn admission(&self, id: TransportId) -> Admission {
        let known = self.admissions.iter().find(|(known, _)| *known == id);
        known.map(|(_, admission)| admission.clone()).unwrap_or_default()
    }

    /// Whom transports take their peers for.
    pub(crate) fn users(&self) -> impl Iterator<Item = &Arc<str>> {
        self.admissions.iter().filter_map(|(_, admission)| admission.user.as_ref())
    }

    /// Sessions with the addresses of their MQTT-SN clients, in no particular order.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (SessionKey, PeerAddr)> {
        self.clients.iter().filter_map(|(key, client)| Some((key, client.addr?)))
    }

    /// Clients whose address somebody else uses now.
    pub(crate) fn without_address(&self) -> impl Iterator<Item = SessionKey> {
        self.clients.iter().filter(|(_, client)| client.addr.is_none()).map(|(key, _)| key)
    }

    pub(crate) fn transports(&self) -> impl Iterator<Item = TransportId> {
        self.transports.iter().map(|(id, _)| *id)
    }

    pub(crate) fn profile(&self, id: TransportId) -> LinkProfile {
        let known = self.transports.iter().find(|(known, _)| *known == id);
        known.map_or(LinkProfile { broadcast: false, ..LinkProfile::UDP }, |(_, profile)| *profile)
    }
}
