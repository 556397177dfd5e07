//! The floor plan: who is where, who sends to whom, and how much of it gets lost.

use crate::report::format::{battery_life, count, count_of, percent};
use crate::report::model::{Position, Report, Station, StationKind};
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet};

/// So many stations are drawn one by one.
const MAX_STATIONS: usize = 600;

/// So many links are drawn, those with the most frames; routes before others.
const MAX_LINKS: usize = 1_500;

/// What the map is wide and high at most, in its own units.
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 640.0;
const MARGIN: f64 = 26.0;

/// So many cells side by side, where nodes are aggregated.
const CELLS: f64 = 40.0;

/// Distances of the lines of the grid, in decimetres.
const GRID_STEPS: [i32; 9] = [10, 20, 50, 100, 200, 500, 1_000, 5_000, 10_000];

/// How decimetres become units of the map.
struct Scale {
    left_dm: i32,
    top_dm: i32,
    wide_dm: i32,
    high_dm: i32,
    units_per_dm: f64,
}

/// Both directions between two stations.
#[derive(Clone, Copy, Default)]
struct Pair {
    tried: u64,
    lost: u64,
    rssi_tenth_dbm: Option<i32>,
    is_route: bool,
}

/// The map, or nothing if nobody's position is known.
pub(super) fn section(report: &Report) -> Markup {
    let Some(scale) = Scale::of(report) else { return html! {} };
    let placed = report.stations.iter().filter(|station| station.position.is_some()).count();
    let is_aggregated = placed > MAX_STATIONS;
    let pairs = pairs(report);
    let drawn = most_used(&pairs);
    html! {
        section.card aria-labelledby="map" {
            h2 id="map" { "Map" }
            (legend(report, &scale, !pairs.is_empty()))
            (drawing(report, &scale, &drawn, is_aggregated))
            p.note {
                "Thick lines are routes towards the gateway, thin ones other links in use. Point at anything for its figures."
                @if is_aggregated {
                    " " (count(placed as u64)) " stations are too many to draw: nodes close to each other are one circle,"
                    " the larger the more they are."
                }
                @if drawn.len() < pairs.len() {
                    " Of " (count(pairs.len() as u64)) " links, the " (count(drawn.len() as u64)) " most used are drawn."
                }
            }
        }
    }
}

fn drawing(report: &Report, scale: &Scale, drawn: &[((usize, usize), Pair)], is_aggregated: bool) -> Markup {
    let (width, height) = scale.size();
    let label = format!("Map of {}", count_of(report.stations.len() as u64, "station", "stations"));
    html! {
        svg.map role="img" aria-label=(label) viewBox=(format!("0 0 {width:.0} {height:.0}")) {
            g.grid { (grid(scale)) }
            g.walls { @for wall in &report.walls { (line(scale, wall.from, wall.to)) } }
            g { @for (ends, pair) in drawn { (link(report, scale, *ends, *pair)) } }
            @if is_aggregated { g { (cells(report, scale)) } }
            @for kind in [StationKind::Node, StationKind::MqttClient, StationKind::Router, StationKind::Gateway] {
                @if kind != StationKind::Node || !is_aggregated {
                    @for station in report.stations.iter().filter(|station| station.kind == kind) { (mark(scale, station)) }
                }
            }
        }
    }
}

fn legend(report: &Report, scale: &Scale, has_links: bool) -> Markup {
    let has = |kind| report.stations.iter().any(|station| station.kind == kind && station.position.is_some());
    html! {
        ul.legend {
            @for (kind, name) in KINDS {
                @if has(kind) { li { (key_of(kind)) (name) } }
            }
            @if has_links {
                @for (class, name) in LOSS_CLASSES { li { span class={ "key line " (class) } {} (name) } }
            }
            li { span.key.square {} "grid " (scale.grid_dm() / 10) " m" }
        }
    }
}

const KINDS: [(StationKind, &str); 4] = [
    (StationKind::Gateway, "gateway"),
    (StationKind::Router, "router"),
    (StationKind::Node, "node"),
    (StationKind::MqttClient, "MQTT client"),
];

const LOSS_CLASSES: [(&str, &str); 4] =
    [("loss0", "< 1% lost"), ("loss1", "1–5%"), ("loss2", "5–20%"), ("loss3", "> 20%")];

/// The mark that the map uses, in small.
fn key_of(kind: StationKind) -> Markup {
    html! { svg.keymark viewBox="-10 -10 20 20" aria-hidden="true" { (shape(kind, 0.0, 0.0, 0.8)) } }
}

/// Kinds differ in shape, not in colour alone.
fn shape(kind: StationKind, x: f64, y: f64, size: f64) -> Markup {
    let (x_text, y_text) = (fixed(x), fixed(y));
    let square = |half: f64| (fixed(x - half), fixed(y - half), fixed(2.0 * half));
    match kind {
        StationKind::Node => html! { circle.node cx=(x_text) cy=(y_text) r=(fixed(6.5 * size)) {} },
        StationKind::MqttClient => html! { circle.mqtt cx=(x_text) cy=(y_text) r=(fixed(8.0 * size)) {} },
        StationKind::Router => {
            let (x, y, side) = square(8.0 * size);
            html! { rect.router x=(x) y=(y) width=(side) height=(side) {} }
        }
        StationKind::Gateway => {
            let half = 12.0 * size;
            let corners = [(0.0, -half), (half, 0.0), (0.0, half), (-half, 0.0)];
            let points = corners.map(|(dx, dy)| format!("{},{}", fixed(x + dx), fixed(y + dy))).join(" ");
            html! { polygon.gateway points=(points) {} }
        }
    }
}

fn mark(scale: &Scale, station: &Station) -> Markup {
    let Some(position) = station.position else { return html! {} };
    let (x, y) = scale.point(position);
    html! { g { (shape(station.kind, x, y, 1.0)) title { (told(station)) } } }
}

fn told(station: &Station) -> String {
    let traffic = &station.traffic;
    let mut text = format!(
        "{}\n{} offered, {} acknowledged, {} delivered to it",
        station.name,
        count(traffic.offered),
        count(traffic.acknowledged),
        count(traffic.delivered)
    );
    if let Some(radio) = &station.radio {
        let retries = count_of(radio.retries, "retry", "retries");
        text += &format!("\n{}, {retries}", count_of(radio.frames_sent, "frame", "frames"));
    }
    if let Some(days) = station.power.and_then(|power| power.battery_life_days) {
        text += &format!("\nbattery: {}", battery_life(days));
    }
    text
}

fn link(report: &Report, scale: &Scale, (a, b): (usize, usize), pair: Pair) -> Markup {
    let (Some(a), Some(b)) = (report.stations.get(a), report.stations.get(b)) else { return html! {} };
    let (Some(from), Some(to)) = (a.position, b.position) else { return html! {} };
    let class = format!("link {}{}", loss_class(pair), if pair.is_route { " route" } else { "" });
    let mut text = format!("{} – {}\n{} tried", a.name, b.name, count_of(pair.tried, "frame", "frames"));
    if let Some(lost) = percent(pair.lost, pair.tried) {
        text += &format!(", {lost} lost");
    }
    if let Some(rssi) = pair.rssi_tenth_dbm {
        text += &format!("\n{:.1} dBm", f64::from(rssi) / 10.0);
    }
    html! { g class=(class) { (line(scale, from, to)) title { (text) } } }
}

fn loss_class(pair: Pair) -> &'static str {
    // In thousandths, so that no class depends on rounding.
    match (pair.lost.saturating_mul(1_000)).checked_div(pair.tried).unwrap_or(0) {
        0..10 => LOSS_CLASSES[0].0,
        10..50 => LOSS_CLASSES[1].0,
        50..=200 => LOSS_CLASSES[2].0,
        201.. => LOSS_CLASSES[3].0,
    }
}

fn line(scale: &Scale, from: Position, to: Position) -> Markup {
    let ((x1, y1), (x2, y2)) = (scale.point(from), scale.point(to));
    html! { line x1=(fixed(x1)) y1=(fixed(y1)) x2=(fixed(x2)) y2=(fixed(y2)) {} }
}

fn grid(scale: &Scale) -> Markup {
    let (width, height) = scale.size();
    let step = scale.grid_dm();
    let lines = |length_dm: i32| (0..=length_dm / step).map(move |place| f64::from(place * step));
    html! {
        @for x in lines(scale.wide_dm).map(|dm| fixed(MARGIN + dm * scale.units_per_dm)) {
            line x1=(x) y1="0" x2=(x) y2=(fixed(height)) {}
        }
        @for y in lines(scale.high_dm).map(|dm| fixed(MARGIN + dm * scale.units_per_dm)) {
            line x1="0" y1=(y) x2=(fixed(width)) y2=(y) {}
        }
    }
}

/// Nodes by the cell in which they are.
fn cells(report: &Report, scale: &Scale) -> Markup {
    let side = WIDTH / CELLS;
    let mut cells = BTreeMap::<(i64, i64), u64>::new();
    let nodes = report.stations.iter().filter(|station| station.kind == StationKind::Node);
    for (x, y) in nodes.filter_map(|node| node.position).map(|position| scale.point(position)) {
        *cells.entry(((x / side) as i64, (y / side) as i64)).or_default() += 1;
    }
    let fullest = cells.values().copied().max().unwrap_or(1) as f64;
    html! {
        @for ((column, row), nodes) in &cells {
            @let centre = |place: i64| fixed((place as f64 + 0.5) * side);
            @let radius = fixed(side / 2.0 * (*nodes as f64 / fullest).sqrt().max(0.2));
            g { circle.node.cell cx=(centre(*column)) cy=(centre(*row)) r=(radius) {} title { (count_of(*nodes, "node", "nodes")) } }
        }
    }
}

fn pairs(report: &Report) -> BTreeMap<(usize, usize), Pair> {
    let mut pairs = BTreeMap::<_, Pair>::new();
    for link in report.links.iter().filter(|link| link.frames_tried > 0) {
        let pair = pairs.entry((link.from.min(link.to), link.from.max(link.to))).or_default();
        pair.tried += link.frames_tried;
        pair.lost += link.frames_lost;
        pair.rssi_tenth_dbm = pair.rssi_tenth_dbm.or(link.rssi_tenth_dbm);
    }
    let routes: BTreeSet<_> = (report.stations.iter().enumerate())
        .filter_map(|(index, station)| Some((index.min(station.next_hop?), index.max(station.next_hop?))))
        .collect();
    for route in routes {
        pairs.entry(route).or_default().is_route = true;
    }
    pairs
}

/// What is drawn first is below: routes come last.
fn most_used(pairs: &BTreeMap<(usize, usize), Pair>) -> Vec<((usize, usize), Pair)> {
    let mut all: Vec<_> = pairs.iter().map(|(ends, pair)| (*ends, *pair)).collect();
    all.sort_by_key(|(ends, pair)| (pair.is_route, pair.tried, *ends));
    all.split_off(all.len().saturating_sub(MAX_LINKS))
}

impl Scale {
    fn of(report: &Report) -> Option<Self> {
        let stations = report.stations.iter().filter_map(|station| station.position);
        stations.clone().next()?;
        let all = || stations.clone().chain(report.walls.iter().flat_map(|wall| [wall.from, wall.to]));
        let (left_dm, right_dm) = (all().map(|at| at.x_dm).min()?, all().map(|at| at.x_dm).max()?);
        let (top_dm, bottom_dm) = (all().map(|at| at.y_dm).min()?, all().map(|at| at.y_dm).max()?);
        let wide_dm = right_dm.saturating_sub(left_dm).max(10);
        let high_dm = bottom_dm.saturating_sub(top_dm).max(10);
        let inner = |outer: f64, dm: i32| (outer - 2.0 * MARGIN) / f64::from(dm);
        let units_per_dm = inner(WIDTH, wide_dm).min(inner(HEIGHT, high_dm));
        Some(Self { left_dm, top_dm, wide_dm, high_dm, units_per_dm })
    }

    fn point(&self, at: Position) -> (f64, f64) {
        let units = |from_dm: i32, to_dm: i32| MARGIN + (f64::from(to_dm) - f64::from(from_dm)) * self.units_per_dm;
        (units(self.left_dm, at.x_dm), units(self.top_dm, at.y_dm))
    }

    fn size(&self) -> (f64, f64) {
        let units = |dm: i32| 2.0 * MARGIN + f64::from(dm) * self.units_per_dm;
        (units(self.wide_dm), units(self.high_dm))
    }

    /// At most twenty lines side by side.
    fn grid_dm(&self) -> i32 {
        let longest = self.wide_dm.max(self.high_dm);
        GRID_STEPS.into_iter().find(|step| longest / step <= 20).unwrap_or(longest)
    }
}

fn fixed(number: f64) -> String {
    format!("{number:.1}")
}
