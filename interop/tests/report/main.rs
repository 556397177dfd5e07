//! Chromium shows the page that a simulation ends with: as it is meant, on a desk and on a phone, by day and by night.

mod browser;
mod sample;

use browser::{Findings, View, inspect, screenshot};
use simulator::report::Report;
use std::path::PathBuf;

const VIEWS: [View; 4] = [
    View { width_px: 1280, is_dark: false },
    View { width_px: 1280, is_dark: true },
    View { width_px: 400, is_dark: false },
    View { width_px: 400, is_dark: true },
];

/// Checks a page in every view.
fn check(report: &Report) -> Vec<Findings> {
    let html = report.to_html();
    let checked = VIEWS.map(|view| {
        let (findings, console) = inspect(&html, view);
        assert_eq!(console, Vec::<String>::new(), "{view:?}");
        assert_eq!(findings.faults, Vec::<String>::new(), "{view:?}");
        assert_eq!((findings.width, findings.dark), (view.width_px, view.is_dark));
        findings
    });
    checked.into()
}

#[test]
fn two_hundred_sleepers_are_shown_well_in_every_view() {
    for findings in check(&sample::office(200)) {
        assert_eq!(findings.charts, 9, "the map, deliveries, latencies, four over time, batteries");
        assert!(findings.texts > 60, "{findings:?}");
    }
}

#[test]
fn ten_thousand_sleepers_are_shown_well_in_every_view() {
    check(&sample::office(10_000));
}

#[test]
fn a_fault_would_be_noticed() {
    let html = sample::office(20).to_html();
    let html =
        html.replace("</h1>", "</h1><p style='width:3000px;color:#ccc'>wide</p><script>console.error(7)</script>");
    let html = html.replacen("</text>", " is far too long for its place</text>", 6);
    let (findings, console) = inspect(&html, VIEWS[2]);
    for fault in ["wider than the window", "clipped", "overlap", "too faint"] {
        assert!(findings.faults.iter().any(|found| found.contains(fault)), "{fault}: {findings:?}");
    }
    assert_eq!(console.len(), 1);
}

/// `cargo test -p interop --test report -- --ignored` shows a report in every view, as `target/.../report-*.png`. It is
/// the one in the JSON file that the variable REPORT names, or an invented one. Where the variable HEIGHT is a number of
/// pixels, a picture ends there: a whole page takes about a megabyte.
#[test]
#[ignore = "makes pictures, for somebody to look at"]
fn pictures() {
    let report = match std::env::var_os("REPORT") {
        Some(file) => {
            let json = std::fs::read_to_string(file).expect("REPORT names a file");
            Report::from_json(&json).expect("REPORT names a report as JSON")
        }
        None => sample::office(200),
    };
    let most_px = std::env::var("HEIGHT").map_or(8_000, |px| px.parse().expect("HEIGHT is a number of pixels"));
    let html = report.to_html();
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(dir.join("report.html"), &html).expect("the target directory can be written");
    for view in VIEWS {
        let height_px = inspect(&html, view).0.height.min(most_px);
        let name = format!("report-{}-{}.png", view.width_px, if view.is_dark { "dark" } else { "light" });
        screenshot(&html, view, height_px, &dir.join(&name));
        println!("{}", dir.join(name).display());
    }
}
