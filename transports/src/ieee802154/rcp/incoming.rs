//! What the radio says: news, frames from the air, answers.

use super::requests::{Ask, Purpose, Verb};
use super::{Energy, Event, INTERFACES, LOOK_EVERY, MOST_EVENTS, Phase, Rcp, Received, Sent};
use sn_types::Instant;
use spinel::{
    FCS_LEN, Fields, Frame, MD_FLAG_ACKED_FP, MD_FLAG_BAD_FCS, MD_FLAG_TX, Message, Property, RawReceived, RawSent,
    Status,
};

impl Rcp {
    pub(super) fn take(&mut self, now: Instant, frame: &Frame<'_>) {
        if !INTERFACES.contains(&frame.interface) {
            return;
        }
        let (property, value) = match frame.message {
            Message::Is(property, value) | Message::Inserted(property, value) | Message::Removed(property, value) => {
                (property, value)
            }
            Message::Noop
            | Message::Reset(_)
            | Message::Get(_)
            | Message::Set(..)
            | Message::Insert(..)
            | Message::Remove(..) => return self.malformed += 1,
        };
        match self.phase {
            Phase::Closed | Phase::Resting { .. } => {}
            Phase::Resetting { .. } => self.take_reset(now, frame.transaction, property, value),
            Phase::Starting | Phase::Running if frame.transaction == 0 => self.take_news(now, property, value),
            Phase::Starting | Phase::Running => self.take_answer(now, frame.transaction, property, value),
        }
    }

    /// While it is to be reset nothing else counts.
    fn take_reset(&mut self, now: Instant, transaction: u8, property: Property, value: &[u8]) {
        if transaction == 0 && property == Property::LAST_STATUS && status(value).is_reset() {
            self.was_reset(now, status(value));
        }
    }

    /// Something that nobody has asked for.
    fn take_news(&mut self, now: Instant, property: Property, value: &[u8]) {
        match property {
            Property::LAST_STATUS if status(value).is_reset() => self.was_reset(now, status(value)),
            Property::STREAM_RAW => self.take_frame(value),
            Property::MAC_ENERGY_SCAN_RESULT => {
                let mut fields = Fields::new(value);
                let found = fields.octet().zip(fields.signed()).map(|(channel, dbm)| Energy { channel, dbm });
                if found.is_some_and(|energy| self.scan.as_mut().is_some_and(|scan| scan.found(energy))) {
                    // If its answer to the request was lost it is not missed.
                    self.asked.take_if(|asked| asked.ask.purpose == Purpose::Scan);
                    self.scan_on(now);
                }
            }
            // Other news are of no use to us.
            _ => {}
        }
    }

    fn take_frame(&mut self, value: &[u8]) {
        let Some(raw) = RawReceived::decode(value) else { return self.malformed += 1 };
        let is_good = raw.flags.unwrap_or_default() & (MD_FLAG_TX | MD_FLAG_BAD_FCS) == 0;
        let frame = raw.psdu.split_last_chunk::<FCS_LEN>().map(|(frame, _)| frame.to_vec());
        // Frames of 0 octets are how a radio reports that it could not receive one.
        let Some(frame) = frame.filter(|_| is_good && self.phase == Phase::Running) else { return };
        if self.events.len() < MOST_EVENTS {
            self.events.push_back(Event::Received(Received {
                frame,
                rssi_dbm: raw.rssi_dbm,
                lqi: raw.lqi,
                acked_with_pending: raw.flags.map(|flags| flags & MD_FLAG_ACKED_FP != 0),
            }));
        }
    }

    fn take_answer(&mut self, now: Instant, transaction: u8, property: Property, value: &[u8]) {
        if self.sending.is_some_and(|(sending, _)| sending == transaction) {
            self.sending = None;
            let sent = if property == Property::LAST_STATUS { RawSent::decode(value) } else { None };
            let sent = sent.map_or(Sent::Unknown, Sent::from);
            self.events.push_back(Event::Sent(sent));
            if sent == Sent::Refused(Status::INVALID_STATE) {
                self.restart(now, "it does not send, as if it had not been set up".into());
            }
            return;
        }
        let Some(asked) = self.asked.take_if(|asked| asked.transaction == transaction) else { return };
        let answer = match (property, asked.ask.property) {
            (Property::LAST_STATUS, wanted) if wanted != property => match status(value) {
                Status::OK => Ok(&[][..]),
                status => Err(status),
            },
            _ => Ok(value),
        };
        self.answered(now, &asked.ask, answer);
        self.ask_on(now);
    }

    fn answered(&mut self, now: Instant, ask: &Ask, answer: Result<&[u8], Status>) {
        match ask.purpose {
            Purpose::Startup(step) => match step.answered(answer, &self.settings, &mut self.info) {
                Ok(()) => self.step(now, step.next()),
                Err(why) => self.rest(now, why),
            },
            Purpose::Scan if answer.is_err() => {
                // Without this channel, then.
                self.waiting.retain(|ask| ask.purpose != Purpose::Scan);
                self.scan_on(now);
            }
            Purpose::Scan => {
                if let Some(scan) = self.scan.as_mut().filter(|_| ask.property == Property::MAC_SCAN_STATE) {
                    scan.listens(now);
                }
            }
            Purpose::Retune => {
                if let Err(status) = answer {
                    self.restart(now, format!("it does not go back to channel {}: {status}", self.info.channel));
                }
            }
            Purpose::Match => {
                if self.matching.answered(ask, answer.is_ok()) {
                    self.waiting.retain(|ask| ask.purpose != Purpose::Match);
                    let asks = self.matching.overflow();
                    self.ask_all(now, asks);
                }
            }
            Purpose::Look => self.looked(now, answer),
        }
    }

    /// Asks for what only the host has switched on.
    pub(super) fn look(&mut self, now: Instant) {
        self.look_at = now + LOOK_EVERY;
        let property = Property::MAC_RAW_STREAM_ENABLED;
        self.ask(now, Ask { verb: Verb::Get, property, value: Vec::new(), purpose: Purpose::Look });
    }

    fn looked(&mut self, now: Instant, answer: Result<&[u8], Status>) {
        match answer.map(|value| Fields::new(value).boolean()) {
            // Whose firmware does not tell this lives, at least.
            Ok(Some(true)) | Err(Status::PROP_NOT_FOUND | Status::UNIMPLEMENTED) => {}
            Ok(Some(false) | None) | Err(_) => self.restart(now, "it has forgotten how it was set up".into()),
        }
    }
}

/// The status in a value; what is none is a failure.
fn status(value: &[u8]) -> Status {
    Fields::new(value).packed().map_or(Status::FAILURE, Status)
}

impl From<RawSent> for Sent {
    fn from(raw: RawSent) -> Self {
        match raw.status {
            Status::OK => Self::Done { frame_pending: raw.frame_pending },
            Status::NO_ACK => Self::NoAck,
            Status::CCA_FAILURE => Self::ChannelBusy,
            status => Self::Refused(status),
        }
    }
}
