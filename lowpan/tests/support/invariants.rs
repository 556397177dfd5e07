//! What holds for any octets: no panic, and never more is kept than the limits say. Also used by the fuzz targets.

#![allow(dead_code, reason = "each fuzz target uses a part")]

use fuzz_corpus::Script;
use lowpan::{
    Ack, AuxHeader, Carriage, Carriages, Config, Eui64, Header, Hub, Keys, Leaf, LeafConfig, Level, Limits, LinkKey,
    MAX_HOPS, MAX_PSDU, Router, RouterConfig, Signal, Station, TransmitError, check_fcs,
};
use sn_types::Instant;
use std::collections::BTreeSet;
use std::time::Duration;

const PAN: u16 = 0xABCD;
const GATEWAY: Eui64 = Eui64([2, 0, 0, 0, 0, 0, 0, 1]);
const KEY: LinkKey = LinkKey([7; 16]);
const LIMITS: Limits = Limits { nodes: 4, waiting: 6, waiting_per_node: 3, assemblies: 2, ..Limits::DEFAULT };

/// Everybody has the same key, and any counter is a new one.
#[derive(Clone, Debug, Default)]
struct AnyKeys(u32);

impl Keys for AnyKeys {
    fn key(&self, _node: Eui64) -> Option<&LinkKey> {
        Some(&KEY)
    }

    fn accept(&mut self, _node: Eui64, _counter: u32) -> bool {
        true
    }

    fn next_counter(&mut self) -> Option<u32> {
        self.0 += 1;
        Some(self.0)
    }
}

fn node(number: u8) -> Eui64 {
    Eui64([2, 0, 0, 0, 0, 0, 1, number])
}

fn hub(security: Option<Level>) -> Hub<AnyKeys> {
    let station = Station { eui64: GATEWAY, pan: PAN, short: Some(1), security };
    let config = Config { station, carriages: Carriages::Both(1883), fragment: true, limits: LIMITS };
    Hub::new(config, AnyKeys::default(), 0).expect("a good configuration")
}

fn leaf(number: u8, carriage: Carriage, security: Option<Level>) -> Leaf<AnyKeys, 256> {
    let station = Station { eui64: node(number), pan: PAN, short: Some(2), security };
    let config = LeafConfig { station, gateway: GATEWAY, gateway_short: Some(1), carriage, fragment: true };
    Leaf::new(config, AnyKeys::default(), 0).expect("a good configuration")
}

fn router() -> Router<3, 4> {
    let config = RouterConfig { eui64: node(ROUTER), pan: PAN, gateway: GATEWAY, gateway_short: Some(1) };
    Router::new(config, 0).expect("a good configuration")
}

/// Which of the addresses of nodes is the router's.
const ROUTER: u8 = 9;

/// Any octets as a frame.
pub(crate) fn frame(octets: &[u8]) {
    let _ = (Header::decode(octets), AuxHeader::decode(octets), check_fcs(octets));
    for security in [None, Some(Level::Mic32), Some(Level::Mic128)] {
        hub(security).handle_frame(Instant::ZERO, octets, Signal::default());
        leaf(0, Carriage::Bare, security).handle_frame(Instant::ZERO, octets);
        router().handle_frame(Instant::ZERO, octets, Signal::default());
    }
}

/// The header of a data frame: to the gateway by its extended address, or to all.
fn data_header(to_all: bool, from: Eui64, sequence: u8) -> Vec<u8> {
    header((!to_all).then_some(GATEWAY), from, sequence)
}

/// The same to anybody.
fn header(to: Option<Eui64>, from: Eui64, sequence: u8) -> Vec<u8> {
    let reversed = |address: Eui64| address.0.into_iter().rev();
    let mut header = if to.is_none() { vec![0x41, 0xC8, sequence] } else { vec![0x61, 0xCC, sequence] };
    header.extend(PAN.to_le_bytes());
    match to {
        None => header.extend([0xFF, 0xFF]),
        Some(to) => header.extend(reversed(to)),
    }
    header.extend(reversed(from));
    header
}

/// The first octet says whether to all; the others are the payload of a good frame.
pub(crate) fn payload(octets: &[u8]) {
    let Some((first, payload)) = octets.split_first() else { return };
    let mut frame = data_header(first & 1 == 1, node(0), 0);
    frame.extend(payload.iter().take(MAX_PSDU - frame.len()));
    hub(None).handle_frame(Instant::ZERO, &frame, Signal::default());
    if first & 1 == 1 {
        // A leaf hears the same from the gateway.
        let udp = Carriage::Udp { node: 1883, gateway: 1883 };
        leaf(1, udp, None).handle_frame(Instant::ZERO, &frame);
    }
}

/// Anything that may happen to a gateway, in any order.
pub(crate) fn story(octets: &[u8]) {
    let mut script = Script::new(octets);
    let security = (script.octet() & 1 == 1).then_some(Level::Mic32);
    let (mut hub, mut now, mut matched) = (hub(security), Instant::ZERO, BTreeSet::new());
    while !script.is_empty() {
        step(&mut script, &mut hub, &mut now, security);
        while let Some(change) = hub.poll_source_match() {
            let changed = if change.pending { matched.insert(change.node) } else { matched.remove(&change.node) };
            assert!(changed || !change.pending, "{change:?} said twice");
        }
        assert_eq!(matched, hub.source_match().collect(), "the radio's table is as it should be");
        assert!(hub.waiting() <= LIMITS.waiting && hub.nodes().count() <= LIMITS.nodes);
        assert!(hub.assembling() <= LIMITS.assemblies);
        assert!(hub.poll_timeout().is_none_or(|at| at <= now + LIMITS.waiting_for.max(LIMITS.assembly_for)));
    }
}

fn step(script: &mut Script<'_>, hub: &mut Hub<AnyKeys>, now: &mut Instant, security: Option<Level>) {
    match script.octet() % 8 {
        0 => {
            let mut frame = data_header(false, node(script.octet() % 8), script.octet());
            frame.extend(script.octets());
            frame.truncate(MAX_PSDU);
            hub.handle_frame(*now, &frame, Signal::default());
        }
        1 | 2 => speak(script, hub, *now, security),
        3 => {
            let _ = hub.send(*now, node(script.octet() % 8), &vec![1; usize::from(script.octet()) * 6]);
        }
        4 => {
            let _ = hub.broadcast(*now, &vec![1; script.octet().into()]);
        }
        5 | 6 => {
            let fate = [Ok(Ack::default()), Err(TransmitError::NoAck), Err(TransmitError::ChannelAccess)];
            let fate = fate[usize::from(script.octet() % 3)];
            if let Some(transmit) = hub.poll_transmit() {
                assert!(transmit.psdu.as_bytes().len() <= MAX_PSDU);
                assert_eq!(hub.poll_transmit(), None, "one at a time");
                hub.handle_transmitted(*now, transmit.id, fate);
            }
        }
        _ => {
            *now = *now + Duration::from_millis(50 * u64::from(script.octet()));
            hub.handle_timeout(*now);
        }
    }
}

/// A node says something good: a datagram in either form, or a data request.
fn speak(script: &mut Script<'_>, hub: &mut Hub<AnyKeys>, now: Instant, security: Option<Level>) {
    let (who, what) = (script.octet() % 8, script.octet());
    let udp = Carriage::Udp { node: 10_000, gateway: 1883 };
    let mut leaf = leaf(who, if what & 1 == 0 { Carriage::Bare } else { udp }, security);
    if what & 2 == 0 {
        leaf.request();
    } else {
        let _ = leaf.send(what & 4 == 0, script.octets());
    }
    while let Some(transmit) = leaf.poll_transmit() {
        hub.handle_frame(now, transmit.psdu.as_bytes(), Signal::default());
        leaf.handle_transmitted(now, transmit.id, Ok(Ack::default()));
    }
}

/// Anything that may happen to a router, in any order.
pub(crate) fn router_story(octets: &[u8]) {
    let mut script = Script::new(octets);
    let (mut router, mut now, mut matched) = (router(), Instant::ZERO, BTreeSet::new());
    while !script.is_empty() {
        router_step(&mut script, &mut router, &mut now);
        while let Some(change) = router.poll_source_match() {
            let changed = if change.pending { matched.insert(change.node) } else { matched.remove(&change.node) };
            assert!(changed, "{change:?} said twice");
        }
        assert!(router.waiting() <= 4 && matched.len() <= 3, "more is kept than there is room for");
        // It says at least that often how deep it is.
        assert!(router.poll_timeout().is_none_or(|at| at <= now + Duration::from_secs(64)));
        assert_eq!(router.parent().is_some(), router.depth().is_some());
        assert!(router.depth().is_none_or(|depth| (1..MAX_HOPS).contains(&depth)), "{:?}", router.depth());
    }
}

fn router_step(script: &mut Script<'_>, router: &mut Router<3, 4>, now: &mut Instant) {
    // The gateway is one of those who say something.
    let who = |number: u8| if number.is_multiple_of(8) { GATEWAY } else { node(number % 8) };
    let what = script.octet();
    let to_all = what & 0x80 != 0;
    match what % 8 {
        0 | 1 => {
            let (from, sequence, originator, target) =
                (who(script.octet()), script.octet(), who(script.octet()), who(script.octet()));
            let mut frame = header((!to_all).then_some(node(ROUTER)), from, sequence);
            frame.push(0x80 | (script.octet() & 0x1F));
            frame.extend(originator.0);
            if to_all {
                frame.extend([0x80, 0x01, 0x50, sequence])
            } else {
                frame.extend(target.0)
            }
            frame.extend(script.octets());
            frame.truncate(MAX_PSDU);
            router.handle_frame(*now, &frame, Signal::default());
        }
        2 => {
            let mut frame = header((!to_all).then_some(node(ROUTER)), who(script.octet()), script.octet());
            frame.extend([0x37, script.octet() % 3]);
            frame.extend(GATEWAY.0);
            frame.extend(script.octets());
            frame.truncate(MAX_PSDU);
            router.handle_frame(*now, &frame, Signal { rssi_dbm: Some(script.octet() as i8), lqi: None });
        }
        3 => {
            let mut frame = header(Some(node(ROUTER)), who(script.octet()), script.octet());
            frame[0] = 0x63;
            frame.push(0x04);
            router.handle_frame(*now, &frame, Signal::default());
        }
        4..=6 => {
            let fate = [Ok(Ack::default()), Err(TransmitError::NoAck), Err(TransmitError::ChannelAccess)];
            let fate = fate[usize::from(script.octet() % 3)];
            if let Some(transmit) = router.poll_transmit() {
                assert!(transmit.psdu.as_bytes().len() <= MAX_PSDU);
                assert_eq!(router.poll_transmit(), None, "one at a time");
                router.handle_transmitted(*now, transmit.id, fate);
            }
        }
        _ => {
            *now = *now + Duration::from_millis(50 * u64::from(script.octet()));
            router.handle_timeout(*now);
        }
    }
}
