//! The driver of a radio in virtual time, against a radio that answers by a script.

mod bench;

use bench::{Bench, Mood, settings};
use sn_types::Instant;
use spinel::{
    Frame, MD_FLAG_ACKED_FP, MD_FLAG_BAD_FCS, Message, Property, RawReceived, RawSent, RawTransmit, Status, hdlc,
};
use std::collections::BTreeSet;
use transports::ieee802154::rcp::{Energy, Event, NotReady, Received, Sent, Settings, Transmit};

const HWADDR: [u8; 8] = [0xF4, 0xCE, 0x36, 0x11, 0x13, 0x7E, 0x7D, 0xF8];
const NODE: [u8; 8] = [2, 0, 0, 1, 0, 0, 0, 7];
const FRAME: &[u8] = &[0x41, 0x88, 7, 0xCD, 0xAB, 0xFF, 0xFF];
const TRANSMIT: Transmit<'static> = Transmit { frame: FRAME, max_frame_retries: 3, secured: true };

#[test]
fn a_radio_is_reset_asked_and_set_up_before_it_is_up() {
    let mut bench = Bench::new(settings());
    bench.open();
    assert_eq!(
        bench.asked,
        [
            "Stack",
            "PROTOCOL_VERSION [04, 03]",
            "CAPS [22, 23, 81, 04]",
            "HWADDR [f4, ce, 36, 11, 13, 7e, 7d, f8]",
            "NCP_VERSION [4f, 50, 45, 4e, 54, 48, 52, 45, 41, 44, 2f, 31, 3b, 20, 74, 65, 73, 74, 00]",
            "PHY_ENABLED [01]",
            "MAC_15_4_PANID [cd, ab]",
            "MAC_15_4_LADDR [f4, ce, 36, 11, 13, 7e, 7d, f8]",
            "MAC_15_4_SADDR [fe, ff]",
            "PHY_CHAN [0f]",
            "PHY_TX_POWER [08]",
            "MAC_PROMISCUOUS_MODE [00]",
            "MAC_SRC_MATCH_ENABLED [01]",
            "MAC_RAW_STREAM_ENABLED [01]",
        ]
    );
    let [Event::Up(info)] = &bench.took()[..] else { panic!("it is up") };
    assert_eq!((info.protocol, info.hwaddr, info.address), ((4, 3), HWADDR, HWADDR));
    assert_eq!((&info.version[..], info.channel, info.tx_power_dbm), ("OPENTHREAD/1; test", 15, Some(8)));
    assert!(info.matches_sources && bench.rcp.is_ready());
}

#[test]
fn another_address_than_the_burnt_in_one_can_be_used() {
    let mut bench = Bench::new(Settings { long_address: Some(NODE), ..settings() });
    bench.open();
    assert!(bench.asked.contains(&"MAC_15_4_LADDR [02, 00, 00, 01, 00, 00, 00, 07]".to_owned()));
    assert_eq!(bench.rcp.info().map(|info| (info.hwaddr, info.address)), Some((HWADDR, NODE)));
}

#[test]
fn a_device_that_says_nothing_is_reset_three_times_told_of_once_and_tried_again() {
    let mut bench = Bench::new(settings());
    bench.resets = false;
    bench.open();
    let waits: Vec<_> = (0..3).map(|_| bench.wait().as_secs()).collect();
    assert_eq!((&waits[..], &bench.asked[..]), (&[2, 2, 2][..], &["Stack", "Stack", "Platform"].map(String::from)[..]));
    assert_eq!(bench.downs(), ["it does not answer: is it a radio co-processor, and is `baud` right?"]);
    assert_eq!(bench.wait().as_secs(), 10);
    (0..3).for_each(|_| _ = bench.wait());
    assert_eq!(bench.downs(), [""; 0], "it has been told");
    bench.resets = true;
    bench.wait();
    assert!(matches!(&bench.took()[..], [Event::Up(_)]));
}

#[test]
fn what_is_no_radio_co_processor_is_said_so() {
    for (property, value, why) in [
        (Property::PROTOCOL_VERSION, &[5, 0][..], "it speaks Spinel 5.0, and we speak 4"),
        (Property::PROTOCOL_VERSION, &[], "it has told no protocol version"),
        (
            Property::CAPS,
            &[33, 0x81, 4],
            "its firmware is no radio co-processor (it lacks the capabilities CONFIG_RADIO and MAC_RAW): it needs \
             `ot-rcp`",
        ),
        (Property::HWADDR, &[1, 2], "it has told no address"),
    ] {
        let mut bench = Bench::new(settings());
        bench.values.insert(property, value.to_vec());
        bench.open();
        assert_eq!(bench.downs(), [why]);
        assert_eq!(bench.wait().as_secs(), 10, "it is tried again: it may be flashed meanwhile");
    }
}

#[test]
fn a_setting_that_the_radio_refuses_is_named() {
    for (property, why) in [
        (Property::PHY_CHAN, "it has refused channel 15: INVALID_ARGUMENT"),
        (Property::PHY_TX_POWER, "it has refused 8 dBm: INVALID_ARGUMENT"),
    ] {
        let mut bench = Bench::new(settings());
        bench.moods.insert(property, Mood::Refuses(Status::INVALID_ARGUMENT));
        bench.open();
        assert_eq!(bench.downs(), [why]);
    }
}

#[test]
fn a_radio_may_lack_what_can_be_done_without() {
    let mut bench = Bench::new(settings());
    for property in [Property::MAC_PROMISCUOUS_MODE, Property::MAC_SRC_MATCH_ENABLED, Property::NCP_VERSION] {
        bench.moods.insert(property, Mood::Refuses(Status::PROP_NOT_FOUND));
    }
    bench.open();
    let [Event::Up(info)] = &bench.took()[..] else { panic!("it is up") };
    assert!(!info.matches_sources);
    bench.asked.clear();
    bench.rcp.match_source(bench.now, NODE, true);
    bench.go_on();
    assert_eq!(bench.asked, [""; 0]);
}

#[test]
fn a_request_is_repeated_once_and_then_the_radio_is_started_again() {
    let mut bench = Bench::new(settings());
    bench.moods.insert(Property::PHY_CHAN, Mood::Silent);
    bench.open();
    bench.asked.clear();
    assert_eq!(bench.wait().as_secs(), 2);
    assert_eq!(bench.asked, ["PHY_CHAN [0f]"]);
    assert_eq!(bench.wait().as_secs(), 2);
    assert_eq!(bench.downs(), ["it does not answer for PHY_CHAN"]);
    assert_eq!(bench.asked[1], "Stack");
}

#[test]
fn a_frame_is_sent_and_what_became_of_it_is_told() {
    let answers = [
        (RawSent { status: Status::OK, frame_pending: true }, Sent::Done { frame_pending: true }),
        (RawSent { status: Status::NO_ACK, frame_pending: false }, Sent::NoAck),
        (RawSent { status: Status::CCA_FAILURE, frame_pending: false }, Sent::ChannelBusy),
        (RawSent { status: Status::BUSY, frame_pending: false }, Sent::Refused(Status::BUSY)),
    ];
    let mut bench = Bench::up();
    for (raw, sent) in answers {
        bench.rcp.transmit(bench.now, &TRANSMIT).expect("it is ready");
        assert_eq!(bench.rcp.transmit(bench.now, &TRANSMIT), Err(NotReady), "one at a time");
        bench.go_on();
        let (transaction, value) = bench.transmits.pop().expect("it has the frame");
        let on_air = RawTransmit::decode(&value).expect("all of it");
        assert_eq!((on_air.psdu, on_air.channel), (&[FRAME, &[0, 0]].concat()[..], 15));
        assert!(on_air.secured && on_air.csma && on_air.max_frame_retries == 3);
        // A frame of another comes in between, and an answer to nobody.
        bench.say(0, Property::STREAM_RAW, &received(0));
        bench.say_status(transaction % 15 + 1, Status::OK);
        assert!(matches!(&bench.took()[..], [Event::Received(_)]));
        bench.say(transaction, Property::LAST_STATUS, &raw.octets(None, 0).collect::<Vec<u8>>());
        assert_eq!(bench.took(), [Event::Sent(sent)]);
    }
}

#[test]
fn a_radio_that_does_not_say_what_became_of_a_frame_is_started_again() {
    let mut bench = Bench::up();
    bench.rcp.transmit(bench.now, &TRANSMIT).expect("it is ready");
    bench.go_on();
    assert_eq!(bench.wait().as_secs(), 5);
    let events = bench.took();
    assert_eq!(events[0], Event::Sent(Sent::Unknown));
    assert_eq!(events[1], Event::Down("it does not say what became of a frame".into()));
    assert!(matches!(events[2..], [Event::Up(_)]));
    // The late answer to what was before is for nobody.
    let (transaction, _) = bench.transmits.pop().expect("it had the frame");
    bench.say_status(transaction, Status::OK);
    assert_eq!(bench.took(), []);
}

#[test]
fn a_reset_in_the_middle_is_told_once_and_everything_is_set_up_again() {
    let mut bench = Bench::up();
    bench.rcp.match_source(bench.now, NODE, true);
    bench.rcp.transmit(bench.now, &TRANSMIT).expect("it is ready");
    bench.go_on();
    assert_eq!(bench.asked, ["MAC_SRC_MATCH_EXTENDED_ADDRESSES [02, 00, 00, 01, 00, 00, 00, 07]"]);
    bench.asked.clear();
    bench.say_status(0, Status(116));
    let events = bench.took();
    assert_eq!(events[0], Event::Sent(Sent::Unknown));
    assert_eq!(events[1], Event::Down("the radio has been reset (RESET_CRASH)".into()));
    assert!(matches!(events[2..], [Event::Up(_)]));
    assert_eq!(bench.asked[0], "PROTOCOL_VERSION [04, 03]", "it needs no other reset");
    assert_eq!(bench.asked[13], "MAC_SRC_MATCH_EXTENDED_ADDRESSES [02, 00, 00, 01, 00, 00, 00, 07]");
}

#[test]
fn a_crash_while_the_device_was_closed_is_told_when_it_is_open() {
    for (status, told) in [(Status::RESET_CRASH, 1), (Status::RESET_POWER_ON, 0)] {
        let mut bench = Bench::up();
        bench.rcp.handle_closed("it has been unplugged");
        bench.rcp.handle_opened(bench.now);
        // It had that to say before it was asked to reset.
        bench.say_status(0, status);
        bench.go_on();
        let expected = ["it has been unplugged", "the radio has been reset (RESET_CRASH)"];
        assert_eq!(bench.downs(), expected[..1 + told]);
        assert!(bench.rcp.info().is_some());
    }
}

#[test]
fn a_radio_that_resets_whenever_it_is_set_up_is_left_alone_for_a_while() {
    let mut bench = Bench::up();
    bench.moods.insert(Property::PHY_CHAN, Mood::Silent);
    for _ in 0..6 {
        bench.say_status(0, Status(116));
        bench.go_on();
    }
    assert_eq!(
        bench.downs(),
        ["the radio has been reset (RESET_CRASH)", "it is reset again and again while it is set up"]
    );
    assert_eq!(bench.wait().as_secs(), 10);
}

#[test]
fn what_the_radio_measured_comes_with_a_frame() {
    let mut bench = Bench::up();
    bench.say(0, Property::STREAM_RAW, &received(MD_FLAG_ACKED_FP));
    // No metadata at all, a damaged frame, and none.
    bench.say(0, Property::STREAM_RAW, &[&[9, 0][..], FRAME, &[0, 0]].concat());
    bench.say(0, Property::STREAM_RAW, &received(MD_FLAG_BAD_FCS));
    bench.say(0, Property::STREAM_RAW, &[0, 0]);
    let whole = Received { frame: FRAME.to_vec(), rssi_dbm: Some(-70), lqi: Some(180), acked_with_pending: Some(true) };
    let bare = Received { rssi_dbm: None, lqi: None, acked_with_pending: None, ..whole.clone() };
    assert_eq!(bench.took(), [Event::Received(whole), Event::Received(bare)]);
}

#[test]
fn frames_from_before_it_is_set_up_are_not_heard() {
    let mut bench = Bench::new(settings());
    bench.resets = false;
    bench.open();
    bench.say(0, Property::STREAM_RAW, &received(0));
    assert_eq!(bench.took(), []);
}

#[test]
fn the_quietest_channel_is_found() {
    let mut bench = Bench::new(Settings { channel: None, ..settings() });
    bench.energy.insert(20, -99);
    bench.energy.insert(23, -99);
    bench.open();
    let [Event::Up(info)] = &bench.took()[..] else { panic!("it is up") };
    assert_eq!((info.channel, info.energy.len()), (20, 16));
}

#[test]
fn channels_are_looked_at_one_after_the_other() {
    let mut bench = Bench::up();
    bench.energy.remove(&12);
    bench.rcp.scan(bench.now, &[11, 12, 13], 300).expect("it is ready");
    bench.go_on();
    assert_eq!(bench.rcp.transmit(bench.now, &TRANSMIT), Err(NotReady), "it listens elsewhere");
    assert_eq!(bench.wait().as_millis(), 1_300, "one channel is never answered");
    let found = [Energy { channel: 11, dbm: -71 }, Energy { channel: 13, dbm: -73 }];
    assert_eq!(bench.took(), [Event::Scanned(found.to_vec())]);
    assert_eq!(bench.asked.last().map(String::as_str), Some("PHY_CHAN [0f]"));
    assert!(bench.rcp.is_ready());
}

#[test]
fn a_list_that_is_full_is_not_used_until_all_fit_again() {
    let mut bench = Bench::up();
    bench.table = Some((2, BTreeSet::new()));
    let node = |number| [number; 8];
    let used = |bench: &Bench| bench.asked.iter().rfind(|ask| ask.starts_with("MAC_SRC_MATCH_ENABLED")).cloned();
    for number in 1..=4 {
        bench.rcp.match_source(bench.now, node(number), true);
        bench.go_on();
    }
    assert_eq!(used(&bench).as_deref(), Some("MAC_SRC_MATCH_ENABLED [00]"));
    bench.rcp.match_source(bench.now, node(1), false);
    bench.go_on();
    assert_eq!(used(&bench).as_deref(), Some("MAC_SRC_MATCH_ENABLED [00]"), "three are too many, too");
    bench.rcp.match_source(bench.now, node(3), false);
    bench.go_on();
    assert_eq!(used(&bench).as_deref(), Some("MAC_SRC_MATCH_ENABLED [01]"));
    let held = bench.table.as_ref().map(|(_, nodes)| nodes.iter().cloned().collect::<Vec<_>>());
    assert_eq!(held, Some(vec![node(2).to_vec(), node(4).to_vec()]));
}

#[test]
fn a_node_that_cannot_be_taken_off_the_list_is_no_reason_not_to_use_it() {
    let mut bench = Bench::up();
    bench.rcp.match_source(bench.now, NODE, true);
    bench.go_on();
    bench.moods.insert(Property::MAC_SRC_MATCH_EXTENDED_ADDRESSES, Mood::Refuses(Status::FAILURE));
    bench.asked.clear();
    bench.rcp.match_source(bench.now, NODE, false);
    bench.go_on();
    assert_eq!(bench.asked, ["MAC_SRC_MATCH_EXTENDED_ADDRESSES [02, 00, 00, 01, 00, 00, 00, 07]"]);
}

#[test]
fn a_radio_that_is_lost_without_a_word_is_noticed() {
    let mut bench = Bench::up();
    assert_eq!(bench.wait().as_secs(), 15);
    assert_eq!(bench.asked, ["MAC_RAW_STREAM_ENABLED [01]"]);
    assert_eq!(bench.took(), [], "it is as it was");
    // Its firmware hangs.
    bench.moods.insert(Property::MAC_RAW_STREAM_ENABLED, Mood::Silent);
    (0..3).for_each(|_| _ = bench.wait());
    assert_eq!(bench.downs(), ["it does not answer for MAC_RAW_STREAM_ENABLED"]);
}

#[test]
fn a_radio_whose_notice_of_a_reset_was_lost_is_set_up_again() {
    let forgets: [fn(&mut Bench); 2] = [
        |bench| {
            bench.values.insert(Property::MAC_RAW_STREAM_ENABLED, vec![0]);
            bench.wait();
        },
        |bench| {
            bench.rcp.transmit(bench.now, &TRANSMIT).expect("it is ready");
            bench.go_on();
            let (transaction, _) = bench.transmits.pop().expect("it has the frame");
            bench.say_status(transaction, Status::INVALID_STATE);
            assert_eq!(bench.rcp.poll_event(), Some(Event::Sent(Sent::Refused(Status::INVALID_STATE))));
        },
    ];
    let whys = ["it has forgotten how it was set up", "it does not send, as if it had not been set up"];
    for (forget, why) in forgets.into_iter().zip(whys) {
        let mut bench = Bench::up();
        forget(&mut bench);
        let events = bench.took();
        assert!(matches!(&events[..], [Event::Down(told), Event::Up(_)] if told == why), "{events:?}");
    }
}

#[test]
fn what_a_radio_cannot_is_told_once_however_often_it_is_tried() {
    for mood in [Mood::Refuses(Status::INVALID_ARGUMENT), Mood::Silent] {
        let mut bench = Bench::new(settings());
        bench.moods.insert(Property::PHY_CHAN, mood);
        bench.open();
        (0..40).for_each(|_| _ = bench.wait());
        assert_eq!(bench.downs().len(), 1);
    }
}

#[test]
fn a_scan_has_time_until_the_radio_has_taken_it() {
    let mut bench = Bench::up();
    bench.moods.insert(Property::MAC_SCAN_PERIOD, Mood::Silent);
    bench.rcp.scan(bench.now, &[11], 300).expect("it is ready");
    bench.go_on();
    bench.moods.clear();
    assert_eq!(bench.wait().as_secs(), 2, "the request is repeated");
    assert_eq!(bench.took(), [Event::Scanned(vec![Energy { channel: 11, dbm: -71 }])]);
}

#[test]
fn a_radio_that_stays_elsewhere_after_a_scan_is_started_again() {
    let mut bench = Bench::up();
    bench.moods.insert(Property::PHY_CHAN, Mood::Refuses(Status::INVALID_STATE));
    bench.rcp.scan(bench.now, &[11], 300).expect("it is ready");
    assert_eq!(bench.downs()[0], "it does not go back to channel 15: INVALID_STATE");
}

#[test]
fn no_octets_confuse_it_for_long() {
    let mut bench = Bench::up();
    let mut noise = oorandom::Rand32::new(3);
    for _ in 0..2_000 {
        let octets: Vec<u8> = (0..noise.rand_range(0..200)).map(|_| noise.rand_u32() as u8).collect();
        bench.rcp.handle_octets(bench.now, &octets);
        // Frames of nonsense, too.
        let mut line = Vec::new();
        hdlc::encode([0x80, 6].into_iter().chain(octets), &mut line);
        bench.rcp.handle_octets(bench.now, &line);
        bench.go_on();
    }
    bench.say_status(0, Status::RESET_SOFTWARE);
    bench.go_on();
    (0..12).for_each(|_| {
        if bench.rcp.poll_timeout().is_some() {
            bench.wait();
        }
    });
    assert!(bench.rcp.is_ready());
}

fn received(flags: u16) -> Vec<u8> {
    let psdu = [FRAME, &[0, 0]].concat();
    RawReceived { psdu: &psdu, rssi_dbm: Some(-70), flags: Some(flags), channel: Some(15), lqi: Some(180) }
        .octets(7)
        .collect()
}

#[test]
fn a_device_that_takes_nothing_finds_one_reset_however_long_it_hung() {
    let mut bench = Bench::up();
    bench.rcp.transmit(bench.now, &TRANSMIT).expect("it is ready");
    let mut reset = Vec::new();
    hdlc::encode(Frame::new(0, Message::Reset(spinel::Reset::Stack)).octets(), &mut reset);
    for _ in 0..1_000 {
        bench.now = bench.rcp.poll_timeout().expect("it waits for something");
        bench.rcp.handle_timeout(bench.now);
        if bench.now > Instant::from_secs(60) {
            assert!(bench.rcp.output().len() <= reset.len(), "{:02x?}", bench.rcp.output());
        }
    }
}

#[test]
fn a_radio_that_is_told_of_nodes_faster_than_it_answers_is_told_to_say_yes_to_all() {
    let mut bench = Bench::up();
    let node = |number: u16| [2, 0, 0, 1, 0, 0, number.to_be_bytes()[0], number.to_be_bytes()[1]];
    for number in 0..1_000 {
        bench.rcp.match_source(bench.now, node(number), true);
    }
    bench.go_on();
    assert!(bench.asked.len() < 40, "{}", bench.asked.len());
    assert_eq!(bench.asked.last().map(String::as_str), Some("MAC_SRC_MATCH_ENABLED [00]"));
    // Once few are left the table is good for them again.
    for number in 1..1_000 {
        bench.rcp.match_source(bench.now, node(number), false);
        bench.go_on();
    }
    let used = bench.asked.iter().rfind(|ask| ask.starts_with("MAC_SRC_MATCH_ENABLED"));
    assert_eq!(used.map(String::as_str), Some("MAC_SRC_MATCH_ENABLED [01]"));
}
