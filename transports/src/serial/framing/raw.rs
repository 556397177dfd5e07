//! Nothing around the messages: their own Length says where they end (1.2 §5.2.1), in both its forms.
//!
//! A lost octet takes all that follow with it, until the line is silent for a while: then a new message begins.

use super::{Collected, Framing, Incoming, Recipient, Unsendable, only_peer};
use sn_types::Instant;
use std::time::Duration;

/// MsgType of the forwarder's encapsulation: the message in it follows, with a Length of its own (1.2 §5.5).
const FRWDENCAP: u8 = 0xFE;
/// The first octet of the long form.
const LONG: u8 = 1;

/// Messages, one after the other.
#[derive(Debug)]
pub(crate) struct Raw {
    mtu: usize,
    gap: Duration,
    collected: Collected,
    heard: Instant,
    /// The Length made no sense: nothing does before the line has been silent.
    lost: bool,
}

/// Where a datagram ends.
enum End {
    /// After this many octets, which may be more than there are.
    At(usize),
    NotKnown,
    Nowhere,
}

impl Raw {
    /// For datagrams of up to `mtu` octets. A silence of `gap` ends what is incomplete.
    pub(crate) fn new(mtu: usize, gap: Duration) -> Self {
        Self { mtu, gap, collected: Collected::new(mtu), heard: Instant::ZERO, lost: false }
    }

    fn push(&mut self, octet: u8, each: &mut dyn FnMut(Incoming<'_>)) {
        self.collected.push(octet);
        match end(&self.collected.octets) {
            End::At(end) if end > self.mtu => self.lose(Incoming::Oversize, each),
            End::At(end) if end == self.collected.octets.len() => self.collected.finish(each, |octets| Some(octets)),
            End::At(_) | End::NotKnown => {}
            End::Nowhere => self.lose(Incoming::Malformed, each),
        }
    }

    fn lose(&mut self, why: Incoming<'_>, each: &mut dyn FnMut(Incoming<'_>)) {
        each(why);
        self.collected.clear();
        self.lost = true;
    }
}

/// Where the datagram that begins here ends: with its first message, or with the second one if that is encapsulated.
fn end(octets: &[u8]) -> End {
    let (head, kind) = match message(octets) {
        Some((0, _)) => return End::Nowhere,
        Some((len, kind)) => (len, kind),
        None => return End::NotKnown,
    };
    if kind != Some(FRWDENCAP) {
        return if kind.is_some() { End::At(head) } else { End::NotKnown };
    }
    match octets.get(head..).map(message) {
        Some(Some((0, _))) => End::Nowhere,
        Some(Some((len, _))) => End::At(head + len),
        Some(None) | None => End::NotKnown,
    }
}

/// The length of the message that begins here and its type, as far as they are there; a length of 0 makes no sense.
fn message(octets: &[u8]) -> Option<(usize, Option<u8>)> {
    match *octets {
        [] | [LONG] | [LONG, _] => None,
        [LONG, high, low, ref rest @ ..] => {
            let len = usize::from(u16::from_be_bytes([high, low]));
            Some((if len < 4 { 0 } else { len }, rest.first().copied()))
        }
        [len, ref rest @ ..] => Some((usize::from(len), rest.first().copied())),
    }
}

impl Framing for Raw {
    fn take(&mut self, now: Instant, octets: &[u8], each: &mut dyn FnMut(Incoming<'_>)) {
        if now.since(self.heard) >= self.gap {
            if !self.collected.octets.is_empty() {
                each(Incoming::Malformed);
            }
            self.reset();
        }
        self.heard = now;
        for octet in octets {
            if !self.lost {
                self.push(*octet, each);
            }
        }
    }

    fn put(&mut self, to: Recipient, datagram: &[u8], line: &mut Vec<u8>) -> Result<Option<u8>, Unsendable> {
        only_peer(to, datagram, self.mtu)?;
        line.extend_from_slice(datagram);
        Ok(None)
    }

    fn reset(&mut self) {
        self.collected.clear();
        self.lost = false;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{taken, taken_at};
    use super::*;
    use sn_types::LinkAddr;

    const GAP_MS: u64 = 50;

    fn raw(mtu: usize) -> Raw {
        Raw::new(mtu, Duration::from_millis(GAP_MS))
    }

    #[test]
    fn messages_of_both_forms_follow_each_other() {
        let long = [&[1, 0, 6, 0x0C][..], &[7, 8]].concat();
        let line = [&[2, 0x16][..], &long, &[3, 0x0D, 9]].concat();
        assert_eq!(taken(&mut raw(64), &line), ["0216", "0100060c0708", "030d09"]);
        let mut framing = raw(64);
        let one_by_one = line.iter().flat_map(|octet| taken(&mut framing, &[*octet])).collect::<Vec<_>>();
        assert_eq!(one_by_one, ["0216", "0100060c0708", "030d09"]);
    }

    #[test]
    fn an_encapsulated_message_is_one_datagram() {
        let line = [5, 0xFE, 0, 0xAA, 0xBB, 2, 0x16, 2, 0x17];
        assert_eq!(taken(&mut raw(64), &line), ["05fe00aabb0216", "0217"]);
        let nowhere = [4, 0xFE, 0, 0xAA, 0];
        assert_eq!(taken(&mut raw(64), &nowhere), ["malformed"]);
    }

    #[test]
    fn after_a_gap_a_new_message_begins() {
        let mut framing = raw(64);
        assert_eq!(taken_at(&mut framing, 0, &[9, 0x0C, 1]), [""; 0]);
        assert_eq!(taken_at(&mut framing, GAP_MS, &[2, 0x16]), ["malformed", "0216"]);
        assert_eq!(taken_at(&mut framing, GAP_MS, &[0, 2, 0x16, 2, 0x16]), ["malformed"], "lost until the gap");
        assert_eq!(taken_at(&mut framing, 2 * GAP_MS, &[2, 0x16]), ["0216"]);
        assert_eq!(taken_at(&mut framing, 2 * GAP_MS + 1, &[1, 0, 3, 0x16]), ["malformed"], "the long form of nothing");
        assert_eq!(taken_at(&mut framing, 4 * GAP_MS, &[65, 0x0C]), ["oversize"]);
    }

    #[test]
    fn what_is_put_is_the_datagram_itself() {
        let mut line = Vec::new();
        assert_eq!(raw(64).put(Recipient::One(LinkAddr::Line), &[2, 0x16], &mut line), Ok(None));
        assert_eq!(line, [2, 0x16]);
        assert_eq!(raw(64).put(Recipient::One(LinkAddr::Eui64([1; 8])), &[2, 0x16], &mut line), Err(Unsendable));
    }
}
