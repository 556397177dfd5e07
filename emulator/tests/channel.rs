//! When the node talks, while others do whom it hears only faintly.

mod support;

use config_page::{ADDRESS, encode};
use emulator::{Machine, Plan, Site};
use simulator::radio::Station;
use sn_types::Instant;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use support::{heard, image, pass, settings};

/// Ten decibels below what makes the channel busy by its energy alone, and fifteen above what can be received.
const FAINT_DBM: i16 = -85;
/// The last symbols of a look, and the ramp-up behind it: what begins then nobody can know of.
const UNSEEN: Duration = Duration::from_micros(2 * 16 + 16 + 40);
const NODES: usize = 6;
/// With its check sequence.
const ACK_LEN: usize = 5;

/// A frame of the node's, or of others': when it began and ended.
type Times = (Instant, Instant);

/// The node's frames, acknowledgements left out, and those of all others.
fn frames_among_others(time: Duration) -> (Vec<Times>, Vec<Times>) {
    let plan = Plan { rssi_dbm: FAINT_DBM, ..Plan::default() };
    let mut site = Site::with_neighbours(&plan, NODES);
    let frames = Rc::new(RefCell::new((Vec::new(), Vec::new())));
    let all = Rc::clone(&frames);
    site.tap(move |frame| {
        let times = (frame.at, frame.at + Duration::from_micros(frame.airtime_us));
        match frame.from {
            Station::Node(0) if frame.psdu.len() > ACK_LEN => all.borrow_mut().0.push(times),
            Station::Node(0) => {}
            Station::Node(_) | Station::Gateway(_) | Station::Router(_) => all.borrow_mut().1.push(times),
        }
    });
    let mut machine = Machine::new(&image(), site, plan.seed).unwrap_or_else(|fault| panic!("{fault}"));
    machine.program(ADDRESS, &encode(&settings(&plan, "report=10\n"), 1));
    let until = machine.now() + time;
    for number in 0_u32.. {
        let now = machine.now();
        if now >= until {
            break;
        }
        machine.air().send_up(now, 1 + number as usize % (NODES - 1), &[0; 80]);
        pass(&mut machine, Duration::from_millis(8));
    }
    assert!(heard(&machine, "report", Instant::ZERO).len() as u64 >= time.as_secs() / 10 - 2);
    frames.take()
}

#[test]
fn a_node_does_not_talk_into_frames_that_are_too_weak_to_be_energy() {
    let (own, others) = frames_among_others(Duration::from_secs(180));
    let is_interrupted = |(at, until): &Times| own.iter().any(|(own, _)| *at + UNSEEN < *own && own < until);
    let interrupted = others.iter().filter(|times| is_interrupted(times)).count();
    println!("{} frames of its own, {} of others, {interrupted} interrupted", own.len(), others.len());
    assert!(own.len() >= 30 && others.len() >= 20_000);
    assert_eq!(interrupted, 0);
}
