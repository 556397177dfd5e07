//! A dialogue: octets that the client must send, and octets that the gateway sends.

use sn_client::{Client, Config, Event, Instant, Qos, Topic};
use std::time::Duration;

/// A client in the middle of a dialogue. `##` in octets is the message id of the client's last request.
pub(crate) struct Dialogue {
    pub(crate) client: Client<'static, 300, 64>,
    pub(crate) now: Instant,
    msg_id: [u8; 2],
}

/// A piece of what is written in a script.
enum Octet {
    This(u8),
    /// The two octets of a message id.
    MsgId,
}

/// `0B 0C 'text' ##`.
fn parse(script: &str) -> Vec<Octet> {
    let mut octets = Vec::new();
    for (number, part) in script.split('\'').enumerate() {
        if number % 2 == 1 {
            octets.extend(part.bytes().map(Octet::This));
            continue;
        }
        octets.extend(part.split_whitespace().map(|word| match word {
            "##" => Octet::MsgId,
            hex => Octet::This(u8::from_str_radix(hex, 16).expect("two hexadecimal digits")),
        }));
    }
    octets
}

impl Dialogue {
    pub(crate) fn new(config: Config<'static>) -> Self {
        Self { client: Client::new(config), now: Instant::ZERO, msg_id: [0; 2] }
    }

    /// Connected with a persistent session as `node7`, and reconnecting by itself.
    pub(crate) fn connected() -> Self {
        let mut dialogue = Self::new(Config { auto_reconnect: true, ..Config::new("node7") });
        dialogue.client.connect(false);
        dialogue.reconnects();
        dialogue
    }

    #[track_caller]
    pub(crate) fn reconnects(&mut self) {
        self.sends("0B 04 00 01 00 3C 'node7'");
        self.hears("03 05 00", "Connected");
    }

    /// The client sends exactly this, if need be after waiting.
    #[track_caller]
    pub(crate) fn sends(&mut self, script: &str) {
        let mut buffer = [0; 400];
        let datagram = loop {
            if let Some(sent) = self.client.poll_output(self.now, &mut buffer) {
                break sent.datagram.to_vec();
            }
            let due = self.client.poll_timeout().expect("the client has something to send");
            assert!(due > self.now, "the client has something to send, but does not");
            self.now = due;
            assert_eq!(self.client.handle_timeout(due), None, "instead of sending {script}");
        };
        let mut sent = datagram.iter();
        let mut wanted = Vec::new();
        for octet in parse(script) {
            match octet {
                Octet::This(octet) => {
                    sent.next();
                    wanted.push(octet);
                }
                Octet::MsgId => {
                    self.msg_id = [sent.next(), sent.next()].map(|octet| *octet.expect("a message id"));
                    wanted.extend(self.msg_id);
                }
            }
        }
        assert_eq!(hex(&datagram), hex(&wanted), "{script}");
    }

    /// The gateway sends this; the event that comes of it, as text.
    #[track_caller]
    pub(crate) fn hears(&mut self, script: &str, event: &str) {
        let mut datagram = Vec::new();
        for octet in parse(script) {
            match octet {
                Octet::This(octet) => datagram.push(octet),
                Octet::MsgId => datagram.extend(self.msg_id),
            }
        }
        self.hears_octets(&datagram, event);
    }

    #[track_caller]
    pub(crate) fn hears_octets(&mut self, datagram: &[u8], event: &str) {
        let heard = self.client.handle_input(self.now, datagram);
        assert_eq!(heard.as_ref().map(describe).unwrap_or_default(), event);
    }

    #[track_caller]
    pub(crate) fn is_silent(&mut self) {
        let sent = self.client.poll_output(self.now, &mut [0; 400]).map(|sent| hex(sent.datagram));
        assert_eq!(sent, None);
    }

    /// No answer comes, ever: what the client makes of it.
    #[track_caller]
    pub(crate) fn hears_nothing(&mut self, event: &str) {
        for _ in 0..20 {
            while self.client.poll_output(self.now, &mut [0; 400]).is_some() {}
            self.now = self.client.poll_timeout().expect("the client waits").max(self.now);
            if let Some(heard) = self.client.handle_timeout(self.now) {
                assert_eq!(describe(&heard), event);
                return;
            }
        }
        panic!("the client waits for ever");
    }

    pub(crate) fn passes(&mut self, duration: Duration) {
        self.now = self.now + duration;
    }

    /// Subscribed to this name under this id.
    #[track_caller]
    pub(crate) fn subscribes(&mut self, name: &str, id: u8) {
        self.client.subscribe(Topic::Name(name), Qos::Two).expect("it is connected and idle");
        self.sends(&format!("{:02X} 12 40 ## '{name}'", 5 + name.len()));
        self.hears(&format!("08 13 40 00 {id:02X} ## 00"), "Subscribed Two");
    }

    /// Asleep for 600 s.
    #[track_caller]
    pub(crate) fn sleeps(&mut self) {
        self.client.sleep(600.try_into().expect("not 0")).expect("it is connected and idle");
        self.sends("04 18 02 58");
        self.hears("02 18", "Asleep");
    }

    #[track_caller]
    pub(crate) fn wakes(&mut self) {
        self.client.wake().expect("it is asleep");
        self.sends("07 16 'node7'");
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X} ")).collect()
}

fn describe(event: &Event<'_>) -> String {
    match event {
        Event::Message(message) => {
            format!("{} = {}", message.topic.name().unwrap_or("?"), String::from_utf8_lossy(message.payload))
        }
        Event::Subscribed { granted } => format!("Subscribed {granted:?}"),
        Event::Asleep { drained: true } => "Asleep".to_owned(),
        Event::Asleep { drained: false } => "Asleep, not drained".to_owned(),
        Event::Lost(cause) => format!("Lost {cause:?}"),
        Event::Refused(code) => format!("Refused {code:?}"),
        Event::Rejected(code) => format!("Rejected {code:?}"),
        Event::Qos0Rejected(code) => format!("Qos0Rejected {code:?}"),
        Event::GatewayFound { gw_id, .. } => format!("Found {}", gw_id.0),
        Event::Connected
        | Event::Disconnected
        | Event::Published
        | Event::Unsubscribed
        | Event::WillUpdated
        | Event::Congested => format!("{event:?}"),
    }
}
