//! What the core wants done: datagrams and packets sent, records written, connections closed.
//!
//! What is sent goes in batches: one flush per transport, one wake-up per connection and turn.

use super::{Conn, Driver};
use crate::mqtt::Pushed;
use gateway_core::mqtt::Packet;
use gateway_core::{CommitToken, ConnId, Event, Input, Output, Record};

impl Driver {
    /// Carries out what the core wants, and sends it off.
    pub(super) fn carry_out(&mut self) {
        while let Some(output) = self.core.poll_output() {
            self.carry_out_one(output);
        }
        for transport in &mut self.transports {
            transport.flush();
        }
        self.ask_for_counters();
        while let Some(output) = self.core.poll_output() {
            self.carry_out_one(output);
        }
        let counters = self.transports.iter().map(|transport| transport.counters());
        self.log.losses(self.clock.now(), self.names.iter().map(String::as_str).zip(counters));
        for conn in self.unflushed.drain(..) {
            if let Some(conn) = self.conns.get_mut(&conn) {
                conn.unflushed = false;
                conn.way.flush();
            }
        }
    }

    fn carry_out_one(&mut self, output: Output) {
        match output {
            Output::Send { to, datagram } => {
                if let Some(transport) = self.transports.get_mut(usize::from(to.transport.0)) {
                    transport.queue(&to, datagram);
                }
            }
            Output::Broadcast { transport, radius, datagram } => {
                if let Some(transport) = self.transports.get_mut(usize::from(transport.0)) {
                    transport.broadcast(radius, &datagram);
                }
            }
            Output::Mqtt { conn, packet } => self.send_mqtt(conn, packet),
            Output::MqttClose { conn, reason } => {
                if let Some(conn) = self.conns.get_mut(&conn) {
                    conn.close(reason);
                }
            }
            Output::MqttRead { conn, read } => {
                if let Some(conn) = self.conns.get(&conn) {
                    conn.way.read(read);
                }
            }
            Output::Counters { transport, block } => self.grant_counters(transport, block),
            Output::Upstream { id, what } => self.order_upstream(id, what),
            Output::Commit { token, records } => self.commit(token, records),
            Output::Event(event) => {
                if let (Some(desk), Event::Drained { took, .. }) = (&self.desk, &event) {
                    desk.drained(*took);
                }
                let (conns, core) = (&self.conns, &self.core);
                let peer = |conn| conns.get(&conn).and_then(|conn: &Conn| conn.peer);
                self.log.event(self.clock.now(), &event, peer, |addr| core.node_name(addr));
            }
        }
    }

    fn commit(&mut self, token: CommitToken, records: Vec<Record>) {
        let now = self.clock.now();
        match &mut self.keeper {
            Some(keeper) => {
                self.desk.iter_mut().for_each(|desk| desk.commit_begins(now));
                self.commit_began = now;
                keeper.commit(now, token, records);
            }
            // Without a store nothing has to be written, so everything is.
            None => self.core.handle_input(now, Input::Committed { token }),
        }
    }

    fn send_mqtt(&mut self, id: ConnId, packet: Packet) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        if !conn.unflushed {
            conn.unflushed = true;
            self.unflushed.push(id);
        }
        match conn.way.push(packet) {
            Ok(Pushed::Room) => {}
            Ok(Pushed::Full) => {
                self.core.handle_input(self.clock.now(), Input::MqttWritable { conn: id, writable: false });
            }
            Ok(Pushed::Overflow) if conn.closing => {}
            Ok(Pushed::Overflow) => {
                tracing::warn!(peer = ?conn.peer, "MQTT connection closed: it does not read what it asked for");
                conn.closing = true;
            }
            Err(error) => {
                tracing::error!(peer = ?conn.peer, %error, "MQTT connection closed");
                conn.closing = true;
                conn.way.cut();
            }
        }
    }
}
