//! The Paho MQTT-SN gateway.

use crate::script::Dialogue;
use sn_client::{Config, Qos, State, Topic, Will};

const PUBLISHES: &str = "0B 0C 20 00 01 ## '21.5'";

/// Has registered `a/b/c`, and is about to publish.
fn publishing(qos: Qos) -> Dialogue {
    let mut it = Dialogue::connected();
    it.client.publish(Topic::Name("a/b/c"), b"21.5", qos, false).unwrap();
    it.sends("0B 0A 00 00 ## 'a/b/c'");
    it.hears("07 0B 00 01 ## 00", "");
    it
}

#[test]
fn no_pingresp_after_messages_that_needed_no_register_but_one_for_the_second_pingreq() {
    let mut it = Dialogue::connected();
    it.subscribes("a/b", 1);
    it.sleeps();
    it.wakes();
    it.hears("09 0C 20 00 01 00 01 'S1'", "a/b = S1");
    it.sends("07 0D 00 01 00 01 00");
    it.sends("07 16 'node7'");
    it.hears("02 17", "Asleep");
}

#[test]
fn a_pingresp_that_never_comes_leaves_the_client_asleep() {
    let mut it = Dialogue::connected();
    it.sleeps();
    it.wakes();
    it.hears_nothing("Asleep, not drained");
    assert_eq!(it.client.state(), State::Asleep);
}

#[test]
fn no_pubrel_for_an_awake_client_and_later_the_same_message_id_for_another_message() {
    let mut it = Dialogue::connected();
    it.subscribes("a/b", 1);
    it.sleeps();
    it.wakes();
    it.hears("09 0C 40 00 01 00 01 'S1'", "a/b = S1");
    it.sends("04 0F 00 01");
    it.hears("02 17", "Asleep");
    it.wakes();
    it.hears("09 0C 40 00 01 00 01 'S2'", "a/b = S2");
    it.sends("04 0F 00 01");
    it.hears("09 0C C0 00 01 00 01 'S2'", "");
}

#[test]
fn a_second_disconnect_with_duration_ends_the_session_which_the_next_wake_tells() {
    let mut it = Dialogue::connected();
    it.sleeps();
    it.client.sleep(60.try_into().unwrap()).unwrap();
    it.sends("04 18 00 3C");
    it.hears("02 18", "Asleep");
    it.wakes();
    it.hears("02 18", "Lost ByGateway");
    it.reconnects();
}

#[test]
fn disconnect_is_its_answer_to_a_register() {
    let mut it = Dialogue::connected();
    it.client.publish(Topic::Name("a/b/c"), b"21.5", Qos::One, false).unwrap();
    it.sends("0B 0A 00 00 ## 'a/b/c'");
    it.hears("02 18", "Lost ByGateway");
    it.reconnects();
    it.sends("0B 0A 00 00 ## 'a/b/c'");
    it.hears("07 0B 00 01 ## 00", "");
    it.sends(PUBLISHES);
    it.hears("07 0D 00 01 ## 00", "Published");
}

#[test]
fn disconnect_is_its_answer_to_a_publish() {
    let mut it = publishing(Qos::One);
    it.sends(PUBLISHES);
    it.hears("02 18", "Lost ByGateway");
    it.reconnects();
    it.sends("0B 0A 00 00 ## 'a/b/c'");
    it.hears("07 0B 00 01 ## 00", "");
    it.sends("0B 0C A0 00 01 ## '21.5'");
    it.hears("07 0D 00 01 ## 00", "Published");
}

#[test]
fn disconnect_is_its_answer_to_a_pubrel() {
    let mut it = publishing(Qos::Two);
    it.sends("0B 0C 40 00 01 ## '21.5'");
    it.hears("04 0F ##", "");
    it.sends("04 10 ##");
    it.hears("02 18", "Lost ByGateway");
    it.reconnects();
    it.sends("04 10 ##");
    it.hears("04 0E ##", "Published");
}

#[test]
fn disconnect_is_its_answer_to_a_subscribe_that_the_broker_rejects() {
    let mut it = Dialogue::connected();
    it.client.subscribe(Topic::Name("a/b"), Qos::One).unwrap();
    it.sends("08 12 20 ## 'a/b'");
    it.hears("02 18", "Lost ByGateway");
    it.reconnects();
    it.sends("08 12 20 ## 'a/b'");
    it.hears("08 13 20 00 01 ## 00", "Subscribed One");
}

#[test]
fn disconnect_is_its_answer_to_a_ping() {
    let mut it = Dialogue::connected();
    it.sends("02 16");
    it.hears("02 18", "Lost ByGateway");
    it.reconnects();
}

#[test]
fn disconnect_is_its_answer_to_the_will_of_a_new_client() {
    let will = Will { topic: "w", message: b"gone", qos: Qos::One, retain: false };
    let mut it = Dialogue::new(Config { will: Some(will), auto_reconnect: true, ..Config::new("node7") });
    it.client.connect(true);
    for _ in 0..2 {
        it.sends("0B 04 0C 01 00 3C 'node7'");
        it.hears("02 06", "");
        it.sends("04 07 20 'w'");
        it.hears("02 18", "Lost ByGateway");
    }
    it.sends("0B 04 0C 01 00 3C 'node7'");
    it.hears("02 06", "");
    it.sends("04 07 20 'w'");
    it.hears("02 08", "");
    it.sends("06 09 'gone'");
    it.hears("03 05 00", "Connected");
}

#[test]
fn a_message_comes_again_after_reconnecting_under_its_old_id_without_register() {
    let mut it = Dialogue::connected();
    it.subscribes("a/b", 1);
    it.hears("02 18", "Lost ByGateway");
    it.reconnects();
    it.hears("09 0C A0 00 01 00 07 'S1'", "a/b = S1");
    it.sends("07 0D 00 01 00 07 00");
}

#[test]
fn puback_invalid_topic_id_to_a_qos_2_publish_is_mended_by_a_new_register() {
    let mut it = publishing(Qos::Two);
    it.sends("0B 0C 40 00 01 ## '21.5'");
    it.hears("07 0D 00 01 ## 02", "");
    it.sends("0B 0A 00 00 ## 'a/b/c'");
    it.hears("07 0B 00 02 ## 00", "");
    it.sends("0B 0C 40 00 02 ## '21.5'");
    it.hears("04 0F ##", "");
    it.sends("04 10 ##");
    it.hears("04 0E ##", "Published");
}

#[test]
fn its_register_and_publish_have_the_same_message_id() {
    let mut it = Dialogue::connected();
    it.hears("0D 0A 00 02 00 01 'w10/one'", "");
    it.sends("07 0B 00 02 00 01 00");
    it.hears("0A 0C 20 00 02 00 01 'EXT'", "w10/one = EXT");
    it.sends("07 0D 00 02 00 01 00");
}

#[test]
fn a_topic_of_two_characters_comes_as_a_short_name_to_who_subscribed_by_name() {
    let mut it = Dialogue::connected();
    it.subscribes("tt", 1);
    it.hears("09 0C 02 74 74 00 00 'hi'", "tt = hi");
}

#[test]
fn it_sends_several_messages_without_waiting() {
    let mut it = Dialogue::connected();
    it.subscribes("a/b", 1);
    for number in 1..=3 {
        it.hears(&format!("09 0C 20 00 01 00 0{number} 'S{number}'"), &format!("a/b = S{number}"));
        it.sends(&format!("07 0D 00 01 00 0{number} 00"));
    }
}

#[test]
fn a_message_of_255_octets_comes_with_a_wrong_length_in_the_long_form() {
    let mut it = Dialogue::connected();
    it.subscribes("a/b", 1);
    let payload = [b'x'; 248];
    let datagram = [&[1, 0, 0xFF, 0x0C, 0, 0, 1, 0, 0][..], &payload].concat();
    it.hears_octets(&datagram, &format!("a/b = {}", "x".repeat(248)));
}

#[test]
fn with_no_room_for_the_client_it_is_silent() {
    let mut it = Dialogue::new(Config { auto_reconnect: true, ..Config::new("node7") });
    it.client.connect(true);
    it.hears_nothing("Lost NoAnswer");
    it.sends("0B 04 04 01 00 3C 'node7'");
    it.hears("03 05 00", "Connected");
}
