//! A radio's transport at an emulated dongle, over a pseudo-terminal: what a node gets that polls.

#[path = "support/plug.rs"]
mod plug;

use nix::pty::PtyMaster;
use plug::Plug;
use sn_types::{Eui64, LinkAddr, PeerAddr, TransportId};
use spinel_device::{Address, Command, Config, Device, Outcome, Received, Status, Verdict};
use std::future::poll_fn;
use std::io::{ErrorKind, Read, Write};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::timeout;
use transports::ieee802154::{Attachment, Carriages, Limits, RadioConfig};
use transports::serial::{FlowControl, Line, Parity};
use transports::{RadioTransport, Transport};

const ID: TransportId = TransportId(5);
const PATIENCE: Duration = Duration::from_secs(60);
const DONGLE: [u8; 8] = [2, 0, 0, 3, 0, 0, 0, 0];
const OTHER_DONGLE: [u8; 8] = [2, 0, 0, 3, 0, 0, 0, 9];
const NODE: Eui64 = Eui64([2, 0, 0, 1, 0, 0, 0, 7]);
const OTHER_NODE: Eui64 = Eui64([2, 0, 0, 1, 0, 0, 0, 8]);
const PAN: u16 = 0x534E;

/// The transport, its dongle, and a node that sleeps and polls.
struct Bench {
    transport: RadioTransport,
    line: PtyMaster,
    dongle: Device<4, 4_096>,
    plug: Plug,
    /// The node listens for a frame: its last poll was acknowledged with "frame pending".
    listens: bool,
    /// Frames that the transport has sent it, and whether it listened.
    sent: Vec<bool>,
    /// Frames that it has sent to all.
    told: u64,
    polls: u8,
}

impl Bench {
    async fn up() -> Self {
        let plug = Plug::new();
        let line = plug.plug();
        let device = Line {
            device: transports::serial::Device::Path(plug.path()),
            baud: 115_200,
            parity: Parity::None,
            flow_control: FlowControl::None,
        };
        let config = RadioConfig {
            attachment: Attachment::Rcp(device),
            channel: Some(15),
            pan_id: PAN,
            short_address: None,
            tx_power_dbm: None,
            security: None,
            carriages: Carriages::Bare,
            fragment: true,
            limits: Limits::DEFAULT,
        };
        let transport = RadioTransport::new(ID, config).expect("a good configuration");
        let dongle = dongle(DONGLE);
        let mut bench = Self { transport, line, dongle, plug, listens: false, sent: Vec::new(), told: 0, polls: 0 };
        bench.until(|bench| bench.transport.address().is_some()).await;
        bench
    }

    /// The transport and the dongle go on until it is so.
    async fn until(&mut self, mut is_so: impl FnMut(&mut Self) -> bool) {
        let polled = poll_fn(|cx| {
            self.step(cx);
            if is_so(self) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        timeout(PATIENCE, polled).await.expect("it becomes so");
    }

    /// All that the transport has written is read in the same step.
    fn step(&mut self, cx: &mut Context<'_>) {
        let _ = self.transport.poll_recv(cx);
        let mut octets = [0; 256];
        loop {
            match (&self.line).read(&mut octets) {
                Ok(len) => self.dongle.handle_octets(&octets[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // Before the transport has opened its end there is none.
                Err(_) => return assert!(self.transport.address().is_none()),
            }
            self.obey();
        }
        self.write();
    }

    /// The dongle's radio does what it is told.
    fn obey(&mut self) {
        while let Some(command) = self.dongle.poll() {
            match command {
                Command::Transmit(transmit) if transmit.wants_ack() => {
                    self.sent.push(self.listens);
                    let ack = [2, 0, transmit.sequence(), 0, 0];
                    let outcome = if self.listens { Outcome::Acknowledged(heard(&ack, false)) } else { Outcome::NoAck };
                    self.dongle.handle_transmitted(outcome);
                }
                Command::Transmit(_) => {
                    self.told += 1;
                    self.dongle.handle_transmitted(Outcome::Sent);
                }
                Command::Restart | Command::Bootloader => self.dongle.reset(Status::RESET_SOFTWARE),
                Command::Listen | Command::Scan { .. } => {}
            }
        }
    }

    fn write(&mut self) {
        if let Ok(len) = (&self.line).write(self.dongle.output()) {
            self.dongle.written(len);
        }
    }

    /// Another one in the place of the dongle.
    async fn exchange(&mut self) {
        self.dongle = dongle(OTHER_DONGLE);
        self.line = self.plug.plug();
        self.until(|bench| bench.transport.address() == Some(Eui64(OTHER_DONGLE))).await;
    }

    /// The transport sends a node something.
    fn send(&mut self, node: Eui64) {
        self.transport.queue(&PeerAddr::direct(ID, LinkAddr::Eui64(node.0)), b"\x02\x17".to_vec());
    }

    /// The dongle tells this node that something waits.
    fn is_told(&self, node: Eui64) -> bool {
        self.dongle.receiver().pending.is_for(Address::Extended(node.0))
    }

    fn poll(&mut self) {
        self.poll_of(NODE);
    }

    /// The node asks for what waits. The dongle answers with what it has been told, and says so to the transport.
    fn poll_of(&mut self, node: Eui64) {
        self.polls += 1;
        let reversed = |address: [u8; 8]| address.into_iter().rev();
        let header = [0x63, 0xCC, self.polls].into_iter().chain(PAN.to_le_bytes());
        let dongle = self.transport.address().expect("it is up");
        let addresses = reversed(dongle.0).chain(reversed(node.0));
        let psdu: Vec<u8> = header.chain(addresses).chain([0x04, 0, 0]).collect();
        self.listens = self.dongle.receiver().judge(&psdu) == Verdict::Acknowledge { pending: true };
        self.dongle.handle_received(&heard(&psdu, self.listens));
        self.write();
    }

    /// The transport has heard of something from the node.
    fn has_heard(&mut self) -> bool {
        self.transport.nodes().and_then(|nodes| nodes.poll_report()).is_some_and(|report| report.spoke)
    }
}

#[tokio::test]
async fn what_waited_at_another_dongle_is_counted_and_told_to_nobody() {
    let mut bench = Bench::up().await;
    for _ in 0..2 {
        bench.send(NODE);
    }
    bench.until(|bench| bench.transport.counters().undelivered == 2).await;
    bench.poll();
    bench.until(Bench::has_heard).await;
    bench.send(NODE);
    bench.until(|bench| bench.is_told(NODE)).await;
    bench.exchange().await;
    let counters = bench.transport.counters();
    assert_eq!((counters.undelivered, counters.send_unlinked), (2, 1), "what was counted, and what is lost now");
    // What is asked of a dongle's table is asked in turn: what was for the first node is over after what is for the second.
    bench.poll_of(OTHER_NODE);
    bench.until(Bench::has_heard).await;
    bench.send(OTHER_NODE);
    bench.until(|bench| bench.is_told(OTHER_NODE)).await;
    assert!(!bench.is_told(NODE), "nothing waits for it");
}

#[tokio::test]
async fn questions_for_a_parent_that_get_no_answer_are_counted() {
    let mut bench = Bench::up().await;
    let gateway = bench.transport.address().expect("it is up");
    // Each from another station that is not there, until there were too many.
    for asker in 0..1_000_u64 {
        let header = [0x41, 0xC8, 0].into_iter().chain(PAN.to_le_bytes()).chain([0xFF, 0xFF]);
        let question = header.chain(asker.to_le_bytes()).chain([0x37, 0]).chain(gateway.0).chain([0, 0]);
        bench.dongle.handle_received(&heard(&question.collect::<Vec<u8>>(), false));
        bench.write();
        let treated = |bench: &Bench| bench.sent.len() as u64 + bench.told + bench.transport.counters().unanswered;
        let before = treated(&bench);
        bench.until(|bench| treated(bench) > before).await;
        if bench.transport.counters().unanswered > 0 {
            break;
        }
    }
    assert_eq!(bench.transport.counters().unanswered, 1);
    assert!(bench.sent.len() >= 8 && bench.told > 0, "eight at least get answers of their own, then all are told");
}

fn heard(psdu: &[u8], acked_with_pending: bool) -> Received<'_> {
    Received { psdu, rssi_dbm: -60, lqi: 160, at_us: 7, acked_with_pending }
}

fn dongle(hwaddr: [u8; 8]) -> Device<4, 4_096> {
    Device::new(Config { hwaddr, version: "OPENTHREAD/test", min_power_dbm: -40, max_power_dbm: 8 })
}

#[tokio::test]
async fn what_comes_while_a_poll_is_on_its_way_from_the_dongle_waits_for_the_next() {
    let mut bench = Bench::up().await;
    bench.poll();
    bench.until(Bench::has_heard).await;
    // Nothing waited when the dongle answered; before the transport hears of the poll, something does.
    bench.poll();
    bench.send(NODE);
    bench.until(Bench::has_heard).await;
    bench.until(|bench| bench.is_told(NODE)).await;
    bench.poll();
    assert!(bench.listens);
    bench.until(|bench| !bench.sent.is_empty()).await;
    assert_eq!(bench.sent, [true], "it was sent nothing while it slept");
}
