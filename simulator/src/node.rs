//! A node: the shipping client and an application, driven as the client's documentation says.

use crate::Ledger;
use crate::application::{Application, BODY, NodeClient};
use crate::ledger::ClientNo;
use crate::plan::NodePlan;
use sn_client::{Client, Config, Destination, State, Will};
use sn_types::Instant;

/// A datagram that a node sends.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) datagram: Vec<u8>,
    pub(crate) to: Destination,
}

/// A node in the world.
pub(crate) struct Node<'p> {
    client: NodeClient<'p>,
    application: Application<'p>,
    /// Its earliest look on the agenda.
    pub(crate) scheduled: Instant,
    /// Until then nothing gets through to it or from it.
    pub(crate) silent_until: Instant,
}

impl<'p> Node<'p> {
    pub(crate) fn new(number: ClientNo, plan: &'p NodePlan, seed: u32) -> Self {
        Self {
            client: client(plan, seed),
            application: Application::new(number, plan),
            scheduled: Instant::FAR_FUTURE,
            silent_until: Instant::ZERO,
        }
    }

    pub(crate) fn plan(&self) -> &'p NodePlan {
        self.application.plan()
    }

    /// The power fails, and comes back at `at`.
    pub(crate) fn reboot(&mut self, at: Instant, seed: u32, ledger: &mut Ledger) {
        self.client = client(self.plan(), seed);
        self.application.restart(at, ledger);
    }

    /// From now on it is connected, whatever its plan says.
    pub(crate) fn come_back(&mut self, now: Instant, ledger: &mut Ledger) -> Vec<Sent> {
        self.application.stay_connected();
        self.proceed(now, ledger)
    }

    /// A datagram arrives.
    pub(crate) fn hear(&mut self, now: Instant, datagram: &[u8], ledger: &mut Ledger) -> Vec<Sent> {
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
        let mut buffer = [0; BODY + 320];
        while let Some(transmit) = self.client.poll_output(now, &mut buffer) {
            sent.push(Sent { datagram: transmit.datagram.to_vec(), to: transmit.to });
        }
    }

    /// When to look at the node next.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        let request = self.application.next_request(&self.client);
        request.into_iter().chain(self.client.poll_timeout()).min()
    }

    /// Whether it has a connection, awake or asleep.
    pub(crate) fn is_connected(&self) -> bool {
        match self.client.state() {
            State::Active | State::Asleep | State::Awake => true,
            State::Disconnected | State::Connecting => false,
        }
    }

    /// Whether it is connected or was so before.
    pub(crate) fn was_connected(&self) -> bool {
        self.application.was_connected()
    }

    /// Whether its receiver is on: who sleeps has switched it off.
    pub(crate) fn listens(&self) -> bool {
        match self.client.state() {
            State::Asleep => self.client.is_busy(),
            State::Disconnected => self.application.starts_at().is_none(),
            State::Connecting | State::Active | State::Awake => true,
        }
    }

    /// Whether it has nothing left to do but to stay connected.
    pub(crate) fn is_settled(&self) -> bool {
        self.application.is_done() && (!self.client.is_busy() || self.client.state() == State::Disconnected)
    }
}

/// Its will's payload is its client id.
fn client(plan: &NodePlan, seed: u32) -> NodeClient<'_> {
    let message = plan.client_id.as_bytes();
    let will = plan.will.as_ref().map(|will| Will { topic: &will.topic, message, qos: will.qos, retain: false });
    let config = Config {
        auto_reconnect: plan.auto_reconnect,
        keep_alive_s: plan.keep_alive_s,
        will,
        // A world lasts for minutes.
        longest_pause_ms: Config::new("").t_wait_ms,
        seed,
        ..Config::new(&plan.client_id)
    };
    Client::new(config)
}
