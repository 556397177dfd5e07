//! The firmware of our own dongles with the driver at the other end of the line, wire to wire.

use rcp_app::{
    Board, Config, End, FromHost, Heard, Listen, PACKET, Radio, Reader, Sent, Status, Transmit, Verdict, Writer,
};
use sn_types::Instant;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use transports::ieee802154::rcp::{self, Event, Rcp, Settings};

const HWADDR: [u8; 8] = [0xF4, 0xCE, 0x36, 1, 2, 3, 4, 5];
const NODE: [u8; 8] = [2, 0, 0, 1, 0, 0, 0, 7];
const PAN: u16 = 0x530F;

/// Line and air.
#[derive(Default)]
struct World {
    to_dongle: VecDeque<u8>,
    to_host: Vec<u8>,
    /// Told once each, in this order.
    signs: VecDeque<FromHost>,
    /// What the interrupt was told.
    shared: Option<Listen>,
    /// What the radio was told.
    listen: Option<Listen>,
    /// Frames that are on the air for somebody to hear.
    air: VecDeque<Vec<u8>>,
    sent: Vec<Transmit>,
    fates: VecDeque<Sent>,
    /// The channels that were measured, and for how long.
    scanned: Vec<(u8, u16)>,
}

#[derive(Clone, Default)]
struct Shared(Rc<RefCell<World>>);

impl Shared {
    /// Waits until there is something. The bench polls again and again, so nobody has to be woken.
    async fn take<T>(&self, mut find: impl FnMut(&mut World) -> Option<T>) -> T {
        poll_fn(|_| find(&mut self.0.borrow_mut()).map_or(Poll::Pending, Poll::Ready)).await
    }
}

struct Line(Shared);

impl Reader for Line {
    async fn next(&mut self, octets: &mut [u8; PACKET + 1]) -> FromHost {
        self.0
            .take(|world| {
                if let Some(sign) = world.signs.pop_front() {
                    return Some(sign);
                }
                let len = world.to_dongle.len().min(octets.len());
                octets.iter_mut().zip(world.to_dongle.drain(..len)).for_each(|(place, octet)| *place = octet);
                (len > 0).then_some(FromHost::Octets(len))
            })
            .await
    }
}

impl Writer for Line {
    async fn write(&mut self, octets: &[u8]) -> usize {
        assert!((1..=PACKET).contains(&octets.len()), "{}", octets.len());
        self.0.0.borrow_mut().to_host.extend(octets);
        octets.len()
    }
}

struct Air(Shared);

impl Radio for Air {
    async fn listen(&mut self, how: &Listen) {
        self.0.0.borrow_mut().listen = Some(how.clone());
    }

    async fn transmit(&mut self, frame: &Transmit) -> Sent {
        self.0.0.borrow_mut().sent.push(frame.clone());
        self.0.take(|world| world.fates.pop_front()).await
    }

    async fn scan(&mut self, channel: u8, duration_ms: u16) -> i8 {
        self.0.0.borrow_mut().scanned.push((channel, duration_ms));
        // The higher the quieter.
        -(channel as i8)
    }

    async fn receive(&mut self) -> Heard {
        let Some(how) = self.0.0.borrow().listen.clone().filter(|how| how.is_on) else { return pending().await };
        self.0
            .take(|world| {
                let psdu = world.air.pop_front()?;
                match how.judge(&psdu) {
                    Verdict::Ignore => None,
                    Verdict::Take => Some(heard(&psdu, false)),
                    Verdict::Acknowledge { pending } => Some(heard(&psdu, pending)),
                }
            })
            .await
    }
}

fn heard(psdu: &[u8], acked_with_pending: bool) -> Heard {
    let psdu = psdu.try_into().expect("it is short enough");
    Heard { psdu, rssi_dbm: -60, lqi: 160, at_us: 1_000, acked_with_pending }
}

/// The driver and the dongle.
struct Bench {
    now: Instant,
    rcp: Rcp,
    world: Shared,
    dongle: Pin<Box<dyn Future<Output = End>>>,
    ended: Option<End>,
}

impl Bench {
    fn new(channel: Option<u8>, has_bootloader: bool) -> Self {
        let settings =
            Settings { pan_id: PAN, channel, short_address: 0xFFFE, long_address: None, tx_power_dbm: Some(8) };
        let world = Shared::default();
        let mut bench = Self {
            now: Instant::ZERO,
            rcp: Rcp::new(settings),
            dongle: Box::pin(dongle(world.clone(), has_bootloader)),
            world,
            ended: None,
        };
        bench.rcp.handle_opened(bench.now);
        bench
    }

    /// A dongle that is up, on channel 15.
    fn up() -> Self {
        let mut bench = Self::new(Some(15), true);
        let events = bench.settle();
        assert!(matches!(&events[..], [Event::Up(_)]), "{events:?}");
        bench
    }

    /// Lets both talk until neither has anything to say.
    fn settle(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let question = self.rcp.output().to_vec();
            self.rcp.written(question.len());
            self.world.0.borrow_mut().to_dongle.extend(&question);
            self.poll();
            let answer = std::mem::take(&mut self.world.0.borrow_mut().to_host);
            self.rcp.handle_octets(self.now, &answer);
            events.extend(std::iter::from_fn(|| self.rcp.poll_event()));
            if question.is_empty() && answer.is_empty() {
                return events;
            }
        }
    }

    fn poll(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        // Whatever one loop hands to the other is taken at the next round; a frame has a few packets.
        for _ in 0..100 {
            if self.ended.is_none()
                && let Poll::Ready(end) = self.dongle.as_mut().poll(&mut context)
            {
                self.ended = Some(end);
            }
        }
    }

    fn write(&mut self, octets: &[u8]) {
        self.world.0.borrow_mut().to_dongle.extend(octets);
        self.poll();
    }

    fn sign(&mut self, sign: FromHost) {
        self.world.0.borrow_mut().signs.push_back(sign);
        self.poll();
    }

    fn transmit(&mut self) {
        let frame = rcp::Transmit { frame: &[0x61, 0xC8, 9], max_frame_retries: 3, secured: false };
        self.rcp.transmit(self.now, &frame).expect("it is ready");
        self.settle();
    }

    fn hear(&mut self, psdu: Vec<u8>) -> Vec<Event> {
        self.world.0.borrow_mut().air.push_back(psdu);
        self.settle()
    }
}

async fn dongle(world: Shared, has_bootloader: bool) -> End {
    let config = Config { hwaddr: HWADDR, version: "OPENTHREAD/test", min_power_dbm: -40, max_power_dbm: 8 };
    let board = Board { config, why: Status::RESET_POWER_ON, has_bootloader };
    let (mut reader, mut writer, mut radio) = (Line(world.clone()), Line(world.clone()), Air(world.clone()));
    let share = |how: &Listen| world.0.borrow_mut().shared = Some(how.clone());
    rcp_app::run(board, &mut radio, &mut reader, &mut writer, share).await
}

/// A data request if there is nothing in it.
fn frame(pan: u16, to: [u8; 8], payload: &[u8]) -> Vec<u8> {
    let kind = if payload.is_empty() { 3 } else { 1 };
    let reversed = |address: [u8; 8]| address.into_iter().rev();
    let head = [0x60 | kind, 0xCC, 9].into_iter().chain(pan.to_le_bytes()).chain(reversed(to)).chain(reversed(NODE));
    let payload = if payload.is_empty() { &[4][..] } else { payload };
    head.chain(payload.iter().copied()).chain([0, 0]).collect()
}

fn ack(pending: bool) -> Sent {
    Sent::Acknowledged(heard(&[if pending { 0x12 } else { 0x02 }, 0, 9, 0, 0], false))
}

#[test]
fn the_gateways_driver_starts_it() {
    let mut bench = Bench::new(Some(15), true);
    let events = bench.settle();
    let [Event::Up(info)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((info.address, info.channel, info.matches_sources), (HWADDR, 15, true));
    assert_eq!((info.version.as_str(), info.tx_power_dbm), ("OPENTHREAD/test", Some(8)));
    let world = bench.world.0.borrow();
    let how = world.listen.as_ref().expect("the radio was told");
    assert_eq!((how.is_on, how.channel, how.pan_id, how.extended_address), (true, 15, PAN, HWADDR));
}

#[test]
fn it_hands_over_what_it_hears() {
    let mut bench = Bench::up();
    let events = bench.hear(frame(PAN, HWADDR, b"to it"));
    let [Event::Received(received)] = &events[..] else { panic!("{events:?}") };
    assert!(received.frame.ends_with(b"to it"));
    assert_eq!((received.rssi_dbm, received.lqi), (Some(-60), Some(160)));
    // Two at once, of the longest: more than a packet of USB carries.
    let long = frame(PAN, HWADDR, &[0x7E; 104]);
    bench.world.0.borrow_mut().air.push_back(long.clone());
    assert_eq!(bench.hear(long).len(), 2);
}

#[test]
fn what_became_of_a_frame_is_told() {
    for (fate, sent) in [
        (Sent::Done, rcp::Sent::Done { frame_pending: false }),
        (ack(false), rcp::Sent::Done { frame_pending: false }),
        (ack(true), rcp::Sent::Done { frame_pending: true }),
        (Sent::NoAck, rcp::Sent::NoAck),
        (Sent::ChannelBusy, rcp::Sent::ChannelBusy),
    ] {
        let mut bench = Bench::up();
        bench.transmit();
        bench.world.0.borrow_mut().fates.push_back(fate.clone());
        assert_eq!(bench.settle(), [Event::Sent(sent)], "{fate:?}");
        let world = bench.world.0.borrow();
        let [frame] = &world.sent[..] else { panic!("{:?}", world.sent) };
        assert_eq!((&frame.psdu[..3], frame.channel, frame.csma, frame.power_dbm), (&[0x61, 0xC8, 9][..], 15, true, 8));
    }
}

#[test]
fn a_node_that_asks_is_told_that_something_waits() {
    let mut bench = Bench::up();
    let asks = |bench: &mut Bench| match &bench.hear(frame(PAN, HWADDR, b""))[..] {
        [Event::Received(received)] => received.acked_with_pending == Some(true),
        events => panic!("{events:?}"),
    };
    assert!(!asks(&mut bench));
    bench.rcp.match_source(bench.now, NODE, true);
    bench.settle();
    assert!(asks(&mut bench));
}

#[test]
fn while_a_frame_waits_for_the_channel_the_interrupt_learns_for_whom_something_waits() {
    let mut bench = Bench::up();
    bench.transmit();
    bench.rcp.match_source(bench.now, NODE, true);
    bench.settle();
    let request = frame(PAN, HWADDR, b"");
    let verdict = |how: &Option<Listen>| how.as_ref().map(|how| how.judge(&request));
    {
        let world = bench.world.0.borrow();
        assert_eq!(verdict(&world.shared), Some(Verdict::Acknowledge { pending: true }));
        assert_eq!(verdict(&world.listen), Some(Verdict::Acknowledge { pending: false }), "it is busy");
    }
    bench.world.0.borrow_mut().fates.push_back(Sent::Done);
    bench.settle();
    assert_eq!(verdict(&bench.world.0.borrow().listen), Some(Verdict::Acknowledge { pending: true }));
}

#[test]
fn the_quietest_channel_is_found() {
    let mut bench = Bench::new(None, true);
    let events = bench.settle();
    let [Event::Up(info)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(info.channel, 26);
    let scanned = &bench.world.0.borrow().scanned;
    assert_eq!(*scanned, (11..=26).map(|channel| (channel, 100)).collect::<Vec<_>>());
}

#[test]
fn who_closes_the_line_switches_the_radio_off() {
    let mut bench = Bench::up();
    bench.sign(FromHost::Closed);
    assert_eq!(bench.world.0.borrow().listen.as_ref().map(|how| how.is_on), Some(false));
    assert!(bench.hear(frame(PAN, HWADDR, b"to it")).is_empty());
}

/// Spinel's resets, from 1 on: the chip, the software, into the bootloader; with their checksums (CRC-16/X-25).
const RESET_CHIP: [u8; 7] = [0x7E, 0x80, 1, 1, 0x71, 0xC2, 0x7E];
const RESET_TO_BOOTLOADER: [u8; 7] = [0x7E, 0x80, 1, 3, 0x63, 0xE1, 0x7E];

#[test]
fn the_host_restarts_the_board_or_its_bootloader() {
    for (octets, end) in [(RESET_CHIP, End::Restart), (RESET_TO_BOOTLOADER, End::Bootloader)] {
        let mut bench = Bench::up();
        bench.write(&octets);
        assert_eq!(bench.ended, Some(end));
    }
    let mut bench = Bench::up();
    bench.sign(FromHost::Bootloader);
    assert_eq!(bench.ended, Some(End::Bootloader));
}

#[test]
fn without_a_bootloader_it_starts_anew_and_says_so() {
    let mut bench = Bench::new(Some(15), false);
    bench.settle();
    bench.sign(FromHost::Bootloader);
    bench.write(&RESET_TO_BOOTLOADER);
    assert_eq!(bench.ended, None);
    let events = bench.settle();
    assert!(matches!(&events[..], [Event::Down(_), Event::Up(_)]), "{events:?}");
}
