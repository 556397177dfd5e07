//! PickMeUp, a ride service: drivers' presence is a retained message that their will clears, their inbox is QoS 2,
//! their position QoS 0, and a driver on a break sleeps.

use crate::common::sn::{
    DISCONNECT, connect, pingreq, pubcomp, publish, publish_to, pubrec, regack, register, resume_with_will, retained,
    short, sleep, subscribe, will_msg,
};
use crate::common::{Rig, port};
use sn_codec::{Message, Qos, WillTopic};
use sn_types::PeerAddr;

const DRIVER: PeerAddr = port(1);
const RIDER: PeerAddr = port(2);

/// Topic ids of a driver.
const PRESENCE: u16 = 1;
const POSITION: u16 = 2;

/// A driver signs on: its will clears its presence, then it is present and listens to its inbox.
fn sign_on(rig: &mut Rig) {
    assert_eq!(rig.ask(DRIVER, resume_with_will("driver7")), ["WILLTOPICREQ"]);
    let clears_presence = WillTopic { qos: Qos::One, retain: true, topic: "drivers/7/present" };
    assert_eq!(rig.ask(DRIVER, Message::WillTopic(Some(clears_presence))), ["WILLMSGREQ"]);
    assert_eq!(rig.ask(DRIVER, will_msg("")), ["CONNACK 00"]);
    assert_eq!(rig.ask(DRIVER, register(1, "drivers/7/present")), ["REGACK id=1 mid=1 00"]);
    assert_eq!(rig.ask(DRIVER, register(2, "drivers/7/position")), ["REGACK id=2 mid=2 00"]);
    assert_eq!(rig.ask(DRIVER, subscribe(Qos::Two, 3, "drivers/7/inbox")), ["SUBACK q2 id=3 mid=3 00"]);
    assert_eq!(rig.ask(DRIVER, retained(publish(Qos::One, PRESENCE, 4, "free"))), ["PUBACK id=1 mid=4 00"]);
}

/// A rider opens the app.
fn look_around(rig: &mut Rig) -> Vec<String> {
    assert_eq!(rig.ask(RIDER, connect("rider")), ["CONNACK 00"]);
    rig.ask(RIDER, subscribe(Qos::One, 1, "drivers/+/present"))
}

#[test]
fn a_rider_sees_who_is_there() {
    let mut rig = Rig::new();
    sign_on(&mut rig);
    assert_eq!(look_around(&mut rig), ["SUBACK q1 id=0 mid=1 00", "REGISTER id=1 mid=1 'drivers/7/present'"]);
    assert_eq!(rig.ask(RIDER, regack(1, 1)), ["PUBLISH q1 retain id=1 mid=2 'free'"]);
}

#[test]
fn a_lost_driver_disappears() {
    let mut rig = Rig::new();
    sign_on(&mut rig);
    rig.wait_s(45);
    look_around(&mut rig);
    rig.send(RIDER, regack(1, 1));
    rig.send(RIDER, crate::common::sn::puback(1, 2));
    rig.heard(RIDER);
    rig.wait_s(45);
    assert_eq!(rig.heard(RIDER), ["PUBLISH q1 id=1 mid=3 ''"], "told at once");
    rig.send(RIDER, crate::common::sn::puback(1, 3));
    assert_eq!(look_around(&mut rig), ["SUBACK q1 id=0 mid=1 00"], "and nobody finds it any more");
}

#[test]
fn a_driver_that_signs_off_says_so_itself() {
    let mut rig = Rig::new();
    sign_on(&mut rig);
    assert_eq!(rig.ask(DRIVER, retained(publish(Qos::One, PRESENCE, 5, ""))), ["PUBACK id=1 mid=5 00"]);
    assert_eq!(rig.ask(DRIVER, DISCONNECT), ["DISCONNECT"]);
    assert_eq!(look_around(&mut rig), ["SUBACK q1 id=0 mid=1 00"]);
}

#[test]
fn positions_flow_to_the_map() {
    let mut rig = Rig::new();
    sign_on(&mut rig);
    rig.watch("drivers/+/position");
    for position in ["52.1,4.3", "52.2,4.3"] {
        assert_eq!(rig.ask(DRIVER, publish(Qos::Zero, POSITION, 0, position)), [""; 0]);
    }
    assert_eq!(rig.watched(), ["q0 drivers/7/position '52.1,4.3'", "q0 drivers/7/position '52.2,4.3'"]);
}

#[test]
fn an_order_reaches_the_driver_exactly_once() {
    let mut rig = Rig::new();
    sign_on(&mut rig);
    rig.publish(2, "drivers/7/inbox", "order 1");
    assert_eq!(rig.heard(DRIVER), ["PUBLISH q2 id=3 mid=1 'order 1'"]);
    rig.wait_s(10);
    assert_eq!(rig.heard(DRIVER), ["PUBLISH q2 dup id=3 mid=1 'order 1'"]);
    assert_eq!(rig.ask(DRIVER, pubrec(1)), ["PUBREL mid=1"]);
    assert_eq!(rig.ask(DRIVER, pubrec(1)), ["PUBREL mid=1"], "not the PUBLISH any more");
    rig.wait_s(10);
    assert_eq!(rig.heard(DRIVER), ["PUBREL mid=1"]);
    assert_eq!(rig.ask(DRIVER, pubcomp(1)), [""; 0]);
}

#[test]
fn a_driver_on_a_break_stays_present_and_finds_its_orders() {
    let mut rig = Rig::new();
    sign_on(&mut rig);
    assert_eq!(rig.ask(DRIVER, sleep(600)), ["DISCONNECT"]);
    rig.publish(2, "drivers/7/inbox", "order 1");
    rig.publish(2, "drivers/7/inbox", "order 2");
    rig.wait_s(500);
    assert_eq!(look_around(&mut rig).len(), 2, "still present");
    assert_eq!(rig.ask(DRIVER, pingreq("driver7")), ["PUBLISH q2 id=3 mid=1 'order 1'"]);
    assert_eq!(rig.ask(DRIVER, pubrec(1)), ["PUBREL mid=1"]);
    assert_eq!(rig.ask(DRIVER, pubcomp(1)), ["PUBLISH q2 id=3 mid=2 'order 2'"]);
    assert_eq!(rig.ask(DRIVER, pubrec(2)), ["PUBREL mid=2"]);
    assert_eq!(rig.ask(DRIVER, pubcomp(2)), ["PINGRESP"]);
}

#[test]
fn a_driver_that_never_comes_back_from_its_break_disappears_and_keeps_its_orders() {
    let mut rig = Rig::new();
    sign_on(&mut rig);
    rig.send(DRIVER, sleep(600));
    rig.publish(2, "drivers/7/inbox", "order 1");
    rig.wait_s(660);
    assert_eq!(look_around(&mut rig), ["SUBACK q1 id=0 mid=1 00"]);
    rig.heard(DRIVER);
    sign_on_again(&mut rig);
}

/// The driver's phone was off: the same session, and the order that came meanwhile.
fn sign_on_again(rig: &mut Rig) {
    let resumed = rig.ask(DRIVER, crate::common::sn::resume("driver7"));
    assert_eq!(resumed, ["CONNACK 00", "REGISTER id=3 mid=1 'drivers/7/inbox'"]);
    assert_eq!(rig.ask(DRIVER, regack(3, 1)), ["PUBLISH q2 id=3 mid=2 'order 1'"]);
}

/// A beacon on the dashboard that only ever sends: no connection, no state.
#[test]
fn a_beacon_publishes_without_a_connection() {
    let mut rig = Rig::new();
    rig.watch("b7");
    assert_eq!(rig.ask(port(9), publish_to(Qos::MinusOne, short("b7"), 0, "here")), [""; 0]);
    assert_eq!(rig.watched(), ["q0 b7 'here'"]);
}
