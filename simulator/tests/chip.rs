//! A chip's radio on the simulated air: what its firmware would see of a gateway.

use lowpan::fcs;
use simulator::medium::Medium;
use simulator::radio::{FrameFate, FromAir, LinkPlan, Loss, OnChip, Propagation, Radio, RadioPlan, Site, Station};
use sn_types::Instant;
use spinel_device::{Address, Pending};
use std::collections::BTreeSet;
use std::time::Duration;

const PAN: u16 = 0x530F;
/// The first that was handed over.
const CHIP: usize = 0;
const DATA: u8 = 1;
const COMMAND: u8 = 3;
const DATA_REQUEST: u8 = 4;

fn radio(loss: Loss) -> Radio {
    seeded(loss, 1)
}

fn seeded(loss: Loss, seed: u64) -> Radio {
    let link = LinkPlan { a: Station::Node(0), b: Station::Gateway(0), rssi_dbm: -60, loss: Some(loss) };
    let site = vec![Site::default()];
    let propagation = Propagation::Table(vec![link]);
    let plan = RadioPlan { seed, propagation, nodes: site.clone(), gateways: site, ..RadioPlan::default() };
    let mut radio = Radio::new(&plan);
    radio.hand_over(0);
    radio.hand_over_chip(Instant::ZERO, Station::Node(0), PAN);
    radio
}

fn reversed(address: [u8; 8]) -> impl Iterator<Item = u8> {
    address.into_iter().rev()
}

fn frame(kind: u8, pan: u16, to: [u8; 8], from: [u8; 8], payload: &[u8]) -> Vec<u8> {
    let head = [0x60 | kind, 0xCC, 9].into_iter().chain(pan.to_le_bytes());
    whole(head.chain(reversed(to)).chain(reversed(from)).chain(payload.iter().copied()).collect())
}

fn whole(mut octets: Vec<u8>) -> Vec<u8> {
    let check = fcs(&octets);
    octets.extend(check);
    octets
}

fn up(kind: u8, pan: u16, payload: &[u8]) -> Vec<u8> {
    frame(kind, pan, Radio::gateway_address(0), Radio::node_address(0), payload)
}

/// Sends from the chip, with its receiver open afterwards; says when it was told what until the air is quiet.
fn send(radio: &mut Radio, psdu: &[u8]) -> Vec<(u64, OnChip)> {
    radio.send_from_chip(Instant::ZERO, CHIP, psdu);
    let mut told = Vec::new();
    while let Some(at) = radio.poll_timeout() {
        radio.handle_timeout(at);
        while let Some(news) = radio.poll_chip(CHIP) {
            radio.open_chip(at, CHIP, true);
            told.push((at.as_micros(), news));
        }
    }
    told
}

#[test]
fn a_frame_is_acknowledged_a_turnaround_after_its_end() {
    let mut radio = radio(Loss::default());
    let psdu = up(DATA, PAN, b"hello");
    let told = send(&mut radio, &psdu);
    let end_us = (6 + psdu.len() as u64) * 32;
    let ack = whole(vec![0x02, 0x00, 9]);
    assert_eq!(
        told,
        [
            (end_us, OnChip::Sent),
            (end_us + 192, OnChip::Begins { psdu: ack, rssi_dbm: -60 }),
            (end_us + 192 + 352, OnChip::Ends { is_whole: true })
        ]
    );
    assert_eq!(radio.poll_outside(), Some(FromAir::Heard { psdu, rssi_dbm: -60 }));
}

#[test]
fn who_asks_is_told_whether_something_waits() {
    // In the clear, and with link security: its header is before the command.
    for payload in [&[DATA_REQUEST][..], &[0x05, 1, 0, 0, 0, DATA_REQUEST, 1, 2, 3, 4]] {
        for pending in [false, true] {
            let mut radio = radio(Loss::default());
            let mut waiting = Pending::nobody();
            if pending {
                waiting.insert(Address::Extended(Radio::node_address(0))).expect("room");
            }
            radio.set_pending(waiting);
            let mut octets = up(COMMAND, PAN, payload);
            if payload.len() > 1 {
                (octets[0], octets[1]) = (octets[0] | 0x08, 0xDC);
            }
            let told = send(&mut radio, &octets);
            let [_, (_, OnChip::Begins { psdu, .. }), _] = &told[..] else { panic!("{told:?}") };
            assert_eq!(psdu[0], if pending { 0x12 } else { 0x02 });
        }
    }
}

#[test]
fn another_pan_and_a_lossy_link_answer_nothing() {
    let mut other = radio(Loss::default());
    assert_eq!(send(&mut other, &up(DATA, PAN + 1, b"hello")).len(), 1);
    assert_eq!(other.poll_outside(), None);
    let mut lossy = radio(Loss::independent(1_000_000));
    assert_eq!(send(&mut lossy, &up(DATA, PAN, b"hello")).len(), 1);
}

#[test]
fn the_gateway_answers_to_its_short_address() {
    let psdu = whole([&[0x61, 0xC8, 9, 0x0F, 0x53, 0x01, 0x00][..], &[7; 8], b"hello"].concat());
    for (short, answers) in [(None, false), (Some(2), false), (Some(1), true)] {
        let mut radio = radio(Loss::default());
        if let Some(short) = short {
            radio.name(Station::Gateway(0), short);
        }
        assert_eq!(send(&mut radio, &psdu).len() == 3, answers, "{short:?}");
        assert_eq!(radio.poll_outside().is_some(), answers, "{short:?}");
    }
}

/// When the attempts to send a frame that nobody acknowledges begin, in microseconds.
fn attempts(seed: u64, send: impl Fn(&mut Radio, &[u8])) -> Vec<u64> {
    let mut radio = seeded(Loss::default(), seed);
    send(&mut radio, &frame(DATA, PAN, Radio::node_address(0), Radio::gateway_address(0), b"down"));
    radio.open_chip(Instant::ZERO, CHIP, true);
    let mut begun = Vec::new();
    while let Some(at) = radio.poll_timeout() {
        radio.handle_timeout(at);
        while let Some(news) = radio.poll_chip(CHIP) {
            begun.extend(matches!(news, OnChip::Begins { .. }).then_some(at.as_micros()));
        }
    }
    begun
}

#[test]
fn a_reply_waits_at_random_only_when_it_is_repeated() {
    let (mut firsts, mut seconds) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..20 {
        let reply = attempts(seed, |radio, psdu| radio.reply_from_outside(Instant::ZERO, psdu));
        // A look at the channel, and a turnaround.
        assert_eq!((reply.len(), reply[0]), (4, 128 + 192));
        seconds.insert(reply[1]);
        firsts.insert(attempts(seed, |radio, psdu| radio.send_from_outside(Instant::ZERO, psdu))[0]);
    }
    assert!(firsts.len() > 4 && seconds.len() > 4, "{firsts:?} {seconds:?}");
}

#[test]
fn a_chip_hears_what_is_for_it_while_it_is_open_and_acknowledges_itself() {
    for acknowledges in [false, true] {
        let mut radio = radio(Loss::default());
        let down = frame(DATA, PAN, Radio::node_address(0), Radio::gateway_address(0), b"down");
        radio.send_from_outside(Instant::ZERO, &down);
        radio.open_chip(Instant::ZERO, CHIP, true);
        let (mut begun, mut fate) = (0, None);
        while let Some(at) = radio.poll_timeout() {
            radio.handle_timeout(at);
            while let Some(news) = radio.poll_chip(CHIP) {
                match news {
                    OnChip::Begins { psdu, .. } => {
                        assert_eq!(psdu, down);
                        begun += 1;
                    }
                    OnChip::Ends { is_whole: true } if acknowledges => {
                        radio.send_from_chip(at, CHIP, &whole(vec![0x02, 0x00, 9]));
                    }
                    OnChip::Ends { is_whole } => assert!(is_whole),
                    OnChip::Sent => {}
                }
            }
            fate = radio.poll_outside().or(fate);
        }
        let expected = if acknowledges { (1, FrameFate::Done) } else { (4, FrameFate::NoAck) };
        assert_eq!((begun, fate), (expected.0, Some(FromAir::Sent(expected.1))));
    }
}

#[test]
fn a_frame_that_is_broken_off_is_received_by_nobody() {
    let mut radio = radio(Loss::default());
    radio.send_from_chip(Instant::ZERO, CHIP, &up(DATA, PAN, b"hello"));
    radio.break_off_chip(Instant::from_micros(500), CHIP);
    while let Some(at) = radio.poll_timeout() {
        radio.handle_timeout(at);
    }
    assert_eq!((radio.poll_chip(CHIP), radio.poll_outside()), (None, None));
}

/// What two chips, a node's and a gateway's, are told of a frame of the first that the second acknowledges.
fn between_two_chips(gateway_is_here: bool) -> [Vec<OnChip>; 2] {
    let link = LinkPlan { a: Station::Node(0), b: Station::Gateway(0), rssi_dbm: -60, loss: None };
    let (site, propagation) = (vec![Site::default()], Propagation::Table(vec![link]));
    let mut radio = Radio::new(&RadioPlan { propagation, nodes: site.clone(), gateways: site, ..RadioPlan::default() });
    let chips = [Station::Node(0), Station::Gateway(0)].map(|of| radio.hand_over_chip(Instant::ZERO, of, PAN));
    radio.open_chip(Instant::ZERO, chips[1], true);
    radio.tune_chip(Instant::ZERO, chips[1], gateway_is_here);
    radio.send_from_chip(Instant::ZERO, chips[0], &up(DATA, PAN, b"hello"));
    let mut told = [Vec::new(), Vec::new()];
    let mut acknowledges = None;
    while let Some(at) = radio.poll_timeout().into_iter().chain(acknowledges).min() {
        radio.handle_timeout(at);
        if acknowledges.take_if(|due| *due <= at).is_some() {
            radio.send_from_chip(at, chips[1], &whole(vec![0x02, 0x00, 9]));
        }
        for (chip, told) in chips.into_iter().zip(&mut told) {
            while let Some(news) = radio.poll_chip(chip) {
                match news {
                    OnChip::Sent if chip == chips[0] => radio.open_chip(at, chip, true),
                    OnChip::Ends { is_whole: true } if chip == chips[1] => {
                        acknowledges = Some(at + Duration::from_micros(192))
                    }
                    OnChip::Begins { .. } | OnChip::Ends { .. } | OnChip::Sent => {}
                }
                told.push(news);
            }
        }
    }
    told
}

#[test]
fn two_chips_hear_each_other() {
    let begins = |psdu| OnChip::Begins { psdu, rssi_dbm: -60 };
    let ends = OnChip::Ends { is_whole: true };
    let [node, gateway] = between_two_chips(true);
    assert_eq!(node, [OnChip::Sent, begins(whole(vec![0x02, 0x00, 9])), ends.clone()]);
    assert_eq!(gateway, [begins(up(DATA, PAN, b"hello")), ends, OnChip::Sent]);
}

#[test]
fn a_chip_on_another_channel_hears_nothing() {
    let [node, gateway] = between_two_chips(false);
    assert_eq!((node, gateway), (vec![OnChip::Sent], vec![OnChip::Ends { is_whole: false }]));
}
