//! Which frames are for this station, and which of them it acknowledges (IEEE 802.15.4-2011 §5.1.6.2, §5.1.6.4).

/// The first octet of an immediate acknowledgement's frame control: type 2, nothing else.
const ACKNOWLEDGEMENT: u8 = 0x02;
const FRAME_PENDING: u8 = 0x10;
const ACK_REQUEST: u8 = 0x20;
const COMPRESSED: u8 = 0x40;
const BROADCAST: u16 = 0xFFFF;

/// An immediate acknowledgement, without its check sequence.
pub const ACK_LEN: usize = 3;

/// Who decides about a frame.
#[derive(Clone, Copy, Debug)]
pub enum Filter {
    /// The station's addresses do.
    Own(Addresses),
    /// This does. Called by the interrupt handler; it has some tens of microseconds.
    Judge(fn(&[u8]) -> Verdict),
}

impl Filter {
    /// What happens to a frame.
    #[must_use]
    pub fn judge(&self, psdu: &[u8]) -> Verdict {
        match self {
            Self::Own(addresses) => addresses.judge(psdu),
            Self::Judge(judge) => judge(psdu),
        }
    }
}

/// A station, and what it answers to frames that are for it.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// The PAN. Frames to every PAN are taken, too.
    pub pan: u16,
    /// This station's extended address, as it is written: most significant octet first.
    pub eui64: [u8; 8],
    /// Its short address, if it has one.
    pub short: Option<u16>,
    /// The acknowledgement's "frame pending" for a frame: whether something waits for its sender. Called by the interrupt
    /// handler; it has some tens of microseconds.
    pub pending: fn(&[u8]) -> bool,
}

/// What happens to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not for this station.
    Drop,
    /// It is, and asks for no acknowledgement.
    Take,
    /// It is, and its sender waits for this.
    Acknowledge([u8; ACK_LEN]),
}

impl Verdict {
    /// The acknowledgement that a frame asks for. `pending`: something waits for its sender.
    #[must_use]
    pub const fn acknowledge(psdu: &[u8], pending: bool) -> Self {
        let flags = if pending { FRAME_PENDING } else { 0 };
        match psdu {
            &[_, _, sequence, ..] => Self::Acknowledge([ACKNOWLEDGEMENT | flags, 0, sequence]),
            _ => Self::Drop,
        }
    }
}

/// Where a frame goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Receiver {
    This,
    All,
    Other,
}

impl Addresses {
    /// Whether a frame is taken.
    #[must_use]
    pub fn judge(&self, psdu: &[u8]) -> Verdict {
        let receiver = self.receiver(psdu);
        match (receiver, psdu) {
            (Some(Receiver::This), &[control, ..]) if control & ACK_REQUEST != 0 => {
                Verdict::acknowledge(psdu, (self.pending)(psdu))
            }
            (Some(Receiver::This | Receiver::All), _) => Verdict::Take,
            (Some(Receiver::Other) | None, _) => Verdict::Drop,
        }
    }

    /// `None`: it is an acknowledgement or no frame of 2003, 2006 or 2011, or too short.
    fn receiver(&self, psdu: &[u8]) -> Option<Receiver> {
        let (&[low, high, _sequence], rest) = psdu.split_first_chunk()?;
        let is_known = matches!(low & 0x07, 1 | 3) && (high >> 4) & 0x03 <= 1;
        if !is_known {
            return None;
        }
        let (pan, rest) = rest.split_first_chunk()?;
        let pan = u16::from_le_bytes(*pan);
        let is_ours = match (high >> 2) & 0x03 {
            2 => {
                let to = u16::from_le_bytes(*rest.first_chunk()?);
                if to == BROADCAST && (pan == self.pan || pan == BROADCAST) {
                    return Some(Receiver::All);
                }
                Some(to) == self.short
            }
            3 => {
                let mut to = *rest.first_chunk::<8>()?;
                to.reverse();
                to == self.eui64
            }
            _ => return None,
        };
        let is_in_pan = pan == self.pan || pan == BROADCAST;
        Some(if is_ours && is_in_pan { Receiver::This } else { Receiver::Other })
    }
}

/// Whether a frame asks for an acknowledgement, and under which sequence number it would come.
#[must_use]
pub fn expected_ack(psdu: &[u8]) -> Option<u8> {
    match psdu {
        &[control, _, sequence, ..] if control & ACK_REQUEST != 0 => Some(sequence),
        _ => None,
    }
}

/// If this is the acknowledgement that was expected, its "frame pending".
#[must_use]
pub fn read_ack(psdu: &[u8], sequence: u8) -> Option<bool> {
    match psdu {
        &[control, _, acknowledged] if control & 0x07 == ACKNOWLEDGEMENT && acknowledged == sequence => {
            Some(control & FRAME_PENDING != 0)
        }
        _ => None,
    }
}

/// The receiver's address as it is in the frame, least significant octet first: 2 or 8 octets.
#[must_use]
pub fn receiver(psdu: &[u8]) -> Option<&[u8]> {
    let (&[_, high, _sequence], rest) = psdu.split_first_chunk()?;
    match (high >> 2) & 0x03 {
        2 => rest.get(2..4),
        3 => rest.get(2..10),
        _ => None,
    }
}

/// The sender's address as it is in the frame, least significant octet first: 2 or 8 octets. For tables of those for whom
/// something waits.
#[must_use]
pub fn sender(psdu: &[u8]) -> Option<&[u8]> {
    let (&[low, high, _sequence], rest) = psdu.split_first_chunk()?;
    let len = |mode: u8| match mode & 0x03 {
        0 => Some(0),
        2 => Some(2),
        3 => Some(8),
        _ => None,
    };
    let to_len = len(high >> 2)?;
    let from_len = len(high >> 6).filter(|len| *len > 0)?;
    let to_pan = if to_len > 0 { 2 } else { 0 };
    let from_pan = if low & COMPRESSED != 0 { 0 } else { 2 };
    let at = to_pan + to_len + from_pan;
    rest.get(at..at + from_len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter() -> Filter {
        Filter::Own(Addresses {
            pan: 0xABCD,
            eui64: [2, 0, 0, 0, 0, 0, 0, 7],
            short: Some(0x1234),
            pending: |psdu| sender(psdu) == Some(&[1, 0]),
        })
    }

    #[test]
    fn who_knows_better_decides() {
        let filter = Filter::Judge(|psdu| Verdict::acknowledge(psdu, psdu[0] == 0x61));
        assert_eq!(filter.judge(&TO_LONG), Verdict::Acknowledge([0x12, 0, 9]));
        assert_eq!(filter.judge(&[0x21, 0, 7]), Verdict::Acknowledge([0x02, 0, 7]));
        assert_eq!(Verdict::acknowledge(&[0x21, 0], true), Verdict::Drop, "it has no number");
    }

    const TO_LONG: [u8; 15] = [0x61, 0x8C, 9, 0xCD, 0xAB, 7, 0, 0, 0, 0, 0, 0, 2, 1, 0];
    const TO_SHORT: [u8; 9] = [0x61, 0x88, 9, 0xCD, 0xAB, 0x34, 0x12, 2, 0];

    #[test]
    fn frames_to_either_address_are_acknowledged() {
        assert_eq!(filter().judge(&TO_LONG), Verdict::Acknowledge([0x12, 0, 9]), "something waits for 0001");
        assert_eq!(filter().judge(&TO_SHORT), Verdict::Acknowledge([0x02, 0, 9]));
        assert_eq!(read_ack(&[0x12, 0, 9], 9), Some(true));
        assert_eq!(read_ack(&[0x02, 0, 9], 9), Some(false));
        assert_eq!(read_ack(&[0x02, 0, 9], 8), None);
    }

    #[test]
    fn what_asks_for_none_gets_none() {
        let mut frame = TO_LONG;
        frame[0] &= !ACK_REQUEST;
        assert_eq!(filter().judge(&frame), Verdict::Take);
        assert_eq!(expected_ack(&frame), None);
        assert_eq!(expected_ack(&TO_LONG), Some(9));
    }

    #[test]
    fn a_broadcast_is_taken_and_never_acknowledged() {
        let mut frame = TO_SHORT;
        frame[5..7].fill(0xFF);
        assert_eq!(filter().judge(&frame), Verdict::Take);
        frame[3..5].fill(0xFF);
        assert_eq!(filter().judge(&frame), Verdict::Take);
    }

    #[test]
    fn others_and_other_pans_are_dropped() {
        for at in [3, 5, 12] {
            let mut frame = TO_LONG;
            frame[at] ^= 1;
            assert_eq!(filter().judge(&frame), Verdict::Drop, "octet {at}");
        }
    }

    #[test]
    fn what_is_cut_off_or_of_2015_is_dropped() {
        for len in 0..13 {
            assert_eq!(filter().judge(&TO_LONG[..len]), Verdict::Drop, "{len} octets");
        }
        let mut frame = TO_LONG;
        frame[1] |= 0x20;
        assert_eq!(filter().judge(&frame), Verdict::Drop);
        assert_eq!(filter().judge(&[0x02, 0, 9]), Verdict::Drop, "somebody's acknowledgement");
    }

    #[test]
    fn the_sender_is_found_with_and_without_its_own_pan() {
        assert_eq!(sender(&TO_LONG), Some(&[1, 0][..]));
        assert_eq!(sender(&[0x21, 0x88, 9, 0xCD, 0xAB, 0x34, 0x12, 0xCD, 0xAB, 2, 0]), Some(&[2, 0][..]));
        assert_eq!(sender(&[0x01, 0x80, 9, 0xCD, 0xAB, 2, 0]), Some(&[2, 0][..]), "to nobody");
        assert_eq!(sender(&TO_LONG[..14]), None);
    }

    #[test]
    fn the_receiver_is_found() {
        assert_eq!(receiver(&TO_LONG), Some(&[7, 0, 0, 0, 0, 0, 0, 2][..]));
        assert_eq!(receiver(&TO_SHORT), Some(&[0x34, 0x12][..]));
        assert_eq!(receiver(&TO_LONG[..12]), None);
        assert_eq!(receiver(&[0x02, 0, 9]), None, "an acknowledgement is for nobody by name");
    }
}
