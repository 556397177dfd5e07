//! The two loops, and what passes between them.

use crate::board::{FromHost, Heard, PACKET, Radio, Reader, Sent, Writer};
use crate::{Listen, MATCHES};
use core::future::pending;
use embassy_futures::select::{Either, Either3, select, select3};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::channel::Channel;
use embassy_sync::signal::Signal;
use spinel_device::{Command, Config, Device, Outcome, Received, Status, Transmit};

/// Octets that wait for a host that does not read: some thirty frames.
const OUTPUT: usize = 4_096;
/// Frames on their way from the radio to the host. More wait in the radio's own memory.
const REPORTS: usize = 2;

type Spinel = Device<MATCHES, OUTPUT>;

/// What is to be known of the board.
#[derive(Clone, Debug)]
pub struct Board {
    /// What the host is told of it.
    pub config: Config,
    /// Why it starts: a status of [`Status::RESET_POWER_ON`] to [`Status::RESET_WATCHDOG`].
    pub why: Status,
    /// It has a bootloader that the host may start.
    pub has_bootloader: bool,
}

/// Why [`run`] has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The board is to restart.
    Restart,
    /// The board is to start its bootloader.
    Bootloader,
}

/// One thing at a time for the radio, besides listening.
enum Work {
    Transmit(Transmit),
    Scan { channel: u8, duration_ms: u16 },
}

/// What the radio says.
enum Report {
    Heard(Heard),
    Sent(Sent),
    Scanned(i8),
}

/// What passes between the loops.
struct Between {
    /// How the radio is to listen; `None` if it does already.
    listen: Signal<NoopRawMutex, Listen>,
    /// The device gives out none while there is some.
    work: Signal<NoopRawMutex, Work>,
    reports: Channel<NoopRawMutex, Report, REPORTS>,
}

/// Is the dongle until the board has to restart. `share` gets a copy of how the radio is to listen, at once, for the
/// interrupt that acknowledges: the radio itself may be busy, and a node is to know that something waits for it.
pub async fn run(
    board: Board,
    radio: &mut impl Radio,
    reader: &mut impl Reader,
    writer: &mut impl Writer,
    share: impl FnMut(&Listen),
) -> End {
    let between = Between { listen: Signal::new(), work: Signal::new(), reports: Channel::new() };
    let Either::First(end) = select(talk(board, reader, writer, share, &between), work(radio, &between)).await;
    end
}

/// The loop that has the device, and talks to the host.
async fn talk(
    board: Board,
    reader: &mut impl Reader,
    writer: &mut impl Writer,
    mut share: impl FnMut(&Listen),
    between: &Between,
) -> End {
    let mut device = Spinel::new(board.config);
    device.reset(board.why);
    let mut packet = [0; PACKET + 1];
    loop {
        while let Some(command) = device.poll() {
            match command {
                Command::Listen => {
                    share(device.receiver());
                    between.listen.signal(device.receiver().clone());
                }
                Command::Transmit(frame) => between.work.signal(Work::Transmit(frame)),
                Command::Scan { channel, duration_ms } => between.work.signal(Work::Scan { channel, duration_ms }),
                Command::Restart => return End::Restart,
                Command::Bootloader if board.has_bootloader => return End::Bootloader,
                Command::Bootloader => device.reset(Status::RESET_SOFTWARE),
            }
        }
        match select3(write(writer, device.output()), reader.next(&mut packet), between.reports.receive()).await {
            Either3::First(len) => device.written(len),
            Either3::Second(FromHost::Octets(len)) => device.handle_octets(&packet[..len]),
            Either3::Second(FromHost::Closed) => device.handle_closed(),
            Either3::Second(FromHost::Bootloader) if board.has_bootloader => return End::Bootloader,
            Either3::Second(FromHost::Bootloader) => {}
            Either3::Third(report) => tell(&mut device, &report),
        }
    }
}

async fn write(writer: &mut impl Writer, octets: &[u8]) -> usize {
    match octets {
        [] => pending().await,
        _ => writer.write(&octets[..octets.len().min(PACKET)]).await,
    }
}

fn tell(device: &mut Spinel, report: &Report) {
    match report {
        Report::Heard(heard) => device.handle_received(&received(heard)),
        Report::Scanned(peak_dbm) => device.handle_scanned(*peak_dbm),
        Report::Sent(Sent::Done) => device.handle_transmitted(Outcome::Sent),
        Report::Sent(Sent::Acknowledged(ack)) => device.handle_transmitted(Outcome::Acknowledged(received(ack))),
        Report::Sent(Sent::NoAck) => device.handle_transmitted(Outcome::NoAck),
        Report::Sent(Sent::ChannelBusy) => device.handle_transmitted(Outcome::ChannelBusy),
    }
}

fn received(heard: &Heard) -> Received<'_> {
    let Heard { psdu, rssi_dbm, lqi, at_us, acked_with_pending } = heard;
    Received { psdu, rssi_dbm: *rssi_dbm, lqi: *lqi, at_us: *at_us, acked_with_pending: *acked_with_pending }
}

/// The loop that works the radio: retunes it, sends and scans, and listens otherwise.
async fn work(radio: &mut impl Radio, between: &Between) -> core::convert::Infallible {
    loop {
        let report = match select3(between.listen.wait(), between.work.wait(), radio.receive()).await {
            Either3::First(how) => {
                radio.listen(&how).await;
                continue;
            }
            Either3::Second(Work::Transmit(frame)) => Report::Sent(radio.transmit(&frame).await),
            Either3::Second(Work::Scan { channel, duration_ms }) => {
                Report::Scanned(radio.scan(channel, duration_ms).await)
            }
            Either3::Third(heard) => Report::Heard(heard),
        };
        between.reports.send(report).await;
    }
}
