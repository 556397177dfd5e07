//! One daemon with UDP, a serial line, a radio and MQTT: a client on each, and everybody hears everybody.

use crate::common::durable::Durable;
use crate::dongle::{self, Radio};
use crate::line::Line;
use crate::mqtt::Mqtt;
use crate::node::{Node, udp};
use rumqttc::QoS;
use sn_client::{Qos, ReturnCode};
use std::fs;
use std::net::UdpSocket;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// One frame of the radio in so many is lost.
const LOST_ONE_IN: usize = 11;
/// How long a step may take: what is lost comes again after a second, and one message follows the other.
const PATIENCE: Duration = Duration::from_secs(60);

/// The gateway and its clients.
struct Stage {
    gateway: Durable,
    udp: Node<UdpSocket>,
    line: Node<Line>,
    radio: Node<Radio>,
    mqtt: Mqtt,
    _dir: TempDir,
}

/// Everybody is connected, and subscribed to `from/+` at QoS 2.
fn start() -> Stage {
    let dir = tempfile::tempdir().expect("a directory");
    let [config, line, radio] = ["gw.toml", "line", "radio"].map(|name| dir.path().join(name));
    let text = format!(
        "[timing]\nt_retry_s = 1\n[[transport]]\nkind = \"udp\"\nlisten = \"127.0.0.1:0\"\n\
         [[transport]]\nkind = \"serial\"\nframing = \"cobs\"\ndevice = {line:?}\n{}",
        dongle::transport(&radio)
    );
    fs::write(&config, text).expect("a file");
    let (line, radio) = (Line::plug(&line), Radio::losing(&radio, LOST_ONE_IN));
    let mut gateway = Durable::start_from(&["--config", config.to_str().expect("a path in UTF-8")]);
    dongle::add(&gateway, "pump-7");
    let mqtt = Mqtt::subscribe(gateway.daemon().mqtt(), "mqtt", "from/+");
    let udp = Node::connect("udp", udp(gateway.daemon().udp()));
    let (line, radio) = (Node::connect("line", line), Node::connect("radio", radio));
    let mut stage = Stage { gateway, udp, line, radio, mqtt, _dir: dir };
    stage.until("connections", Stage::is_idle);
    stage.udp.subscribe("from/+");
    stage.line.subscribe("from/+");
    stage.radio.subscribe("from/+");
    stage.until("subscriptions", |stage| stage.is_idle() && stage.mqtt.is_subscribed());
    stage
}

impl Stage {
    /// Lets the nodes live until it is so.
    #[track_caller]
    fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            assert!(start.elapsed() < PATIENCE, "waited in vain for {what}; {:?}", self.heard());
            self.udp.step();
            self.line.step();
            self.radio.step();
        }
    }

    fn is_idle(&mut self) -> bool {
        self.udp.is_idle() && self.line.is_idle() && self.radio.is_idle()
    }

    /// What each has heard: UDP, the line, the radio, MQTT.
    fn heard(&self) -> [Vec<String>; 4] {
        [self.udp.told.heard.clone(), self.line.told.heard.clone(), self.radio.told.heard.clone(), self.mqtt.heard()]
    }

    /// Everybody publishes at QoS 1 and 2, all at the same time; the radio only if it can be reached.
    fn publish(&mut self, round: &str, with_radio: bool) -> Vec<String> {
        let mut published = Vec::new();
        for (qos, of_mqtt, name) in [(Qos::One, QoS::AtLeastOnce, "qos1"), (Qos::Two, QoS::ExactlyOnce, "qos2")] {
            let payload = |who: &str| format!("{name} of {who}, {round}");
            self.udp.publish("from/udp", &payload("udp"), qos);
            self.line.publish("from/line", &payload("line"), qos);
            self.mqtt.publish("from/mqtt", &payload("mqtt"), of_mqtt);
            published.extend(["udp", "line", "mqtt"].map(payload));
            if with_radio {
                self.radio.publish("from/radio", &payload("radio"), qos);
                published.push(payload("radio"));
            }
            self.until("acknowledgements", Self::is_idle);
        }
        published
    }

    /// What was published comes to those of the four; then the end of the round does, which is queued behind all copies.
    #[track_caller]
    fn assert_heard(&mut self, receivers: &[usize], published: &[String], round: &str) {
        let end = format!("end of {round}");
        self.mqtt.publish("from/mqtt", &end, QoS::ExactlyOnce);
        self.until("everything", |stage| {
            let heard = stage.heard();
            let has = |receiver: &usize, text: &String| heard[*receiver].contains(text);
            receivers.iter().all(|receiver| published.iter().chain([&end]).all(|text| has(receiver, text)))
        });
        let heard = self.heard();
        for receiver in receivers {
            for text in published.iter().filter(|text| text.starts_with("qos2")) {
                let times = heard[*receiver].iter().filter(|heard| *heard == text).count();
                assert_eq!(times, 1, "{text:?} at {receiver}: {heard:?}");
            }
        }
    }

    /// How often the log says something.
    fn told(&mut self, text: &str) -> usize {
        self.gateway.daemon().log().matches(text).count()
    }
}

#[test]
fn clients_on_udp_a_line_a_radio_and_mqtt_hear_each_other_while_the_radio_is_pulled_out_and_put_back() {
    let mut stage = start();
    let published = stage.publish("first", true);
    assert_eq!(published.len(), 8);
    stage.assert_heard(&[0, 1, 2, 3], &published, "first");

    let (ups, downs) = (stage.told("link up"), stage.told("link down"));
    stage.radio.link.pull_out();
    stage.until("the dongle to be missed", |stage| stage.told("link down") > downs);
    let without = stage.publish("without the radio", false);
    stage.assert_heard(&[0, 1, 3], &without, "without the radio");

    stage.radio.link.put_back();
    stage.until("the dongle", |stage| stage.told("link up") > ups);
    let again = stage.publish("again", true);
    stage.assert_heard(&[0, 1, 2, 3], &again, "again");
    // What was published meanwhile has waited for the radio.
    stage.assert_heard(&[0, 1, 2, 3], &without, "all");
    assert_eq!((stage.udp.told.losses, stage.line.told.losses, stage.radio.told.losses), (0, 0, 0));
    let log = stage.gateway.daemon().log();
    let is_lines = |line: &&str| line.contains("link down") && line.contains("transport=\"serial-1\"");
    assert_eq!(log.lines().find(is_lines), None, "the line stays up");
}

#[test]
fn a_client_id_that_comes_by_another_transport_takes_the_session_over() {
    let mut stage = start();
    let mut other = Node::connect("line", udp(stage.gateway.daemon().udp()));
    stage.until("CONNACK", |_| {
        other.step();
        other.is_idle()
    });
    stage.until("the log to say so", |stage| stage.told("taken over") == 1);
    // The subscription is the session's, and goes with it.
    stage.udp.publish("from/udp", "to the other one", Qos::Two);
    stage.until("the message", |stage| {
        other.step();
        let [udp, _, radio, mqtt] = stage.heard();
        stage.is_idle()
            && [udp, other.told.heard.clone(), radio, mqtt].iter().all(|heard| heard == &["to the other one"])
    });
    stage.line.publish("from/line", "too late", Qos::One);
    stage.until("DISCONNECT", |stage| stage.line.told.losses == 1);
    let [udp, line, ..] = stage.heard();
    assert_eq!((udp.len(), line.len()), (1, 0), "{udp:?} {line:?}");
}

#[test]
fn nobody_without_the_key_takes_over_a_session_of_the_secured_radio() {
    let mut stage = start();
    let mut other = Node::connect("radio", udp(stage.gateway.daemon().udp()));
    stage.until("CONNACK", |_| {
        other.step();
        other.told.refused.is_some()
    });
    assert_eq!(other.told.refused, Some(ReturnCode::NotSupported));
    let published = stage.publish("undisturbed", true);
    stage.assert_heard(&[0, 1, 2, 3], &published, "undisturbed");
    assert_eq!((stage.radio.told.losses, other.told.heard.len()), (0, 0));
}
