//! A router beside the gateway or below another one, and what it hears, octet by octet.

#![allow(dead_code, reason = "each test uses a part")]

use crate::support::{GATEWAY, GATEWAY_SHORT, NODE, PAN};
use lowpan::{Ack, Eui64, FrameId, Heard, Router, RouterConfig, Signal, Transmit};
use sn_types::Instant;
use std::time::Duration;

pub(crate) const ROUTER: Eui64 = Eui64([0x02, 0x12, 0x4B, 0, 0, 0, 0, 0x21]);
pub(crate) const BELOW: Eui64 = Eui64([0x02, 0x12, 0x4B, 0, 0, 0, 0, 0x22]);
pub(crate) const CONFIG: RouterConfig =
    RouterConfig { eui64: ROUTER, pan: PAN, gateway: GATEWAY, gateway_short: Some(GATEWAY_SHORT) };
pub(crate) const NOW: Instant = Instant::from_secs(10);

pub(crate) type Small = Router<3, 4>;

/// A frame between two extended addresses.
pub(crate) fn frame(to: Eui64, from: Eui64, sequence: u8, payload: &[u8]) -> Vec<u8> {
    let reversed = |address: Eui64| address.0.into_iter().rev();
    let header = [0x61, 0xCC, sequence, 0xCD, 0xAB].into_iter().chain(reversed(to)).chain(reversed(from));
    header.chain(payload.iter().copied()).collect()
}

/// The same to all.
pub(crate) fn to_all(from: Eui64, sequence: u8, payload: &[u8]) -> Vec<u8> {
    let header = [0x41, 0xC8, sequence, 0xCD, 0xAB, 0xFF, 0xFF].into_iter().chain(from.0.into_iter().rev());
    header.chain(payload.iter().copied()).collect()
}

/// A mesh header with this many hops left, and a datagram.
pub(crate) fn mesh(hops: u8, originator: Eui64, target: Eui64, datagram: &[u8]) -> Vec<u8> {
    [&[0x80 | hops][..], &originator.0, &target.0, b"\x33", datagram].concat()
}

/// The same to all, with this number.
pub(crate) fn flood(hops: u8, originator: Eui64, number: u8) -> Vec<u8> {
    [&[0x90 | hops][..], &originator.0, &[0x80, 0x01, 0x50, number], b"\x33\x03\x01\x00"].concat()
}

pub(crate) fn data_request(from: Eui64, sequence: u8) -> Vec<u8> {
    let mut request = frame(ROUTER, from, sequence, b"\x04");
    request[0] = 0x63;
    request
}

pub(crate) fn request() -> Vec<u8> {
    [b"\x37\x00", &GATEWAY.0[..]].concat()
}

pub(crate) fn offer(depth: u8) -> Vec<u8> {
    [b"\x37\x01", &GATEWAY.0[..], &[depth, 0x7F]].concat()
}

/// An offer to who has asked, and was heard so strongly.
pub(crate) fn answer_to(depth: u8, heard_dbm: i8) -> Vec<u8> {
    [b"\x37\x01", &GATEWAY.0[..], &[depth, heard_dbm.to_le_bytes()[0]]].concat()
}

/// A router beside the gateway, with nothing to say.
pub(crate) fn router() -> Small {
    router_below(GATEWAY, 0)
}

/// The same, with this station as its parent, which is so deep.
pub(crate) fn router_below<const QUEUE: usize>(parent: Eui64, depth: u8) -> Router<3, QUEUE> {
    let mut router = Router::new(CONFIG, 0).expect("a good configuration");
    let began = Instant::from_secs(9);
    router.handle_timeout(began);
    assert_eq!(
        router.handle_frame(began, &frame(ROUTER, parent, 1, &offer(depth)), Signal::default()),
        Heard::Neighbour
    );
    router.handle_timeout(began + Duration::from_millis(150));
    assert_eq!((router.parent(), router.depth()), (Some(parent), Some(depth + 1)));
    router.handle_timeout(NOW);
    while let Some(transmit) = router.poll_transmit() {
        router.handle_transmitted(NOW, transmit.id, Ok(Ack::default()));
    }
    router
}

pub(crate) fn hear<const QUEUE: usize>(router: &mut Router<3, QUEUE>, frame: &[u8]) -> Heard {
    router.handle_frame(NOW, frame, Signal::default())
}

/// The node asks for what waits.
pub(crate) fn poll(router: &mut Small, sequence: u8) {
    assert_eq!(hear(router, &data_request(NODE, sequence)), Heard::DataRequest);
}

/// The gateway sends the node something.
pub(crate) fn answer(router: &mut Small, text: u8) {
    assert_eq!(hear(router, &frame(ROUTER, GATEWAY, text, &mesh(14, GATEWAY, NODE, &[text]))), Heard::PassedOn);
}

pub(crate) fn send<const QUEUE: usize>(router: &mut Router<3, QUEUE>) -> Transmit {
    let transmit = router.poll_transmit().expect("a frame");
    assert_eq!(router.poll_transmit(), None, "one at a time");
    transmit
}

pub(crate) fn done<const QUEUE: usize>(router: &mut Router<3, QUEUE>, id: FrameId) {
    router.handle_transmitted(NOW, id, Ok(Ack::default()));
}
