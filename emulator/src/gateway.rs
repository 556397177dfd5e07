//! A gateway in virtual time: what the daemon is made of, the hub of a radio and the core, with a disk that takes its time,
//! and an MQTT client that subscribes to everything and publishes what a test wants.

use crate::client::Client;
use gateway_core::{CommitToken, Config, ConnId, Core, Input, NewNode, Output, Qos};
use lowpan::{Ack, Carriages, FrameId, Hub, Limits, Received, SourceMatch, Station, TransmitError};
use simulator::radio::FrameFate;
use sn_types::{Eui64, Instant, LinkAddr, LinkKey, PeerAddr, Signal, TransportId, Way};
use std::collections::VecDeque;
use std::time::Duration;
use transports::NodeTable;
use transports::nodes::{Listed, NodeReport, Sent};

const TRANSPORT: TransportId = TransportId(0);
const CONN: ConnId = ConnId(1);
/// Where 6LoWPAN's datagrams go.
const PORT: u16 = 1883;

/// What a gateway is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) station: Station,
    /// A node and its key, with link security.
    pub(crate) node: Option<(Eui64, LinkKey)>,
    /// How long a commit takes.
    pub(crate) commit: Duration,
    pub(crate) seed: u64,
}

/// A gateway.
pub(crate) struct Gateway {
    core: Core,
    hub: Hub<NodeTable>,
    in_radio: Option<(FrameId, Option<Eui64>)>,
    commit: Duration,
    committing: VecDeque<(Instant, CommitToken)>,
    pub(crate) client: Client,
}

impl Gateway {
    /// One that has just started.
    pub(crate) fn new(settings: &Settings) -> Self {
        let Settings { station, node, commit, seed } = *settings;
        let config =
            lowpan::Config { station, carriages: Carriages::Both(PORT), fragment: true, limits: Limits::DEFAULT };
        let mut table = if station.security.is_some() { NodeTable::secured() } else { NodeTable::new() };
        let mut core = Core::new(Config { durable: true, sys_interval: None, hash_seed: seed, ..Config::default() });
        if let Some((node, key)) = node {
            let listed = NewNode { node, name: "node".into(), key: Some(key), added_s: 0 };
            // A list with one node has room and no second of that name.
            core.add_node(Instant::ZERO, listed).unwrap_or_else(|error| panic!("{error}"));
            table.put(node, Listed { key: Some(key), counter: None, revoked: false, way: Way::default() });
        }
        // What is configured here is fixed, and can be.
        let hub = Hub::new(config, table, seed).unwrap_or_else(|error| panic!("{error}"));
        core.add_transport(Instant::ZERO, TRANSPORT, hub.config().profile());
        let mut gateway =
            Self { core, hub, in_radio: None, commit, committing: VecDeque::new(), client: Client::default() };
        let hello = gateway.client.connect();
        gateway.mqtt(Instant::ZERO, hello);
        gateway
    }

    /// The radio has received a frame, which comes without its check sequence.
    pub(crate) fn heard(&mut self, now: Instant, frame: &[u8], signal: Signal) {
        let received = match self.hub.handle_frame(now, frame, signal) {
            Received::Datagram { from, octets, .. } => Some((from, octets.to_vec())),
            Received::Fragment { .. }
            | Received::DataRequest { .. }
            | Received::Solicitation { .. }
            | Received::Neighbour { .. }
            | Received::Rejected { .. } => None,
        };
        // What a frame's counter was is told before what it has brought.
        while let Some(report) = self.hub.keys_mut().poll_report() {
            let NodeReport { node, counter, spoke, heard, way } = report;
            let report = gateway_core::NodeReport { node, counter, spoke, heard, way };
            self.core.handle_input(now, Input::Node { transport: TRANSPORT, report });
        }
        if let Some((from, octets)) = received {
            let from = PeerAddr::direct(TRANSPORT, LinkAddr::Eui64(from.0));
            self.core.handle_input(now, Input::Datagram { from, bytes: &octets });
        }
        self.carry_out(now);
    }

    /// The radio is done with a frame.
    pub(crate) fn sent(&mut self, now: Instant, fate: FrameFate) {
        let Some((id, to)) = self.in_radio.take() else { return };
        let result = match fate {
            FrameFate::Done => Ok(Ack::default()),
            FrameFate::NoAck => Err(TransmitError::NoAck),
            FrameFate::ChannelBusy => Err(TransmitError::ChannelAccess),
        };
        let sent = Sent { retries: 0, delivered: result.is_ok() };
        to.into_iter().for_each(|to| self.hub.keys_mut().sent(to, sent));
        self.hub.handle_transmitted(now, id, result);
        self.carry_out(now);
    }

    /// The next frame for the radio, without check sequence.
    pub(crate) fn poll_frame(&mut self) -> Option<Vec<u8>> {
        if self.in_radio.is_some() {
            return None;
        }
        let transmit = self.hub.poll_transmit()?;
        self.in_radio = Some((transmit.id, transmit.to));
        Some(transmit.psdu.as_bytes().to_vec())
    }

    /// Whom the radio is to tell that something waits.
    pub(crate) fn poll_source_match(&mut self) -> Option<SourceMatch> {
        self.hub.poll_source_match()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let commit = self.committing.front().map(|(at, _)| *at);
        [commit, self.core.poll_timeout(), self.hub.poll_timeout()].into_iter().flatten().min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, token)) = self.committing.pop_front_if(|(at, _)| *at <= now) {
            self.core.handle_input(now, Input::Committed { token });
        }
        self.core.handle_timeout(now);
        self.hub.handle_timeout(now);
        self.carry_out(now);
    }

    /// The MQTT client publishes.
    pub(crate) fn publish(&mut self, now: Instant, topic: &str, payload: &[u8], qos: Qos, retain: bool) {
        let packet = self.client.publish(topic, payload, qos, retain);
        self.mqtt(now, vec![packet]);
    }

    fn mqtt(&mut self, now: Instant, packets: Vec<gateway_core::mqtt::Packet>) {
        for packet in packets {
            self.core.handle_input(now, Input::Mqtt { conn: CONN, packet });
        }
        self.carry_out(now);
    }

    fn carry_out(&mut self, now: Instant) {
        if self.hub.keys_mut().asks() {
            self.core.handle_input(now, Input::CountersWanted { transport: TRANSPORT });
        }
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send { to, datagram } => {
                    if let LinkAddr::Eui64(to) = to.link {
                        // A full queue is the hub's to count.
                        let _ = self.hub.send(now, Eui64(to), &datagram);
                    }
                }
                Output::Broadcast { datagram, .. } => drop(self.hub.broadcast(now, &datagram)),
                Output::Mqtt { packet, .. } => {
                    if let Some(answer) = self.client.hear(now, packet) {
                        self.core.handle_input(now, Input::Mqtt { conn: CONN, packet: answer });
                    }
                }
                Output::Counters { block, .. } => self.hub.keys_mut().grant(block),
                Output::Commit { token, .. } => self.committing.push_back((now + self.commit, token)),
                Output::MqttClose { .. } | Output::MqttRead { .. } | Output::Upstream { .. } | Output::Event(_) => {}
            }
        }
    }
}
