//! Clients in other languages that take commands and say what happens as JSON: Python's paho-mqtt and Node's mqtt.

use crate::{Gateway, Process, node_program, python_program};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::Command;

/// Which library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// The Python package paho-mqtt, speaking MQTT 5.
    Paho,
    /// The Node package mqtt, speaking MQTT 5, or 3.1.1 if its CONNECT has `"version": 4`.
    Node,
}

/// Both of them.
pub const LIBRARIES: [Library; 2] = [Library::Paho, Library::Node];

/// A client in another language. Everything it is told has been acknowledged by the gateway when the call is back.
#[derive(Debug)]
pub struct ScriptedClient(Process);

impl ScriptedClient {
    /// Connects. `connect` and all other values are as `clients/paho_v5_client.py` describes them.
    ///
    /// # Panics
    /// If it is not accepted.
    #[must_use]
    pub fn connect(library: Library, gateway: &Gateway, client_id: &str, connect: &Value) -> (Self, Value) {
        Self::connect_at(library, gateway.mqtt, client_id, connect)
    }

    /// The same at another listener; of Node's, `clients/node_client.js` describes how.
    ///
    /// # Panics
    /// If it is not accepted.
    #[must_use]
    pub fn connect_at(library: Library, listener: SocketAddr, client_id: &str, connect: &Value) -> (Self, Value) {
        let mut client = Self(Process::start(program(library, listener, client_id, connect)));
        let answer = client.expect("connected");
        assert_eq!(answer["code"], 0, "{answer}");
        (client, answer)
    }

    /// Subscribes; answers the code.
    pub fn subscribe(&mut self, filter: &str, options: &Value, properties: &Value) -> u64 {
        self.tell(json!({"do": "subscribe", "filter": filter, "options": options, "properties": properties}));
        self.expect("subscribed")[0].as_u64().expect("a code for the filter")
    }

    /// Publishes; answers the reason code, which is 0 for what the library does not report.
    pub fn publish(&mut self, topic: &str, qos: u8, payload: &str, properties: &Value) -> u64 {
        self.publish_with(topic, qos, false, payload, properties)
    }

    /// The same, retained or not.
    pub fn publish_with(&mut self, topic: &str, qos: u8, retain: bool, payload: &str, properties: &Value) -> u64 {
        let publish = json!({"do": "publish", "topic": topic, "payload": payload, "qos": qos, "retain": retain,
            "properties": properties});
        self.tell(publish);
        self.expect("published").as_u64().expect("a code")
    }

    /// Waits for exactly this message to come next, and answers its properties.
    ///
    /// # Panics
    /// If another one comes.
    pub fn expect_message(&mut self, topic: &str, qos: u8, retain: bool, payload: &str) -> Value {
        let message = self.expect("message");
        let wanted = (json!(topic), json!(qos), json!(retain), json!(payload));
        let [got_topic, got_qos, got_retain, got_payload] =
            ["topic", "qos", "retain", "payload"].map(|key| message[key].clone());
        assert_eq!((got_topic, got_qos, got_retain, got_payload), wanted);
        message["properties"].clone()
    }

    /// Says goodbye and ends.
    pub fn disconnect(mut self, properties: &Value) {
        self.tell(json!({"do": "disconnect", "properties": properties}));
        self.0.succeed();
    }

    /// Ends without a goodbye.
    pub fn kill(self) {
        self.0.kill();
    }

    /// Waits for a DISCONNECT from the gateway; answers its reason code.
    pub fn expect_disconnected(&mut self) -> u64 {
        self.expect("disconnected").as_u64().expect("a code")
    }

    /// Waits for a message under this topic, whatever comes before.
    pub fn expect_until(&mut self, topic: &str) {
        while self.expect("message")["topic"] != topic {}
    }

    /// How many messages have come so far.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.0.count("message {")
    }

    fn tell(&mut self, mut command: Value) {
        // Where there are none, the libraries are to be told nothing.
        if command["properties"].as_object().is_none_or(serde_json::Map::is_empty)
            && let Some(command) = command.as_object_mut()
        {
            command.remove("properties");
        }
        self.0.type_line(&command.to_string());
    }

    fn expect(&mut self, what: &str) -> Value {
        let line = self.0.expect(&format!("{what} "));
        let value = line.split_once(' ').map_or("", |(_, value)| value);
        serde_json::from_str(value).unwrap_or_else(|error| panic!("{line}: {error}"))
    }
}

fn program(library: Library, listener: SocketAddr, client_id: &str, connect: &Value) -> Command {
    let mut program = match library {
        Library::Paho => python_program("paho_v5_client.py"),
        Library::Node => node_program("node_client.js"),
    };
    let (host, port) = (listener.ip().to_string(), listener.port().to_string());
    program.args([host, port, client_id.to_owned(), connect.to_string()]);
    program
}
