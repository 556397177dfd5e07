//! Datagrams on a serial line: SLIP (RFC 1055), an END octet around each and an escape for an END inside.
//!
//! MQTT-SN's own Length octet could delimit messages too, and takes no code. But when one octet is lost, a reader of
//! lengths takes the middle of messages for their beginning until the line is quiet; here that costs one datagram.

const END: u8 = 0xC0;
const ESC: u8 = 0xDB;
const ESC_END: u8 = 0xDC;
const ESC_ESC: u8 = 0xDD;

/// Hands the octets that carry `datagram` to `put`, one after the other.
pub fn encode(datagram: &[u8], mut put: impl FnMut(u8)) {
    // The first END closes what noise on the line may have begun.
    put(END);
    for &octet in datagram {
        match octet {
            END => [ESC, ESC_END].into_iter().for_each(&mut put),
            ESC => [ESC, ESC_ESC].into_iter().for_each(&mut put),
            plain => put(plain),
        }
    }
    put(END);
}

/// Finds datagrams of up to `N` octets in what arrives. Longer and malformed ones are skipped.
pub struct Decoder<const N: usize> {
    octets: [u8; N],
    len: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Plain,
    /// After ESC.
    Escaped,
    /// This datagram is lost.
    Skipping,
}

impl<const N: usize> Default for Decoder<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Decoder<N> {
    /// A decoder at the start of the line.
    #[must_use]
    pub const fn new() -> Self {
        Self { octets: [0; N], len: 0, state: State::Plain }
    }

    /// Takes the next octet; returns the datagram that it completes.
    pub fn push(&mut self, octet: u8) -> Option<&[u8]> {
        match (self.state, octet) {
            (state, END) => return self.end(state == State::Plain),
            (State::Plain, ESC) => self.state = State::Escaped,
            (State::Plain, plain) => self.append(plain),
            (State::Escaped, ESC_END) => self.append(END),
            (State::Escaped, ESC_ESC) => self.append(ESC),
            (State::Escaped | State::Skipping, _) => self.state = State::Skipping,
        }
        None
    }

    fn append(&mut self, octet: u8) {
        let Some(free) = self.octets.get_mut(self.len) else {
            self.state = State::Skipping;
            return;
        };
        *free = octet;
        self.len += 1;
        self.state = State::Plain;
    }

    /// Nothing between two ENDs is no datagram.
    fn end(&mut self, is_whole: bool) -> Option<&[u8]> {
        self.state = State::Plain;
        let len = core::mem::take(&mut self.len);
        self.octets.get(..len).filter(|datagram| is_whole && !datagram.is_empty())
    }
}
