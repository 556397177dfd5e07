//! What an operator asks of a radio that is in use: what it is, and how loud the channels are.
//!
//! A scan takes seconds. It goes on in the transport, and the driver goes on with everything else.

use super::Driver;
use crate::admin::Reply;
use crate::admin::protocol::{Answer, Loudness, RadioInfo, RadioScan};
use crate::admin::radio::SCAN_MS;
use sn_types::TransportId;
use tokio::sync::oneshot;
use tokio::time::Instant;
use transports::ieee802154::ScanError;
use transports::{LinkEvent, RadioTransport, Transport};

/// A scan under way.
#[derive(Debug)]
pub(super) struct Scan {
    /// Whose.
    transport: TransportId,
    began: Instant,
    reply: oneshot::Sender<Answer>,
}

impl Driver {
    pub(super) fn radio_info(&mut self, name: &str) -> Answer {
        let info =
            self.radio(name).and_then(|(_, radio)| RadioInfo::in_use(radio).ok_or_else(|| away(&ScanError::Away)));
        info.map_or_else(Answer::Error, |info| Answer::RadioInfo(Box::new(info)))
    }

    /// Begins a scan, if none is under way.
    pub(super) fn scan(&mut self, name: &str, period_ms: u16) -> Reply {
        match self.begin_scan(name, period_ms) {
            Ok(transport) => {
                tracing::info!(
                    transport = name,
                    period_ms,
                    "the radio looks at all channels, and hears no node meanwhile"
                );
                let (reply, answer) = oneshot::channel();
                self.scan = Some(Scan { transport, began: Instant::now(), reply });
                Reply::Later(answer)
            }
            Err(error) => Reply::Answer(Answer::Error(error)),
        }
    }

    fn begin_scan(&mut self, name: &str, period_ms: u16) -> Result<TransportId, String> {
        if !SCAN_MS.contains(&period_ms) {
            return Err(format!("{period_ms} ms: expected {} to {}", SCAN_MS.start(), SCAN_MS.end()));
        }
        if self.scan.is_some() {
            return Err(ScanError::UnderWay.to_string());
        }
        let (transport, radio) = self.radio(name)?;
        radio.scan(period_ms).map_err(|error| away(&error))?;
        Ok(transport)
    }

    fn radio(&mut self, name: &str) -> Result<(TransportId, &mut RadioTransport), String> {
        let (id, transport) = self.find_transport(name)?;
        let radio = transport.radio();
        radio.map(|radio| (id, radio)).ok_or_else(|| format!("the transport \"{name}\" is no radio of IEEE 802.15.4"))
    }
}

/// Why, with what an operator may do.
fn away(error: &ScanError) -> String {
    match error {
        ScanError::Away => format!("{error}: the gateway's log says why"),
        ScanError::UnderWay | ScanError::Interface(_) => error.to_string(),
    }
}

/// Answers who waits for a scan, if it has a result; to be called when the transport has been ready.
pub(super) fn take_result(scan: &mut Option<Scan>, id: TransportId, name: &str, transport: &mut dyn Transport) {
    let Some(energy) = transport.radio().and_then(RadioTransport::take_scan) else { return };
    let Some(scan) = scan.take_if(|scan| scan.transport == id) else { return };
    let deaf_ms = scan.began.elapsed().as_millis() as u64;
    tracing::info!(transport = name, deaf_ms, "the radio hears nodes again");
    let channels = energy.iter().map(Loudness::from).collect();
    // Who has gone needs no answer.
    let _ = scan.reply.send(Answer::RadioScan(RadioScan { channels, deaf_ms: Some(deaf_ms) }));
}

/// Tells who waits for a scan that the radio has gone.
pub(super) fn take_event(scan: &mut Option<Scan>, id: TransportId, event: &LinkEvent) {
    match event {
        LinkEvent::Down(why) => {
            if let Some(scan) = scan.take_if(|scan| scan.transport == id) {
                let _ = scan.reply.send(Answer::Error(format!("the radio has gone meanwhile: {why}")));
            }
        }
        LinkEvent::Up(_) | LinkEvent::Note(_) | LinkEvent::TurnedAway(_) | LinkEvent::NoKey { .. } => {}
    }
}
