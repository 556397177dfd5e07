//! An image without a client that copies, clears and compares octets, as every application does: what the others
//! take beyond this is the client's.

#![no_std]
#![no_main]

use client_size as _;
use core::hint::black_box;
use cortex_m_rt::entry;

#[entry]
fn main() -> ! {
    let (mut octets, mut others) = ([0_u8; 256], [0_u8; 256]);
    let mut words = [0_u32; 64];
    loop {
        let len = black_box(9);
        octets[..len].copy_from_slice(&others[..len]);
        others[..len].fill(0);
        words[..len].fill(0);
        black_box(others[..len] == octets[..len]);
        black_box(core::str::from_utf8(&octets[..len]).is_ok());
        black_box((&octets, &others, &words));
    }
}
