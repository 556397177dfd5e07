//! A control transfer, stage by stage (USB 2.0 §8.5.3, §5.5).

use super::{Handshake, PACKET, Token};

/// How a transfer has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With these octets from the device.
    Done(Vec<u8>),
    /// The device does not know the request.
    Stalled,
}

#[derive(Debug)]
enum Stage {
    Setup,
    DataIn(Vec<u8>),
    DataOut(usize),
    Status,
}

/// A transfer that is under way.
#[derive(Debug)]
pub(super) struct Transfer {
    setup: [u8; 8],
    data: Vec<u8>,
    stage: Stage,
}

impl Transfer {
    /// A request with up to `len` octets from the device.
    pub(super) fn get(kind: u8, request: u8, value: u16, index: u16, len: u16) -> Self {
        Self { setup: setup(0x80 | kind, request, value, index, len), data: Vec::new(), stage: Stage::Setup }
    }

    /// A request with octets for the device.
    pub(super) fn set(kind: u8, request: u8, value: u16, index: u16, data: Vec<u8>) -> Self {
        Self { setup: setup(kind, request, value, index, data.len() as u16), data, stage: Stage::Setup }
    }

    fn len(&self) -> usize {
        usize::from(u16::from_le_bytes([self.setup[6], self.setup[7]]))
    }

    fn is_in(&self) -> bool {
        self.setup[0] & 0x80 != 0
    }

    /// What comes next.
    pub(super) fn token(&self) -> Token {
        match &self.stage {
            Stage::Setup => Token::Setup(self.setup),
            Stage::DataIn(_) => Token::In(0),
            Stage::DataOut(sent) => Token::Out(0, self.data[*sent..].iter().take(PACKET).copied().collect()),
            // In the direction that the data did not have.
            Stage::Status if self.is_in() && self.len() > 0 => Token::Out(0, Vec::new()),
            Stage::Status => Token::In(0),
        }
    }

    /// The device has answered; `None`: it goes on.
    pub(super) fn answered(&mut self, answer: Handshake) -> Option<Outcome> {
        if answer == Handshake::Stall {
            return Some(Outcome::Stalled);
        }
        let (len, is_in) = (self.len(), self.is_in());
        self.stage = match (std::mem::replace(&mut self.stage, Stage::Status), answer) {
            (Stage::Setup, _) if len == 0 => Stage::Status,
            (Stage::Setup, _) if is_in => Stage::DataIn(Vec::new()),
            (Stage::Setup, _) => Stage::DataOut(0),
            (Stage::DataIn(mut got), Handshake::Data(packet)) => {
                // A packet that is not full is the last one.
                let is_last = packet.len() < PACKET || got.len() + packet.len() >= len;
                got.extend(packet);
                if is_last {
                    self.data = got;
                    Stage::Status
                } else {
                    Stage::DataIn(got)
                }
            }
            (Stage::DataOut(sent), _) if sent + PACKET < self.data.len() => Stage::DataOut(sent + PACKET),
            (Stage::DataOut(_) | Stage::DataIn(_), _) => Stage::Status,
            (Stage::Status, _) => return Some(Outcome::Done(std::mem::take(&mut self.data))),
        };
        None
    }
}

fn setup(kind: u8, request: u8, value: u16, index: u16, len: u16) -> [u8; 8] {
    let [value, index, len] = [value, index, len].map(u16::to_le_bytes);
    [kind, request, value[0], value[1], index[0], index[1], len[0], len[1]]
}
