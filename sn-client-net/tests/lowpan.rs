//! The async client in bare IEEE 802.15.4 frames, against the gateway's side of the PAN and the gateway's core, in virtual
//! time.

use gateway_core::{Config as GatewayConfig, Core, Input, Output};
use lowpan::{
    Ack, Address, Carriage, Carriages, Config as HubConfig, Eui64, Header, Heard, Hub, Leaf, LeafConfig, Limits,
    MAX_PSDU, NoKeys, Received, Router, RouterConfig, Signal, Station, TransmitError,
};
use sn_client_net::{AsyncClient, Config, FrameRadio, LowpanLink, Qos, ShortName, State, Topic, block_on};
use sn_types::{Instant, LinkAddr, PeerAddr, TransportId};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

const TRANSPORT: TransportId = TransportId(0);
const GATEWAY: Eui64 = Eui64([2, 0, 0, 0, 0, 0, 0, 1]);
const NODE: Eui64 = Eui64([2, 0, 0, 0, 0, 0, 0, 7]);
const ROUTER: Eui64 = Eui64([2, 0, 0, 0, 0, 0, 0, 9]);

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
    /// The only one whom the node hears then.
    router: Option<Router<4, 8>>,
    /// A router acknowledges what the node sends it, and that is all. The gateway is in reach.
    router_has_no_way: bool,
    /// How long the node's radio was off.
    slept: Duration,
    /// The node's radio never ends what it sends.
    hangs: bool,
}

impl Air {
    fn new() -> Self {
        let limits = Limits::DEFAULT;
        let config = HubConfig { station: station(GATEWAY), carriages: Carriages::Both(1883), fragment: true, limits };
        let hub = Hub::new(config, NoKeys, 1).unwrap();
        let mut core = Core::new(GatewayConfig::default());
        core.add_transport(Instant::ZERO, TRANSPORT, hub.config().profile());
        Self {
            now: Instant::ZERO,
            hub,
            core,
            to_node: VecDeque::new(),
            frames: 0,
            router: None,
            router_has_no_way: false,
            slept: Duration::ZERO,
            hangs: false,
        }
    }

    /// Whether the next frame gets through.
    fn carries(&mut self) -> bool {
        self.frames += 1;
        !self.frames.is_multiple_of(7)
    }

    /// A router comes between the two.
    fn add_router(&mut self) {
        let config = RouterConfig { eui64: ROUTER, pan: 0xABCD, gateway: GATEWAY, gateway_short: None };
        self.router = Some(Router::new(config, 3).unwrap());
        self.settle();
        self.now = Instant::from_secs(1);
        self.settle();
    }

    /// A frame at the gateway.
    fn hear(&mut self, psdu: &[u8]) {
        let Self { now, hub, core, .. } = self;
        if let Received::Datagram { from, octets, .. } = hub.handle_frame(*now, psdu, Signal::default()) {
            let from = PeerAddr::direct(TRANSPORT, LinkAddr::Eui64(from.0));
            core.handle_input(*now, Input::Datagram { from, bytes: octets });
        }
    }

    /// A frame of the gateway, at whoever hears it.
    fn hear_down(&mut self, psdu: &[u8]) {
        match &mut self.router {
            Some(router) => drop(router.handle_frame(self.now, psdu, Signal::default())),
            None => self.to_node.push_back(psdu.to_vec()),
        }
    }

    /// What the router has to send.
    fn settle_router(&mut self) {
        let now = self.now;
        self.router.iter_mut().for_each(|router| router.handle_timeout(now));
        while let Some(frame) = self.router.as_mut().and_then(Router::poll_transmit) {
            if frame.to != Some(GATEWAY) {
                self.to_node.push_back(frame.psdu.as_bytes().to_vec());
            }
            self.hear(frame.psdu.as_bytes());
            self.router.iter_mut().for_each(|router| router.handle_transmitted(now, frame.id, Ok(Ack::default())));
        }
    }

    /// What the gateway sends becomes frames.
    fn settle(&mut self) {
        self.settle_router();
        self.core.handle_timeout(self.now);
        self.hub.handle_timeout(self.now);
        while let Some(output) = self.core.poll_output() {
            if let Output::Send { to: PeerAddr { link: LinkAddr::Eui64(to), .. }, datagram } = output {
                self.hub.send(self.now, Eui64(to), &datagram).unwrap();
            }
        }
        while let Some(frame) = self.hub.poll_transmit() {
            let fate = if self.carries() {
                self.hear_down(frame.psdu.as_bytes());
                Ok(Ack::default())
            } else {
                Err(TransmitError::NoAck)
            };
            self.hub.handle_transmitted(self.now, frame.id, fate);
        }
        self.settle_router();
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
        if self.0.borrow().hangs {
            pending::<()>().await;
        }
        let mut air = self.0.borrow_mut();
        if !air.carries() {
            return Ok(Err(TransmitError::NoAck));
        }
        if air.router_has_no_way && Header::decode(psdu).unwrap().0.to == Address::Extended(ROUTER) {
            return Ok(Ok(Ack::default()));
        }
        let Air { now, router, .. } = &mut *air;
        match router {
            Some(router) => {
                if router.handle_frame(*now, psdu, Signal::default()) == Heard::Nothing {
                    return Ok(Err(TransmitError::NoAck));
                }
            }
            None => air.hear(psdu),
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
        let router = air.router.as_ref().and_then(Router::poll_timeout);
        let due = [air.core.poll_timeout(), air.hub.poll_timeout(), router, Some(until)];
        air.now = due.into_iter().flatten().min().unwrap_or(until).max(air.now);
        Ok(None)
    }

    async fn sleep(&mut self, until: Instant) {
        let mut air = self.0.borrow_mut();
        let slept = until.since(air.now);
        air.slept += slept;
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

#[test]
fn out_of_the_gateways_reach_a_router_is_found_and_left_when_it_has_no_way() {
    let air = RefCell::new(Air::new());
    air.borrow_mut().add_router();
    let carriage = Carriage::Bare;
    let config = LeafConfig { station: station(NODE), gateway: GATEWAY, gateway_short: None, carriage, fragment: true };
    let leaf: Leaf<NoKeys, 512> = Leaf::new(config, NoKeys, 42).unwrap();
    let link = LowpanLink::new(Radio(&air), leaf, GATEWAY.0);
    let mut buffer = [0; 400];
    let mut client: AsyncClient<'_, _, _> = AsyncClient::new(Config::new("sensor"), link, &mut buffer, |_| {});
    assert!(client.add_gateway(GATEWAY.0));
    block_on(async {
        while client.connect(false).await.is_err() {}
        client.publish(Topic::Name("sensor/t"), &[b'x'; 180], Qos::One, false).await.unwrap();
    });
    assert_eq!(air.borrow().hub.node(NODE).unwrap().via.map(|relay| relay.router), Some(ROUTER));
    let cut_off_at = air.borrow().now;
    let mut cut_off = air.borrow_mut();
    (cut_off.router, cut_off.router_has_no_way) = (None, true);
    drop(cut_off);
    let again = client.publish(Topic::Name("sensor/t"), b"x", Qos::One, false);
    block_on(again).unwrap();
    assert_eq!(air.borrow().hub.node(NODE).unwrap().via, None);
    let took = air.borrow().now.since(cut_off_at);
    assert!(took < Duration::from_secs(300), "{took:?}");
}

/// A node beside the gateway, on an open link, which has connected.
fn sensor<'a>(
    air: &'a RefCell<Air>,
    buffer: &'a mut [u8],
) -> AsyncClient<'a, LowpanLink<Radio<'a>, NoKeys, 512>, impl FnMut(sn_client_net::Received<'_>)> {
    let carriage = Carriage::Bare;
    let config = LeafConfig { station: station(NODE), gateway: GATEWAY, gateway_short: None, carriage, fragment: true };
    let link = LowpanLink::new(Radio(air), Leaf::new(config, NoKeys, 42).unwrap(), GATEWAY.0);
    let mut client = AsyncClient::new(Config::new("sensor"), link, buffer, |_| {});
    assert!(client.add_gateway(GATEWAY.0));
    block_on(client.connect(false)).unwrap();
    client
}

#[test]
fn a_frame_that_is_lost_is_sent_again_after_a_pause_in_which_the_radio_is_off() {
    let air = RefCell::new(Air::new());
    let mut buffer = [0; 400];
    let mut client = sensor(&air, &mut buffer);
    let (began, slept) = (air.borrow().now, air.borrow().slept);
    // The next is a seventh.
    air.borrow_mut().frames = 6;
    block_on(client.publish(Topic::Short(ShortName(*b"tt")), b"x", Qos::One, false)).unwrap();
    let (took, slept) = (air.borrow().now.since(began), air.borrow().slept - slept);
    assert!(took < Duration::from_millis(200), "{took:?}");
    assert!((30..60).contains(&slept.as_millis()), "{slept:?}");
}

#[test]
fn a_future_that_is_dropped_while_the_radio_sends_leaves_a_link_that_works() {
    let air = RefCell::new(Air::new());
    let mut buffer = [0; 400];
    let mut client = sensor(&air, &mut buffer);
    air.borrow_mut().hangs = true;
    {
        let publish = pin!(client.publish(Topic::Short(ShortName(*b"tt")), b"x", Qos::One, false));
        assert!(publish.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    client.give_up();
    client.patience(Some(Duration::from_secs(60)));
    air.borrow_mut().hangs = false;
    let began = air.borrow().now;
    block_on(client.publish(Topic::Short(ShortName(*b"tt")), b"y", Qos::One, false)).unwrap();
    let took = air.borrow().now.since(began);
    assert!(took < Duration::from_secs(1), "{took:?}");
}
