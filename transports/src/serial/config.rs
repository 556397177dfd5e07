//! What an operator says of a serial line.

use super::framing::{self, Cobs, Hdlc, Raw, Slip, XBee};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use tokio_serial::{SerialPortInfo, SerialPortType};

/// A serial line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialConfig {
    /// Which.
    pub device: Device,
    /// Octets' bits per second.
    pub baud: u32,
    /// The parity bit.
    pub parity: Parity,
    /// How either end tells the other to wait.
    pub flow_control: FlowControl,
    /// How datagrams are told apart.
    pub framing: Framing,
    /// The longest datagram, in octets.
    pub mtu: u16,
    /// After a silence of this length a new message begins; of meaning with [`Framing::Raw`] only.
    pub gap: Duration,
}

/// What a device is opened with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which.
    pub device: Device,
    /// See [`SerialConfig::baud`].
    pub baud: u32,
    /// The parity bit.
    pub parity: Parity,
    /// How either end tells the other to wait.
    pub flow_control: FlowControl,
}

impl SerialConfig {
    /// What its device is opened with.
    pub(super) fn line(&self) -> Line {
        let Self { device, baud, parity, flow_control, framing: _, mtu: _, gap: _ } = self;
        Line { device: device.clone(), baud: *baud, parity: *parity, flow_control: *flow_control }
    }
}

/// Where the line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Device {
    /// A device file; links are followed each time it is opened, so those below `/dev/serial/by-id` stay right.
    Path(PathBuf),
    /// Whatever USB device has these numbers, and this serial number if one is given.
    Usb {
        /// The vendor's number.
        vendor: u16,
        /// The product's number.
        product: u16,
        /// As the device says it.
        serial: Option<String>,
    },
}

/// The parity bit of an octet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the usual names")]
pub enum Parity {
    #[default]
    None,
    Odd,
    Even,
}

/// How either end of a line tells the other to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlowControl {
    /// Not at all.
    #[default]
    None,
    /// By RTS and CTS.
    Hardware,
    /// By XON and XOFF: for framings that escape them (`hdlc`, and `xbee` in mode 2).
    Software,
}

/// How datagrams are told apart on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Message after message, by their own Length.
    Raw,
    /// SLIP (RFC 1055).
    Slip {
        /// With CRC-16/XMODEM.
        with_crc: bool,
    },
    /// HDLC-lite with CRC-16/X-25.
    Hdlc,
    /// COBS with CRC-16/X-25.
    Cobs,
    /// An XBee radio in API mode.
    XBee {
        /// The firmware's.
        family: framing::Family,
        /// API mode 2.
        with_escapes: bool,
    },
}

impl Framing {
    /// For datagrams of up to `mtu` octets; `gap` as in [`SerialConfig`].
    #[must_use]
    pub fn build(self, mtu: u16, gap: Duration) -> Box<dyn framing::Framing> {
        let mtu = usize::from(mtu);
        match self {
            Self::Raw => Box::new(Raw::new(mtu, gap)),
            Self::Slip { with_crc } => Box::new(Slip::new(mtu, with_crc)),
            Self::Hdlc => Box::new(Hdlc::new(mtu)),
            Self::Cobs => Box::new(Cobs::new(mtu)),
            Self::XBee { family, with_escapes } => Box::new(XBee::new(mtu, family, with_escapes)),
        }
    }

    /// Many nodes are at the other end, with addresses, and the radio says what became of a datagram.
    #[must_use]
    pub const fn is_radio(self) -> bool {
        match self {
            Self::XBee { .. } => true,
            Self::Raw | Self::Slip { .. } | Self::Hdlc | Self::Cobs => false,
        }
    }
}

impl Device {
    /// The device file of the moment, or why there is none.
    pub(super) fn path(&self) -> Result<String, String> {
        match self {
            Self::Path(path) => Ok(path.display().to_string()),
            Self::Usb { vendor, product, serial } => {
                let ports = tokio_serial::available_ports().map_err(|error| error.to_string())?;
                let found = ports.into_iter().find(|port| is_usb(port, *vendor, *product, serial.as_deref()));
                found.map(|port| port.port_name).ok_or_else(|| "no such USB device is plugged in".to_owned())
            }
        }
    }
}

fn is_usb(port: &SerialPortInfo, vendor: u16, product: u16, serial: Option<&str>) -> bool {
    match &port.port_type {
        SerialPortType::UsbPort(usb) => {
            (usb.vid, usb.pid) == (vendor, product)
                && serial.is_none_or(|wanted| usb.serial_number.as_deref() == Some(wanted))
        }
        SerialPortType::PciPort | SerialPortType::BluetoothPort | SerialPortType::Unknown => false,
    }
}

/// What is no device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoDevice(String);

impl fmt::Display for NoDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        write!(
            f,
            "`{text}` is no device: expected a path, as `/dev/serial/by-id/...`, or `usb:VENDOR:PRODUCT` or \
             `usb:VENDOR:PRODUCT:SERIAL` with four hexadecimal digits each, as `usb:1915:0000`"
        )
    }
}

impl std::error::Error for NoDevice {}

impl FromStr for Device {
    type Err = NoDevice;

    fn from_str(text: &str) -> Result<Self, NoDevice> {
        let Some(numbers) = text.strip_prefix("usb:") else {
            return if text.is_empty() { Err(NoDevice(text.into())) } else { Ok(Self::Path(text.into())) };
        };
        let mut parts = numbers.splitn(3, ':');
        let mut number = || parts.next().and_then(four_digits).ok_or_else(|| NoDevice(text.into()));
        let (vendor, product) = (number()?, number()?);
        Ok(Self::Usb { vendor, product, serial: parts.next().map(str::to_owned) })
    }
}

fn four_digits(text: &str) -> Option<u16> {
    let digits = text.len() == 4 && text.bytes().all(|octet| octet.is_ascii_hexdigit());
    u16::from_str_radix(text, 16).ok().filter(|_| digits)
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Usb { vendor, product, serial } => {
                write!(f, "usb:{vendor:04x}:{product:04x}")?;
                serial.iter().try_for_each(|serial| write!(f, ":{serial}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read_and_shown_the_same_way() {
        for text in ["/dev/ttyUSB0", "/dev/serial/by-id/usb-x:y", "usb:1915:0000", "usb:10c4:ea60:00:01"] {
            assert_eq!(text.parse::<Device>().map(|device| device.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "usb:", "usb:1915", "usb:1915:0", "usb:19150:0000", "usb:+915:0000", "usb:xxxx:0000"] {
            let error = text.parse::<Device>().expect_err(text);
            assert!(error.to_string().starts_with(&format!("`{text}` is no device")), "{error}");
        }
    }

    #[test]
    fn a_usb_device_is_told_by_its_numbers_and_its_serial_number() {
        let port = SerialPortInfo {
            port_name: "/dev/ttyACM7".into(),
            port_type: SerialPortType::UsbPort(tokio_serial::UsbPortInfo {
                vid: 0x1915,
                pid: 0x0001,
                serial_number: Some("7".into()),
                manufacturer: None,
                product: None,
            }),
        };
        assert!(is_usb(&port, 0x1915, 1, None) && is_usb(&port, 0x1915, 1, Some("7")));
        assert!(
            !is_usb(&port, 0x1915, 2, None) && !is_usb(&port, 0x1916, 1, None) && !is_usb(&port, 0x1915, 1, Some("8"))
        );
        let other = SerialPortInfo { port_type: SerialPortType::Unknown, ..port };
        assert!(!is_usb(&other, 0x1915, 1, None));
    }
}
