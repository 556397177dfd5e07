//! The Rust client rumqttc, speaking MQTT 3.1.1 and MQTT 5.

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

mod v5 {
    use super::{Gateway, PATIENCE};
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, Packet, Publish, PublishProperties};
    use rumqttc::v5::{Client, Connection, Event, MqttOptions};

    fn options(gateway: &Gateway, client_id: &str) -> MqttOptions {
        MqttOptions::new(client_id, gateway.mqtt.ip().to_string(), gateway.mqtt.port())
    }

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
    fn messages_and_their_properties_travel_at_each_qos() {
        let gateway = Gateway::start();
        let (client, mut connection) = Client::new(options(&gateway, "client"), 100);
        client.subscribe("hall/+", QoS::ExactlyOnce).expect("room");
        until(&mut connection, |packet| matches!(packet, Packet::SubAck(_)).then_some(()));
        let properties = PublishProperties {
            content_type: Some("text/plain".into()),
            user_properties: vec![("b".into(), "1".into()), ("a".into(), "2".into())],
            ..PublishProperties::default()
        };
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let sent = properties.clone();
            client.publish_with_properties("hall/temp", qos, false, "21.5", sent).expect("room");
            let message = until(&mut connection, publish);
            assert_eq!((&message.topic[..], message.qos, &message.payload[..]), (&b"hall/temp"[..], qos, &b"21.5"[..]));
            assert_eq!(message.properties, Some(properties.clone()));
        }
    }

    #[test]
    fn a_session_is_resumed() {
        let gateway = Gateway::start();
        let mut resuming = options(&gateway, "client");
        resuming.set_clean_start(false).set_session_expiry_interval(Some(1_000));
        for session_present in [false, true] {
            let (client, mut connection) = Client::new(resuming.clone(), 100);
            let connack = until(&mut connection, |packet| match packet {
                Packet::ConnAck(connack) => Some(connack),
                _ => None,
            });
            assert_eq!((connack.code, connack.session_present), (ConnectReturnCode::Success, session_present));
            drop(client);
        }
    }
}
