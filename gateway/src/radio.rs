//! `sn-gateway radio`: what a dongle says of itself, and how loud the channels are. For a device that nobody has open.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use sn_types::{Eui64, TransportId};
use std::fmt::Write as _;
use std::future::poll_fn;
use std::time::Duration;
use tokio::time::timeout;
use transports::ieee802154::spinel::{Energy, Info};
use transports::ieee802154::{Attachment, Carriages, RadioConfig};
use transports::serial::{Device, FlowControl, Line, Parity};
use transports::{LinkEvent, RadioTransport, Transport as _};

/// How long a radio may take to start, and to listen on all channels beside the time that it listens.
const PATIENCE: Duration = Duration::from_secs(15);
/// While it is looked at it is on this channel, and in a PAN of which it hears nothing that is used.
const CHANNEL: u8 = 15;
const PAN_ID: u16 = 0xFFFE;

/// What to do with a radio.
#[derive(Debug, Subcommand)]
pub enum Radio {
    /// Say what it is: address, firmware, capabilities
    Info {
        /// Which
        #[command(flatten)]
        device: DeviceArgs,
    },
    /// Listen on each channel, and say how loud it was
    Scan {
        /// Which
        #[command(flatten)]
        device: DeviceArgs,
        /// Milliseconds on each channel
        #[arg(long, value_name = "MS", default_value_t = 500)]
        period_ms: u16,
    },
}

/// A radio's device.
#[derive(Debug, Args)]
pub struct DeviceArgs {
    /// The device, as in the configuration: a path, or usb:VENDOR:PRODUCT; no gateway may have it open
    device: Device,
    /// Its rate; USB devices take any
    #[arg(long, default_value_t = 460_800)]
    baud: u32,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// Does it, and says what came of it.
///
/// # Errors
/// There is no such device, somebody has it open, it is no radio, or it does not answer.
pub fn run(what: &Radio) -> anyhow::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match what {
            Radio::Info { device } => {
                let radio = device.open().await?;
                let info = radio.info().context("the radio has gone")?;
                Ok(if device.json { info_json(info) } else { info_text(info) })
            }
            Radio::Scan { device, period_ms } => {
                let mut radio = device.open().await?;
                let energy = scan(&mut radio, *period_ms).await?;
                Ok(if device.json { energy_json(&energy) } else { energy_text(&energy) })
            }
        }
    })
}

impl DeviceArgs {
    /// Starts the radio.
    async fn open(&self) -> anyhow::Result<RadioTransport> {
        let line = Line {
            device: self.device.clone(),
            baud: self.baud,
            parity: Parity::None,
            flow_control: FlowControl::None,
        };
        let config = RadioConfig {
            attachment: Attachment::Rcp(line),
            channel: Some(CHANNEL),
            pan_id: PAN_ID,
            short_address: None,
            tx_power_dbm: None,
            security: None,
            carriages: Carriages::Bare,
            fragment: false,
        };
        let mut radio = RadioTransport::new(TransportId(0), config)?;
        let started = timeout(PATIENCE, until(&mut radio, |radio| radio.info().map(|_| ()))).await;
        started
            .with_context(|| format!("{}: it does not answer", self.device))?
            .with_context(|| self.device.to_string())?;
        Ok(radio)
    }
}

async fn scan(radio: &mut RadioTransport, period_ms: u16) -> anyhow::Result<Vec<Energy>> {
    radio.scan(period_ms)?;
    let listens = Duration::from_millis(period_ms.into()) * 16;
    timeout(PATIENCE + listens, until(radio, RadioTransport::take_scan)).await.context("the scan does not end")?
}

/// Polls the radio until there is something to be had of it.
async fn until<T>(
    radio: &mut RadioTransport,
    mut have: impl FnMut(&mut RadioTransport) -> Option<T>,
) -> anyhow::Result<T> {
    loop {
        if let Some(had) = have(radio) {
            return Ok(had);
        }
        poll_fn(|cx| radio.poll_recv(cx)).await?;
        while let Some(event) = radio.poll_event() {
            match event {
                LinkEvent::Down(why) | LinkEvent::TurnedAway(why) => bail!("{why}"),
                LinkEvent::Up(_) | LinkEvent::Note(_) => {}
            }
        }
    }
}

fn info_text(info: &Info) -> String {
    let (major, minor) = info.protocol;
    let capabilities: Vec<String> = info.capabilities.iter().map(|capability| capability.0.to_string()).collect();
    format!(
        "address        {}\nfirmware       {}\nSpinel         {major}.{minor}\ncapabilities   {}\nsource match   {}\n",
        Eui64(info.hwaddr),
        info.version.escape_debug(),
        capabilities.join(" "),
        if info.matches_sources { "yes" } else { "no" }
    )
}

fn info_json(info: &Info) -> String {
    let (major, minor) = info.protocol;
    let capabilities: Vec<u32> = info.capabilities.iter().map(|capability| capability.0).collect();
    let value = json!({
        "address": Eui64(info.hwaddr).to_string(),
        "firmware": info.version,
        "spinel": format!("{major}.{minor}"),
        "capabilities": capabilities,
        "source_match": info.matches_sources,
    });
    format!("{value}\n")
}

fn energy_text(energy: &[Energy]) -> String {
    let mut text = "CHANNEL   LOUDEST\n".to_owned();
    for Energy { channel, dbm } in energy {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{channel:<7}  {dbm:>4} dBm");
    }
    text
}

fn energy_json(energy: &[Energy]) -> String {
    let rows: Vec<_> = energy.iter().map(|Energy { channel, dbm }| json!({"channel": channel, "dbm": dbm})).collect();
    format!("{}\n", json!(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_a_table_or_a_list() {
        let energy = [Energy { channel: 11, dbm: -98 }, Energy { channel: 26, dbm: -7 }];
        assert_eq!(energy_text(&energy), "CHANNEL   LOUDEST\n11        -98 dBm\n26         -7 dBm\n");
        assert_eq!(energy_json(&energy), "[{\"channel\":11,\"dbm\":-98},{\"channel\":26,\"dbm\":-7}]\n");
    }
}
