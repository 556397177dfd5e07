//! Gateway discovery (1.2 §6.1): ADVERTISE, and GWINFO to those who search.

use super::send::encode;
use crate::core::TimerKey;
use crate::{Core, Output, RejectReason};
use sn_codec::{Advertise, GwInfo, Message, SearchGw};
use sn_types::{Instant, LinkProfile, PeerAddr, TransportId};
use std::time::Duration;

impl Core {
    /// Takes note of a transport; on one that broadcasts, advertises now and every T_ADV.
    pub(crate) fn sn_add_transport(&mut self, now: Instant, id: TransportId, profile: LinkProfile) {
        self.sn.transports.retain(|(known, _)| *known != id);
        self.sn.transports.push((id, profile));
        if profile.broadcast {
            self.timers.schedule(&mut self.sn.next_advertise, now, TimerKey::Advertise);
        }
    }

    /// ADVERTISE on every transport that can, unless a transport that came later has moved the time for it.
    pub(crate) fn sn_advertise(&mut self, now: Instant, due: Instant) {
        if self.sn.next_advertise != due {
            return;
        }
        self.sn.next_advertise = Instant::FAR_FUTURE;
        // At least a second, or this would go on for ever.
        let duration_s = u16::try_from(self.config.timing.t_adv.as_secs()).unwrap_or(u16::MAX).max(1);
        let advertise = Message::Advertise(Advertise { gw_id: self.config.gw_id, duration_s });
        let transports: Vec<_> = self.sn.transports.iter().filter(|(_, profile)| profile.broadcast).copied().collect();
        for (transport, _) in transports {
            self.broadcast(transport, 0, &advertise);
        }
        let next = now + Duration::from_secs(duration_s.into());
        self.timers.schedule(&mut self.sn.next_advertise, next, TimerKey::Advertise);
    }

    /// SEARCHGW: GWINFO to all within the same radius, and to the one who asked, whose datagram may have come alone.
    /// Not too often, because the address may be forged, and all hear the answer.
    pub(super) fn answer_search(&mut self, now: Instant, from: PeerAddr, search: SearchGw) {
        if !self.sn.searches.allow(now, &from, self.config.limits.search_answers_per_s) {
            return self.sn_reject(from, RejectReason::SearchLimit);
        }
        let info = Message::GwInfo(GwInfo { gw_id: self.config.gw_id, gw_add: &[] });
        if self.sn.profile(from.transport).broadcast {
            self.broadcast(from.transport, search.radius, &info);
        }
        self.sn_send(from, &info);
    }

    fn broadcast(&mut self, transport: TransportId, radius: u8, message: &Message<'_>) {
        let Some(datagram) = encode(message) else { return };
        if self.sn.charge(transport, datagram.len()) {
            self.out.push(Output::Broadcast { transport, radius, datagram });
        } else {
            self.stats.airtime_unsent += 1;
        }
    }
}
