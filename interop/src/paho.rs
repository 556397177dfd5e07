//! The Python package paho-mqtt, speaking MQTT 3.1.1.

use crate::{Gateway, Process, python_program};
use std::net::SocketAddr;

/// A Paho client. Everything it is told has been acknowledged by the gateway when the call is back.
#[derive(Debug)]
pub struct PahoClient(Process);

impl PahoClient {
    /// Connects; `args` are those of `clients/paho_client.py` after host, port and client id.
    #[must_use]
    pub fn connect(gateway: &Gateway, client_id: &str, args: &[&str]) -> Self {
        Self::connect_at(gateway.mqtt, client_id, args)
    }

    /// The same at another listener.
    #[must_use]
    pub fn connect_at(listener: SocketAddr, client_id: &str, args: &[&str]) -> Self {
        let mut python = python_program("paho_client.py");
        python.args([listener.ip().to_string(), listener.port().to_string(), client_id.to_owned()]).args(args);
        Self(Process::start(python))
    }

    /// Waits until the connection is accepted; whether the gateway had a session of this client.
    pub fn expect_connected(&mut self) -> bool {
        self.0.expect("connected session=").ends_with("True")
    }

    /// Subscribes.
    pub fn subscribe(&mut self, filter: &str, qos: u8) {
        self.0.type_line(&format!("subscribe {filter} {qos}"));
        self.0.expect(&format!("subscribed {qos}"));
    }

    /// Unsubscribes.
    pub fn unsubscribe(&mut self, filter: &str) {
        self.0.type_line(&format!("unsubscribe {filter}"));
        self.0.expect("unsubscribed");
    }

    /// Publishes.
    pub fn publish(&mut self, topic: &str, qos: u8, retain: bool, payload: &str) {
        self.0.type_line(&format!("publish {topic} {qos} {} {payload}", u8::from(retain)));
        self.0.expect("published");
    }

    /// Waits for exactly this message to come next.
    ///
    /// # Panics
    /// If another one comes.
    pub fn expect_message(&mut self, topic: &str, qos: u8, retain: bool, payload: &str) {
        let wanted = format!("message {topic} {qos} {} {payload}", u8::from(retain));
        assert_eq!(self.0.expect("message "), wanted);
    }

    /// Says goodbye and ends.
    pub fn disconnect(mut self) {
        self.0.type_line("disconnect");
        self.0.succeed();
    }

    /// Ends without a goodbye.
    pub fn kill(self) {
        self.0.kill();
    }
}
