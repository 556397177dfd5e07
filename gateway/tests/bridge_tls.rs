//! A bridge over TLS, from one gateway to another.

mod common;

use common::{Daemon, Mqtt, publish_packet, tls};
use std::net::SocketAddr;
use std::path::Path;
use test_pki::{Pair, Pki};

/// A gateway with a bridge to `broker`, that believes the authority `ca`.
fn near(pki: &Pki, ca: &Path, broker: SocketAddr) -> Daemon {
    let Pair { certificate, key } = pki.client("gateway-7");
    let text = format!(
        "[[listener]]\nkind = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [[bridge]]\nname = \"far\"\naddress = \"mqtts://{broker}\"\nclient_id = \"gateway-7\"\nca = \"{}\"\n\
         certificate = \"{}\"\nkey = \"{}\"\n\
         topics = [{{ pattern = \"#\", direction = \"out\", local_prefix = \"house/\", remote_prefix = \"sites/7/\" }}]\n",
        ca.display(),
        certificate.display(),
        key.display()
    );
    tls::start(pki, "near.toml", &text)
}

#[test]
fn two_gateways_meet_and_what_is_retained_stays_so() {
    let pki = Pki::new();
    let far = tls::broker(&pki);
    let near = near(&pki, &pki.ca(), far.mqtts());
    let mut publisher = Mqtt::connect(near.mqtt(), "publisher");
    publisher.send(&publish_packet(0x03, "house/door", Some([0, 1]), b"closed"));
    publisher.expect(&[0x40, 2, 0, 1]);

    let mut first = Mqtt::connect(far.mqtt(), "first");
    first.subscribe("sites/7/#", 0);
    assert_eq!(first.receive_publish(), ("sites/7/door".into(), "closed".into()));
    let mut later = Mqtt::connect(far.mqtt(), "later");
    later.subscribe("sites/7/#", 0);
    later.expect(&publish_packet(0x01, "sites/7/door", None, b"closed"));
}

#[test]
fn a_broker_whose_certificate_nobody_vouches_for_gets_nothing() {
    let pki = Pki::new();
    let far = tls::broker(&pki);
    // Its files are there for as long as it is.
    let other = Pki::new();
    let near = near(&pki, &other.ca(), far.mqtts());
    near.wait_for_log("invalid peer certificate");
    assert!(!near.log().contains("bridge connected"));
}

#[test]
fn of_a_broker_that_shows_an_authority_s_certificate_that_is_said() {
    let pki = Pki::new();
    let far = tls::broker_with(&pki, &pki.authority_as_server());
    let near = near(&pki, &pki.ca(), far.mqtts());
    near.wait_for_log("the broker shows an authority's certificate (CA:TRUE)");
}
