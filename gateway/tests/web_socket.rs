//! MQTT in WebSocket frames: who gets in, how packets lie in frames, and what is no MQTT.

mod common;

use common::scrape::{METRICS, scrape, value};
use common::{Daemon, connect_packet, publish_packet, tls, web_socket};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use tempfile::NamedTempFile;
use test_pki::{Pair, Pki};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};

/// A gateway with one listener, and more keys for that.
fn start(keys: &str) -> (Daemon, NamedTempFile) {
    start_kind("ws", keys)
}

fn start_kind(kind: &str, keys: &str) -> (Daemon, NamedTempFile) {
    let file = NamedTempFile::new().unwrap();
    let listener = format!("[[listener]]\nkind = \"{kind}\"\nlisten = \"127.0.0.1:0\"\n{keys}");
    fs::write(&file, format!("{METRICS}{listener}")).unwrap();
    let args = ["--config", file.path().to_str().unwrap(), "--udp", "127.0.0.1:0", "--log", "debug"];
    (Daemon::start_as_told(&args), file)
}

/// How many have not got through the handshake.
fn failed_handshakes(gateway: &Daemon) -> f64 {
    let metric = "sn_gateway_listener_connections_total{listener=\"0\",outcome=\"web-socket-handshake\"}";
    value(&scrape(gateway.metrics()), metric)
}

/// How many packets were refused for this reason.
fn refused(gateway: &Daemon, reason: &str) -> f64 {
    value(&scrape(gateway.metrics()), &format!("sn_gateway_rejects_total{{reason=\"{reason}\"}}"))
}

/// The status of the gateway's answer to a request that is refused.
#[track_caller]
fn status(gateway: SocketAddr, header: (&'static str, &str), path: &str) -> u16 {
    let mut request = web_socket::request(gateway);
    *request.uri_mut() = format!("ws://{gateway}{path}").parse().unwrap();
    request.headers_mut().insert(header.0, HeaderValue::from_str(header.1).unwrap());
    match web_socket::ask(gateway, request) {
        Err(Error::Http(response)) => response.status().as_u16(),
        other => panic!("not refused: {other:?}"),
    }
}

const OFFERED: &str = "Sec-WebSocket-Protocol";

#[test]
fn packets_may_share_a_frame_or_span_several() {
    let (gateway, _file) = start("");
    let mut client = web_socket::new(gateway.ws());
    let subscribe = b"\x82\x06\x00\x01\x00\x01t\x00";
    client.send(&[&connect_packet("client", 2, &[]), &subscribe[..], b"\xc0\x00"].concat());
    client.expect(b"\x20\x02\x00\x00\x90\x03\x00\x01\x00\xd0\x00");
    let publish = publish_packet(0, "t", None, b"in pieces");
    for octet in &publish {
        client.send(&[*octet]);
    }
    client.expect(&publish);
}

#[test]
fn a_message_may_come_in_fragments_with_a_ping_between() {
    let (gateway, _file) = start("");
    let mut client = web_socket::new(gateway.ws());
    let connect = connect_packet("client", 2, &[]);
    let (first, second) = connect.split_at(5);
    client.0.send(Message::Frame(Frame::message(first.to_vec(), OpCode::Data(Data::Binary), false)));
    client.0.send(Message::Ping("?".into()));
    client.0.send(Message::Frame(Frame::message(second.to_vec(), OpCode::Data(Data::Continue), true)));
    assert_eq!(client.0.socket.read().unwrap(), Message::Pong("?".into()));
    client.expect(b"\x20\x02\x00\x00");
}

#[test]
fn long_messages_travel_both_ways_and_within_tls_too() {
    let pki = Pki::new();
    let Pair { certificate, key } = pki.server();
    let files = format!("certificate = \"{}\"\nkey = \"{}\"\n", certificate.display(), key.display());
    let (gateway, _file) = start_kind("wss", &files);
    let stream = tls::stream(gateway.wss(), &pki.ca(), None, &tls::VERSIONS);
    let mut client = web_socket::within(gateway.wss(), stream);
    client.say_connect("client");
    client.subscribe("t", 0);
    let long = publish_packet(0, "t", None, &vec![b'x'; 1 << 20][..(1 << 20) - 3]);
    for _ in 0..10 {
        client.send(&long);
        client.expect(&long);
    }
}

#[test]
fn the_subprotocol_is_mqtt() {
    let (gateway, _file) = start("");
    let addr = gateway.ws();
    assert_eq!(status(addr, (OFFERED, "chat"), "/mqtt"), 400);
    assert_eq!(status(addr, (OFFERED, "mqttv3.1"), "/mqtt"), 400);
    assert_eq!(failed_handshakes(&gateway), 2.0);
    let mut request = web_socket::request(addr);
    request.headers_mut().insert(OFFERED, HeaderValue::from_static("chat, mqtt"));
    assert_eq!(web_socket::ask(addr, request).unwrap().headers()[OFFERED], "mqtt");
}

#[test]
fn mqtt_is_at_its_path_only() {
    let (gateway, _file) = start("path = \"/broker/ws\"\n");
    let addr = gateway.ws();
    assert_eq!(status(addr, (OFFERED, "mqtt"), "/mqtt"), 404);
    let mut request = web_socket::request(addr);
    *request.uri_mut() = format!("ws://{addr}/broker/ws?token=1").parse().unwrap();
    assert_eq!(web_socket::ask(addr, request).unwrap().status(), 101);
}

#[test]
fn pages_of_other_sites_are_kept_out_if_the_operator_says_so() {
    let (gateway, _file) = start("origins = [\"https://house.example\"]\n");
    let addr = gateway.ws();
    assert_eq!(status(addr, ("Origin", "https://evil.example"), "/mqtt"), 403);
    let mut page = web_socket::request(addr);
    page.headers_mut().insert("Origin", HeaderValue::from_static("https://house.example"));
    assert_eq!(web_socket::ask(addr, page).unwrap().status(), 101);
    assert_eq!(web_socket::ask(addr, web_socket::request(addr)).unwrap().status(), 101, "it is no browser");
}

#[test]
fn text_is_refused() {
    let (gateway, _file) = start("");
    let mut client = web_socket::new(gateway.ws());
    client.say_connect("client");
    client.0.send(Message::text("{}"));
    assert_eq!(client.0.closed().unwrap().code, CloseCode::Unsupported);
    assert_eq!(refused(&gateway, "text-frame"), 1.0);
    gateway.wait_for_log("lost client=\"client\"");
}

#[test]
fn a_message_longer_than_any_packet_may_be_is_refused_before_it_is_all_there() {
    let (gateway, _file) = start("max_packet_bytes = 100000\n");
    let mut client = web_socket::new(gateway.ws());
    client.say_connect("client");
    // A masked frame that says to have 100,006 octets, and no more.
    client.0.socket.get_mut().write_all(b"\x82\xff\0\0\0\0\0\x01\x86\xa6mask").unwrap();
    assert_eq!(client.0.closed().unwrap().code, CloseCode::Size);
    assert_eq!(refused(&gateway, "too-long"), 1.0);
}

#[test]
fn what_is_no_frame_is_refused() {
    let (gateway, _file) = start("");
    let mut client = web_socket::new(gateway.ws());
    client.say_connect("client");
    // A client's frames are masked.
    client.0.socket.get_mut().write_all(b"\x82\x02\xc0\x00").unwrap();
    assert_eq!(client.0.closed().unwrap().code, CloseCode::Protocol);
    assert_eq!(refused(&gateway, "web-socket"), 1.0);
}

#[test]
fn both_sides_close_with_a_close_frame() {
    let (gateway, _file) = start("");
    let mut leaving = web_socket::new(gateway.ws());
    leaving.say_connect("leaving");
    leaving.send(b"\xe0\x00");
    assert_eq!(leaving.0.closed().unwrap().code, CloseCode::Normal);
    let mut closing = web_socket::new(gateway.ws());
    closing.say_connect("closing");
    closing.0.socket.close(None).unwrap();
    assert_eq!(closing.0.closed(), None);
    gateway.wait_for_log("lost client=\"closing\"");
}

#[test]
fn who_asks_for_no_web_socket_is_closed_and_counted() {
    // Long enough for those who say more than the last one.
    let (gateway, _file) = start("connect_timeout_s = 4\n");
    for octets in [&b"GET /mqtt HTTP/1.1\r\nHost: gateway\r\n\r\n"[..], &connect_packet("plain", 2, &[]), b"GET /"] {
        let mut stream = TcpStream::connect(gateway.ws()).unwrap();
        stream.set_read_timeout(Some(common::PATIENCE)).unwrap();
        stream.write_all(octets).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty(), "{answer:02x?}");
    }
    assert_eq!(failed_handshakes(&gateway), 2.0);
    gateway.wait_for_log("reason=\"connect-timeout\"");
}

#[test]
fn one_connection_too_many_is_told_so_in_a_frame() {
    let (gateway, _file) = start("max_connections = 1\n");
    let mut first = web_socket::new(gateway.ws());
    first.say_connect("first");
    let mut second = web_socket::new(gateway.ws());
    second.send(&connect_packet("second", 2, &[]));
    second.expect(b"\x20\x02\x00\x03");
    assert_eq!(second.0.closed().unwrap().code, CloseCode::Normal);
}

#[test]
fn before_connect_a_frame_is_no_longer_than_a_connect() {
    let (gateway, _file) = start("max_packet_bytes = 268435455\n");
    let mut stranger = web_socket::new(gateway.ws());
    // Only the header of a frame of 16 MiB.
    stranger.0.socket.get_mut().write_all(&[0x82, 0xFF, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    assert_eq!(stranger.0.read(&mut [0; 1]).unwrap(), 0, "closed");
    gateway.wait_for_log("reason=\"too-long\"");

    let mut client = web_socket::new(gateway.ws());
    client.send(&connect_packet("client", 2, &[]));
    client.expect(b"\x20\x02\x00\x00");
    client.send(b"\x82\x06\x00\x01\x00\x01t\x00");
    client.expect(b"\x90\x03\x00\x01\x00");
    let long = publish_packet(0, "t", None, &vec![b'x'; 5 << 20]);
    client.send(&long);
    client.expect(&long);
}
