//! tshark, an independent dissector, reads what the gateway and our clients send.

use interop::{Capture, Frame, Gateway, Node, mosquitto_pub, mosquitto_sub, sn_pub, sn_sub};
use sn_codec::{
    Connect, Disconnect, FrwdEncap, Message, MsgId, MsgType, PingReq, PubAck, Publish, Qos, RegAck, Register,
    ReturnCode, SearchGw, Subscribe, Topic, TopicFilter, TopicId, Unsubscribe, WillMsg, WillTopic,
};
use std::collections::BTreeSet;
use std::io::Write;
use std::net::UdpSocket;

#[test]
fn no_message_of_ours_is_malformed_and_every_type_is_recognised() {
    let group_port = free_port();
    let config = config(group_port);
    let gateway = Gateway::start_with(&["--config", &config.path().to_string_lossy()]);
    let capture = Capture::start(&[gateway.udp.port(), group_port]);

    let node = Node::new(&gateway);
    discovery(&node);
    will_dialogue(&node);
    publish_up(&node);
    subscribe_and_receive(&node, &gateway);
    sleep_and_leave(&node);
    through_a_forwarder(&gateway);
    the_command_line_clients(&gateway);
    capture.wait_for(MsgType::Advertise);

    let frames = capture.stop();
    assert_recognised(&frames);
    let seen: BTreeSet<MsgType> = frames.iter().flat_map(|frame| frame.msg_types.iter().copied()).collect();
    println!("{} frames: {}", frames.len(), names(&seen));
    assert_eq!(names(&seen), names(&BTreeSet::from(MsgType::ALL)));
}

#[test]
fn a_malformed_message_would_be_noticed() {
    let peer = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
    let addr = peer.local_addr().expect("it is bound");
    let capture = Capture::start(&[addr.port()]);
    Node::to(addr).send_octets(b"\x05\x04\x04\x01\x00");
    let frames = capture.stop();
    assert_eq!(frames.len(), 1, "{frames:?}");
    assert!(frames[0].malformed, "a CONNECT that ends in its Duration: {frames:?}");
}

fn assert_recognised(frames: &[Frame]) {
    for frame in frames {
        assert!(frame.protocols.contains("mqttsn"), "not recognised: {frame:?}");
        assert!(!frame.malformed, "malformed: {frame:?}");
        assert!(!frame.msg_types.is_empty(), "without a type: {frame:?}");
    }
}

fn names(msg_types: &BTreeSet<MsgType>) -> String {
    msg_types.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
    socket.local_addr().expect("it is bound").port()
}

/// A gateway that says ADVERTISE to a group on loopback, every second.
fn config(group_port: u16) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("there is room in the temporary directory");
    write!(
        file,
        "[timing]\nt_adv_s = 1\n[predefined]\n16 = \"sensor/16\"\n[[transport]]\nkind = \"udp\"\n\
         listen = \"127.0.0.1:0\"\nmulticast = \"225.1.1.1:{group_port}\"\nmulticast_interface = \"lo\"\n"
    )
    .expect("there is room in the temporary directory");
    file
}

fn discovery(node: &Node) {
    node.ask(Message::SearchGw(SearchGw { radius: 1 }), MsgType::GwInfo);
}

/// CONNECT with a will, and the will changed. (It is not deleted: tshark takes a WILLTOPICUPD without topic for malformed,
/// which 1.2 §5.4.22 allows.)
fn will_dialogue(node: &Node) {
    let will = WillTopic { qos: Qos::One, retain: true, topic: "w/node" };
    let message = WillMsg { message: b"gone" };
    node.ask(connect("node", true), MsgType::WillTopicReq);
    node.ask(Message::WillTopic(Some(will)), MsgType::WillMsgReq);
    node.ask(Message::WillMsg(message), MsgType::ConnAck);
    node.ask(Message::WillTopicUpd(Some(will)), MsgType::WillTopicResp);
    node.ask(Message::WillMsgUpd(message), MsgType::WillMsgResp);
}

fn connect(client_id: &str, will: bool) -> Message<'_> {
    Message::Connect(Connect { will, clean_session: true, protocol_id: 1, duration_s: 60, client_id })
}

fn publish_up(node: &Node) {
    let register = Register { topic_id: TopicId(0), msg_id: MsgId(1), topic_name: "up/1" };
    node.send(Message::Register(register));
    let topic_id = node.expect(MsgType::RegAck, |message| match message {
        Message::RegAck(ack) => ack.topic_id,
        other => unreachable!("{other:?} has another type"),
    });
    let long = [b'x'; 300];
    let publish = |qos, topic, msg_id, data| {
        Message::Publish(Publish { dup: false, qos, retain: false, topic, msg_id: MsgId(msg_id), data })
    };
    node.send(publish(Qos::MinusOne, Topic::Predefined(TopicId(16)), 0, b"-1"));
    node.send(publish(Qos::Zero, Topic::Normal(topic_id), 0, b""));
    node.ask(publish(Qos::One, Topic::Normal(topic_id), 2, &long), MsgType::PubAck);
    node.ask(publish(Qos::One, Topic::Normal(TopicId(999)), 3, b"?"), MsgType::PubAck);
    node.ask(publish(Qos::Two, Topic::Predefined(TopicId(16)), 4, b"2"), MsgType::PubRec);
    node.ask(Message::PubRel(MsgId(4)), MsgType::PubComp);
}

/// Subscriptions of each kind, a message down at each QoS, and the end of a subscription.
fn subscribe_and_receive(node: &Node, gateway: &Gateway) {
    let kinds = [TopicFilter::Name("down/#"), TopicFilter::Predefined(TopicId(16)), TopicFilter::Short(short("tt"))];
    for (msg_id, topic) in (5..).map(MsgId).zip(kinds) {
        node.ask(Message::Subscribe(Subscribe { qos: Qos::Two, msg_id, topic }), MsgType::SubAck);
    }
    mosquitto_pub(gateway, &["-t", "down/1", "-q", "0", "-m", "zero"]);
    accept_registration(node);
    node.expect(MsgType::Publish, |_| ());
    mosquitto_pub(gateway, &["-t", "tt", "-q", "1", "-m", "one"]);
    acknowledge(node);
    let two = ["-t", "down/1", "-q", "2", "-m", "two"];
    std::thread::scope(|scope| {
        scope.spawn(|| mosquitto_pub(gateway, &two));
        let msg_id = publish_msg_id(node);
        node.ask(Message::PubRec(msg_id), MsgType::PubRel);
        node.send(Message::PubComp(msg_id));
    });
    let unsubscribe = Unsubscribe { msg_id: MsgId(8), topic: kinds[0] };
    node.ask(Message::Unsubscribe(unsubscribe), MsgType::UnsubAck);
}

fn short(name: &str) -> sn_codec::ShortName {
    sn_codec::ShortName::new(name).expect("two octets")
}

fn accept_registration(node: &Node) {
    let (topic_id, msg_id) = node.expect(MsgType::Register, |message| match message {
        Message::Register(register) => (register.topic_id, register.msg_id),
        other => unreachable!("{other:?} has another type"),
    });
    node.send(Message::RegAck(RegAck { topic_id, msg_id, return_code: ReturnCode::Accepted }));
}

fn acknowledge(node: &Node) {
    let (topic_id, msg_id) = node.expect(MsgType::Publish, |message| match message {
        Message::Publish(publish) => (publish.topic.id_field(), publish.msg_id),
        other => unreachable!("{other:?} has another type"),
    });
    node.send(Message::PubAck(PubAck { topic_id, msg_id, return_code: ReturnCode::Accepted }));
}

fn publish_msg_id(node: &Node) -> MsgId {
    node.expect(MsgType::Publish, |message| match message {
        Message::Publish(publish) => publish.msg_id,
        other => unreachable!("{other:?} has another type"),
    })
}

fn sleep_and_leave(node: &Node) {
    node.ask(Message::PingReq(PingReq { client_id: None }), MsgType::PingResp);
    node.ask(Message::Disconnect(Disconnect { duration_s: Some(60) }), MsgType::Disconnect);
    node.ask(Message::PingReq(PingReq { client_id: Some("node") }), MsgType::PingResp);
    node.ask(Message::Disconnect(Disconnect { duration_s: None }), MsgType::Disconnect);
}

/// CONNECT behind a forwarder: the answer comes back through it.
fn through_a_forwarder(gateway: &Gateway) {
    let forwarder = Node::new(gateway);
    let mut inner = [0; 64];
    let len = connect("far", false).encode(&mut inner).expect("it is short");
    let encap = FrwdEncap { radius: 1, node_id: &[0xAA, 0xBB], inner: &inner[..len] };
    forwarder.ask(Message::FrwdEncap(encap), MsgType::FrwdEncap);
}

fn the_command_line_clients(gateway: &Gateway) {
    let mut watcher = mosquitto_sub(gateway, &["-t", "tool/#", "-q", "2"]);
    watcher.expect("Subscribed");
    let mut subscriber = sn_sub(gateway, &["-t", "tool/#", "-q", "2", "--will-topic", "w", "--will-payload", "gone"]);
    subscriber.expect("SUBACK");
    for qos in ["0", "1", "2"] {
        sn_pub(gateway, &["-t", &format!("tool/{qos}"), "-q", qos, "-m", "x"]);
        watcher.expect("got tool/");
        subscriber.expect("tool/");
    }
    sn_pub(gateway, &["--predefined", "16", "-q", "-1", "-m", "x"]);
}
