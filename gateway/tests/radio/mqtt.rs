//! An MQTT client, rumqttc, that hears what it has subscribed to.

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;

/// The client, on a thread of its own.
pub(crate) struct Mqtt {
    client: Client,
    heard: Arc<Mutex<Vec<String>>>,
    subscribed: Arc<Mutex<bool>>,
}

impl Mqtt {
    /// Connects with a clean session, and subscribes at QoS 2.
    pub(crate) fn subscribe(gateway: SocketAddr, client_id: &str, filter: &str) -> Self {
        let options = MqttOptions::new(client_id, gateway.ip().to_string(), gateway.port());
        let (client, mut connection) = Client::new(options, 100);
        let (heard, subscribed) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<bool>>::default());
        let (hears, is_subscribed) = (heard.clone(), subscribed.clone());
        thread::spawn(move || {
            // It ends with the gateway, or the test.
            for event in connection.iter().map_while(Result::ok) {
                match event {
                    Event::Incoming(Packet::Publish(publish)) => {
                        let payload = String::from_utf8_lossy(&publish.payload).into_owned();
                        hears.lock().expect("the messages").push(payload);
                    }
                    Event::Incoming(Packet::SubAck(_)) => *is_subscribed.lock().expect("a flag") = true,
                    Event::Incoming(_) | Event::Outgoing(_) => {}
                }
            }
        });
        client.subscribe(filter, QoS::ExactlyOnce).expect("room");
        Self { client, heard, subscribed }
    }

    /// Whether the subscription is acknowledged.
    pub(crate) fn is_subscribed(&self) -> bool {
        *self.subscribed.lock().expect("a flag")
    }

    /// Begins to publish.
    pub(crate) fn publish(&self, topic: &str, payload: &str, qos: QoS) {
        self.client.publish(topic, qos, false, payload).expect("room");
    }

    /// Payloads of the messages that came, in their order.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("the messages").clone()
    }
}
