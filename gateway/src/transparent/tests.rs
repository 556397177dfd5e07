//! Connections to a broker that is a socket here: what it does to them, and what it is sent.

use super::{Pool, Settings};
use crate::upstream::TlsFiles;
use gateway_core::mqtt::{Connect, Disconnect, Packet, Publish, Version};
use gateway_core::{Ending, FromUpstream, Qos, ToUpstream, UpstreamId};
use std::future::poll_fn;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ID: UpstreamId = UpstreamId(1);
/// Octets in the packets that fill buffers.
const LONG: usize = 4 << 10;

struct Broker {
    stream: TcpStream,
    connect: Vec<u8>,
}

/// A line that is accepted.
async fn joined(keep_alive_s: u16) -> (Pool, Broker) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("mqtt://{}", listener.local_addr().unwrap()).parse().unwrap();
    let mut pool = Pool::new(Settings {
        address,
        tls: TlsFiles::default(),
        version: Version::V5,
        user: None,
        password: None,
        max_packet: 70_000,
    });
    pool.carry_out(ID, ToUpstream::Open(Box::new(Connect { keep_alive_s, ..Connect::new("node") })));
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut connect = vec![0; 2];
    stream.read_exact(&mut connect).await.unwrap();
    connect.resize(2 + usize::from(connect[1]), 0);
    stream.read_exact(&mut connect[2..]).await.unwrap();
    stream.write_all(&[0x20, 3, 0, 0, 0]).await.unwrap();
    assert!(matches!(next(&mut pool).await, FromUpstream::Packet(Packet::ConnAck(_))));
    (pool, Broker { stream, connect })
}

/// The next thing that comes of the line.
async fn next(pool: &mut Pool) -> FromUpstream {
    let news = tokio::time::timeout(Duration::from_secs(60), poll_fn(|cx| pool.poll(cx)));
    let news = news.await.expect("something happens");
    let [(ID, what)]: [_; 1] = news.try_into().expect("one thing") else { panic!("another line") };
    what
}

fn long_packet() -> ToUpstream {
    ToUpstream::Packet(Packet::Publish(Publish::new("up".into(), vec![7; LONG].into(), Qos::AtMostOnce, false, None)))
}

#[tokio::test]
async fn the_broker_is_told_the_longest_packet() {
    let (_pool, broker) = joined(60).await;
    let wanted = [&[0x27], &70_000_u32.to_be_bytes()[..]].concat();
    assert!(broker.connect.windows(5).any(|octets| octets == wanted), "{:?}", broker.connect);
}

#[tokio::test]
async fn a_broker_that_resets_the_line_has_hung_up() {
    let (mut pool, broker) = joined(60).await;
    broker.stream.set_zero_linger().unwrap();
    drop(broker);
    assert_eq!(next(&mut pool).await, FromUpstream::Closed(Ending::HungUp));
}

#[tokio::test]
async fn a_packet_that_is_too_long_spoils_the_line() {
    let (mut pool, mut broker) = joined(60).await;
    // PUBLISH, and a length of 70,001 octets.
    broker.stream.write_all(&[0x30, 0xF1, 0xA2, 0x04]).await.unwrap();
    assert_eq!(next(&mut pool).await, FromUpstream::Closed(Ending::Unreadable));
}

#[tokio::test]
async fn a_broker_that_does_not_read_loses_the_line() {
    let (mut pool, _broker) = joined(60).await;
    // More than the sockets of both sides can hold.
    for _ in 0..100_000 {
        pool.carry_out(ID, long_packet());
        tokio::task::yield_now().await;
        if pool.lines.is_empty() {
            break;
        }
    }
    assert!(pool.lines.is_empty(), "the packets are in memory");
    assert_eq!(next(&mut pool).await, FromUpstream::Closed(Ending::Broken));
}

#[tokio::test]
async fn a_good_bye_comes_after_however_much_waits() {
    let (mut pool, mut broker) = joined(60).await;
    let mut sent = 0;
    while pool.lines[&ID].orders.capacity() > 0 {
        pool.carry_out(ID, long_packet());
        sent += 1;
        tokio::task::yield_now().await;
    }
    pool.carry_out(ID, ToUpstream::Close(Some(Disconnect::default())));
    let mut heard = Vec::new();
    broker.stream.read_to_end(&mut heard).await.unwrap();
    assert!(heard.len() > sent * LONG, "every packet");
    assert_eq!(heard[heard.len() - 2..], [0xE0, 0]);
    drop(broker);
    assert_eq!(next(&mut pool).await, FromUpstream::Closed(Ending::Broken));
}

#[tokio::test]
async fn the_core_hears_only_of_its_own_pings() {
    const PING: [u8; 2] = [0xC0, 0];
    // Who does not answer within the keep-alive is given up.
    let (mut pool, mut broker) = joined(4).await;
    let mut heard = [0; 2];
    broker.stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, PING, "the line's own");
    pool.carry_out(ID, ToUpstream::Packet(Packet::PingReq));
    broker.stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, PING, "the core's");
    // The answer to the first, a message, and the answer to the second.
    broker.stream.write_all(&[0xD0, 0, 0x30, 5, 0, 1, b'a', 0, b'x']).await.unwrap();
    assert!(matches!(next(&mut pool).await, FromUpstream::Packet(Packet::Publish(_))));
    broker.stream.write_all(&[0xD0, 0]).await.unwrap();
    assert_eq!(next(&mut pool).await, FromUpstream::Packet(Packet::PingResp));
}
