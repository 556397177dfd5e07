//! The Really Small Message Broker.

use crate::script::Dialogue;
use sn_client::{Config, Qos, ShortName, State, Topic, Will};

#[test]
fn suback_has_random_bits_beside_the_qos() {
    for (flags, granted) in [("B4", "One"), ("44", "Two"), ("94", "Zero"), ("F4", "Two")] {
        let mut it = Dialogue::connected();
        it.client.subscribe(Topic::Name("a/b"), Qos::Two).unwrap();
        it.sends("08 12 40 ## 'a/b'");
        it.hears(&format!("08 13 {flags} 00 01 ## 00"), &format!("Subscribed {granted}"));
        it.hears("08 0C 00 00 01 00 00 'x'", "a/b = x");
    }
}

#[test]
fn puback_has_topic_id_0000() {
    let mut it = Dialogue::connected();
    it.client.publish(Topic::Name("a/b/c"), b"21.5", Qos::One, false).unwrap();
    it.sends("0B 0A 00 00 ## 'a/b/c'");
    it.hears("07 0B 00 01 ## 00", "");
    it.sends("0B 0C 20 00 01 ## '21.5'");
    it.hears("07 0D 00 00 ## 00", "Published");
}

#[test]
fn the_two_directions_have_different_ids_for_one_name() {
    let mut it = Dialogue::connected();
    it.subscribes("a/b/c", 1);
    it.client.publish(Topic::Name("a/b/c"), b"21.5", Qos::Zero, false).unwrap();
    it.sends("0B 0A 00 00 ## 'a/b/c'");
    it.hears("07 0B 00 02 ## 00", "");
    it.sends("0B 0C 00 00 02 00 00 '21.5'");
    it.hears("08 0C 00 00 01 00 00 'x'", "a/b/c = x");
}

#[test]
fn a_repeated_subscribe_gets_a_new_id_and_the_old_one_stays_in_use() {
    let mut it = Dialogue::connected();
    it.subscribes("a/b", 1);
    it.subscribes("a/b", 2);
    it.hears("08 0C 00 00 01 00 00 'x'", "a/b = x");
    it.hears("08 0C 00 00 02 00 00 'y'", "a/b = y");
}

#[test]
fn after_a_reconnection_it_drops_messages_under_old_ids_so_they_are_registered_again() {
    let mut it = Dialogue::connected();
    it.client.publish(Topic::Name("a/b/c"), b"1", Qos::Zero, false).unwrap();
    it.sends("0B 0A 00 00 ## 'a/b/c'");
    it.hears("07 0B 00 01 ## 00", "");
    it.sends("08 0C 00 00 01 00 00 '1'");
    it.client.disconnect();
    it.sends("02 18");
    it.hears("02 18", "Disconnected");
    it.client.connect(false);
    it.reconnects();
    it.client.publish(Topic::Name("a/b/c"), b"2", Qos::Zero, false).unwrap();
    it.sends("0B 0A 00 00 ## 'a/b/c'");
}

#[test]
fn it_takes_sleep_for_a_disconnect_and_does_not_answer_at_a_wake() {
    let mut it = Dialogue::connected();
    it.sleeps();
    it.wakes();
    it.hears_nothing("Asleep, not drained");
    it.client.connect(false);
    it.reconnects();
    assert_eq!(it.client.state(), State::Active);
}

#[test]
fn willtopicresp_and_willmsgresp_have_an_octet_too_many() {
    let will = Will { topic: "w", message: b"gone", qos: Qos::Zero, retain: false };
    let mut it = Dialogue::new(Config { will: Some(will), ..Config::new("node7") });
    it.client.connect(true);
    it.sends("0B 04 0C 01 00 3C 'node7'");
    it.hears("02 06", "");
    it.sends("04 07 00 'w'");
    it.hears("02 08", "");
    it.sends("06 09 'gone'");
    it.hears("03 05 00", "Connected");
    it.client.update_will_topic("w2", Qos::Zero, false).unwrap();
    it.sends("05 1A 00 'w2'");
    it.hears("04 1B 00 00", "WillUpdated");
    it.client.update_will_message(b"bye").unwrap();
    it.sends("05 1C 'bye'");
    it.hears("04 1D 00 00", "WillUpdated");
}

#[test]
fn a_topic_of_one_character_comes_as_a_short_name_that_ends_in_zero() {
    let mut it = Dialogue::connected();
    it.subscribes("z", 1);
    it.hears("09 0C 02 7A 00 00 00 'hi'", "z = hi");
}

#[test]
fn the_suback_of_a_short_name_has_topic_id_0000() {
    let mut it = Dialogue::connected();
    it.client.subscribe(Topic::Short(ShortName(*b"tt")), Qos::One).unwrap();
    it.sends("07 12 22 ## 74 74");
    it.hears("08 13 34 00 00 ## 00", "Subscribed One");
    it.hears("09 0C 02 74 74 00 00 'hi'", "tt = hi");
}

#[test]
fn it_is_silent_to_who_it_does_not_know() {
    let mut it = Dialogue::connected();
    it.client.publish(Topic::Short(ShortName(*b"tt")), b"hi", Qos::One, false).unwrap();
    it.hears_nothing("Lost NoAnswer");
    it.reconnects();
    it.sends("09 0C A2 74 74 ## 'hi'");
    it.hears("07 0D 00 00 ## 00", "Published");
}
