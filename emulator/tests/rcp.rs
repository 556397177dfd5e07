//! The dongle's image between the gateway's driver, at the other end of a USB cable, and the node's image on the air.

mod support;

use config_page::{ADDRESS, encode};
use emulator::{Plan, Reset, Site, Together};
use gateway_core::Qos;
use lowpan::{Level, LinkKey};
use sn_types::Instant;
use std::time::Duration;
use support::{BASE, image, rcp_image, settings};
use transports::ieee802154::rcp::Event;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// The site's chips.
const DONGLE: usize = 0;
const NODE: usize = 1;
/// Where the factory information has the chip's number.
const DEVICE_ID: u32 = 0x60;

/// A dongle that is plugged in, and a node that knows the gateway.
fn with_dongle(plan: &Plan, more: &str) -> Together {
    let images = [rcp_image(), image()];
    let mut together =
        Together::new(Site::with_dongle(plan), &images, plan.seed).unwrap_or_else(|fault| panic!("{fault}"));
    together.machine(NODE).program(ADDRESS, &encode(&settings(plan, more), 1));
    let dongle = together.machine(DONGLE);
    dongle.set_ficr(DEVICE_ID, 0x0807_0605);
    dongle.set_ficr(DEVICE_ID + 4, 0x0403_0201);
    dongle.plug(true);
    together
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
    pass(&mut together, SECOND);
    assert_eq!(news(&together), ["it has been unplugged"]);
    together.machine(DONGLE).plug(true);
    comes_back(&mut together, &["up"]);
    // The processor goes astray: an undefined instruction.
    together.machine(DONGLE).lead_astray(&[0xDE00]).unwrap();
    comes_back(&mut together, &["it has been unplugged", "up"]);
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

fn comes_back(together: &mut Together, expected: &[&str]) {
    pass(together, 20 * SECOND);
    assert_eq!(news(together), expected);
    let since = together.now();
    pass(together, 41 * SECOND);
    assert!(heard(together, &format!("{BASE}/report"), since) >= 3, "{:?}", together.site().messages());
}
