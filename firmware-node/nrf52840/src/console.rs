//! The console: a serial line of 115,200 baud.

use crate::fault::{self, Stage};
use config_page::Settings;
use embassy_futures::select::{Either, select};
use embassy_nrf::nvmc::Nvmc;
use embassy_nrf::uarte::{self, Uarte, UarteTx};
use embassy_nrf::wdt::WatchdogHandle;
use embassy_time::{Duration, Instant, Timer};
use node_app::console::{Console, Reply, shown};
use node_store::Store;

const FEED: Duration = Duration::from_secs(10);

/// A node that knows its settings goes on with them after so much silence: its button may be stuck.
const PATIENCE: Duration = Duration::from_secs(600);

/// Takes settings until they are saved, then starts anew. Returns when nobody says anything although the old ones will do.
pub(crate) async fn run(
    line: Uarte<'static>,
    store: &mut Store<Nvmc<'static>>,
    settings: Settings,
    watchdog: &mut Option<WatchdogHandle>,
) {
    fault::enter(Stage::Console);
    let is_node = settings.check().is_ok();
    let mut until = Instant::now() + PATIENCE;
    let mut console = Console::new(settings);
    let (mut out, mut rx) = line.split();
    let mut octet = [0];
    loop {
        watchdog.iter_mut().for_each(WatchdogHandle::pet);
        match select(rx.read(&mut octet), Timer::after(FEED)).await {
            Either::First(Ok(())) => {}
            // A break, or too fast: the line tells.
            Either::First(Err(_)) | Either::Second(()) if is_node && Instant::now() >= until => return,
            Either::First(Err(_)) | Either::Second(()) => continue,
        }
        let Some(reply) = console.push(octet[0]) else { continue };
        until = Instant::now() + PATIENCE;
        // The line has no way to say that it does not work.
        let _ = match reply {
            Reply::Ok => say(&mut out, ["ok"]),
            Reply::Error(error) => {
                let [name, what] = error.parts();
                say(&mut out, ["error: ", name, what])
            }
            Reply::Show => say(&mut out, [&shown(console.settings()), "ok"]),
            Reply::Save => match store.keep_settings(console.settings()) {
                Ok(()) => {
                    let _ = say(&mut out, ["saved"]);
                    fault::restart()
                }
                Err(_) => say(&mut out, ["error: the flash cannot be written"]),
            },
        };
    }
}

fn say<const N: usize>(line: &mut UarteTx<'static>, parts: [&str; N]) -> Result<(), uarte::Error> {
    parts.into_iter().chain(["\r\n"]).try_for_each(|part| line.blocking_write(part.as_bytes()))
}
