//! Who listens for a frame at this moment, since it has just asked for one.

use crate::backoff::Backoff;
use crate::filter::{receiver, sender};

/// The longest address in a frame.
const LONGEST: usize = 8;

/// The last station whose data request was acknowledged with "frame pending". The next frame to it is the one that it asked
/// for; those after that are as any others.
#[derive(Debug, Default)]
pub struct Poller {
    address: [u8; LONGEST],
    /// 0: nobody.
    len: usize,
}

impl Poller {
    /// Nobody yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { address: [0; LONGEST], len: 0 }
    }

    /// This frame was acknowledged with "frame pending".
    pub fn asked(&mut self, psdu: &[u8]) {
        if let Some(from) = sender(psdu)
            && let Some(address) = self.address.get_mut(..from.len())
        {
            address.copy_from_slice(from);
            self.len = from.len();
        }
    }

    /// How long a frame that is to be sent waits for the channel. Whoever has asked for it has its receiver on until it comes,
    /// and a backoff would be a good part of that.
    pub fn backoff(&mut self, psdu: &[u8]) -> Backoff {
        if self.len > 0 && receiver(psdu) == self.address.get(..self.len) {
            self.len = 0;
            return Backoff::of_reply();
        }
        Backoff::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Backoff {
        fn waits(mut self) -> bool {
            self.next_us(u32::MAX) != Some(0)
        }
    }

    const NODE: [u8; 8] = [7, 0, 0, 0, 0, 0, 0, 2];

    fn request(from: [u8; 8]) -> [u8; 16] {
        let mut psdu = [0x63, 0xC8, 1, 0xCD, 0xAB, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4];
        psdu[7..15].copy_from_slice(&from);
        psdu
    }

    fn frame_to(to: [u8; 8]) -> [u8; 16] {
        let mut psdu = [0x61, 0x8C, 9, 0xCD, 0xAB, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0x33];
        psdu[5..13].copy_from_slice(&to);
        psdu
    }

    #[test]
    fn one_frame_answers_a_request() {
        let mut poller = Poller::new();
        assert!(poller.backoff(&frame_to(NODE)).waits(), "nobody has asked");
        poller.asked(&request(NODE));
        assert!(poller.backoff(&frame_to([9; 8])).waits(), "somebody else");
        assert!(!poller.backoff(&frame_to(NODE)).waits());
        assert!(poller.backoff(&frame_to(NODE)).waits(), "that was the one");
    }

    #[test]
    fn the_last_who_asked_is_remembered() {
        let mut poller = Poller::new();
        poller.asked(&request([9; 8]));
        poller.asked(&request(NODE));
        assert!(poller.backoff(&frame_to([9; 8])).waits());
        assert!(!poller.backoff(&frame_to(NODE)).waits());
    }
}
