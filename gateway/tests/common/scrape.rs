//! Metrics, as Prometheus reads them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Opens the listener for metrics.
pub(crate) const METRICS: &str = "[metrics]\nlisten = \"127.0.0.1:0\"\n";

/// The whole answer to a request for `path`.
pub(crate) fn http(addr: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).expect("connect");
    stream.set_read_timeout(Some(super::PATIENCE)).expect("a timeout");
    write!(stream, "{request} HTTP/1.1\r\nHost: gateway\r\n\r\n").expect("send");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer, and the end of the connection");
    answer
}

/// The metrics' text.
pub(crate) fn scrape(addr: SocketAddr) -> String {
    let answer = http(addr, "GET /metrics");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a header");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("text/plain; version=0.0.4"), "{head}");
    body.to_owned()
}

/// The value of a metric with its labels, as Prometheus writes them.
#[track_caller]
pub(crate) fn value(text: &str, metric: &str) -> f64 {
    let value = text.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{metric} is missing in\n{text}")).parse().expect("a number")
}
