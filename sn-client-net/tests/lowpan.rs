//! The async client in bare IEEE 802.15.4 frames, against the gateway's side of the PAN and the gateway's core, in virtual
//! time.

use gateway_core::{Config as GatewayConfig, Core, Input, Output};
use lowpan::{
    Ack, Carriage, Carriages, Config as HubConfig, Eui64, Hub, Leaf, LeafConfig, Limits, MAX_PSDU, NoKeys, Received,
    Signal, Station, TransmitError,
};
use sn_client_net::{AsyncClient, Config, FrameRadio, LowpanLink, Qos, State, Topic, block_on};
use sn_types::{Instant, LinkAddr, PeerAddr, TransportId};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

const TRANSPORT: TransportId = TransportId(0);
const GATEWAY: Eui64 = Eui64([2, 0, 0, 0, 0, 0, 0, 1]);
const NODE: Eui64 = Eui64([2, 0, 0, 0, 0, 0, 0, 7]);

const fn station(eui64: Eui64) -> Station {
    Station { eui64, pan: 0xABCD, short: None, security: None }
}

/// The air, and the gateway at its other end. Every seventh frame is lost.
struct Air {
    now: Instant,
    hub: Hub<NoKeys>,
    core: Core,
    to_node: VecDeque<Vec<u8>>,
    frames: u32,
}

impl Air {
    fn new() -> Self {
        let limits = Limits::DEFAULT;
        let config = HubConfig { station: station(GATEWAY), carriages: Carriages::Both(1883), fragment: true, limits };
        let hub = Hub::new(config, NoKeys, 1).unwrap();
        let mut core = Core::new(GatewayConfig::default());
        core.add_transport(Instant::ZERO, TRANSPORT, hub.config().profile());
        Self { now: Instant::ZERO, hub, core, to_node: VecDeque::new(), frames: 0 }
    }

    /// Whether the next frame gets through.
    fn carries(&mut self) -> bool {
        self.frames += 1;
        !self.frames.is_multiple_of(7)
    }

    /// What the gateway sends becomes frames.
    fn settle(&mut self) {
        self.core.handle_timeout(self.now);
        self.hub.handle_timeout(self.now);
        while let Some(output) = self.core.poll_output() {
            if let Output::Send { to: PeerAddr { link: LinkAddr::Eui64(to), .. }, datagram } = output {
                self.hub.send(self.now, Eui64(to), &datagram).unwrap();
            }
        }
        while let Some(frame) = self.hub.poll_transmit() {
            let fate = if self.carries() {
                self.to_node.push_back(frame.psdu.as_bytes().to_vec());
                Ok(Ack::default())
            } else {
                Err(TransmitError::NoAck)
            };
            self.hub.handle_transmitted(frame.id, fate);
        }
    }
}

/// The node's radio.
struct Radio<'a>(&'a RefCell<Air>);

impl FrameRadio for Radio<'_> {
    type Error = Infallible;

    fn now(&self) -> Instant {
        self.0.borrow().now
    }

    async fn transmit(&mut self, psdu: &[u8]) -> Result<Result<Ack, TransmitError>, Infallible> {
        let mut air = self.0.borrow_mut();
        if !air.carries() {
            return Ok(Err(TransmitError::NoAck));
        }
        let Air { now, hub, core, .. } = &mut *air;
        if let Received::Datagram { from, octets, .. } = hub.handle_frame(*now, psdu, Signal::default()) {
            let from = PeerAddr::direct(TRANSPORT, LinkAddr::Eui64(from.0));
            core.handle_input(*now, Input::Datagram { from, bytes: octets });
        }
        air.settle();
        Ok(Ok(Ack::default()))
    }

    async fn receive(&mut self, psdu: &mut [u8; MAX_PSDU], until: Instant) -> Result<Option<usize>, Infallible> {
        let mut air = self.0.borrow_mut();
        air.settle();
        if let Some(frame) = air.to_node.pop_front() {
            psdu[..frame.len()].copy_from_slice(&frame);
            return Ok(Some(frame.len()));
        }
        let due = [air.core.poll_timeout(), air.hub.poll_timeout(), Some(until)];
        air.now = due.into_iter().flatten().min().unwrap_or(until).max(air.now);
        Ok(None)
    }

    async fn sleep(&mut self, until: Instant) {
        let mut air = self.0.borrow_mut();
        air.now = until;
        air.settle();
        air.to_node.clear();
    }
}

#[test]
fn a_sensors_rounds_over_the_air() {
    for carriage in [Carriage::Bare, Carriage::Udp { node: 1883, gateway: 1883 }] {
        let (air, heard) = (RefCell::new(Air::new()), RefCell::new(Vec::new()));
        let config =
            LeafConfig { station: station(NODE), gateway: GATEWAY, gateway_short: None, carriage, fragment: true };
        let leaf: Leaf<NoKeys, 512> = Leaf::new(config, NoKeys, 42).unwrap();
        let link = LowpanLink::new(Radio(&air), leaf, GATEWAY.0);
        let mut buffer = [0; 400];
        let mut client: AsyncClient<'_, _, _> = AsyncClient::new(Config::new("sensor"), link, &mut buffer, |message| {
            heard.borrow_mut().push(message.payload.len());
        });
        assert!(client.add_gateway(GATEWAY.0));
        block_on(async {
            client.connect(false).await.unwrap();
            client.subscribe(Topic::Name("sensor/#"), Qos::Two).await.unwrap();
            for len in [4, 60, 180] {
                client.publish(Topic::Name("sensor/t"), &[b'x'; 180][..len], Qos::Two, false).await.unwrap();
                client.sleep(600.try_into().unwrap()).await.unwrap();
                client.pause(Duration::from_secs(60)).await;
                client.collect().await.unwrap();
                if client.state() != State::Active {
                    client.connect(false).await.unwrap();
                }
            }
        });
        assert_eq!(*heard.borrow(), [4, 60, 180], "{carriage:?}");
        assert!(air.borrow().frames > 40);
    }
}
