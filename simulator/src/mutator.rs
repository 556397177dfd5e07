//! Damaged and misplaced packets, from a seed.

use oorandom::Rand64;

/// Makes packets out of others: as they are, with flipped bits, cut short, put together from two, or at random.
#[derive(Debug)]
pub struct Mutator {
    corpus: Vec<Vec<u8>>,
    rng: Rand64,
}

impl Mutator {
    /// Longest random packet, in octets.
    const RANDOM_LEN: u64 = 64;

    /// A source of packets made from `corpus`, which must not be empty.
    ///
    /// # Panics
    /// Without a packet to start from.
    #[must_use]
    pub fn new(seed: u64, corpus: Vec<Vec<u8>>) -> Self {
        assert!(!corpus.is_empty(), "no packet to start from");
        Self { corpus, rng: Rand64::new(seed.into()) }
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.rng.rand_range(0..end)
    }

    /// The next packet.
    pub fn packet(&mut self) -> Vec<u8> {
        match self.below(8) {
            0 | 1 => self.pick(),
            2 | 3 => self.flipped(),
            4 => self.truncated(),
            5 => self.spliced(),
            6 => self.resized(),
            _ => self.random(),
        }
    }

    fn pick(&mut self) -> Vec<u8> {
        let at = self.below(self.corpus.len() as u64) as usize;
        self.corpus[at].clone()
    }

    fn place(&mut self, packet: &[u8]) -> usize {
        self.below(packet.len() as u64 + 1) as usize
    }

    fn flipped(&mut self) -> Vec<u8> {
        let mut packet = self.pick();
        for _ in 0..=self.below(3) {
            let (at, bit) = (self.place(&packet), self.below(8));
            if let Some(octet) = packet.get_mut(at) {
                *octet ^= 1 << bit;
            }
        }
        packet
    }

    fn truncated(&mut self) -> Vec<u8> {
        let mut packet = self.pick();
        packet.truncate(self.place(&packet));
        packet
    }

    fn spliced(&mut self) -> Vec<u8> {
        let (mut packet, tail) = (self.pick(), self.pick());
        packet.truncate(self.place(&packet));
        packet.extend_from_slice(&tail[self.place(&tail)..]);
        packet
    }

    /// Another body, but a Length that is right: gets past the first check.
    fn resized(&mut self) -> Vec<u8> {
        let mut packet = if self.below(2) == 0 { self.flipped() } else { self.spliced() };
        packet.truncate(255);
        if let (len @ 2.., Some(first)) = (packet.len(), packet.first_mut()) {
            *first = len as u8;
        }
        packet
    }

    fn random(&mut self) -> Vec<u8> {
        (0..self.below(Self::RANDOM_LEN)).map(|_| self.below(256) as u8).collect()
    }
}
