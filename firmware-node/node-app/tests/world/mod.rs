//! A sensor, its flash, the air and a gateway.

use config_page::Settings;
use gateway_core::{Config as GatewayConfig, Core, Input, Output};
use lowpan::{
    Ack, Address, Carriages, Config as HubConfig, Eui64, FrameId, Header, Hub, Keys, Kind, Level, Limits, LinkKey,
    Received, Signal, Station, TransmitError,
};
use node_app::sensor::{Action, Keep, Sample, Sensor, Start};
use sn_codec::{Connect, Message, MsgId, Publish, Qos, Subscribe, Topic, TopicFilter, TopicId, decode};
use sn_types::{Instant, LinkAddr, PeerAddr, TransportId};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

const TRANSPORT: TransportId = TransportId(0);
/// Where somebody is who hears all and sends settings.
const BOSS: TransportId = TransportId(1);
const GATEWAY: Eui64 = Eui64([2, 0, 0, 0, 0, 0, 0, 1]);
const NODE: Eui64 = Eui64([2, 0, 0, 0, 0, 0, 0, 7]);
const KEY: LinkKey = LinkKey([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
const SETTINGS: &str = "pan=abcd channel=15 gateway=0200000000000001 gateway-short=0001 client=hall base=hall ";

/// What the gateway takes to answer: its disk.
const COMMIT: Duration = Duration::from_millis(8);
/// What the dongle takes from a data request to the frame.
const DONGLE: Duration = Duration::from_millis(2);
/// Five looks at a busy channel, each with the receiver's ramp-up.
const LOOKS: Duration = Duration::from_micros(5 * 168);
/// One octet at 250 kbit/s, in microseconds.
const OCTET_US: u64 = 32;

/// What is wrong with the world.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Nobody is there.
    Gone,
    /// The gateway's radio acknowledges, and its software understands nothing.
    Deaf,
    /// One of so many transmissions is lost, after the radio's repetitions.
    Lossy(u32),
    /// The channel is busy until then.
    Busy(Instant),
    /// The gateway says DISCONNECT to sleepers that publish.
    RefusesSleepers,
    /// The gateway refuses every CONNECT.
    RefusesConnects,
}

/// The gateway's keys.
pub(crate) struct HubKeys {
    next: u32,
    heard: u32,
}

impl Keys for HubKeys {
    fn key(&self, node: Eui64) -> Option<&LinkKey> {
        (node == NODE).then_some(&KEY)
    }

    fn accept(&mut self, _node: Eui64, counter: u32) -> bool {
        let is_new = counter >= self.heard;
        self.heard = self.heard.max(counter + 1);
        is_new
    }

    fn next_counter(&mut self) -> Option<u32> {
        self.next += 1;
        Some(self.next)
    }
}

/// What outlives the node's restart.
#[derive(Clone, Default)]
pub(crate) struct Flash {
    pub(crate) counter: u32,
    pub(crate) heard: u32,
    pub(crate) session: Vec<u8>,
    pub(crate) settings: Option<Settings>,
}

pub(crate) struct World {
    pub(crate) sensor: Sensor<'static>,
    pub(crate) now: Instant,
    pub(crate) flash: Flash,
    pub(crate) kept: Vec<Keep>,
    pub(crate) fault: Fault,
    /// How long the node's radio was on.
    pub(crate) radio_on: Duration,
    /// Frames that the node has sent.
    pub(crate) frames: u64,
    /// Publishes of a sleeper that were refused.
    pub(crate) refused: u32,
    /// Connects that the gateway has heard.
    pub(crate) connects: u32,
    settings: Settings,
    hub: Hub<HubKeys>,
    core: Core,
    /// What the gateway has heard and works on.
    inbox: VecDeque<(Instant, Vec<u8>)>,
    /// What the gateway's radio sends, and when.
    air: VecDeque<(Instant, FrameId, Vec<u8>)>,
    heard: Vec<(String, String)>,
    /// Under which the node has sent which frame.
    counters: BTreeMap<u32, Vec<u8>>,
    transmissions: u32,
    node_is_asleep: bool,
    names: Vec<(TopicId, String)>,
}

fn hub(settings: &Settings) -> Hub<HubKeys> {
    let security = settings.key.map(|_| Level::Mic32);
    let station = Station { eui64: GATEWAY, pan: 0xABCD, short: Some(1), security };
    let config = HubConfig { station, carriages: Carriages::Both(1883), fragment: true, limits: Limits::DEFAULT };
    Hub::new(config, HubKeys { next: 0, heard: 0 }, 1).expect("it can be")
}

fn sensor(settings: &Settings, flash: &Flash, fault: Option<&'static str>, seed: u32) -> Sensor<'static> {
    let session: &'static [u8] = flash.session.clone().leak();
    let start = Start { seed, eui64: NODE, reserved: flash.counter, heard: flash.heard, session, fault };
    Sensor::new(settings.clone(), "hall", start).expect("the settings are complete")
}

impl World {
    pub(crate) fn new(extra: &str) -> Self {
        Self::with_fault(extra, None)
    }

    pub(crate) fn with_fault(extra: &str, fault: Option<&'static str>) -> Self {
        let mut settings = Settings::new();
        settings.apply(&format!("{SETTINGS} {extra}")).expect("the test's settings can be");
        let hub = hub(&settings);
        let mut world = Self {
            sensor: sensor(&settings, &Flash::default(), fault, 1),
            now: Instant::ZERO,
            flash: Flash::default(),
            kept: Vec::new(),
            fault: Fault::None,
            radio_on: Duration::ZERO,
            frames: 0,
            refused: 0,
            connects: 0,
            core: core(&hub),
            hub,
            settings,
            inbox: VecDeque::new(),
            air: VecDeque::new(),
            heard: Vec::new(),
            counters: BTreeMap::new(),
            transmissions: 0,
            node_is_asleep: false,
            names: Vec::new(),
        };
        world.subscribe_to_all();
        world
    }

    /// Lets so much time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            match self.sensor.poll(self.now) {
                Action::Transmit(frame) => self.transmit(frame.id, frame.psdu.as_bytes()),
                Action::Listen { from, until, .. } => {
                    self.pass(from.max(self.now));
                    self.listen(until);
                }
                Action::Measure => self.sensor.measured(Sample { centidegrees: 2125, supply_mv: 3012 }),
                Action::Keep(keep) => self.keep(keep),
                Action::Sleep { until } => {
                    assert!(until > self.now, "it sleeps, or it has something to do");
                    self.pass(until.min(end));
                }
            }
        }
    }

    pub(crate) fn count(&self, is_meant: impl Fn(&Keep) -> bool) -> usize {
        self.kept.iter().filter(|keep| is_meant(keep)).count()
    }

    /// Power fails, or the node crashes.
    pub(crate) fn restart_node(&mut self, fault: Option<&'static str>) {
        let settings = self.flash.settings.as_ref().unwrap_or(&self.settings);
        self.sensor = sensor(settings, &self.flash, fault, self.now.as_micros() as u32);
    }

    /// The gateway forgets everything.
    pub(crate) fn restart_gateway(&mut self) {
        self.hub = hub(&self.settings);
        self.core = core(&self.hub);
        (self.inbox, self.air) = (VecDeque::new(), VecDeque::new());
        self.subscribe_to_all();
    }

    fn keep(&mut self, keep: Keep) {
        match keep {
            Keep::Counters { reserved, heard } => {
                assert!((reserved, heard) > (self.flash.counter, self.flash.heard), "something is new");
                (self.flash.counter, self.flash.heard) = (reserved, heard);
            }
            Keep::Session => self.flash.session = self.sensor.session().to_vec(),
            Keep::Settings => self.flash.settings = Some(self.sensor.settings().clone()),
            Keep::NoFault => {}
        }
        self.kept.push(keep);
        self.sensor.kept(keep);
    }

    fn transmit(&mut self, id: FrameId, psdu: &[u8]) {
        self.frames += 1;
        self.check_counter(psdu);
        if matches!(self.fault, Fault::Busy(until) if self.now < until) {
            self.radio_on += LOOKS;
            self.pass(self.now + LOOKS);
            return self.sensor.transmitted(self.now, id, Err(TransmitError::ChannelAccess));
        }
        let airtime = Duration::from_micros((psdu.len() as u64 + 8) * OCTET_US + 208);
        let is_lost = self.is_lost();
        // An acknowledgement after 192 us, or four times none for 864.
        let time =
            if is_lost { 4 * (airtime + Duration::from_micros(864)) } else { airtime + Duration::from_micros(544) };
        self.radio_on += time;
        self.pass(self.now + time);
        if is_lost {
            return self.sensor.transmitted(self.now, id, Err(TransmitError::NoAck));
        }
        let frame_pending = self.hub.source_match().any(|node| node == NODE);
        self.sensor.transmitted(self.now, id, Ok(Ack { frame_pending }));
        if self.fault != Fault::Deaf {
            self.reach_hub(psdu);
        }
    }

    fn is_lost(&mut self) -> bool {
        self.transmissions += 1;
        match self.fault {
            Fault::Gone => true,
            Fault::Lossy(one_of) => self.transmissions.is_multiple_of(one_of),
            Fault::None | Fault::Deaf | Fault::Busy(_) | Fault::RefusesSleepers | Fault::RefusesConnects => false,
        }
    }

    /// Under the node's key, none is used twice but for the same frame again.
    fn check_counter(&mut self, psdu: &[u8]) {
        if self.settings.key.is_none() {
            return;
        }
        let (header, len) = Header::decode(psdu).expect("the node's frames can be read");
        // Who asks for a router has no key in common with it.
        if header.to == Address::Short(0xFFFF) {
            return;
        }
        assert!(header.secured && matches!(header.kind, Kind::Data | Kind::Command));
        let counter = u32::from_le_bytes(psdu[len + 1..len + 5].try_into().expect("four octets"));
        assert!(counter < self.flash.counter, "counter {counter} was not reserved");
        let known = self.counters.insert(counter, psdu.to_vec());
        assert!(known.is_none_or(|known| known == psdu), "counter {counter} was used before");
    }

    fn reach_hub(&mut self, psdu: &[u8]) {
        if let Received::Datagram { octets, .. } = self.hub.handle_frame(self.now, psdu, Signal::default()) {
            let octets = octets.to_vec();
            self.inbox.push_back((self.now + COMMIT, octets));
        }
        self.send_frames();
    }

    fn listen(&mut self, until: Instant) {
        let from = self.now;
        match self.air.front() {
            Some((at, ..)) if *at <= until => {
                let (at, id, psdu) = self.air.pop_front().expect("it is there");
                let airtime = Duration::from_micros((psdu.len() as u64 + 8) * OCTET_US);
                self.pass(at.max(self.now) + airtime);
                let is_lost = self.is_lost();
                let fate = if is_lost { Err(TransmitError::NoAck) } else { Ok(Ack::default()) };
                self.hub.handle_transmitted(self.now, id, fate);
                if !is_lost {
                    self.sensor.received(self.now, Some(&psdu));
                }
                // The radio acknowledges it meanwhile.
                self.pass(self.now + Duration::from_micros(544));
                self.send_frames();
            }
            _ => {
                self.pass(until);
                self.sensor.received(self.now, None);
            }
        }
        self.radio_on += self.now.since(from);
    }

    /// Time passes for the gateway.
    fn pass(&mut self, until: Instant) {
        loop {
            let inbox = self.inbox.front().map(|(at, _)| *at);
            let due = [inbox, self.core.poll_timeout(), self.hub.poll_timeout()];
            let Some(due) = due.into_iter().flatten().min().filter(|due| *due <= until) else { break };
            self.now = self.now.max(due);
            self.core.handle_timeout(self.now);
            self.hub.handle_timeout(self.now);
            while let Some((_, octets)) = self.inbox.pop_front_if(|(at, _)| *at <= due) {
                self.reach_core(&octets);
            }
            self.settle();
        }
        self.now = self.now.max(until);
        // Nobody listened to what was sent meanwhile.
        while let Some((_, id, _)) = self.air.pop_front_if(|(at, ..)| *at < until) {
            self.hub.handle_transmitted(self.now, id, Err(TransmitError::NoAck));
            self.send_frames();
        }
    }

    fn reach_core(&mut self, octets: &[u8]) {
        let from = PeerAddr::direct(TRANSPORT, LinkAddr::Eui64(NODE.0));
        match decode(octets) {
            Ok(Message::Publish(_)) if self.fault == Fault::RefusesSleepers && self.node_is_asleep => {
                self.refused += 1;
                self.hub.send(self.now, NODE, b"\x02\x18").expect("there is room");
            }
            Ok(Message::Connect(_)) if self.fault == Fault::RefusesConnects => {
                self.refused += 1;
                self.hub.send(self.now, NODE, b"\x03\x05\x03").expect("there is room");
            }
            message => {
                match message {
                    Ok(Message::Connect(_)) => (self.connects, self.node_is_asleep) = (self.connects + 1, false),
                    Ok(Message::Disconnect(disconnect)) => self.node_is_asleep = disconnect.duration_s.is_some(),
                    _ => {}
                }
                self.core.handle_input(self.now, Input::Datagram { from, bytes: octets });
            }
        }
    }

    fn settle(&mut self) {
        while let Some(output) = self.core.poll_output() {
            let Output::Send { to, datagram } = output else { continue };
            if to.transport == BOSS {
                self.tell_boss(&datagram);
            } else {
                self.hub.send(self.now, NODE, &datagram).expect("there is room");
            }
        }
        self.send_frames();
    }

    fn send_frames(&mut self) {
        while let Some(frame) = self.hub.poll_transmit() {
            self.air.push_back((self.now + DONGLE, frame.id, frame.psdu.as_bytes().to_vec()));
        }
    }

    /// What was published at this topic.
    pub(crate) fn published(&self, topic: &str) -> Vec<&str> {
        self.heard.iter().filter(|(name, _)| name == topic).map(|(_, text)| text.as_str()).collect()
    }

    /// Retained, at QoS 1.
    pub(crate) fn publish(&mut self, topic: &str, payload: &str) {
        let name = Message::Register(sn_codec::Register { topic_id: TopicId(0), msg_id: MsgId(7), topic_name: topic });
        self.boss_says(&name);
        let id = self.names.iter().find(|(_, name)| name == topic).expect("it has been registered").0;
        self.boss_says(&Message::Publish(Publish {
            dup: false,
            qos: Qos::One,
            retain: true,
            topic: Topic::Normal(id),
            msg_id: MsgId(8),
            data: payload.as_bytes(),
        }));
    }

    fn subscribe_to_all(&mut self) {
        let connect = Connect { will: false, clean_session: true, protocol_id: 1, duration_s: 0, client_id: "boss" };
        self.boss_says(&Message::Connect(connect));
        let topic = TopicFilter::Name("hall/#");
        self.boss_says(&Message::Subscribe(Subscribe { qos: Qos::Zero, msg_id: MsgId(1), topic }));
    }

    fn boss_says(&mut self, message: &Message<'_>) {
        let mut buffer = [0; 512];
        let len = message.encode(&mut buffer).expect("it fits");
        let from = PeerAddr::direct(BOSS, LinkAddr::Line);
        self.core.handle_input(self.now, Input::Datagram { from, bytes: &buffer[..len] });
        self.settle();
    }

    fn tell_boss(&mut self, datagram: &[u8]) {
        match decode(datagram).expect("the gateway sends what can be read") {
            Message::Register(register) => {
                self.names.push((register.topic_id, register.topic_name.to_owned()));
                let sn_codec::Register { topic_id, msg_id, .. } = register;
                let ack = sn_codec::RegAck { topic_id, msg_id, return_code: sn_codec::ReturnCode::Accepted };
                self.boss_says(&Message::RegAck(ack));
            }
            Message::RegAck(ack) => self.names.push((ack.topic_id, "hall/config".to_owned())),
            Message::Publish(Publish { topic: Topic::Normal(id), data, .. }) => {
                let name = self.names.iter().rev().find(|(known, _)| *known == id).expect("it was registered");
                let text = String::from_utf8(data.to_vec()).expect("it is text");
                self.heard.push((name.1.clone(), text));
            }
            _ => {}
        }
    }
}

fn core(hub: &Hub<HubKeys>) -> Core {
    let mut core = Core::new(GatewayConfig::default());
    core.add_transport(Instant::ZERO, TRANSPORT, hub.config().profile());
    core
}
