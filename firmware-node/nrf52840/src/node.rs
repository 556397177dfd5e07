//! Does what the sensor decides.

use crate::fault::{self, Stage};
use crate::measure::Sensors;
use config_page::{ClientId, Settings};
use embassy_futures::select::{Either, select};
use embassy_nrf::gpio::Input;
use embassy_nrf::nvmc::Nvmc;
use embassy_nrf::wdt::WatchdogHandle;
use embassy_time::{Duration, Instant, Timer};
use lowpan::{Eui64, MAX_PSDU};
use node_app::sensor::{Action, Keep, SESSION_LEN, Sensor, Start};
use node_store::{FrameCounters, Store};
use nrf_radio::backoff::{Backoff, MAX_RETRIES};
use nrf_radio::{Addresses, Filter, Radio, Window};
use static_cell::StaticCell;

/// The longest fault that is told, in octets.
pub(crate) const FAULT_LEN: usize = 120;

/// What is told when flash cannot be read or written.
pub(crate) const FLASH: &str = "flash error";

/// A sleep is cut into pieces, so that the watchdog is fed.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// A node that still works then is none that is restarted again and again.
const WORKS: Instant = Instant::from_secs(600);

/// A button is not pressed faster.
const DEBOUNCE: Duration = Duration::from_millis(50);

/// In static memory, so that the linker checks that it fits and the image's size tells what it takes.
static SENSOR: StaticCell<Sensor<'static>> = StaticCell::new();
static FROM_FLASH: StaticCell<FromFlash> = StaticCell::new();

/// What the sensor borrows.
struct FromFlash {
    client: ClientId,
    session: [u8; SESSION_LEN],
    fault: [u8; FAULT_LEN],
}

pub(crate) struct Board {
    pub(crate) radio: Radio<'static>,
    pub(crate) sensors: Sensors,
    pub(crate) button: Option<Input<'static>>,
    pub(crate) store: Store<Nvmc<'static>>,
    pub(crate) watchdog: Option<WatchdogHandle>,
}

/// Goes on for ever.
pub(crate) async fn run(mut board: Board, settings: Settings, seed: u32, eui64: Eui64) -> ! {
    let node = settings.eui64.unwrap_or(eui64);
    let filter = Filter::Own(Addresses { pan: settings.pan, eui64: node.0, short: None, pending: |_| false });
    board.radio.configure(nrf_radio::Settings { channel: settings.channel, power_dbm: settings.power_dbm, filter });
    let client = settings.client.clone();
    let from_flash = FROM_FLASH.init_with(|| FromFlash { client, session: [0; SESSION_LEN], fault: [0; FAULT_LEN] });
    let (Ok(lengths), Ok(counters)) = (read(&mut board.store, from_flash), board.store.counters()) else {
        fault::give_up(FLASH)
    };
    let FromFlash { client, session, fault } = &*from_flash;
    let (reserved, heard) = (counters.reserved, counters.heard_on(settings.link()));
    let session = session.get(..lengths.session).unwrap_or_default();
    let fault = fault.get(..lengths.fault).and_then(|fault| core::str::from_utf8(fault).ok());
    let fault = fault.filter(|fault| !fault.is_empty());
    let start = Start { seed, eui64, reserved, heard, session, fault };
    // Settings that make no node are not saved by the console, nor made by the tool.
    let Ok(sensor) = Sensor::new(settings, client, start) else { fault::give_up("bad settings") };
    let sensor = SENSOR.init(sensor);
    loop {
        board.step(sensor).await;
    }
}

/// How much of each was in flash.
struct Lengths {
    session: usize,
    fault: usize,
}

fn read(store: &mut Store<Nvmc<'static>>, room: &mut FromFlash) -> Result<Lengths, embassy_nrf::nvmc::Error> {
    Ok(Lengths { session: store.session(&mut room.session)?, fault: store.fault(&mut room.fault)? })
}

impl Board {
    async fn step(&mut self, sensor: &mut Sensor<'static>) {
        self.watchdog.iter_mut().for_each(WatchdogHandle::pet);
        match sensor.poll(now()) {
            Action::Transmit(frame) => {
                fault::enter(Stage::Transmit);
                let fate = self.radio.transmit(frame.psdu.as_bytes(), Backoff::new(), MAX_RETRIES).await;
                sensor.transmitted(now(), frame.id, fate);
            }
            Action::Listen { from, until, once } => {
                fault::enter(Stage::Listen);
                let mut psdu = [0; MAX_PSDU];
                let frame = self.radio.receive(&mut psdu, Window { from: at(from), until: at(until), once }).await;
                sensor.received(now(), frame.map(|frame| &psdu[..frame.len]));
            }
            Action::Measure => {
                fault::enter(Stage::Measure);
                sensor.measured(self.sensors.sample().await);
            }
            Action::Keep(keep) => {
                // The processor stands while flash is written: nobody would stop the radio's shortcuts.
                self.radio.off().await;
                fault::enter(Stage::Flash);
                self.keep(sensor, keep);
            }
            Action::Sleep { until } => {
                self.radio.off().await;
                if Instant::now() >= WORKS {
                    fault::count(0);
                }
                let mut psdu = [0; MAX_PSDU];
                if let Some(frame) = self.radio.fetch(&mut psdu) {
                    return sensor.received(now(), Some(&psdu[..frame.len]));
                }
                fault::enter(Stage::Sleep);
                self.sleep(sensor, at(until)).await;
            }
        }
    }

    /// A node that goes on without having kept its counters would use them twice.
    fn keep(&mut self, sensor: &mut Sensor<'static>, keep: Keep) {
        let kept = match keep {
            Keep::Counters { reserved, heard } => {
                self.store.keep_counters(FrameCounters { reserved, heard, link: sensor.settings().link() })
            }
            Keep::Session => self.store.keep_session(sensor.session()),
            Keep::Settings => self.store.keep_settings(sensor.settings()),
            Keep::NoFault => self.store.keep_fault(&[]),
        };
        match kept {
            Ok(()) => sensor.kept(keep),
            Err(_) => fault::give_up(FLASH),
        }
    }

    async fn sleep(&mut self, sensor: &mut Sensor<'static>, until: Instant) {
        let until = until.min(Instant::now() + LONGEST_SLEEP);
        let Some(button) = &mut self.button else { return Timer::at(until).await };
        match select(Timer::at(until), button.wait_for_falling_edge()).await {
            Either::First(()) => {}
            Either::Second(()) => {
                sensor.press(now());
                Timer::after(DEBOUNCE).await;
            }
        }
    }
}

fn now() -> sn_types::Instant {
    sn_types::Instant::from_micros(Instant::now().as_micros())
}

/// Never before: the timer counts in ticks of 30.5 us.
#[inline(never)]
fn at(instant: sn_types::Instant) -> Instant {
    // What is too far for ticks is beyond the watchdog's pieces anyway.
    const FAR: u64 = 1 << 50;
    Instant::from_micros(instant.as_micros().min(FAR)) + Duration::from_ticks(1)
}
