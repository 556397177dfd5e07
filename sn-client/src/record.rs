//! What of a session outlives the node: a record that the application keeps in its flash.
//!
//! Version 1, all numbers big-endian: version, flags, message id, place, and the number of arrived QoS 2 messages with 8
//! octets each; length and octets of the topics; the QoS 2 PUBLISH in progress, if the flags say so; a digest of all this.

use crate::Client;
use crate::received::digest;
use crate::request::{Form, Publish, Request};
use sn_codec::{MsgId, Qos, ShortName, TopicId};

const VERSION: u8 = 1;
const HAS_PUBLISH: u8 = 0x01;
const RETAIN: u8 = 0x01;
const RELEASED: u8 = 0x02;
const DUP: u8 = 0x04;

const HEADER_LEN: usize = 6;
pub(crate) const SLOT_LEN: usize = 8;
const PUBLISH_LEN: usize = 10;
const DIGEST_LEN: usize = 4;

/// The record only changes after so many message ids, and up to so many are skipped after a restart: a flash wears out.
const MSG_ID_STEP: u16 = 256;

impl<'a, const BODY: usize, const TOPICS: usize, const RECEIVED: usize> Client<'a, BODY, TOPICS, RECEIVED> {
    /// The longest record that [`Client::save`] writes, in octets.
    pub const RECORD_LEN: usize = HEADER_LEN + RECEIVED * SLOT_LEN + 2 + TOPICS + PUBLISH_LEN + BODY + DIGEST_LEN;

    /// Writes what must outlive a restart of the node to the start of `record`, and returns its length; `None`: it is
    /// longer than `record`.
    ///
    /// The record holds the topic ids for arriving messages, which QoS 2 messages have arrived, the QoS 2 PUBLISH in
    /// progress, and where message ids go on. QoS 2 stays exactly once over a restart if the record is stored, whenever
    /// it differs from the one before, between an event or request and the next [`Client::poll_output`]. A node that
    /// only stores it before it sleeps loses that for what was under way, and nothing else.
    #[must_use]
    pub fn save(&self, record: &mut [u8]) -> Option<usize> {
        let mut writer = Writer { octets: record, len: 0 };
        let is_kept = !self.session_is_clean;
        let publish = self.publish_in_progress().filter(|publish| is_kept && publish.qos == Qos::Two);
        writer.put(&[VERSION, if publish.is_some() { HAS_PUBLISH } else { 0 }])?;
        // The id of what was sent last is below it, whatever was sent since the record was stored.
        let msg_id = (self.last_msg_id.0 / MSG_ID_STEP).wrapping_add(1).wrapping_mul(MSG_ID_STEP);
        writer.put(&msg_id.to_be_bytes())?;
        writer.put(&[self.received.place(), if is_kept { self.received.count() } else { 0 }])?;
        if is_kept {
            self.received.oldest_first().try_for_each(|slot| writer.put(&slot))?;
        }
        // A client that is restored begins with CONNECT, whatever was registered before.
        let topics = self.topics.resumed();
        let topics = if is_kept { topics.octets() } else { &[] };
        writer.put(&u16::try_from(topics.len()).ok()?.to_be_bytes())?;
        writer.put(topics)?;
        if let Some(publish) = publish {
            self.save_publish(publish, &mut writer)?;
        }
        let check = digest([writer.octets.get(..writer.len)?, &[]]);
        writer.put(&check.to_be_bytes())?;
        Some(writer.len)
    }

    fn publish_in_progress(&self) -> Option<Publish> {
        if let Some(Request::Publish(publish)) = self.request { Some(publish) } else { None }
    }

    fn save_publish(&self, publish: Publish, writer: &mut Writer<'_>) -> Option<()> {
        let (form, id) = match publish.topic {
            Form::Named => (0, [0; 2]),
            Form::Predefined(id) => (1, id.0.to_be_bytes()),
            Form::Short(ShortName(octets)) => (2, octets),
        };
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let flags = flag(publish.retain, RETAIN) | flag(publish.released, RELEASED) | flag(publish.dup, DUP);
        let (name, data) = (self.body.name().as_bytes(), self.body.data());
        writer.put(&[form, flags])?;
        writer.put(&id)?;
        writer.put(&publish.msg_id.0.to_be_bytes())?;
        writer.put(&u16::try_from(name.len()).ok()?.to_be_bytes())?;
        writer.put(&u16::try_from(data.len()).ok()?.to_be_bytes())?;
        writer.put(name)?;
        writer.put(data)
    }

    /// Takes over what [`Client::save`] has written before the node was restarted; for a client that has not been used yet.
    /// Octets after the record do not matter.
    ///
    /// If it returns true, [`Client::connect`] without CleanSession goes on with the session, and a PUBLISH that was in
    /// progress is in progress again. False: the record is torn, of another version, or of a client with other limits.
    /// Then nothing is known of the session, and the application connects with CleanSession.
    #[must_use]
    pub fn restore(&mut self, record: &[u8]) -> bool {
        let is_good = self.try_restore(record).is_some();
        if !is_good {
            self.topics.clear();
            self.received.forget_all();
            self.request = None;
        }
        is_good
    }

    fn try_restore(&mut self, record: &[u8]) -> Option<()> {
        let mut reader = Reader { octets: record, at: 0 };
        let [version, flags] = reader.take()?;
        let last_msg_id = reader.u16()?;
        let [place, count] = reader.take()?;
        if version != VERSION || usize::from(count) > RECEIVED {
            return None;
        }
        self.received.move_to(place);
        for _ in 0..count {
            self.received.restore(reader.take()?);
        }
        let len = reader.u16()?;
        let is_whole = self.topics.restore(reader.slice(len.into())?);
        let publish = if flags & HAS_PUBLISH != 0 { Some(self.read_publish(&mut reader)?) } else { None };
        let check = digest([record.get(..reader.at)?, &[]]);
        if !is_whole || reader.take()? != check.to_be_bytes() {
            return None;
        }
        self.last_msg_id = MsgId(last_msg_id);
        self.request = publish.map(Request::Publish);
        Some(())
    }

    fn read_publish(&mut self, reader: &mut Reader<'_>) -> Option<Publish> {
        let [form, flags] = reader.take()?;
        let id = reader.take()?;
        let msg_id = MsgId(reader.u16()?);
        let (name_len, data_len) = (reader.u16()?, reader.u16()?);
        let name = core::str::from_utf8(reader.slice(name_len.into())?).ok()?;
        self.body.set(name, reader.slice(data_len.into())?).ok()?;
        let topic = match form {
            0 => Form::Named,
            1 => Form::Predefined(TopicId(u16::from_be_bytes(id))),
            2 => Form::Short(ShortName(id)),
            _ => return None,
        };
        let (retain, released, dup) = (flags & RETAIN != 0, flags & RELEASED != 0, flags & DUP != 0);
        Some(Publish { topic, id: None, qos: Qos::Two, retain, msg_id, dup, released, forgotten: 0 })
    }
}

/// The record as far as it is written.
struct Writer<'r> {
    octets: &'r mut [u8],
    len: usize,
}

impl Writer<'_> {
    fn put(&mut self, octets: &[u8]) -> Option<()> {
        let end = self.len + octets.len();
        self.octets.get_mut(self.len..end)?.copy_from_slice(octets);
        self.len = end;
        Some(())
    }
}

/// The record as far as it is read.
struct Reader<'r> {
    octets: &'r [u8],
    at: usize,
}

impl<'r> Reader<'r> {
    fn slice(&mut self, len: usize) -> Option<&'r [u8]> {
        let octets = self.octets.get(self.at..self.at + len)?;
        self.at += len;
        Some(octets)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.slice(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }
}
