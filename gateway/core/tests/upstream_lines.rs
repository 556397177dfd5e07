//! Transparent mode with a broker that is played by hand: when lines are made, and what goes over them.

#[path = "common/transparent.rs"]
mod transparent;

use gateway_core::mqtt::{ConnAck, ConnAckProperties, Connect, Packet, PacketId, ReasonCode, Subscribe, Version};
use gateway_core::{Config, Core, Ending, FromUpstream, Input, Output, ToUpstream, UpstreamId};
use sn_types::{Instant, LinkAddr, PeerAddr, TransportId};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use transparent::transparent;

/// Keep-alives of nodes, in seconds.
const NONE: u8 = 0;
const SHORT: u8 = 88;

struct Gateway {
    core: Core,
    now: Instant,
    /// What the driver was told, in order.
    up: Vec<(UpstreamId, ToUpstream)>,
    /// What nodes were sent.
    down: Vec<Vec<u8>>,
}

impl Gateway {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        let transparent = transparent(Version::V5);
        let mut config = Config { transparent: Some(transparent), generate_client_ids: true, ..Config::default() };
        change(&mut config);
        Self { core: Core::new(config), now: Instant::from_secs(1), up: Vec::new(), down: Vec::new() }
    }

    fn tell(&mut self, input: Input<'_>) {
        self.core.handle_input(self.now, input);
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Upstream { id, what } => self.up.push((id, what)),
                Output::Send { datagram, .. } => self.down.push(datagram),
                _ => {}
            }
        }
    }

    /// A node speaks.
    fn hear(&mut self, node: u16, msg_type: u8, fields: &[u8]) {
        let from = PeerAddr::direct(TransportId(0), LinkAddr::Udp(SocketAddr::from((Ipv4Addr::LOCALHOST, node))));
        let bytes = [&[2 + fields.len() as u8, msg_type], fields].concat();
        self.tell(Input::Datagram { from, bytes: &bytes });
    }

    fn hear_connect(&mut self, node: u16, keep_alive_s: u8, client_id: &str) {
        self.hear(node, 0x04, &[&[0, 1, 0, keep_alive_s], client_id.as_bytes()].concat());
    }

    fn hear_subscribe(&mut self, node: u16, filter: &str) {
        self.hear(node, 0x12, &[&[0x20, 0, 7], filter.as_bytes()].concat());
    }

    /// What lines were made since the last look.
    fn opened(&mut self) -> Vec<(UpstreamId, Connect)> {
        let opened = self.up.drain(..).filter_map(|(id, what)| match what {
            ToUpstream::Open(connect) => Some((id, *connect)),
            ToUpstream::Packet(_) | ToUpstream::Read(_) | ToUpstream::Close(_) => None,
        });
        opened.collect()
    }

    /// What was sent upstream since the last look.
    fn sent(&mut self) -> Vec<Packet> {
        let sent = self.up.drain(..).filter_map(|(_, what)| match what {
            ToUpstream::Packet(packet) => Some(packet),
            ToUpstream::Open(_) | ToUpstream::Read(_) | ToUpstream::Close(_) => None,
        });
        sent.collect()
    }

    fn answer(&mut self, id: UpstreamId, packet: Packet) {
        self.tell(Input::Upstream { id, what: FromUpstream::Packet(packet) });
    }

    /// The line that is being made is accepted, by a broker that knows nothing.
    fn accept(&mut self) -> UpstreamId {
        let [(id, _)] = self.opened().try_into().expect("one line is made");
        let properties = ConnAckProperties::default();
        let answer = ConnAck { session_present: false, code: ReasonCode::Success, properties };
        self.answer(id, Packet::ConnAck(Box::new(answer)));
        id
    }

    fn close(&mut self, id: UpstreamId, ending: Ending) {
        self.tell(Input::Upstream { id, what: FromUpstream::Closed(ending) });
    }

    /// Each line that is made ends as told, for two minutes: between them it waits ever longer.
    fn makes_few_lines(&mut self, mut end: impl FnMut(&mut Self, UpstreamId)) {
        let mut lines = 0;
        for _ in 0..120 {
            if self.up.iter().any(|(_, what)| matches!(what, ToUpstream::Open(_))) {
                let id = self.accept();
                lines += 1;
                end(self, id);
            }
            self.wait_s(1);
        }
        assert!((3..=8).contains(&lines), "{lines} in two minutes");
    }

    fn wait_s(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        while let Some(next) = self.core.poll_timeout().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            self.core.handle_timeout(self.now);
            // Hands out what has come of that.
            let nothing: Input<'_> = Input::Upstream { id: UpstreamId(0), what: FromUpstream::Closed(Ending::Broken) };
            self.tell(nothing);
        }
        self.now = until;
    }
}

/// The filters of a SUBSCRIBE, and its id.
fn filters(packets: &[Packet]) -> (PacketId, Vec<&str>) {
    let [Packet::Subscribe(subscribe)] = packets else { panic!("not one SUBSCRIBE: {packets:?}") };
    let Subscribe { id, filters, .. } = &**subscribe;
    (*id, filters.iter().map(|(filter, _)| &**filter).collect())
}

#[test]
fn nodes_that_connect_get_their_lines_in_the_order_in_which_they_came() {
    let mut gateway = Gateway::new(|config| config.limits.upstream_connects_per_s = 1);
    for (node, client_id) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
        gateway.hear_connect(node, SHORT, client_id);
    }
    // Who leaves meanwhile takes nobody's turn.
    gateway.hear(2, 0x18, &[]);
    gateway.wait_s(2);
    let opened: Vec<_> = gateway.opened().into_iter().map(|(_, connect)| connect.client_id).collect();
    assert_eq!(opened, ["a", "c", "d"]);
}

#[test]
fn lines_that_break_at_once_are_made_again_ever_more_seldom() {
    let mut gateway = Gateway::new(|_| {});
    gateway.hear_connect(1, SHORT, "node");
    gateway.makes_few_lines(|gateway, id| gateway.close(id, Ending::Broken));
}

#[test]
fn a_line_of_a_node_that_is_heard_is_made_again_soon() {
    let mut gateway = Gateway::new(|_| {});
    gateway.hear_connect(1, SHORT, "node");
    for _ in 0..10 {
        let id = gateway.accept();
        gateway.hear(1, 0x16, &[]);
        gateway.close(id, Ending::Broken);
        gateway.wait_s(1);
    }
}

#[test]
fn a_line_that_is_spoilt_again_and_again_is_made_ever_more_seldom_however_much_its_node_talks() {
    let mut gateway = Gateway::new(|_| {});
    gateway.hear_connect(1, SHORT, "node");
    gateway.makes_few_lines(|gateway, id| {
        gateway.hear(1, 0x16, &[]);
        gateway.close(id, Ending::Unreadable);
    });
}

#[test]
fn a_node_that_need_not_be_heard_gets_its_line_again() {
    for (keep_alive_s, expected) in [(NONE, 1), (SHORT, 0)] {
        let mut gateway = Gateway::new(|_| {});
        gateway.hear_connect(1, keep_alive_s, "node");
        let id = gateway.accept();
        gateway.close(id, Ending::HungUp);
        gateway.wait_s(61);
        assert_eq!(gateway.opened().len(), expected, "keep-alive {keep_alive_s}");
    }
}

#[test]
fn generated_client_ids_are_not_those_of_another_gateway() {
    let ids: Vec<_> = [1, 2]
        .map(|hash_seed| {
            let mut gateway = Gateway::new(|config| config.hash_seed = hash_seed);
            gateway.hear_connect(1, SHORT, "");
            gateway.opened().remove(0).1.client_id
        })
        .into();
    assert_ne!(ids[0], ids[1]);
    assert!(ids.iter().all(|id| id.starts_with("sn-") && id.len() <= 23), "{ids:?}");
}

#[test]
fn subscriptions_are_not_restored_over_what_the_node_has_said_since() {
    let mut gateway = Gateway::new(|_| {});
    gateway.hear_connect(1, SHORT, "node");
    let id = gateway.accept();
    for number in 0..11 {
        gateway.hear_subscribe(1, &format!("t/{number}/#"));
        let packets = gateway.sent();
        gateway.answer(id, Packet::SubAck(filters(&packets).0, vec![ReasonCode::GrantedQos1]));
    }
    gateway.close(id, Ending::Broken);
    gateway.wait_s(1);
    let id = gateway.accept();
    let packets = gateway.sent();
    let (first, eight) = filters(&packets);
    assert_eq!(eight.len(), 8);
    gateway.hear(1, 0x14, &[&[0, 0, 8], "t/9/#".as_bytes()].concat());
    gateway.hear_subscribe(1, "t/10/#");
    gateway.sent();
    gateway.answer(id, Packet::SubAck(first, vec![ReasonCode::GrantedQos1; 8]));
    assert_eq!(filters(&gateway.sent()).1, ["t/8/#"]);
}

#[test]
fn upstream_is_not_asked_for_a_subscription_that_has_no_room_here() {
    for (filter, few) in [("t/#", 0), ("t", 1)] {
        let mut gateway = Gateway::new(|config| {
            config.limits.subscriptions_per_client = few;
            config.limits.topic_ids_per_client = 0;
        });
        gateway.hear_connect(1, SHORT, "node");
        gateway.accept();
        gateway.hear_subscribe(1, filter);
        assert_eq!(gateway.sent(), [], "{filter}");
        assert!(gateway.down.last().is_some_and(|suback| suback[1] == 0x13 && suback[7] != 0), "{:?}", gateway.down);
    }
}
