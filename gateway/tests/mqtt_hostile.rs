//! Who comes to MQTT listeners to do harm: lies about lengths, silence, and not reading.

mod common;

use common::{Daemon, Mqtt, connect_packet, publish_packet, tls, web_socket};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use test_pki::{Pair, Pki};

/// For what takes long on a busy machine.
const LONG: Duration = Duration::from_secs(120);
/// What an operator may set at most.
const LONGEST_PACKET: &str = "max_packet_bytes = 268435455\n";

/// A gateway with a listener of each kind, all with these keys.
struct Open {
    gateway: Daemon,
    pki: Pki,
}

impl Open {
    fn start(keys: &str) -> Self {
        let pki = Pki::new();
        let Pair { certificate, key } = pki.server();
        let files = format!("certificate = \"{}\"\nkey = \"{}\"\n", certificate.display(), key.display());
        let listener = |kind: &str, own: &str| {
            format!("[[listener]]\nkind = \"{kind}\"\nlisten = \"127.0.0.1:0\"\nconnects_per_s = 1000000\n{own}{keys}")
        };
        let all = [listener("tcp", ""), listener("tls", &files), listener("ws", ""), listener("wss", &files)];
        let path = pki.dir().join("gateway.toml");
        fs::write(&path, format!("[limits]\nqueue_bytes = 1048576\n{}", all.concat())).unwrap();
        let args = ["--config", path.to_str().unwrap(), "--udp", "127.0.0.1:0", "--log", "error"];
        Self { gateway: Daemon::start_as_told(&args), pki }
    }

    /// By how many kB the gateway's memory is more after `deeds` than before.
    fn grown_kb(&self, deeds: impl FnOnce()) -> u64 {
        let before = self.gateway.rss_kb();
        deeds();
        self.gateway.rss_kb().saturating_sub(before)
    }

    fn expect_service(&self) {
        let mut client = Mqtt::connect(self.gateway.mqtt(), "good");
        client.send(b"\xc0\x00");
        client.expect(b"\xd0\x00");
    }
}

/// Octets for ever, until the gateway has had enough; at most so many megabytes.
fn pour(stream: &mut TcpStream, megabytes: usize) -> bool {
    let octets = vec![0; 1 << 20];
    (0..megabytes).any(|_| stream.write_all(&octets).is_err())
}

#[test]
fn first_packets_that_say_to_have_100_megabytes_cost_no_memory() {
    for keys in ["", LONGEST_PACKET] {
        let open = Open::start(keys);
        let mut held = Vec::new();
        let grown_kb = open.grown_kb(|| {
            // All types from CONNECT to DISCONNECT, with the flags that they have, and 100,000,000 octets.
            for kind in 1..=14_u8 {
                let flags = if [6, 8, 10].contains(&kind) { 2 } else { 0 };
                for _ in 0..10 {
                    let mut liar = Mqtt::new(open.gateway.mqtt()).0;
                    liar.write_all(&[kind << 4 | flags, 0x80, 0xC2, 0xD7, 0x2F]).unwrap();
                    let _ = liar.write_all(b"\x00\x04MQTT\x04\x02\x00\x3c\xff\xff");
                    held.push(liar);
                }
                assert!(pour(held.last_mut().unwrap(), 100), "100 MB of a packet of type {kind} were taken");
            }
        });
        assert!(grown_kb < 20_000, "lies have cost {grown_kb} kB");
        open.expect_service();
    }
}

#[test]
fn a_client_that_lies_about_the_next_packet_costs_what_it_sends() {
    let open = Open::start(LONGEST_PACKET);
    let names = (0..100).map(|number| format!("liar-{number}"));
    let mut liars: Vec<_> = names.map(|name| Mqtt::connect(open.gateway.mqtt(), &name)).collect();
    let grown_kb = open.grown_kb(|| {
        for liar in &mut liars {
            liar.send(b"\x30\xff\xff\xff\x7f\x00\x01t");
            liar.send(&[b'x'; 10_000]);
        }
        open.expect_service();
    });
    assert!(grown_kb < 8_000, "a megabyte of 27 gigabytes has cost {grown_kb} kB");
    let (virtual_kb, most_kb) = (open.gateway.status_kb("VmSize:"), 4 << 20);
    assert!(virtual_kb < most_kb, "{virtual_kb} kB of addresses are taken");
}

#[test]
fn handshakes_that_never_end_cost_no_memory() {
    let open = Open::start("");
    let addrs = [open.gateway.ws(), open.gateway.mqtts(), open.gateway.wss()];
    let grown_kb = open.grown_kb(|| {
        for addr in addrs {
            let mut endless = Mqtt::new(addr).0;
            let _ = endless.write_all(b"GET /mqtt HTTP/1.1\r\nX: ");
            assert!(pour(&mut endless, 100), "100 MB of a handshake were taken");
            // The first record of TLS says to have a ClientHello of 16 MB.
            let mut hello = Mqtt::new(addr).0;
            let _ = hello.write_all(b"\x16\x03\x01\x40\x00\x01\xff\xff\xff");
            assert!(pour(&mut hello, 100), "100 MB of a ClientHello were taken");
        }
    });
    assert!(grown_kb < 20_000, "handshakes have cost {grown_kb} kB");
    open.expect_service();
}

/// Raises the limit of open files as far as it goes, and answers how many connections this process can hold.
fn connections(wanted: usize) -> usize {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let spare = 500;
    wanted.min(usize::try_from(hard).unwrap_or(usize::MAX) - spare)
}

/// How many files the gateway has open.
fn descriptors(gateway: &Daemon) -> usize {
    fs::read_dir(format!("/proc/{}/fd", gateway.pid())).unwrap().count()
}

#[test]
fn ten_thousand_connections_that_say_nothing_keep_nobody_out() {
    let count = connections(10_000);
    // Nothing here depends on how fast the machine is: none of them meets the timeout.
    let open = Open::start(&format!("connect_timeout_s = 300\nmax_connections = {}\n", count + 1));
    let at_first = descriptors(&open.gateway);
    let mut silent = Vec::new();
    let grown_kb = open.grown_kb(|| {
        silent.extend((0..count).map(|_| TcpStream::connect(open.gateway.mqtt()).unwrap()));
        let all_are_in = || descriptors(&open.gateway) == at_first + count;
        common::wait_until_for(LONG, "all to be let in", all_are_in);
    });
    assert!(grown_kb < 60_000, "{count} silent connections have cost {grown_kb} kB");

    // There is one place left, and none for a second good client.
    let mut last = Mqtt::connect(open.gateway.mqtt(), "last");
    let mut too_many = Mqtt::new(open.gateway.mqtt());
    too_many.send(&connect_packet("too-many", 2, &[]));
    too_many.expect(b"\x20\x02\x00\x03");
    drop((too_many, silent));

    common::wait_until_for(LONG, "descriptors to come back", || descriptors(&open.gateway) == at_first + 1);
    last.send(b"\xc0\x00");
    last.expect(b"\xd0\x00");
    open.expect_service();
}

#[test]
fn connections_that_say_nothing_are_closed_and_their_descriptors_come_back() {
    // Long enough for the good client.
    let open = Open::start("connect_timeout_s = 4\n");
    let at_first = descriptors(&open.gateway);
    let addrs = [open.gateway.mqtt(), open.gateway.mqtts(), open.gateway.ws(), open.gateway.wss()];
    let silent: Vec<_> = (0..400).map(|n| Mqtt::new(addrs[n % addrs.len()])).collect();
    for mut connection in silent {
        assert_eq!(connection.0.read(&mut [0; 1]).unwrap(), 0, "it was closed");
    }
    common::wait_until("descriptors to come back", || descriptors(&open.gateway) == at_first);
    open.expect_service();
}

/// Others go on while `stuck`, which has subscribed to the same topic, does not read.
fn does_not_hold_up_others<S: Read + Write>(open: &Open, mut stuck: Mqtt<S>) {
    stuck.say_connect("stuck");
    stuck.subscribe("t", 0);
    let [mut publisher, mut reader] = ["publisher", "reader"].map(|id| Mqtt::connect(open.gateway.mqtt(), id));
    reader.subscribe("t", 0);
    let packet = publish_packet(0, "t", None, &[b'x'; 10_000]);
    let grown_kb = open.grown_kb(|| {
        for _ in 0..2_500 {
            publisher.send(&packet);
            reader.expect(&packet);
        }
    });
    assert!(grown_kb < 8_000, "25 MB to a client that does not read have cost {grown_kb} kB");
    // It gets whole packets when it reads again.
    for _ in 0..10 {
        stuck.expect(&packet);
    }
}

/// A connection for which the operating system keeps little.
fn narrow(gateway: SocketAddr) -> TcpStream {
    let stream = Mqtt::new(gateway).0;
    socket2::SockRef::from(&stream).set_recv_buffer_size(16 << 10).unwrap();
    stream
}

#[test]
fn who_does_not_read_holds_up_nobody_over_tcp() {
    let open = Open::start("");
    does_not_hold_up_others(&open, Mqtt(narrow(open.gateway.mqtt())));
}

#[test]
fn who_does_not_read_holds_up_nobody_within_tls() {
    let open = Open::start("");
    does_not_hold_up_others(&open, tls::new(open.gateway.mqtts(), &open.pki.ca(), None));
}

#[test]
fn who_does_not_read_holds_up_nobody_over_web_socket() {
    let open = Open::start("");
    let addr = open.gateway.ws();
    does_not_hold_up_others(&open, web_socket::within(addr, narrow(addr)));
}
