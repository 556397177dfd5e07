//! What an operator asks over the control socket, and what a reader of metrics asks.

use super::{Driver, Way};
use crate::admin::protocol::{Answer, Request, SessionDetail, SessionRow};
use crate::admin::{Ask, Reply};
use crate::event_log::Addr;
use crate::metrics::Seen;
use gateway_core::Via;
use sn_types::Instant;
use std::task::{Context, Poll};

impl Driver {
    pub(super) fn take_asked(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let Some(asked) = &mut self.asked else { return false };
        let Poll::Ready(Some(Ask { request, reply })) = asked.poll_recv(cx) else { return false };
        let waits = request.waits_for_disk();
        let answer = self.reply(now, request);
        match self.core.unwritten().filter(|_| waits) {
            Some(token) => self.owed.push((token, reply, answer)),
            // Who has gone needs no answer.
            None => drop(reply.send(answer)),
        }
        true
    }

    pub(super) fn take_scrape(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let Some(desk) = &mut self.desk else { return false };
        let Poll::Ready(scrape) = desk.poll_scrape(cx) else { return false };
        let counters = self.transports.iter().map(|it| it.counters());
        let transports: Vec<_> = self.names.iter().map(String::as_str).zip(counters).collect();
        let (uptime, connections) = (self.clock.start.elapsed(), self.conns.len());
        let (transports, listeners) = (&transports[..], &self.listeners[..]);
        let bridges: Vec<_> = self.bridges.iter().map(|(name, tally)| (name.clone(), tally.counts())).collect();
        let bridges = &bridges[..];
        desk.answer(scrape, Seen { core: &self.core, now, uptime, connections, transports, listeners, bridges });
        true
    }

    fn reply(&mut self, now: Instant, request: Request) -> Reply {
        Reply::Answer(match request {
            Request::Sessions => Answer::Sessions(self.session_rows()),
            Request::Session(client_id) => {
                let detail = self.core.client(&client_id);
                Answer::Session(detail.map(|client| Box::new(SessionDetail::new(client, |via| self.address(via)))))
            }
            Request::Capture { transport, count } => return self.capture(&transport, count),
            Request::Drop(client_id) => Answer::Dropped(self.core.drop_session(now, &client_id)),
            Request::RadioInfo(transport) => self.radio_info(&transport),
            Request::RadioScan { transport, period_ms } => return self.scan(&transport, period_ms),
            Request::Nodes => Answer::Nodes(self.node_rows(now)),
            Request::AddNode(_) | Request::RenameNode { .. } | Request::RevokeNode(_) | Request::RemoveNode(_) => {
                self.edit_nodes(now, request)
            }
            Request::Backup => match &self.keeper {
                Some(keeper) => {
                    let mut records = self.core.snapshot();
                    records.push(keeper.time(now));
                    return Reply::Records(records);
                }
                None => Answer::Error("everything is in memory: there is nothing to back up".into()),
            },
        })
    }

    fn session_rows(&self) -> Vec<SessionRow> {
        let mut rows: Vec<_> =
            self.core.clients().map(|client| SessionRow::new(&client, |via| self.address(via))).collect();
        rows.sort_by(|a, b| a.client_id.cmp(&b.client_id));
        rows
    }

    pub(super) fn address(&self, via: Via) -> String {
        let is_bridge = |conn| self.conns.get(&conn).is_some_and(|conn| matches!(conn.way, Way::Bridge(_)));
        if matches!(via, Via::Mqtt(conn) if is_bridge(conn)) {
            return "another broker".into();
        }
        let peer = |conn| self.conns.get(&conn).and_then(|conn| conn.peer);
        Addr::of(&via, peer, |addr| self.core.node_name(addr)).to_string()
    }
}
