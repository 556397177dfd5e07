//! Inside the machine: which frames Linux passes between a packet socket and the air.
//!
//! From wpan0 go a secured frame, a command and a plain frame; what comes first at wpan1 says what was dropped.

use anyhow::{Context, Result, ensure};
use std::io::Read;
use std::time::Duration;
use transports::ieee802154::wpan;

const WITHIN: Duration = Duration::from_secs(60);
/// Sequence number, PAN abcd, to all, from 0b0b.
const ADDRESSES: [u8; 7] = [7, 0xCD, 0xAB, 0xFF, 0xFF, 0x0B, 0x0B];
/// Short addresses both, and frame version 1.
const SHORT: u8 = 0x98;
/// Data, data with a security header, and command; within one PAN.
const DATA: u8 = 0x41;
const SECURED: u8 = 0x49;
const COMMAND: u8 = 0x43;
/// ENC-MIC-32 with an implicit key, frame counter 1; and what could be two octets and their code.
const SEALED: [u8; 11] = [5, 1, 0, 0, 0, 0x11, 0x22, 1, 2, 3, 4];
const DATA_REQUEST: u8 = 4;

fn main() -> Result<()> {
    let (from, _) = wpan::open("wpan0")?;
    let (to, _) = wpan::open("wpan1")?;
    to.set_nonblocking(false)?;
    to.set_read_timeout(Some(WITHIN))?;
    for (kind, payload) in [(SECURED, &SEALED[..]), (COMMAND, &[DATA_REQUEST]), (DATA, b"plain")] {
        from.send(&[&[kind, SHORT], &ADDRESSES[..], payload].concat())?;
    }
    let mut octets = [0; 256];
    let first = loop {
        let len = (&to).read(&mut octets).context("no frame has passed")?;
        // The kernel sends some, too.
        if octets[..len].get(2..9) == Some(&ADDRESSES) {
            break &octets[..len];
        }
    };
    ensure!(first.ends_with(b"plain"), "this has passed: {first:02x?}");
    println!("neither the secured frame nor the command has passed");
    Ok(())
}
