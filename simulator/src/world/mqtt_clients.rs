//! MQTT clients: their connections and packets. TCP loses nothing and keeps the order, unless it breaks.

use super::{Happening, World};
use crate::mqtt::MqttLink;
use gateway_core::mqtt::Packet;
use gateway_core::{ConnId, Input};
use sn_types::Instant;
use std::time::Duration;

/// How long a packet takes, either way.
const DELAY: Duration = Duration::from_millis(1);

impl World<'_> {
    pub(super) fn look_at_mqtt(&mut self, client: usize) {
        if self.mqtt[client].scheduled != self.now {
            return;
        }
        self.note(("mqtt", client));
        self.mqtt[client].scheduled = Instant::FAR_FUTURE;
        match self.mqtt[client].link() {
            MqttLink::Off(_) => self.connect_mqtt(client),
            MqttLink::Idle | MqttLink::Connecting(_) | MqttLink::On(_) => {
                let conn = self.mqtt[client].conn();
                let packets = self.mqtt[client].look(self.now, &mut self.ledger);
                packets.into_iter().for_each(|packet| self.send_to_gateway(client, conn, packet));
            }
        }
        self.schedule_mqtt(client);
    }

    /// Connects, if there is somebody to connect to.
    fn connect_mqtt(&mut self, client: usize) {
        let gateway = self.mqtt[client].plan().gateway;
        self.conns += 1;
        let conn = ConnId(self.conns);
        let connect = self.mqtt[client].connect(conn);
        match self.gateways[gateway].core() {
            Some(_) => self.send_to_gateway(client, Some(conn), connect),
            None => self.mqtt[client].closed(self.now),
        }
    }

    fn send_to_gateway(&mut self, client: usize, conn: Option<ConnId>, packet: Packet) {
        let Some(conn) = conn else { return };
        let gateway = self.mqtt[client].plan().gateway;
        let life = self.gateways[gateway].life;
        self.agenda.plan(self.now + DELAY, Happening::PacketUp { gateway, life, conn, packet });
    }

    pub(super) fn packet_up(&mut self, gateway: usize, life: u32, conn: ConnId, packet: Packet) {
        if self.gateways[gateway].life != life {
            return;
        }
        let Some(core) = self.gateways[gateway].core_mut() else { return };
        core.handle_input(self.now, Input::Mqtt { conn, packet });
        self.carry_out(gateway);
    }

    /// Whose connection it is, if it still is.
    pub(super) fn client_on(&self, gateway: usize, conn: ConnId) -> Option<usize> {
        self.mqtt.iter().position(|client| client.plan().gateway == gateway && client.conn() == Some(conn))
    }

    pub(super) fn send_to_mqtt(&mut self, gateway: usize, conn: ConnId, packet: Packet) {
        if let Some(client) = self.client_on(gateway, conn) {
            self.agenda.plan(self.now + DELAY, Happening::PacketDown { client, conn, packet });
        }
    }

    pub(super) fn packet_down(&mut self, client: usize, conn: ConnId, packet: Packet) {
        if self.mqtt[client].conn() != Some(conn) {
            return;
        }
        let answers = self.mqtt[client].hear(self.now, packet, &mut self.ledger);
        answers.into_iter().for_each(|answer| self.send_to_gateway(client, Some(conn), answer));
        self.schedule_mqtt(client);
    }

    /// The gateway closes a connection: the client notices, and then the gateway is told.
    pub(super) fn close_mqtt(&mut self, gateway: usize, conn: ConnId) {
        match self.client_on(gateway, conn) {
            Some(client) => self.agenda.plan(self.now + DELAY, Happening::Closed { client, conn }),
            None => self.tell_closed(gateway, conn),
        }
    }

    pub(super) fn conn_closed(&mut self, client: usize, conn: ConnId) {
        if self.mqtt[client].conn() == Some(conn) {
            self.mqtt[client].closed(self.now);
            self.schedule_mqtt(client);
        }
        self.tell_closed(self.mqtt[client].plan().gateway, conn);
    }

    fn tell_closed(&mut self, gateway: usize, conn: ConnId) {
        if let Some(core) = self.gateways[gateway].core_mut() {
            core.handle_input(self.now, Input::MqttClosed { conn });
            self.carry_out(gateway);
        }
    }

    /// A connection breaks.
    pub(super) fn cut(&mut self, client: usize) {
        if let Some(conn) = self.mqtt[client].conn() {
            self.conn_closed(client, conn);
        }
    }

    pub(super) fn schedule_mqtt(&mut self, client: usize) {
        let Some(next) = self.mqtt[client].next_look() else { return };
        let next = next.max(self.now + Duration::from_micros(1));
        if next < self.mqtt[client].scheduled {
            self.mqtt[client].scheduled = next;
            self.agenda.plan(next, Happening::Mqtt(client));
        }
    }
}
