//! The same with four gateways, at addresses of a radio: discovery, choice and roaming.

#![no_std]
#![no_main]

use client_size::{BODY_LEN, TOPICS_LEN, request};
use core::hint::black_box;
use cortex_m_rt::entry;
use sn_client::{Config, RoamingClient};
use sn_types::Instant;
use static_cell::StaticCell;

type NodeRoaming = RoamingClient<'static, [u8; 8], BODY_LEN, TOPICS_LEN, 4>;

static CLIENT: StaticCell<NodeRoaming> = StaticCell::new();

#[entry]
fn main() -> ! {
    let client = CLIENT.init_with(|| RoamingClient::new(Config::new("node7"), black_box(None)));
    black_box(client.add_gateway(black_box([1; 8])));
    let mut buffer = [0; 256];
    loop {
        let now = Instant::from_micros(black_box(0));
        black_box(client.handle_input(now, black_box([1; 8]), black_box(&buffer)));
        black_box(client.handle_timeout(now));
        black_box(request(client.client_mut(), now, black_box(0)).is_ok());
        black_box(client.poll_output(now, &mut buffer));
        black_box(client.poll_timeout());
        client.connect(black_box(true));
    }
}
