//! The async client over the traits of `embedded-nal-async`, here on the operating system's stack.

mod gateway;

use embassy_futures::block_on;
use embedded_nal_async::UdpStack;
use gateway::Gateway;
use sn_client_net::{AsyncClient, Config, DatagramLink, NalLink, Qos, State, Topic};
use sn_types::Instant;
use std::cell::Cell;
use std::time::Duration;

/// A link from a port of this machine.
async fn link() -> impl DatagramLink<Address = std::net::SocketAddr> {
    let stack = std_embedded_nal_async::Stack::default();
    let (local, socket) = stack.bind_single("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let clock = || Instant::from_micros(embassy_time::Instant::now().as_micros());
    NalLink::new(local, socket, embassy_time::Delay, clock)
}

#[test]
fn a_round_of_a_sensor() {
    let gateway = Gateway::start();
    let heard = Cell::new(0);
    block_on(async {
        let mut buffer = [0; 256];
        let config = Config { t_retry_ms: 500, ..Config::new("sensor") };
        let mut client: AsyncClient<'_, _, _> =
            AsyncClient::new(config, link().await, &mut buffer, |_| heard.set(heard.get() + 1));
        assert!(client.add_gateway(gateway.address));
        client.connect(false).await.unwrap();
        client.subscribe(Topic::Name("sensor/#"), Qos::One).await.unwrap();
        client.publish(Topic::Name("sensor/temperature"), b"21.5", Qos::Two, false).await.unwrap();
        client.sleep(60.try_into().unwrap()).await.unwrap();
        client.pause(Duration::from_millis(10)).await;
        assert!(client.collect().await.unwrap());
        assert_eq!(client.state(), State::Asleep);
        client.disconnect().await.unwrap();
    });
    assert_eq!(heard.get(), 1);
}

#[test]
fn the_next_gateway_takes_over_and_is_told_the_subscription() {
    let (first, second) = (Gateway::start(), Gateway::start());
    let heard = Cell::new(0);
    block_on(async {
        let mut buffer = [0; 256];
        let config = Config { t_retry_ms: 200, n_retry: 1, ..Config::new("sensor") };
        let mut client: AsyncClient<'_, _, _> =
            AsyncClient::new(config, link().await, &mut buffer, |_| heard.set(heard.get() + 1));
        assert!(client.add_gateway(first.address) && client.add_gateway(second.address));
        client.connect(false).await.unwrap();
        drop(first);
        client.publish(Topic::Name("a"), b"1", Qos::One, false).await.unwrap();
        assert!(client.has_moved());
        client.subscribe(Topic::Name("a"), Qos::One).await.unwrap();
        client.publish(Topic::Name("a"), b"2", Qos::One, false).await.unwrap();
        while heard.get() == 0 {
            let soon = Instant::from_micros(embassy_time::Instant::now().as_micros()) + Duration::from_millis(50);
            client.listen(soon).await.unwrap();
        }
    });
}
