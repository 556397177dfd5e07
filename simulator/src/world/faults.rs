//! What goes wrong.

use super::{Happening, World};
use crate::gateway::Armed;
use crate::ledger::Violation;
use crate::plan::{FaultKind, SWAP_TAKES};
use gateway_core::{ClientInfo, Via};
use sn_codec::{FrwdEncap, Message, decode};
use sn_types::PeerAddr;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often it is looked whether all gateways are on.
const SOON: Duration = Duration::from_secs(1);

impl World<'_> {
    pub(super) fn fault(&mut self, number: usize) {
        self.note(("fault", number));
        match &self.plan.faults[number].what {
            FaultKind::Crash { gateway, armed: true, commit, down } => {
                self.gateways[*gateway].armed = Some(Armed::Crash { commit: *commit, down: *down });
            }
            FaultKind::Crash { gateway, armed: false, commit, down } => {
                self.crash(*gateway, self.gateways[*gateway].life, *commit, *down);
            }
            FaultKind::DiskFull { gateway, lasts } => self.gateways[*gateway].fill(self.now + *lasts),
            FaultKind::DiskFails { gateway, commit, down } => {
                self.gateways[*gateway].armed = Some(Armed::Failure { commit: *commit, down: *down });
            }
            FaultKind::Silence { node, lasts } => {
                self.nodes[*node].silent_until = self.nodes[*node].silent_until.max(self.now + *lasts);
            }
            FaultKind::Reboot { node, down } => self.reboot(*node, self.now + *down),
            FaultKind::Move { node } => self.medium.as_medium_mut().readdress(*node),
            FaultKind::Swap { node, other } => {
                self.medium.as_medium_mut().swap_addresses(*node, *other);
                [*node, *other].into_iter().for_each(|node| self.reboot(node, self.now + SWAP_TAKES));
            }
            FaultKind::Cut { mqtt } => self.cut(*mqtt),
            FaultKind::Rude { gateway, stranger, datagram } => self.be_rude(*gateway, *stranger, datagram),
        }
    }

    /// A stranger's datagram changes nothing for anybody else, unless it takes over a session, as MQTT allows.
    fn be_rude(&mut self, gateway: usize, stranger: u32, datagram: &[u8]) {
        let from = Self::stranger_addr(stranger);
        let before = self.clients_of(gateway);
        self.inject(gateway, from, datagram);
        if opens_or_takes_over(datagram) {
            return;
        }
        let after = self.clients_of(gateway);
        let is_own =
            |client: &ClientInfo| matches!(client.via, Some(Via::Sn(at)) if PeerAddr { node: None, ..at } == from);
        for (client_id, before) in before.iter().filter(|(_, before)| !is_own(before)) {
            let is_same = after.get(client_id).is_some_and(|after| {
                (after.state, after.via, &after.rejects) == (before.state, before.via, &before.rejects)
            });
            if !is_same && self.ledger.client(client_id).is_some() {
                self.ledger.violated(Violation::DisturbedByStranger { client: client_id.clone() });
            }
        }
    }

    fn clients_of(&self, gateway: usize) -> BTreeMap<String, ClientInfo> {
        let clients = self.gateways[gateway].core().into_iter().flat_map(gateway_core::Core::clients);
        clients.map(|client| (client.client_id.to_string(), client)).collect()
    }

    /// Nothing goes wrong any more, and everybody comes back.
    pub(super) fn calm(&mut self) {
        self.gateways.iter_mut().for_each(|gateway| gateway.armed = None);
        if self.elsewhere.is_none() && self.gateways.iter().any(|gateway| gateway.core().is_none()) {
            return self.agenda.plan(self.now + SOON, Happening::Calm);
        }
        self.medium.as_medium_mut().calm();
        for node in 0..self.nodes.len() {
            self.nodes[node].silent_until = self.now;
            let sent = self.nodes[node].come_back(self.now, &mut self.ledger);
            self.transmit(node, sent);
        }
        let mqtt = if self.elsewhere.is_some() { 0 } else { self.mqtt.len() };
        for client in 0..mqtt {
            self.mqtt[client].come_back(self.now);
            self.schedule_mqtt(client);
        }
    }
}

/// CONNECT, with or without will, can take over a session of the same client id.
fn opens_or_takes_over(datagram: &[u8]) -> bool {
    let message = match decode(datagram) {
        Ok(Message::FrwdEncap(FrwdEncap { inner, .. })) => decode(inner).ok(),
        message => message.ok(),
    };
    matches!(message, Some(Message::Connect(_) | Message::WillTopic(_) | Message::WillMsg(_)))
}
