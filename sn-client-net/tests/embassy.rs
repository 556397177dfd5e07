//! The async client on embassy's network stack. A second stack is the gateway's: whole IP packets pass between them.

use embassy_futures::block_on;
use embassy_futures::select::{Either, select, select4};
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{
    Config as NetConfig, IpEndpoint, Ipv4Address, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4,
};
use embassy_net_driver_channel::driver::{HardwareAddress, LinkState};
use embassy_net_driver_channel::{self as channel, Device, RxRunner, State as ChannelState, TxRunner};
use embassy_time::Duration;
use gateway_core::{Config as GatewayConfig, Core, Input, Output};
use sn_client_net::{AsyncClient, Config, EmbassyLink, Endpoint, Qos, State, Topic};
use sn_types::{Instant, LinkAddr, LinkProfile, PeerAddr, TransportId};
use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};

const MTU: usize = 1_280;
const TRANSPORT: TransportId = TransportId(0);
const NODE: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);
const GATEWAY: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);

type Channel = ChannelState<MTU, 4, 4>;

fn stack<'d>(
    device: Device<'d, MTU>,
    address: Ipv4Address,
    resources: &'d mut StackResources<2>,
) -> (Stack<'d>, Runner<'d, Device<'d, MTU>>) {
    let address = Ipv4Cidr::new(address, 24);
    let config = StaticConfigV4 { address, gateway: None, dns_servers: Default::default() };
    embassy_net::new(device, NetConfig::ipv4_static(config), resources, 1)
}

/// What one stack sends arrives at the other.
async fn pass(mut from: TxRunner<'_, MTU>, mut to: RxRunner<'_, MTU>) -> ! {
    loop {
        let packet = from.tx_buf().await.to_vec();
        from.tx_done();
        to.rx_buf().await[..packet.len()].copy_from_slice(&packet);
        to.rx_done(packet.len());
    }
}

/// The gateway's core behind a socket of its stack.
async fn serve(stack: Stack<'_>) -> ! {
    let (mut rx, mut tx) = ([0; 2_048], [0; 2_048]);
    let (mut rx_packets, mut tx_packets) = ([PacketMetadata::EMPTY; 8], [PacketMetadata::EMPTY; 8]);
    let mut socket = UdpSocket::new(stack, &mut rx_packets, &mut rx, &mut tx_packets, &mut tx);
    socket.bind(1_883).unwrap();
    let (mut core, mut buffer) = (Core::new(GatewayConfig::default()), [0; MTU]);
    let now = || Instant::from_micros(embassy_time::Instant::now().as_micros());
    core.add_transport(now(), TRANSPORT, LinkProfile::UDP);
    loop {
        let received = embassy_time::with_timeout(Duration::from_millis(50), socket.recv_from(&mut buffer)).await;
        core.handle_timeout(now());
        if let Ok(Ok((len, metadata))) = received {
            let peer = SocketAddr::new(IpAddr::from(metadata.endpoint.addr), metadata.endpoint.port);
            let from = PeerAddr::direct(TRANSPORT, LinkAddr::Udp(peer));
            core.handle_input(now(), Input::Datagram { from, bytes: &buffer[..len] });
        }
        while let Some(output) = core.poll_output() {
            if let Output::Send { to: PeerAddr { link: LinkAddr::Udp(peer), .. }, datagram } = output {
                socket.send_to(&datagram, IpEndpoint::from(peer)).await.unwrap();
            }
        }
    }
}

/// The sensor's life; the messages that it got.
async fn live(stack: Stack<'_>) -> u32 {
    let (mut rx, mut tx) = ([0; 512], [0; 512]);
    let (mut rx_packets, mut tx_packets) = ([PacketMetadata::EMPTY; 4], [PacketMetadata::EMPTY; 4]);
    let mut socket = UdpSocket::new(stack, &mut rx_packets, &mut rx, &mut tx_packets, &mut tx);
    socket.bind(10_000).unwrap();
    let (mut buffer, heard) = ([0; 256], Cell::new(0));
    // Before the link is up datagrams are lost.
    let config = Config { t_retry_ms: 300, ..Config::new("sensor") };
    let mut client: AsyncClient<'_, _, _> =
        AsyncClient::new(config, EmbassyLink::new(socket), &mut buffer, |_| heard.set(heard.get() + 1));
    assert!(client.add_gateway(Endpoint(IpEndpoint::new(GATEWAY.into(), 1_883))));
    client.connect(false).await.unwrap();
    client.subscribe(Topic::Name("sensor/#"), Qos::One).await.unwrap();
    client.publish(Topic::Name("sensor/temperature"), b"21.5", Qos::Two, false).await.unwrap();
    client.sleep(60.try_into().unwrap()).await.unwrap();
    client.pause(std::time::Duration::from_millis(10)).await;
    assert!(client.collect().await.unwrap());
    assert_eq!(client.state(), State::Asleep);
    client.disconnect().await.unwrap();
    heard.get()
}

#[test]
fn a_round_of_a_sensor() {
    let (mut node_channel, mut gateway_channel) = (Channel::new(), Channel::new());
    let (node_runner, node_device) = channel::new(&mut node_channel, HardwareAddress::Ip);
    let (gateway_runner, gateway_device) = channel::new(&mut gateway_channel, HardwareAddress::Ip);
    let (mut node_resources, mut gateway_resources) = (StackResources::new(), StackResources::new());
    let (node_stack, mut node_net) = stack(node_device, NODE, &mut node_resources);
    let (gateway_stack, mut gateway_net) = stack(gateway_device, GATEWAY, &mut gateway_resources);
    let (node_state, node_rx, node_tx) = node_runner.split();
    let (gateway_state, gateway_rx, gateway_tx) = gateway_runner.split();
    node_state.set_link_state(LinkState::Up);
    gateway_state.set_link_state(LinkState::Up);

    let network = select4(node_net.run(), gateway_net.run(), pass(node_tx, gateway_rx), pass(gateway_tx, node_rx));
    let world = select(network, serve(gateway_stack));
    let Either::First(heard) = block_on(select(live(node_stack), world));
    assert_eq!(heard, 1);
}
