//! Serial lines over pseudo-terminals: the other end is a plain file descriptor.

#[path = "support/plug.rs"]
mod plug;

use nix::pty::PtyMaster;
use plug::Plug;
use sn_types::{Eui64, LinkAddr, PeerAddr, TransportId};
use std::fs;
use std::future::poll_fn;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::task::Poll;
use std::time::Duration;
use tokio::time::timeout;
use transports::serial::{Device, Family, FlowControl, Framing, Parity, SerialConfig};
use transports::{LinkEvent, NodeTable, SerialTransport, Transport};

const ID: TransportId = TransportId(3);
const PATIENCE: Duration = Duration::from_secs(60);

fn config(path: &Path, framing: Framing) -> SerialConfig {
    SerialConfig {
        device: Device::Path(path.into()),
        baud: 115_200,
        parity: Parity::None,
        flow_control: FlowControl::None,
        framing,
        mtu: 100,
        gap: Duration::from_millis(100),
    }
}

async fn next_event(transport: &mut SerialTransport) -> LinkEvent {
    loop {
        if let Some(event) = transport.poll_event() {
            return event;
        }
        timeout(PATIENCE, poll_fn(|cx| transport.poll_recv(cx))).await.expect("something happens").unwrap();
    }
}

async fn next_batch(transport: &mut SerialTransport) -> Vec<(PeerAddr, Vec<u8>)> {
    timeout(PATIENCE, poll_fn(|cx| transport.poll_recv(cx))).await.expect("something arrives").unwrap();
    transport.received().iter().map(|(from, octets)| (from, octets.to_vec())).collect()
}

/// An open transport and its other end.
async fn opened(framing: Framing) -> (SerialTransport, PtyMaster, Plug) {
    let plug = Plug::new();
    let master = plug.plug();
    let mut transport = SerialTransport::new(ID, config(&plug.path(), framing));
    assert_eq!(next_event(&mut transport).await, LinkEvent::Up(transport.profile()));
    (transport, master, plug)
}

/// What the other end reads next, while the transport is polled, as its driver does.
async fn written(transport: &mut SerialTransport, mut master: &PtyMaster, len: usize) -> Vec<u8> {
    let mut octets = Vec::new();
    let polled = poll_fn(|cx| {
        assert!(transport.poll_recv(cx).is_pending(), "nothing arrives");
        let mut more = vec![0; len - octets.len()];
        match master.read(&mut more) {
            Ok(read) => octets.extend_from_slice(&more[..read]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        if octets.len() == len {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    timeout(PATIENCE, polled).await.expect("it is written");
    octets
}

#[tokio::test]
async fn datagrams_go_both_ways_in_every_framing_of_a_line() {
    for (framing, line) in [
        (Framing::Raw, &[2, 0x16][..]),
        (Framing::Slip { with_crc: false }, &[0xC0, 2, 0x16, 0xC0]),
        (Framing::Slip { with_crc: true }, &[0xC0, 2, 0x16, 0x95, 0x14, 0xC0]),
        (Framing::Hdlc, &[0x7E, 2, 0x16, 0x40, 0x49, 0x7E]),
        (Framing::Cobs, &[5, 2, 0x16, 0x40, 0x49, 0]),
    ] {
        let (mut transport, mut master, _plug) = opened(framing).await;
        let peer = PeerAddr::direct(ID, LinkAddr::Line);
        transport.queue(&peer, vec![2, 0x16]);
        transport.flush();
        let sent = written(&mut transport, &master, line.len()).await;
        assert_eq!(sent, line, "{framing:?}");
        master.write_all(&sent).unwrap();
        assert_eq!(next_batch(&mut transport).await, [(peer, vec![2, 0x16])], "{framing:?}");
        assert_eq!((transport.counters().sent, transport.counters().received), (1, 1));
    }
}

#[tokio::test]
async fn a_device_may_be_missing_come_go_and_come_back() {
    let plug = Plug::new();
    let mut transport = SerialTransport::new(ID, config(&plug.path(), Framing::Cobs));
    assert!(matches!(next_event(&mut transport).await, LinkEvent::Down(_)), "told once");
    for _ in 0..2 {
        let master = plug.plug();
        assert_eq!(next_event(&mut transport).await, LinkEvent::Up(transport.profile()));
        transport.queue(&PeerAddr::direct(ID, LinkAddr::Line), vec![2, 0x16]);
        transport.flush();
        assert_eq!(written(&mut transport, &master, 6).await.last(), Some(&0));
        drop(master);
        fs::remove_file(plug.path()).unwrap();
        assert!(matches!(next_event(&mut transport).await, LinkEvent::Down(_)));
        transport.queue(&PeerAddr::direct(ID, LinkAddr::Line), vec![2, 0x16]);
        transport.flush();
    }
    assert_eq!((transport.counters().sent, transport.counters().send_unlinked), (2, 2));
}

#[tokio::test]
async fn half_a_frame_of_before_is_no_part_of_what_comes_after() {
    let (mut transport, mut master, plug) = opened(Framing::Slip { with_crc: false }).await;
    master.write_all(&[0xC0, 1, 2, 3]).unwrap();
    drop(master);
    assert!(matches!(next_event(&mut transport).await, LinkEvent::Down(_)));
    let mut master = plug.plug();
    assert!(matches!(next_event(&mut transport).await, LinkEvent::Up(_)));
    master.write_all(&[2, 0x16, 0xC0]).unwrap();
    assert_eq!(next_batch(&mut transport).await, [(PeerAddr::direct(ID, LinkAddr::Line), vec![2, 0x16])]);
}

#[tokio::test]
async fn what_a_slow_line_would_not_carry_in_time_is_dropped_and_counted() {
    let plug = Plug::new();
    let _master = plug.plug();
    // 1,200 octets per second.
    let slow = SerialConfig { baud: 12_000, ..config(&plug.path(), Framing::Raw) };
    let mut transport = SerialTransport::new(ID, slow);
    assert!(matches!(next_event(&mut transport).await, LinkEvent::Up(_)));
    for _ in 0..30 {
        transport.queue(&PeerAddr::direct(ID, LinkAddr::Line), vec![100; 100]);
    }
    transport.flush();
    assert_eq!((transport.counters().sent, transport.counters().send_full), (24, 6));
}

#[tokio::test]
async fn more_than_a_batch_arrives_in_several() {
    let (mut transport, mut master, _plug) = opened(Framing::Raw).await;
    for _ in 0..10 {
        master.write_all(&[2, 0x16].repeat(100)).unwrap();
    }
    let mut arrived = 0;
    while arrived < 1_000 {
        arrived += next_batch(&mut transport).await.len();
    }
    assert_eq!((arrived, transport.counters().received, transport.counters().malformed), (1_000, 1_000, 0));
}

/// The frame of an XBee.
fn xbee(data: &[u8]) -> Vec<u8> {
    let sum = 0xFF - data.iter().fold(0_u8, |sum, octet| sum.wrapping_add(*octet));
    [&[0x7E, 0, data.len() as u8][..], data, &[sum]].concat()
}

#[tokio::test]
async fn an_xbee_gets_no_more_than_it_has_room_for_and_says_what_became_of_it() {
    let framing = Framing::XBee { family: Family::DigiMesh, with_escapes: false };
    let (mut transport, mut master, _plug) = opened(framing).await;
    let node = [0, 0x13, 0xA2, 0, 0, 0, 0, 9];
    let peer = PeerAddr::direct(ID, LinkAddr::Eui64(node));
    (0..6).for_each(|_| transport.queue(&peer, vec![2, 0x16]));
    transport.flush();
    let frame_len = 20;
    let numbers = |frames: &[u8]| frames.chunks(frame_len).map(|frame| frame[4]).collect::<Vec<_>>();
    let frames = written(&mut transport, &master, 4 * frame_len).await;
    assert_eq!(numbers(&frames), [1, 2, 3, 4]);
    let status = |number, delivery| xbee(&[0x8B, number, 0xFF, 0xFE, 2, delivery, 0]);
    master.write_all(&[status(1, 0), status(2, 0x21)].concat()).unwrap();
    // A datagram after the statuses shows that they have been heard.
    master.write_all(&xbee(&[&[0x90][..], &node, &[0xFF, 0xFE, 1, 2, 0x17]].concat())).unwrap();
    assert_eq!(next_batch(&mut transport).await, [(peer, vec![2, 0x17])]);
    let frames = written(&mut transport, &master, 2 * frame_len).await;
    assert_eq!(numbers(&frames), [5, 6]);
    assert_eq!((transport.counters().sent, transport.counters().undelivered), (6, 1));
    let report = transport.nodes().and_then(NodeTable::poll_report).expect("something is new");
    assert_eq!((report.node, report.heard.frames), (Eui64(node), 1));
    assert_eq!((report.heard.retries, report.heard.failures), (4, 1));
    // Its reset takes the four that it has: there is room for others.
    (0..4).for_each(|_| transport.broadcast(2, &[2, 0x17]));
    master.write_all(&xbee(&[0x8A, 0])).unwrap();
    let frames = written(&mut transport, &master, 4 * frame_len).await;
    assert_eq!(numbers(&frames), [7, 8, 9, 10]);
    assert_eq!(frames[5..17], [0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFE, 2, 0]);
    assert_eq!(transport.counters().undelivered, 5);
}

#[tokio::test]
async fn a_device_that_cannot_be_a_line_says_why() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut transport = SerialTransport::new(ID, config(file.path(), Framing::Raw));
    let LinkEvent::Down(why) = next_event(&mut transport).await else { panic!("it is no line") };
    assert!(!why.is_empty());
    let usb = SerialConfig { device: "usb:0000:0000".parse().unwrap(), ..config(file.path(), Framing::Raw) };
    let mut transport = SerialTransport::new(ID, usb);
    assert_eq!(next_event(&mut transport).await, LinkEvent::Down("no such USB device is plugged in".into()));
}
