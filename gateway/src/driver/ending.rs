//! The end: promises are kept, and clients are told, as far as a moment allows.

use super::Driver;
use crate::mqtt::FromMqtt;
use gateway_core::{CloseReason, Input};
use std::time::Duration;
use tokio::time::timeout;

/// How long clients may take to read their last packets when the daemon stops.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long the store may take for the last commit then.
const LAST_COMMIT: Duration = Duration::from_millis(800);
/// How long stopping may take in all.
const LONGEST_END: Duration = Duration::from_millis(1_900);

impl Driver {
    /// Tells the core that the daemon stops, and gives the store and the clients a moment to take what is for them.
    pub(crate) async fn shut_down(mut self) {
        let begun = tokio::time::Instant::now();
        self.core.handle_input(self.clock.now(), Input::Shutdown);
        self.carry_out();
        let _ = timeout(LAST_COMMIT, self.await_commits()).await;
        self.conns.values_mut().for_each(|conn| conn.close(CloseReason::Shutdown));
        let _ = timeout(FAREWELL, self.await_farewells()).await;
        let _ = timeout(FAREWELL.saturating_sub(begun.elapsed()), self.await_upstream()).await;
        self.log.summarise();
        let now = self.clock.now();
        if let Some(keeper) = self.keeper
            && !keeper.stop(now, LONGEST_END.saturating_sub(begun.elapsed())).await
        {
            tracing::warn!("the disk is still busy with the last commit, which nobody was promised");
        }
    }

    /// Waits until all promises are kept, and the last answers have left. A store that has failed keeps none any more.
    async fn await_commits(&mut self) {
        while self.core.is_committing() && self.ends_at.is_none() {
            let Some(keeper) = &mut self.keeper else { return };
            let report = keeper.report().await;
            self.take_report(report);
            self.carry_out();
        }
    }

    async fn await_farewells(&mut self) {
        while !self.conns.is_empty() {
            match self.from_mqtt.recv().await {
                Some(FromMqtt::Closed { conn, .. }) => drop(self.conns.remove(&conn)),
                Some(
                    FromMqtt::Opened { .. }
                    | FromMqtt::Bridged { .. }
                    | FromMqtt::Packets { .. }
                    | FromMqtt::Writable { .. }
                    | FromMqtt::Malformed { .. }
                    | FromMqtt::Slow { .. }
                    | FromMqtt::Refused { .. }
                    | FromMqtt::TurnedAway { .. },
                ) => {}
                None => return,
            }
        }
    }
}
