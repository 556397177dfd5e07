//! The same with four gateways, at addresses of a radio: discovery, choice and roaming.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::num::NonZeroU16;
use cortex_m as _;
use cortex_m_rt::entry;
use sn_client::{Client, Config, Qos, RequestError, RoamingClient, ShortName, Topic, TopicId};
use sn_types::Instant;
use static_cell::StaticCell;

type NodeClient = Client<'static, 192, 128>;
type NodeRoaming = RoamingClient<'static, [u8; 8], 192, 128, 4>;

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

/// Whatever the application might want.
fn request(client: &mut NodeClient, now: Instant, wish: u8) -> Result<(), RequestError> {
    let (text, octets) = (black_box("a/b"), black_box(&[1, 2, 3]));
    let topic = match black_box(0) {
        0 => Topic::Name(text),
        1 => Topic::Predefined(TopicId(wish.into())),
        _ => Topic::Short(ShortName(*b"ab")),
    };
    let qos = black_box(Qos::Two);
    match wish {
        0 => client.connect(black_box(true)),
        1 => return client.publish(topic, octets, qos, black_box(true)),
        2 => return client.subscribe(topic, qos),
        3 => return client.unsubscribe(topic),
        4 => return client.sleep(black_box(NonZeroU16::MIN)),
        5 => return client.wake(),
        6 => client.disconnect(),
        7 => client.cancel(),
        8 => client.search(now, wish),
        9 => return client.update_will_topic(text, qos, true),
        _ => return client.update_will_message(octets),
    }
    Ok(())
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        black_box(());
    }
}
