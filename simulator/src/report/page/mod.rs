//! A report as one HTML file that needs nothing else: no network, no other file, no script to be read.
//!
//! All text goes through `maud`, which escapes it. The page forbids itself to load anything.

mod figures;
mod map;
mod tables;

use super::format::{battery_life, count, count_of, current, duration, or_dash, percent};
use super::model::{Direction, Latency, Report, StationKind};
use super::palette;
use super::verdict::Outcome;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// What the page may load: only what is written in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// So many violations are listed; a run that breaks more has one cause.
const MAX_VIOLATIONS: usize = 100;

impl Report {
    /// One HTML file, for a browser of any size, light or dark. Ten thousand stations make less than two megabytes:
    /// beyond some hundred the page aggregates, and says so.
    #[must_use]
    pub fn to_html(&self) -> String {
        let title = if self.scenario.name.is_empty() { "Simulation" } else { &self.scenario.name };
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    title { (title) " – simulation report" }
                    style { (PreEscaped(palette::style())) (PreEscaped(STYLE)) }
                }
                body {
                    main {
                        (header(self, title))
                        (key_figures(self))
                        (violations(self))
                        (map::section(self))
                        (figures::sections(self))
                        (tables::sections(self))
                        (footer(self))
                    }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        page.into_string()
    }
}

fn header(report: &Report, title: &str) -> Markup {
    let verdict = report.verdict();
    let (class, word) = match verdict.outcome {
        Outcome::Kept => ("good", "✓ Kept"),
        Outcome::Open => ("warn", "… Open"),
        Outcome::Broken => ("bad", "✗ Broken"),
    };
    html! {
        header {
            p.eyebrow { "MQTT-SN simulation report" }
            h1 { (title) }
            @if !report.scenario.description.is_empty() { p.description { (report.scenario.description) } }
            p class={ "verdict " (class) } {
                span.badge { (word) } " "
                strong { (verdict.headline) "." }
            }
            @for note in &verdict.notes { p.note { (note) "." } }
        }
    }
}

fn key_figures(report: &Report) -> Markup {
    let nodes = report.stations_of(StationKind::Node);
    let sleepers = report.stations.iter().filter(|station| station.is_sleeper).count() as u64;
    let routers = report.stations_of(StationKind::Router);
    let crashes = report.gateway.outages.len() as u64;
    html! {
        section.tiles aria-label="Key figures" {
            (tile("Virtual time", &duration(report.duration_us), &format!("seed {}", report.scenario.seed)))
            (tile("Nodes", &count(nodes), &format!(
                "{}, {}", count_of(sleepers, "sleeper", "sleepers"), count_of(routers, "router", "routers")
            )))
            (delivery_tile(report, Direction::Up, "Delivered up"))
            (delivery_tile(report, Direction::Down, "Delivered down"))
            (latency_tile(&report.latency_up, "Latency up"))
            (latency_tile(&report.latency_down, "Latency down"))
            (mailbox_tile(report))
            (battery_tile(report))
            (radio_tile(report))
            (tile("Gateway crashes", &count(crashes), &count_of(
                report.gateway.retransmissions, "retransmission", "retransmissions"
            )))
        }
    }
}

fn tile(label: &str, value: &str, note: &str) -> Markup {
    html! { div.tile { p.label { (label) } p.value { (value) } p.note { (note) } } }
}

fn delivery_tile(report: &Report, direction: Direction, label: &str) -> Markup {
    let sum = report.sum(direction);
    let note = if sum.offered == 0 {
        "no message".to_owned()
    } else {
        format!("{} of {}", count(sum.delivered), count_of(sum.offered, "message", "messages"))
    };
    tile(label, &or_dash(percent(sum.delivered, sum.offered)), &note)
}

fn latency_tile(latency: &Latency, label: &str) -> Markup {
    if latency.count == 0 {
        return tile(label, "–", "no message");
    }
    tile(label, &duration(latency.p50_us), &format!("median; 99% within {}", duration(latency.p99_us)))
}

fn mailbox_tile(report: &Report) -> Markup {
    let slices = &report.series.slices;
    let deepest = slices.iter().map(|slice| slice.mailbox_deepest).max();
    let most = slices.iter().map(|slice| slice.mailbox_messages).max();
    let note = most.map_or("not sampled".to_owned(), |most| format!("at most {} in all mailboxes", count(most)));
    tile("Deepest mailbox", &or_dash(deepest.map(count)), &note)
}

fn battery_tile(report: &Report) -> Markup {
    let batteries = report.by_battery_life();
    let (Some((first, days)), Some((_, median))) = (batteries.first(), batteries.get(batteries.len() / 2)) else {
        return tile("First battery empty", "–", "no batteries");
    };
    let note = format!("{}; median {}", report.stations[*first].name, battery_life(*median));
    tile("First battery empty", &battery_life(*days), &note)
}

fn radio_tile(report: &Report) -> Markup {
    let tried = report.links.iter().map(|link| link.frames_tried).sum();
    let lost = report.links.iter().map(|link| link.frames_lost).sum();
    let note = if tried == 0 { "no radio".to_owned() } else { format!("{} sent", count_of(tried, "frame", "frames")) };
    tile("Frames lost", &or_dash(percent(lost, tried)), &note)
}

fn violations(report: &Report) -> Markup {
    html! {
        @if !report.violations.is_empty() {
            section.card.broken aria-labelledby="broken" {
                h2 id="broken" { "Broken promises" }
                ul { @for violation in report.violations.iter().take(MAX_VIOLATIONS) { li { (violation) } } }
                @if let Some(more @ 1..) = report.violations.len().checked_sub(MAX_VIOLATIONS) {
                    p.note { "And " (count(more as u64)) " more." }
                }
            }
        }
    }
}

fn footer(report: &Report) -> Markup {
    let draws = report.stations.iter().filter_map(|station| station.power).map(|power| power.average_current_na);
    let total_na = draws.sum::<u64>();
    html! {
        footer {
            p {
                "Time is virtual. The same scenario with the same seed gives the same report, to the last digit."
                @if total_na > 0 { " All stations together draw " (current(total_na)) "." }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Position, Power, Station, Traffic};

    fn node(name: &str, place: i32) -> Station {
        Station {
            name: name.to_owned(),
            kind: StationKind::Node,
            position: Some(Position { x_dm: place % 1_000, y_dm: place / 1_000 }),
            is_sleeper: true,
            traffic: Traffic::default(),
            radio: None,
            power: Some(Power { average_current_na: 12_000, battery_life_days: Some(400) }),
            next_hop: None,
        }
    }

    #[test]
    fn all_text_is_escaped() {
        let evil = "<script>alert(1)</script>\"'&";
        let mut report =
            Report { stations: vec![node(evil, 0)], violations: vec![evil.to_owned()], ..Report::default() };
        (report.scenario.name, report.scenario.description) = (evil.to_owned(), evil.to_owned());
        report.gateway.drops.insert(evil.to_owned(), 1);
        report.gateway.rejects.insert(evil.to_owned(), 1);
        let html = report.to_html();
        assert!(!html.contains("<script>alert"));
        assert!(html.matches("&lt;script&gt;alert(1)").count() >= 6, "{html}");
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        let html = Report { stations: vec![node("a", 0)], ..Report::default() }.to_html();
        let html = html.replace("http://www.w3.org/2000/svg", "");
        for reference in ["http:", "https:", "src=", "href=", "url(", "@import"] {
            assert!(!html.contains(reference), "{reference}");
        }
    }

    #[test]
    fn an_empty_run_and_one_node_without_radio_make_a_page() {
        for report in [Report::default(), Report { stations: vec![node("alone", 5)], ..Report::default() }] {
            let html = report.to_html();
            assert!(html.contains("No message was sent.") && html.ends_with("</html>"));
            assert!(!html.contains("NaN") && !html.contains("inf%"), "{html}");
        }
    }

    #[test]
    fn ten_thousand_stations_are_aggregated_and_the_page_says_so() {
        let stations = (0..10_000).map(|place| node(&format!("node-{place}"), place)).collect();
        let html = Report { stations, ..Report::default() }.to_html();
        assert!(html.len() < 2_000_000, "{} octets", html.len());
        assert!(html.contains("10,000 stations"));
    }
}
