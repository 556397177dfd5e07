//! An invented run: what a page must be able to show, whether or not a simulator would come to it.

use oorandom::Rand64;
use simulator::report::{
    Channel, Delivery, Direction, GatewayFacts, LatencyRecorder, Levels, Link, Outage, Position, Power, Radio, Report,
    Sampler, Scenario, Station, StationKind, Traffic, Wall,
};

const S: u64 = 1_000_000;
const H: u64 = 3_600 * S;
const DAY: u64 = 24 * H;

/// Sleepers publish every ten minutes.
const MESSAGES: u64 = 144;

/// A day of an office floor: a gateway, twelve routers, so many sleepers, two MQTT clients, and two crashes.
pub(crate) fn office(sleepers: usize) -> Report {
    let mut rng = Rand64::new(7);
    let mut report = Report {
        scenario: Scenario {
            name: "Office floor".to_owned(),
            description: "Sleepers in two wings report every ten minutes at QoS 1; a building controller sends them \
                          set points. The gateway crashes twice."
                .to_owned(),
            seed: 7,
        },
        duration_us: DAY,
        stations: stations(sleepers, &mut rng),
        walls: walls(),
        gateway: GatewayFacts { retransmissions: 1_371, outages: outages(), ..GatewayFacts::default() },
        ..Report::default()
    };
    report.gateway.drops.insert("queue full, oldest dropped".to_owned(), 12);
    report.gateway.rejects.insert("topic id not known".to_owned(), 37);
    report.gateway.rejects.insert("PUBLISH while asleep".to_owned(), 2);
    report.links = links(&report.stations, &mut rng);
    report.latency_up = latencies(sleepers, 40_000.0, 2.2, &mut rng);
    report.latency_down = latencies(sleepers / 4, 60.0 * S as f64, 1.6, &mut rng);
    deliveries(&mut report, sleepers as u64);
    series(&mut report, sleepers as u64, &mut rng);
    report
}

fn outages() -> Vec<Outage> {
    vec![
        Outage { crashed_us: 7 * H, restarted_us: Some(7 * H + 1_200 * S) },
        Outage { crashed_us: 16 * H, restarted_us: Some(16 * H + 90 * S) },
    ]
}

fn walls() -> Vec<Wall> {
    let wall = |x1, y1, x2, y2| Wall { from: Position { x_dm: x1, y_dm: y1 }, to: Position { x_dm: x2, y_dm: y2 } };
    let outside = [wall(0, 0, 800, 0), wall(800, 0, 800, 400), wall(800, 400, 0, 400), wall(0, 400, 0, 0)];
    let corridor = [wall(0, 160, 360, 160), wall(440, 160, 800, 160), wall(0, 240, 360, 240), wall(440, 240, 800, 240)];
    let rooms = (1..5).flat_map(|room| [wall(room * 160, 0, room * 160, 160), wall(room * 160, 240, room * 160, 400)]);
    outside.into_iter().chain(corridor).chain(rooms).collect()
}

fn station(name: String, kind: StationKind, x_dm: i32, y_dm: i32) -> Station {
    Station {
        name,
        kind,
        position: Some(Position { x_dm, y_dm }),
        is_sleeper: false,
        traffic: Traffic::default(),
        radio: Some(Radio { frames_sent: 20_000, retries: 900, failures: 4, on_us: DAY }),
        power: None,
        next_hop: None,
    }
}

/// The gateway is number 0, routers are 1 to 12.
fn stations(sleepers: usize, rng: &mut Rand64) -> Vec<Station> {
    let mut stations = vec![station("gateway".to_owned(), StationKind::Gateway, 400, 200)];
    for router in 0..12 {
        let (x_dm, y_dm) = (60 + router % 6 * 136, if router < 6 { 100 } else { 300 });
        let mut router = station(format!("router-{router}"), StationKind::Router, x_dm, y_dm);
        router.next_hop = nearest(&stations, &router, 0);
        router.power = Some(Power { average_current_na: 7_100_000, battery_life_days: None });
        stations.push(router);
    }
    for number in 0..sleepers {
        let (x_dm, y_dm) = (rng.rand_range(8..793) as i32, rng.rand_range(8..393) as i32);
        let mut node = station(format!("sensor-{number:03}"), StationKind::Node, x_dm, y_dm);
        node.next_hop = nearest(&stations[..13], &node, 1);
        become_sleeper(&mut node, rng);
        stations.push(node);
    }
    for name in ["historian", "building controller"] {
        let mut client = station(name.to_owned(), StationKind::MqttClient, 0, 0);
        (client.position, client.radio) = (None, None);
        client.traffic.delivered = sleepers as u64 * MESSAGES;
        stations.push(client);
    }
    stations
}

fn become_sleeper(node: &mut Station, rng: &mut Rand64) {
    let retries = rng.rand_range(2..120);
    let average_current_na = 9_000 + retries * 90 + rng.rand_range(0..1_500);
    // Two AA cells: 2,400 mAh.
    let days = 2_400_000_000 / average_current_na / 24;
    node.is_sleeper = true;
    node.traffic = Traffic { offered: MESSAGES, acknowledged: MESSAGES, delivered: 36, repeated: retries / 60 };
    node.radio = Some(Radio { frames_sent: 700, retries, failures: retries / 40, on_us: 40 * S + retries * 20_000 });
    node.power = Some(Power { average_current_na, battery_life_days: Some(days as u32) });
}

/// The station nearest to one, and nearer to the gateway if it is a router itself.
fn nearest(among: &[Station], station: &Station, first: usize) -> Option<usize> {
    let here = station.position?;
    let distance = |other: &Station, to: Position| {
        let at = other.position.unwrap_or(to);
        (at.x_dm - to.x_dm).pow(2) + (at.y_dm - to.y_dm).pow(2)
    };
    let gateway = among[0].position?;
    let is_nearer = |other: &Station| first > 0 || distance(other, gateway) < distance(station, gateway);
    let candidates = among.iter().enumerate().skip(first).filter(|(_, other)| is_nearer(other));
    candidates.min_by_key(|(_, other)| distance(other, here)).map(|(index, _)| index)
}

fn links(stations: &[Station], rng: &mut Rand64) -> Vec<Link> {
    let mut links = Vec::new();
    for (from, station) in stations.iter().enumerate() {
        let Some(next) = station.next_hop else { continue };
        let others = [next, (next + 1) % 13, (next + 6) % 13];
        for (place, to) in others.into_iter().enumerate().filter(|(_, to)| *to != from) {
            let frames_tried = if place == 0 { 800 } else { 40 };
            let worst = [2, 4, 30, 300][rng.rand_range(0..4) as usize];
            let frames_lost = frames_tried * rng.rand_range(0..worst) / 1_000;
            let rssi_tenth_dbm = Some(-600 - rng.rand_range(0..320) as i32);
            links.push(Link { from, to, frames_tried, frames_lost, rssi_tenth_dbm });
        }
    }
    links
}

fn latencies(sleepers: usize, typical_us: f64, spread: f64, rng: &mut Rand64) -> simulator::report::Latency {
    let mut recorder = LatencyRecorder::new();
    for _ in 0..sleepers as u64 * MESSAGES {
        let bell: f64 = (0..6).map(|_| rng.rand_float()).sum::<f64>() - 3.0;
        recorder.record((typical_us * (bell * spread).exp()) as u64);
    }
    recorder.latency()
}

fn deliveries(report: &mut Report, sleepers: u64) {
    let up = sleepers * MESSAGES;
    let delivery = |direction, qos, offered, lost| Delivery {
        direction,
        qos,
        offered,
        for_nobody: 0,
        acknowledged: if qos > 0 { offered } else { 0 },
        delivered: offered - lost,
        duplicates: if qos == 1 { offered / 300 } else { 0 },
        lost,
        pending: 0,
    };
    report.deliveries = vec![
        delivery(Direction::Up, 0, up / 20, up / 900),
        delivery(Direction::Up, 1, up, 0),
        delivery(Direction::Down, 1, sleepers * 30, 0),
        delivery(Direction::Down, 2, sleepers * 6, 0),
    ];
}

fn series(report: &mut Report, sleepers: u64, rng: &mut Rand64) {
    let mut sampler = Sampler::new(300 * S, 2);
    let mut airtime_us = [0, 0];
    while sampler.due_us() <= DAY {
        let now_us = sampler.due_us();
        let is_down = outages()
            .iter()
            .any(|outage| outage.crashed_us < now_us && outage.restarted_us.is_none_or(|back_us| now_us <= back_us));
        let is_day = (8 * H..18 * H).contains(&now_us);
        let up = if is_down { 0 } else { sleepers / 2 + rng.rand_range(0..sleepers / 8 + 1) };
        let down = if is_day && !is_down { sleepers / 4 + rng.rand_range(0..sleepers / 6 + 1) } else { sleepers / 40 };
        (0..up).for_each(|_| sampler.delivered(Direction::Up));
        (0..down).for_each(|_| sampler.delivered(Direction::Down));
        for (channel, share) in [(0, 3), (1, 1)] {
            let busy_us = (up + down) * share * (30_000 + rng.rand_range(0..9_000));
            sampler.busy(channel, busy_us);
            airtime_us[channel] += busy_us;
        }
        let waiting = if is_down { sleepers * 2 } else { down / 2 + rng.rand_range(0..20) };
        let lost = if is_down { sleepers / 8 } else { rng.rand_range(0..3) };
        let awake = sleepers / 20 + rng.rand_range(0..5);
        sampler.sample(
            now_us,
            Levels {
                mailbox_messages: waiting,
                mailbox_deepest: waiting.min(3 + rng.rand_range(0..4)),
                nodes_connected: awake,
                nodes_asleep: (sleepers).saturating_sub(awake + lost),
                nodes_lost: lost,
            },
        );
    }
    report.series = sampler.into_series();
    report.channels =
        [15, 20].into_iter().zip(airtime_us).map(|(number, us)| Channel { number, airtime_us: us }).collect();
}
