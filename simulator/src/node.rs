//! A node: the shipping client and an application, driven as the client's documentation says.

use crate::application::{Application, BODY, TOPICS};
use crate::{Ledger, NodePlan};
use sn_client::{Client, Config, Destination, State};
use sn_types::Instant;

/// A datagram that a node sends.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) datagram: Vec<u8>,
    pub(crate) to: Destination,
}

/// A node in the world.
pub(crate) struct Node<'p> {
    client: Client<'p, BODY, TOPICS>,
    application: Application<'p>,
    /// Its earliest look on the agenda.
    pub(crate) scheduled: Instant,
}

impl<'p> Node<'p> {
    pub(crate) fn new(number: usize, plan: &'p NodePlan, seed: u32) -> Self {
        let config = Config { auto_reconnect: plan.auto_reconnect, seed, ..Config::new(&plan.client_id) };
        Self {
            client: Client::new(config),
            application: Application::new(number, plan),
            scheduled: Instant::FAR_FUTURE,
        }
    }

    pub(crate) fn client_id(&self) -> &str {
        self.application.client_id()
    }

    /// A datagram arrives. Who sleeps has switched the radio off.
    pub(crate) fn hear(&mut self, now: Instant, datagram: &[u8], ledger: &mut Ledger) -> Vec<Sent> {
        if self.client.state() == State::Asleep && !self.client.is_busy() {
            return Vec::new();
        }
        if let Some(event) = self.client.handle_input(now, datagram) {
            self.application.note(now, event, ledger);
        }
        self.proceed(now, ledger)
    }

    /// Time has passed.
    pub(crate) fn look(&mut self, now: Instant, ledger: &mut Ledger) -> Vec<Sent> {
        self.scheduled = Instant::FAR_FUTURE;
        if let Some(event) = self.client.handle_timeout(now) {
            self.application.note(now, event, ledger);
        }
        self.proceed(now, ledger)
    }

    /// Sends what there is to send and asks for what is next, until there is nothing more to do now.
    fn proceed(&mut self, now: Instant, ledger: &mut Ledger) -> Vec<Sent> {
        let mut sent = Vec::new();
        loop {
            self.poll_output(now, &mut sent);
            match self.application.request(now, &mut self.client, ledger) {
                Ok(true) => {}
                Ok(false) => return sent,
                Err(error) => panic!("the client refuses what it is ready for: {error}"),
            }
        }
    }

    fn poll_output(&mut self, now: Instant, sent: &mut Vec<Sent>) {
        // `BODY`, the longest header and the client id.
        let mut buffer = [0; 512];
        while let Some(transmit) = self.client.poll_output(now, &mut buffer) {
            sent.push(Sent { datagram: transmit.datagram.to_vec(), to: transmit.to });
        }
    }

    /// When to look at the node next.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        let request = self.application.next_request(&self.client).filter(|_| !self.client.is_busy());
        request.into_iter().chain(self.client.poll_timeout()).min()
    }

    /// Whether it has nothing left to do but to stay connected.
    pub(crate) fn is_settled(&self) -> bool {
        self.application.is_done() && !self.client.is_busy()
    }
}
