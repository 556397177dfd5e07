//! Transparent mode over TLS: the other broker is a gateway that asks for certificates.

mod common;

use common::{Daemon, Mqtt, Sn, publish_packet, tls};
use std::net::SocketAddr;
use std::path::Path;
use test_pki::{Pair, Pki};

/// A gateway whose nodes live at `broker`, that believes the authority `ca` and shows a certificate of `pki`.
fn gateway(pki: &Pki, ca: &Path, version: &str, broker: SocketAddr) -> Daemon {
    let Pair { certificate, key } = pki.client("nodes");
    let text = format!(
        "[log]\nfilter = \"debug\"\n[[listener]]\nkind = \"tcp\"\nlisten = \"127.0.0.1:0\"\n[transparent]\naddress = \"mqtts://{broker}\"\nversion = \"{version}\"\nca = \"{}\"\n\
         certificate = \"{}\"\nkey = \"{}\"\n",
        ca.display(),
        certificate.display(),
        key.display()
    );
    tls::start(pki, "gateway.toml", &text)
}

#[test]
fn a_nodes_messages_go_both_ways() {
    let pki = Pki::new();
    let broker = tls::broker(&pki);
    for version in ["3.1.1", "5"] {
        let gateway = gateway(&pki, &pki.ca(), version, broker.mqtts());
        let node = Sn::connect(gateway.udp(), "node", 60);
        node.subscribe("down/+", 1);
        let mut other = Mqtt::connect(broker.mqtt(), "other");
        other.subscribe("up", 0);
        let [high, low] = node.register("up");
        // PUBLISH and PUBACK at QoS 1.
        node.send(&[&[12, 0x0C, 0x20, high, low, 0, 9], &b"hello"[..]].concat());
        node.expect(&[7, 0x0D, high, low, 0, 9, 0]);
        assert_eq!(other.receive_publish(), ("up".into(), "hello".into()), "{version}");

        other.send(&publish_packet(0, "down/x", None, b"on"));
        let register = node.receive();
        assert_eq!((register[1], &register[6..]), (0x0A, &b"down/x"[..]), "{version}");
    }
}

#[test]
fn a_broker_whose_certificate_nobody_vouches_for_gets_no_node() {
    let pki = Pki::new();
    let broker = tls::broker(&pki);
    // Its files are there for as long as it is.
    let other = Pki::new();
    let gateway = gateway(&pki, &other.ca(), "5", broker.mqtts());
    let node = Sn::new(gateway.udp());
    node.send(b"\x0A\x04\x04\x01\x00\x3Cnode");
    node.expect(&[3, 0x05, 1]);
    gateway.wait_for_log("invalid peer certificate");
}
