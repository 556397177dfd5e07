//! QoS 2 on the receiving side: which messages were already reported.

use sn_codec::MsgId;

/// The last few QoS 2 messages. Gateways have one open at a time; the others are remembered for the sake of links
/// that deliver a copy after the exchange has ended.
pub(crate) struct ReceivedIds<const N: usize> {
    slots: [Option<Slot>; N],
    oldest: usize,
}

#[derive(Clone, Copy)]
struct Slot {
    msg_id: MsgId,
    digest: u32,
    released: bool,
}

impl<const N: usize> ReceivedIds<N> {
    pub(crate) const EMPTY: Self = {
        assert!(N > 0, "without memory QoS 2 is not exactly once");
        Self { slots: [None; N], oldest: 0 }
    };

    /// A new session.
    pub(crate) fn clear(&mut self) {
        *self = Self::EMPTY;
    }

    /// Whether the message is to be reported; remembers it if so.
    ///
    /// Until PUBREL the message id alone decides (1.2 §6.6). Afterwards the id may be used for another message, so
    /// only the same content counts as a late copy.
    pub(crate) fn is_new(&mut self, msg_id: MsgId, digest: u32) -> bool {
        let slot = Slot { msg_id, digest, released: false };
        match self.slots.iter_mut().flatten().find(|slot| slot.msg_id == msg_id) {
            Some(known) if !known.released || known.digest == digest => false,
            Some(known) => {
                *known = slot;
                true
            }
            None => {
                self.slots[self.oldest % N] = Some(slot);
                self.oldest = (self.oldest + 1) % N;
                true
            }
        }
    }

    /// PUBREL: the gateway will not repeat the message; `remember` it because the link might.
    pub(crate) fn release(&mut self, msg_id: MsgId, remember: bool) {
        for slot in &mut self.slots {
            if let Some(known) = slot.as_mut().filter(|known| known.msg_id == msg_id) {
                known.released = true;
                if !remember {
                    *slot = None;
                }
            }
        }
    }

    /// Whether a PUBREL is still to come.
    pub(crate) fn has_unreleased(&self) -> bool {
        self.slots.iter().flatten().any(|known| !known.released)
    }

    /// The gateway has started afresh and may use the same ids again for the same content.
    pub(crate) fn forget_released(&mut self) {
        for slot in &mut self.slots {
            if slot.is_some_and(|known| known.released) {
                *slot = None;
            }
        }
    }
}

/// FNV-1a over the parts: tells two messages apart that share an id.
pub(crate) fn digest(parts: [&[u8]; 2]) -> u32 {
    let octets = parts.into_iter().flatten();
    octets.fold(0x811C_9DC5, |hash, octet| (hash ^ u32::from(*octet)).wrapping_mul(0x0100_0193))
}
