//! docs/radio-model.md against the model.

mod radio_support;

use radio_support::{Net, chain, star};
use simulator::energy::{Battery, Currents};
use simulator::medium::Medium as _;
use simulator::radio::{OnAir, Phy, Radio, RadioPlan};
use sn_codec::{Message, MsgId, PingReq, PubAck, Publish, Qos, ReturnCode, SearchGw, Topic, TopicId};
use sn_types::Instant;
use std::cell::RefCell;
use std::rc::Rc;

const PAGE: &str = include_str!("../../docs/radio-model.md");

/// MQTT-SN octets, PSDU octets, symbols, 2.4 GHz us, exchange us, 868 MHz us.
type Figures = [u64; 6];

#[test]
fn the_table_of_frames_is_the_models() {
    assert_row("PUBLISH, QoS 1, 10 octets of payload", to_one(&star(1), &publish()));
    assert_row("PUBACK", to_one(&star(1), &encoded(&puback())));
    let ping = Message::PingReq(PingReq { client_id: Some("sensor-1") });
    assert_row("PINGREQ of a sleeper with an id of 8 octets", to_one(&star(1), &encoded(&ping)));
    let search = encoded(&Message::SearchGw(SearchGw { radius: 0 }));
    assert_row("SEARCHGW, to all", to_all(&star(1), &search));
    assert_row("PUBLISH over a router, each hop", to_one(&chain(1), &publish()));
    for (name, plan) in [("without", star(1)), ("over", chain(1))] {
        let mtu = Radio::new(&plan).profile().mtu;
        assert_row(&format!("the longest datagram {name} routers"), to_one(&plan, &vec![0; usize::from(mtu)]));
    }
    let [_, ack] = first_two(&star(1), &publish(), false);
    let [_, slow_ack] = first_two(&slow(&star(1)), &publish(), false);
    assert_row("MAC acknowledgement", [0, ack.psdu, ack.airtime_us / 16, ack.airtime_us, 0, slow_ack.airtime_us]);
}

#[test]
fn the_table_of_energy_is_the_models() {
    let mut net = Net::new(&star(1));
    net.medium.listen(net.now, 0, false);
    for minute in 1..=10 {
        net.up(0, &publish());
        net.run_until(Instant::from_secs(minute * 60));
    }
    let stats = &net.medium.stats(net.now).stations[0];
    let days = Battery::CR2477.lifetime_days(stats.energy.average_na(&Currents::default()));
    assert_eq!(days, stats.lifetime_days);
    let figures =
        [stats.energy.transmit_us / 10, stats.energy.receive_us / 10, stats.average_na, days.expect("it ends")];
    let row = figures.map(|figure| figure.to_string()).join(" | ");
    assert!(PAGE.contains(&format!("| {row} |")), "the page has no row of {row}");
}

/// One row of the page.
fn assert_row(name: &str, expected: Figures) {
    let row = PAGE.lines().find(|line| line.starts_with(&format!("| {name} |"))).unwrap_or_else(|| panic!("no {name}"));
    let figures = row.split('|').skip(2).filter(|cell| !cell.is_empty());
    let figures: Vec<u64> = figures.map(|cell| cell.trim().parse().expect("it is a number")).collect();
    assert_eq!(figures, expected, "{name}");
}

fn to_one(plan: &RadioPlan, datagram: &[u8]) -> Figures {
    let [data, ack] = first_two(plan, datagram, false);
    figures(plan, datagram, &data, ack.at_us + ack.airtime_us)
}

fn to_all(plan: &RadioPlan, datagram: &[u8]) -> Figures {
    let data = frames(plan, datagram, true).remove(0);
    let end_us = data.at_us + data.airtime_us;
    figures(plan, datagram, &data, end_us)
}

/// What was measured with some backoff, with the mean backoff instead.
fn figures(plan: &RadioPlan, datagram: &[u8], data: &Frame, end_us: u64) -> Figures {
    let access_us = data.at_us - 128 - 192;
    assert!(access_us.is_multiple_of(320), "{access_us} us of backoff");
    let slow = &frames(&slow(plan), datagram, datagram.len() == 3)[0];
    let exchange_us = end_us - access_us + 7 * 320 / 2;
    [datagram.len() as u64, data.psdu, data.airtime_us / 16, data.airtime_us, exchange_us, slow.airtime_us]
}

fn slow(plan: &RadioPlan) -> RadioPlan {
    RadioPlan { phy: Phy::SunFsk50k, ..plan.clone() }
}

struct Frame {
    at_us: u64,
    airtime_us: u64,
    psdu: u64,
}

fn first_two(plan: &RadioPlan, datagram: &[u8], is_for_all: bool) -> [Frame; 2] {
    let mut frames = frames(plan, datagram, is_for_all).into_iter();
    [(); 2].map(|()| frames.next().expect("there is a frame and its acknowledgement"))
}

/// All frames of a node's datagram.
fn frames(plan: &RadioPlan, datagram: &[u8], is_for_all: bool) -> Vec<Frame> {
    let frames = Rc::new(RefCell::new(Vec::new()));
    let tap = Rc::clone(&frames);
    let mut net = Net::new(plan);
    net.medium.tap(move |on_air: &OnAir<'_>| {
        let OnAir { at, airtime_us, psdu, .. } = *on_air;
        tap.borrow_mut().push(Frame { at_us: at.as_micros(), airtime_us, psdu: psdu.len() as u64 });
    });
    if is_for_all {
        net.up_to_all(0, 0, datagram)
    } else {
        net.up(0, datagram)
    }
    net.run_for_ms(1_000);
    frames.take()
}

fn publish() -> Vec<u8> {
    encoded(&Message::Publish(Publish {
        dup: false,
        qos: Qos::One,
        retain: false,
        topic: Topic::Normal(TopicId(1)),
        msg_id: MsgId(1),
        data: b"0123456789",
    }))
}

fn puback() -> Message<'static> {
    Message::PubAck(PubAck { topic_id: TopicId(1), msg_id: MsgId(1), return_code: ReturnCode::Accepted })
}

fn encoded(message: &Message<'_>) -> Vec<u8> {
    let mut buffer = [0; 128];
    let len = message.encode(&mut buffer).expect("it is short");
    buffer[..len].to_vec()
}
