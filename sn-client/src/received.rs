//! QoS 2 on the receiving side: which messages were already reported.

use crate::record::SLOT_LEN;
use sn_codec::MsgId;

/// The last few QoS 2 messages. Gateways have one open at a time; the others are remembered for the sake of links
/// that deliver a copy after the exchange has ended.
pub(crate) struct ReceivedIds<const N: usize> {
    slots: [Option<Slot>; N],
    oldest: usize,
    /// Which gateway the client is connected to: each counts its message ids by itself.
    place: u8,
}

#[derive(Clone, Copy)]
struct Slot {
    msg_id: MsgId,
    digest: u32,
    released: bool,
    place: u8,
}

impl Slot {
    fn to_octets(self) -> [u8; SLOT_LEN] {
        let ([id_high, id_low], [a, b, c, d]) = (self.msg_id.0.to_be_bytes(), self.digest.to_be_bytes());
        [self.place, self.released.into(), id_high, id_low, a, b, c, d]
    }

    fn from_octets([place, released, id_high, id_low, a, b, c, d]: [u8; SLOT_LEN]) -> Self {
        let (msg_id, digest) = (MsgId(u16::from_be_bytes([id_high, id_low])), u32::from_be_bytes([a, b, c, d]));
        Self { msg_id, digest, released: released != 0, place }
    }

    fn is(&self, place: u8, msg_id: MsgId) -> bool {
        self.place == place && self.msg_id == msg_id
    }
}

impl<const N: usize> ReceivedIds<N> {
    pub(crate) const EMPTY: Self = {
        assert!(N > 0, "without memory QoS 2 is not exactly once");
        assert!(N <= u8::MAX as usize, "a record says in one octet how many there are");
        Self { slots: [None; N], oldest: 0, place: 0 }
    };

    /// A new session with this gateway.
    pub(crate) fn clear(&mut self) {
        self.retain(|_| false);
    }

    /// Of all gateways.
    pub(crate) fn forget_all(&mut self) {
        *self = Self::EMPTY;
    }

    pub(crate) fn count(&self) -> u8 {
        self.slots.iter().flatten().count() as u8
    }

    /// Each as the octets of a record.
    pub(crate) fn oldest_first(&self) -> impl Iterator<Item = [u8; SLOT_LEN]> {
        let (newer, older) = self.slots.split_at(self.oldest);
        older.iter().chain(newer).flatten().map(|slot| slot.to_octets())
    }

    /// What [`ReceivedIds::oldest_first`] gave.
    pub(crate) fn restore(&mut self, octets: [u8; SLOT_LEN]) {
        self.push(Slot::from_octets(octets));
    }

    fn push(&mut self, slot: Slot) {
        self.slots[self.oldest % N] = Some(slot);
        self.oldest = (self.oldest + 1) % N;
    }

    /// Another gateway. What is known of the others stays: the client may come back.
    pub(crate) fn move_to(&mut self, place: u8) {
        self.place = place;
    }

    /// Where the client is.
    pub(crate) fn place(&self) -> u8 {
        self.place
    }

    /// What one gateway has sent does not matter any more.
    pub(crate) fn forget(&mut self, place: u8) {
        for slot in &mut self.slots {
            if slot.is_some_and(|known| known.place == place) {
                *slot = None;
            }
        }
    }

    /// Forgets those of this gateway that are not wanted.
    fn retain(&mut self, wanted: impl Fn(&Slot) -> bool) {
        for slot in &mut self.slots {
            if slot.is_some_and(|known| known.place == self.place && !wanted(&known)) {
                *slot = None;
            }
        }
    }

    /// Whether the message is to be reported; remembers it if so.
    ///
    /// After PUBREL the id may be used for another message (1.2 §6.6), so only the same content counts as a late copy.
    /// Before it the id would do, but Paho ends exchanges without a PUBREL: other content is another message there, too.
    pub(crate) fn is_new(&mut self, msg_id: MsgId, digest: u32) -> bool {
        let place = self.place;
        let slot = Slot { msg_id, digest, released: false, place };
        match self.slots.iter_mut().flatten().find(|slot| slot.is(place, msg_id)) {
            Some(known) if known.digest == digest => false,
            Some(known) => {
                *known = slot;
                true
            }
            None => {
                self.push(slot);
                true
            }
        }
    }

    /// PUBREL: the gateway will not repeat the message; `remember` it because the link might.
    pub(crate) fn release(&mut self, msg_id: MsgId, remember: bool) {
        for slot in &mut self.slots {
            if let Some(known) = slot.as_mut().filter(|known| known.is(self.place, msg_id)) {
                known.released = true;
                if !remember {
                    *slot = None;
                }
            }
        }
    }

    /// Whether a PUBREL is still to come.
    pub(crate) fn has_unreleased(&self) -> bool {
        self.slots.iter().flatten().any(|known| !known.released && known.place == self.place)
    }

    /// The gateway has started afresh and may use the same ids again for the same content.
    pub(crate) fn forget_released(&mut self) {
        self.retain(|known| !known.released);
    }
}

/// FNV-1a over the parts: tells two messages apart that share an id.
pub(crate) fn digest(parts: [&[u8]; 2]) -> u32 {
    let octets = parts.into_iter().flatten();
    octets.fold(0x811C_9DC5, |hash, octet| (hash ^ u32::from(*octet)).wrapping_mul(0x0100_0193))
}
