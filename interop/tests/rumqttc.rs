//! The Rust client rumqttc, speaking MQTT 3.1.1.

use interop::Gateway;
use std::time::Duration;

/// How long a connection may take to bring what a test waits for.
const PATIENCE: Duration = interop::PATIENCE;

mod v4 {
    use super::{Gateway, PATIENCE};
    use rumqttc::{Client, Connection, Event, MqttOptions, Packet, Publish, QoS};

    fn connect(gateway: &Gateway, client_id: &str) -> (Client, Connection) {
        let mut options = MqttOptions::new(client_id, gateway.mqtt.ip().to_string(), gateway.mqtt.port());
        options.set_clean_session(true);
        Client::new(options, 100)
    }

    /// Drives the connection until a packet is what the test waits for.
    fn until<T>(connection: &mut Connection, wanted: impl Fn(Packet) -> Option<T>) -> T {
        loop {
            match connection.recv_timeout(PATIENCE).expect("an event").expect("the connection lasts") {
                Event::Incoming(packet) => {
                    if let Some(found) = wanted(packet) {
                        return found;
                    }
                }
                Event::Outgoing(_) => {}
            }
        }
    }

    fn publish(packet: Packet) -> Option<Publish> {
        if let Packet::Publish(publish) = packet { Some(publish) } else { None }
    }

    #[test]
    fn messages_travel_at_each_qos() {
        let gateway = Gateway::start();
        let (client, mut connection) = connect(&gateway, "client");
        client.subscribe("hall/+", QoS::ExactlyOnce).expect("room");
        until(&mut connection, |packet| matches!(packet, Packet::SubAck(_)).then_some(()));
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            client.publish("hall/temp", qos, false, "21.5").expect("room");
            let message = until(&mut connection, publish);
            assert_eq!((&*message.topic, message.qos, &message.payload[..]), ("hall/temp", qos, &b"21.5"[..]));
        }
    }
}
