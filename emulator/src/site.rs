//! Where the chip is: the simulator's air, and a gateway that hears it.

use crate::air::Air;
use crate::client::Message;
use crate::dongle::Dongle;
use crate::gateway::{Gateway, Settings};
use gateway_core::Qos;
use lowpan::{FCS_LEN, Level, Station};
use simulator::medium::{Medium as _, Uplink};
use simulator::radio::{self, ChipIndex, FromAir, LinkPlan, Loss, OnChip, Propagation, Radio, RadioPlan, Receiver};
use sn_types::{Eui64, Instant, LinkKey, Signal};
use spinel_device::{Address, Pending};
use std::collections::VecDeque;
use std::time::Duration;
use transports::ieee802154::rcp::{Event, Info};

/// Where everybody is.
const CHANNEL: u8 = 15;

/// How the gateway's radio sends the frame that a node has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// It looks at the channel at once.
    Ours,
    /// After a random backoff, as for any frame.
    OpenThread,
}

/// What a site is like.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Of losses, of the gateway's backoffs, of everything in the gateway that is random.
    pub seed: u64,
    /// The gateway's PAN.
    pub pan: u16,
    /// How strongly those hear each other that do, in dBm. Default: -70, enough to find the channel busy by energy alone.
    pub rssi_dbm: i16,
    /// What the air loses.
    pub loss: Loss,
    /// How the gateway's frames are secured, and the key of the node. Default: not.
    pub key: Option<(Level, LinkKey)>,
    /// The gateway's short address, if it has one. Default: 0001.
    pub short: Option<u16>,
    /// Whose firmware is on the gateway's radio. Default: ours.
    pub firmware: Firmware,
    /// How long the gateway's disk takes for a commit. Default: 20 ms.
    pub commit: Duration,
    /// How long a frame takes between the gateway's radio and its host, either way. Default: 1 ms, a frame of USB.
    pub host: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seed: 1,
            pan: 0x530F,
            rssi_dbm: -70,
            loss: Loss::default(),
            key: None,
            short: Some(0x0001),
            firmware: Firmware::Ours,
            commit: Duration::from_millis(20),
            host: Duration::from_millis(1),
        }
    }
}

/// The air, and the gateway.
pub struct Site {
    radio: Radio,
    gateway: Gateway,
    host: Duration,
    firmware: Firmware,
    /// The node has asked for a frame, and none was sent since.
    is_asked: bool,
    /// On their way from the radio to its host.
    up: VecDeque<(Instant, FromAir)>,
    /// The frame on its way from the host to its radio.
    down: Option<(Instant, Vec<u8>)>,
    is_on: bool,
    /// Chips that share a site may be some microseconds apart; here time goes forward.
    now: Instant,
    /// The one that is spoken for.
    chip: ChipIndex,
    /// The gateway's radio is that of a chip.
    dongle: Option<Dongle>,
}

impl Site {
    /// A site where nothing has been said yet, with a chip as a node.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        Self::with(plan, 1, &[radio::Station::Node(0)], &[(radio::Station::Node(0), radio::Station::Gateway(0))])
    }

    /// A site with two chips: a router, and a node that hears nobody but the router.
    #[must_use]
    pub fn with_router(plan: &Plan) -> Self {
        let (node, router, gateway) = (radio::Station::Node(0), radio::Station::Router(0), radio::Station::Gateway(0));
        Self::with(plan, 1, &[router, node], &[(node, router), (router, gateway)])
    }

    /// A site with two chips: a dongle as the gateway's radio, and a node.
    #[must_use]
    pub fn with_dongle(plan: &Plan) -> Self {
        let (node, gateway) = (radio::Station::Node(0), radio::Station::Gateway(0));
        let mut site = Self::with(plan, 1, &[gateway, node], &[(node, gateway)]);
        site.dongle = Some(Dongle::new(&Self::station(plan), CHANNEL));
        site
    }

    /// A site with one chip, a dongle as the gateway's radio, and simulated nodes that all hear each other.
    #[must_use]
    pub fn with_crowd(plan: &Plan, nodes: usize) -> Self {
        let mut site = Self::with(plan, nodes, &[radio::Station::Gateway(0)], &all_pairs(nodes));
        site.dongle = Some(Dongle::new(&Self::station(plan), CHANNEL).keeping_frames());
        site
    }

    /// A site with one chip as the first of so many nodes; the others are simulated, and all hear each other.
    #[must_use]
    pub fn with_neighbours(plan: &Plan, nodes: usize) -> Self {
        Self::with(plan, nodes, &[radio::Station::Node(0)], &all_pairs(nodes))
    }

    /// A simulated node sends the gateway a datagram.
    pub fn send_up(&mut self, now: Instant, node: usize, datagram: &[u8]) {
        self.radio.send_up(now, node, Uplink::Gateway(0), datagram);
    }

    /// The frames that the dongle of a site [with a crowd](Site::with_crowd) has brought, without their check sequences.
    #[must_use]
    pub fn dongle_frames(&self) -> &[Vec<u8>] {
        self.dongle.as_ref().map_or(&[], Dongle::frames)
    }

    fn station(plan: &Plan) -> Station {
        let security = plan.key.map(|(level, _)| level);
        Station { eui64: Self::GATEWAY, pan: plan.pan, short: plan.short, security }
    }

    fn with(plan: &Plan, nodes: usize, chips: &[radio::Station], links: &[(radio::Station, radio::Station)]) -> Self {
        let link = |&(a, b)| LinkPlan { a, b, rssi_dbm: plan.rssi_dbm, loss: Some(plan.loss) };
        let sites = vec![radio::Site::default()];
        let mut radio = Radio::new(&RadioPlan {
            seed: plan.seed,
            propagation: Propagation::Table(links.iter().map(link).collect()),
            nodes: sites.iter().cycle().take(nodes).copied().collect(),
            routers: sites.iter().filter(|_| chips.contains(&radio::Station::Router(0))).copied().collect(),
            gateways: sites,
            receiver: Receiver { carrier_sense: true, ..Receiver::default() },
            ..RadioPlan::default()
        });
        if !chips.contains(&radio::Station::Gateway(0)) {
            radio.hand_over(0);
        }
        if let Some(short) = plan.short {
            radio.name(radio::Station::Gateway(0), short);
        }
        for chip in chips {
            radio.hand_over_chip(Instant::ZERO, *chip, plan.pan);
        }
        let station = Self::station(plan);
        let node = plan.key.map(|(_, key)| (Self::NODE, key));
        let gateway = Gateway::new(&Settings { station, node, commit: plan.commit, seed: plan.seed });
        Self {
            radio,
            gateway,
            host: plan.host,
            firmware: plan.firmware,
            is_asked: false,
            up: VecDeque::new(),
            down: None,
            is_on: true,
            now: Instant::ZERO,
            chip: 0,
            dongle: None,
        }
    }

    /// When something was done here last.
    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// From now on what is done as [`Air`] is this chip's.
    pub(crate) fn speak_for(&mut self, chip: ChipIndex) {
        self.chip = chip;
    }

    /// The address that the node has to have.
    pub const NODE: Eui64 = Eui64(Radio::node_address(0));
    /// The address that the router has to have.
    pub const ROUTER: Eui64 = Eui64(Radio::router_address(0));
    /// The gateway's address.
    pub const GATEWAY: Eui64 = Eui64(Radio::gateway_address(0));

    /// What the MQTT client has heard.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        self.gateway.client.messages()
    }

    /// The MQTT client publishes.
    pub fn publish(&mut self, now: Instant, topic: &str, payload: &[u8], qos: Qos, retain: bool) {
        self.gateway.publish(now, topic, payload, qos, retain);
        self.give(now);
    }

    /// The gateway's radio is there, or is not.
    pub fn set_gateway(&mut self, now: Instant, on: bool) {
        self.is_on = on;
        self.radio.listen_outside(now, on);
    }

    /// Frames of all stations so far, acknowledgements not counted.
    #[must_use]
    pub fn radio_stats(&self, now: Instant) -> radio::RadioStats {
        self.radio.stats(now)
    }

    /// From now on, `tap` is told of every frame.
    pub fn tap(&mut self, tap: impl FnMut(&radio::OnAir<'_>) + 'static) {
        self.radio.tap(tap);
    }

    /// The driver of the gateway's dongle, if it has one.
    pub(crate) fn dongle(&mut self) -> Option<&mut Dongle> {
        self.dongle.as_mut()
    }

    /// What the dongle has said of itself, if there is one and it is up.
    #[must_use]
    pub fn dongle_info(&self) -> Option<&Info> {
        self.dongle.as_ref()?.info()
    }

    /// What has happened to the dongle since this was last asked, frames left out.
    pub fn take_dongle_news(&mut self) -> Vec<Event> {
        self.dongle.as_mut().map_or_else(Vec::new, Dongle::take_news)
    }

    /// The dongle listens on each channel for so long; `false`: not now.
    pub fn scan(&mut self, now: Instant, channels: &[u8], period_ms: u16) -> bool {
        self.dongle.as_mut().is_some_and(|dongle| dongle.scan(now, channels, period_ms))
    }

    /// What the radio and its host have for each other sets out.
    pub(crate) fn give(&mut self, now: Instant) {
        if let Some(dongle) = &mut self.dongle {
            return dongle.exchange(now, &mut self.gateway);
        }
        while let Some(news) = self.radio.poll_outside() {
            self.is_asked |= matches!(&news, FromAir::Heard { psdu, .. } if psdu.first().is_some_and(is_command));
            self.up.push_back((now + self.host, news));
        }
        while let Some(change) = self.gateway.poll_source_match() {
            // There is one node.
            let mut pending = Pending::nobody();
            if change.pending && change.node == Self::NODE {
                let _ = pending.insert(Address::Extended(change.node.0));
            }
            self.radio.set_pending(pending);
        }
        if self.is_on && self.down.is_none() {
            self.down = self.gateway.poll_frame().map(|frame| (now + self.host, frame));
        }
    }

    fn arrive(&mut self, now: Instant) {
        while let Some((_, news)) = self.up.pop_front_if(|(at, _)| *at <= now) {
            match news {
                FromAir::Heard { psdu, rssi_dbm } => {
                    if let Some(frame) = lowpan::check_fcs(&psdu) {
                        self.gateway.heard(now, frame, Signal { rssi_dbm: Some(rssi_dbm), lqi: None });
                    }
                }
                FromAir::Sent(fate) => self.gateway.sent(now, fate),
            }
        }
        if let Some((_, mut frame)) = self.down.take_if(|(at, _)| *at <= now) {
            // The radio makes the check sequence.
            frame.extend([0; FCS_LEN]);
            if std::mem::take(&mut self.is_asked) && self.firmware == Firmware::Ours {
                self.radio.reply_from_outside(now, &frame);
            } else {
                self.radio.send_from_outside(now, &frame);
            }
        }
    }
}

impl Site {
    /// Time never goes back.
    fn pass(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }
}

/// Nodes and the gateway, each with each.
fn all_pairs(nodes: usize) -> Vec<(radio::Station, radio::Station)> {
    let all: Vec<_> = (0..nodes).map(radio::Station::Node).chain([radio::Station::Gateway(0)]).collect();
    all.iter().enumerate().flat_map(|(at, a)| all[at + 1..].iter().map(|b| (*a, *b))).collect()
}

/// Whether a frame that begins so is a MAC command: of those, nodes send data requests only.
const fn is_command(control: &u8) -> bool {
    *control & 7 == 3
}

/// For the chip that [`Site::speak_for`] names.
impl Air for Site {
    fn tune(&mut self, now: Instant, channel: u8) {
        let now = self.pass(now);
        self.radio.tune_chip(now, self.chip, channel == CHANNEL);
    }

    fn open(&mut self, now: Instant, on: bool) {
        let now = self.pass(now);
        self.radio.open_chip(now, self.chip, on);
    }

    fn send(&mut self, now: Instant, psdu: &[u8]) {
        let now = self.pass(now);
        self.radio.send_from_chip(now, self.chip, psdu);
    }

    fn break_off(&mut self, now: Instant) {
        let now = self.pass(now);
        self.radio.break_off_chip(now, self.chip);
    }

    fn power_dbm(&self) -> i8 {
        self.radio.chip_power_dbm(self.chip)
    }

    fn hears_carrier(&self) -> bool {
        self.radio.chip_hears_carrier(self.chip)
    }

    fn poll(&mut self) -> Option<OnChip> {
        self.radio.poll_chip(self.chip)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let up = self.up.front().map(|(at, _)| *at);
        let down = self.down.as_ref().map(|(at, _)| *at);
        let dongle = self.dongle.as_ref().and_then(Dongle::poll_timeout);
        [up, down, dongle, self.radio.poll_timeout(), self.gateway.poll_timeout()].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Instant) {
        let now = self.pass(now);
        self.radio.handle_timeout(now);
        self.arrive(now);
        if let Some(dongle) = &mut self.dongle {
            dongle.handle_timeout(now);
        }
        if self.gateway.poll_timeout().is_some_and(|at| at <= now) {
            self.gateway.handle_timeout(now);
        }
        self.give(now);
    }
}
