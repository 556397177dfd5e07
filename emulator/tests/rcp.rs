//! The dongle's image between the gateway's driver, at the other end of a USB cable, and the node's image on the air.

mod support;

use config_page::{ADDRESS, encode};
use emulator::{Image, Plan, Reset, Site, Together};
use gateway_core::Qos;
use lowpan::{FCS_LEN, Level, LinkKey};
use simulator::radio::Station;
use sn_types::Instant;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;
use support::{BASE, image, rcp_image, rcp_uf2_image, settings};
use transports::ieee802154::rcp::Event;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// Beyond this a report at QoS 1 takes the node's radio too long, in microseconds, on an open link.
const MOST_RADIO_US_PER_REPORT: u64 = 6_000;
/// The site's chips.
const DONGLE: usize = 0;
const NODE: usize = 1;
/// Where the factory information has the chip's number.
const DEVICE_ID: u32 = 0x60;

/// A dongle that is plugged in, and a node that knows the gateway.
fn with_dongle(plan: &Plan, more: &str) -> Together {
    let mut together = plugged_in(Site::with_dongle(plan), &[rcp_image(), image()], plan.seed);
    together.machine(NODE).program(ADDRESS, &encode(&settings(plan, more), 1));
    together
}

/// A dongle that is plugged in, and whoever else is there.
fn plugged_in(site: Site, images: &[Image], seed: u64) -> Together {
    let mut together = Together::new(site, images, seed).unwrap_or_else(|fault| panic!("{fault}"));
    let dongle = together.machine(DONGLE);
    dongle.set_ficr(DEVICE_ID, 0x0807_0605);
    dongle.set_ficr(DEVICE_ID + 4, 0x0403_0201);
    dongle.plug(true);
    together
}

/// A frame's payload.
type Number = [u8; 4];

/// Simulated nodes send 125 frames a second for some time; now and then something is `done` to the dongle. Gives how many
/// frames were sent, which of them were acknowledged to their senders, and which the dongle's host has got.
fn crowd(seconds: u32, done: impl Fn(&mut Together)) -> (u32, BTreeSet<Number>, BTreeSet<Number>) {
    const NODES: u32 = 10;
    let plan = Plan::default();
    let mut together = plugged_in(Site::with_crowd(&plan, NODES as usize), &[rcp_image()], plan.seed);
    let acknowledged = Rc::new(RefCell::new(BTreeSet::new()));
    let (told, mut last) = (Rc::clone(&acknowledged), None);
    together.site().tap(move |frame| match frame.from {
        Station::Node(_) => last = frame.psdu[..frame.psdu.len() - FCS_LEN].last_chunk::<4>().copied(),
        Station::Gateway(_) if frame.outcome.received == 1 => told.borrow_mut().extend(last.take()),
        Station::Gateway(_) | Station::Router(_) => {}
    });
    pass(&mut together, SECOND);
    let sent = seconds * 125;
    for number in 0..sent {
        let now = together.now();
        together.site().send_up(now, (number % NODES) as usize, &number.to_be_bytes());
        pass(&mut together, Duration::from_millis(8));
        if number % 50 == 49 {
            done(&mut together);
        }
    }
    pass(&mut together, SECOND);
    let arrived = together.site().dongle_frames().iter().filter_map(|frame| frame.last_chunk::<4>().copied()).collect();
    (sent, acknowledged.take(), arrived)
}

#[test]
fn what_a_dongle_acknowledges_its_host_gets() {
    let (sent, acknowledged, arrived) = crowd(10, |_| {});
    assert!(acknowledged.len() as u32 > sent * 49 / 50, "{} of {sent}", acknowledged.len());
    assert_eq!(acknowledged.difference(&arrived).count(), 0);
}

#[test]
fn what_was_acknowledged_before_a_scan_is_not_lost() {
    let (sent, acknowledged, arrived) = crowd(10, |together| {
        let now = together.now();
        assert!(together.site().scan(now, &[20], 5));
    });
    println!("{} of {sent}", acknowledged.len());
    assert_eq!(acknowledged.difference(&arrived).count(), 0);
}

/// In 400 ms, of which every second one is slept, come fewer frames than wait in a dongle.
#[test]
fn what_comes_while_the_host_sleeps_waits() {
    let (_, acknowledged, arrived) = crowd(4, |together| {
        let mut usb = together.machine(DONGLE).usb();
        let is_asleep = usb.is_asleep();
        usb.set_asleep(!is_asleep);
    });
    assert_eq!(acknowledged.difference(&arrived).count(), 0);
}

fn secured() -> Plan {
    Plan { key: Some((Level::Mic32, LinkKey([7; 16]))), ..Plan::default() }
}

fn pass(together: &mut Together, time: Duration) {
    let until = together.now() + time;
    together.run_until(until).unwrap_or_else(|fault| panic!("{fault} after {:?}", together.now()));
}

/// What has happened to the dongle, in short.
fn news(together: &Together) -> Vec<String> {
    let short = |event| match event {
        Event::Up(_) => "up".into(),
        Event::Down(why) => why,
        other => format!("{other:?}"),
    };
    together.site().take_dongle_news().into_iter().map(short).collect()
}

/// Messages on a topic from a time on.
fn heard(together: &Together, topic: &str, since: Instant) -> usize {
    let site = together.site();
    site.messages().iter().filter(|message| message.at >= since && message.topic == topic).count()
}

#[test]
fn a_host_finds_a_serial_line_and_the_driver_a_radio() {
    let mut together = with_dongle(&Plan::default(), "");
    pass(&mut together, SECOND);
    let usb = together.machine(DONGLE).usb();
    let device = usb.device().expect("it is set up");
    assert_eq!((device.id, usb.stalled()), ((0x1209, 1), 0));
    assert_eq!(device.strings, ["MQTT-SN gateway", "802.15.4 Spinel radio", "f4ce360102030405"]);
    drop(usb);
    assert_eq!(news(&together), ["up"]);
    let site = together.site();
    let info = site.dongle_info().expect("it is up");
    assert_eq!(info.hwaddr, [0xF4, 0xCE, 0x36, 1, 2, 3, 4, 5]);
    assert!(info.matches_sources && info.version.starts_with("OPENTHREAD/"), "{info:?}");
}

#[test]
fn a_secured_node_reports_and_is_told_what_waits() {
    let mut together = with_dongle(&secured(), "report=30\nfetch=60\n");
    pass(&mut together, 3 * MINUTE);
    assert_eq!(heard(&together, &format!("{BASE}/report"), Instant::ZERO), 6);
    let now = together.now();
    together.site().publish(now, &format!("{BASE}/config"), b"target=attic", Qos::AtLeastOnce, false);
    pass(&mut together, 3 * MINUTE);
    assert!(heard(&together, "attic", now) >= 3, "{:?}", together.site().messages());
}

#[test]
fn a_report_takes_the_nodes_radio_little_time_since_the_dongle_answers_at_once() {
    let mut together = with_dongle(&Plan::default(), "report=10\nfetch=86400\n");
    pass(&mut together, MINUTE);
    let (since, before) = (together.now(), together.machine(NODE).used());
    pass(&mut together, 6 * MINUTE);
    let used = together.machine(NODE).used() - before;
    let reports = heard(&together, &format!("{BASE}/report"), since);
    assert_eq!(reports, 36);
    let radio_us = used.radio_us() / reports as u64;
    println!("{radio_us} us of radio for a report");
    assert!(radio_us < MOST_RADIO_US_PER_REPORT, "{radio_us} us");
}

#[test]
fn an_energy_scan_hears_all_channels_and_then_the_node_again() {
    let mut together = with_dongle(&Plan::default(), "report=10\n");
    pass(&mut together, 15 * SECOND);
    assert_eq!(news(&together), ["up"]);
    let now = together.now();
    let channels: Vec<u8> = (11..=26).collect();
    assert!(together.site().scan(now, &channels, 100));
    pass(&mut together, 3 * SECOND);
    let scanned = together.site().take_dongle_news();
    let [Event::Scanned(energy)] = &scanned[..] else { panic!("{scanned:?}") };
    assert_eq!(energy.iter().map(|energy| energy.channel).collect::<Vec<_>>(), channels);
    assert!(energy.iter().all(|energy| energy.dbm < -90), "{energy:?}");
    let since = together.now();
    pass(&mut together, MINUTE);
    assert!(heard(&together, &format!("{BASE}/report"), since) >= 5);
}

#[test]
fn a_dongle_that_goes_comes_back() {
    let mut together = with_dongle(&secured(), "report=10\n");
    pass(&mut together, 15 * SECOND);
    assert_eq!(news(&together), ["up"]);
    // Unplugged, and plugged in again.
    together.machine(DONGLE).plug(false);
    pass(&mut together, 25 * SECOND);
    assert_eq!(news(&together), ["it has been unplugged"]);
    together.machine(DONGLE).plug(true);
    comes_back(&mut together, &["up"]);
    // The processor goes astray: an undefined instruction.
    together.machine(DONGLE).lead_astray(&[0xDE00]).unwrap();
    comes_back(&mut together, &["it has been unplugged", "the radio has been reset (RESET_FAULT)", "up"]);
    // Power, which is USB's.
    together.power_cycle(DONGLE).unwrap();
    comes_back(&mut together, &["it has been unplugged", "up"]);
    // Its line is closed and opened, as by a gateway that is restarted.
    together.drive_line(false);
    pass(&mut together, SECOND);
    assert_eq!(news(&together), ["it has been unplugged"]);
    together.drive_line(true);
    comes_back(&mut together, &["up"]);
    // A new chip sets something up in its UICR and restarts; and nothing restarted it but what was done to it here.
    let resets: Vec<Reset> = together.machine(DONGLE).resets().iter().map(|(_, reset)| *reset).collect();
    assert_eq!(resets, [Reset::PowerOn, Reset::Software, Reset::Software, Reset::PowerOn]);
}

/// What Adafruit's bootloader finds in GPREGRET when it is to stay.
const STAYS: u32 = 0x57;

#[test]
fn a_line_that_is_closed_at_1200_baud_leads_into_the_bootloader_if_there_is_one() {
    let restarts = [Reset::PowerOn, Reset::Software, Reset::Software];
    for (image, register, resets) in [(rcp_uf2_image(), STAYS, &restarts[..]), (rcp_image(), 0, &restarts[..2])] {
        let plan = Plan::default();
        let mut together = plugged_in(Site::with_crowd(&plan, 1), &[image], plan.seed);
        pass(&mut together, SECOND);
        together.machine(DONGLE).usb().set_rate(1_200);
        together.drive_line(false);
        pass(&mut together, SECOND);
        let dongle = together.machine(DONGLE);
        assert_eq!(dongle.retained()[0], register);
        assert_eq!(dongle.resets().iter().map(|(_, reset)| *reset).collect::<Vec<_>>(), resets);
    }
}

fn comes_back(together: &mut Together, expected: &[&str]) {
    pass(together, 20 * SECOND);
    assert_eq!(news(together), expected);
    let since = together.now();
    pass(together, 41 * SECOND);
    assert!(heard(together, &format!("{BASE}/report"), since) >= 3, "{:?}", together.site().messages());
}
