//! The device under our driver: what the gateway does with a dongle works with this one.

mod support;

use spinel_device::{Command, Outcome, Status, Verdict};
use support::{HWADDR, MATCHES, NODE, PAN, Wire, frame, received};
use transports::ieee802154::rcp::{Event, Sent, Transmit};

const DATA: u8 = 1;
const COMMAND: u8 = 3;
const DATA_REQUEST: u8 = 4;
const TRANSMIT: Transmit<'static> = Transmit { frame: &[0x61, 0xC8, 1], max_frame_retries: 3, secured: false };
/// The acknowledgement of that, with "frame pending".
const ACK: &[u8] = &[0x12, 0, 1, 0, 0];

#[test]
fn the_driver_starts_it() {
    let mut wire = Wire::new(Some(15));
    let events = wire.settle();
    let [Event::Up(info)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((info.address, info.channel, info.matches_sources), (HWADDR, 15, true));
    assert_eq!((info.version.as_str(), info.tx_power_dbm), ("OPENTHREAD/1; test", Some(8)));
    let receiver = wire.device.receiver();
    assert!(receiver.is_on && !receiver.is_promiscuous);
    assert_eq!((receiver.channel, receiver.pan_id, receiver.short_address), (15, PAN, 1));
    assert_eq!(receiver.extended_address, HWADDR);
    assert_eq!(wire.commands.last(), Some(&Command::Listen));
}

#[test]
fn the_quietest_channel_is_found() {
    let mut wire = Wire::new(None);
    let events = wire.settle();
    let [Event::Up(info)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((info.energy.len(), info.channel), (16, 20));
}

#[test]
fn frames_are_handed_over() {
    let mut wire = Wire::up();
    wire.hear(&frame(DATA, PAN, HWADDR, b"to it"));
    wire.hear(&frame(DATA, PAN, NODE, b"to another"));
    let events = wire.settle();
    let [Event::Received(heard)] = &events[..] else { panic!("{events:?}") };
    assert!(heard.frame.ends_with(b"to it") && heard.acked_with_pending == Some(false));
    assert_eq!((heard.rssi_dbm, heard.lqi), (Some(-60), Some(160)));
}

#[test]
fn a_node_that_asks_is_told_whether_something_waits() {
    let mut wire = Wire::up();
    let asks = |wire: &mut Wire| {
        let verdict = wire.hear(&frame(COMMAND, PAN, HWADDR, &[DATA_REQUEST]));
        let Verdict::Acknowledge { pending } = verdict else { panic!("{verdict:?}") };
        let events = wire.settle();
        assert!(matches!(&events[..], [Event::Received(heard)] if heard.acked_with_pending == Some(pending)));
        pending
    };
    assert!(!asks(&mut wire));
    wire.rcp.match_source(wire.now, NODE, true);
    wire.settle();
    assert_eq!(wire.commands, [Command::Listen], "the radio is told");
    assert!(asks(&mut wire));
    wire.rcp.match_source(wire.now, NODE, false);
    wire.settle();
    assert!(!asks(&mut wire));
    // More than it knows by heart: it tells all to wait.
    for number in 0..=MATCHES as u8 {
        wire.rcp.match_source(wire.now, [number; 8], true);
    }
    wire.settle();
    assert!(asks(&mut wire));
    // Until all that are left fit.
    wire.rcp.match_source(wire.now, [0; 8], false);
    wire.settle();
    assert!(!asks(&mut wire));
}

#[test]
fn what_became_of_a_frame_is_told() {
    for (outcome, sent) in [
        (Outcome::Sent, Sent::Done { frame_pending: false }),
        (Outcome::Acknowledged(received(ACK, false)), Sent::Done { frame_pending: true }),
        (Outcome::NoAck, Sent::NoAck),
        (Outcome::ChannelBusy, Sent::ChannelBusy),
    ] {
        let mut wire = Wire::up();
        wire.rcp.transmit(wire.now, &TRANSMIT).expect("it is ready");
        assert_eq!(wire.settle(), []);
        let [Command::Transmit(transmit)] = &wire.commands[..] else { panic!("{:?}", wire.commands) };
        assert_eq!(transmit.psdu, [0x61, 0xC8, 1, 0, 0]);
        assert_eq!((transmit.channel, transmit.csma, transmit.max_csma_backoffs), (15, true, 4));
        assert_eq!((transmit.max_frame_retries, transmit.power_dbm), (3, 8));
        assert!(transmit.wants_ack() && transmit.sequence() == 1);
        wire.device.handle_transmitted(outcome);
        assert_eq!(wire.settle(), [Event::Sent(sent)]);
    }
}

#[test]
fn what_a_reset_forgot_is_not_told() {
    let mut wire = Wire::up();
    wire.rcp.transmit(wire.now, &TRANSMIT).expect("it is ready");
    wire.settle();
    wire.device.reset(Status::RESET_CRASH);
    assert!(matches!(&wire.settle()[..], [Event::Sent(Sent::Unknown), Event::Down(_), Event::Up(_)]));
    wire.commands.clear();
    wire.rcp.transmit(wire.now, &TRANSMIT).expect("it is ready");
    wire.settle();
    assert_eq!(wire.commands, [], "the radio still has the one before");
    wire.device.handle_transmitted(Outcome::NoAck);
    assert_eq!(wire.settle(), []);
    assert!(matches!(&wire.commands[..], [Command::Transmit(_)]));
    wire.device.handle_transmitted(Outcome::Sent);
    assert_eq!(wire.settle(), [Event::Sent(Sent::Done { frame_pending: false })]);
}

#[test]
fn a_host_that_does_not_read_loses_frames_and_no_answer() {
    let mut wire = Wire::up();
    let longest = frame(DATA, PAN, HWADDR, &[0x7E; 104]);
    (0..9).for_each(|_| assert_ne!(wire.hear(&longest), Verdict::Ignore));
    wire.rcp.match_source(wire.now, NODE, true);
    let events = wire.settle();
    assert!((1..9).contains(&events.len()), "{} frames", events.len());
    assert_eq!(wire.commands, [Command::Listen], "it has heard what it was told");
    assert_eq!(wire.rcp.malformed(), 0, "frames are whole");
    wire.hear(&longest);
    assert_eq!(wire.settle().len(), 1, "there is room again");
}

#[test]
fn a_host_that_has_gone_leaves_nothing() {
    let mut wire = Wire::up();
    wire.hear(&frame(DATA, PAN, HWADDR, b"unread"));
    wire.device.handle_closed();
    assert!(wire.device.output().is_empty() && !wire.device.receiver().is_on);
    assert_eq!(wire.device.poll(), Some(Command::Listen));
}
