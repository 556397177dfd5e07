//! Gateways: what they take in and carry out, their disks, and their ends.

use super::{Effects, Happening, World};
use crate::gateway::{Armed, LAST_WORDS};
use crate::ledger::Violation;
use crate::medium::Downlink;
use crate::plan::Fate;
use crate::watch::check_limits;
use gateway_core::{CommitToken, Input, Output, Record};
use sn_types::{Instant, PeerAddr};
use std::time::Duration;

impl World<'_> {
    /// A datagram from anybody reaches a gateway now.
    pub fn inject(&mut self, gateway: usize, from: PeerAddr, datagram: &[u8]) -> Effects {
        let Some(core) = self.gateways[gateway].core_mut() else { return Effects::default() };
        core.handle_input(self.now, Input::Datagram { from, bytes: datagram });
        self.note((from, datagram));
        if let Some(recording) = &mut self.recording {
            recording.push(datagram.to_vec());
        }
        self.carry_out(gateway)
    }

    /// The medium brings a node's datagram. What strangers say of themselves is not believed.
    pub(super) fn hear_at_gateway(&mut self, gateway: usize, from: PeerAddr, datagram: &[u8]) {
        if let Some(elsewhere) = &mut self.elsewhere {
            return elsewhere.send(from.link, datagram);
        }
        if self.gateways[gateway].core().is_some() {
            self.watches[gateway].input(self.now, from, datagram, &self.ledger);
        }
        self.inject(gateway, from, datagram);
    }

    pub(super) fn look_at_gateway(&mut self, gateway: usize) {
        if self.gateways[gateway].scheduled != self.now {
            return;
        }
        self.gateways[gateway].scheduled = Instant::FAR_FUTURE;
        let Some(core) = self.gateways[gateway].core_mut() else { return };
        core.handle_timeout(self.now);
        let next = core.poll_timeout();
        assert!(next.is_none_or(|next| next > self.now), "gateway {gateway} wants to be looked at for ever");
        self.carry_out(gateway);
    }

    /// Carries out what a gateway wants.
    pub(super) fn carry_out(&mut self, gateway: usize) -> Effects {
        let mut effects = Effects::default();
        while let Some(output) = self.gateways[gateway].core_mut().and_then(gateway_core::Core::poll_output) {
            self.carry_out_one(gateway, output, &mut effects);
        }
        if let Some(core) = self.gateways[gateway].core() {
            check_limits(core, self.gateways[gateway].plan(), &mut self.ledger);
        }
        self.schedule_gateway(gateway);
        effects
    }

    fn carry_out_one(&mut self, gateway: usize, output: Output, effects: &mut Effects) {
        match output {
            Output::Send { to, datagram } => {
                effects.sent_to.push(to);
                self.watches[gateway].output(to, &datagram, self.gateways[gateway].life, &mut self.ledger);
                self.medium.as_medium_mut().send_down(self.now, gateway, Downlink::Peer(to.link), &datagram);
            }
            Output::Broadcast { radius, datagram, .. } => {
                self.medium.as_medium_mut().send_down(self.now, gateway, Downlink::Everyone { radius }, &datagram);
            }
            Output::Mqtt { conn, packet } => self.send_to_mqtt(gateway, conn, packet),
            Output::MqttClose { conn, .. } => self.close_mqtt(gateway, conn),
            // What these clients send while nobody reads fits the buffers of their connections.
            Output::MqttRead { .. } | Output::Upstream { .. } => {}
            // No medium here secures its frames.
            Output::Counters { .. } => {}
            Output::Commit { token, records } => self.commit(gateway, token, records),
            Output::Event(event) => {
                self.trace.print(&event);
                let started_at = self.gateways[gateway].started_at;
                self.watches[gateway].event(self.now, started_at, &event, &mut self.ledger);
                effects.events.push(event);
            }
        }
    }

    fn schedule_gateway(&mut self, number: usize) {
        let gateway = &mut self.gateways[number];
        let Some(next) = gateway.core().and_then(gateway_core::Core::poll_timeout) else { return };
        if next < gateway.scheduled {
            gateway.scheduled = next;
            self.agenda.plan(next, Happening::Gateway(number));
        }
    }

    /// Begins a commit, or the disaster that has waited for it.
    fn commit(&mut self, gateway: usize, token: CommitToken, records: Vec<Record>) {
        self.gateways[gateway].write(token, records);
        let takes = self.within(self.gateways[gateway].plan().commit_us);
        let life = self.gateways[gateway].life;
        let (after, happening) = match self.gateways[gateway].armed.take() {
            None => (takes, Happening::Committed { gateway, life }),
            Some(Armed::Crash { commit, down }) => (takes / 2, Happening::Crash { gateway, life, commit, down }),
            Some(Armed::Failure { commit, down }) => (takes, Happening::DiskFails { gateway, life, commit, down }),
        };
        self.agenda.plan(self.now + after, happening);
    }

    pub(super) fn commit_due(&mut self, gateway: usize, life: u32) {
        if self.gateways[gateway].life != life {
            return;
        }
        if let Some(again_at) = self.gateways[gateway].finish_commit(self.now) {
            self.agenda.plan(again_at, Happening::Committed { gateway, life });
        }
        self.carry_out(gateway);
    }

    /// The process ends as if its power had failed; its MQTT connections break.
    pub(super) fn crash(&mut self, gateway: usize, life: u32, commit: Fate, down: Duration) {
        if self.gateways[gateway].life != life || self.gateways[gateway].core().is_none() {
            return;
        }
        self.note(("crash", gateway));
        if let Some(core) = self.gateways[gateway].core() {
            self.history.crashed(self.now, gateway, core.stats());
        }
        self.gateways[gateway].crash(commit);
        for client in 0..self.mqtt.len() {
            if self.mqtt[client].plan().gateway == gateway {
                self.mqtt[client].closed(self.now);
                self.schedule_mqtt(client);
            }
        }
        self.agenda.plan(self.now + down, Happening::Start(gateway));
    }

    /// The gateway promises nothing any more, and ends a moment later.
    pub(super) fn disk_fails(&mut self, gateway: usize, life: u32, commit: Fate, down: Duration) {
        if self.gateways[gateway].life != life {
            return;
        }
        self.gateways[gateway].fail(self.now);
        self.carry_out(gateway);
        self.agenda.plan(self.now + LAST_WORDS, Happening::Crash { gateway, life, commit, down });
    }

    pub(super) fn start_gateway(&mut self, gateway: usize) {
        self.note(("start", gateway));
        self.watches[gateway].restarted();
        self.history.started(self.now, gateway);
        let started = self.gateways[gateway].start(self.now);
        let again = started.and_then(|()| self.gateways[gateway].reads_the_same_again(self.now));
        match again {
            Ok(true) => {}
            Ok(false) => self.ledger.violated(Violation::RestoredDifferently),
            Err(why) => self.ledger.violated(Violation::NotRestored { why }),
        }
        self.carry_out(gateway);
    }
}
