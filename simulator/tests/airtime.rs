//! A gateway's budget of airtime over a radio that loses frames and repeats them: the core that ships, the simulated radio, and
//! more messages than the budget lets through.

mod radio_support;

use gateway_core::{Airtime, Config, Core, Input, Output, Pacing};
use radio_support::{Net, losing, star};
use simulator::medium::{Arrival, Medium as _};
use simulator::radio::{OnAir, Radio, Station};
use sn_types::{Instant, LinkAddr, PeerAddr, TransportId};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const TRANSPORT: TransportId = TransportId(0);
const NODES: usize = 8;
const WINDOW_S: u64 = 600;
/// 0.1 % of ten minutes.
const LIMIT_US: u64 = 600_000;
/// What is worked out for a datagram is more than what it takes without repetitions.
const AIRTIME: Airtime =
    Airtime { limit_ppm: 1_000, window: Duration::from_secs(WINDOW_S), bits_per_s: 250_000, overhead: 48 };
/// What messages may take of it, three quarters, and what the radio repeats of the last of them.
const MESSAGES_US: u64 = LIMIT_US * 77 / 100;
/// SUBSCRIBE to the short name "aa" at QoS 1.
const SUBSCRIBE: &[u8] = &[7, 0x12, 0x22, 0, 1, b'a', b'a'];
const PUBLISH: u8 = 0x0C;

/// The gateway, its radio, and nodes that acknowledge what they get.
struct World {
    core: Core,
    net: Net<Radio>,
    /// When the gateway sent, and for how long, in microseconds.
    sent: Rc<RefCell<Vec<(u64, u64)>>>,
    /// Whether the radio says how long it has been sending.
    tells: bool,
    told_us: u64,
}

/// Every node but the first has subscribed.
fn world(tells: bool) -> World {
    let mut net = Net::new(&losing(star(NODES), 25));
    let sent = Rc::<RefCell<Vec<_>>>::default();
    let noted = sent.clone();
    net.medium.tap(move |on_air: &OnAir<'_>| {
        if on_air.from == Station::Gateway(0) {
            noted.borrow_mut().push((on_air.at.as_micros(), on_air.airtime_us));
        }
    });
    let mut core = Core::new(Config::default());
    core.add_transport(Instant::ZERO, TRANSPORT, net.medium.profile());
    core.set_pacing(TRANSPORT, Pacing { airtime: Some(AIRTIME), wakes: None });
    for node in 0..NODES {
        let from = PeerAddr::direct(TRANSPORT, Radio::node_addr(node));
        let connect = [8, 0x04, 0x04, 0x01, 0xFF, 0xFF, b'n', b'0' + node as u8];
        let said: &[&[u8]] = if node == 0 { &[&connect] } else { &[&connect, SUBSCRIBE] };
        said.iter().for_each(|bytes| core.handle_input(Instant::ZERO, Input::Datagram { from, bytes }));
    }
    World { core, net, sent, tells, told_us: 0 }
}

impl World {
    /// The first node publishes 40 octets every two seconds for so long.
    fn publish_for(&mut self, seconds: u64) {
        for second in (0..seconds).step_by(2) {
            self.run_until(Instant::from_secs(second));
            self.net.up(0, &[&[47, PUBLISH, 0x02, b'a', b'a', 0, 0][..], &[b'x'; 40]].concat());
        }
    }

    fn run_until(&mut self, until: Instant) {
        loop {
            let next = [self.net.medium.poll_timeout(), self.core.poll_timeout()].into_iter().flatten().min();
            let at = next.unwrap_or(until).clamp(self.net.now, until);
            self.net.run_until(at);
            self.core.handle_timeout(at);
            self.take_arrivals();
            self.carry_out();
            if at == until {
                return;
            }
        }
    }

    fn take_arrivals(&mut self) {
        for (at, arrival) in std::mem::take(&mut self.net.arrivals) {
            match arrival {
                Arrival::AtGateway { from, datagram, .. } => {
                    let from = PeerAddr::direct(TRANSPORT, from);
                    self.core.handle_input(at, Input::Datagram { from, bytes: &datagram });
                }
                Arrival::AtNode { node, datagram, .. } => {
                    if let [_, PUBLISH, _, t1, t2, m1, m2, ..] = datagram[..] {
                        self.net.up(node, &[7, 0x0D, t1, t2, m1, m2, 0]);
                    }
                }
            }
        }
    }

    /// Tells how long the radio has been sending, and sends what the core wants sent.
    fn carry_out(&mut self) {
        let (now, so_far) = (self.net.now, self.net.counters(Station::Gateway(0)).airtime_us);
        if self.tells && so_far > self.told_us {
            let airtime = Duration::from_micros(so_far - self.told_us);
            self.core.handle_input(now, Input::Airtime { transport: TRANSPORT, airtime });
            self.told_us = so_far;
        }
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send { to, datagram } => {
                    assert!(matches!(to.link, LinkAddr::Eui64(_)));
                    self.net.down(to.link, &datagram);
                }
                Output::Broadcast { radius, datagram, .. } => self.net.down_to_all(radius, &datagram),
                Output::Event(_) => {}
                other => panic!("nothing else is wanted here: {other:?}"),
            }
        }
    }

    /// The most that the gateway has sent in any window, in microseconds.
    fn worst_window_us(&self) -> u64 {
        let sent = self.sent.borrow();
        let window = |from: usize| {
            let until = sent[from].0 + WINDOW_S * 1_000_000;
            sent[from..].iter().take_while(|(at, _)| *at < until).map(|(_, airtime)| airtime).sum()
        };
        (0..sent.len()).map(window).max().unwrap_or_default()
    }
}

#[test]
fn with_what_the_radio_says_no_window_has_more_than_messages_may_take() {
    let mut world = world(true);
    world.publish_for(3 * WINDOW_S);
    let worst_us = world.worst_window_us();
    assert!((LIMIT_US / 2..MESSAGES_US).contains(&worst_us), "{worst_us} us of {LIMIT_US}");
}

#[test]
fn without_it_repetitions_take_more() {
    let mut world = world(false);
    world.publish_for(3 * WINDOW_S);
    let worst_us = world.worst_window_us();
    assert!(worst_us > MESSAGES_US, "{worst_us} us of {LIMIT_US}");
}
