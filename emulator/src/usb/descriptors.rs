//! What a device says of itself (USB 2.0 §9.6, CDC 1.2 §5.2).

/// What the host has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Descriptors {
    /// idVendor and idProduct.
    pub id: (u16, u16),
    /// iManufacturer, iProduct, iSerialNumber.
    pub strings: [String; 3],
    /// The endpoints of its serial line.
    pub(super) line: Option<Line>,
    /// Where the strings are.
    pub(super) string_indices: [u8; 3],
}

/// The serial line's endpoints, without their directions, and the interface that is asked about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) interface: u16,
    pub(super) notify: usize,
    pub(super) from_device: usize,
    pub(super) to_device: usize,
}

const INTERFACE: u8 = 4;
const ENDPOINT: u8 = 5;
/// bInterfaceClass.
const COMMUNICATIONS: u8 = 2;
/// bmAttributes.
const BULK: u8 = 2;
const INTERRUPT: u8 = 3;
const IN: u8 = 0x80;

impl Descriptors {
    /// The device's own descriptor; `false`: it is none.
    pub(super) fn read_device(&mut self, octets: &[u8]) -> bool {
        let Some(octets) = octets.first_chunk::<18>().filter(|octets| octets[..2] == [18, 1]) else { return false };
        let word = |at: usize| u16::from_le_bytes([octets[at], octets[at + 1]]);
        self.id = (word(8), word(10));
        self.string_indices = [octets[14], octets[15], octets[16]];
        true
    }

    /// That of its configuration, with all that is in it.
    pub(super) fn read_configuration(&mut self, mut octets: &[u8]) {
        let (mut interface, mut notify, mut input, mut output) = (None, None, None, None);
        while let [len, kind, rest @ ..] = octets {
            match (*kind, rest) {
                (INTERFACE, [number, _, _, COMMUNICATIONS, ..]) => interface = Some(u16::from(*number)),
                (ENDPOINT, [address, attributes, ..]) => {
                    let number = usize::from(address & 7);
                    match (attributes & 3, address & IN) {
                        (INTERRUPT, IN) => notify = Some(number),
                        (BULK, IN) => input = Some(number),
                        (BULK, _) => output = Some(number),
                        _ => {}
                    }
                }
                _ => {}
            }
            octets = octets.get(usize::from(*len).max(2)..).unwrap_or_default();
        }
        self.line = interface
            .zip(notify)
            .zip(input.zip(output))
            .map(|((interface, notify), (from_device, to_device))| Line { interface, notify, from_device, to_device });
    }
}

/// The text of a string descriptor.
pub(super) fn text(octets: &[u8]) -> String {
    let units: Vec<u16> =
        octets.get(2..).unwrap_or_default().chunks_exact(2).map(|c| u16::from_le_bytes([c[0], c[1]])).collect();
    String::from_utf16_lossy(&units)
}
