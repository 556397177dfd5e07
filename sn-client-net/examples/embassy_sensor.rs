//! The sensor as a task of an embassy firmware: two gateways, one of which may fail.
//!
//! It is compiled here and runs wherever there is an `embassy_net::Stack`: Ethernet, Wi-Fi, or 6LoWPAN by a driver.

use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{IpEndpoint, Ipv4Address, Stack};
use sn_client_net::{AsyncClient, Config, EmbassyLink, Endpoint, Qos, State, Topic};
use std::num::NonZeroU16;
use std::time::Duration;

const SLEEP: Duration = Duration::from_secs(60);
const ANNOUNCED_S: NonZeroU16 = NonZeroU16::new(200).expect("not 0");
const GATEWAYS: [Ipv4Address; 2] = [Ipv4Address::new(192, 168, 1, 2), Ipv4Address::new(192, 168, 1, 3)];

/// With embassy's executor this is an `#[embassy_executor::task]`.
async fn sensor(stack: Stack<'_>, seed: u32) -> ! {
    let (mut rx, mut tx) = ([0; 512], [0; 512]);
    let (mut rx_packets, mut tx_packets) = ([PacketMetadata::EMPTY; 4], [PacketMetadata::EMPTY; 4]);
    let mut socket = UdpSocket::new(stack, &mut rx_packets, &mut rx, &mut tx_packets, &mut tx);
    socket.bind(10_000).expect("no other socket has this port");

    let mut buffer = [0; 256];
    let config = Config { seed, ..Config::new("embassy-sensor") };
    let mut client: AsyncClient<'_, _, _> =
        AsyncClient::new(config, EmbassyLink::new(socket), &mut buffer, |message| {
            // A channel of `embassy-sync` takes it to another task.
            let _command = message.payload;
        });
    for address in GATEWAYS {
        client.add_gateway(Endpoint(IpEndpoint::new(address.into(), 1883)));
    }
    client.patience(Some(Duration::from_secs(120)));
    loop {
        if round(&mut client).await.is_err() {
            // Whatever it was: the battery is to last, so it is tried again after a sleep.
            client.give_up();
        }
        client.pause(SLEEP).await;
    }
}

/// One wake: everything that there is to say and to hear.
async fn round<H: FnMut(sn_client_net::Received<'_>)>(
    client: &mut AsyncClient<'_, EmbassyLink<'_>, H>,
) -> Result<(), sn_client_net::Error<embassy_net::udp::SendError>> {
    let is_new = client.state() == State::Disconnected;
    if client.state() == State::Asleep {
        client.collect().await?;
    }
    if client.state() != State::Active {
        client.connect(false).await?;
    }
    if is_new || client.has_moved() {
        client.subscribe(Topic::Name("sensor/command"), Qos::One).await?;
    }
    client.publish(Topic::Name("sensor/temperature"), b"21.5", Qos::One, false).await?;
    client.sleep(ANNOUNCED_S).await
}

fn main() {
    // A chip's `main` makes the stack and spawns this task.
    let _ = sensor;
    println!("an example for chips: see its source");
}
