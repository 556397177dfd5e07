//! Nodes with the frames of real ones on the simulated air, and a gateway's radio that tells them whether something waits.

use lowpan::fcs;
use simulator::medium::{Arrival, Medium, Uplink};
use simulator::radio::{
    FrameFate, FromAir, LeafCarriage, LeafGroup, LeafLevel, LeafSecurity, LinkPlan, Loss, Propagation, Radio,
    RadioPlan, Site, Station,
};
use sn_types::Instant;
use spinel_device::{Address, Pending};

const COMMAND: u8 = 3;
const DATA_REQUEST: u8 = 4;
const POLLS_EVERY_MS: u32 = 250;

fn radio(group: LeafGroup) -> Radio {
    let link = LinkPlan { a: Station::Node(0), b: Station::Gateway(0), rssi_dbm: -60, loss: Some(Loss::default()) };
    let site = vec![Site::default()];
    let propagation = Propagation::Table(vec![link]);
    let plan =
        RadioPlan { propagation, nodes: site.clone(), gateways: site, leaves: vec![group], ..RadioPlan::default() };
    let mut radio = Radio::new(&plan);
    radio.hand_over(0);
    radio
}

fn polling() -> Radio {
    let group =
        LeafGroup { first: 0, count: 1, carriage: LeafCarriage::Bare, security: None, polls_every_ms: POLLS_EVERY_MS };
    radio(group)
}

/// Something waits for the node.
fn pending() -> Pending<10> {
    let mut pending = Pending::nobody();
    pending.insert(Address::Extended(Radio::node_address(0))).expect("room");
    pending
}

/// Lets time pass.
fn run(radio: &mut Radio, until_ms: u64) {
    let until = Instant::from_millis(until_ms);
    while let Some(at) = radio.poll_timeout().filter(|at| *at <= until) {
        radio.handle_timeout(at);
    }
}

/// What came to the gateway, by the first octet of frames and the last before their check sequence.
fn heard(radio: &mut Radio) -> Vec<(u8, u8)> {
    let news = std::iter::from_fn(|| radio.poll_outside());
    news.filter_map(|news| match news {
        FromAir::Heard { psdu, .. } => Some((psdu[0] & 7, psdu[psdu.len() - 3])),
        FromAir::Sent(_) => None,
    })
    .collect()
}

fn receiving_us(radio: &Radio, until_ms: u64) -> u64 {
    let stats = radio.stats(Instant::from_millis(until_ms));
    stats.stations[0].energy.receive_us
}

/// A bare, open frame of the gateway's.
fn down(datagram: &[u8]) -> Vec<u8> {
    let reversed = |address: [u8; 8]| address.into_iter().rev();
    let mut octets: Vec<u8> = [0x61, 0xCC, 9, 0x0F, 0x53].into_iter().chain(reversed(Radio::node_address(0))).collect();
    octets.extend(reversed(Radio::gateway_address(0)).chain([0x33]).chain(datagram.iter().copied()));
    let check = fcs(&octets);
    octets.extend(check);
    octets
}

#[test]
fn a_node_that_asks_in_vain_switches_its_receiver_off_at_once() {
    let mut radio = polling();
    radio.listen(Instant::ZERO, 0, true);
    run(&mut radio, 2_000);
    let requests = heard(&mut radio);
    assert_eq!(requests, [(COMMAND, DATA_REQUEST); 8]);
    // The look at the channel, the turnaround and the acknowledgement.
    let each_us = receiving_us(&radio, 2_000) / 8;
    assert!((600..2_000).contains(&each_us), "{each_us} us");
    // It is told to wait, and nothing comes.
    radio.set_pending(pending());
    run(&mut radio, 4_000);
    let requests = heard(&mut radio).len() as u64;
    let waited_us = receiving_us(&radio, 4_000) - (8 + requests) * each_us;
    assert_eq!(requests, 6, "one in 350 ms");
    assert!(waited_us.abs_diff(requests * 100_000) < 100_000, "{waited_us} us");
}

#[test]
fn a_frame_reaches_it_after_a_request_only() {
    for (waits, fate) in [(false, FrameFate::NoAck), (true, FrameFate::Done)] {
        let mut radio = polling();
        if waits {
            radio.set_pending(pending());
        }
        radio.listen(Instant::ZERO, 0, true);
        // The request is over by then.
        run(&mut radio, 20);
        radio.send_from_outside(Instant::from_millis(20), &down(b"down"));
        radio.set_pending(Pending::nobody());
        run(&mut radio, 200);
        let fates: Vec<FromAir> = std::iter::from_fn(|| radio.poll_outside()).collect();
        assert_eq!(fates.last(), Some(&FromAir::Sent(fate)));
        let arrival = Arrival::AtNode { node: 0, gateway: Some(0), datagram: b"down".to_vec() };
        assert_eq!(radio.poll_arrival(), waits.then_some(arrival));
    }
}

#[test]
fn it_asks_before_it_speaks_and_is_silent_asleep() {
    let mut radio = polling();
    radio.send_up(Instant::ZERO, 0, Uplink::Gateway(0), b"up");
    radio.listen(Instant::ZERO, 0, true);
    run(&mut radio, 100);
    assert_eq!(heard(&mut radio), [(COMMAND, DATA_REQUEST), (1, b'p')]);
    radio.listen(Instant::from_millis(100), 0, false);
    run(&mut radio, 2_000);
    assert_eq!(heard(&mut radio), []);
}

#[test]
fn secured_frames_of_both_carriages_open_with_the_key() {
    for carriage in [LeafCarriage::Bare, LeafCarriage::Lowpan] {
        let security = Some(LeafSecurity { level: LeafLevel::Mic64, key: [7; 16] });
        let mut radio = radio(LeafGroup { first: 0, count: 1, carriage, security, polls_every_ms: 0 });
        radio.send_up(Instant::ZERO, 0, Uplink::Gateway(0), b"up");
        run(&mut radio, 100);
        let Some(FromAir::Heard { psdu, rssi_dbm }) = radio.poll_outside() else { panic!("nothing was heard") };
        assert_eq!((psdu[0], rssi_dbm), (0x69, -60), "secured, asks for an acknowledgement");
        assert!(!psdu.windows(2).any(|octets| octets == b"up"));
    }
}
