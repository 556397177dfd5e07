//! EMQX.

use crate::script::Dialogue;
use sn_client::{Config, Qos, ShortName, Topic};
use std::time::Duration;

#[test]
fn it_refuses_a_connection_with_a_code_of_its_own() {
    let mut it = Dialogue::new(Config::new("node7"));
    it.client.connect(true);
    it.sends("0B 04 04 01 00 3C 'node7'");
    it.hears("03 05 80", "Refused Reserved(128)");
    it.is_silent();
}

#[test]
fn it_refuses_a_publish_with_a_code_of_its_own() {
    let mut it = Dialogue::connected();
    it.client.publish(Topic::Short(ShortName(*b"tt")), b"hi", Qos::One, false).unwrap();
    it.sends("09 0C 22 74 74 ## 'hi'");
    it.hears("07 0D 74 74 ## 83", "Rejected Reserved(131)");
}

#[test]
fn an_unknown_id_at_qos_0_is_told_under_message_id_0000() {
    let mut it = Dialogue::connected();
    it.client.publish(Topic::Name("a/b/c"), b"1", Qos::Zero, false).unwrap();
    it.sends("0B 0A 00 00 ## 'a/b/c'");
    it.hears("07 0B 04 01 ## 00", "");
    it.sends("08 0C 00 04 01 00 00 '1'");
    it.hears("07 0D 04 01 00 00 02", "");
    it.sends("0B 0A 00 00 ## 'a/b/c'");
    it.hears("07 0B 04 02 ## 00", "");
    it.sends("08 0C 00 04 02 00 00 '1'");
}

#[test]
fn its_register_comes_three_times_and_then_disconnect() {
    let mut it = Dialogue::connected();
    for _ in 0..3 {
        it.hears("09 0A 04 01 00 01 't/1'", "");
        it.sends("07 0B 04 01 00 01 00");
        it.passes(Duration::from_secs(5));
    }
    it.hears("02 18", "Lost ByGateway");
    it.reconnects();
    it.hears("09 0A 04 01 00 02 't/1'", "");
    it.sends("07 0B 04 01 00 02 00");
    it.hears("08 0C 00 04 01 00 00 'x'", "t/1 = x");
}

#[test]
fn messages_come_before_the_pingresp_and_each_waits_for_its_acknowledgement() {
    let mut it = Dialogue::connected();
    it.sleeps();
    it.wakes();
    it.hears("09 0A 04 01 00 01 't/1'", "");
    it.sends("07 0B 04 01 00 01 00");
    it.hears("08 0C 40 04 01 00 02 'x'", "t/1 = x");
    it.sends("04 0F 00 02");
    it.hears("04 10 00 02", "");
    it.sends("04 0E 00 02");
    it.hears("02 17", "Asleep");
}

#[test]
fn it_ends_the_session_of_a_client_that_connects_while_it_is_active() {
    let mut it = Dialogue::connected();
    it.client.connect(false);
    it.sends("0B 04 00 01 00 3C 'node7'");
    it.hears("02 18", "");
    it.sends("0B 04 00 01 00 3C 'node7'");
    it.hears("03 05 00", "Connected");
}

#[test]
fn it_rejects_a_will_message_where_there_is_no_will() {
    let mut it = Dialogue::connected();
    it.client.update_will_message(b"bye").unwrap();
    it.sends("05 1C 'bye'");
    it.hears("03 1D 03", "Rejected NotSupported");
    it.client.publish(Topic::Short(ShortName(*b"tt")), b"hi", Qos::Zero, false).unwrap();
    it.sends("09 0C 02 74 74 00 00 'hi'");
}

#[test]
fn gwinfo_comes_to_the_one_who_asked() {
    let mut it = Dialogue::new(Config::new("node7"));
    it.client.search(it.now, 0);
    it.sends("03 01 00");
    it.hears("03 02 01", "Found 1");
    assert_eq!(it.client.poll_timeout(), None);
}

#[test]
fn disconnect_may_come_at_any_time() {
    let mut it = Dialogue::connected();
    it.subscribes("a/b", 1);
    it.hears("02 18", "Lost ByGateway");
    it.reconnects();
    it.sleeps();
    it.hears("02 18", "");
    it.wakes();
    it.hears("02 18", "Lost ByGateway");
    it.reconnects();
}
