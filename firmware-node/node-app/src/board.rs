//! What the application needs from a board.

use sn_types::Instant;

/// Carries whole datagrams between the node and its gateway. It may lose them.
pub trait Link {
    /// Sends a datagram, or loses it.
    fn send(&mut self, datagram: &[u8]);

    /// Puts the next datagram that has arrived at the start of `buffer` and returns its length; `None`: there is none
    /// now. One that does not fit is lost.
    fn receive(&mut self, buffer: &mut [u8]) -> Option<usize>;
}

/// Tells the time and waits.
pub trait Clock {
    /// Time since the board's start.
    fn now(&mut self) -> Instant;

    /// Lets the processor sleep until `due` at the latest. Comes back earlier when the link may have something, and
    /// at any other time.
    fn wait(&mut self, due: Option<Instant>);
}
