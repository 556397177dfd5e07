//! The daemon between MQTT-SN over UDP and MQTT over TCP, octet by octet.

mod common;

use common::{Daemon, Mqtt, Sn, connect_packet, publish_packet};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

#[test]
fn what_a_node_publishes_reaches_an_mqtt_subscriber_at_every_qos() {
    let gateway = Daemon::start(&[]);
    let mut subscriber = Mqtt::connect(gateway.mqtt(), "subscriber");
    subscriber.subscribe("room/+", 2);
    let node = Sn::connect(gateway.udp(), "node", 60);
    let [hi, lo] = node.register("room/a");

    node.send(&[9, 0x0C, 0x00, hi, lo, 0, 0, b'q', b'0']);
    subscriber.expect(b"\x30\x0a\x00\x06room/aq0");

    node.send(&[9, 0x0C, 0x20, hi, lo, 0, 1, b'q', b'1']);
    node.expect(&[7, 0x0D, hi, lo, 0, 1, 0]);
    subscriber.expect(b"\x32\x0c\x00\x06room/a\x00\x01q1");
    subscriber.send(b"\x40\x02\x00\x01");

    node.send(&[9, 0x0C, 0x40, hi, lo, 0, 2, b'q', b'2']);
    node.expect(&[4, 0x0F, 0, 2]);
    node.send(&[4, 0x10, 0, 2]);
    node.expect(&[4, 0x0E, 0, 2]);
    subscriber.expect(b"\x34\x0c\x00\x06room/a\x00\x02q2");
    subscriber.send(b"\x50\x02\x00\x02");
    subscriber.expect(b"\x62\x02\x00\x02");
    subscriber.send(b"\x70\x02\x00\x02\xc0\x00");
    subscriber.expect(b"\xd0\x00");
}

#[test]
fn what_an_mqtt_client_publishes_reaches_a_node_at_every_qos() {
    let gateway = Daemon::start(&[]);
    let node = Sn::connect(gateway.udp(), "node", 60);
    let [hi, lo] = node.subscribe("lamp", 2);
    let mut publisher = Mqtt::connect(gateway.mqtt(), "publisher");

    publisher.send(&publish_packet(0, "lamp", None, b"0"));
    node.expect(&[8, 0x0C, 0x00, hi, lo, 0, 0, b'0']);

    publisher.send(&publish_packet(2, "lamp", Some([0, 9]), b"1"));
    publisher.expect(b"\x40\x02\x00\x09");
    let first = node.receive();
    assert_eq!(first[..5], [8, 0x0C, 0x20, hi, lo]);
    node.send(&[7, 0x0D, hi, lo, first[5], first[6], 0]);

    publisher.send(&publish_packet(4, "lamp", Some([0, 10]), b"2"));
    publisher.expect(b"\x50\x02\x00\x0a");
    publisher.send(b"\x62\x02\x00\x0a");
    publisher.expect(b"\x70\x02\x00\x0a");
    let second = node.receive();
    assert_eq!(second[..5], [8, 0x0C, 0x40, hi, lo]);
    let id = [second[5], second[6]];
    node.send(&[4, 0x0F, id[0], id[1]]);
    node.expect(&[4, 0x10, id[0], id[1]]);
    node.send(&[4, 0x0E, id[0], id[1]]);
    node.send(&[2, 0x16]);
    node.expect(&[2, 0x17]);
}

#[test]
fn a_retained_message_waits_for_subscribers_of_both_kinds() {
    let gateway = Daemon::start(&["--predefined", "7=state"]);
    let node = Sn::connect(gateway.udp(), "node", 60);
    node.send(&[9, 0x0C, 0x31, 0, 7, 0, 1, b'o', b'n']);
    node.expect(&[7, 0x0D, 0, 7, 0, 1, 0]);

    let mut subscriber = Mqtt::connect(gateway.mqtt(), "subscriber");
    subscriber.subscribe("state", 0);
    subscriber.expect(b"\x31\x09\x00\x05stateon");

    let other = Sn::connect(gateway.udp(), "other", 60);
    other.send(&[7, 0x12, 0x01, 0, 1, 0, 7]);
    other.expect(&[8, 0x13, 0x00, 0, 7, 0, 1, 0]);
    other.expect(&[9, 0x0C, 0x11, 0, 7, 0, 0, b'o', b'n']);
}

#[test]
fn the_will_of_a_broken_mqtt_connection_reaches_a_node() {
    let gateway = Daemon::start(&[]);
    let node = Sn::connect(gateway.udp(), "node", 60);
    let [hi, lo] = node.subscribe("presence", 0);
    let mut client = Mqtt::new(gateway.mqtt());
    client.send(&connect_packet("client", 0x06, b"\x00\x08presence\x00\x04gone"));
    client.expect(&[0x20, 2, 0, 0]);
    client.vanish();
    node.expect(&[&[11, 0x0C, 0x00, hi, lo, 0, 0][..], b"gone"].concat());
    gateway.wait_for_log("lost");
}

#[test]
fn an_mqtt_client_that_says_goodbye_leaves_no_will() {
    let gateway = Daemon::start(&[]);
    let node = Sn::connect(gateway.udp(), "node", 60);
    node.subscribe("presence", 0);
    let mut client = Mqtt::new(gateway.mqtt());
    client.send(&connect_packet("client", 0x06, b"\x00\x08presence\x00\x04gone"));
    client.expect(&[0x20, 2, 0, 0]);
    client.send(b"\xe0\x00");
    client.expect_close();
    node.expect_silence();
}

#[test]
fn the_will_of_a_silent_node_reaches_an_mqtt_subscriber() {
    let gateway = Daemon::start(&[]);
    let mut subscriber = Mqtt::connect(gateway.mqtt(), "subscriber");
    subscriber.subscribe("presence", 0);
    let node = Sn::new(gateway.udp());
    node.send(b"\x0a\x04\x0c\x01\x00\x01node");
    node.expect(&[2, 0x06]);
    node.send(b"\x0b\x07\x00presence");
    node.expect(&[2, 0x08]);
    node.send(b"\x06\x09gone");
    node.expect(&[3, 0x05, 0]);
    subscriber.expect(b"\x30\x0e\x00\x08presencegone");
    gateway.wait_for_log("lost");
}

#[test]
fn a_client_id_that_connects_over_mqtt_takes_the_node_s_session_over() {
    let gateway = Daemon::start(&[]);
    let node = Sn::connect(gateway.udp(), "same", 60);
    Mqtt::connect(gateway.mqtt(), "same");
    node.expect(&[2, 0x18]);
    gateway.wait_for_log("taken over");
}

#[test]
fn it_serves_ipv6_where_the_machine_has_it() {
    let gateway = Daemon::start_as_told(&["--udp", "[::1]:0", "--udp", "127.0.0.1:0", "--mqtt", "[::1]:0"]);
    if gateway.lines.iter().any(|line| line.contains("no IPv6")) {
        return;
    }
    let mut subscriber = Mqtt::connect(gateway.mqtt(), "subscriber");
    subscriber.subscribe("#", 0);
    let node = Sn::connect(gateway.udp(), "node", 60);
    node.send(&[8, 0x0C, 0x02, b'a', b'b', 0, 0, b'x']);
    subscriber.expect(b"\x30\x05\x00\x02abx");
}

#[test]
fn a_node_finds_the_gateway_through_its_multicast_group() {
    let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let group = SocketAddr::from(([225, 1, 1, 1], free));
    let file = tempfile::NamedTempFile::new().unwrap();
    let transport = format!(
        "[[transport]]\nkind = \"udp\"\nlisten = \"127.0.0.1:0\"\nmulticast = \"{group}\"\nmulticast_interface = \"lo\"\n"
    );
    std::fs::write(file.path(), format!("[gateway]\ngw_id = 9\n{transport}")).unwrap();
    let gateway = Daemon::start_as_told(&["--config", file.path().to_str().unwrap(), "--mqtt", "127.0.0.1:0"]);

    let member = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    member.set_reuse_address(true).unwrap();
    member.bind(&group.into()).unwrap();
    let member: UdpSocket = member.into();
    member.join_multicast_v4(&Ipv4Addr::new(225, 1, 1, 1), &Ipv4Addr::LOCALHOST).unwrap();
    member.set_read_timeout(Some(common::PATIENCE)).unwrap();

    let node = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    node.send_to(&[3, 0x01, 1], group).unwrap();
    let mut buffer = [0; 64];
    loop {
        let (len, from) = member.recv_from(&mut buffer).unwrap();
        if from != node.local_addr().unwrap() && buffer[1] == 0x02 {
            assert_eq!((&buffer[..len], from), (&[3, 0x02, 9][..], gateway.udp()));
            break;
        }
    }
}
