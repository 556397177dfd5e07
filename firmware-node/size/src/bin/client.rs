//! Everything that a client can be asked for, with one gateway: nothing of it can be left out by the compiler.

#![no_std]
#![no_main]

use client_size::{NodeClient, request};
use core::hint::black_box;
use cortex_m_rt::entry;
use sn_client::{Client, Config};
use sn_types::Instant;
use static_cell::StaticCell;

static CLIENT: StaticCell<NodeClient> = StaticCell::new();

#[entry]
fn main() -> ! {
    let client = CLIENT.init_with(|| Client::new(Config::new("node7")));
    let mut buffer = [0; 256];
    loop {
        let now = Instant::from_micros(black_box(0));
        black_box(client.handle_input(now, black_box(&buffer)));
        black_box(client.handle_timeout(now));
        black_box(request(client, now, black_box(0)).is_ok());
        black_box(client.poll_output(now, &mut buffer));
        black_box(client.poll_timeout());
    }
}
