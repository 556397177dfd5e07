//! Our driver and a device, wire to wire, in virtual time.

#![allow(dead_code, reason = "each test uses a part")]

use sn_types::Instant;
use spinel_device::{Command, Config, Device, Eui64, Received, Verdict};
use transports::ieee802154::rcp::{Event, Rcp, Settings};

pub(crate) const HWADDR: Eui64 = [2, 0, 0, 3, 0, 0, 0, 0];
pub(crate) const NODE: Eui64 = [2, 0, 0, 1, 0, 0, 0, 7];
pub(crate) const PAN: u16 = 0x530F;
/// As many as the device in the tests knows by heart.
pub(crate) const MATCHES: usize = 4;
pub(crate) const OUTPUT: usize = 1_024;

pub(crate) fn config() -> Config {
    Config { hwaddr: HWADDR, version: "OPENTHREAD/1; test", min_power_dbm: -40, max_power_dbm: 8 }
}

pub(crate) struct Wire {
    pub(crate) now: Instant,
    pub(crate) rcp: Rcp,
    pub(crate) device: Device<MATCHES, OUTPUT>,
    /// What the radio and the board were told, without scans, which are over at once.
    pub(crate) commands: Vec<Command>,
}

impl Wire {
    pub(crate) fn new(channel: Option<u8>) -> Self {
        let settings =
            Settings { pan_id: PAN, channel, short_address: 0x0001, long_address: None, tx_power_dbm: Some(20) };
        let (rcp, device) = (Rcp::new(settings), Device::new(config()));
        let mut wire = Self { now: Instant::ZERO, rcp, device, commands: Vec::new() };
        wire.rcp.handle_opened(wire.now);
        wire
    }

    pub(crate) fn up() -> Self {
        let mut wire = Self::new(Some(15));
        assert!(matches!(&wire.settle()[..], [Event::Up(_)]));
        wire.commands.clear();
        wire
    }

    /// Lets both talk until neither has anything to say.
    pub(crate) fn settle(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let octets = self.rcp.output().to_vec();
            self.rcp.written(octets.len());
            self.device.handle_octets(&octets);
            self.obey();
            let answer = self.device.output().to_vec();
            self.device.written(answer.len());
            self.rcp.handle_octets(self.now, &answer);
            events.extend(std::iter::from_fn(|| self.rcp.poll_event()));
            if octets.is_empty() && answer.is_empty() {
                return events;
            }
        }
    }

    /// Channel 20 is the only quiet one.
    fn obey(&mut self) {
        while let Some(command) = self.device.poll() {
            match command {
                Command::Scan { channel, .. } => self.device.handle_scanned(if channel == 20 { -95 } else { -60 }),
                Command::Listen | Command::Transmit(_) | Command::Restart | Command::Bootloader => {
                    self.commands.push(command);
                }
            }
        }
    }

    /// The radio receives a frame: what it does with it.
    pub(crate) fn hear(&mut self, psdu: &[u8]) -> Verdict {
        let verdict = self.device.receiver().judge(psdu);
        let acked_with_pending = verdict == Verdict::Acknowledge { pending: true };
        if verdict != Verdict::Ignore {
            self.device.handle_received(&received(psdu, acked_with_pending));
        }
        verdict
    }
}

pub(crate) fn received(psdu: &[u8], acked_with_pending: bool) -> Received<'_> {
    Received { psdu, rssi_dbm: -60, lqi: 160, at_us: 7, acked_with_pending }
}

/// A frame from [`NODE`] with extended addresses in one PAN, which asks for an acknowledgement.
pub(crate) fn frame(kind: u8, pan: u16, to: Eui64, payload: &[u8]) -> Vec<u8> {
    let reversed = |address: Eui64| address.into_iter().rev();
    let head = [0x60 | kind, 0xCC, 9].into_iter().chain(pan.to_le_bytes());
    head.chain(reversed(to)).chain(reversed(NODE)).chain(payload.iter().copied()).chain([0, 0]).collect()
}
