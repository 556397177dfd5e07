//! The charts with what belongs to them: title, legend, and a sentence that says the same.

use crate::report::axis::Axis;
use crate::report::chart::{self, Curve};
use crate::report::format::{battery_life, count, count_of, duration};
use crate::report::model::{Latency, Report, Slice};
use crate::report::palette::Ink;
use maud::{Markup, PreEscaped, html};

/// More curves in one chart cannot be told apart.
const MAX_CHANNELS: usize = 4;

/// Of channels, in the order of how busy they are.
const CHANNEL_INKS: [Ink; MAX_CHANNELS] = [Ink::Plain, Ink::Down, Ink::Asleep, Ink::Up];

/// A chart and its words.
struct Figure<'a> {
    title: &'a str,
    legend: Vec<(Ink, String)>,
    chart: String,
    caption: String,
}

/// All charts, in groups.
pub(super) fn sections(report: &Report) -> Markup {
    html! {
        section aria-label="Latency and delivery" {
            h2 { "Delivery and latency" }
            div.figures {
                (deliveries(report))
                (latency("How long messages took up", &report.latency_up, Ink::Up))
                (latency("How long messages took down", &report.latency_down, Ink::Down))
            }
        }
        section aria-label="Mailboxes, nodes, airtime and batteries" {
            h2 { "Mailboxes, nodes, airtime and batteries" }
            @if !report.gateway.outages.is_empty() {
                ul.legend { li { span.key.bad {} "gateway down" } }
            }
            div.figures {
                @if !report.series.slices.is_empty() {
                    (mailboxes(report)) (deepest(report)) (nodes(report)) (airtime(report))
                }
                (batteries(report))
            }
        }
    }
}

fn figure(figure: Figure<'_>) -> Markup {
    let label = format!("{}. {}", figure.title, figure.caption);
    html! {
        figure.card {
            figcaption {
                h3 { (figure.title) }
                @if !figure.legend.is_empty() {
                    ul.legend { @for (ink, name) in &figure.legend { li { span class={ "key " (ink.name()) } {} (name) } } }
                }
            }
            div.chart role="img" aria-label=(label) { (PreEscaped(figure.chart)) }
            p.note { (figure.caption) }
        }
    }
}

fn nothing(title: &str, why: &str) -> Markup {
    html! { figure.card { figcaption { h3 { (title) } } p.none { (why) } } }
}

fn curve(report: &Report, ink: Ink, is_area: bool, value: impl Fn(&Slice) -> f64) -> Curve {
    let points = report.series.slices.iter().map(|slice| (slice.at_us, value(slice))).collect();
    Curve { ink, points, is_area }
}

fn over_time(report: &Report, curves: &[Curve], axis: fn(f64) -> Axis) -> String {
    chart::over_time(report.duration_us, curves, &report.gateway.outages, axis)
}

fn deliveries(report: &Report) -> Markup {
    let total = |value: fn(&Slice) -> u64| report.series.slices.iter().map(value).sum::<u64>();
    let (up, down) = (total(|slice| slice.delivered_up), total(|slice| slice.delivered_down));
    let title = "Messages delivered";
    if up + down == 0 {
        return nothing(title, "No message was delivered.");
    }
    let curves = [
        curve(report, Ink::Up, false, |slice| slice.delivered_up as f64),
        curve(report, Ink::Down, false, |slice| slice.delivered_down as f64),
    ];
    figure(Figure {
        title,
        legend: vec![(Ink::Up, "up".to_owned()), (Ink::Down, "down".to_owned())],
        chart: over_time(report, &curves, Axis::counts),
        caption: format!(
            "Messages in each slice of {}; {} up and {} down in total.",
            duration(report.series.slice_us),
            count(up),
            count(down)
        ),
    })
}

fn latency(title: &str, latency: &Latency, ink: Ink) -> Markup {
    if latency.count == 0 {
        return nothing(title, "No message went this way.");
    }
    figure(Figure {
        title,
        legend: vec![(ink, "messages".to_owned()), (Ink::Text, "50%, 90%, 99%".to_owned())],
        chart: chart::latency(latency, ink),
        caption: format!(
            "Half of {} took at most {}, 90% {}, 99% {}, the slowest {}.",
            count_of(latency.count, "message", "messages"),
            duration(latency.p50_us),
            duration(latency.p90_us),
            duration(latency.p99_us),
            duration(latency.max_us)
        ),
    })
}

/// When a value was largest, and how large.
fn peak(report: &Report, value: impl Fn(&Slice) -> u64) -> (u64, u64) {
    let first_peak = report.series.slices.iter().rev().max_by_key(|slice| value(slice));
    first_peak.map_or((0, 0), |slice| (slice.at_us, value(slice)))
}

fn mailboxes(report: &Report) -> Markup {
    let (at_us, most) = peak(report, |slice| slice.mailbox_messages);
    figure(Figure {
        title: "Messages in mailboxes",
        legend: Vec::new(),
        chart: over_time(
            report,
            &[curve(report, Ink::Down, true, |slice| slice.mailbox_messages as f64)],
            Axis::counts,
        ),
        caption: match most {
            0 => "No message ever waited for a node to wake.".to_owned(),
            _ => format!("At most {}, after {}.", count_of(most, "message", "messages"), duration(at_us)),
        },
    })
}

fn deepest(report: &Report) -> Markup {
    let (at_us, most) = peak(report, |slice| slice.mailbox_deepest);
    figure(Figure {
        title: "Deepest mailbox",
        legend: Vec::new(),
        chart: over_time(report, &[curve(report, Ink::Down, true, |slice| slice.mailbox_deepest as f64)], Axis::counts),
        caption: format!("At most {} for one node, after {}.", count_of(most, "message", "messages"), duration(at_us)),
    })
}

fn nodes(report: &Report) -> Markup {
    let (at_us, most) = peak(report, |slice| slice.nodes_lost);
    let curves = [
        curve(report, Ink::Asleep, false, |slice| slice.nodes_asleep as f64),
        curve(report, Ink::Good, false, |slice| slice.nodes_connected as f64),
        curve(report, Ink::Bad, false, |slice| slice.nodes_lost as f64),
    ];
    let legend = [(Ink::Good, "active or awake"), (Ink::Asleep, "asleep"), (Ink::Bad, "lost")];
    figure(Figure {
        title: "What the gateway knows of nodes",
        legend: legend.map(|(ink, name)| (ink, name.to_owned())).to_vec(),
        chart: over_time(report, &curves, Axis::counts),
        caption: match most {
            0 => "No node was ever lost.".to_owned(),
            _ => format!("At most {} lost, after {}.", count_of(most, "node", "nodes"), duration(at_us)),
        },
    })
}

fn airtime(report: &Report) -> Markup {
    let title = "Airtime";
    if report.channels.is_empty() {
        return nothing(title, "No radio was simulated.");
    }
    let mut busiest: Vec<usize> = (0..report.channels.len()).collect();
    busiest.sort_by_key(|channel| std::cmp::Reverse(report.channels[*channel].airtime_us));
    busiest.truncate(MAX_CHANNELS);
    let curves: Vec<_> =
        busiest.iter().zip(CHANNEL_INKS).map(|(channel, ink)| busy_share(report, *channel, ink)).collect();
    let top = curves.iter().flat_map(|curve| &curve.points).map(|(_, share)| *share).fold(0.0, f64::max);
    let mut caption = format!("Share of each slice in which a channel is busy; at most {top:.1}%.");
    if report.channels.len() > MAX_CHANNELS {
        caption += &format!(" The {MAX_CHANNELS} busiest of {} channels.", report.channels.len());
    }
    let name = |channel: &usize| format!("channel {}", report.channels[*channel].number);
    figure(Figure {
        title,
        legend: busiest.iter().zip(CHANNEL_INKS).map(|(channel, ink)| (ink, name(channel))).collect(),
        chart: over_time(report, &curves, Axis::percent),
        caption,
    })
}

/// The last slice may be shorter than the others.
fn busy_share(report: &Report, channel: usize, ink: Ink) -> Curve {
    let mut before_us = 0;
    let points = report.series.slices.iter().map(|slice| {
        let length_us = slice.at_us.saturating_sub(before_us).max(1);
        before_us = slice.at_us;
        let busy_us = slice.airtime_us.get(channel).copied().unwrap_or(0);
        (slice.at_us, 100.0 * busy_us as f64 / length_us as f64)
    });
    Curve { ink, points: points.collect(), is_area: report.channels.len() == 1 }
}

fn batteries(report: &Report) -> Markup {
    let batteries = report.by_battery_life();
    let (Some((_, first)), Some((_, last))) = (batteries.first(), batteries.last()) else {
        return nothing("Batteries", "Nobody has a battery.");
    };
    let days: Vec<u32> = batteries.iter().map(|(_, days)| *days).collect();
    let chart = figure(Figure {
        title: "All batteries, shortest life first",
        legend: Vec::new(),
        chart: chart::sorted_days(&days, Ink::Plain),
        caption: format!(
            "{}, from {} to {}; half last at least {}.",
            count_of(days.len() as u64, "battery", "batteries"),
            battery_life(*first),
            battery_life(*last),
            battery_life(days[days.len() / 2])
        ),
    });
    html! { (chart) (super::tables::first_empty(report, &batteries)) }
}
