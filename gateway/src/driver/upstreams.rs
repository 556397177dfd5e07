//! Connections to the broker where nodes' sessions live.

use super::Driver;
use crate::transparent::{Pool, Settings};
use gateway_core::{Input, ToUpstream, UpstreamId};
use sn_types::{Instant, TransportId};
use std::task::{Context, Poll};

impl Driver {
    /// Lets the core have connections there. To be called before anything is carried out.
    pub(crate) fn connect_nodes(&mut self, settings: Settings) {
        self.upstreams = Some(Pool::new(settings));
        self.carry_out();
    }

    /// Clients of this transport are seen there, too.
    pub(crate) fn make_transparent(&mut self, id: TransportId) {
        self.core.make_transparent(id);
    }

    pub(super) fn order_upstream(&mut self, id: UpstreamId, what: ToUpstream) {
        if let Some(upstreams) = &mut self.upstreams {
            upstreams.carry_out(id, what);
        }
    }

    pub(super) fn take_upstream(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let Some(upstreams) = &mut self.upstreams else { return false };
        let Poll::Ready(news) = upstreams.poll(cx) else { return false };
        for (id, what) in news {
            self.core.handle_input(now, Input::Upstream { id, what });
        }
        true
    }

    /// The daemon stops: waits until upstream has been told.
    pub(super) async fn await_upstream(&mut self) {
        if let Some(upstreams) = &mut self.upstreams {
            upstreams.emptied().await;
        }
    }
}
