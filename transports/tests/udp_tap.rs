//! Listening in on a UDP transport: the addresses are those that a capture at the network would have.

use sn_types::{LinkAddr, PeerAddr, TransportId};
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;
use tokio::time::timeout;
use transports::tap::{Content, Direction, Listener, tap};
use transports::{Multicast, Transport, UdpConfig, UdpTransport};

const ID: TransportId = TransportId(0);
const PATIENCE: Duration = Duration::from_secs(60);

/// A transport that somebody listens to.
async fn tapped(listen: IpAddr, multicast: Option<Multicast>) -> (UdpTransport, Listener) {
    let config = UdpConfig {
        listen: SocketAddr::new(listen, 0),
        only_v6: false,
        mtu: 512,
        mtu_behind_forwarders: 512,
        multicast,
    };
    let mut transport = UdpTransport::bind(ID, &config).unwrap();
    let (tap, listener) = tap();
    transport.tap_point().open(tap).unwrap();
    let nothing = timeout(Duration::from_millis(1), poll_fn(|cx| transport.poll_recv(cx))).await;
    assert!(nothing.is_err(), "nobody has sent anything");
    (transport, listener)
}

async fn receive(transport: &mut UdpTransport) {
    timeout(PATIENCE, poll_fn(|cx| transport.poll_recv(cx))).await.expect("a datagram").unwrap();
}

/// What has been heard: which way, from where, to where, what.
async fn heard(listener: &mut Listener) -> Vec<(Direction, SocketAddr, SocketAddr, Vec<u8>)> {
    let mut frames = Vec::new();
    timeout(PATIENCE, listener.recv_many(&mut frames, 100)).await.expect("something was heard");
    let ends = frames.into_iter().map(|passed| match passed.content {
        Content::Udp { from, to, payload } => (passed.direction, from, to, payload),
        other => panic!("not UDP: {other:?}"),
    });
    ends.collect()
}

#[tokio::test]
async fn a_socket_on_all_addresses_is_heard_with_those_that_were_used() {
    let used = IpAddr::from([127, 0, 0, 5]);
    for all in [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()] {
        let (mut transport, mut listener) = tapped(all, None).await;
        let port = transport.local_addr().port();
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = peer.local_addr().unwrap();
        for round in [&b"ping"[..], b"again"] {
            peer.send_to(round, (used, port)).unwrap();
            receive(&mut transport).await;
            let expected = (Direction::Received, addr, SocketAddr::new(used, port), round.to_vec());
            assert_eq!(heard(&mut listener).await, [expected]);
        }
        transport.queue(&PeerAddr::direct(ID, LinkAddr::Udp(addr)), b"pong".to_vec());
        transport.flush();
        let from = SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(heard(&mut listener).await, [(Direction::Sent, from, addr, b"pong".to_vec())]);
    }
}

#[tokio::test]
async fn what_goes_to_a_group_and_comes_from_it_is_heard_with_the_group() {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let group = SocketAddr::from(([225, 1, 1, 1], free.port()));
    let multicast = Multicast { group, interface: Some("lo".into()), hops: 1 };
    let (mut transport, mut listener) = tapped(Ipv4Addr::LOCALHOST.into(), Some(multicast)).await;
    let local = transport.local_addr();
    transport.broadcast(1, b"advertise");
    assert_eq!(heard(&mut listener).await, [(Direction::Sent, local, group, b"advertise".to_vec())]);
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket2::SockRef::from(&peer).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    peer.send_to(b"search", group).unwrap();
    let addr = peer.local_addr().unwrap();
    let mut got = Vec::new();
    while got.is_empty() {
        receive(&mut transport).await;
        if !transport.received().is_empty() {
            got = heard(&mut listener).await;
        }
    }
    assert_eq!(got, [(Direction::Received, addr, group, b"search".to_vec())]);
}

#[tokio::test]
async fn after_the_listener_has_gone_the_transport_goes_on() {
    let (mut transport, listener) = tapped(Ipv4Addr::LOCALHOST.into(), None).await;
    drop(listener);
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.send_to(b"x", transport.local_addr()).unwrap();
    receive(&mut transport).await;
    assert_eq!(transport.received().len(), 1);
    assert!(!transport.tap_point().is_open());
}
