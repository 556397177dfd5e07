//! The device, as the program on it uses it.

use crate::radio::{Command, Outcome, Received};
use crate::receiver::Receiver;
use crate::session::Session;
use crate::settings::Config;
use spinel::Status;
use spinel::hdlc::{Decoded, Decoder, SUM_LEN};

/// The longest frame of a host that is read: the longest frame of the air with what belongs to it, or a list of 36 extended
/// addresses.
const LONGEST_REQUEST: usize = 300;

/// The device's side of the line. `MATCHES`: how many short and how many extended addresses of nodes for whom something waits
/// it knows, up to 36; a host that wants more has it say to all that something waits. `OUTPUT`: how many octets wait for a
/// host that does not read, at least 1,024; beyond, frames of the air are dropped, as OpenThread's firmware does.
///
/// Order of calls: [`Device::new`], then [`Device::reset`] with the reason for which it starts, which tells the host. When the
/// host's end was opened or closed, [`Device::handle_closed`]. What the host writes goes to [`Device::handle_octets`], and what
/// is to be written to it is the [`Device::output`]. After each call [`Device::poll`] until there is nothing. The radio does one
/// command after the other; it says what came of it with [`Device::handle_transmitted`] and [`Device::handle_scanned`], until
/// when no other that it would have to do comes. What it hears goes to [`Device::handle_received`], if [`Receiver::judge`] says
/// so.
///
/// With async tasks: let one own the device and wait for whatever comes first, octets of the host, an outcome or a frame of
/// the radio, room at the host. Commands and copies of the [`Receiver`] go to the radio's task or interrupt, which judges and
/// acknowledges without asking.
#[derive(Debug)]
pub struct Device<const MATCHES: usize, const OUTPUT: usize> {
    decoder: Decoder<[u8; LONGEST_REQUEST + SUM_LEN]>,
    session: Session<MATCHES, OUTPUT>,
}

impl<const MATCHES: usize, const OUTPUT: usize> Device<MATCHES, OUTPUT> {
    const FITS: () = assert!(MATCHES <= 36 && OUTPUT >= 1_024);

    /// A device whose radio is off.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let () = Self::FITS;
        Self { decoder: Decoder::new([0; LONGEST_REQUEST + SUM_LEN]), session: Session::new(config) }
    }

    /// It starts anew, and tells the host why: a status of [`Status::RESET_POWER_ON`] to [`Status::RESET_WATCHDOG`]. What the
    /// radio is doing still has to be reported.
    pub fn reset(&mut self, why: Status) {
        self.decoder.reset();
        self.session.reset(why);
    }

    /// The host has gone, or another one come: the radio goes off, and nothing is left for it to read.
    pub fn handle_closed(&mut self) {
        self.decoder.reset();
        self.session.forget();
        self.session.output.clear();
    }

    /// The host has written. Octets that are no frame are left out, as on a line with noise; frames that make no sense are
    /// answered with a status.
    pub fn handle_octets(&mut self, octets: &[u8]) {
        let Self { decoder, session } = self;
        decoder.take(octets, |decoded| match decoded {
            Decoded::Frame(octets) => session.hear(octets),
            Decoded::Damaged | Decoded::TooLong => {}
        });
    }

    /// The radio has received a frame that [`Receiver::judge`] takes.
    pub fn handle_received(&mut self, received: &Received<'_>) {
        self.session.handle_received(received);
    }

    /// The radio is done with [`Command::Transmit`].
    pub fn handle_transmitted(&mut self, outcome: Outcome<'_>) {
        self.session.handle_transmitted(outcome);
    }

    /// The radio is done with [`Command::Scan`]; this was the loudest moment.
    pub fn handle_scanned(&mut self, peak_dbm: i8) {
        self.session.handle_scanned(peak_dbm);
    }

    /// What it wants of the radio or the board, one after the other.
    pub fn poll(&mut self) -> Option<Command> {
        self.session.poll()
    }

    /// How the radio is to listen since the last [`Command::Listen`].
    #[must_use]
    pub const fn receiver(&self) -> &Receiver<MATCHES> {
        &self.session.settings.receiver
    }

    /// What is to be written to the host, in whatever pieces.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        self.session.output.as_slice()
    }

    /// These many octets of it have been.
    pub fn written(&mut self, len: usize) {
        self.session.output.drain(len);
    }
}
