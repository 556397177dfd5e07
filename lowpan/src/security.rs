//! Link security: AES-CCM* over a frame (IEEE 802.15.4-2011 §7).
//!
//! Octets 0.. of a secured frame:
//!
//! ```text
//! | MAC header | auxiliary security header  | payload   | integrity code |
//! |            | control | counter | key id | encrypted | 4, 8 or 16     |
//! |<------------- authenticated ------------------------>|
//! ```
//!
//! The nonce is the sender's extended address, the frame counter and the level, even if the frame names the sender by its
//! short address. A command's first octet, which says what command it is, is authenticated and not encrypted.

use crate::ccm::Ccm;
use crate::mac::Kind;
use crate::{Psdu, Reason};
use sn_types::{Eui64, LinkKey, Way};

/// How long integrity codes are: what is sent, and asked of every frame that is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// ENC-MIC-32, level 5: 4 octets. One forged frame in 2^32 passes.
    Mic32 = 5,
    /// ENC-MIC-64, level 6: 8 octets.
    Mic64 = 6,
    /// ENC-MIC-128, level 7: 16 octets.
    Mic128 = 7,
}

impl Level {
    /// The length of the integrity code, in octets.
    #[must_use]
    pub const fn mic_len(self) -> usize {
        match self {
            Self::Mic32 => 4,
            Self::Mic64 => 8,
            Self::Mic128 => 16,
        }
    }

    /// What security adds to a frame, in octets, with the implicit key (key id mode 0) that is used for sending.
    #[must_use]
    pub const fn overhead(self) -> usize {
        AuxHeader::IMPLICIT_LEN + self.mic_len()
    }

    const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            5 => Some(Self::Mic32),
            6 => Some(Self::Mic64),
            7 => Some(Self::Mic128),
            _ => None,
        }
    }
}

/// The keys of the nodes, and the frame counters: what must outlive the process, so somebody else keeps it.
///
/// A counter must never be used twice under a key, or what was sealed with it can be read: whoever hands out counters
/// has first written down, durably, that they are taken.
pub trait Keys {
    /// The key that a node shares with this station; `None` if the node may not talk to it.
    fn key(&self, node: Eui64) -> Option<&LinkKey>;

    /// Takes note of the counter of a frame that is proven to be the node's own. `false` if it is not greater than all
    /// before: the frame is a replay.
    fn accept(&mut self, node: Eui64, counter: u32) -> bool;

    /// The counter of the next frame to send, whomever to: greater than all before, and never 2^32 - 1 (§7.2.1). `None`:
    /// more are still being reserved, or all are used and there is nothing to send until there are new keys.
    fn next_counter(&mut self) -> Option<u32>;

    /// How a node is answered that was not heard since the start: as it was before, if somebody has kept that.
    fn way(&self, _node: Eui64) -> Way {
        Way::default()
    }
}

/// For stations without link security: nobody has a key.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKeys;

impl Keys for NoKeys {
    fn key(&self, _node: Eui64) -> Option<&LinkKey> {
        None
    }

    fn accept(&mut self, _node: Eui64, _counter: u32) -> bool {
        false
    }

    fn next_counter(&mut self) -> Option<u32> {
        None
    }
}

/// The counter that is never used (§7.2.1).
pub(crate) const LAST_COUNTER: u32 = u32::MAX;

/// The auxiliary security header (§7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuxHeader {
    /// How the frame is secured.
    pub level: Level,
    /// The sender's frame counter.
    pub counter: u32,
    /// Key id mode 1: which of the keys that both share. `None` is mode 0: there is only one.
    pub key_index: Option<u8>,
}

impl AuxHeader {
    const IMPLICIT_LEN: usize = 1 + 4;

    /// Reads the header at the start of `octets`, and says how long it is.
    ///
    /// # Errors
    /// [`Reason::SecurityLevel`] if the level has no encryption or no integrity code, [`Reason::SecurityHeader`] if it
    /// ends early or has another key id mode than 0 and 1.
    pub fn decode(octets: &[u8]) -> Result<(Self, usize), Reason> {
        let (&[control, counter @ ..], rest) =
            octets.split_first_chunk::<{ Self::IMPLICIT_LEN }>().ok_or(Reason::SecurityHeader)?;
        let counter = u32::from_le_bytes(counter);
        let (key_index, len) = match (control >> 3) & 0x03 {
            0 => (None, Self::IMPLICIT_LEN),
            1 => (Some(*rest.first().ok_or(Reason::SecurityHeader)?), Self::IMPLICIT_LEN + 1),
            _ => return Err(Reason::SecurityHeader),
        };
        let level = Level::from_bits(control & 0x07).ok_or(Reason::SecurityLevel)?;
        Ok((Self { level, counter, key_index }, len))
    }

    /// Appends the header to a frame; `None` if there is no room.
    pub(crate) fn push_to(self, psdu: &mut Psdu) -> Option<()> {
        let mode = if self.key_index.is_some() { 1 << 3 } else { 0 };
        psdu.push(&[self.level as u8 | mode])?;
        psdu.push(&self.counter.to_le_bytes())?;
        self.key_index.map_or(Some(()), |index| psdu.push(&[index]))
    }

    const fn nonce(self, source: Eui64) -> [u8; 13] {
        let [a, b, c, d, e, f, g, h] = source.0;
        let [i, j, k, l] = self.counter.to_be_bytes();
        [a, b, c, d, e, f, g, h, i, j, k, l, self.level as u8]
    }
}

/// Makes a frame of a MAC header and a payload: adds the auxiliary header, encrypts, and appends the integrity code.
///
/// `source` is the sender's extended address. `None` if it gets longer than a frame may be.
pub(crate) fn seal(
    mut psdu: Psdu,
    kind: Kind,
    aux: AuxHeader,
    source: Eui64,
    key: &LinkKey,
    payload: &[u8],
) -> Option<Psdu> {
    aux.push_to(&mut psdu)?;
    let clear = psdu.len() + open_payload(kind).min(payload.len());
    psdu.push(payload)?;
    let mut mic = [0; 16];
    let mic = &mut mic[..aux.level.mic_len()];
    let (header, message) = psdu.as_bytes_mut().split_at_mut(clear);
    Ccm::new(key, aux.nonce(source)).encrypt(header, message, mic);
    psdu.push(mic)?;
    Some(psdu)
}

/// Checks and decrypts, in place, a frame whose payload starts at `header_len`, and takes the integrity code off its end.
pub(crate) fn open(
    psdu: &mut Psdu,
    header_len: usize,
    kind: Kind,
    aux: AuxHeader,
    source: Eui64,
    key: &LinkKey,
) -> Result<(), Reason> {
    let end = psdu.len().checked_sub(aux.level.mic_len()).ok_or(Reason::BadMic)?;
    let clear = header_len + open_payload(kind);
    if clear > end {
        return Err(Reason::BadMic);
    }
    let (frame, mic) = psdu.as_bytes_mut().split_at_mut(end);
    let (header, message) = frame.split_at_mut(clear);
    let is_genuine = Ccm::new(key, aux.nonce(source)).decrypt(header, message, mic);
    psdu.truncate(end);
    if is_genuine && aux.counter != LAST_COUNTER { Ok(()) } else { Err(reason_against(is_genuine)) }
}

/// The octets at the start of a payload that are authenticated only (§7.2.3, table 57).
const fn open_payload(kind: Kind) -> usize {
    match kind {
        Kind::Data => 0,
        Kind::Command => 1,
    }
}

/// A frame with the counter that is never used was sealed by nobody who counts as the standard asks.
const fn reason_against(is_genuine: bool) -> Reason {
    if is_genuine { Reason::Replay } else { Reason::BadMic }
}

#[cfg(test)]
mod tests {
    //! The three examples of IEEE 802.15.4-2011 Annex C.2, whose key is C0 C1 .. CF.

    use super::*;

    const KEY: LinkKey =
        LinkKey([0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xCB, 0xCC, 0xCD, 0xCE, 0xCF]);
    const SOURCE: Eui64 = Eui64([0xAC, 0xDE, 0x48, 0, 0, 0, 0, 1]);
    const COMMAND: [u8; 27] = [
        0x2B, 0xDC, 0x84, 0x21, 0x43, 0x02, 0, 0, 0, 0, 0x48, 0xDE, 0xAC, 0xFF, 0xFF, 0x01, 0, 0, 0, 0, 0x48, 0xDE,
        0xAC, 0x06, 0x05, 0, 0,
    ];

    fn nonce(level: u8) -> [u8; 13] {
        [0xAC, 0xDE, 0x48, 0, 0, 0, 0, 1, 0, 0, 0, 5, level]
    }

    #[test]
    fn a_beacon_of_level_2_has_its_integrity_code() {
        let frame = [
            0x08, 0xD0, 0x84, 0x21, 0x43, 0x01, 0, 0, 0, 0, 0x48, 0xDE, 0xAC, 0x02, 0x05, 0, 0, 0, 0x55, 0xCF, 0, 0,
            0x51, 0x52, 0x53, 0x54,
        ];
        let mut mic = [0; 8];
        Ccm::new(&KEY, nonce(2)).encrypt(&frame, &mut [], &mut mic);
        assert_eq!(mic, [0x22, 0x3B, 0xC1, 0xEC, 0x84, 0x1A, 0xB5, 0x53]);
    }

    #[test]
    fn a_data_frame_of_level_4_is_encrypted() {
        let header = [
            0x69, 0xDC, 0x84, 0x21, 0x43, 0x02, 0, 0, 0, 0, 0x48, 0xDE, 0xAC, 0x01, 0, 0, 0, 0, 0x48, 0xDE, 0xAC, 0x04,
            0x05, 0, 0, 0,
        ];
        // Level 4 has no integrity code, which is not ours to send.
        let mut message = *b"abcd";
        Ccm::new(&KEY, nonce(4)).encrypt(&header, &mut message, &mut []);
        assert_eq!(message, [0xD4, 0x3E, 0x02, 0x2B]);
    }

    #[test]
    fn a_command_of_level_6_is_sealed_and_opened() {
        // The example's header has two PAN ids.
        let header = Psdu::new(&COMMAND[..23]).unwrap();
        let aux = AuxHeader { level: Level::Mic64, counter: 5, key_index: None };
        let sealed = seal(header, Kind::Command, aux, SOURCE, &KEY, &[0x01, 0xCE]).unwrap();
        let (frame, end) = sealed.as_bytes().split_at(28);
        assert_eq!(frame[..27], COMMAND);
        assert_eq!(end, [0x01, 0xD8, 0x4F, 0xDE, 0x52, 0x90, 0x61, 0xF9, 0xC6, 0xF1]);
        let mut opened = sealed;
        assert_eq!(AuxHeader::decode(&opened.as_bytes()[23..]), Ok((aux, 5)));
        assert_eq!(open(&mut opened, 28, Kind::Command, aux, SOURCE, &KEY), Ok(()));
        assert_eq!(opened.as_bytes()[28..], [0x01, 0xCE]);
    }

    #[test]
    fn one_wrong_bit_anywhere_is_found_out() {
        for level in [Level::Mic32, Level::Mic64, Level::Mic128] {
            let aux = AuxHeader { level, counter: 7, key_index: Some(3) };
            let header = Psdu::new(&[0x49, 0xD8, 1, 2, 3]).unwrap();
            let sealed = seal(header, Kind::Data, aux, SOURCE, &KEY, b"datagram").unwrap();
            let mut whole = sealed.clone();
            assert_eq!(AuxHeader::decode(&sealed.as_bytes()[5..]), Ok((aux, 6)), "with a key index");
            assert_eq!(open(&mut whole, 11, Kind::Data, aux, SOURCE, &KEY), Ok(()));
            assert_eq!(whole.as_bytes()[11..], *b"datagram");
            for bit in 0..sealed.len() * 8 {
                let mut damaged = sealed.clone();
                damaged.as_bytes_mut()[bit / 8] ^= 1 << (bit % 8);
                // The auxiliary header is read from the frame, so a wrong bit there makes another nonce.
                if let Ok((aux, len)) = AuxHeader::decode(&damaged.as_bytes()[5..]) {
                    assert_eq!(
                        open(&mut damaged, 5 + len, Kind::Data, aux, SOURCE, &KEY),
                        Err(Reason::BadMic),
                        "{bit}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_last_counter_is_not_taken() {
        let aux = AuxHeader { level: Level::Mic32, counter: LAST_COUNTER, key_index: None };
        let mut sealed = seal(Psdu::EMPTY, Kind::Data, aux, SOURCE, &KEY, b"datagram").unwrap();
        assert_eq!(open(&mut sealed, 5, Kind::Data, aux, SOURCE, &KEY), Err(Reason::Replay));
    }

    #[test]
    fn short_frames_are_refused() {
        let aux = AuxHeader { level: Level::Mic128, counter: 1, key_index: None };
        for len in 0..=21 {
            let mut psdu = Psdu::new(&[0; 64][..len]).unwrap();
            let result = open(&mut psdu, 6, Kind::Data, aux, SOURCE, &KEY);
            assert_eq!(result, Err(Reason::BadMic), "{len}");
        }
        for len in 0..AuxHeader::IMPLICIT_LEN {
            assert_eq!(AuxHeader::decode(&[0x0D; 8][..len]), Err(Reason::SecurityHeader));
        }
        assert_eq!(AuxHeader::decode(&[0x0D, 0, 0, 0, 0]), Err(Reason::SecurityHeader));
        assert_eq!(AuxHeader::decode(&[0x04, 0, 0, 0, 0]), Err(Reason::SecurityLevel));
        assert_eq!(AuxHeader::decode(&[0x15, 0, 0, 0, 0, 0]), Err(Reason::SecurityHeader));
    }
}
