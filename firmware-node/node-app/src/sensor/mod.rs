//! A sensor that reports over an 802.15.4 radio and sleeps in between: everything that it decides, without the chip.
//!
//! Owns: when to measure, publish, ask for messages and poll the gateway; when the receiver is on; what is kept in flash,
//! and when. Must not know: registers, executors, how flash is written. Time is an argument.
//!
//! A report is one exchange, made while the session sleeps ([`sn_client::Config::publishes_asleep`]): PUBLISH; receiver and
//! transmitter off while the gateway commits; a data request that fetches PUBACK. `docs/firmware.md` says what that takes
//! and why it is no CONNECT.
//!
//! Order of calls: [`Sensor::poll`] says what to do next; do it, tell the sensor what came of it with the function that the
//! [`Action`] names, and poll again. [`Sensor::press`] at any time.

mod counters;
mod duties;
mod polling;
mod sample;
mod seeking;

pub use counters::{BLOCK, Counters};
pub use sample::Sample;

use config_page::Settings;
use core::time::Duration;
use duties::Duties;
use lowpan::{Ack, Carriage, Eui64, FrameId, Leaf, LeafConfig, Level, Received, Station, Transmit, TransmitError};
use polling::Polling;
use seeking::Seeking;
use sn_client::{Client, Config, Event, State};
use sn_types::Instant;

/// Octets for the topic and payload of one request.
const BODY: usize = 192;
/// Octets for topic names: the configuration's, the report's and the fault's.
const TOPICS: usize = 192;
/// The longest datagram in or out, with its headers, in octets.
const PACKET: usize = 256;
/// The UDP port of a node that speaks 6LoWPAN.
const NODE_PORT: u16 = 1883;

type SensorClient<'a> = Client<'a, BODY, TOPICS>;

/// The longest record of a session, in octets.
pub const SESSION_LEN: usize = SensorClient::RECORD_LEN;

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the frame, then [`Sensor::transmitted`].
    Transmit(Transmit),
    /// Listen until then at the latest, then [`Sensor::received`].
    Listen {
        /// When the receiver goes on, at the latest: what it needs for that is to be ready by then.
        from: Instant,
        /// When the receiver goes off.
        until: Instant,
        /// It goes off as soon as a frame has come.
        once: bool,
    },
    /// Measure, then [`Sensor::measured`].
    Measure,
    /// Put it into flash, then [`Sensor::kept`]. Nothing else happens before.
    Keep(Keep),
    /// Radio off; poll again then, or after [`Sensor::press`].
    Sleep {
        /// The next time that something is due.
        until: Instant,
    },
}

/// What is to be in flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The frame counters of link security.
    Counters {
        /// Those below may be used.
        reserved: u32,
        /// The gateway's below were used.
        heard: u32,
    },
    /// [`Sensor::session`].
    Session,
    /// [`Sensor::settings`].
    Settings,
    /// There is no fault to tell of any more.
    NoFault,
}

/// What was in flash, and what differs at each start.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// Any number, another one on each node and at each start.
    pub seed: u32,
    /// The node's own address, if the settings do not say.
    pub eui64: Eui64,
    /// Of [`Keep::Counters`]; 0 if there are none.
    pub reserved: u32,
    /// Of [`Keep::Counters`]; 0 if there are none.
    pub heard: u32,
    /// Of [`Keep::Session`]; empty if there is none.
    pub session: &'a [u8],
    /// Why the node was restarted, if that is to be told.
    pub fault: Option<&'a str>,
}

/// A sensor node.
pub struct Sensor<'a> {
    client: SensorClient<'a>,
    leaf: Leaf<Counters, PACKET>,
    duties: Duties<'a>,
    polling: Polling,
    seeking: Seeking,
    /// The gateway may not know that this node polls, and would answer at once: it is asked for something first.
    introduces: bool,
    session: [u8; SESSION_LEN],
    session_len: usize,
    session_is_kept: bool,
    buffer: [u8; PACKET],
}

impl<'a> Sensor<'a> {
    /// A sensor that has just been switched on. `settings` may change; `client_id` is theirs at the start.
    ///
    /// # Errors
    /// The settings lack something, or name what cannot be.
    pub fn new(settings: Settings, client_id: &'a str, start: Start<'a>) -> Result<Self, config_page::Error> {
        settings.check()?;
        let gateway = settings.gateway.ok_or(config_page::Error::Missing("gateway"))?;
        let keys = Counters::new(gateway, settings.key, start.reserved, start.heard);
        let wrong = |_| config_page::Error::Value("gateway");
        let leaf = Leaf::new(leaf_config(&settings, gateway, start.eui64), keys, start.seed.into()).map_err(wrong)?;
        let config = Config {
            auto_reconnect: true,
            reuse_topic_ids: true,
            publishes_asleep: true,
            keep_alive_s: KEEP_ALIVE_S,
            n_retry: 3,
            seed: start.seed,
            ..Config::new(client_id)
        };
        let mut client = SensorClient::new(config);
        let goes_on = client.restore(start.session);
        Ok(Self {
            client,
            leaf,
            duties: Duties::new(settings, start.fault, !goes_on),
            polling: Polling::new(),
            seeking: Seeking::new(),
            introduces: true,
            session: [0; SESSION_LEN],
            session_len: 0,
            session_is_kept: true,
            buffer: [0; PACKET],
        })
    }

    /// As they are now: to be kept, and for the radio.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        self.duties.settings()
    }

    /// The record of the session, to be kept.
    #[must_use]
    pub fn session(&self) -> &[u8] {
        self.session.get(..self.session_len).unwrap_or_default()
    }

    /// Where the connection stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.client.state()
    }

    /// What to do next.
    pub fn poll(&mut self, now: Instant) -> Action {
        if let Some(event) = self.client.handle_timeout(now) {
            self.introduces |= event_is_loss(&event);
            self.duties.on_event(now, event);
        }
        self.leaf.handle_timeout(now);
        self.duties.advance(now, &mut self.client);
        if let Some(keep) = self.next_keep(now) {
            return Action::Keep(keep);
        }
        if self.leaf.keys_mut().are_used_up() {
            return Action::Sleep { until: now + NOTHING_TO_SEND };
        }
        if let Some(action) = self.seek(now) {
            return action;
        }
        if self.duties.wants_sample(now, &self.client) {
            return Action::Measure;
        }
        self.introduce(now);
        self.pack(now);
        if !self.expects_answer() {
            self.polling.stop();
        }
        if self.polling.is_due(now) && !self.leaf.is_busy() {
            self.leaf.request();
            self.polling.begin();
        }
        if let Some(frame) = self.leaf.poll_transmit() {
            return Action::Transmit(frame);
        }
        match self.polling.window(now) {
            Some((from, until)) => Action::Listen { from, until, once: true },
            None => Action::Sleep { until: self.next_due(now) },
        }
    }

    /// What came of a frame.
    pub fn transmitted(&mut self, now: Instant, id: FrameId, fate: Result<Ack, TransmitError>) {
        let (was_request, seeks) = (self.polling.is_asking(), self.leaf.is_seeking());
        self.leaf.handle_transmitted(now, id, fate);
        if seeks {
            return;
        }
        if fate.is_ok() {
            self.seeking.heard();
        }
        match (was_request, fate) {
            (true, Ok(ack)) => self.polling.asked(now, ack.frame_pending),
            (true, Err(_)) => self.polling.asked(now, false),
            (false, Ok(_)) if self.expects_answer() && !self.leaf.is_busy() => self.polling.start(now),
            (false, Ok(_)) => {}
            // Nobody heard it, so nobody answers: the client sends it again when T_retry is over.
            (false, Err(_)) => self.polling.stop(),
        }
    }

    /// A frame, without check sequence, or nothing until the time that [`Action::Listen`] said.
    pub fn received(&mut self, now: Instant, psdu: Option<&[u8]>) {
        let Some(psdu) = psdu else {
            if !self.leaf.is_seeking() {
                self.polling.nothing_came(now);
            }
            return;
        };
        match self.leaf.handle_frame(now, psdu) {
            Received::Datagram { octets, .. } => {
                if let Some(event) = self.client.handle_input(now, octets) {
                    self.introduces |= event_is_loss(&event);
                    self.duties.on_event(now, event);
                }
            }
            Received::Fragment { .. } => {}
            // Copies and strangers: go on listening.
            Received::Rejected { .. }
            | Received::DataRequest { .. }
            | Received::Solicitation { .. }
            | Received::Neighbour { .. } => return,
        }
        self.polling.came(now, psdu.len(), self.leaf.more_waits());
    }

    /// The measurement that was asked for.
    pub fn measured(&mut self, sample: Sample) {
        self.duties.measured(sample);
    }

    /// Somebody pressed the button: a report is due.
    pub fn press(&mut self, now: Instant) {
        self.duties.press(now);
    }

    /// It is in flash.
    pub fn kept(&mut self, keep: Keep) {
        match keep {
            Keep::Counters { reserved, heard } => {
                self.leaf.keys_mut().kept(reserved, heard);
                self.duties.counters_kept();
            }
            Keep::Session => self.session_is_kept = true,
            Keep::Settings => self.duties.settings_kept(),
            Keep::NoFault => self.duties.fault_forgotten(),
        }
    }

    /// Before anything is sent that a restart must not forget.
    fn next_keep(&mut self, now: Instant) -> Option<Keep> {
        self.write_session();
        let keep = self.duties.to_keep(now);
        let counters = self.leaf.keys_mut();
        // Whoever repeats an old message after a restart must not bring old settings back.
        let outdated = if self.duties.settings_are_news() { counters.outdated() } else { None };
        if let Some(reserved) = counters.wanted().or(outdated) {
            return Some(Keep::Counters { reserved, heard: counters.heard() });
        }
        if !self.session_is_kept {
            return Some(Keep::Session);
        }
        keep
    }

    fn write_session(&mut self) {
        let mut record = [0; SESSION_LEN];
        // `SESSION_LEN` is the longest.
        let Some(len) = self.client.save(&mut record) else { return };
        if self.session() != &record[..len] {
            (self.session, self.session_len, self.session_is_kept) = (record, len, false);
        }
    }

    /// Looks for another parent if nobody acknowledges, or a router takes what the gateway does not answer.
    fn seek(&mut self, now: Instant) -> Option<Action> {
        if !self.leaf.is_seeking() {
            if self.leaf.is_busy() || !self.leaf.needs_parent() || !self.seeking.is_due(now) {
                return None;
            }
            self.leaf.seek_parent(now);
            self.seeking.begin(now);
        }
        match self.leaf.poll_transmit() {
            Some(frame) => Some(Action::Transmit(frame)),
            None => self.leaf.poll_timeout().map(|until| Action::Listen { from: now, until, once: false }),
        }
    }

    /// A data request before CONNECT, so that the answer waits until it is asked for.
    fn introduce(&mut self, now: Instant) {
        let is_due = self.client.poll_timeout().is_some_and(|due| due <= now);
        if self.introduces && is_due && self.client.state() == State::Connecting && !self.leaf.is_busy() {
            self.introduces = false;
            self.leaf.request();
            self.polling.introduce();
        }
    }

    /// Hands what the client has to say to the leaf, one datagram at a time.
    fn pack(&mut self, now: Instant) {
        while !self.leaf.is_busy() {
            let Some(transmit) = self.client.poll_output(now, &mut self.buffer) else { return };
            // What is too long is lost, and the client gives it up.
            let _ = self.leaf.send(false, transmit.datagram);
        }
    }

    fn expects_answer(&self) -> bool {
        match self.client.state() {
            State::Connecting | State::Awake => true,
            State::Active | State::Asleep => self.client.is_busy(),
            State::Disconnected => false,
        }
    }

    fn next_due(&self, now: Instant) -> Instant {
        // Everything else waits for a frame that rests.
        if let Some(until) = self.leaf.rests_until() {
            return until;
        }
        let due = [
            self.client.poll_timeout(),
            self.leaf.poll_timeout(),
            self.polling.poll_timeout(),
            self.duties.poll_timeout(&self.client),
        ];
        due.into_iter().flatten().min().unwrap_or(Instant::FAR_FUTURE).max(now)
    }
}

const fn event_is_loss(event: &Event<'_>) -> bool {
    matches!(event, Event::Lost(_))
}

/// A node whose frame counters are used up sleeps: it could not say so to anybody.
const NOTHING_TO_SEND: Duration = Duration::from_secs(3_600);

/// Of a connection that is meant to sleep: so much is left for putting it to sleep when messages get lost.
const KEEP_ALIVE_S: u16 = 300;

fn leaf_config(settings: &Settings, gateway: Eui64, eui64: Eui64) -> LeafConfig {
    let level = match settings.level {
        6 => Level::Mic64,
        7 => Level::Mic128,
        _ => Level::Mic32,
    };
    let security = settings.key.as_ref().map(|_| level);
    let station = Station { eui64: settings.eui64.unwrap_or(eui64), pan: settings.pan, short: None, security };
    let carriage = match settings.udp {
        Some(port) => Carriage::Udp { node: NODE_PORT, gateway: port },
        None => Carriage::Bare,
    };
    LeafConfig { station, gateway, gateway_short: settings.gateway_short, carriage, fragment: true }
}
