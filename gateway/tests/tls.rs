//! MQTT within TLS: who gets in, as whom, and what becomes of new certificates.

mod common;

use common::scrape::{METRICS, scrape, value};
use common::{Daemon, Mqtt, connect_packet, publish_packet, sn_gateway, tls};
use nix::sys::signal::Signal;
use std::fs;
use std::io::Read;
use std::net::TcpStream;
use test_pki::{Pair, Pki};

/// A gateway that speaks TLS, and what its clients need.
struct Secure {
    pki: Pki,
    gateway: Daemon,
}

/// The configuration of one listener with TLS, and `keys`.
fn config(pki: &Pki, keys: &str) -> String {
    let Pair { certificate, key } = pki.server();
    let (certificate, key) = (certificate.display(), key.display());
    let files = format!("certificate = \"{certificate}\"\nkey = \"{key}\"\n");
    format!("{METRICS}[[listener]]\nkind = \"tls\"\nlisten = \"127.0.0.1:0\"\n{files}{keys}")
}

impl Secure {
    /// Only the server has a certificate.
    fn start(keys: &str) -> Self {
        let pki = Pki::new();
        let text = config(&pki, keys);
        Self::start_on(pki, &text)
    }

    /// Clients have certificates, or may have.
    fn start_for_clients(policy: &str, keys: &str) -> Self {
        let pki = Pki::new();
        let ca = pki.ca();
        let keys = format!("client_ca = \"{}\"\nclient_certificates = \"{policy}\"\n{keys}", ca.display());
        let text = config(&pki, &keys);
        Self::start_on(pki, &text)
    }

    fn start_on(pki: Pki, text: &str) -> Self {
        let path = pki.dir().join("gateway.toml");
        fs::write(&path, text).unwrap();
        let args = ["--config", path.to_str().unwrap(), "--udp", "127.0.0.1:0", "--log", "debug"];
        Self { gateway: Daemon::start_as_told(&args), pki }
    }

    /// A client that knows the gateway's authority, and has perhaps a certificate of its own.
    fn client(&self, own: Option<&Pair>) -> Mqtt<tls::TlsStream> {
        tls::new(self.gateway.mqtts(), &self.pki.ca(), own)
    }

    fn failed_handshakes(&self) -> f64 {
        let metric = "sn_gateway_listener_connections_total{listener=\"0\",outcome=\"tls-handshake\"}";
        value(&scrape(self.gateway.metrics()), metric)
    }

    /// This client gets no CONNACK, and that is counted.
    #[track_caller]
    fn expect_no_entry(&self, mut client: Mqtt<tls::TlsStream>) {
        let before = self.failed_handshakes();
        let entry = tls::shake_hands(&mut client).and_then(|()| client.0.read(&mut [0; 4]));
        assert!(!matches!(entry, Ok(1..)), "{entry:?}");
        common::wait_until("it to be counted", || self.failed_handshakes() == before + 1.0);
    }
}

#[test]
fn messages_travel_within_both_versions_of_tls() {
    let secure = Secure::start("");
    for version in tls::VERSIONS {
        let mut client = Mqtt(tls::stream(secure.gateway.mqtts(), &secure.pki.ca(), None, &[version]));
        client.say_connect("client");
        client.subscribe("t", 0);
        // Longer than a record of TLS, and than what the gateway reads at once.
        let long = publish_packet(0, "t", None, &[b'x'; 100_000]);
        for packet in [publish_packet(0, "t", None, b"short"), long] {
            client.send(&packet);
            client.expect(&packet);
        }
        assert_eq!(client.0.conn.protocol_version(), Some(version.version));
    }
}

#[test]
fn who_reads_late_gets_everything() {
    let secure = Secure::start("");
    let [mut late, mut publisher] = ["late", "publisher"].map(|id| {
        let mut client = secure.client(None);
        client.say_connect(id);
        client
    });
    late.subscribe("t", 1);
    let payload = vec![b'x'; 50_000];
    for number in 0..100_u8 {
        publisher.send(&publish_packet(2, "t", Some([1, number]), &payload));
        publisher.expect(&[0x40, 2, 1, number]);
    }
    for number in 1..=100_u8 {
        let publish = publish_packet(2, "t", Some([0, number]), &payload);
        late.expect(&publish);
        late.send(&[0x40, 2, 0, number]);
    }
}

#[test]
fn who_does_not_speak_tls_does_not_get_in_and_is_counted() {
    let secure = Secure::start("");
    let mut plain = Mqtt::new(secure.gateway.mqtts());
    plain.send(&connect_packet("plain", 2, &[]));
    let mut answer = Vec::new();
    let _ = plain.0.read_to_end(&mut answer);
    assert_ne!(answer.first(), Some(&0x20), "no CONNACK, but an alert of TLS or nothing");
    common::wait_until("it to be counted", || secure.failed_handshakes() == 1.0);
    secure.gateway.wait_for_log("reason=\"tls-handshake\"");
}

#[test]
fn who_never_begins_the_handshake_is_closed() {
    let secure = Secure::start("connect_timeout_s = 1\n");
    let mut silent = TcpStream::connect(secure.gateway.mqtts()).unwrap();
    silent.set_read_timeout(Some(common::PATIENCE)).unwrap();
    assert_eq!(silent.read(&mut [0; 1]).unwrap(), 0);
    secure.gateway.wait_for_log("reason=\"connect-timeout\"");
}

#[test]
fn one_connection_too_many_is_told_so_within_tls() {
    let secure = Secure::start("max_connections = 1\n");
    let mut first = secure.client(None);
    first.say_connect("first");
    let mut second = secure.client(None);
    second.send(&connect_packet("second", 2, &[]));
    second.expect(&[0x20, 2, 0, 3]);
    second.expect_close();
}

#[test]
fn a_certificate_is_required_if_the_operator_says_so() {
    let secure = Secure::start_for_clients("required", "");
    let own = secure.pki.client("kitchen");
    secure.client(Some(&own)).say_connect("good");
    secure.expect_no_entry(secure.client(None));
    let strangers = Pki::new();
    let stranger = strangers.client("kitchen");
    secure.expect_no_entry(secure.client(Some(&stranger)));
    let as_server = secure.pki.server();
    secure.expect_no_entry(secure.client(Some(&as_server)));
}

#[test]
fn an_optional_certificate_may_be_missing_but_not_be_a_stranger_s() {
    let secure = Secure::start_for_clients("optional", "");
    secure.client(None).say_connect("without");
    secure.client(Some(&secure.pki.client("kitchen"))).say_connect("with");
    let strangers = Pki::new();
    let stranger = strangers.client("kitchen");
    secure.expect_no_entry(secure.client(Some(&stranger)));
}

#[test]
fn the_common_name_becomes_the_user() {
    let secure = Secure::start_for_clients("optional", "user_from = \"cn\"\n");
    secure.client(Some(&secure.pki.client("kitchen"))).say_connect("with");
    secure.gateway.wait_for_log("identity=user \"kitchen\"");
    secure.client(None).say_connect("without");
    secure.gateway.wait_for_log("identity=unknown");
    let mut nameless = secure.client(Some(&secure.pki.nameless_client()));
    nameless.send(&connect_packet("nameless", 2, &[]));
    nameless.expect(&[0x20, 2, 0, 5]);
    nameless.expect_close();
}

#[test]
fn new_certificates_are_taken_over_at_sighup_and_broken_ones_are_not() {
    let secure = Secure::start("");
    let mut before = secure.client(None);
    before.say_connect("before");
    let old = tls::certificate(&before);

    let Pair { certificate, .. } = secure.pki.server();
    secure.gateway.signal(Signal::SIGHUP);
    secure.gateway.wait_for_log("certificates read again");
    let mut after = secure.client(None);
    after.say_connect("after");
    let new = tls::certificate(&after);
    assert_ne!(new, old);
    before.send(&[0xC0, 0]);
    before.expect(&[0xD0, 0]);

    fs::write(&certificate, "nonsense").unwrap();
    secure.gateway.signal(Signal::SIGHUP);
    secure.gateway.wait_for_log("the old certificates stay in use: ");
    secure.gateway.wait_for_log("server.pem: there is no certificate in it");
    let mut last = secure.client(None);
    last.say_connect("last");
    assert_eq!(tls::certificate(&last), new);
}

#[test]
fn an_expired_certificate_is_warned_of_and_never_takes_the_place_of_a_good_one() {
    let secure = Secure::start("");
    let good = {
        let mut client = secure.client(None);
        client.say_connect("before");
        tls::certificate(&client)
    };
    let file = secure.pki.dir().join("gateway.toml");
    let file = file.to_str().unwrap();
    for (from, until, expected) in [
        (2020, 2021, "server.pem: the certificate has expired, it was valid until "),
        (2090, 2091, "server.pem: the certificate is not valid yet, but from "),
    ] {
        let _ = secure.pki.server_valid(from, until);
        secure.gateway.signal(Signal::SIGHUP);
        secure.gateway.wait_for_log(expected);
        let mut client = secure.client(None);
        client.say_connect("after");
        assert_eq!(tls::certificate(&client), good);

        let checked = sn_gateway().args(["check-config", file]).output().unwrap();
        let (said, warned) = (String::from_utf8(checked.stdout).unwrap(), String::from_utf8(checked.stderr).unwrap());
        assert!(checked.status.success() && said.ends_with(": all right, but for the warnings\n"), "{said}");
        assert!(warned.contains(expected), "{warned}");
        let started = Daemon::start_as_told(&["--config", file, "--udp", "127.0.0.1:0"]);
        started.wait_for_log(expected);
    }
}

#[test]
fn a_key_with_a_passphrase_is_called_that() {
    let pki = Pki::new();
    let path = pki.dir().join("gateway.toml");
    fs::write(&path, config(&pki, "")).unwrap();
    let pkcs8 = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let traditional = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMIIB\n\
        -----END RSA PRIVATE KEY-----\n";
    for key in [pkcs8, traditional] {
        fs::write(pki.dir().join("server.key"), key).unwrap();
        let output = sn_gateway().args(["check-config", path.to_str().unwrap()]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        for part in
            ["gateway.toml: [[listener]] with listen = ", "server.key: the key has a passphrase", "openssl pkey"]
        {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn files_that_cannot_be_used_are_named_at_the_start_and_by_check_config() {
    let pki = Pki::new();
    let path = pki.dir().join("gateway.toml");
    let file = path.to_str().unwrap();
    let text = config(&pki, "");
    let other = pki.client("other");
    for (from, to, expected) in [
        ("server.pem", "nowhere.pem", "nowhere.pem"),
        ("server.key", "server.pem", "server.pem: "),
        ("server.key", "other.key", "other.key"),
    ] {
        fs::write(&path, text.replace(from, to)).unwrap();
        for args in [&["check-config", file][..], &["run", "--in-memory", "--udp", "127.0.0.1:0", "--config", file]] {
            let output = sn_gateway().args(args).output().unwrap();
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{error}");
            assert!(error.contains(expected), "{error}");
        }
    }
    assert!(other.key.exists());
}
