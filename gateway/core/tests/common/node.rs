//! A real node (`sn_client`) and the gateway, over a link that loses or doubles what the test wants.

use super::{Rig, port};
use sn_client::{Cause, Client, Config, Event, Topic};
use sn_codec::{MsgType, decode};
use sn_types::{Instant, PeerAddr};
use std::time::Duration;

/// A node with room for the topics and payloads of the tests.
pub(crate) type Node = Client<'static, 128, 256>;

/// Where the node is.
pub(crate) const NODE: PeerAddr = port(1);

/// The gateway, one node, and the link between them.
pub(crate) struct Wire<L> {
    pub(crate) rig: Rig,
    pub(crate) node: Node,
    /// How many copies arrive of the datagram with this number, counted over both directions.
    copies: L,
    /// Every datagram that was sent, in order.
    pub(crate) crossed: Vec<MsgType>,
    /// Messages that the node was given: `down/1 'x'`.
    pub(crate) messages: Vec<String>,
    /// What else the node was told.
    pub(crate) told: Vec<Event<'static>>,
    /// How often it lost its connection.
    pub(crate) losses: usize,
}

impl<L: FnMut(usize) -> usize> Wire<L> {
    pub(crate) fn new(rig: Rig, config: Config<'static>, copies: L) -> Self {
        let node = Client::new(config);
        Self { rig, node, copies, crossed: Vec::new(), messages: Vec::new(), told: Vec::new(), losses: 0 }
    }

    /// Lets time pass until `done`.
    ///
    /// Panics when nothing will happen any more, or after a day.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let give_up = self.rig.now + Duration::from_secs(86_400);
        self.carry();
        while !done(self) {
            let next = self.next_timeout().filter(|next| *next < give_up);
            let Some(next) = next else { panic!("{what}: never, after {:?} and {:?}", self.told, self.messages) };
            self.rig.wait(next - self.rig.now);
            if let Some(event) = self.node.handle_timeout(self.rig.now) {
                self.tell(event);
            }
            self.carry();
        }
    }

    /// Lets time pass until the node has been told of something, and forgets what it was told before.
    #[track_caller]
    pub(crate) fn until_told(&mut self, wanted: Event<'static>) {
        self.until(&format!("{wanted:?}"), |wire| wire.told.contains(&wanted));
        self.told.clear();
    }

    fn next_timeout(&self) -> Option<Instant> {
        let next = self.node.poll_timeout().into_iter().chain(self.rig.core.poll_timeout()).min()?;
        Some(next.max(self.rig.now))
    }

    /// Carries datagrams until both sides are silent.
    fn carry(&mut self) {
        loop {
            self.carry_up();
            let down = self.rig.heard_octets(NODE);
            if down.is_empty() {
                return;
            }
            for datagram in down {
                for _ in 0..self.arrivals(&datagram) {
                    self.carry_down(&datagram);
                    self.carry_up();
                }
            }
        }
    }

    fn carry_up(&mut self) {
        let mut buffer = [0; 256];
        while let Some(sent) = self.node.poll_output(self.rig.now, &mut buffer) {
            let datagram = sent.datagram.to_vec();
            for _ in 0..self.arrivals(&datagram) {
                self.rig.send_octets(NODE, &datagram);
            }
        }
    }

    fn carry_down(&mut self, datagram: &[u8]) {
        let told = match self.node.handle_input(self.rig.now, datagram) {
            Some(Event::Message(received)) => {
                let Topic::Name(name) = received.topic else { panic!("not by name: {received:?}") };
                self.messages.push(format!("{name} '{}'", String::from_utf8_lossy(received.payload)));
                None
            }
            Some(Event::GatewayFound { .. }) | None => None,
            Some(Event::Connected) => Some(Event::Connected),
            Some(Event::Refused(code)) => Some(Event::Refused(code)),
            Some(Event::Disconnected) => Some(Event::Disconnected),
            Some(Event::Lost(cause)) => Some(Event::Lost(cause)),
            Some(Event::Asleep { drained }) => Some(Event::Asleep { drained }),
            Some(Event::Published) => Some(Event::Published),
            Some(Event::Subscribed { granted }) => Some(Event::Subscribed { granted }),
            Some(Event::Unsubscribed) => Some(Event::Unsubscribed),
            Some(Event::WillUpdated) => Some(Event::WillUpdated),
            Some(Event::Rejected(code)) => Some(Event::Rejected(code)),
            Some(Event::Qos0Rejected(code)) => Some(Event::Qos0Rejected(code)),
            Some(Event::Congested) => Some(Event::Congested),
        };
        if let Some(event) = told {
            self.tell(event);
        }
    }

    fn tell(&mut self, event: Event<'static>) {
        self.losses += usize::from(matches!(event, Event::Lost(Cause::NoAnswer | Cause::ByGateway)));
        self.told.push(event);
    }

    fn arrivals(&mut self, datagram: &[u8]) -> usize {
        let message = decode(datagram).expect("both sides send well-formed messages");
        let number = self.crossed.len();
        self.crossed.push(message.msg_type());
        (self.copies)(number)
    }

    /// How often the node was given a message.
    pub(crate) fn times(&self, message: &str) -> usize {
        self.messages.iter().filter(|known| *known == message).count()
    }
}
