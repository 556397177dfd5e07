//! When the node talks, while others do whom it hears only faintly, or while there is noise.

mod support;

use config_page::{ADDRESS, encode};
use emulator::{Air, Machine, Plan, Site, Stop};
use simulator::radio::{OnChip, Station};
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

/// One octet at 250 kbit/s, and how many there are before a frame's own.
const OCTET: Duration = Duration::from_micros(32);
const PREAMBLE: u32 = 6;

/// So much noise, and nobody.
struct Noise {
    dbm: i8,
    frames: usize,
    ends: Option<Instant>,
    has_ended: bool,
}

impl Air for Noise {
    fn tune(&mut self, _now: Instant, _channel: u8) {}

    fn open(&mut self, _now: Instant, _on: bool) {}

    fn send(&mut self, now: Instant, psdu: &[u8]) {
        self.frames += 1;
        self.ends = Some(now + OCTET * (PREAMBLE + psdu.len() as u32));
    }

    fn break_off(&mut self, _now: Instant) {
        self.ends = None;
    }

    fn power_dbm(&self) -> i8 {
        self.dbm
    }

    fn hears_carrier(&self) -> bool {
        false
    }

    fn poll(&mut self) -> Option<OnChip> {
        std::mem::take(&mut self.has_ended).then_some(OnChip::Sent)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.ends
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.has_ended |= self.ends.take_if(|ends| *ends <= now).is_some();
    }
}

/// How many frames the node sends within a minute.
fn frames_in_noise(dbm: i8) -> usize {
    let noise = Noise { dbm, frames: 0, ends: None, has_ended: false };
    let mut machine = Machine::new(&image(), noise, 1).unwrap_or_else(|fault| panic!("{fault}"));
    machine.program(ADDRESS, &encode(&settings(&Plan::default(), ""), 1));
    let stop = machine.run_until(Instant::from_secs(60)).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(stop, Stop::Time);
    machine.air().frames
}

#[test]
fn a_channel_with_more_energy_than_75_dbm_below_a_milliwatt_is_busy() {
    let [quiet, loud] = [-75, -74].map(frames_in_noise);
    assert!(quiet > 0, "the node looks for its gateway");
    assert_eq!(loud, 0);
}
