//! Chromium without a window.

use serde::Deserialize;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Appended to the page under test.
const CHECK: &str = include_str!("check.js");

/// Around the page, because no window is narrower than 500 pixels but a frame may be. It keeps what the page says of
/// itself.
const FRAME: &str = r#"<!DOCTYPE html><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<style>body{margin:0}iframe{border:0;display:block;width:WIDTHpx;height:HEIGHTpx}</style>
<pre id="result" hidden></pre><iframe src="page.html"></iframe><script>
addEventListener("message", ({ data }) => {
  document.getElementById("result").textContent = encodeURIComponent(data);
});</script>"#;

/// How a reader looks at the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) width_px: u32,
    pub(crate) is_dark: bool,
}

/// What the page has found out about itself.
#[derive(Debug, Deserialize)]
pub(crate) struct Findings {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) dark: bool,
    pub(crate) charts: usize,
    pub(crate) texts: usize,
    pub(crate) faults: Vec<String>,
}

/// Opens a page and lets it check itself. Also what the browser's console says.
pub(crate) fn inspect(html: &str, view: View) -> (Findings, Vec<String>) {
    let dir = write(&format!("{html}<script>{CHECK}</script>"), view, 900);
    let output = chromium(dir.path(), view, 900, &["--dump-dom"]);
    let (dom, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let found = dom.split_once("hidden=\"\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let (json, _) = found.unwrap_or_else(|| panic!("the page says nothing of itself: {dom}\n{log}"));
    let findings = serde_json::from_str(&decoded(json)).unwrap_or_else(|error| panic!("{error}: {json}\n{log}"));
    (findings, log.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect())
}

/// A picture of the page from its top, as PNG.
pub(crate) fn screenshot(html: &str, view: View, height_px: u32, to: &Path) {
    let dir = write(html, view, height_px);
    chromium(dir.path(), view, height_px, &[&format!("--screenshot={}", to.display())]);
    assert!(to.exists(), "no picture at {}", to.display());
}

fn write(html: &str, view: View, height_px: u32) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("there is room in the temporary directory");
    let frame = FRAME.replace("WIDTH", &view.width_px.to_string()).replace("HEIGHT", &height_px.to_string());
    for (name, text) in [("page.html", html), ("frame.html", &frame)] {
        fs::write(dir.path().join(name), text).expect("there is room in the temporary directory");
    }
    dir
}

fn chromium(dir: &Path, view: View, height_px: u32, args: &[&str]) -> Output {
    let scheme = if view.is_dark { 0 } else { 1 };
    let mut chromium = Command::new("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    chromium.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    chromium.args(["--hide-scrollbars", "--enable-logging=stderr", "--virtual-time-budget=20000"]);
    chromium.arg(format!("--user-data-dir={}", dir.join("profile").display()));
    chromium.arg(format!("--window-size={},{height_px}", view.width_px));
    chromium.arg(format!("--blink-settings=preferredColorScheme={scheme}"));
    chromium.args(args).arg(format!("file://{}", dir.join("frame.html").display()));
    let output = chromium.output().expect("`cargo xtask test --only interop` installs chromium");
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    output
}

/// What `encodeURIComponent` has made, so that no quotation mark is escaped twice.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, after) {
            (b'%', [high, low, after @ ..]) => (hex(*high) << 4 | hex(*low), after),
            (first, after) => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> u8 {
    char::from(digit).to_digit(16).map_or(0, |digit| digit as u8)
}
