//! A client and the time it lives in; the test plays the gateway.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use sn_client::{Client, Config, Destination, Event, Qos, ReturnCode, Topic, TopicId};
use sn_codec::{Message, MsgId, PubAck, Publish, RegAck, Register, SubAck, Topic as WireTopic};
use sn_types::Instant;
use std::time::Duration;

pub const T_RETRY: Duration = Duration::from_secs(10);
pub const CONNACK: Message<'static> = Message::ConnAck(sn_codec::ConnAck { return_code: ReturnCode::Accepted });
pub const DISCONNECT: Message<'static> = Message::Disconnect(sn_codec::Disconnect { duration_s: None });
pub const PINGREQ: Message<'static> = Message::PingReq(sn_codec::PingReq { client_id: None });

pub struct Node {
    pub client: Client<'static, 64, 64>,
    pub now: Instant,
    buffer: [u8; 128],
}

impl Node {
    pub fn new(config: Config<'static>) -> Self {
        Self { client: Client::new(config), now: Instant::ZERO, buffer: [0; 128] }
    }

    /// Connected with a clean session and default settings.
    pub fn connected() -> Self {
        Self::connected_with(Config::new("node7"))
    }

    pub fn connected_with(config: Config<'static>) -> Self {
        Self::in_session(config, true)
    }

    /// Connected, with a session that outlives the connection.
    #[allow(dead_code, reason = "not every test file resumes sessions")]
    pub fn with_session(config: Config<'static>) -> Self {
        Self::in_session(config, false)
    }

    fn in_session(config: Config<'static>, clean: bool) -> Self {
        let mut node = Self::new(config);
        node.client.connect(clean);
        assert!(matches!(node.sends(), Message::Connect(_)));
        assert_eq!(node.hears(CONNACK), Some(Event::Connected));
        node
    }

    /// The next message the client sends to the gateway.
    pub fn sends(&mut self) -> Message<'_> {
        let sent = self.client.poll_output(self.now, &mut self.buffer).expect("the client sends something");
        assert_eq!(sent.to, Destination::Gateway);
        sn_codec::decode(sent.datagram).expect("what the client sends is well formed")
    }

    pub fn sends_octets(&mut self) -> Vec<u8> {
        let sent = self.client.poll_output(self.now, &mut self.buffer).expect("the client sends something");
        sent.datagram.to_vec()
    }

    pub fn is_silent(&mut self) -> bool {
        self.client.poll_output(self.now, &mut self.buffer).is_none()
    }

    /// A message arrives from the gateway.
    pub fn hears(&mut self, message: Message<'_>) -> Option<Event<'_>> {
        let len = message.encode(&mut self.buffer).expect("the test's message is well formed");
        self.client.handle_input(self.now, &self.buffer[..len])
    }

    pub fn hears_octets<'m>(&'m mut self, datagram: &'m [u8]) -> Option<Event<'m>> {
        self.client.handle_input(self.now, datagram)
    }

    /// Time passes until the client wants to be called.
    pub fn waits(&mut self) -> Option<Event<'static>> {
        self.now = self.client.poll_timeout().expect("the client waits for something").max(self.now);
        self.client.handle_timeout(self.now)
    }

    /// Time passes without a call in between being due.
    pub fn passes(&mut self, duration: Duration) {
        let then = self.now + duration;
        if let Some(due) = self.client.poll_timeout() {
            assert!(due > then, "the client wanted to be called at {due}, before {then}");
        }
        self.now = then;
    }

    /// Asserts that the message is repeated `n_retry` times at the retry interval and that the client then gives up.
    pub fn repeats_then_gives_up(&mut self, n_retry: u8, is_repeated: impl Fn(&Message<'_>) -> bool) -> Event<'static> {
        for _ in 0..n_retry {
            let sent_at = self.now;
            assert_eq!(self.waits(), None);
            let pause = self.now - sent_at;
            assert!((T_RETRY..=T_RETRY * 5 / 4).contains(&pause), "repeated after {pause:?}");
            let message = self.sends();
            assert!(is_repeated(&message), "unexpected {message:?}");
            assert!(self.is_silent());
        }
        self.waits().expect("the client gives up")
    }

    /// The REGISTER is answered with this id.
    pub fn registers(&mut self, name: &str, id: u16) {
        let Message::Register(Register { topic_id: TopicId(0), msg_id, topic_name }) = self.sends() else {
            panic!("a REGISTER is due")
        };
        assert_eq!(topic_name, name);
        let (topic_id, return_code) = (TopicId(id), ReturnCode::Accepted);
        assert_eq!(self.hears(Message::RegAck(RegAck { topic_id, msg_id, return_code })), None);
    }

    /// The PUBLISH's message id, asserting the rest.
    pub fn sends_publish(&mut self, dup: bool, qos: Qos, topic: WireTopic<'_>, data: &[u8]) -> MsgId {
        let Message::Publish(publish) = self.sends() else { panic!("a PUBLISH is due") };
        let msg_id = publish.msg_id;
        assert_eq!(publish, Publish { dup, qos, retain: false, topic, msg_id, data });
        msg_id
    }

    pub fn hears_puback(&mut self, id: u16, msg_id: MsgId, return_code: ReturnCode) -> Option<Event<'_>> {
        self.hears(Message::PubAck(PubAck { topic_id: TopicId(id), msg_id, return_code }))
    }

    /// Subscribes to `name`, which gets this id.
    pub fn subscribes(&mut self, name: &str, id: u16) {
        self.client.subscribe(Topic::Name(name), Qos::Two).unwrap();
        let Message::Subscribe(subscribe) = self.sends() else { panic!("a SUBSCRIBE is due") };
        let msg_id = subscribe.msg_id;
        let (qos, return_code) = (Qos::Two, ReturnCode::Accepted);
        let ack = SubAck { qos, topic_id: TopicId(id), msg_id, return_code };
        assert_eq!(self.hears(Message::SubAck(ack)), Some(Event::Subscribed { granted: Qos::Two }));
    }

    pub fn falls_asleep(&mut self, duration_s: u16) {
        self.client.sleep(duration_s.try_into().unwrap()).unwrap();
        assert_eq!(self.sends(), Message::Disconnect(sn_codec::Disconnect { duration_s: Some(duration_s) }));
        assert_eq!(self.hears(DISCONNECT), Some(Event::Asleep { drained: true }));
    }
}

/// A message on a normal topic id from the gateway.
pub fn publish(qos: Qos, id: u16, msg_id: u16, data: &[u8]) -> Message<'_> {
    let topic = WireTopic::Normal(TopicId(id));
    Message::Publish(Publish { dup: false, qos, retain: false, topic, msg_id: MsgId(msg_id), data })
}

pub fn puback(id: u16, msg_id: u16, return_code: ReturnCode) -> Message<'static> {
    Message::PubAck(PubAck { topic_id: TopicId(id), msg_id: MsgId(msg_id), return_code })
}
