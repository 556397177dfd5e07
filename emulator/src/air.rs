//! What the chip's antenna is connected to.

use simulator::radio::OnChip;
use sn_types::Instant;

/// A channel with other stations on it, in virtual time.
pub trait Air {
    /// The radio goes to this channel, 11..=26, before it is opened or sends there.
    fn tune(&mut self, now: Instant, channel: u8);

    /// The receiver works from now on, or does not.
    fn open(&mut self, now: Instant, on: bool);

    /// The first symbol of a frame's preamble is sent now; [`OnChip::Sent`] follows at its end. From frame control to check
    /// sequence.
    fn send(&mut self, now: Instant, psdu: &[u8]);

    /// The frame that is being sent is broken off.
    fn break_off(&mut self, now: Instant);

    /// The power at the antenna, in dBm.
    fn power_dbm(&self) -> i8;

    /// Whether a frame is on the air that the chip could receive, had it listened from its beginning.
    fn hears_carrier(&self) -> bool;

    /// What has happened to the chip, one after the other.
    fn poll(&mut self) -> Option<OnChip>;

    /// When to call [`Air::handle_timeout`].
    fn poll_timeout(&self) -> Option<Instant>;

    /// Does what is due.
    fn handle_timeout(&mut self, now: Instant);
}
