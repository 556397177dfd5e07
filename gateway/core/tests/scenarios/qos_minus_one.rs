//! QoS -1 (1.2 §6.8): published without a connection, forwarded at QoS 0, never answered.

use crate::common::sn::{connect, hex, predefined, publish_to, register, retained, short, sleep};
use crate::common::{Rig, port};
use gateway_core::{ClientState, RejectReason};
use sn_codec::{Message, Qos, Topic, TopicId};
use sn_types::PeerAddr;

const NODE: PeerAddr = port(1);

fn watched() -> Rig {
    let mut rig = Rig::with(|config| config.predefined = vec![(TopicId(16), "pre".into())]);
    rig.watch("#");
    rig
}

fn unasked<'a>(topic: Topic<'a>, data: &'a str) -> Message<'a> {
    publish_to(Qos::MinusOne, topic, 0, data)
}

#[test]
fn by_predefined_id_short_name_and_full_name() {
    let mut rig = watched();
    for topic in [predefined(16), short("tt"), Topic::Name("a/b/c")] {
        assert_eq!(rig.ask(NODE, unasked(topic, "hi")), [""; 0]);
    }
    assert_eq!(rig.watched(), ["q0 pre 'hi'", "q0 tt 'hi'", "q0 a/b/c 'hi'"]);
    assert!(rig.client("node").is_none(), "no session comes of it");
}

#[test]
fn the_octets_of_the_three_forms() {
    let mut rig = watched();
    for octets in
        ["09 0C 61 00 10 00 00 68 69", "09 0C 62 74 74 00 00 68 69", "0E 0C 60 00 05 00 00 61 2F 62 2F 63 68 69"]
    {
        assert_eq!(rig.ask_octets(NODE, &hex(octets)), Vec::<Vec<u8>>::new());
    }
    assert_eq!(rig.watched(), ["q0 pre 'hi'", "q0 tt 'hi'", "q0 a/b/c 'hi'"]);
}

#[test]
fn retain_is_honoured() {
    let mut rig = watched();
    rig.send(NODE, retained(unasked(short("tt"), "kept")));
    rig.watched();
    rig.watch("tt");
    assert_eq!(rig.watched(), ["q0 retain tt 'kept'"]);
}

#[test]
fn a_connected_or_sleeping_client_may_send_it_too() {
    let mut rig = watched();
    rig.send(NODE, connect("node"));
    rig.send(NODE, unasked(short("tt"), "1"));
    rig.send(NODE, sleep(600));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, unasked(short("tt"), "2")), [""; 0]);
    assert_eq!(rig.state("node"), ClientState::Asleep);
    assert_eq!(rig.watched(), ["q0 tt '1'", "q0 tt '2'"]);
}

#[test]
fn what_is_refused_is_counted_and_not_answered() {
    let mut rig = watched();
    let refused = [
        (unasked(predefined(99), "x"), RejectReason::TopicId),
        (unasked(predefined(0), "x"), RejectReason::TopicId),
        (unasked(short("#x"), "x"), RejectReason::TopicName),
        (unasked(Topic::Name("a/+"), "x"), RejectReason::TopicName),
        (unasked(Topic::Name("$SYS/x"), "x"), RejectReason::TopicName),
        (unasked(Topic::Reserved(TopicId(1)), "x"), RejectReason::TopicIdType),
    ];
    for (message, reason) in refused {
        let before = rig.rejects(reason);
        assert_eq!(rig.ask(NODE, message), [""; 0]);
        assert_eq!(rig.rejects(reason), before + 1, "{message:?}");
    }
    assert_eq!(rig.watched(), [""; 0]);
}

#[test]
fn the_configuration_may_forbid_it() {
    let mut rig = Rig::with(|config| config.qos_minus_one = false);
    rig.watch("#");
    assert_eq!(rig.ask(NODE, unasked(short("tt"), "x")), [""; 0]);
    rig.send(NODE, connect("node"));
    rig.send(NODE, register(1, "t"));
    rig.heard(NODE);
    assert_eq!(rig.ask(NODE, unasked(short("tt"), "x")), [""; 0], "also to clients");
    assert_eq!(rig.rejects(RejectReason::QosMinusOne), 2);
    assert_eq!(rig.watched(), [""; 0]);
}
