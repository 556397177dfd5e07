//! The serial line to the host, over USB (CDC-ACM).
//!
//! Its rate means nothing, but for one: a host that sets 1200 baud and closes the line wants the bootloader, as with Arduino
//! boards.
//!
//! While the host sleeps, or is gone and the chip has its power from elsewhere, the controller must not be touched: it would
//! never say that it has moved a packet, for which its driver waits without end.

use crate::Irqs;
use core::future::poll_fn;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Poll;
use embassy_futures::select::{Either3, select3};
use embassy_nrf::Peri;
use embassy_nrf::peripherals::USBD;
use embassy_nrf::usb::Driver;
use embassy_nrf::usb::vbus_detect::HardwareVbusDetect;
use embassy_sync::waitqueue::AtomicWaker;
use embassy_usb::class::cdc_acm::{CdcAcmClass, ControlChanged, Receiver, Sender, State};
use embassy_usb::{Builder, Config, Handler, UsbDevice};
use rcp_app::{FromHost, PACKET, Reader, Writer};
use static_cell::StaticCell;

/// pid.codes' identifiers for tests, which no product may have: who sells dongles needs others.
const VENDOR: u16 = 0x1209;
const PRODUCT: u16 = 0x0001;
const MANUFACTURER: &str = "MQTT-SN gateway";
const NAME: &str = "802.15.4 Spinel radio";
/// The rate that asks for the bootloader.
const TOUCH_BAUD: u32 = 1_200;

type Usb = Driver<'static, HardwareVbusDetect>;

/// The host is there, and awake.
static IS_AWAKE: AtomicBool = AtomicBool::new(false);
static WRITER: AtomicWaker = AtomicWaker::new();
/// It has gone, and the reader was not told yet.
static HAS_GONE: AtomicBool = AtomicBool::new(false);
static READER: AtomicWaker = AtomicWaker::new();

/// Is told of the host.
struct Bus;

impl Bus {
    fn set_awake(is_awake: bool) {
        IS_AWAKE.store(is_awake, Ordering::Relaxed);
        WRITER.wake();
    }
}

impl Handler for Bus {
    fn enabled(&mut self, enabled: bool) {
        Self::set_awake(enabled);
        if !enabled {
            HAS_GONE.store(true, Ordering::Relaxed);
            READER.wake();
        }
    }

    fn reset(&mut self) {
        Self::set_awake(true);
    }

    fn suspended(&mut self, suspended: bool) {
        Self::set_awake(!suspended);
    }
}

async fn awake() {
    poll_fn(|context| {
        WRITER.register(context.waker());
        if IS_AWAKE.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

async fn gone() {
    poll_fn(|context| {
        READER.register(context.waker());
        if HAS_GONE.swap(false, Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The device on the bus, to be [run](UsbDevice::run), and both ends of its line.
pub(crate) fn start(
    usbd: Peri<'static, USBD>,
    irqs: Irqs,
    hwaddr: [u8; 8],
) -> (UsbDevice<'static, Usb>, FromUsb, ToUsb) {
    static CONFIG_DESCRIPTOR: StaticCell<[u8; 128]> = StaticCell::new();
    static CONTROL: StaticCell<[u8; 64]> = StaticCell::new();
    static STATE: StaticCell<State<'static>> = StaticCell::new();
    static BUS: StaticCell<Bus> = StaticCell::new();
    static SERIAL_NUMBER: StaticCell<[u8; 16]> = StaticCell::new();

    let mut config = Config::new(VENDOR, PRODUCT);
    config.manufacturer = Some(MANUFACTURER);
    config.product = Some(NAME);
    config.serial_number = Some(hex(hwaddr, SERIAL_NUMBER.init([0; 16])));
    config.max_power = 50;
    let driver = Driver::new(usbd, irqs, HardwareVbusDetect::new(irqs));
    let descriptor = CONFIG_DESCRIPTOR.init([0; 128]);
    let mut builder = Builder::new(driver, config, descriptor, &mut [], &mut [], CONTROL.init([0; 64]));
    builder.handler(BUS.init(Bus));
    let class = CdcAcmClass::new(&mut builder, STATE.init(State::new()), PACKET as u16 + 1);
    let (sender, receiver, control) = class.split_with_control();
    (builder.build(), FromUsb { receiver, control, is_open: false }, ToUsb { sender })
}

/// As it is written: `f4ce36..`.
fn hex(address: [u8; 8], text: &mut [u8; 16]) -> &str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, octet) in text.chunks_exact_mut(2).zip(address) {
        pair.copy_from_slice(&[DIGITS[usize::from(octet >> 4)], DIGITS[usize::from(octet & 15)]]);
    }
    // They are digits.
    core::str::from_utf8(text).unwrap_or_default()
}

/// What the host writes.
pub(crate) struct FromUsb {
    receiver: Receiver<'static, Usb>,
    control: ControlChanged<'static>,
    is_open: bool,
}

impl Reader for FromUsb {
    async fn next(&mut self, octets: &mut [u8; PACKET + 1]) -> FromHost {
        loop {
            // Before the octets: what is written into a line that was just opened comes after that.
            match select3(self.control.control_changed(), gone(), self.receiver.read_packet(octets)).await {
                Either3::First(()) => {
                    let is_open = self.control.dtr();
                    if core::mem::replace(&mut self.is_open, is_open) != is_open {
                        let is_touch = !is_open && self.receiver.line_coding().data_rate() == TOUCH_BAUD;
                        return if is_touch { FromHost::Bootloader } else { FromHost::Closed };
                    }
                }
                Either3::Second(()) => {
                    self.is_open = false;
                    return FromHost::Closed;
                }
                Either3::Third(Ok(len)) => return FromHost::Octets(len),
                // Not set up yet.
                Either3::Third(Err(_)) => self.receiver.wait_connection().await,
            }
        }
    }
}

/// What the host reads.
pub(crate) struct ToUsb {
    sender: Sender<'static, Usb>,
}

impl Writer for ToUsb {
    async fn write(&mut self, octets: &[u8]) -> usize {
        awake().await;
        match self.sender.write_packet(octets).await {
            Ok(()) => octets.len(),
            Err(_) => {
                self.sender.wait_connection().await;
                0
            }
        }
    }
}
