//! A node that is restarted goes on with its session.

mod node;

use node::{CONNACK, Node, publish};
use sn_client::{Client, Config, Event, Qos, Received, RoamingClient, Topic};
use sn_codec::{Message, MsgId, Topic as WireTopic};

const RECORD_LEN: usize = Client::<'static, 64, 64>::RECORD_LEN;

impl Node {
    fn record(&self) -> Vec<u8> {
        let mut record = [0; RECORD_LEN];
        let len = self.client.save(&mut record).expect("there is room for the longest record");
        record[..len].to_vec()
    }

    /// The same node after its power has failed, connected again.
    fn restarted(&self) -> Self {
        let mut node = Self::new(Config::new("node7"));
        assert!(node.client.restore(&self.record()));
        node.client.connect(false);
        assert!(matches!(node.sends(), Message::Connect(connect) if !connect.clean_session));
        assert_eq!(node.hears(CONNACK), Some(Event::Connected));
        node
    }
}

fn with_session() -> Node {
    Node::with_session(Config::new("node7"))
}

#[test]
fn messages_under_old_ids_are_understood() {
    let mut node = with_session();
    node.subscribes("down", 5);
    let mut node = node.restarted();
    let received = Received { topic: Topic::Name("down"), payload: b"on", qos: Qos::Zero, retain: false };
    assert_eq!(node.hears(publish(Qos::Zero, 5, 0, b"on")), Some(Event::Message(received)));
}

#[test]
fn a_qos_2_message_that_had_arrived_is_not_reported_again() {
    let mut node = with_session();
    node.subscribes("down", 5);
    assert!(node.hears(publish(Qos::Two, 5, 9, b"on")).is_some());
    let mut node = node.restarted();
    assert_eq!(node.hears(publish(Qos::Two, 5, 9, b"on")), None);
    assert_eq!(node.sends(), Message::PubRec(MsgId(9)));
    assert!(node.client.awaits_release());
}

#[test]
fn a_qos_2_publish_goes_on_under_its_message_id() {
    let mut node = with_session();
    node.client.publish(Topic::Name("up"), b"21.5", Qos::Two, false).unwrap();
    node.registers("up", 3);
    let msg_id = node.sends_publish(false, Qos::Two, WireTopic::Normal(sn_client::TopicId(3)), b"21.5");
    let mut node = node.restarted();
    node.registers("up", 4);
    assert_eq!(node.sends_publish(true, Qos::Two, WireTopic::Normal(sn_client::TopicId(4)), b"21.5"), msg_id);
    node.hears(Message::PubRec(msg_id));
    let mut node = node.restarted();
    assert_eq!(node.sends(), Message::PubRel(msg_id), "PUBREC had come");
    assert_eq!(node.hears(Message::PubComp(msg_id)), Some(Event::Published));
}

#[test]
fn message_ids_go_on_behind_all_that_were_used_since_the_record_was_stored() {
    let mut node = with_session();
    let record = node.record();
    let mut last = 0;
    for _ in 0..200 {
        node.client.publish(Topic::Predefined(sn_client::TopicId(1)), b"", Qos::One, false).unwrap();
        let Message::Publish(publish) = node.sends() else { panic!("a PUBLISH") };
        last = publish.msg_id.0;
        node.hears_puback(1, MsgId(last), sn_client::ReturnCode::Accepted);
    }
    let mut restarted = Node::new(Config::new("node7"));
    assert!(restarted.client.restore(&record));
    restarted.client.connect(false);
    restarted.sends();
    restarted.hears(CONNACK);
    restarted.client.publish(Topic::Predefined(sn_client::TopicId(1)), b"", Qos::One, false).unwrap();
    let Message::Publish(publish) = restarted.sends() else { panic!("a PUBLISH") };
    assert!(publish.msg_id.0.wrapping_sub(last) <= 512, "{} after {last}", publish.msg_id.0);
    let changes = (record != node.record()) as u32;
    assert!(changes <= 1, "flash is not written for every message");
}

#[test]
fn a_torn_record_is_none() {
    let mut node = with_session();
    node.subscribes("down", 5);
    node.client.publish(Topic::Name("up"), b"21.5", Qos::Two, false).unwrap();
    let record = node.record();
    let is_good = |record: &[u8]| Client::<'_, 64, 64>::new(Config::new("node7")).restore(record);
    assert!(is_good(&record));
    assert!(is_good(&[&record[..], &[0xFF; 9]].concat()), "what is behind it does not matter");
    for len in 0..record.len() {
        assert!(!is_good(&record[..len]), "{len} octets of {}", record.len());
    }
    for at in 0..record.len() {
        for bit in 0..8 {
            let mut torn = record.clone();
            torn[at] ^= 1 << bit;
            assert!(!is_good(&torn), "bit {bit} of octet {at}");
        }
    }
}

#[test]
fn a_bad_record_leaves_nothing_behind() {
    let mut node = with_session();
    node.client.publish(Topic::Name("up"), b"21.5", Qos::Two, false).unwrap();
    let mut record = node.record();
    *record.last_mut().unwrap() ^= 1;
    let mut client = Client::<'_, 64, 64>::new(Config::new("node7"));
    assert!(!client.restore(&record));
    assert!(!client.is_busy() && !client.awaits_release());
}

#[test]
fn a_record_of_a_client_with_more_room_is_none() {
    let mut node = with_session();
    node.subscribes("a-topic-of-some-length", 5);
    assert!(!Client::<'_, 64, 16>::new(Config::new("node7")).restore(&node.record()));
    for msg_id in 1..=3 {
        node.hears(publish(Qos::Two, 5, msg_id, b"x"));
    }
    assert!(!Client::<'_, 64, 64, 2>::new(Config::new("node7")).restore(&node.record()));
}

#[test]
fn a_clean_session_leaves_no_ids() {
    let mut node = Node::connected();
    node.subscribes("down", 5);
    assert_eq!(node.record().len(), 12);
}

#[test]
fn the_longest_record_fits() {
    let mut node = with_session();
    for id in 0..8 {
        node.subscribes(&format!("topic{id}"), 5 + id);
        node.hears(publish(Qos::Two, 5 + id, id + 1, b"x"));
        node.sends();
    }
    node.client.publish(Topic::Name("up"), &[b'x'; 62], Qos::Two, false).unwrap();
    assert_eq!(RECORD_LEN, 6 + 64 + 2 + 64 + 10 + 64 + 4);
    assert!(node.record().len() > RECORD_LEN - 12);
    assert_eq!(node.client.save(&mut [0; 100]), None);
}

#[test]
fn a_roaming_node_goes_on_at_the_gateway_where_it_was() {
    let configured = || {
        let mut client = RoamingClient::<'_, [u8; 8], 64, 64, 2>::new(Config::new("node7"), None);
        assert!(client.add_gateway([1; 8]) && client.add_gateway([2; 8]));
        client
    };
    let mut client = configured();
    client.connect(false);
    let (now, mut buffer) = (sn_types::Instant::ZERO, [0; 128]);
    client.poll_output(now, &mut buffer).unwrap();
    client.handle_input(now, [1; 8], &[3, 5, 3]);
    client.poll_output(now, &mut buffer).unwrap();
    assert_eq!(client.handle_input(now, [2; 8], &[3, 5, 0]), Some(Event::Connected));
    let mut record = [0; RECORD_LEN];
    let len = client.save(&mut record).unwrap();

    let mut restarted = configured();
    assert!(restarted.restore(&record[..len]));
    assert_eq!(restarted.gateway().map(|known| known.address), Some([2; 8]));
    let mut elsewhere = RoamingClient::<'_, [u8; 8], 64, 64, 2>::new(Config::new("node7"), None);
    assert!(elsewhere.add_gateway([1; 8]));
    assert!(!elsewhere.restore(&record[..len]), "that gateway is not configured any more");
}
