//! The console: a serial line of 115,200 baud.

use crate::fault::{self, Stage};
use config_page::Settings;
use core::fmt::Write;
use embassy_futures::select::{Either, select};
use embassy_nrf::nvmc::Nvmc;
use embassy_nrf::uarte::Uarte;
use embassy_nrf::wdt::WatchdogHandle;
use embassy_time::{Duration, Timer};
use node_app::console::{Console, Reply, Shown};
use node_store::Store;

const FEED: Duration = Duration::from_secs(10);

/// Takes settings until they are saved, then starts anew.
pub(crate) async fn run(
    line: Uarte<'static>,
    mut store: Store<Nvmc<'static>>,
    settings: Settings,
    mut watchdog: Option<WatchdogHandle>,
) -> ! {
    fault::enter(Stage::Console);
    let mut console = Console::new(settings);
    let (tx, mut rx) = line.split();
    let mut out = Out(tx);
    let mut octet = [0];
    loop {
        watchdog.iter_mut().for_each(WatchdogHandle::pet);
        match select(rx.read(&mut octet), Timer::after(FEED)).await {
            Either::First(Ok(())) => {}
            // A break, or too fast: the line tells.
            Either::First(Err(_)) | Either::Second(()) => continue,
        }
        let Some(reply) = console.push(octet[0]) else { continue };
        // The line has no way to say that it does not work.
        let _ = match reply {
            Reply::Ok => writeln!(out, "ok\r"),
            Reply::Error(error) => writeln!(out, "error: {error}\r"),
            Reply::Show => writeln!(out, "{}ok\r", Shown(console.settings())),
            Reply::Save => match store.keep_settings(console.settings()) {
                Ok(()) => {
                    let _ = writeln!(out, "saved\r");
                    fault::restart()
                }
                Err(_) => writeln!(out, "error: the flash cannot be written\r"),
            },
        };
    }
}

struct Out(embassy_nrf::uarte::UarteTx<'static>);

impl Write for Out {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.0.blocking_write(text.as_bytes()).map_err(|_| core::fmt::Error)
    }
}
