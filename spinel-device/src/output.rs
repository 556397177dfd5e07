//! What waits for the host to read it.

use core::mem;
use heapless::Vec;

/// Octets for the host, up to `N`. A frame is in it whole or not at all.
#[derive(Debug)]
pub(crate) struct Output<const N: usize> {
    octets: Vec<u8, N>,
    /// Some octets of the frame that is being written had no place.
    is_overfull: bool,
}

impl<const N: usize> Output<N> {
    pub(crate) const fn new() -> Self {
        Self { octets: Vec::new(), is_overfull: false }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.octets
    }

    pub(crate) fn room(&self) -> usize {
        N - self.octets.len()
    }

    /// These many octets have been read.
    pub(crate) fn drain(&mut self, len: usize) {
        self.octets.drain(..len.min(self.octets.len()));
    }

    pub(crate) fn clear(&mut self) {
        self.octets.clear();
    }

    /// Writes one frame. Whether it had room.
    pub(crate) fn frame(&mut self, write: impl FnOnce(&mut Self)) -> bool {
        let before = self.octets.len();
        write(self);
        let has_room = !mem::take(&mut self.is_overfull);
        if !has_room {
            self.octets.truncate(before);
        }
        has_room
    }
}

impl<const N: usize> Extend<u8> for Output<N> {
    fn extend<T: IntoIterator<Item = u8>>(&mut self, octets: T) {
        for octet in octets {
            self.is_overfull |= self.octets.push(octet).is_err();
        }
    }
}
