//! The UART as a link.

use crate::device::{Device, Offset, UART0};
use crate::wake::Wake;
use node_app::slip::{self, Decoder};
use node_app::{Link, MAX_DATAGRAM_LEN};

// Registers of a UART.
const DATA: Offset = Offset::X00;
const STATE: Offset = Offset::X04;
const CTRL: Offset = Offset::X08;
const INT_CLEAR: Offset = Offset::X0C;
const BAUD_DIVISOR: Offset = Offset::X10;

// Bits of STATE.
const TX_FULL: u32 = 1 << 0;
const RX_FULL: u32 = 1 << 1;

// Bits of CTRL.
const TX_ENABLE: u32 = 1 << 0;
const RX_ENABLE: u32 = 1 << 1;
const RX_INTERRUPT_ENABLE: u32 = 1 << 3;

// Bit of INT_CLEAR.
const RX_INTERRUPT: u32 = 1 << 1;

/// 25 MHz by 217 is 115,200 baud. The emulated line is as fast as it is read.
const DIVISOR: u32 = 217;

const UART: Device = UART0;

/// Datagrams over the UART.
pub(crate) struct SlipLink {
    decoder: Decoder<MAX_DATAGRAM_LEN>,
}

impl SlipLink {
    /// Switches the UART on.
    pub(crate) fn start() -> Self {
        UART.write(BAUD_DIVISOR, DIVISOR);
        UART.write(CTRL, TX_ENABLE | RX_ENABLE | RX_INTERRUPT_ENABLE);
        Wake::Uart0Receive.enable();
        Self { decoder: Decoder::new() }
    }
}

impl Link for SlipLink {
    fn send(&mut self, datagram: &[u8]) {
        slip::encode(datagram, put);
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Option<usize> {
        // Cleared before looking: what comes afterwards sets it again.
        UART.write(INT_CLEAR, RX_INTERRUPT);
        Wake::Uart0Receive.clear();
        while let Some(octet) = get() {
            if let Some(datagram) = self.decoder.push(octet)
                && let Some(room) = buffer.get_mut(..datagram.len())
            {
                room.copy_from_slice(datagram);
                return Some(datagram.len());
            }
        }
        None
    }
}

fn put(octet: u8) {
    while UART.read(STATE) & TX_FULL != 0 {}
    UART.write(DATA, octet.into());
}

fn get() -> Option<u8> {
    let is_full = UART.read(STATE) & RX_FULL != 0;
    // The register has 8 bits.
    is_full.then(|| UART.read(DATA) as u8)
}
