//! The loop around the client.

use crate::duties::Duties;
use crate::{Clock, Link, Settings};
use sn_client::{Client, Config, State};
use sn_types::Instant;

/// The longest datagram that the node sends or takes, in octets.
pub const MAX_DATAGRAM_LEN: usize = 256;

/// Octets for the topic and payload of one request.
const BODY_LEN: usize = 192;

/// Octets for topic names: the three of the settings, of average length.
const TOPICS_LEN: usize = 128;

pub(crate) type NodeClient<'a> = Client<'a, BODY_LEN, TOPICS_LEN>;

/// A node.
pub struct Node<'a> {
    client: NodeClient<'a>,
    duties: Duties<'a>,
    /// For one datagram, in or out.
    buffer: [u8; MAX_DATAGRAM_LEN],
}

impl<'a> Node<'a> {
    /// A node that has just been switched on.
    #[must_use]
    pub fn new(settings: Settings<'a>) -> Self {
        // Every wake begins with PINGREQ, so that it is known whether the gateway still has the topic ids.
        let config = Config { auto_reconnect: true, reuse_topic_ids: true, ..settings.client };
        Self { client: Client::new(config), duties: Duties::new(settings), buffer: [0; MAX_DATAGRAM_LEN] }
    }

    /// Where the connection stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.client.state()
    }

    /// Does what there is to do, forever.
    pub fn run(&mut self, link: &mut impl Link, clock: &mut impl Clock) -> ! {
        loop {
            let due = self.turn(clock.now(), link);
            clock.wait(due);
        }
    }

    /// Does what there is to do now. To be called again when something arrives, and at the time that it returns.
    pub fn turn(&mut self, now: Instant, link: &mut impl Link) -> Option<Instant> {
        while let Some(len) = link.receive(&mut self.buffer) {
            let datagram = self.buffer.get(..len).unwrap_or_default();
            if let Some(event) = self.client.handle_input(now, datagram) {
                self.duties.on_event(now, event);
            }
            self.flush(now, link);
        }
        if let Some(event) = self.client.handle_timeout(now) {
            self.duties.on_event(now, event);
        }
        self.duties.advance(now, &mut self.client);
        self.flush(now, link);
        let due = [self.client.poll_timeout(), self.duties.poll_timeout(&self.client)];
        due.into_iter().flatten().min()
    }

    fn flush(&mut self, now: Instant, link: &mut impl Link) {
        while let Some(transmit) = self.client.poll_output(now, &mut self.buffer) {
            link.send(transmit.datagram);
        }
    }
}
