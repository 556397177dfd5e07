//! Real datagrams over loopback.

use sn_types::{LinkAddr, LinkProfile, PeerAddr, TransportId};
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;
use transports::{BindError, Multicast, Transport, UdpConfig, UdpTransport};

const ID: TransportId = TransportId(3);
const PATIENCE: Duration = Duration::from_secs(60);

fn config(listen: impl Into<IpAddr>) -> UdpConfig {
    let listen = SocketAddr::new(listen.into(), 0);
    UdpConfig { listen, only_v6: false, mtu: 512, mtu_behind_forwarders: 256, multicast: None }
}

fn bind(listen: impl Into<IpAddr>) -> UdpTransport {
    UdpTransport::bind(ID, &config(listen)).unwrap()
}

fn peer(listen: impl Into<IpAddr>) -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind(SocketAddr::new(listen.into(), 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let addr = socket.local_addr().unwrap();
    (socket, addr)
}

fn to(addr: SocketAddr) -> PeerAddr {
    PeerAddr::direct(ID, LinkAddr::Udp(addr))
}

/// Waits for one batch.
async fn receive(transport: &mut UdpTransport) -> Vec<(PeerAddr, Vec<u8>)> {
    tokio::time::timeout(PATIENCE, poll_fn(|cx| transport.poll_recv(cx))).await.expect("a datagram").unwrap();
    transport.received().iter().map(|(from, bytes)| (from, bytes.to_vec())).collect()
}

/// Whether nothing is there to be received.
async fn is_idle(transport: &mut UdpTransport) -> bool {
    tokio::time::timeout(Duration::from_millis(50), poll_fn(|cx| transport.poll_recv(cx))).await.is_err()
}

fn answer(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 2048];
    let (len, _) = socket.recv_from(&mut buffer).unwrap();
    buffer[..len].to_vec()
}

#[tokio::test]
async fn datagrams_arrive_in_order_with_their_sender_and_answers_go_back() {
    for ip in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        let mut transport = bind(ip);
        let (socket, addr) = peer(ip);
        for datagram in [&b"one"[..], b"", b"three"] {
            socket.send_to(datagram, transport.local_addr()).unwrap();
        }
        let got = receive(&mut transport).await;
        assert_eq!(got, [(to(addr), b"one".to_vec()), (to(addr), vec![]), (to(addr), b"three".to_vec())]);
        transport.queue(&to(addr), b"back".to_vec());
        transport.flush();
        assert_eq!(answer(&socket), b"back");
    }
}

#[tokio::test]
async fn more_than_a_batch_is_taken_in_and_sent_in_several() {
    let mut transport = bind(Ipv4Addr::LOCALHOST);
    let (socket, addr) = peer(Ipv4Addr::LOCALHOST);
    for n in 0..150u8 {
        socket.send_to(&[n], transport.local_addr()).unwrap();
    }
    let mut got = Vec::new();
    while got.len() < 150 {
        let batch = receive(&mut transport).await;
        assert!(batch.len() <= 64);
        got.extend(batch);
    }
    for (from, datagram) in got {
        transport.queue(&from, datagram);
    }
    transport.flush();
    assert_eq!((0..150).map(|_| answer(&socket)[0]).collect::<Vec<_>>(), (0..150).collect::<Vec<u8>>());
    assert_eq!(transport.counters().received, 150);
    assert_eq!(transport.counters().sent, 150);
    assert!(is_idle(&mut transport).await, "{addr} sent no more");
}

#[tokio::test]
async fn a_datagram_beyond_the_mtu_is_counted_and_the_next_one_taken() {
    let mut transport = bind(Ipv4Addr::LOCALHOST);
    let (socket, addr) = peer(Ipv4Addr::LOCALHOST);
    socket.send_to(&[7; 512 + 255], transport.local_addr()).unwrap();
    socket.send_to(&[8; 512 + 256], transport.local_addr()).unwrap();
    socket.send_to(&[9], transport.local_addr()).unwrap();
    assert_eq!(receive(&mut transport).await, [(to(addr), vec![7; 767]), (to(addr), vec![9])]);
    assert_eq!(transport.counters().oversize, 1);
}

#[tokio::test]
async fn a_closed_peer_or_an_unreachable_one_stops_nothing() {
    let mut transport = bind(Ipv4Addr::LOCALHOST);
    let (gone, gone_addr) = peer(Ipv4Addr::LOCALHOST);
    drop(gone);
    let (socket, addr) = peer(Ipv4Addr::LOCALHOST);
    for _ in 0..3 {
        transport.queue(&to(gone_addr), b"nobody".to_vec());
        transport.queue(&to(SocketAddr::from((Ipv4Addr::BROADCAST, 9))), b"forbidden".to_vec());
        transport.queue(&to(addr), vec![0; 70_000]);
        transport.queue(&to(addr), b"somebody".to_vec());
        transport.flush();
    }
    transport.queue(&to("[::1]:9".parse().unwrap()), b"other family".to_vec());
    transport.queue(&PeerAddr::direct(ID, LinkAddr::Line), b"other link".to_vec());
    transport.flush();
    for _ in 0..3 {
        assert_eq!(answer(&socket), b"somebody");
    }
    assert_eq!(transport.counters().send_refused, 8);
    socket.send_to(b"still there", transport.local_addr()).unwrap();
    assert_eq!(receive(&mut transport).await, [(to(addr), b"still there".to_vec())]);
}

#[tokio::test]
async fn the_ipv6_wildcard_serves_ipv4_peers_under_their_own_address() {
    let mut transport = bind(Ipv6Addr::UNSPECIFIED);
    let port = transport.local_addr().port();
    let (socket, addr) = peer(Ipv4Addr::LOCALHOST);
    socket.send_to(b"v4", (Ipv4Addr::LOCALHOST, port)).unwrap();
    assert_eq!(receive(&mut transport).await, [(to(addr), b"v4".to_vec())]);
    transport.queue(&to(addr), b"to v4".to_vec());
    transport.flush();
    assert_eq!(answer(&socket), b"to v4");
}

fn is_in_use(error: &BindError) -> bool {
    matches!(error, BindError::Address(error) if error.kind() == io::ErrorKind::AddrInUse)
}

#[tokio::test]
async fn both_wildcards_share_a_port_when_asked_to() {
    let v4 = bind(Ipv4Addr::UNSPECIFIED);
    let listen = SocketAddr::from((Ipv6Addr::UNSPECIFIED, v4.local_addr().port()));
    let both = UdpConfig { listen, ..config(Ipv6Addr::UNSPECIFIED) };
    assert!(is_in_use(&UdpTransport::bind(ID, &both).unwrap_err()));
    UdpTransport::bind(ID, &UdpConfig { only_v6: true, ..both }).unwrap();
}

#[tokio::test]
async fn two_gateways_never_share_an_address() {
    let first = bind(Ipv4Addr::LOCALHOST);
    let second = UdpConfig { listen: first.local_addr(), ..config(Ipv4Addr::LOCALHOST) };
    assert!(is_in_use(&UdpTransport::bind(ID, &second).unwrap_err()));
}

#[tokio::test]
async fn without_a_group_there_is_no_broadcast() {
    let mut transport = bind(Ipv4Addr::LOCALHOST);
    assert_eq!(
        transport.profile(),
        LinkProfile { mtu: 512, mtu_behind_forwarders: 256, broadcast: false, ..LinkProfile::UDP }
    );
    transport.broadcast(1, b"ADVERTISE");
    assert_eq!(transport.counters().sent, 0);
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_group_hears_what_nodes_send_to_it_and_they_hear_the_gateway() {
    let group = SocketAddr::from(([225, 1, 1, 1], free_port()));
    let multicast = Multicast { group, interface: Some("lo".into()), hops: 1 };
    let mut transport =
        UdpTransport::bind(ID, &UdpConfig { multicast: Some(multicast), ..config(Ipv4Addr::LOCALHOST) }).unwrap();
    assert!(transport.profile().broadcast);

    let (node, addr) = peer(Ipv4Addr::LOCALHOST);
    node.send_to(b"SEARCHGW", group).unwrap();
    assert_eq!(receive(&mut transport).await, [(to(addr), b"SEARCHGW".to_vec())]);

    let member = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    member.set_reuse_address(true).unwrap();
    member.bind(&group.into()).unwrap();
    let member: UdpSocket = member.into();
    member.join_multicast_v4(&Ipv4Addr::new(225, 1, 1, 1), &Ipv4Addr::LOCALHOST).unwrap();
    member.set_read_timeout(Some(PATIENCE)).unwrap();
    transport.broadcast(0, b"ADVERTISE");
    assert_eq!(answer(&member), b"ADVERTISE");
    assert_eq!(receive(&mut transport).await, [], "its own ADVERTISE is no news to the gateway");
}

#[tokio::test]
async fn a_group_on_the_wildcard_and_the_same_port_needs_no_second_socket() {
    let port = free_port();
    let group = SocketAddr::from(([225, 1, 1, 1], port));
    let multicast = Multicast { group, interface: Some("lo".into()), hops: 1 };
    let listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let config = UdpConfig { listen, multicast: Some(multicast), ..config(Ipv4Addr::UNSPECIFIED) };
    let mut transport = UdpTransport::bind(ID, &config).unwrap();
    let (node, addr) = peer(Ipv4Addr::LOCALHOST);
    node.send_to(b"SEARCHGW", group).unwrap();
    node.send_to(b"CONNECT", (Ipv4Addr::LOCALHOST, port)).unwrap();
    let mut got = Vec::new();
    while got.len() < 2 {
        got.extend(receive(&mut transport).await);
    }
    assert_eq!(got, [(to(addr), b"SEARCHGW".to_vec()), (to(addr), b"CONNECT".to_vec())]);
    assert!(is_idle(&mut transport).await, "each came once");
}

#[tokio::test]
async fn a_group_of_the_other_family_or_on_no_interface_is_refused() {
    let on = |group: &str, interface: &str| {
        let multicast = Multicast { group: group.parse().unwrap(), interface: Some(interface.into()), hops: 1 };
        let config = UdpConfig { multicast: Some(multicast), ..config(Ipv4Addr::LOCALHOST) };
        match UdpTransport::bind(ID, &config).unwrap_err() {
            BindError::Group(error) => error.to_string(),
            BindError::Address(error) => panic!("the address is blamed: {error}"),
        }
    };
    assert!(on("[ff1e:feed:caca:dead::1]:1883", "lo").contains("two families"));
    assert!(on("225.1.1.1:1883", "no-such-interface").contains("interface no-such-interface: No such device"));
}
