//! A run as a report.

use super::World;
use crate::floor::Floor;
use crate::radio::{RadioStats, Station as OnRadio, StationStats};
use crate::report::{Channel, Link, Position, Power, Radio, Report, Scenario, Station, StationKind, Traffic};

impl World<'_> {
    /// Everything up to now. `floor` says what is where.
    #[must_use]
    pub fn report(&self, floor: &Floor) -> Report {
        let radio = self.radio_stats();
        let [latency_up, latency_down] = self.ledger.figures().latencies();
        Report {
            scenario: Scenario {
                name: floor.name.clone(),
                description: floor.description.clone(),
                seed: self.plan.seed,
            },
            duration_us: self.now.as_micros(),
            gateway: self.gateway_facts(),
            stations: self.stations(floor, radio.as_ref()),
            links: radio.as_ref().map_or(Vec::new(), |radio| self.links(radio)),
            walls: floor.walls.clone(),
            deliveries: self.ledger.deliveries(),
            latency_up,
            latency_down,
            series: self.series(),
            channels: radio.as_ref().map_or(Vec::new(), channels),
            violations: self.ledger.violations().iter().map(ToString::to_string).collect(),
        }
    }

    /// In the order of the report: nodes, routers, gateways, MQTT clients.
    fn stations(&self, floor: &Floor, radio: Option<&RadioStats>) -> Vec<Station> {
        let traffic = self.ledger.figures().traffic();
        let (of_nodes, of_clients) = traffic.split_at(self.plan.nodes.len());
        let nodes = self.plan.nodes.iter().zip(of_nodes).enumerate().map(|(number, (node, traffic))| {
            let place = floor.nodes.get(number);
            let is_sleeper = node.sleep.is_some();
            Station { is_sleeper, traffic: *traffic, ..station(&node.client_id, StationKind::Node, place) }
        });
        let named = |kind, what: &str, number: usize, place| station(&format!("{what}-{number}"), kind, place);
        let routers = floor.routers.iter().enumerate();
        let routers = routers.map(|(number, place)| named(StationKind::Router, "router", number, Some(place)));
        let gateways = (0..self.plan.gateways.len())
            .map(|number| named(StationKind::Gateway, "gateway", number, floor.gateways.get(number)));
        let clients = self.plan.mqtt.iter().zip(of_clients).map(|(client, traffic)| Station {
            traffic: *traffic,
            ..station(&client.client_id, StationKind::MqttClient, None)
        });
        let mut stations: Vec<Station> = nodes.chain(routers).chain(gateways).chain(clients).collect();
        for stats in radio.into_iter().flat_map(|radio| &radio.stations) {
            let next_hop = self.next_hop(stats);
            if let Some(station) = stations.get_mut(self.place(stats.station)) {
                note_radio(station, stats, next_hop);
            }
        }
        stations
    }

    /// A radio station's place in the report.
    fn place(&self, station: OnRadio) -> usize {
        let nodes = self.plan.nodes.len();
        let routers = || self.medium.radio().map_or(0, crate::radio::Radio::routers);
        match station {
            OnRadio::Node(number) => number,
            OnRadio::Router(number) => nodes + number,
            OnRadio::Gateway(number) => nodes + routers() + number,
        }
    }

    /// Of a node, towards its own gateway.
    fn next_hop(&self, stats: &StationStats) -> Option<usize> {
        let of = match stats.station {
            OnRadio::Node(number) => self.plan.nodes.get(number).map_or(0, |node| node.gateway),
            OnRadio::Router(_) => stats.routes.iter().min_by_key(|route| route.hops)?.gateway,
            OnRadio::Gateway(_) => return None,
        };
        let route = stats.routes.iter().find(|route| route.gateway == of)?;
        Some(self.place(route.next_hop))
    }

    /// Only those that were used: a crowded floor has many more.
    fn links(&self, radio: &RadioStats) -> Vec<Link> {
        let used = radio.links.iter().filter(|link| link.frames > 0);
        let link = |link: &crate::radio::LinkStats| Link {
            from: self.place(link.from),
            to: self.place(link.to),
            frames_tried: link.frames,
            frames_lost: link.failed,
            rssi_tenth_dbm: Some(link.rssi_tenths),
        };
        used.map(link).collect()
    }
}

fn station(name: &str, kind: StationKind, place: Option<&Position>) -> Station {
    Station {
        name: name.to_owned(),
        kind,
        position: place.copied(),
        is_sleeper: false,
        traffic: Traffic::default(),
        radio: None,
        power: None,
        next_hop: None,
    }
}

/// Only nodes have a battery.
fn note_radio(station: &mut Station, stats: &StationStats, next_hop: Option<usize>) {
    let counters = &stats.counters;
    station.radio = Some(Radio {
        frames_sent: counters.sent - counters.retries,
        retries: counters.retries,
        failures: counters.channel_access_failures + counters.ack_failures,
        on_us: stats.energy.transmit_us + stats.energy.receive_us,
    });
    let battery_life_days = stats.lifetime_days.and_then(|days| u32::try_from(days).ok());
    station.power = (station.kind == StationKind::Node)
        .then_some(Power { average_current_na: stats.average_na, battery_life_days });
    station.next_hop = next_hop;
}

fn channels(radio: &RadioStats) -> Vec<Channel> {
    let channel = |channel: &crate::radio::ChannelStats| Channel {
        number: channel.channel,
        airtime_us: channel.counters.airtime_us,
    };
    radio.channels.iter().map(channel).collect()
}
