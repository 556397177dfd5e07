//! Enhanced authentication (5.0 §4.12) and AUTH (§3.15), with SCRAM-SHA-256 as the method.
//!
//! The client's side of SCRAM is written here a second time, from RFC 5802.

use crate::client::{Client, PUBACK, Server};
use crate::common::Daemon;
use crate::octets::{Connect, Publish, Version, field, packet, properties, subscribe};
use crate::property::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fs;

const METHOD: &str = "SCRAM-SHA-256";
const SUCCESS: u8 = 0;
const CONTINUE: u8 = 0x18;
const AGAIN: u8 = 0x19;
const PROTOCOL_ERROR: u8 = 0x82;
const BAD_PASSWORD: u8 = 0x86;
const NOT_AUTHORIZED: u8 = 0x87;
const BAD_METHOD: u8 = 0x8C;

/// alice and bob, both with the password "pencil".
const ENTRY: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
                     wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

/// A gateway with users. Its data are in memory unless said otherwise.
struct Guarded {
    server: Server,
    dir: tempfile::TempDir,
}

impl Guarded {
    fn start() -> Self {
        Self::start_with("auth_methods = [\"SCRAM-SHA-256\"]\nanonymous = false\n")
    }

    fn start_with(keys: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let (users, config) = (dir.path().join("users"), dir.path().join("gateway.toml"));
        fs::write(&users, format!("alice:{ENTRY}\nbob:{ENTRY}\n")).expect("written");
        let listener = "[[listener]]\nkind = \"tcp\"\nlisten = \"127.0.0.1:0\"\n";
        let text = format!("[security]\npassword_file = {users:?}\n{listener}{keys}");
        fs::write(&config, text).expect("written");
        Self { server: serve(&dir, &[]), dir }
    }

    /// One that keeps its data.
    fn durable() -> Self {
        let Self { server, dir } = Self::start();
        drop(server);
        Self { server: serve(&dir, &["--data", &data(&dir)]), dir }
    }

    /// Kills it with SIGKILL and starts it on its data.
    fn kill(self) -> Self {
        let Self { server, dir } = self;
        drop(server);
        Self { server: serve(&dir, &["--data", &data(&dir)]), dir }
    }

    fn clean<'a>(&self, client_id: &'a str) -> Connect<'a> {
        self.server.clean(client_id)
    }

    /// Sends this CONNECT with the user's first message, and takes the challenge.
    #[track_caller]
    fn begin(&self, connect: &Connect<'_>, user: &str) -> (Client, Scram, Auth) {
        let (mut client, scram) = (self.server.open(), Scram::new(user, "pencil"));
        client.send(&with_method(connect.clone(), &scram.first()).octets());
        let challenge = expect_auth(&mut client);
        assert_eq!((challenge.code, challenge.method()), (CONTINUE, METHOD));
        (client, scram, challenge)
    }

    /// Comes in as this user.
    #[track_caller]
    fn log_in(&self, client_id: &str, user: &str) -> Client {
        self.log_in_with(&self.clean(client_id), user).0
    }

    /// The same with this CONNECT. Answers with "session present".
    #[track_caller]
    fn log_in_with(&self, connect: &Connect<'_>, user: &str) -> (Client, bool) {
        let (mut client, scram, challenge) = self.begin(connect, user);
        let (answer, proof) = scram.answer(&challenge.data());
        client.send(&auth(CONTINUE, METHOD, &answer));
        let connack = client.expect_connack();
        assert_eq!(connack.code, SUCCESS);
        assert_eq!(connack.properties.get(AUTHENTICATION_METHOD), Some(METHOD.as_bytes()));
        assert_eq!(connack.properties.get(AUTHENTICATION_DATA), Some(proof.as_bytes()), "the server proves itself");
        (client, connack.session_present)
    }

    /// What a client is asked that says this first: its salt, and how often to hash.
    #[track_caller]
    fn asks(&self, user: &str) -> String {
        let (.., challenge) = self.begin(&self.clean("client"), user);
        challenge.data().split_once(',').expect("a nonce").1.to_owned()
    }
}

/// Starts what is configured in a directory.
fn serve(dir: &tempfile::TempDir, more: &[&str]) -> Server {
    let config = dir.path().join("gateway.toml");
    let config = config.to_str().expect("UTF-8");
    let args = ["--config", config, "--udp", "127.0.0.1:0", "--log", "debug"];
    Server::of(Daemon::start_as_told(&[&args, more].concat()), Version::V5)
}

fn data(dir: &tempfile::TempDir) -> String {
    dir.path().join("data").to_str().expect("UTF-8").into()
}

/// The client's side of SCRAM-SHA-256 (RFC 5802 §3).
struct Scram {
    user: String,
    password: &'static str,
    /// What it says of channel binding, with a comma.
    binding: &'static str,
}

const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";

impl Scram {
    fn new(user: &str, password: &'static str) -> Self {
        Self { user: user.into(), password, binding: "n," }
    }

    fn bare(&self) -> String {
        format!("n={},r={NONCE}", self.user)
    }

    fn first(&self) -> String {
        format!("{},{}", self.binding, self.bare())
    }

    /// The answer to a challenge, and what the server has to say then.
    fn answer(&self, challenge: &str) -> (String, String) {
        let attributes: Vec<&str> = challenge.split(',').map(|attribute| &attribute[2..]).collect();
        let [nonce, salt, iterations] = attributes[..] else { panic!("{challenge}") };
        assert!(nonce.starts_with(NONCE) && nonce.len() > NONCE.len(), "{challenge}");
        let mut salted = [0; 32];
        let salt = STANDARD.decode(salt).expect("base64");
        pbkdf2::pbkdf2_hmac::<Sha256>(
            self.password.as_bytes(),
            &salt,
            iterations.parse().expect("rounds"),
            &mut salted,
        );
        let client_key = hmac(&salted, "Client Key");
        let without_proof = format!("c={},r={nonce}", STANDARD.encode(format!("{},", self.binding)));
        let said = format!("{},{challenge},{without_proof}", self.bare());
        let signature = hmac(&Sha256::digest(client_key), &said);
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, other)| key ^ other).collect();
        let verifier = hmac(&hmac(&salted, "Server Key"), &said);
        (format!("{without_proof},p={}", STANDARD.encode(proof)), format!("v={}", STANDARD.encode(verifier)))
    }
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.chain_update(text).finalize().into_bytes().into()
}

fn with_method<'a>(connect: Connect<'a>, data: &str) -> Connect<'a> {
    connect.property(text(AUTHENTICATION_METHOD, METHOD)).property(text(AUTHENTICATION_DATA, data))
}

/// AUTH of a client.
fn auth(code: u8, method: &str, data: &str) -> Vec<u8> {
    let given = [text(AUTHENTICATION_METHOD, method), text(AUTHENTICATION_DATA, data)].concat();
    packet(0xF0, &[&[code], &properties(Version::V5, &given)])
}

/// AUTH of the server.
struct Auth {
    code: u8,
    properties: crate::received::Properties,
}

impl Auth {
    fn method(&self) -> &str {
        std::str::from_utf8(self.properties.get(AUTHENTICATION_METHOD).expect("a method")).expect("UTF-8")
    }

    fn data(&self) -> String {
        String::from_utf8(self.properties.get(AUTHENTICATION_DATA).unwrap_or_default().to_vec()).expect("UTF-8")
    }
}

#[track_caller]
fn expect_auth(client: &mut Client) -> Auth {
    let (code, properties) = client.expect_auth();
    for never in [REASON_STRING, USER_PROPERTY] {
        assert_eq!(properties.get(never), None);
    }
    Auth { code, properties }
}

#[test]
fn auth_goes_to_and_fro_until_connack() {
    let gateway = Guarded::start();
    let mut alice = gateway.log_in("client", "alice");
    alice.subscribe("t", 1);
    gateway.log_in("other", "bob").publish("t", 1, "x");
    alice.expect_message("t", 1, "x");
}

#[test]
fn another_password_or_user_is_refused_at_the_end() {
    let gateway = Guarded::start();
    for (user, password) in [("alice", "pen"), ("nobody", "pencil")] {
        let (mut client, _, challenge) = gateway.begin(&gateway.clean("client"), user);
        let (answer, _) = Scram::new(user, password).answer(&challenge.data());
        client.send(&auth(CONTINUE, METHOD, &answer));
        let connack = client.expect_connack();
        assert_eq!((connack.code, connack.session_present), (BAD_PASSWORD, false), "{user}");
        client.expect_close();
    }
}

#[test]
fn what_is_no_message_of_the_method_is_refused() {
    let gateway = Guarded::start();
    for data in ["", "n", "n,,", "n,a", "n,,n=alice", "p=tls-exporter,,n=alice,r=x", "\0\0"] {
        let octets = with_method(gateway.clean("client"), data).octets();
        gateway.server.refuses_connect(&octets, &[NOT_AUTHORIZED]);
    }
    let without_data = gateway.clean("client").property(text(AUTHENTICATION_METHOD, METHOD));
    gateway.server.refuses_connect(&without_data.octets(), &[NOT_AUTHORIZED]);
}

/// RFC 5802 §6: who asks for channel binding (`p=`) does not get in without, whatever it names. Who could do it and has seen that
/// it is not offered (`y`) gets in, and so finds out if somebody on the way took an offer away: its last message says so again.
#[test]
fn channel_binding_is_not_offered_and_who_asks_for_it_is_refused() {
    let gateway = Guarded::start();
    for binding in ["p=tls-exporter,", "p=tls-server-end-point,", "p=tls-unique,", "p=,", "p,", "P=tls-exporter,", "x,"]
    {
        let first = Scram { binding, ..Scram::new("alice", "pencil") }.first();
        gateway.server.refuses_connect(&with_method(gateway.clean("client"), &first).octets(), &[NOT_AUTHORIZED]);
    }
    for (said_first, said_last, code) in
        [("y,", "y,", SUCCESS), ("y,", "n,", NOT_AUTHORIZED), ("n,", "y,", NOT_AUTHORIZED)]
    {
        let [first, last] = [said_first, said_last].map(|binding| Scram { binding, ..Scram::new("alice", "pencil") });
        let mut client = gateway.server.open();
        client.send(&with_method(gateway.clean("client"), &first.first()).octets());
        let (answer, _) = last.answer(&expect_auth(&mut client).data());
        client.send(&auth(CONTINUE, METHOD, &answer));
        assert_eq!(client.expect_connack().code, code, "{said_first} and {said_last}");
    }
}

#[test]
fn after_a_kill_the_same_password_opens_the_same_session() {
    let gateway = Guarded::durable();
    let (mut alice, was_there) = gateway.log_in_with(&gateway.server.keep("client"), "alice");
    assert!(!was_there);
    alice.subscribe("t", 1);
    alice.vanish();
    let asked = ["alice", "nobody"].map(|user| gateway.asks(user));
    let (_client, _, old) = gateway.begin(&gateway.clean("other"), "alice");
    gateway.log_in("other", "bob").publish("t", 1, "x");

    let gateway = gateway.kill();
    assert_eq!(["alice", "nobody"].map(|user| gateway.asks(user)), asked, "so nobody learns who is there");
    // What was asked before the kill is not answered after it.
    let (mut late, scram, _) = gateway.begin(&gateway.clean("other"), "alice");
    late.send(&auth(CONTINUE, METHOD, &scram.answer(&old.data()).0));
    assert_eq!(late.expect_connack().code, NOT_AUTHORIZED);
    // The session is still its user's.
    let (mut bob, scram, challenge) = gateway.begin(&gateway.server.resume("client"), "bob");
    bob.send(&auth(CONTINUE, METHOD, &scram.answer(&challenge.data()).0));
    assert_ne!(bob.expect_connack().code, SUCCESS);
    let (mut alice, is_there) = gateway.log_in_with(&gateway.server.resume("client"), "alice");
    assert!(is_there);
    alice.expect_message("t", 1, "x");
}

#[test]
fn a_method_is_for_the_listeners_that_allow_it() {
    let gateway = Guarded::start_with("anonymous = true\n");
    let scram = Scram::new("alice", "pencil");
    gateway.server.refuses_connect(&with_method(gateway.clean("client"), &scram.first()).octets(), &[BAD_METHOD]);
    // By the same entry of the password file.
    gateway.server.connect_as(&gateway.clean("client").user("alice").password(b"pencil")).0.expect_nothing();
}

#[test]
fn names_of_methods_are_taken_as_they_are() {
    let gateway = Guarded::start();
    for method in ["scram-sha-256", "SCRAM-SHA-256-PLUS", "", "PLAIN"] {
        let connect = gateway.clean("client").property(text(AUTHENTICATION_METHOD, method));
        gateway.server.refuses_connect(&connect.octets(), &[BAD_METHOD]);
    }
}

#[test]
fn who_names_no_method_logs_in_as_ever() {
    let gateway = Guarded::start();
    let (_client, connack) =
        gateway.server.connack(&gateway.clean("client").user("alice").password(b"pencil").octets());
    assert_eq!((connack.code, connack.properties.get(AUTHENTICATION_METHOD)), (SUCCESS, None));
    gateway.server.refuses_connect(&gateway.clean("client").octets(), &[NOT_AUTHORIZED]);
}

#[test]
fn nothing_else_may_come_before_connack() {
    let gateway = Guarded::start();
    let publish = Publish { flags: 2, topic: "t", id: Some(1), ..Publish::default() }.octets(Version::V5);
    for octets in [
        vec![0xC0, 0],
        publish,
        subscribe(Version::V5, 1, &[("t", 0)]),
        auth(CONTINUE, "PLAIN", "x"),
        auth(AGAIN, METHOD, "n,,n=alice,r=x"),
    ] {
        let (mut client, ..) = gateway.begin(&gateway.clean("client"), "alice");
        client.send(&octets);
        assert_eq!(client.expect_connack().code, PROTOCOL_ERROR, "{octets:02x?}");
        client.expect_close();
    }
}

#[test]
fn who_gives_up_before_connack_is_let_go() {
    let gateway = Guarded::start();
    let (mut client, ..) = gateway.begin(&gateway.clean("client"), "alice");
    client.send(&[0xE0, 0]);
    client.expect_close();
}

#[test]
fn a_login_has_the_time_of_a_connect() {
    let keys = "auth_methods = [\"SCRAM-SHA-256\"]\nconnect_timeout_s = 1\n";
    let gateway = Guarded::start_with(keys);
    let (mut client, ..) = gateway.begin(&gateway.clean("client"), "alice");
    client.expect_close();
}

#[test]
fn before_connack_a_packet_is_no_longer_than_a_connect() {
    let keys = "auth_methods = [\"SCRAM-SHA-256\"]\nmax_packet_bytes = 268435455\n";
    let gateway = Guarded::start_with(keys);
    let (mut client, ..) = gateway.begin(&gateway.clean("client"), "alice");
    // The head of an AUTH of 2 MiB is enough.
    client.send(&[0xF0, 0x80, 0x80, 0x80, 0x01]);
    client.expect_close();
}

#[test]
fn nobody_loses_a_session_to_who_has_not_proved_anything() {
    let gateway = Guarded::start();
    let mut alice = gateway.log_in("client", "alice");
    let (mut other, ..) = gateway.begin(&gateway.clean("client"), "alice");
    other.send(&auth(CONTINUE, METHOD, "c=biws,r=x,p=x"));
    assert_eq!(other.expect_connack().code, NOT_AUTHORIZED);
    alice.expect_nothing();
}

#[test]
fn an_auth_fits_what_the_client_takes() {
    let gateway = Guarded::start();
    let connect = gateway.clean("client").property(four(MAXIMUM_PACKET_SIZE, 60));
    let scram = Scram::new("alice", "pencil");
    gateway.server.refuses_connect(&with_method(connect, &scram.first()).octets(), &[0x95]);
}

#[test]
fn a_client_authenticates_again_while_it_works() {
    let gateway = Guarded::start();
    let mut alice = gateway.log_in("client", "alice");
    alice.subscribe("t", 1);
    for _ in 0..2 {
        let scram = Scram::new("alice", "pencil");
        alice.send(&auth(AGAIN, METHOD, &scram.first()));
        let challenge = expect_auth(&mut alice);
        assert_eq!((challenge.code, challenge.method()), (CONTINUE, METHOD));
        // Other packets go on meanwhile (§4.12.1).
        let publish = Publish { flags: 2, topic: "elsewhere", id: Some(7), ..Publish::default() };
        alice.send_publish(&publish);
        alice.expect_ack(PUBACK, 7);
        let (answer, proof) = scram.answer(&challenge.data());
        alice.send(&auth(CONTINUE, METHOD, &answer));
        let done = expect_auth(&mut alice);
        assert_eq!((done.code, done.method(), done.data()), (SUCCESS, METHOD, proof));
    }
    gateway.log_in("other", "bob").publish("t", 1, "x");
    alice.expect_message("t", 1, "x");
}

#[test]
fn who_fails_to_authenticate_again_is_disconnected() {
    let gateway = Guarded::start();
    for (user, password) in [("alice", "pen"), ("bob", "pencil"), ("nobody", "pencil")] {
        let mut alice = gateway.log_in("client", "alice");
        let scram = Scram::new(user, password);
        alice.send(&auth(AGAIN, METHOD, &scram.first()));
        let (answer, _) = scram.answer(&expect_auth(&mut alice).data());
        alice.send(&auth(CONTINUE, METHOD, &answer));
        alice.expect_end(NOT_AUTHORIZED);
    }
    let mut alice = gateway.log_in("client", "alice");
    alice.send(&auth(AGAIN, METHOD, "nonsense"));
    alice.expect_end(NOT_AUTHORIZED);
}

#[test]
fn an_auth_out_of_place_ends_the_connection() {
    let gateway = Guarded::start();
    let first = Scram::new("alice", "pencil").first();
    for octets in [
        auth(CONTINUE, METHOD, &first),
        auth(AGAIN, "PLAIN", "x"),
        [auth(AGAIN, METHOD, &first), auth(AGAIN, METHOD, &first)].concat(),
    ] {
        let mut alice = gateway.log_in("client", "alice");
        alice.send(&octets);
        let (mut code, mut properties) = alice.receive_any(&[0xF0, 0xE0]);
        if code == CONTINUE && properties.get(AUTHENTICATION_METHOD).is_some() {
            (code, properties) = alice.expect_disconnect();
        }
        assert_eq!((code, properties), (PROTOCOL_ERROR, Default::default()));
        alice.expect_close();
    }
}

#[test]
fn an_auth_with_another_code_is_malformed() {
    let gateway = Guarded::start();
    for code in [SUCCESS, 0x01, 0x80, 0xFF] {
        let mut alice = gateway.log_in("client", "alice");
        alice.send(&auth(code, METHOD, "x"));
        alice.expect_end(0x81);
    }
    let mut alice = gateway.log_in("client", "alice");
    alice.send(&packet(0xF0, &[&[CONTINUE], &field(METHOD)]));
    alice.expect_end(0x81);
}
