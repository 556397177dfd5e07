//! The numbers behind the charts.

use crate::report::format::{battery_life, count, count_of, current, duration, or_dash, percent};
use crate::report::model::{Delivery, Direction, Latency, Report, Station, StationKind};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// So many stations are listed.
const MAX_STATIONS: usize = 500;

/// So many batteries are named.
const FIRST_EMPTY: usize = 10;

/// All tables but that of the batteries.
pub(super) fn sections(report: &Report) -> Markup {
    html! {
        section.card { h2 { "Deliveries" } (deliveries(report)) }
        (gateway(report))
        (channels(report))
        (stations(report))
        section.card.behind {
            h2 { "Numbers behind the charts" }
            (latencies("Latency up", &report.latency_up))
            (latencies("Latency down", &report.latency_down))
            (series(report))
        }
    }
}

/// The batteries that are empty first, with a bar each.
pub(super) fn first_empty(report: &Report, batteries: &[(usize, u32)]) -> Markup {
    let longest = batteries.last().map_or(1, |(_, days)| (*days).max(1));
    html! {
        div.card {
            h3 { "Empty first" }
            table.bars {
                thead { tr { th scope="col" { "Node" } th scope="col" { "Battery" } th.number scope="col" { "Draws" } } }
                tbody {
                    @for (index, days) in batteries.iter().take(FIRST_EMPTY) {
                        @let station = &report.stations[*index];
                        @let share = u64::from(*days) * 100 / u64::from(longest);
                        tr {
                            th scope="row" { (station.name) }
                            td { (battery_life(*days)) span.bar style={ "width:" (share) "%" } {} }
                            td.number { (or_dash(station.power.map(|power| current(power.average_current_na)))) }
                        }
                    }
                }
            }
            p.note { "Bars are in proportion to the battery that lasts longest." }
        }
    }
}

fn deliveries(report: &Report) -> Markup {
    if report.deliveries.is_empty() {
        return html! { p.none { "No message was sent." } };
    }
    let columns = ["Offered", "Acknowledged", "Delivered", "Repeated", "Lost", "Pending"];
    html! {
        div.scroll { table {
            thead { tr {
                th scope="col" { "Messages" }
                @for column in columns { th.number scope="col" { (column) } }
                th scope="col" { "Share delivered" }
            } }
            tbody { @for delivery in &report.deliveries { (delivery_row(delivery)) } }
        } }
    }
}

fn delivery_row(delivery: &Delivery) -> Markup {
    let (way, class) = match delivery.direction {
        Direction::Up => ("Up", "up"),
        Direction::Down => ("Down", "down"),
    };
    let Delivery { offered, acknowledged, delivered, duplicates, lost, pending, .. } = *delivery;
    let acknowledged = if delivery.qos > 0 { count(acknowledged) } else { "–".to_owned() };
    let share = delivered.saturating_mul(100).checked_div(offered).unwrap_or(0).min(100);
    html! {
        tr {
            th scope="row" { span class={ "key " (class) } {} (way) ", QoS " (delivery.qos) }
            td.number { (count(offered)) }
            td.number { (acknowledged) }
            td.number { (count(delivered)) }
            td.number { (count(duplicates)) }
            td.number.alarm[lost > 0 && delivery.qos > 0] { (count(lost)) }
            td.number { (count(pending)) }
            td.share {
                span.track { span class={ "bar " (class) } style={ "width:" (share) "%" } {} }
                span.number { (or_dash(percent(delivered, offered))) }
            }
        }
    }
}

fn gateway(report: &Report) -> Markup {
    let facts = &report.gateway;
    html! {
        section.card aria-labelledby="gateway" {
            h2 id="gateway" { "Gateway" }
            p { (count_of(facts.retransmissions, "retransmission", "retransmissions")) ", "
                (count_of(facts.outages.len() as u64, "crash", "crashes")) "." }
            @if !facts.outages.is_empty() {
                ul {
                    @for outage in &facts.outages {
                        li {
                            "Crashed after " (duration(outage.crashed_us)) ", "
                            @match outage.restarted_us {
                                Some(at_us) => { "back " (duration(at_us.saturating_sub(outage.crashed_us))) " later." }
                                None => "and was not restarted.",
                            }
                        }
                    }
                }
            }
            div.pair { (reasons("Dropped messages", &facts.drops)) (reasons("Rejected", &facts.rejects)) }
        }
    }
}

fn reasons(title: &str, by_reason: &BTreeMap<String, u64>) -> Markup {
    html! {
        div {
            h3 { (title) }
            @if by_reason.is_empty() { p.none { "None." } } @else {
                table {
                    thead { tr { th scope="col" { "Reason" } th.number scope="col" { "Count" } } }
                    tbody {
                        @for (reason, number) in by_reason {
                            tr { th scope="row" { (reason) } td.number { (count(*number)) } }
                        }
                    }
                }
            }
        }
    }
}

fn channels(report: &Report) -> Markup {
    html! {
        @if !report.channels.is_empty() {
            section.card {
                h2 { "Channels" }
                div.scroll { table {
                    thead { tr {
                        th scope="col" { "Channel" }
                        th.number scope="col" { "Airtime" }
                        th.number scope="col" { "Share of the run" }
                    } }
                    tbody {
                        @for channel in &report.channels {
                            tr {
                                th scope="row" { (channel.number) }
                                td.number { (duration(channel.airtime_us)) }
                                td.number { (or_dash(percent(channel.airtime_us, report.duration_us))) }
                            }
                        }
                    }
                } }
            }
        }
    }
}

/// Numbers that a click sorts by are in `data-sort`, without the words around them.
fn stations(report: &Report) -> Markup {
    let columns = [
        "Next hop",
        "Offered",
        "Acknowledged",
        "Delivered",
        "Repeated",
        "Frames",
        "Retries",
        "Failures",
        "Radio on",
        "Draws",
        "Battery",
    ];
    let listed = listed(report);
    html! {
        section.card aria-labelledby="stations" {
            h2 id="stations" { "Stations" }
            @if listed.len() < report.stations.len() {
                p.note {
                    "Of " (count(report.stations.len() as u64)) " stations, " (count(listed.len() as u64))
                    " are listed: the gateway, then those with the most unacknowledged messages, failed frames and the"
                    " shortest battery life. The CSV file has all."
                }
            }
            div.scroll.tall { table.sortable {
                thead { tr {
                    th scope="col" { "Name" } th scope="col" { "Kind" }
                    @for column in columns { th.number scope="col" { (column) } }
                } }
                tbody { @for station in listed { (station_row(report, station)) } }
            } }
        }
    }
}

/// All of them, or those that one wants to see first.
fn listed(report: &Report) -> Vec<&Station> {
    let mut stations: Vec<&Station> = report.stations.iter().collect();
    if stations.len() > MAX_STATIONS {
        stations.sort_by_key(|station| {
            let unacknowledged = station.traffic.offered.saturating_sub(station.traffic.acknowledged);
            let failures = station.radio.map_or(0, |radio| radio.failures);
            let battery = station.power.and_then(|power| power.battery_life_days).unwrap_or(u32::MAX);
            let is_gateway = station.kind == StationKind::Gateway;
            (!is_gateway, std::cmp::Reverse(unacknowledged), std::cmp::Reverse(failures), battery)
        });
        stations.truncate(MAX_STATIONS);
    }
    stations
}

fn station_row(report: &Report, station: &Station) -> Markup {
    let kind = match station.kind {
        StationKind::Node if station.is_sleeper => "sleeper",
        StationKind::Node => "node",
        StationKind::Router => "router",
        StationKind::Gateway => "gateway",
        StationKind::MqttClient => "MQTT client",
    };
    let next_hop = station.next_hop.and_then(|index| report.stations.get(index));
    let traffic = &station.traffic;
    let (radio, power) = (station.radio, station.power);
    let battery = power.and_then(|power| power.battery_life_days);
    html! {
        tr {
            th scope="row" { (station.name) }
            td { (kind) }
            td.number { (next_hop.map_or("–", |hop| &hop.name)) }
            @for number in [traffic.offered, traffic.acknowledged, traffic.delivered, traffic.repeated] {
                td.number data-sort=(number) { (count(number)) }
            }
            @for number in [
                radio.map(|radio| radio.frames_sent), radio.map(|radio| radio.retries), radio.map(|radio| radio.failures)
            ] {
                td.number data-sort=[number] { (or_dash(number.map(count))) }
            }
            td.number data-sort=[radio.map(|radio| radio.on_us)] {
                (or_dash(radio.and_then(|radio| percent(radio.on_us, report.duration_us))))
            }
            td.number data-sort=[power.map(|power| power.average_current_na)] {
                (or_dash(power.map(|power| current(power.average_current_na))))
            }
            td.number data-sort=[battery] { (or_dash(battery.map(battery_life))) }
        }
    }
}

fn latencies(title: &str, latency: &Latency) -> Markup {
    html! {
        details {
            summary { (title) }
            @if latency.buckets.is_empty() { p.none { "No message." } } @else {
                div.scroll { table {
                    thead { tr {
                        th.number scope="col" { "From" }
                        th.number scope="col" { "To less than" }
                        th.number scope="col" { "Messages" }
                    } }
                    tbody {
                        @for bucket in latency.buckets.iter().filter(|bucket| bucket.count > 0) {
                            tr {
                                td.number { (duration(bucket.from_us)) }
                                td.number { (duration(bucket.to_us)) }
                                td.number { (count(bucket.count)) }
                            }
                        }
                    }
                } }
            }
        }
    }
}

fn series(report: &Report) -> Markup {
    let columns = ["Until", "Mailboxes", "Deepest", "Delivered up", "Down", "Active", "Asleep", "Lost"];
    html! {
        details {
            summary { "Over time" }
            div.scroll { table {
                thead { tr {
                    @for column in columns { th.number scope="col" { (column) } }
                    @for channel in &report.channels { th.number scope="col" { "Channel " (channel.number) } }
                } }
                tbody {
                    @for slice in &report.series.slices {
                        tr {
                            td.number { (duration(slice.at_us)) }
                            @for number in [
                                slice.mailbox_messages, slice.mailbox_deepest, slice.delivered_up, slice.delivered_down,
                                slice.nodes_connected, slice.nodes_asleep, slice.nodes_lost,
                            ] {
                                td.number { (count(number)) }
                            }
                            @for airtime_us in &slice.airtime_us { td.number { (duration(*airtime_us)) } }
                        }
                    }
                }
            } }
        }
    }
}
