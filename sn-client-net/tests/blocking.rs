//! The blocking client over real sockets.

mod gateway;

use gateway::Gateway;
use sn_client_net::{
    BlockingClient, Config, DatagramLink, Error, Qos, Recipient, RequestError, ReturnCode, State, Topic, UdpLink,
    block_on,
};
use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(200);

/// Of a client that soon gives a gateway up, and repeats itself on a machine that stands still for a moment.
fn config(client_id: &str) -> Config<'_> {
    Config { t_retry_ms: 200, n_retry: 2, ..Config::new(client_id) }
}

fn link() -> UdpLink {
    UdpLink::bind("127.0.0.1:0").unwrap()
}

#[test]
fn what_is_published_comes_back_to_who_has_subscribed() {
    let gateway = Gateway::start();
    let (heard, mut buffer) = (RefCell::new(Vec::new()), [0; 1_500]);
    let mut client = BlockingClient::open(Config::new("a"), link(), &mut buffer, |message| {
        heard.borrow_mut().push((message.topic.name().map(str::to_owned), message.payload.to_vec()));
    });
    assert!(client.add_gateway(gateway.address));
    client.connect(true).unwrap();
    assert_eq!(client.subscribe(Topic::Name("a/+"), Qos::Two).unwrap(), Qos::Two);
    for qos in [Qos::Zero, Qos::One, Qos::Two] {
        client.publish(Topic::Name("a/b"), b"21.5", qos, false).unwrap();
    }
    while heard.borrow().len() < 3 {
        client.listen(SHORT).unwrap();
    }
    client.unsubscribe(Topic::Name("a/+")).unwrap();
    client.disconnect().unwrap();
    assert_eq!(client.state(), State::Disconnected);
    assert_eq!(*heard.borrow(), vec![(Some("a/b".to_owned()), b"21.5".to_vec()); 3]);
}

#[test]
fn a_sleeper_collects_what_came_up() {
    let gateway = Gateway::start();
    let (heard, mut buffer, mut other) = (RefCell::new(0), [0; 1_500], [0; 1_500]);
    let mut sleeper = BlockingClient::open(Config::new("sleeper"), link(), &mut buffer, |_| *heard.borrow_mut() += 1);
    sleeper.add_gateway(gateway.address);
    sleeper.connect(false).unwrap();
    sleeper.subscribe(Topic::Name("command"), Qos::One).unwrap();
    sleeper.sleep(60.try_into().unwrap()).unwrap();
    let mut publisher = BlockingClient::open(Config::new("other"), link(), &mut other, |_| {});
    publisher.add_gateway(gateway.address);
    publisher.connect(true).unwrap();
    publisher.publish(Topic::Name("command"), b"on", Qos::One, false).unwrap();
    sleeper.pause(Duration::from_millis(1));
    assert_eq!(*heard.borrow(), 0);
    assert!(sleeper.collect().unwrap());
    assert_eq!((*heard.borrow(), sleeper.state()), (1, State::Asleep));
}

#[test]
fn when_a_gateway_is_lost_the_next_one_takes_over() {
    let (first, second) = (Gateway::start(), Gateway::start());
    let mut buffer = [0; 1_500];
    let mut client = BlockingClient::open(config("a"), link(), &mut buffer, |_| {});
    assert!(client.add_gateway(first.address) && client.add_gateway(second.address));
    client.connect(false).unwrap();
    client.publish(Topic::Name("a/b"), b"1", Qos::One, false).unwrap();
    assert!(!client.has_moved());
    drop(first);
    client.publish(Topic::Name("a/b"), b"2", Qos::One, false).unwrap();
    assert!(client.has_moved());
    assert_eq!(client.state(), State::Active);
}

#[test]
fn a_call_ends_when_all_gateways_refuse_and_not_before() {
    let (refusing, taking) = (refusing_gateway(), Gateway::start());
    let mut buffer = [0; 1_500];
    let mut client = BlockingClient::open(config("a"), link(), &mut buffer, |_| {});
    client.add_gateway(refusing);
    assert!(matches!(client.connect(true), Err(Error::Rejected(ReturnCode::NotSupported))));
    client.add_gateway(taking.address);
    client.connect(true).unwrap();
    assert_eq!(client.state(), State::Active);
}

/// Answers everything with "rejected: not supported".
fn refusing_gateway() -> std::net::SocketAddr {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((_, peer)) = socket.recv_from(&mut [0; 64]) {
            socket.send_to(&[3, 5, 3], peer).unwrap();
        }
    });
    address
}

#[test]
fn without_an_answer_a_call_ends_when_patience_does() {
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut buffer = [0; 1_500];
    let mut client = BlockingClient::open(config("a"), link(), &mut buffer, |_| {});
    client.add_gateway(nobody.local_addr().unwrap());
    client.patience(Some(SHORT));
    assert!(matches!(client.connect(true), Err(Error::TimedOut)));
    let publish = client.publish(Topic::Name("a"), b"", Qos::One, false);
    assert!(matches!(publish, Err(Error::Request(RequestError::NotConnected))));
    client.disconnect().unwrap();
}

#[test]
fn what_became_of_one_datagram_does_not_cost_the_next_one() {
    let gateway = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = gateway.local_addr().unwrap();
    drop(gateway);
    let mut link = UdpLink::to((Ipv4Addr::UNSPECIFIED, address.port()).into()).unwrap();
    assert_eq!(link.gateway().unwrap(), address, "that is this machine");
    block_on(link.send(Recipient::Gateway(address), b"first")).unwrap();
    let gateway = std::net::UdpSocket::bind(address).unwrap();
    gateway.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    block_on(link.send(Recipient::Gateway(address), b"second")).unwrap();
    assert_eq!(link.lost(), Some(ErrorKind::ConnectionRefused));
    assert_eq!(link.lost(), None);
    let mut buffer = [0; 64];
    let (len, _) = gateway.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"second");
}
