//! Shared subscriptions (5.0 §4.8.2).

use crate::client::{Client, PUBACK, PUBREC, Server, start_v5};
use crate::octets::{Version, packet, subscribe};

#[test]
fn a_shared_filter_has_a_name_and_a_filter() {
    let server = start_v5();
    for filter in ["$share/", "$share//t", "$share/a+/t", "$share/#/t", "$share/+/t", "$share/name", "$share/name/"] {
        let mut client = server.connect("client");
        client.send(&subscribe(Version::V5, 1, &[(filter, 0)]));
        match client.receive() {
            (0x90, body) => assert_eq!(body, [0, 1, 0, 0x8F], "{filter}"),
            (0xE0, body) => assert!([0x81, 0x82, 0x8F].contains(&body[0]), "{filter}: {body:02x?}"),
            other => panic!("{filter}: {other:02x?}"),
        }
    }
}

fn sharing(server: &Server, client_id: &str, filter: &str, qos: u8) -> Client {
    let mut client = server.connect(client_id);
    client.subscribe(filter, qos);
    client
}

/// How many messages come to each before the answer to a PINGREQ.
fn count(client: &mut Client) -> usize {
    client.send(&[0xC0, 0]);
    let mut messages = 0;
    while client.receive().0 != 0xD0 {
        messages += 1;
    }
    messages
}

#[test]
fn a_message_goes_to_one_of_those_who_share() {
    let server = start_v5();
    let mut sharers: Vec<Client> = ["a", "b", "c"].map(|id| sharing(&server, id, "$share/s/t/+", 0)).into();
    let mut others = [sharing(&server, "d", "$share/other/t/#", 0), sharing(&server, "e", "t/1", 0)];
    let mut publisher = server.connect("publisher");
    (0..30).for_each(|_| publisher.publish("t/1", 0, "x"));
    let shares: Vec<usize> = sharers.iter_mut().map(count).collect();
    assert_eq!(shares.iter().sum::<usize>(), 30);
    assert!(shares.iter().all(|share| *share > 0), "all take part: {shares:?}");
    assert_eq!(others.each_mut().map(count), [30, 30], "another name and a subscription of one's own get all");
}

#[test]
fn who_has_unsubscribed_or_gone_shares_no_more() {
    let server = start_v5();
    let mut one = sharing(&server, "one", "$share/s/t", 0);
    let mut two = sharing(&server, "two", "$share/s/t", 0);
    let three = sharing(&server, "three", "$share/s/t", 0);
    two.unsubscribe("$share/s/t");
    three.leave();
    let mut publisher = server.connect("publisher");
    (0..10).for_each(|_| publisher.publish("t", 0, "x"));
    assert_eq!((count(&mut one), count(&mut two)), (10, 0));
}

#[test]
fn each_sharer_s_granted_qos_is_respected() {
    let server = start_v5();
    for granted in [0, 1, 2] {
        let mut client = sharing(&server, "client", "$share/s/t", granted);
        server.connect("publisher").publish("t", 2, "x");
        client.expect_message("t", granted, "x");
        client.leave();
    }
}

#[test]
fn what_has_been_sent_to_one_is_completed_with_that_one() {
    let server = start_v5();
    let (mut one, _) = server.connect_as(&server.keep("one"));
    one.subscribe("$share/s/t", 2);
    server.connect("publisher").publish("t", 2, "x");
    let first = one.receive_message();
    let mut two = sharing(&server, "two", "$share/s/t", 2);
    one.vanish();
    let (mut one, _) = server.connect_as(&server.keep("one"));
    let again = one.receive_message();
    assert_eq!((again.dup, again.id), (true, first.id));
    one.acknowledge(&again);
    two.expect_nothing();
}

#[test]
fn what_has_been_sent_to_one_of_qos_2_does_not_go_to_another_when_its_session_ends() {
    let server = start_v5();
    let mut one = sharing(&server, "one", "$share/s/t", 2);
    server.connect("publisher").publish("t", 2, "x");
    let _first = one.receive_message();
    let mut two = sharing(&server, "two", "$share/s/t", 2);
    one.leave();
    two.expect_nothing();
}

#[test]
fn what_one_refuses_is_not_given_to_another() {
    let server = start_v5();
    for (qos, answer) in [(1, PUBACK), (2, PUBREC)] {
        let mut one = sharing(&server, "one", "$share/s/t", 2);
        server.connect("publisher").publish("t", qos, "x");
        let id = one.receive_message().id.expect("QoS above 0");
        let mut two = sharing(&server, "two", "$share/s/t", 2);
        one.send(&packet(answer, &[&id.to_be_bytes(), &[0x80]]));
        one.expect_nothing();
        two.expect_nothing();
        one.leave();
        two.leave();
    }
}

#[test]
fn retained_messages_are_not_sent_to_shared_subscriptions() {
    let server = start_v5();
    server.connect("publisher").publish_retained("t", 1, "kept");
    sharing(&server, "client", "$share/s/t", 1).expect_nothing();
}
