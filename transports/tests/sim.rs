//! Simulators at a real Unix socket.

use oorandom::Rand32;
use sn_types::{LateCopies, LinkAddr, LinkProfile, PeerAddr, TransportId};
use std::fs;
use std::future::poll_fn;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::time::timeout;
use transports::sim::frame::{Frame, MAX_FRAME};
use transports::sim::{Connection, OUTBOX};
use transports::{Counters, LinkEvent, SimTransport, Transport};

const ID: TransportId = TransportId(3);
const PATIENCE: Duration = Duration::from_secs(60);
const NODE: LinkAddr = LinkAddr::Eui64([2, 0, 0, 1, 0, 0, 0, 9]);
const PROFILE: LinkProfile = LinkProfile {
    mtu: 64,
    mtu_behind_forwarders: 64,
    authenticated: false,
    late_copies: LateCopies { within: Duration::from_secs(2), exchanges: 3 },
    broadcast: true,
};

fn place() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sim.sock");
    (dir, path)
}

fn bind(path: &Path) -> SimTransport {
    SimTransport::bind(ID, path).unwrap()
}

async fn connect(path: &Path) -> Connection {
    Connection::new(UnixStream::connect(path).await.unwrap())
}

/// A simulator that has been welcomed.
async fn joined(transport: &mut SimTransport, path: &Path) -> Connection {
    let mut simulator = connect(path).await;
    say(&mut simulator, &Frame::Hello(PROFILE));
    assert_eq!(next_event(transport).await, LinkEvent::Up(PROFILE));
    assert_eq!(heard(&mut simulator).await, Ok(Said::Welcome));
    simulator
}

fn say(simulator: &mut Connection, frame: &Frame<'_>) {
    assert_eq!(simulator.send(frame), Ok(true));
    simulator.flush().unwrap();
}

fn datagram(octets: &[u8]) -> Frame<'_> {
    Frame::Datagram { peer: NODE, octets }
}

/// A frame of the gateway's.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Welcome,
    Refused(String),
    Datagram(LinkAddr, Vec<u8>),
    Broadcast(u8, Vec<u8>),
}

/// Waits for a frame from the gateway; the end is an error.
async fn heard(simulator: &mut Connection) -> Result<Said, ()> {
    loop {
        if let Some(frame) = simulator.next_frame() {
            return Ok(match frame.unwrap() {
                Frame::Hello(_) => panic!("a gateway says no hello"),
                Frame::Welcome => Said::Welcome,
                Frame::Refused(why) => Said::Refused(why.to_owned()),
                Frame::Datagram { peer, octets } => Said::Datagram(peer, octets.to_vec()),
                Frame::Broadcast { radius, octets } => Said::Broadcast(radius, octets.to_vec()),
            });
        }
        let read = timeout(PATIENCE, poll_fn(|cx| simulator.poll_read(cx))).await.expect("something");
        if read.is_err() || matches!(read, Ok(0)) {
            return Err(());
        }
    }
}

/// Waits until the transport has something.
async fn poll(transport: &mut SimTransport) {
    timeout(PATIENCE, poll_fn(|cx| transport.poll_recv(cx))).await.expect("something happens").unwrap();
}

async fn next_event(transport: &mut SimTransport) -> LinkEvent {
    loop {
        if let Some(event) = transport.poll_event() {
            return event;
        }
        poll(transport).await;
    }
}

/// Waits for datagrams, so many in all.
async fn receive(transport: &mut SimTransport, count: usize) -> Vec<(PeerAddr, Vec<u8>)> {
    let mut got = Vec::new();
    while got.len() < count {
        poll(transport).await;
        assert_eq!(transport.poll_event(), None);
        got.extend(transport.received().iter().map(|(from, octets)| (from, octets.to_vec())));
    }
    got
}

#[tokio::test]
async fn a_simulator_says_hello_and_datagrams_pass_in_order() {
    let (_dir, path) = place();
    let mut transport = bind(&path);
    assert_eq!(transport.profile(), LinkProfile { broadcast: false, ..LinkProfile::UDP });
    let mut simulator = joined(&mut transport, &path).await;
    assert_eq!(transport.profile(), PROFILE);
    let udp = LinkAddr::Udp("[2001:db8::1]:7".parse().unwrap());
    say(&mut simulator, &datagram(b"one"));
    say(&mut simulator, &Frame::Datagram { peer: udp, octets: b"" });
    let (node, other) = (PeerAddr::direct(ID, NODE), PeerAddr::direct(ID, udp));
    assert_eq!(receive(&mut transport, 2).await, [(node, b"one".to_vec()), (other, vec![])]);
    assert_eq!(node.to_string(), "02:00:00:01:00:00:00:09");

    transport.queue(&node, b"back".to_vec());
    transport.broadcast(2, b"all");
    transport.flush();
    assert_eq!(heard(&mut simulator).await, Ok(Said::Datagram(NODE, b"back".to_vec())));
    assert_eq!(heard(&mut simulator).await, Ok(Said::Broadcast(2, b"all".to_vec())));
    assert_eq!(transport.counters(), Counters { received: 2, sent: 2, ..Counters::default() });
}

#[tokio::test]
async fn more_than_a_batch_comes_in_several() {
    let (_dir, path) = place();
    let mut transport = bind(&path);
    let mut simulator = joined(&mut transport, &path).await;
    for n in 0..150u8 {
        say(&mut simulator, &datagram(&[n]));
    }
    let got = receive(&mut transport, 150).await;
    assert_eq!(got.iter().map(|(_, octets)| octets[0]).collect::<Vec<_>>(), (0..150).collect::<Vec<u8>>());
}

#[tokio::test]
async fn a_second_simulator_is_turned_away_and_the_first_stays() {
    let (_dir, path) = place();
    let mut transport = bind(&path);
    let mut first = joined(&mut transport, &path).await;
    let mut second = connect(&path).await;
    say(&mut second, &Frame::Hello(PROFILE));
    let why = "another simulator is connected".to_owned();
    assert_eq!(next_event(&mut transport).await, LinkEvent::TurnedAway(why.clone()));
    assert_eq!(heard(&mut second).await, Ok(Said::Refused(why)));
    assert_eq!(heard(&mut second).await, Err(()));
    say(&mut first, &datagram(b"still here"));
    assert_eq!(receive(&mut transport, 1).await[0].1, b"still here");
}

#[tokio::test]
async fn who_says_nothing_does_not_hold_the_place() {
    let (_dir, path) = place();
    let mut transport = bind(&path);
    let mut silent = connect(&path).await;
    // The transport must have met it before the other one comes.
    assert!(timeout(Duration::from_millis(50), poll_fn(|cx| transport.poll_recv(cx))).await.is_err());
    joined(&mut transport, &path).await;
    assert_eq!(heard(&mut silent).await, Err(()));
}

#[tokio::test]
async fn a_simulator_may_go_and_another_one_come() {
    let (_dir, path) = place();
    let mut transport = bind(&path);
    for round in 1..=3 {
        let mut simulator = joined(&mut transport, &path).await;
        say(&mut simulator, &datagram(b"x"));
        receive(&mut transport, 1).await;
        drop(simulator);
        assert_eq!(next_event(&mut transport).await, LinkEvent::Down("it has closed the connection".to_owned()));
        transport.queue(&PeerAddr::direct(ID, NODE), b"to nobody".to_vec());
        transport.flush();
        assert_eq!(transport.counters().send_unlinked, round);
    }
}

#[tokio::test]
async fn who_begins_with_anything_but_a_hello_of_this_version_is_told_why() {
    let (_dir, path) = place();
    let mut transport = bind(&path);
    let mut other_version = Vec::new();
    Frame::Hello(PROFILE).emit(&mut other_version).unwrap();
    other_version[8] = 9;
    let mut early = Vec::new();
    datagram(b"early").emit(&mut early).unwrap();
    for (octets, says) in [
        (other_version, "it speaks version 9, not 1"),
        (early, "it does not begin with a hello"),
        (b"\x00\x05GET /".to_vec(), "the frame makes no sense"),
    ] {
        let stream = UnixStream::connect(&path).await.unwrap();
        stream.writable().await.unwrap();
        assert_eq!(stream.try_write(&octets).unwrap(), octets.len());
        assert_eq!(next_event(&mut transport).await, LinkEvent::TurnedAway(says.to_owned()));
        assert_eq!(heard(&mut Connection::new(stream)).await, Ok(Said::Refused(says.to_owned())));
    }
    joined(&mut transport, &path).await;
}

#[tokio::test]
async fn malformed_and_too_long_frames_are_counted_and_the_next_one_taken() {
    let (_dir, path) = place();
    let mut transport = bind(&path);
    let mut simulator = joined(&mut transport, &path).await;
    say(&mut simulator, &Frame::Welcome);
    say(&mut simulator, &datagram(&[7; 64 + 255]));
    say(&mut simulator, &datagram(&[8; 64 + 256]));
    say(&mut simulator, &datagram(b"good"));
    let got = receive(&mut transport, 2).await;
    assert_eq!((got[0].1.len(), &got[1].1[..]), (319, &b"good"[..]));
    assert_eq!(transport.counters(), Counters { received: 2, malformed: 1, oversize: 1, ..Counters::default() });
}

#[tokio::test]
async fn random_frames_stop_nothing() {
    let (_dir, path) = place();
    let mut transport = bind(&path);
    let mut simulator = connect_std(&path);
    let mut hello = Vec::new();
    Frame::Hello(PROFILE).emit(&mut hello).unwrap();
    simulator.write_all(&hello).unwrap();
    assert_eq!(next_event(&mut transport).await, LinkEvent::Up(PROFILE));

    let (mut rng, mut sent) = (Rand32::new(1), 0);
    let mut stream = Vec::new();
    while sent < 20_000 {
        let len = rng.rand_range(0..40) as u16;
        stream.extend(len.to_be_bytes());
        // Half of them begin with a kind that exists.
        let first = if rng.rand_range(0..2) == 0 { rng.rand_range(0..7) } else { rng.rand_u32() };
        stream.extend((0..len).map(|at| if at == 0 { first } else { rng.rand_u32() } as u8));
        sent += 1;
    }
    datagram(b"the end").emit(&mut stream).unwrap();
    let writer = std::thread::spawn(move || {
        simulator.write_all(&stream).unwrap();
        simulator
    });
    loop {
        poll(&mut transport).await;
        assert_eq!(transport.poll_event(), None);
        if transport.received().iter().any(|(_, octets)| octets == b"the end") {
            break;
        }
    }
    let Counters { received, malformed, oversize, .. } = transport.counters();
    assert_eq!(received + malformed + oversize, sent + 1);
    assert!(malformed > sent / 2 && received > 1, "{received} received, {malformed} malformed");
    drop(writer.join().unwrap());
}

#[tokio::test]
async fn random_octets_stop_nothing() {
    let (_dir, path) = place();
    let mut transport = bind(&path);
    let mut rng = Rand32::new(7);
    for _ in 0..50 {
        let mut stranger = connect_std(&path);
        let noise: Vec<u8> = (0..rng.rand_range(1..5_000)).map(|_| rng.rand_u32() as u8).collect();
        stranger.write_all(&noise).unwrap();
        drop(stranger);
        // Who does not even get as far as a frame is gone without a word.
        let _ = timeout(Duration::from_millis(1), poll_fn(|cx| transport.poll_recv(cx))).await;
        while transport.poll_event().is_some() {}
    }
    let mut simulator = connect(&path).await;
    say(&mut simulator, &Frame::Hello(PROFILE));
    while next_event(&mut transport).await != LinkEvent::Up(PROFILE) {}
    say(&mut simulator, &datagram(b"good"));
    assert_eq!(receive(&mut transport, 1).await[0].1, b"good");
}

#[tokio::test]
async fn a_simulator_that_does_not_read_loses_datagrams_and_holds_nobody_up() {
    let (_dir, path) = place();
    let mut transport = bind(&path);
    let mut simulator = joined(&mut transport, &path).await;
    let datagrams = 3 * OUTBOX / 1_000;
    for _ in 0..datagrams {
        transport.queue(&PeerAddr::direct(ID, NODE), vec![0; 1_000]);
        transport.flush();
    }
    let Counters { sent, send_full, .. } = transport.counters();
    assert_eq!(sent + send_full, datagrams as u64);
    assert!(send_full > 0 && sent as usize >= OUTBOX / 1_020, "{sent} sent, {send_full} dropped");
    // What was taken arrives whole.
    let all = async {
        for _ in 0..sent {
            assert_eq!(heard(&mut simulator).await, Ok(Said::Datagram(NODE, vec![0; 1_000])));
        }
    };
    tokio::select! {
        () = all => {}
        _ = poll_fn(|cx| transport.poll_recv(cx)) => panic!("nothing was sent to it"),
    }
}

#[tokio::test]
async fn what_no_frame_can_hold_is_refused() {
    let (_dir, path) = place();
    let mut transport = bind(&path);
    let _simulator = joined(&mut transport, &path).await;
    transport.queue(&PeerAddr::direct(ID, LinkAddr::Line), b"x".to_vec());
    transport.queue(&PeerAddr::direct(ID, NODE), vec![0; MAX_FRAME]);
    assert_eq!(transport.counters(), Counters { send_refused: 2, ..Counters::default() });
}

#[tokio::test]
async fn the_socket_is_its_owner_s_and_goes_with_the_transport() {
    let (_dir, path) = place();
    let transport = bind(&path);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    drop(transport);
    assert!(!path.exists());
}

#[tokio::test]
async fn only_a_socket_at_which_nobody_listens_is_replaced() {
    let (_dir, path) = place();
    // A process that was killed leaves its socket behind.
    drop(net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let first = bind(&path);
    let error = SimTransport::bind(ID, &path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(path.exists(), "the first one's socket is left alone");
    drop(first);
    fs::write(&path, "a letter").unwrap();
    let error = SimTransport::bind(ID, &path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&path).unwrap(), "a letter");
}

fn connect_std(path: &Path) -> net::UnixStream {
    net::UnixStream::connect(path).unwrap()
}
